"""The titles of the lower panes as tabs, where there is no room to show the panes side by side."""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from possync_tui.tui.tones import Tone, say


class PaneTabs(Widget):
    """One line; the pane that is shown stands out."""

    ALLOW_SELECT = False

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, titles: Sequence[str], keys: Sequence[str], *, current: int) -> None:
        super().__init__()
        self._titles = tuple(titles)
        self._keys = tuple(keys)
        self._current = current
        self._is_lit = False
        self._notes: dict[int, Content] = {}
        self._spots: list[tuple[int, int, int]] = []

    def show(self, index: int) -> None:
        if index != self._current:
            self._current = index
            self.refresh()

    def rename(self, titles: Sequence[str]) -> None:
        if tuple(titles) != self._titles:
            self._titles = tuple(titles)
            self.refresh()

    def show_note(self, index: int, note: Content) -> None:
        self._notes[index] = note
        self.refresh()

    def set_lit(self, is_lit: bool) -> None:
        if is_lit != self._is_lit:
            self._is_lit = is_lit
            self.refresh()

    def render(self) -> Content:
        self._spots = []
        pieces: list[Content] = []
        x = 0
        for index, (title, key) in enumerate(zip(self._titles, self._keys, strict=True)):
            number = f"{key} "
            tone = Tone.DIM
            if index == self._current:
                tone = Tone.ACCENT if self._is_lit else Tone.STRONG
            text = say((number, Tone.DIM), (title, tone))
            if index == self._current:
                text = text.stylize("bold", len(number))
            self._spots.append((x, x + text.cell_length, index))
            x += text.cell_length + 3
            pieces.append(text)
        line = Content("   ").join(pieces)
        note = self._notes.get(self._current)
        if note is not None and note.plain:
            line = say(line, "   ", note)
        rule = ("━" if self._is_lit else "─") * max(0, self.size.width - line.cell_length - 1)
        return say(line, " ", Content.styled(rule, "$text-primary" if self._is_lit else "$rule"))

    def on_click(self, event: events.Click) -> None:
        for start, end, index in self._spots:
            if start <= event.x <= end:
                self.post_message(self.Chosen(index))
                return
