"""Charts of realized P&L as text, drawn by plotext.

Money becomes a float here and nowhere else: a picture has no cents.
"""

import math
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from types import ModuleType

from rich.text import Text

from possync_tui.domain.performance import (
    Bar,
    Move,
    Unit,
    bars,
    floor,
    next_start,
    running_totals,
    thinned,
    unit_for,
    wall,
)
from possync_tui.domain.values import dataclass
from possync_tui.tui.format import number

TICKS = 6
LABEL_ROOM = 12
"""About what the numbers of the axis take; only the choice of the bars' unit hangs on it."""
FORMS = {
    Unit.HOUR: "%H:%M",
    Unit.DAY: "%d %b",
    Unit.WEEK: "%d %b",
    Unit.MONTH: "%b %Y",
    Unit.QUARTER: "%b %Y",
    Unit.YEAR: "%Y",
}
Colour = str | tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """What the parts of a chart are coloured with."""

    line: Colour
    gain: Colour
    loss: Colour
    quiet: Colour


@dataclass(frozen=True, slots=True)
class Story:
    """What is charted: what each instant brought, and up to when there could be more."""

    moved: tuple[Move, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """The stretch of time that the charts share, in days as `day_number` counts them."""

    unit: Unit
    start: datetime
    end: datetime

    @property
    def limits(self) -> tuple[float, float]:
        return day_number(self.start), day_number(self.end)


def day_number(at: datetime) -> float:
    """A wall-clock time as a number of days, for the axis."""
    return at.toordinal() + (at - datetime.combine(at.date(), time())).total_seconds() / 86_400


def stage_of(story: Story, width: int) -> Stage:
    """From the first move on, in the finest unit whose bars fit."""
    first, last = wall(story.moved[0][0]), wall(story.moved[-1][0])
    if story.until is not None:
        last = max(last, wall(story.until))
    unit = unit_for(first, last, max(4, (width - LABEL_ROOM) // 2))
    return Stage(unit, floor(first, unit), next_start(floor(last, unit), unit))


def steps(story: Story, stage: Stage) -> tuple[tuple[float, Decimal], ...]:
    """The running total as a staircase: it stands still until something is realized."""
    start, end = stage.limits
    points = [(start, Decimal(0))]
    for at, total in running_totals(story.moved):
        here = day_number(wall(at))
        points += [(here, points[-1][1]), (here, total)]
    return (*points, (end, points[-1][1]))


def curve(
    story: Story,
    stage: Stage,
    width: int,
    height: int,
    palette: Palette,
    label: int = 0,
    *,
    names_times: bool = True,
) -> Text:
    """The running total in exactly this many cells; numbers take at least `label` of them."""
    points = thinned(steps(story, stage), width)
    totals = [float(total) for _, total in points]
    plot = _blank(width, height, stage, palette, min(0.0, *totals), max(0.0, *totals), label)
    plot.xticks(
        *(time_ticks(stage, width - LABEL_ROOM, at_start=True) if names_times else ([], []))
    )
    plot.hline(0.0, palette.quiet)
    plot.plot([at for at, _ in points], totals, marker="braille", color=palette.line)
    return _built(plot)


def columns(
    story: Story, stage: Stage, width: int, height: int, palette: Palette, label: int = 0
) -> Text:
    """A bar for what each unit of time brought, up for gains and down for losses."""
    found = [bar for bar in bars(story.moved, stage.unit) if bar.amount]
    amounts = [float(bar.amount) for bar in found]
    start, end = stage.limits
    stroke = 0.45 * (end - start) / max(1, width - LABEL_ROOM)
    plot = _blank(width, height, stage, palette, min(0.0, *amounts), max(0.0, *amounts), label)
    plot.hline(0.0, palette.quiet)
    for is_gain, colour in ((True, palette.gain), (False, palette.loss)):
        own = [bar for bar in found if (bar.amount > 0) is is_gain]
        at, values = _strokes(own, stroke)
        if at:
            plot.plot(at, values, marker="hd", color=colour)
    return _built(plot)


def label_width(story: Story, stage: Stage, heights: Sequence[int]) -> int:
    """The room for numbers that makes a curve and bars under it share their axis."""
    totals = [float(total) for _, total in running_totals(story.moved)]
    amounts = [float(bar.amount) for bar in bars(story.moved, stage.unit)]
    widest = 0
    for values, height in zip((totals, amounts), heights, strict=True):
        marks = round_marks(min(0.0, *values), max(0.0, *values), _ticks(height))
        widest = max(widest, *(len(label) for label in mark_labels(marks)))
    return widest


def _strokes(found: Sequence[Bar], stroke: float) -> tuple[list[float | None], list[float | None]]:
    """Bars as vertical strokes, close enough to stand together, with a gap between bars.

    plotext's own bars take their width from the data, so gains and losses would not line up.
    """
    at: list[float | None] = []
    values: list[float | None] = []
    for bar in found:
        start, end = day_number(bar.start), day_number(bar.end)
        margin = min((end - start) * 0.14, stroke)
        here, last = start + margin, max(start + margin, end - margin - stroke / 2)
        while here <= last:
            at += [here, here, None]
            values += [0.0, float(bar.amount), None]
            here += stroke
    return at, values


def _blank(
    width: int,
    height: int,
    stage: Stage,
    palette: Palette,
    low: float,
    high: float,
    label: int,
) -> ModuleType:
    # Imported here: it costs start-up time, and most sessions never open the screen.
    import plotext

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, height)
    plotext.theme("clear")
    plotext.ticks_color(palette.quiet)
    plotext.axes_color("default")
    plotext.canvas_color("default")
    plotext.xaxes(False, False)
    plotext.yaxes(False, False)
    marks = round_marks(low, high, _ticks(height))
    margin = 0.03 * (high - low or 1.0)
    plotext.ylim(low - (margin if low else 0.0), high + (margin if high else 0.0))
    plotext.yticks(marks, [text.rjust(label) for text in mark_labels(marks)])
    plotext.xlim(*stage.limits)
    plotext.xticks(*time_ticks(stage, width - LABEL_ROOM))
    plot: ModuleType = plotext
    return plot


def _built(plot: ModuleType) -> Text:
    built: str = plot.build()
    plot.clear_figure()
    return Text.from_ansi(built.removesuffix("\n"), no_wrap=True, end="")


def _ticks(height: int) -> int:
    return max(2, min(TICKS, height // 3))


def round_marks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) between `low` and `high`, zero among them."""
    reach = high - low
    if not reach:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(reach / wanted))
    steps_ = [power * times for times in (10, 5, 2, 1, 0.5, 0.2)]
    marks: list[float] = []
    for step in (step for step in steps_ if reach / step >= 1):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        found = [index * step for index in range(first, last + 1)]
        if len(marks) >= 2 and len(found) > wanted + 1:
            break
        marks = found
    return marks


def mark_labels(marks: Sequence[float]) -> list[str]:
    """The numbers on the axis."""
    return [f"{number(Decimal(repr(round(mark, 6))), most=2)} " for mark in marks]


def time_ticks(
    stage: Stage, width: int, *, at_start: bool = False
) -> tuple[list[float], list[str]]:
    """A few hours, days, months on the axis, each named at its middle or at its beginning."""
    first, last = stage.limits
    starts = [stage.start]
    while starts[-1] < stage.end and len(starts) < 10_000:
        starts.append(next_start(starts[-1], stage.unit))
    starts = starts[:-1] or starts
    form = FORMS[stage.unit]
    if stage.unit is Unit.WEEK and last - first > 366:
        form = "%d %b %y"
    room = len(f"{stage.start:{form}}") + 4
    every = max(1, math.ceil(len(starts) * room / max(room, width)))
    picked = starts[::every]
    half = 0.0 if at_start else 0.5 * (day_number(next_start(starts[0], stage.unit)) - first)
    spots = [min(last, day_number(start) + half) for start in picked]
    names = [f"{start:{form}}" for start in picked]
    return spots, [name.lstrip("0") if form.startswith("%d") else name for name in names]
