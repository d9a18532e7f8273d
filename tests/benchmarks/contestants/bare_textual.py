"""The floor of a screen: a Textual app with one Static, which answers one key."""

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Static


class Bare(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("slash", "answer", "Answer"), ("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Static("nothing but this line")

    def action_answer(self) -> None:
        self.query_one(Static).update("the key was answered")


if __name__ == "__main__":
    Bare().run()
