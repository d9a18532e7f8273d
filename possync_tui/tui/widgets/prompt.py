"""A line to type into, over what it is about; escape empties it and goes back there."""

from collections.abc import Callable

from textual.binding import Binding
from textual.widgets import Input


class Prompt(Input):
    """Hidden until asked for; `go_back` gives the keyboard back."""

    BINDINGS = [Binding("escape", "give_up", "Clear")]  # noqa: RUF012

    def __init__(self, placeholder: str, go_back: Callable[[], None], *, id: str) -> None:  # noqa: A002
        super().__init__(placeholder=placeholder, id=id, compact=True)
        self._go_back = go_back

    def action_give_up(self) -> None:
        self.value = ""
        self._go_back()
