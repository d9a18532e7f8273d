"""Asks for the first and the last day to look at."""

from datetime import date

from textual.widget import Widget
from textual.widgets import Button, Input

from possync_tui.domain.periods import Period, Span, parse_day
from possync_tui.tui.screens.dialog import Dialog, Remark, field
from possync_tui.tui.tones import Tone, say


class PeriodDialog(Dialog[Period]):
    """Both days are included; an empty one has no end on that side."""

    about = "Days of your time zone, both included; without a first or a last one it has no end."

    def __init__(self, shown: Period) -> None:
        super().__init__(
            "Realized from … to …",
            say(
                "Days as 2026-01-31 or 31.1.2026, both included, in your time zone. ",
                ("Empty is without an end.", Tone.DIM),
            ),
        )
        self._shown = shown
        self._remark = Remark()

    def body(self) -> list[Widget]:
        first, last = self._shown.first, self._shown.last
        return [
            field(
                ("from", Input(first.isoformat() if first else "", id="from", compact=True)),
                ("to", Input(last.isoformat() if last else "", id="to", compact=True)),
            ),
            self._remark,
        ]

    def buttons(self) -> list[Button]:
        return [
            Button("Cancel  (esc)", id="no", compact=True),
            Button("Show  (enter)", id="yes", variant="primary", compact=True),
        ]

    def on_mount(self) -> None:
        self.query_one("#from", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "from":
            if self._days_of("from") is not None:
                self._remark.complain("")
                self.query_one("#to", Input).focus()
        else:
            self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._answer()
        else:
            self.dismiss(None)

    def _answer(self) -> None:
        begin = self._days_of("from")
        end = None if begin is None else self._days_of("to")
        if begin is None or end is None:
            return
        (first,), (last,) = begin, end
        if first and last and last < first:
            self._remark.complain("the last day is before the first one")
            return
        self.dismiss(Period(Span.CUSTOM, first, last))

    def _days_of(self, name: str) -> tuple[date | None] | None:
        """The day in a box, or none where that is empty; `None` for no day, after saying so."""
        box = self.query_one(f"#{name}", Input)
        try:
            return (parse_day(box.value) if box.value.strip() else None,)
        except ValueError:
            self._remark.complain(f"“{name}” is not a day: write it as 2026-01-31")
            box.focus()
            return None
