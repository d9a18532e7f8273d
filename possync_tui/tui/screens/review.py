"""Review: what is held, why, and what your word would do."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from possync_tui.domain.bulk_holds import message_now, still_gone, views_of
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.views import HoldView, PositionView
from possync_tui.domain.word import BadPrice, Word, parse_price, why_unfit
from possync_tui.tui.actions import DECISION_DEEDS, REVIEW_DEEDS, bindings
from possync_tui.tui.columns import Cell, Column, by_text
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import ago, clean, counted, moment
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.screens.table_screen import TableScreen, labelled
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.plain_table import PlainTable

# What accepting does, and what keeping does, by the kind of hold.
MEANINGS = {
    HoldKind.MISSING.value: (
        "the position is booked as closed, by your word, at the price that you name; without one "
        "its realized amount stays unknown. If it was moved to another account or broker, book it "
        "as a transfer: no amount is realized here then, and P&L counts it as unknown",
        "it stays on the books as MISSING until the broker lists it again or a closing fill comes",
    ),
    HoldKind.BULK_MISSING.value: (
        "each that is still gone is booked as closed, by your word, without a price: what it "
        "realized stays unknown",
        "they all stay on the books; nothing closes",
    ),
    HoldKind.SAME_HOLDING.value: (
        "the old position ends and its lots, with cost and opening times, go on under the new "
        "contract; nothing is realized",
        "they are two holdings; the old one stays MISSING, or closes on evidence",
    ),
    HoldKind.CORPORATE_ACTION.value: (
        "it is noted as seen; nothing of it is booked",
        "it stays here; nothing of it is booked",
    ),
    HoldKind.STATEMENT_GAP.value: (
        "it is noted as seen; the older fills stay unused",
        "it stays here; the older fills stay unused",
    ),
    HoldKind.NEW_ACCOUNT.value: (
        "this account is synced into this ledger from now on",
        "its positions stay out of this ledger",
    ),
    HoldKind.COMBINATION.value: (
        "the row is left out for good; the legs are booked by themselves",
        "the row stays here; nothing of it is booked",
    ),
    HoldKind.NO_CONTRACT_ID.value: (
        "the row is left out for good: a position needs a contract id",
        "the row stays here; nothing of it is booked",
    ),
}
TOGETHER = {
    HoldKind.MISSING.value: "each is booked as closed, by your word, without a price: what it "
    "realized stays unknown",
}
"""What accepting several at once does, where that is not what it does to one by itself."""
AS_TRANSFER = (
    "If all of them were moved to another account or broker, book them as transfers: that realizes "
    "nothing."
)
NAMES_SHOWN = 8
UNKNOWN_MEANING = ("it is carried out with the next sync", "nothing changes")


def hold_columns(desk: Desk) -> tuple[Column[HoldView], ...]:
    """The columns of the hold table."""
    return (
        Column(
            "kind",
            "Kind",
            lambda h: Cell(clean(h.kind).replace("_", " "), Tone.WARNING),
            most=16,
            order=lambda h: by_text(h.kind),
        ),
        Column(
            "symbol",
            "Position",
            lambda h: Cell(_name(desk, h), Tone.STRONG),
            least=8,
            most=22,
            order=lambda h: by_text(h.symbol),
        ),
        Column(
            "account",
            "Account",
            lambda h: Cell(desk.shown.account(h.account), Tone.DIM),
            rank=2,
            most=12,
            order=lambda h: by_text(h.account),
        ),
        Column(
            "raised",
            "Since",
            lambda h: Cell(moment(h.raised_at, desk.clock.now()), Tone.DIM),
            rank=1,
        ),
        Column("status", "Status", lambda h: Cell(clean(h.status), Tone.DIM), rank=3, most=10),
        Column("message", "Why", lambda h: Cell(_why(desk, h)), least=12, most=120),
    )


def _name(desk: Desk, hold: HoldView) -> str:
    if len(hold.con_ids) > 1 and not hold.symbol:
        views, whole = (
            views_of(hold, desk.picture.positions),
            counted(len(hold.con_ids), "position"),
        )
        gone = len(still_gone(views, hold))
        return whole if not views or gone == len(hold.con_ids) else f"{gone} of {whole}"
    return clean(hold.symbol) or ("–" if hold.con_id is None else f"contract {hold.con_id}")


def _why(desk: Desk, hold: HoldView) -> str:
    return desk.shown.story(message_now(hold, views_of(hold, desk.picture.positions)))


def _flag(hold: HoldView) -> Cell:
    return Cell("⚑", Tone.WARNING) if hold.status == "held" else Cell("·", Tone.DIM)


class DecisionDialog(Dialog[Word]):
    """Asks for a note, and for how a missing position ended; the answer is the user's word."""

    about = "Your word on what is held. It is journaled with your note, and is not asked for again."
    own_deeds = DECISION_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(DECISION_DEEDS)

    def __init__(self, desk: Desk, holds: Sequence[HoldView], *, accept: bool) -> None:
        word = "Accept" if accept else "Keep as it is"
        what = f"all {len(holds)}" if len(holds) > 1 else _title(desk, holds[0])
        tone = Tone.WARNING if accept else Tone.PLAIN
        self._transfer_key = desk.key_of("transfer")
        self._may_have_price = accept and len(holds) == 1 and holds[0].kind == HoldKind.MISSING
        self._may_be_transfer = accept and all(
            hold.kind in (HoldKind.MISSING, HoldKind.BULK_MISSING) for hold in holds
        )
        told: list[Content] = []
        for kind, same in _by_kind(holds).items():
            does = MEANINGS.get(kind, UNKNOWN_MEANING)[0 if accept else 1]
            if accept and len(holds) > 1:
                does = TOGETHER.get(kind, does)
            if len(holds) == 1:
                told += [say(_why(desk, same[0])), say("")]
            else:
                told.append(say((_names(desk, same), Tone.STRONG)))
            told += [say((f"{word}: {does}.", tone)), say("")]
        if self._may_be_transfer and not self._may_have_price:
            told += [say((AS_TRANSFER, tone)), say("")]
        super().__init__(f"{word}: {what}", lines(*told[:-1]))
        if self._may_be_transfer:
            self.keys_told = ((self._transfer_key, DECISION_DEEDS[0].help), *self.keys_told)
        self._is_accepting = accept
        views = views_of(holds[0], desk.picture.positions)
        self._sec_type = views[0].sec_type if views else ""

    def body(self) -> list[Widget]:
        note = Input(placeholder="a note for the journal (may be empty)", id="note", compact=True)
        if not self._may_have_price:
            return [note]
        return [
            note,
            Input(placeholder="closed at this price (empty: unknown)", id="price", compact=True),
            Static("", id="wrong", markup=False),
        ]

    def buttons(self) -> list[Button]:
        label = "Accept  (enter)" if self._is_accepting else "Keep  (enter)"
        name = f"It is a transfer  ({self._transfer_key})"
        transfer = [Button(name, id="transfer", compact=True)]
        return [
            Button("Cancel  (esc)", id="no", compact=True),
            *(transfer if self._may_be_transfer else []),
            Button(
                label,
                id="yes",
                variant="warning" if self._is_accepting else "primary",
                compact=True,
            ),
        ]

    def on_mount(self) -> None:
        self.query_one("#note", Input).focus()

    def on_input_submitted(self) -> None:
        self._answer(is_transfer=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        else:
            self._answer(is_transfer=event.button.id == "transfer")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._may_be_transfer if action == "transfer" else True

    def action_transfer(self) -> None:
        self._answer(is_transfer=True)

    def _answer(self, *, is_transfer: bool) -> None:
        note = self.query_one("#note", Input).value
        said = self.query_one("#price", Input).value.strip() if self._may_have_price else ""
        try:
            price = parse_price(said) if said else None
        except BadPrice as bad:
            self._say(str(bad))
            return
        word = Word(self._is_accepting, note, price, is_transfer)
        unfit = why_unfit(word, HoldKind.MISSING, self._sec_type) if self._may_have_price else None
        if unfit is not None:
            self._say(unfit)
            return
        self.dismiss(word)

    def _say(self, wrong: str) -> None:
        self.query_one("#wrong", Static).update(Content.styled(wrong, "$text-warning"))


def _title(desk: Desk, hold: HoldView) -> str:
    return f"{clean(hold.kind).replace('_', ' ')} {_name(desk, hold)}"


def _by_kind(holds: Sequence[HoldView]) -> dict[str, list[HoldView]]:
    found: dict[str, list[HoldView]] = {}
    for hold in holds:
        found.setdefault(hold.kind, []).append(hold)
    return found


def _names(desk: Desk, holds: Sequence[HoldView]) -> str:
    """`MISSING: TSLA, IBM and 3 more`, so that nobody decides on what he did not see."""
    names = [_name(desk, hold) for hold in holds[:NAMES_SHOWN]]
    more = f" and {len(holds) - NAMES_SHOWN} more" if len(holds) > NAMES_SHOWN else ""
    return f"{clean(holds[0].kind).replace('_', ' ')}: {', '.join(names)}{more}"


class HoldTable(PlainTable[HoldView]):
    """What is held; enter shows what it rests on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Evidence", id="evidence")]


class ReviewScreen(TableScreen[HoldView]):
    """One by one or together: look at the evidence, then accept or keep, with a note."""

    name_of_reading = "reading holds"
    about = (
        "What no sync decides without you. Look at the evidence, then accept it or keep things as "
        "they are; your word and your note are journaled. Nothing closes before."
    )
    own_deeds = REVIEW_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(REVIEW_DEEDS[:-1])

    class Decided(Message):
        """The user's word on holds."""

        def __init__(self, holds: Sequence[HoldView], word: Word) -> None:
            super().__init__()
            self.holds = tuple(holds)
            self.word = word

    class EvidenceAsked(Message):
        """The user wants to see the positions that are held."""

        def __init__(self, views: Sequence[PositionView]) -> None:
            super().__init__()
            self.views = tuple(views)

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            "Review",
            hold_columns(desk),
            key=lambda hold: hold.id,
            flag=_flag,
            table_type=HoldTable,
        )

    async def read(self) -> Sequence[HoldView]:
        holds = await self.desk.engine.reads.holds()
        account = self.desk.account
        mine = None if account is None else account.code
        # Those of the account that is looked at first; none is hidden, since each needs a word.
        return sorted(
            holds, key=lambda h: (h.status != "held", mine not in (None, h.account), -h.id)
        )

    def show_ledger(self) -> None:
        super().show_ledger()
        self.start_reading()

    def empty_text(self) -> str:
        return "Nothing is held. Whatever needs your word will wait here, and close nothing."

    def subtitle(self, rows: Sequence[HoldView]) -> Content:
        held = sum(1 for hold in rows if hold.status == "held")
        kept = len(rows) - held
        here = self.desk.held_here
        text = f"{held} held" + (f" · {here}" if here else "") + (f" · {kept} kept" if kept else "")
        return say((text, Tone.WARNING if held else Tone.DIM))

    def detail_of(self, row: HoldView) -> Content:
        shown = self.desk.shown
        accept, keep = MEANINGS.get(row.kind, UNKNOWN_MEANING)
        views = views_of(row, self.desk.picture.positions)
        several = still_gone(views, row) if len(row.con_ids) > 1 else []
        names = ", ".join(clean(view.description or view.symbol) for view in several)
        facts = [
            *([("positions", names)] if names else []),
            ("evidence", shown.story(row.evidence) or "–"),
            ("since", ago(self.desk.seconds_since(row.raised_at))),
            (f"{self.desk.key_of('accept')} accept", f"{accept}."),
            (f"{self.desk.key_of('keep')} keep", f"{keep}."),
        ]
        if row.note:
            facts.append(("note", shown.text(row.note)))
        told = labelled(*facts, room=self.size.width - 7)
        return lines(say((_why(self.desk, row), Tone.STRONG)), say(""), told)

    def action_decide(self, accept: bool) -> None:
        """Ask how and why, then send the word on its way."""
        hold = self.table.cursor_row
        if hold is not None:
            self._ask([hold], accept)
        else:
            self._say_nothing_held()

    def action_decide_all(self, accept: bool) -> None:
        """One word on everything that still waits for one."""
        held = [hold for hold in self.table.rows if hold.status == "held"]
        if held:
            self._ask(held, accept)
        else:
            self._say_nothing_held()

    def _say_nothing_held(self) -> None:
        said = "Nothing is held." if self.has_read else "What is held is still being read."
        self.notify(said, markup=False, timeout=3)

    def _ask(self, holds: Sequence[HoldView], accept: bool) -> None:
        if self.desk.engine.is_read_only:
            self.notify("Read-only: another instance writes this ledger.", markup=False)
            return

        def decided(word: Word | None) -> None:
            if word is not None:
                self.post_message(self.Decided(holds, word))

        self.app.push_screen(DecisionDialog(self.desk, holds, accept=accept), decided)

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        hold = self.table.cursor_row
        if hold is None:
            return
        views = views_of(hold, self.desk.picture.positions)
        if views:
            self.post_message(self.EvidenceAsked(views))
        else:
            self.notify("The ledger has no position of this; the evidence is below.", markup=False)
