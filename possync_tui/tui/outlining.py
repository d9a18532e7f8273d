"""Draws up the outline of the dashboard: what of its first frame the next one will have, too."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from possync_tui.outline import Need, Outline, Run, Slot
from possync_tui.tui.columns import Align, natural_width
from possync_tui.tui.tones import Tone
from possync_tui.tui.widgets.painter import Painter

if TYPE_CHECKING:
    from textual.widget import Widget

    from possync_tui.tui.screens.dashboard import DashboardScreen

_WAYS = {Align.LEFT: "left", Align.RIGHT: "right", Align.POINT: "point"}


def outline_of(screen: "DashboardScreen", painted: Outline | None = None) -> Outline | None:
    """What stands around the book; `None` while rows are in groups, filtered, or out of sight.

    Where all is in the place that it has in the one that was `painted`, it is that one.
    """
    pane, table = screen.positions, screen.positions.table
    if not screen.is_current or not table.placed or table.grouping or pane.filter.display:
        return None
    # Without the heading over them, and the scrollbar beside.
    inner, title = table.scrollable_content_region, pane.heading.region
    rows = Region(inner.x, table.region.y + 1, inner.width, table.size.height - 1)
    place = (rows.x, rows.y - 1, rows.width, rows.height + 1)
    slots = [
        Slot(p.column.id, p.x, p.width, p.measure.lead, p.measure.part, _WAYS[p.column.align])
        for p in table.placed
    ]
    needs = [
        Need(
            column.id,
            len(column.title),
            natural_width(column, measure),
            measure.part,
            max(measure.full, len(column.title)) if column.most else 0,
        )
        for column, measure in table.measured
    ]
    size = (screen.size.width, screen.size.height)
    room = ([slot.fields for slot in slots], [need.fields for need in needs])
    if painted is not None and _places(painted) == (size, place, *room):
        return painted
    views, strips = screen.desk.picture.positions, _drawn(screen)
    of_the_book = [*(widget.region for widget in _of_the_book(screen)), rows]
    looks = _Looks(screen)
    return Outline(
        size=size,
        title=(title.x, title.y, title.width, title.height),
        hint=pane.heading.hint,
        table=place,
        start=table.start,
        slots=slots,
        needs=needs,
        tones={**looks.of_rows(""), **looks.of_title(strips[title.y], title)},
        cursor_tones=looks.of_rows("line-table--cursor"),
        sort=table.sort_id or "",
        sort_down=table.sort_down,
        is_several=(
            len({view.account for view in views}) > 1,
            len({view.currency for view in views}) > 1,
        ),
        lines=[looks.runs(_without(strip, y, of_the_book)) for y, strip in enumerate(strips)],
    )


def _places(outline: Outline) -> object:
    slots, needs = ([part.fields for part in parts] for parts in (outline.slots, outline.needs))
    return outline.size, outline.table, slots, needs


def _drawn(screen: "DashboardScreen") -> list[Strip]:
    """What is on the screen, line by line."""
    return screen._compositor.render_strips(screen.size)


def _of_the_book(screen: "DashboardScreen") -> Iterable["Widget"]:
    """The widgets whose text hangs on the ledger, the time or the link."""
    pane = screen.positions
    yield screen.status_bar
    yield pane.heading
    yield pane.why
    yield pane.foot
    for lower in screen.lower:
        if lower.display:
            yield from (child for child in lower.children if child is not lower.heading)


def _without(strip: Strip, y: int, regions: Sequence[Region]) -> Strip:
    """A line of the screen, blank where one of the regions is."""
    for start, end in [(r.x, r.right) for r in regions if r.y <= y < r.bottom and r.width]:
        left, middle, right = (
            strip.crop(0, start), strip.crop(start, end), strip.crop(end, strip.cell_length)
        )  # fmt: skip
        blank = [Segment(" " * segment.cell_length, _ground(segment.style)) for segment in middle]
        strip = Strip.join([left, Strip(blank), right])
    return strip


def _ground(style: Style | None) -> Style | None:
    return style and Style(bgcolor=style.bgcolor)


class _Looks:
    """Styles as the numbers that this terminal is sent for them."""

    def __init__(self, screen: "DashboardScreen") -> None:
        self._screen = screen
        self._known: dict[Style | None, str] = {}

    def of(self, style: Style | None) -> str:
        found = self._known.get(style)
        if found is None:
            name = self._screen.app.console.color_system
            system = COLOR_SYSTEMS[name] if name else ColorSystem.TRUECOLOR
            found = "" if style is None else Strip.render_ansi(style, system)
            self._known[style] = found
        return found

    def runs(self, strip: Strip) -> list[Run]:
        found: list[Run] = []
        for segment in strip:
            look = self.of(segment.style)
            if found and found[-1][0] == look:
                found[-1] = (look, found[-1][1] + segment.text)
            elif segment.text:
                found.append((look, segment.text))
        return found

    def of_rows(self, ground: str) -> dict[str, str]:
        """The tones of the table, through the filters that all lines go through."""
        table = self._screen.positions.table
        paint, found = Painter(table), {}
        for tone in Tone:
            strip = Strip([Segment("x", paint.style(tone, ground))])
            for line_filter in table.get_line_filters():
                strip = strip.apply_filter(line_filter, table.background_colors[1])
            found[tone.value] = self.of(next(iter(strip)).style)
        return found

    def of_title(self, strip: Strip, region: Region) -> dict[str, str]:
        """The looks of the pane's heading, each where it always stands."""
        line = strip.crop(region.x, region.right)
        text = line.text
        name = len(self._screen.positions.heading.title)
        places = {"title": 0, "title-plain": name, "dim": name + 2, "rule": text.find("━")}
        places["warning"] = text.find("live") if "live" in text else name + 2
        return {key: self.of(_style_at(line, max(0, at))) for key, at in places.items()}


def _style_at(strip: Strip, x: int) -> Style | None:
    return next(iter(strip.crop(x, x + 1))).style
