"""Asks which columns the Positions pane has, and in which order."""

from collections.abc import Iterable, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, OptionList

from possync_tui.tui.column_order import ColumnChoice, in_order
from possync_tui.tui.columns import Column
from possync_tui.tui.position_groups import PositionLine
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.tones import Tone, say


class ColumnsDialog(Dialog[ColumnChoice]):
    """Space marks a column, `J` and `K` move it, enter shows those that are marked."""

    about = (
        "The columns of the Positions pane from left to right. Where room is short, some of those "
        "that are marked wait until there is more. A heading can be dragged in the table, too."
    )
    keys_told = (
        ("space", "Show the column, or not"),
        ("J K", "Move it on, and back; so does dragging"),
        ("u", "The usual columns in their usual order"),
        ("enter", "Show what is marked"),
        ("esc", "Leave it as it was"),
    )
    BINDINGS = [("u", "usual", "The usual")]  # noqa: RUF012

    def __init__(
        self,
        columns: Sequence[Column[PositionLine]],
        shown: Iterable[str],
        chosen: ColumnChoice | None = None,
    ) -> None:
        """`columns` in their usual order; `chosen` is what was answered before."""
        super().__init__(
            "Columns",
            say(
                "Space marks, shift+↑ and shift+↓ or dragging move, enter shows. ",
                ("Where room is short, some of them wait until there is more.", Tone.DIM),
            ),
        )
        self._usual = columns
        self._shown = frozenset(shown)
        self._chosen = chosen or ColumnChoice()

    def body(self) -> list[Widget]:
        # A row without its symbol would have no name.
        _, *columns = in_order(self._usual, self._chosen.order)
        return [ColumnList(columns, self._shown)]

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
            self.dismiss(ColumnChoice() if event.button.id == "usual" else None)

    def action_usual(self) -> None:
        self.dismiss(ColumnChoice())

    def _answer(self) -> None:
        """What was not touched is left to the program, as far as it was before."""
        rows = self.query_one(ColumnList)
        first = self._usual[0].id
        order: tuple[str, ...] | None = (first, *(column.id for column in rows.columns))
        if order == tuple(column.id for column in self._usual):
            order = None
        shown = self._chosen.shown
        if rows.marked | {first} != self._shown | {first}:
            shown = tuple(column.id for column in self._usual if column.id in rows.marked)
        self.dismiss(ColumnChoice(shown, order))


class ColumnList(OptionList):
    """Marks are signs, not colours; space or a click turns one, enter is for the dialog."""

    BINDINGS = [  # noqa: RUF012
        ("space", "select", "Mark"),
        ("enter", "done", "Show"),
        ("j", "cursor_down", "Down"),
        ("k", "cursor_up", "Up"),
        ("J,shift+down", "move_column(1)", "Move on"),
        ("K,shift+up", "move_column(-1)", "Move back"),
    ]

    class Done(Message):
        """Enter was pressed."""

    def __init__(self, columns: Sequence[Column[PositionLine]], marked: Iterable[str]) -> None:
        self.columns = list(columns)
        self.marked = set(marked)
        self._dragged_from: int | None = None
        self._has_dragged = False
        super().__init__(*map(self._text_of, self.columns), compact=True)

    def _text_of(self, column: Column[PositionLine]) -> Content:
        return Content(f"{'✓' if column.id in self.marked else '·'} {column.title}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        column = self.columns[event.option_index]
        self.marked ^= {column.id}
        self.replace_option_prompt_at_index(event.option_index, self._text_of(column))

    def action_done(self) -> None:
        self.post_message(self.Done())

    # --- moving ------------------------------------------------------------------------------

    def action_move_column(self, by: int) -> None:
        """Move the column under the cursor."""
        if self.highlighted is not None:
            self._move(self.highlighted, self.highlighted + by)

    def _move(self, start: int, end: int) -> None:
        end = max(0, min(end, len(self.columns) - 1))
        if start == end:
            return
        self.columns.insert(end, self.columns.pop(start))
        for index in range(min(start, end), max(start, end) + 1):
            self.replace_option_prompt_at_index(index, self._text_of(self.columns[index]))
        self.highlighted = end

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._dragged_from = self._index_at(event.y)
        self._has_dragged = False
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        start, end = self._dragged_from, self._index_at(event.y)
        if start is not None and end is not None and start != end:
            self._has_dragged = True
            self._move(start, end)
            self._dragged_from = end

    def on_mouse_up(self) -> None:
        self._dragged_from = None
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """A column that was dragged is not marked by that."""
        if self._has_dragged:
            self._has_dragged = False
            event.prevent_default()

    def _index_at(self, y: int) -> int | None:
        index = y + self.scroll_offset.y
        return index if 0 <= index < len(self.columns) else None
