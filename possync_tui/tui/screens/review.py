"""Review: what is held, why, and what your word would do."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from possync_tui.domain.bulk_holds import still_gone, views_of
from possync_tui.domain.views import HoldView, PositionView
from possync_tui.domain.word import Word
from possync_tui.tui.actions import REVIEW_DEEDS, bindings
from possync_tui.tui.columns import Cell, Column, by_label, by_text
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import ago, clean, moment
from possync_tui.tui.screens.decision_dialog import (
    MEANINGS,
    UNKNOWN_MEANING,
    DecisionDialog,
    name_of,
    why,
)
from possync_tui.tui.screens.table_screen import TableScreen, labelled
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.plain_table import PlainTable


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
            lambda h: Cell(name_of(desk, h), Tone.STRONG),
            least=8,
            most=22,
            order=lambda h: by_label(h.symbol),
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
        Column("message", "Why", lambda h: Cell(why(desk, h)), least=12, most=120),
    )


def _flag(hold: HoldView) -> Cell:
    return Cell("⚑", Tone.WARNING) if hold.status == "held" else Cell("·", Tone.DIM)


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
        return lines(say((why(self.desk, row), Tone.STRONG)), say(""), told)

    def action_decide(self, accept: bool) -> None:
        """Ask how and why, then send the word on its way."""
        hold = self.table.cursor_row
        if hold is not None:
            self._ask([hold], accept)
        else:
            self._say_nothing_held()

    def action_decide_all(self, accept: bool) -> None:
        """One word on everything that still waits for one."""
        account = self.desk.account
        held = [hold for hold in self.table.rows if hold.status == "held"]
        here = [hold for hold in held if account is None or hold.account == account.code]
        if here:
            self._ask(here, accept, self._of_accounts(here, left=len(held) - len(here)))
        else:
            self._say_nothing_held(elsewhere=len(held))

    def _of_accounts(self, holds: Sequence[HoldView], *, left: int) -> str:
        """`3 of DU1 and 1 of DU2.`, and what is left of others; empty where there is one."""
        desk = self.desk
        if len(desk.account_codes()) < 2:
            return ""
        counts = Counter(desk.shown.account(hold.account) for hold in holds)
        parts = [f"{number} of {code or 'no account'}" for code, number in sorted(counts.items())]
        said = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) + "."
        if left:
            said += f" {left} of other accounts stay{'s' if left == 1 else ''} held."
        return said

    def _say_nothing_held(self, *, elsewhere: int = 0) -> None:
        said = "Nothing is held." if self.has_read else "What is held is still being read."
        if elsewhere:
            other = self.desk.key_of("account")
            said = f"Nothing is held in this account, {elsewhere} in others: {other} goes there."
        self.notify(said, markup=False, timeout=3)

    def _ask(self, holds: Sequence[HoldView], accept: bool, of_accounts: str = "") -> None:
        if self.desk.engine.is_read_only:
            self.notify(self.desk.read_only_sentence, severity="warning", markup=False)
            return

        def decided(word: Word | None) -> None:
            if word is not None:
                self.post_message(self.Decided(holds, word))

        dialog = DecisionDialog(self.desk, holds, accept=accept, of_accounts=of_accounts)
        self.app.push_screen(dialog, decided)

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        hold = self.table.cursor_row
        if hold is None:
            return
        views = views_of(hold, self.desk.picture.positions)
        if views:
            self.post_message(self.EvidenceAsked(views))
        else:
            self.notify("The ledger has no position of this; the evidence is below.", markup=False)
