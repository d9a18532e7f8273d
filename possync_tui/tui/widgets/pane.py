"""A pane: a title line over its content, and no box around it."""

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from possync_tui.tui.format import fit
from possync_tui.tui.tones import Tone, say


def _without_last_parts(subtitle: Content, room: int) -> Content:
    """As many of its parts as there is room for, whole; of the first as much as there is."""
    end = len(subtitle.plain)
    while (end := subtitle.plain.rfind(" · ", 0, end)) > 0:
        if cell_len(subtitle.plain[:end]) + 2 <= room:
            return say(subtitle[:end], (" …", Tone.DIM))
    return Content(fit(subtitle.plain, room).rstrip())


class PaneTitle(Widget):
    """`Positions  25 open · 1 missing ──────────── 1`: heavier and coloured while focused."""

    ALLOW_SELECT = False
    subtitle: reactive[Content] = reactive(Content(""), layout=False)
    is_lit = reactive(False, layout=False, toggle_class="-lit")

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__()
        self.title = title
        self.hint = hint

    def render(self) -> Content:
        subtitle = self.subtitle
        room = max(0, self.size.width - cell_len(self.title) - 8)
        if cell_len(subtitle.plain) > room:
            subtitle = _without_last_parts(subtitle, room)
        head = say((self.title, Tone.ACCENT if self.is_lit else Tone.STRONG))
        if self.is_lit:
            head = head.stylize("bold")
        if subtitle.plain:
            head = say(head, "  ", subtitle)
        rule = ("━" if self.is_lit else "─") * max(
            0, self.size.width - head.cell_length - 2 - len(self.hint)
        )
        colour = "$text-primary" if self.is_lit else "$rule"
        return say(head, " ", Content.styled(rule, colour), (f" {self.hint}", Tone.DIM))


class Pane(Vertical):
    """A titled part of the dashboard. `focus_pane` gives the keyboard to what is inside."""

    def __init__(self, title: str, key: str, *body: Widget, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.title = title
        self.key = key
        """What the key that goes there is called."""
        self.heading = PaneTitle(title, key)
        self._body = body

    def compose(self) -> ComposeResult:
        yield self.heading
        yield from self._body

    @property
    def subtitle(self) -> Content:
        return self.heading.subtitle

    @subtitle.setter
    def subtitle(self, text: Content) -> None:
        self.heading.subtitle = text

    def focus_pane(self) -> None:
        """Give the keyboard to the content."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus()
                return

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.heading.is_lit = True

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.heading.is_lit = False

    def on_click(self) -> None:
        if not self.has_focus_within:
            self.focus_pane()
