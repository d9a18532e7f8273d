"""A question over the screen; what is behind it goes on."""

from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from possync_tui.tui.actions import Deed
from possync_tui.tui.terminal import pass_over_outgrown
from possync_tui.tui.widgets.remeasured import Passage

Answer = TypeVar("Answer")
NOTHING = Content("")


def field(*labelled: tuple[str, Input]) -> Horizontal:
    """Inputs in a row, each behind a label that stays once something is typed."""
    parts: list[Widget] = []
    for label, box in labelled:
        parts += [Label(label, classes="dialog-label", markup=False), box]
    return Horizontal(*parts, classes="dialog-row")


class Remark(Passage):
    """What is wrong with what was typed, or what will become of it: no row while there is none."""

    def __init__(self, content: Content = NOTHING) -> None:
        super().__init__(content, id="remark", markup=False)
        self.display = bool(content.plain)

    def show(self, content: Content) -> None:
        self.display = bool(content.plain)
        self.update(content)

    def complain(self, wrong: str) -> None:
        """Say what is wrong."""
        self.show(Content.styled(wrong, "$text-warning") if wrong else NOTHING)


class ButtonRow(Horizontal):
    """All its buttons are in sight: where they are too wide, only the main one names its key."""

    def __init__(self, *buttons: Button) -> None:
        super().__init__(*buttons, classes="dialog-buttons")
        self._labels = [(button, str(button.label)) for button in buttons]

    def on_resize(self, event: events.Resize) -> None:
        # What the styles give each: 16 cells or the label with a cell on both sides, and a gap.
        wanted = sum(max(16, cell_len(label) + 2) + 2 for _, label in self._labels)
        is_tight = wanted > event.size.width
        self.set_class(is_tight, "-tight")
        for button, label in self._labels:
            is_main = button.variant != "default"
            button.label = label.partition("  ")[0] if is_tight and not is_main else label


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """A title, a text, what to fill in, and buttons; escape is `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("question_mark", "app.show_help", "Help", show=False, id="help"),
    ]
    about: ClassVar[str] = ""
    """What is asked, for the help."""
    own_deeds: ClassVar[tuple[Deed, ...]] = ()
    """What works in this dialog alone, with keys that may be others."""
    keys_told: tuple[tuple[str, str], ...] = (
        ("enter", "Answer"),
        ("tab", "The next field or button"),
        ("esc", "Leave it as it is"),
    )
    """Its own keys."""

    def __init__(self, title: str, text: Content) -> None:
        super().__init__()
        self._title = title
        self._text = text

    @property
    def here(self) -> tuple[str, str]:
        """What the help calls it, and says of it."""
        return self._title, self.about

    def body(self) -> list[Widget]:
        """What stands between the text and the buttons."""
        return []

    def buttons(self) -> list[Button]:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._title, "bold"), classes="dialog-title", markup=False)
            yield Static(self._text, classes="dialog-text", markup=False)
            yield from self.body()
            yield ButtonRow(*self.buttons())

    async def _on_resize(self, event: events.Resize) -> None:
        pass_over_outgrown(event, self.app.size)
        self.call_after_refresh(self._show_focused)

    def _show_focused(self) -> None:
        """What is typed into stays in sight, also where the dialog has to scroll now."""
        if self.focused is not None:
            self.focused.scroll_visible(animate=False)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """A click outside the dialog cancels it."""
        if event.widget is self:
            self.dismiss(None)
