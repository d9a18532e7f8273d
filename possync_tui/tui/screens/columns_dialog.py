"""Asks which columns the Positions pane has."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, OptionList

from possync_tui.tui.columns import Column
from possync_tui.tui.position_groups import PositionLine
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.tones import Tone, say

Answer = tuple[str, ...] | str
USUAL = "usual"
"""The answer that leaves the choice to the program again."""


class ColumnsDialog(Dialog[Answer]):
    """Space marks a column, enter shows those that are marked."""

    BINDINGS = [("u", "usual", "The usual")]  # noqa: RUF012

    def __init__(self, columns: Sequence[Column[PositionLine]], shown: Iterable[str]) -> None:
        super().__init__(
            "Columns",
            say(
                "Space marks, enter shows. ",
                ("Where room is short, some of them wait until there is more.", Tone.DIM),
            ),
        )
        self._columns = columns
        self._shown = set(shown)

    def body(self) -> list[Widget]:
        # A row without its symbol would have no name.
        return [ColumnList([c for c in self._columns if c.id != "symbol"], self._shown)]

    def buttons(self) -> list[Button]:
        return [
            Button("Cancel  (esc)", id="no", compact=True),
            Button("The usual  (u)", id="usual", compact=True),
            Button("Show  (enter)", id="yes", variant="primary", compact=True),
        ]

    def on_mount(self) -> None:
        self.query_one(ColumnList).focus()

    def on_column_list_done(self) -> None:
        self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._answer()
        else:
            self.dismiss(USUAL if event.button.id == "usual" else None)

    def action_usual(self) -> None:
        self.dismiss(USUAL)

    def _answer(self) -> None:
        marked = self.query_one(ColumnList).marked
        self.dismiss(tuple(column.id for column in self._columns if column.id in marked))


class ColumnList(OptionList):
    """Marks are signs, not colours; space or a click turns one, enter is for the dialog."""

    BINDINGS = [  # noqa: RUF012
        ("space", "select", "Mark"),
        ("enter", "done", "Show"),
        ("j", "cursor_down", "Down"),
        ("k", "cursor_up", "Up"),
    ]

    class Done(Message):
        """Enter was pressed."""

    def __init__(self, columns: Sequence[Column[PositionLine]], marked: Iterable[str]) -> None:
        self._columns = columns
        self.marked = set(marked)
        super().__init__(*map(self._text_of, columns), compact=True)

    def _text_of(self, column: Column[PositionLine]) -> Content:
        return Content(f"{'✓' if column.id in self.marked else '·'} {column.title}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        column = self._columns[event.option_index]
        self.marked ^= {column.id}
        self.replace_option_prompt_at_index(event.option_index, self._text_of(column))

    def action_done(self) -> None:
        self.post_message(self.Done())
