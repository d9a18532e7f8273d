"""What a table gives to the clipboard: the row under the cursor, or all of it as CSV."""

from collections.abc import Hashable
from typing import TypeVar

from possync_tui.domain.exports import csv_cell, csv_of
from possync_tui.tui.format import MINUS
from possync_tui.tui.widgets.line_table import LineTable

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)


def csv_text(table: LineTable[Row, Key]) -> str:
    """The columns that were chosen, also where the screen has no room for them."""
    columns = table.columns_to_write()
    rows = ([column.exact(row) for column in columns] for row in table.rows_to_write())
    return csv_of([column.written or column.title for column in columns], rows)


def row_text(table: LineTable[Row, Key]) -> str:
    """The row under the cursor, tab-separated, with plain minus signs."""
    row = table.cursor_row
    if row is None:
        return ""
    cells = [column.cell(row).text for column in table.shown_columns()]
    return "\t".join(cells).replace(MINUS, "-")


def cells_of(table: LineTable[Row, Key]) -> list[tuple[str, str]]:
    """The row under the cursor as titles and exact values; none of a row that is a sum."""
    row = table.cursor_row
    if row is None or not any(row is each for each in table.rows_to_write()):
        return []
    return [
        (column.written or column.title, csv_cell(column.exact(row)))
        for column in table.columns_to_write()
    ]
