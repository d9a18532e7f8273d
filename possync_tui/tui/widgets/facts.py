"""A quiet list of facts, label and value: what the Sync stats and Connection panes are made of."""

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content

from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.written import Written

LABEL_WIDTH = 11
MOST_ROWS = 6
COLUMN_WIDTH = 36
"""Two columns of less would be two columns of torn words."""
Fact = tuple[str, Content]

_BARS = "▁▂▃▄▅▆▇█"
_GAP = 2


class Facts(Written, can_focus=True):
    """Draws only when shown: a hidden pane builds no text."""

    spare: ClassVar[tuple[str, ...]] = ()
    """Labels of what is told elsewhere too: left out, the first one first, where it is tight."""

    def facts(self) -> Sequence[Fact]:
        """What there is to say; a fact without a label stands alone on its lines."""
        raise NotImplementedError

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown = Content("")
        self._composed: Content | None = None

    def tick(self) -> None:
        """Say again what changed with the time; hidden, nothing is even composed."""
        if self.is_on_screen:
            composed = self._say_all()
            if composed != self._shown or composed.spans != self._shown.spans:
                self._composed = composed
                self.follow_text()
                # Where Textual paints it, later, it may be another text by then.
                self._composed = None

    def render(self) -> Content:
        composed, self._composed = self._composed, None
        self._shown = self._say_all() if composed is None else composed
        return self._shown

    def _say_all(self) -> Content:
        """All of it: in two columns where one is too short, and cut only where both are."""
        facts, width, height = self.facts(), self.size.width, self.size.height
        columns = 2 if width >= 2 * COLUMN_WIDTH + _GAP else 1
        each = (width - _GAP * (columns - 1)) // columns
        for number in range(len(self.spare) + 1):
            kept = [fact for fact in facts if fact[0] not in self.spare[:number]]
            rows = [row for fact in kept for row in _rows_of(fact, width)]
            if len(rows) <= height:
                return lines(*rows)
            blocks = [_rows_of(fact, each) for fact in kept]
            if columns == 2 and sum(map(len, blocks)) <= 2 * height:
                break
        if sum(map(len, blocks)) > columns * height:
            blocks = [block[:MOST_ROWS] for block in blocks]
        if columns == 1:
            return lines(*_cut([row for block in blocks for row in block], height, width))
        return _side_by_side(blocks, each, height)


def _cut(rows: list[Content], height: int, width: int) -> list[Content]:
    """As many rows as there is room for; that some are left out is seen at the last one."""
    if not 0 < height < len(rows):
        return rows
    last = rows[height - 1]
    room = max(0, width - 1)
    shown = last if last.cell_length < room else last[: room - 1]
    return [*rows[: height - 1], say(shown, ("…", Tone.DIM))]


def _rows_of(fact: Fact, width: int) -> list[Content]:
    """A fact as lines; what is too long hangs under its beginning, beside the labels."""
    label, value = fact
    if not label:
        return _wrapped(value, width - 1)
    first, *others = _wrapped(value, width - LABEL_WIDTH - 1)
    head = say((label.ljust(LABEL_WIDTH), Tone.DIM), first)
    return [head, *(say(" " * LABEL_WIDTH, other) for other in others)]


def _wrapped(value: Content, room: int) -> list[Content]:
    if value.cell_length <= room or room < 8:
        return [value]
    return [row.rstrip() for row in value.wrap(room)]


def _side_by_side(blocks: Sequence[list[Content]], width: int, height: int) -> Content:
    """Left as many whole facts as there is room for, the rest to the right."""
    left: list[Content] = []
    right: list[Content] = []
    for block in blocks:
        column = left if not right and len(left) + len(block) <= max(height, len(block)) else right
        column += block
    rows = max(len(left), len(right))
    left += [Content("")] * (rows - len(left))
    right += [Content("")] * (rows - len(right))
    return lines(
        *(
            say(one, " " * (width + _GAP - one.cell_length), other)
            for one, other in zip(left, right, strict=True)
        )
    )


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
