"""A table drawn line by line: a change repaints its own row and nothing else.

Textual's `DataTable` renders every visible row for any change, and its cursor is an index, which a
sort leaves on another position. Here each row's strip is kept, and the cursor holds on to a key.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events, on
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from possync_tui.tui.columns import Cell, Column, Placed, Widths, ordered, place
from possync_tui.tui.widgets.line_drawing import (
    RowLook,
    heading_strip,
    placeholder_strip,
    row_strip,
)
from possync_tui.tui.widgets.line_moves import MOVES
from possync_tui.tui.widgets.line_writer import LineWriter
from possync_tui.tui.widgets.painter import TONE_CLASSES, Painter
from possync_tui.tui.widgets.row_texts import RowTexts

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)
MEASURED = 500
"""So many rows are measured before they are drawn; all are once more as they come into view."""


class LineTable(ScrollView, Generic[Row, Key], can_focus=True):
    """Rows of `columns`, each known by its key, with a heading line that stays in place."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *TONE_CLASSES,
        "line-table--heading",
        "line-table--cursor",
        "line-table--cursor-blurred",
        "line-table--flash",
    }
    BINDINGS: ClassVar[list[BindingType]] = MOVES

    class Highlighted(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, table: ScrollView) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> ScrollView:
            return self.table

    class Selected(Highlighted):
        """A row was opened, by enter or by a double click."""

    class Sorted(Highlighted):
        """The order of the rows was changed by the user."""

    def __init__(self, columns: Sequence[Column[Row]], *, id: str, placeholder: str = "") -> None:  # noqa: A002
        super().__init__(id=id)
        self.placeholder = placeholder
        self.sort_id: str | None = None
        self.sort_down = False
        self.rows_drawn = 0
        """How many rows were drawn anew so far: what the tests of the cache count."""
        self._columns = tuple(columns)
        self.widths = Widths[Row]()
        self.placed: tuple[Placed[Row], ...] = ()
        self._rows: list[Row] = []
        self._at: dict[Key, int] = {}
        self._strips: dict[Key, Strip] = {}
        self.texts: RowTexts[Row, Key] = RowTexts()
        self._heading: Strip | None = None
        self._cursor: Key | None = None
        self._paint = Painter(self)
        self._writer = LineWriter(self)
        # Our size, and the first row in view: Textual works them out each time they are asked.
        self._room, self._top = Size(0, 0), 0

    def key_of(self, row: Row) -> Key:
        raise NotImplementedError

    def flag_of(self, row: Row) -> Cell | None:
        """A symbol before the row."""
        return None

    def note_of(self, row: Row) -> Cell | None:
        """A sentence about the row, behind its columns or over the last of them."""
        return None

    def spilling_of(self, row: Row) -> tuple[str, str] | None:
        """A column whose text may run over empty cells behind it, and that text."""
        return None

    def row_to_draw(self, row: Row) -> Row:
        """The row as it is now, where it may have changed by time alone."""
        return row

    note_spares: frozenset[str] = frozenset()
    """The columns that a note does not cover where there is no room behind them all."""

    def grounds_of(self, row: Row) -> Mapping[str, str]:
        """The component classes that lie under single cells instead of the row's, by column."""
        return {}

    def shown_columns(self) -> Iterable[Column[Row]]:
        """The columns that there is something to say in; room decides about the rest."""
        return self._columns

    def columns_to_write(self) -> Sequence[Column[Row]]:
        """The columns of a file."""
        return tuple(self.shown_columns())

    def has_room_for(self, column_id: str) -> bool:
        """Whether the column is on the screen now."""
        return any(placed.column.id == column_id for placed in self.placed)

    @property
    def all_columns(self) -> Sequence[Column[Row]]:
        """Those that are not shown now too."""
        return self._columns

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def cursor_key(self) -> Key | None:
        return self._cursor

    @property
    def cursor_row(self) -> Row | None:
        return None if self._cursor is None else self.row_for(self._cursor)

    def row_for(self, key: Key) -> Row | None:
        return self._rows[self._at[key]] if key in self._at else None

    def set_rows(self, rows: Iterable[Row]) -> None:
        """Show these rows; the cursor stays on its row for as long as that exists."""
        before = {self.key_of(row): row for row in self._rows}
        old_index = self._at.get(self._cursor, 0) if self._cursor is not None else 0
        self._rows = self._in_order(rows)
        self._at = {self.key_of(row): index for index, row in enumerate(self._rows)}
        changed = []
        for index, row in enumerate(self._rows):
            key = self.key_of(row)
            if before.get(key) != row:
                self._strips.pop(key, None)
                if index < MEASURED:
                    changed.append(row)
        for key in before.keys() - self._at.keys():
            self._strips.pop(key, None)
            self.texts.forget(key)
        if self._cursor not in self._at:
            self._rest_cursor_at(old_index)
        if self.widths.take(changed) or not self.placed:
            self._arrange()
        self.virtual_size = Size(self._room.width, len(self._rows) + 1)
        self.refresh()

    def replace_rows(self, rows: Iterable[Row]) -> None:
        """Show these rows in the places of those with the same keys; repaint only them."""
        changed: list[int] = []
        for row in rows:
            key = self.key_of(row)
            index = self._at.get(key)
            if index is None or self._rows[index] == row:
                continue
            self._rows[index] = row
            self._strips.pop(key, None)
            changed.append(index)
        self._repaint(changed)

    def redraw(self, keys: Iterable[Key]) -> None:
        """Draw these rows anew, though their values stayed."""
        found = [(key, index) for key in keys if (index := self._at.get(key)) is not None]
        for key, _ in found:
            self._strips.pop(key, None)
        self._repaint(index for _, index in found)

    def restyle(self) -> None:
        """Draw everything anew: the widths, the theme or what the cells say changed."""
        self._forget_drawn()
        self._paint.forget()
        self.refresh()

    def remeasure(self) -> None:
        """Forget how wide columns were."""
        self.widths = Widths()
        self._arrange()
        self.refresh()

    def _arrange(self) -> None:
        shown = [*self.shown_columns()]
        measures = self.widths.of(shown, self._rows[:MEASURED])
        if self._room.width:
            self.placed = place(shown, measures, self._room.width - 1, self.start)
        self._forget_drawn()

    def _forget_drawn(self) -> None:
        self._strips.clear()
        self.texts.forget()
        self._heading = None

    @property
    def start(self) -> int:
        return 3 if type(self).flag_of is not LineTable.flag_of else 2

    def rows_to_write(self) -> Iterable[Row]:
        """The rows that a file gets."""
        return self._rows

    def sort_by(self, column_id: str | None, *, down: bool = False) -> None:
        """Order by a column; `None` goes back to the order in which the rows were given."""
        self.sort_id = column_id
        self.sort_down = down
        self._heading = None
        self.post_message(self.Sorted(self))

    def resort(self) -> None:
        """Put the rows in order again, if values moved them out of it."""
        rows = self._in_order(self._rows)
        if rows != self._rows:
            self.set_rows(rows)

    def _in_order(self, rows: Iterable[Row]) -> list[Row]:
        column = next((c for c in self._columns if c.id == self.sort_id), None)
        return ordered(rows, column, down=self.sort_down)

    def move_cursor(self, key: Key | None) -> None:
        """Put the cursor on the row of `key` and bring it into view."""
        if key is None or key not in self._at or key == self._cursor:
            return
        before, self._cursor = self._cursor, key
        self._reveal(self._at[key])
        self.redraw([key] if before is None else [before, key])
        self.post_message(self.Highlighted(self))

    def _rest_cursor_at(self, index: int) -> None:
        index = min(index, len(self._rows) - 1)
        self._cursor = self.key_of(self._rows[index]) if self._rows else None
        if self._cursor is not None:
            self._strips.pop(self._cursor, None)
        self.post_message(self.Highlighted(self))

    def _reveal(self, index: int) -> None:
        top, page = self.scroll_offset.y, max(1, self._room.height - 1)
        if not top <= index < top + page:
            y = index if index < top else index - page + 1
            self.scroll_to(y=y, animate=False, immediate=True)

    def _go_to(self, index: int) -> None:
        if self._rows:
            index = max(0, min(index, len(self._rows) - 1))
            self.move_cursor(self.key_of(self._rows[index]))

    @property
    def cursor_index(self) -> int:
        return self._at.get(self._cursor, 0) if self._cursor is not None else 0

    def action_move(self, by: int) -> None:
        self._go_to(self.cursor_index + by)

    def action_page(self, pages: int) -> None:
        self._go_to(self.cursor_index + pages * max(1, self._room.height - 1))

    def action_first(self) -> None:
        self._go_to(0)

    def action_last(self) -> None:
        self._go_to(len(self._rows) - 1)

    def action_select(self) -> None:
        if self.cursor_row is not None:
            self.post_message(self.Selected(self))

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            self._sort_at(event.x)
            return
        index = event.y - 1 + self.scroll_offset.y
        if 0 <= index < len(self._rows):
            self._go_to(index)
            if event.chain == 2:
                self.action_select()

    def _sort_at(self, x: int) -> None:
        for placed in self.placed:
            if placed.x <= x < placed.x + placed.width and placed.column.order is not None:
                same = self.sort_id == placed.column.id
                down = not self.sort_down if same else placed.column.wants_high_first
                self.sort_by(placed.column.id, down=down)
                self.resort()
                self.refresh()
                return

    def on_resize(self) -> None:
        self._room = self.size
        self._arrange()
        self.virtual_size = Size(self._room.width, len(self._rows) + 1)
        self.refresh()
        self._reveal(self.cursor_index)

    @on(events.Focus)
    @on(events.Blur)
    def _redraw_cursor(self) -> None:
        if self._cursor is not None:
            self.redraw([self._cursor])

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._forget_drawn()
        self._paint.forget()
        self._writer.forget()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        self._top = self.scroll_offset.y
        super().watch_scroll_y(old_value, new_value)

    def _repaint(self, indexes: Iterable[int]) -> None:
        """Paint these rows, as far as they are in view, in one go."""
        height, up = self._room.height, self._top - 1
        seen = {y: index for index in indexes if 1 <= (y := index - up) < height}
        if not seen:
            # Most of what moves is out of sight, and is drawn when it comes into view.
            return
        if not self._writer.can_write:
            self.refresh(*(Region(0, y, self._room.width, 1) for y in seen))
            return
        strips = {y: self._strip_of(index) for y, index in seen.items()}
        if self._has_widened():
            self.refresh()
        else:
            self._writer.write(strips)

    def _has_widened(self) -> bool:
        """Whether a text just drawn needs more room than there was; from now on there is."""
        grown, self.texts.has_grown = self.texts.has_grown, False
        if grown:
            self._arrange()
        return grown

    @property
    def rows_in_view(self) -> Sequence[Row]:
        return self._rows[self._top : self._top + max(0, self._room.height - 1)]

    def is_in_view(self, key: Key) -> bool:
        """Whether a row is among those on the screen."""
        index = self._at.get(key)
        return index is not None and 0 <= index - self._top < self._room.height - 1

    def render_line(self, y: int) -> Strip:
        width = self._room.width
        if y == 0:
            if self._heading is None:
                style = self.get_component_rich_style("line-table--heading")
                order = (self.sort_id, self.sort_down)
                self._heading = heading_strip(self.placed, *order, width, style)
            return self._heading
        index = y - 1 + self._top
        if index >= len(self._rows):
            return self._line_without_row(y - 2, width)
        strip = self._strip_of(index)
        if self._has_widened():
            self.call_later(self.refresh)
            strip = self._strip_of(index)
        return strip

    def _line_without_row(self, y: int, width: int) -> Strip:
        if self._rows or not self.placeholder or y < 0:
            return Strip.blank(width, self.rich_style)
        return placeholder_strip(self._paint, self.placeholder, y, width)

    def _strip_of(self, index: int) -> Strip:
        before = self._rows[index]
        row = self._rows[index] = self.row_to_draw(before)
        key = self.key_of(row)
        strip = self._strips.get(key) if row is before else None
        if strip is None:
            strip = self._strips[key] = self._draw_row(row, key)
        return strip

    def _draw_row(self, row: Row, key: Key) -> Strip:
        self.rows_drawn += 1
        ground, is_cursor = "", key == self._cursor
        if is_cursor:
            ground = "line-table--cursor" if self.has_focus else "line-table--cursor-blurred"
        look = RowLook(
            self.start, is_cursor, self.flag_of(row), self.note_of(row), self.note_spares,
            ground, self.grounds_of(row), self.texts.of(row, key, self.placed),
            self.spilling_of(row),
        )  # fmt: skip
        return row_strip(self._paint, look, self.placed, self._room.width)
