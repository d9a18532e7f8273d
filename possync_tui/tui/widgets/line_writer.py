"""Lines of a widget, written to the terminal at once.

Textual paints a changed line three turns of the event loop later, and its compositor then looks
through every widget on the screen: half a millisecond for a line that takes a tenth of that to
draw. Lines that nothing lies over can be written where they stand. Whatever is in doubt is left to
Textual, which draws the very same strips.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from textual._compositor import CompositorUpdate
from textual.app import ScreenStackError
from textual.color import Color
from textual.dom import NoScreen
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Shown = Mapping[Widget, tuple[Region, Region]]
_ANY: Final = "\ue000"
"""Stands for a text: no code of a terminal has it."""


class _Lines(CompositorUpdate):
    """What the terminal is sent, by where it begins on the screen."""

    def __init__(self, lines: Mapping[tuple[int, int], str]) -> None:
        self._lines = lines

    def render_segments(self, console: Console) -> str:
        return "".join(f"\x1b[{y + 1};{x + 1}H{line}" for (x, y), line in self._lines.items())


class _Codes:
    """What the terminal is sent before and after a text, by its style: as Textual would.

    It asks Textual once a style, not once a text: that is most of what a line costs.
    """

    def __init__(self, filters: Sequence[LineFilter], background: Color, console: Console) -> None:
        self._filters = tuple(filters)
        self._background = background
        self._console = console
        self._known: dict[Style | None, tuple[str, str]] = {}

    def is_for(self, filters: Sequence[LineFilter], background: Color) -> bool:
        return self._filters == tuple(filters) and self._background == background

    def line(self, strip: Strip, width: int) -> str:
        """As much of a strip as there is room for."""
        known, left = self._known, width
        parts: list[str] = []
        for text, style, _ in strip:
            length = len(text) if text.isascii() else cell_len(text)
            if length > left:
                text = set_cell_size(text, left)
            codes = known.get(style)
            if codes is None:
                codes = known[style] = self._of(style)
            parts += (codes[0], text, codes[1])
            left -= length
            if left <= 0:
                break
        return "".join(parts)

    def _of(self, style: Style | None) -> tuple[str, str]:
        strip = Strip([Segment(_ANY, style)], 1)
        for line_filter in self._filters:
            strip = strip.apply_filter(line_filter, self._background)
        before, _, after = strip.render(self._console).partition(_ANY)
        return before, after


class LineWriter:
    """Writes lines of one widget, where it is certain how they look on the screen.

    The lines are those of its content, unless `is_whole`: then they go from edge to edge.
    """

    def __init__(self, widget: Widget, *, is_whole: bool = False) -> None:
        self._widget = widget
        self._is_whole = is_whole
        # Where the widget was in the arrangement that was looked at last.
        self._shown: Shown | None = None
        self._spot: Region | None = None
        self._background = Color(0, 0, 0)
        self._codes: _Codes | None = None

    def forget(self) -> None:
        """The theme or a style changed."""
        self._shown = self._codes = None

    @property
    def can_write(self) -> bool:
        """Whether the lines stand on the screen as Textual has them, with nothing over them."""
        widget = self._widget
        if not widget.is_running or widget._repaint_required or widget._layout_required:
            return False
        app = widget.app
        try:
            screen = widget.screen
            is_on_top = app.screen is screen
        except (NoScreen, ScreenStackError):
            # The app is being left.
            return False
        if (
            not is_on_top
            or app._batch_count
            or screen._layout_required
            or screen._scroll_required
            or screen._repaint_required
            or widget in screen._dirty_widgets
        ):
            return False
        shown = screen._compositor.visible_widgets
        if shown is not self._shown:
            self._shown, self._spot = shown, self._look(shown)
        return self._spot is not None

    def _look(self, shown: Shown) -> Region | None:
        widget = self._widget
        found = shown.get(widget)
        if found is None:
            return None
        region, clip = found
        mine = region if self._is_whole else self._content(region)
        if mine is None or not clip.contains_region(mine):
            return None
        # Those in front come first.
        for other, (its_region, its_clip) in shown.items():
            if other is widget:
                break
            if its_region.intersection(its_clip).overlaps(mine):
                return None
        self._background = widget.background_colors[1]
        return mine

    def _content(self, region: Region) -> Region | None:
        """Where the lines of the content are, if Textual changes nothing about them."""
        widget = self._widget
        styles = widget.styles
        if widget.opacity != 1 or styles.tint.a or styles.has_rule("hatch"):
            return None
        if widget.content_region != region:
            return None
        # Without the scrollbar, which lies over the ends of the lines.
        return widget.scrollable_content_region

    def write_again(self, heights: Iterable[int]) -> None:
        """Have the lines at these heights drawn anew, and write them; only after `can_write`."""
        widget, spot = self._widget, self._spot
        assert spot is not None
        regions = [Region(0, y, spot.width, 1) for y in heights]
        widget._styles_cache.set_dirty(*regions)
        console = widget.app.console
        self._send(
            {(spot.x, spot.y + at.y): widget.render_lines(at)[0].render(console) for at in regions}
        )

    def write(self, strips: Mapping[int, Strip]) -> None:
        """Write lines of the content at these heights; only right after `can_write`."""
        widget, spot = self._widget, self._spot
        assert spot is not None
        # What Textual keeps of these lines is old.
        widget._styles_cache.set_dirty(*(Region(0, y, 1, 1) for y in strips))
        filters, codes = widget.get_line_filters(), self._codes
        if codes is None or not codes.is_for(filters, self._background):
            codes = self._codes = _Codes(filters, self._background, widget.app.console)
        self._send({(spot.x, spot.y + y): codes.line(s, spot.width) for y, s in strips.items()})

    def _send(self, lines: Mapping[tuple[int, int], str]) -> None:
        widget = self._widget
        widget.app._display(widget.screen, cast("RenderableType", _Lines(lines)))
