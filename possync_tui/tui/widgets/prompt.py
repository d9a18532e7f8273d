"""A line to type into, over what it is about; escape empties it and goes back there."""

from collections.abc import Callable

from textual.binding import Binding
from textual.widgets import Input


class Prompt(Input):
    """Hidden until asked for, and when it is left empty; `go_back` gives the keyboard back."""

    BINDINGS = [Binding("escape", "give_up", "Clear")]  # noqa: RUF012

    def __init__(self, placeholder: str, go_back: Callable[[], None], *, id: str) -> None:  # noqa: A002
        super().__init__(placeholder=placeholder, id=id, compact=True)
        self._go_back = go_back
        self.display = False

    @property
    def focusable(self) -> bool:
        """Only while it is there: whoever looks for something to focus would find it hidden."""
        return self.display and super().focusable

    def ask(self) -> None:
        """Take the keyboard, at once: what is typed next belongs here."""
        self.display = True
        self.screen.set_focus(self)

    def empty(self) -> None:
        """Take back what was typed."""
        self.value = ""
        self.display = self.has_focus

    def on_blur(self) -> None:
        self.display = bool(self.value)

    def action_give_up(self) -> None:
        self.value = ""
        self._go_back()
