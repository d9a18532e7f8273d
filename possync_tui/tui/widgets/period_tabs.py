"""The stretches of time to choose from, on one line; a click is the key."""

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from possync_tui.domain.periods import Span
from possync_tui.tui.key_names import key_name
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.tones import Tone, say

SPANS: tuple[tuple[Span, str], ...] = (
    (Span.DAY, "Day"),
    (Span.WEEK, "Week"),
    (Span.MONTH, "Month"),
    (Span.QUARTER, "Quarter"),
    (Span.YEAR, "Year"),
    (Span.ALL, "All"),
    (Span.CUSTOM, "From–to"),
)


class PeriodTabs(Widget):
    """`1 Day  2 Week  3 Month …`, and the way to the stretches before and after."""

    ALLOW_SELECT = False

    class Chosen(Message):
        """A stretch was clicked."""

        def __init__(self, span: Span) -> None:
            super().__init__()
            self.span = span

    class Stepped(Message):
        """The way back or forth was clicked."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, keymap: Keymap) -> None:
        super().__init__(id="pnl-spans")
        self._keys = tuple(keymap.names(f"span-{number}") for number in range(1, len(SPANS) + 1))
        self._back, self._forth = keymap.of("earlier")[0], keymap.of("later")[0]
        self._current = Span.ALL
        self._spots: list[tuple[int, int, Span | int]] = []

    def show(self, current: Span) -> None:
        if current is not self._current:
            self._current = current
            self.refresh()

    def render(self) -> Content:
        self._spots = []
        gap = "   " if self.size.width > 100 else "  "
        pieces: list[Content] = []
        x = 0
        for key, (span, name) in zip(self._keys, SPANS, strict=True):
            is_current = span is self._current
            text = say((f"{key} ", Tone.DIM), (name, Tone.TITLE if is_current else Tone.DIM))
            self._spots.append((x, x + text.cell_length, span))
            x += text.cell_length + len(gap)
            pieces.append(text)
        if self._current is not Span.ALL:
            back, forth = key_name(self._back), key_name(self._forth)
            earlier, later = f"{back} earlier", f"later {forth}"
            has_room = x + len(earlier) + len(gap) + len(later) <= self.size.width
            for words, sign, by in ((earlier, back, -1), (later, forth, 1)):
                shown = words if has_room else sign
                self._spots.append((x, x + len(shown), by))
                x += len(shown) + len(gap)
                pieces.append(say((shown, Tone.ACCENT)))
        return Content(gap).join(pieces)

    def on_click(self, event: events.Click) -> None:
        for start, end, what in self._spots:
            if start <= event.x <= end:
                self.post_message(
                    self.Chosen(what) if isinstance(what, Span) else self.Stepped(what)
                )
                return
