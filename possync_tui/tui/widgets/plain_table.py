"""A table of rows that do not move: history, holds, a plan."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from possync_tui.tui.columns import Cell, Column
from possync_tui.tui.widgets.line_table import LineTable

Row = TypeVar("Row")


class PlainTable(LineTable[Row, int]):
    """Rows known by a number, with an optional symbol before them."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        id: str,  # noqa: A002
        key: Callable[[Row], int],
        flag: Callable[[Row], Cell] | None = None,
        placeholder: str = "",
    ) -> None:
        super().__init__(columns, id=id, placeholder=placeholder)
        self._key = key
        self._flag = flag

    def key_of(self, row: Row) -> int:
        return self._key(row)

    def flag_of(self, row: Row) -> Cell | None:
        return None if self._flag is None else self._flag(row)

    @property
    def start(self) -> int:
        return 2 if self._flag is None else 4
