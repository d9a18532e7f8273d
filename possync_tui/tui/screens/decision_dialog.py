"""Asks for the user's word on what is held."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input

from possync_tui.domain.bulk_holds import message_now, still_gone, views_of
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.views import HoldView
from possync_tui.domain.word import BadPrice, Word, parse_price, why_unfit
from possync_tui.tui.actions import DECISION_DEEDS, bindings
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import clean, counted
from possync_tui.tui.screens.dialog import Dialog, Remark, field
from possync_tui.tui.tones import Tone, lines, say

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


def name_of(desk: Desk, hold: HoldView) -> str:
    if len(hold.con_ids) > 1 and not hold.symbol:
        views = views_of(hold, desk.picture.positions)
        gone, whole = len(still_gone(views, hold)), counted(len(hold.con_ids), "position")
        return whole if not views or gone == len(hold.con_ids) else f"{gone} of {whole}"
    return clean(hold.symbol) or ("–" if hold.con_id is None else f"contract {hold.con_id}")


def why(desk: Desk, hold: HoldView) -> str:
    return desk.shown.story(message_now(hold, views_of(hold, desk.picture.positions)))


class DecisionDialog(Dialog[Word]):
    """Asks for a note, and for how a missing position ended; the answer is the user's word."""

    about = "Your word on what is held. It is journaled with your note, and is not asked for again."
    own_deeds = DECISION_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(DECISION_DEEDS)

    def __init__(
        self, desk: Desk, holds: Sequence[HoldView], *, accept: bool, of_accounts: str = ""
    ) -> None:
        """`of_accounts` says how many they are of which accounts, where that has to be said."""
        word = "Accept" if accept else "Keep as it is"
        what = f"all {len(holds)}" if len(holds) > 1 else _title(desk, holds[0])
        tone = Tone.WARNING if accept else Tone.PLAIN
        self._transfer_key = desk.key_of("transfer")
        self._may_have_price = accept and len(holds) == 1 and holds[0].kind == HoldKind.MISSING
        self._may_be_transfer = accept and all(
            hold.kind in (HoldKind.MISSING, HoldKind.BULK_MISSING) for hold in holds
        )
        told: list[Content] = [say(of_accounts), say("")] if of_accounts else []
        for kind, same in _by_kind(holds).items():
            does = MEANINGS.get(kind, UNKNOWN_MEANING)[0 if accept else 1]
            if accept and len(holds) > 1:
                does = TOGETHER.get(kind, does)
            if len(holds) == 1:
                told += [say(why(desk, same[0])), say("")]
            else:
                told.append(say((_names(desk, same), Tone.STRONG)))
            told += [say((f"{word}: {does}.", tone)), say("")]
        if self._may_be_transfer and not self._may_have_price:
            told += [say((AS_TRANSFER, tone)), say("")]
        super().__init__(f"{word}: {what}", lines(*told[:-1]))
        if self._may_be_transfer:
            self.keys_told = ((self._transfer_key, DECISION_DEEDS[0].help), *self.keys_told)
        self._is_accepting = accept
        self._remark = Remark()
        self._was_warned = False
        views = views_of(holds[0], desk.picture.positions)
        self._sec_type = views[0].sec_type if views else ""

    def body(self) -> list[Widget]:
        note = Input(placeholder="for the journal (may be empty)", id="note", compact=True)
        price = Input(placeholder="it closed at (empty: unknown)", id="price", compact=True)
        if not self._may_have_price:
            return [field(("note", note))]
        return [field(("note ", note)), field(("price", price)), self._remark]

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

    def on_input_changed(self) -> None:
        self._remark.complain("")

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
            self._remark.complain(str(bad))
            return
        if price is None and self._may_have_price and not is_transfer and not self._was_warned:
            self._was_warned = True
            self.query_one("#price", Input).focus()
            self._remark.complain(
                "no price: what it realized stays unknown; enter once more books it"
            )
            return
        word = Word(self._is_accepting, note, price, is_transfer)
        unfit = why_unfit(word, HoldKind.MISSING, self._sec_type) if self._may_have_price else None
        if unfit is not None:
            self._remark.complain(unfit)
            return
        self.dismiss(word)


def _title(desk: Desk, hold: HoldView) -> str:
    return f"{clean(hold.kind).replace('_', ' ')} {name_of(desk, hold)}"


def _by_kind(holds: Sequence[HoldView]) -> dict[str, list[HoldView]]:
    found: dict[str, list[HoldView]] = {}
    for hold in holds:
        found.setdefault(hold.kind, []).append(hold)
    return found


def _names(desk: Desk, holds: Sequence[HoldView]) -> str:
    """`MISSING: TSLA, IBM and 3 more`, so that nobody decides on what he did not see."""
    names = [name_of(desk, hold) for hold in holds[:NAMES_SHOWN]]
    more = f" and {len(holds) - NAMES_SHOWN} more" if len(holds) > NAMES_SHOWN else ""
    return f"{clean(holds[0].kind).replace('_', ' ')}: {', '.join(names)}{more}"
