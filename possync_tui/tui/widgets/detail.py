"""The text of one row in full, under its table."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from possync_tui.tui.widgets.remeasured import Passage


class Detail(VerticalScroll):
    """Wrapped text that scrolls; the keyboard stays with the table unless it is tabbed to."""

    def __init__(self) -> None:
        super().__init__()
        self._text = Passage("", markup=False)

    def compose(self) -> ComposeResult:
        yield self._text

    def show(self, text: Content) -> None:
        self._text.update(text)
        self.scroll_home(animate=False)
