"""The rows of the Positions pane: in groups or not, and those that just changed lit up."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from possync_tui.domain.instruments import PositionKey
from possync_tui.tui.columns import Cell, Column, ordered
from possync_tui.tui.desk import Desk
from possync_tui.tui.holdings import Holding, flag, holding_columns, more_columns
from possync_tui.tui.position_groups import (
    Grouping,
    GroupKey,
    PositionLine,
    grouped,
    with_headings,
)
from possync_tui.tui.troubles import missing_note
from possync_tui.tui.widgets.line_table import LineTable

FLASH_SECONDS = 0.6
LineKey = PositionKey | GroupKey


class PositionsTable(LineTable[PositionLine, LineKey]):
    """Positions, and where they are grouped a heading with subtotals over each group."""

    note_spares = frozenset({"symbol", "account", "type", "currency", "quantity", "average"})
    IN_HEADING: ClassVar[dict[Grouping, set[str]]] = {
        Grouping.ACCOUNT: {"account", "currency"},
        Grouping.CURRENCY: {"currency"},
        Grouping.TYPE: {"type", "currency"},
    }
    """The columns whose values a group's heading says."""

    def __init__(self, desk: Desk) -> None:
        self.ordinary = holding_columns(desk.shown)
        self.others = more_columns()
        columns = [with_headings(c, desk.shown) for c in (*self.ordinary, *self.others)]
        super().__init__(columns, id="positions-table")
        self._desk = desk
        self._flashes: dict[LineKey, tuple[float, frozenset[str]]] = {}
        choices = desk.choices.now
        if any(column.id == choices.sort for column in columns):
            self.sort_id, self.sort_down = choices.sort, choices.sort_down

    @property
    def holdings(self) -> Sequence[Holding]:
        """The positions, without the headings between them."""
        return [line for line in self._rows if isinstance(line, Holding)]

    @property
    def cursor_holding(self) -> Holding | None:
        row = self.cursor_row
        return row if isinstance(row, Holding) else None

    @property
    def grouping(self) -> Grouping | None:
        return self._desk.choices.now.grouping

    # --- lines -------------------------------------------------------------------------------

    def key_of(self, row: PositionLine) -> LineKey:
        return row.key

    def flag_of(self, row: PositionLine) -> Cell | None:
        return flag(row) if isinstance(row, Holding) else Cell(" ")

    def note_of(self, row: PositionLine) -> Cell | None:
        if not isinstance(row, Holding):
            return None
        return missing_note(row, self._desk.clock.now(), self._desk.key_of("review"))

    def shown_columns(self) -> Iterable[Column[PositionLine]]:
        chosen = self._desk.choices.now.columns
        if chosen is not None:
            # Without its symbol a row would have no name.
            return [c for c in self._columns if c.id in chosen or c.id == "symbol"]
        hidden = {column.id for column in self.others}
        if self.grouping is not None:
            hidden |= self.IN_HEADING[self.grouping]
        if self._desk.account is not None or len({h.view.account for h in self.holdings}) < 2:
            hidden.add("account")
        if len({h.view.currency for h in self.holdings}) < 2:
            hidden.add("currency")
        return [column for column in self._columns if column.id not in hidden]

    def rows_to_write(self) -> Iterable[PositionLine]:
        """A file gets the positions alone: a sum between them would be added up with them."""
        return self.holdings

    def refresh_headings(self) -> None:
        """Values moved: the subtotals follow."""
        if self.grouping is not None:
            self.replace_rows(group.heading for group in grouped(self.holdings, self.grouping))

    def _in_order(self, rows: Iterable[PositionLine]) -> list[PositionLine]:
        column = next((c for c in self._columns if c.id == self.sort_id), None)
        holdings = [row for row in rows if isinstance(row, Holding)]
        if self.grouping is None:
            return ordered([*holdings], column, down=self.sort_down)
        lines: list[PositionLine] = []
        for group in grouped(holdings, self.grouping):
            members: list[PositionLine] = [*group.members]
            lines += [group.heading, *ordered(members, column, down=self.sort_down)]
        return lines

    def _rest_cursor_at(self, index: int) -> None:
        # A position is more use than the heading over it.
        is_heading = index < len(self._rows) and not isinstance(self._rows[index], Holding)
        super()._rest_cursor_at(index + 1 if is_heading else index)

    # --- what just changed -------------------------------------------------------------------

    def flash(self, key: LineKey, column_ids: frozenset[str]) -> None:
        """Light up cells; the row is drawn anew by whoever changes it."""
        until = self._desk.clock.monotonic() + FLASH_SECONDS
        _, others = self._flashes.get(key, (0.0, frozenset()))
        self._flashes[key] = (until, column_ids | others)

    @property
    def is_flashing(self) -> bool:
        return bool(self._flashes)

    def end_flashes(self, *, all_of_them: bool = False) -> None:
        """Put out those whose time is over; each costs its own row once more."""
        now = self._desk.clock.monotonic()
        over = [key for key, (until, _) in self._flashes.items() if all_of_them or until <= now]
        for key in over:
            del self._flashes[key]
        self.redraw(over)

    def ground_of(self, row: PositionLine, column_id: str) -> str:
        flashing = self._flashes.get(row.key)
        return "line-table--flash" if flashing and column_id in flashing[1] else ""
