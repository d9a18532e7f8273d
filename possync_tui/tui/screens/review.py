"""Review: what is held, why, and what your word would do."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input

from possync_tui.domain.plan import HoldKind
from possync_tui.domain.views import HoldView
from possync_tui.tui.actions import bindings
from possync_tui.tui.columns import Cell, Column, by_text
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import ago, clean, moment
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.screens.table_screen import TableScreen, labelled
from possync_tui.tui.side_deeds import REVIEW_DEEDS
from possync_tui.tui.tones import Tone, lines, say

# What accepting does, and what keeping does, by the kind of hold.
MEANINGS = {
    HoldKind.MISSING.value: (
        "the position is booked as closed, by your word; without closing fills its realized "
        "amount stays unknown",
        "it stays on the books as MISSING until the broker lists it again or a closing fill comes",
    ),
    HoldKind.BULK_MISSING.value: (
        "all these positions are booked as closed, by your word",
        "they all stay on the books; nothing closes",
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
        Column("message", "Why", lambda h: Cell(desk.shown.text(h.message)), least=12, most=120),
    )


def _name(desk: Desk, hold: HoldView) -> str:
    return clean(hold.symbol) or ("–" if hold.con_id is None else f"contract {hold.con_id}")


def _flag(hold: HoldView) -> Cell:
    return Cell("⚑", Tone.WARNING) if hold.status == "held" else Cell("·", Tone.DIM)


class DecisionDialog(Dialog[str]):
    """Asks for a note; the answer is the note, which may be empty."""

    def __init__(self, desk: Desk, hold: HoldView, *, accept: bool) -> None:
        does = MEANINGS.get(hold.kind, UNKNOWN_MEANING)[0 if accept else 1]
        word = "Accept" if accept else "Keep as it is"
        name = _name(desk, hold)
        super().__init__(
            f"{word}: {clean(hold.kind).replace('_', ' ')} {name}",
            say(
                desk.shown.text(hold.message),
                "\n\n",
                (f"{word}: {does}.", Tone.WARNING if accept else Tone.PLAIN),
            ),
        )
        self._is_accepting = accept

    def body(self) -> list[Widget]:
        return [Input(placeholder="a note for the journal (may be empty)", compact=True)]

    def buttons(self) -> list[Button]:
        label = "Accept  (enter)" if self._is_accepting else "Keep  (enter)"
        return [
            Button("Cancel  (esc)", id="no", compact=True),
            Button(
                label,
                id="yes",
                variant="warning" if self._is_accepting else "primary",
                compact=True,
            ),
        ]

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(self.query_one(Input).value if event.button.id == "yes" else None)


class ReviewScreen(TableScreen[HoldView]):
    """One by one: look at the evidence, then accept or keep, with a note."""

    name_of_reading = "reading holds"
    own_deeds = REVIEW_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(REVIEW_DEEDS)

    class Decided(Message):
        """The user's word on a hold."""

        def __init__(self, hold: HoldView, *, accept: bool, note: str) -> None:
            super().__init__()
            self.hold = hold
            self.accept = accept
            self.note = note

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "Review", hold_columns(desk), key=lambda hold: hold.id, flag=_flag)

    async def read(self) -> Sequence[HoldView]:
        holds = await self.desk.engine.reads.holds()
        return sorted(holds, key=lambda hold: (hold.status != "held", -hold.id))

    def show_ledger(self) -> None:
        super().show_ledger()
        self.start_reading()

    def empty_text(self) -> str:
        return "Nothing is held. Whatever needs your word will wait here, and close nothing."

    def subtitle(self, rows: Sequence[HoldView]) -> Content:
        held = sum(1 for hold in rows if hold.status == "held")
        kept = len(rows) - held
        text = f"{held} held" + (f" · {kept} kept" if kept else "")
        return say((text, Tone.WARNING if held else Tone.DIM))

    def detail_of(self, row: HoldView) -> Content:
        shown = self.desk.shown
        accept, keep = MEANINGS.get(row.kind, UNKNOWN_MEANING)
        facts = [
            ("evidence", shown.text(row.evidence) or "–"),
            ("since", ago(self.desk.seconds_since(row.raised_at))),
            ("A accept", f"{accept}."),
            ("K keep", f"{keep}."),
        ]
        if row.note:
            facts.append(("note", shown.text(row.note)))
        told = labelled(*facts, room=self.size.width - 7)
        return lines(say((shown.text(row.message), Tone.STRONG)), say(""), told)

    def action_decide(self, accept: bool) -> None:
        """Ask for a note, then send the word on its way."""
        hold = self.table.cursor_row
        if hold is None:
            return
        if self.desk.engine.is_read_only:
            self.notify("Read-only: another instance writes this ledger.", markup=False)
            return

        def decided(note: str | None) -> None:
            if note is not None:
                self.post_message(self.Decided(hold, accept=accept, note=note))

        self.app.push_screen(DecisionDialog(self.desk, hold, accept=accept), decided)
