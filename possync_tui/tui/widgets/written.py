"""A text that changes every second or so, of which only the changed lines are written."""

from itertools import zip_longest
from typing import Any

from textual.widget import Widget

from possync_tui.tui.widgets.line_writer import LineWriter


class Written(Widget):
    """What `render` says stands on the screen as soon as `follow_text` is called.

    One changed figure in the first line and one in the last make Textual's compositor go through
    all that lies between; here it is two lines to write.
    """

    ALLOW_SELECT = False

    def __init__(self, *children: Widget, **options: Any) -> None:  # noqa: ANN401 - Widget's own
        super().__init__(*children, **options)
        self._writer = LineWriter(self, is_whole=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._writer.forget()

    def follow_text(self) -> None:
        """The text is another one, as long and as wide as the one before."""
        before = self._render_cache
        if before.size != self.size or self._dirty_regions or not self._writer.can_write:
            self.refresh()
            return
        # What Textual keeps of the text until the next refresh.
        self._layout_cache.clear()
        self._render_content()
        lines, top = self._render_cache.lines, self.gutter.top
        changed = [
            top + y for y, (line, old) in enumerate(zip_longest(lines, before.lines)) if line != old
        ]
        if changed:
            self._writer.write_again(changed)
