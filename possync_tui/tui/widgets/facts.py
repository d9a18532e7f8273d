"""A quiet list of facts, label and value: what the Sync stats and Connection panes are made of."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from possync_tui.tui.format import wrap
from possync_tui.tui.tones import Tone, lines, say

LABEL_WIDTH = 11
MOST_ROWS = 3
Fact = tuple[str, Content]

_BARS = "▁▂▃▄▅▆▇█"


class Facts(Widget, can_focus=True):
    """Draws only when shown: a hidden pane builds no text."""

    ALLOW_SELECT = False

    def facts(self) -> Sequence[Fact]:
        """What there is to say; a fact without a label stands alone on its lines."""
        raise NotImplementedError

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown = Content("")

    def tick(self) -> None:
        """Say again what changed with the time; hidden, nothing is even composed."""
        if self.is_on_screen:
            composed = self._say_all()
            if composed != self._shown or composed.spans != self._shown.spans:
                self.refresh()

    def render(self) -> Content:
        self._shown = self._say_all()
        return self._shown

    def _say_all(self) -> Content:
        rows: list[Content] = []
        for label, value in self.facts():
            if not label:
                rows.append(value)
                continue
            first, *others = self._wrapped(value)
            rows.append(say((label.ljust(LABEL_WIDTH), Tone.DIM), first))
            rows += [say(" " * LABEL_WIDTH, other) for other in others]
        return lines(*rows)

    def _wrapped(self, value: Content) -> list[Content]:
        """A long value of one look hangs under its beginning, beside the labels."""
        room = self.size.width - LABEL_WIDTH - 1
        if value.cell_length <= room or len(value.spans) > 1:
            return [value]
        style = value.spans[0].style if value.spans else ""
        return [Content.styled(row, style) for row in wrap(value.plain, room, MOST_ROWS)]


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest `width` values as bars; the lowest bar is zero."""
    shown = values[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    if top <= 0:
        return _BARS[0] * len(shown)
    return "".join(_BARS[min(7, int(value / top * 7.999))] for value in shown)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile; `None` of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
