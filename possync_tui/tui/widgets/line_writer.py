"""Lines of a widget, written to the terminal at once.

Textual paints a changed line three turns of the event loop later, and its compositor then looks
through every widget on the screen: half a millisecond for a line that takes a tenth of that to
draw. Lines that nothing lies over can be written where they stand. Whatever is in doubt is left to
Textual, which draws the very same strips.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import CompositorUpdate
from textual.app import ScreenStackError
from textual.color import Color
from textual.dom import NoScreen
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Shown = Mapping[Widget, tuple[Region, Region]]


class _Lines(CompositorUpdate):
    """Strips by where they begin on the screen."""

    def __init__(self, strips: Mapping[tuple[int, int], Strip]) -> None:
        self._strips = strips

    def render_segments(self, console: Console) -> str:
        return "".join(
            Control.move_to(x, y).segment.text + strip.render(console)
            for (x, y), strip in self._strips.items()
        )


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

    def forget(self) -> None:
        """The theme or a style changed."""
        self._shown = None

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
        self._send({(spot.x, spot.y + at.y): widget.render_lines(at)[0] for at in regions})

    def write(self, strips: Mapping[int, Strip]) -> None:
        """Write lines of the content at these heights; only right after `can_write`."""
        widget, spot = self._widget, self._spot
        assert spot is not None
        # What Textual keeps of these lines is old.
        widget._styles_cache.set_dirty(*(Region(0, y, 1, 1) for y in strips))
        filters = widget.get_line_filters()
        lines = {}
        for y, strip in strips.items():
            strip = strip.crop(0, spot.width)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, self._background)
            lines[spot.x, spot.y + y] = strip
        self._send(lines)

    def _send(self, lines: Mapping[tuple[int, int], Strip]) -> None:
        widget = self._widget
        widget.app._display(widget.screen, cast("RenderableType", _Lines(lines)))
