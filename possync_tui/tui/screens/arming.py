"""Asks before missing positions may be closed."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Button

from possync_tui.tui.format import counted
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.tones import Tone, say

TITLE = "Let syncs close missing positions?"


class ArmingDialog(Dialog[bool]):
    """`y` arms; anything else leaves things as they are."""

    about = (
        "Armed, syncs may close what the broker leaves out of complete snapshots. Off, such a "
        "position stays MISSING until closing fills, a statement or your word settle it."
    )
    keys_told = (("y", "Arm for an hour"), ("n esc", "Leave it off"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Arm for an hour"),
        Binding("n,m,q", "cancel", "Leave it off", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, missing: int, *, is_connected: bool) -> None:
        offline = (
            ""
            if is_connected
            else "TWS is not connected: nothing is closed before it is, and before complete "
            "snapshots from then on leave a position out.\n\n"
        )
        now = (
            "No position is missing now."
            if not missing
            else f"{counted(missing, 'position is', 'positions are')} missing now."
        )
        super().__init__(
            TITLE,
            say(
                "For one hour, a position that the broker leaves out of complete snapshots "
                "(at least two, a minute or more apart, on an unbroken connection) is booked as "
                "closed. When many disappear at once they are still held for review.\n\n",
                (offline, Tone.WARNING),
                (now, Tone.WARNING if missing else Tone.DIM),
                (" It disarms by itself after the hour, or when the session is lost.", Tone.DIM),
            ),
        )

    def buttons(self) -> list[Button]:
        return [
            Button("Leave it off  (n)", id="no", compact=True),
            Button("Arm for an hour  (y)", id="yes", variant="warning", compact=True),
        ]

    def on_mount(self) -> None:
        # Enter must not arm by habit.
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(True if event.button.id == "yes" else None)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
