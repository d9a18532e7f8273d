"""The rows of the Positions pane: in groups or not, and those that just changed lit up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from possync_tui.domain.instruments import PositionKey
from possync_tui.tui.column_order import in_order, moved
from possync_tui.tui.columns import Cell, Column, Measure, ordered
from possync_tui.tui.desk import Desk
from possync_tui.tui.holdings import Holding, flag, holding_columns, more_columns
from possync_tui.tui.money_order import AMOUNTS, MoneyOrder, in_money_order, money_order
from possync_tui.tui.position_groups import (
    Grouping,
    GroupKey,
    PositionLine,
    RunningGroups,
    Subtotal,
    group_of,
    heading_text,
    with_headings,
)
from possync_tui.tui.tones import Tone
from possync_tui.tui.troubles import missing_note
from possync_tui.tui.widgets.line_table import MEASURED, LineTable

FLASH_SECONDS = 0.6
LineKey = PositionKey | GroupKey


def _fold_sign(heading: Subtotal) -> Cell:
    return Cell("▹" if heading.is_folded else "▾", Tone.ACCENT)


class PositionsTable(LineTable[PositionLine, LineKey]):
    """Positions, and where they are grouped a heading with subtotals over each group."""

    note_spares = frozenset({"symbol", "account", "type", "currency", "quantity", "average"})
    IN_HEADING: ClassVar[dict[Grouping, frozenset[str]]] = {
        Grouping.ACCOUNT: frozenset({"account", "currency"}),
        Grouping.CURRENCY: frozenset({"currency"}),
        Grouping.TYPE: frozenset({"type", "currency"}),
    }
    """The columns whose values a group's heading says."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "end_filter", "Clear the filter", show=False)
    ]

    class FilterEnded(Message):
        """All rows are wanted again."""

    def __init__(self, desk: Desk) -> None:
        self.ordinary = holding_columns(desk.shown)
        self.others = more_columns()
        columns = [with_headings(c, desk.shown) for c in (*self.ordinary, *self.others)]
        super().__init__(columns, id="positions-table")
        self._desk = desk
        self.folds_apply = True
        """Not while rows are looked for."""
        self._members: dict[LineKey, Holding] = {}
        self._groups = RunningGroups()
        self._accounts: set[str] = set()
        self._currencies: set[str] = set()
        self._rated: MoneyOrder | None = None
        self._dragged: str | None = None
        self._has_dragged = False
        self._drag_order: tuple[str, ...] | None = None
        self._flashes: dict[LineKey, tuple[float, frozenset[str]]] = {}
        choices = desk.choices.now
        if any(column.id == choices.sort for column in columns):
            self.sort_id, self.sort_down = choices.sort, choices.sort_down

    def action_end_filter(self) -> None:
        self.post_message(self.FilterEnded())

    @property
    def holdings(self) -> Sequence[Holding]:
        """The positions in their order, without the headings between them; those in folds too."""
        shown = [line for line in self._rows if isinstance(line, Holding)]
        if len(shown) == len(self._members):
            return shown
        unfolded = self._arranged(self._members.values(), frozenset())
        return [line for line in unfolded if isinstance(line, Holding)]

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
        return flag(row) if isinstance(row, Holding) else _fold_sign(row)

    def note_of(self, row: PositionLine) -> Cell | None:
        if not isinstance(row, Holding):
            return None
        return missing_note(row, self._desk.clock.now(), self._desk.key_of("review"))

    def spilling_of(self, row: PositionLine) -> tuple[str, str] | None:
        if isinstance(row, Holding):
            return None
        return "symbol", heading_text(row, self._desk.shown)

    def shown_columns(self) -> Iterable[Column[PositionLine]]:
        return self._told_here(self.wanted_columns())

    def columns_to_write(self) -> Sequence[Column[PositionLine]]:
        # No heading of a group stands over a row that is written.
        return self._told_here(self._choose(frozenset()))

    def _told_here(self, wanted: list[Column[PositionLine]]) -> list[Column[PositionLine]]:
        """Without the day's P&L, if only the ledger is read: the totals say where it is told."""
        is_told = not self._desk.engine.is_read_only
        return [column for column in wanted if is_told or column.id != "day"]

    def wanted_columns(self) -> list[Column[PositionLine]]:
        """Those that were chosen, or else those that tell something apart."""
        return self._choose(self.IN_HEADING[self.grouping] if self.grouping else frozenset())

    def _choose(self, in_heading: frozenset[str]) -> list[Column[PositionLine]]:
        chosen, columns = self._desk.choices.now.columns, in_order(self._columns, self._order)
        if chosen is not None:
            # Without its symbol a row would have no name.
            return [c for c in columns if c.id in chosen or c.id == "symbol"]
        hidden = {column.id for column in self.others} | in_heading
        if self._desk.account is not None or len({h.view.account for h in self.holdings}) < 2:
            hidden.add("account")
        if len({h.view.currency for h in self.holdings}) < 2:
            hidden.add("currency")
        return [column for column in columns if column.id not in hidden]

    @property
    def _order(self) -> tuple[str, ...] | None:
        return self._drag_order or self._desk.choices.now.column_order

    @property
    def measured(self) -> list[tuple[Column[PositionLine], Measure]]:
        """The columns that are shown where there is room, with what their cells take."""
        shown = [*self.shown_columns()]
        return list(zip(shown, self.widths.of(shown, self._rows[:MEASURED]), strict=True))

    def rows_to_write(self) -> Iterable[PositionLine]:
        """A file gets the positions alone: a sum between them would be added up with them."""
        return self.holdings

    def _in_order(self, rows: Iterable[PositionLine]) -> list[PositionLine]:
        return self._arranged(rows, self._folded)

    def _arranged(self, rows: Iterable[PositionLine], folded: frozenset[str]) -> list[PositionLine]:
        column = next((c for c in self._columns if c.id == self.sort_id), None)
        holdings = [row for row in rows if isinstance(row, Holding)]
        if self.grouping is None:
            if column is not None and self.money_order is not None:
                of_money = in_money_order(holdings, column, self.money_order, down=self.sort_down)
                return [*of_money]
            return ordered([*holdings], column, down=self.sort_down)
        groups = self._running_groups
        members: dict[GroupKey, list[PositionLine]] = {key: [] for key in groups.keys}
        for holding in holdings:
            members[group_of(holding, self.grouping)].append(holding)
        lines: list[PositionLine] = []
        for key, rows_in_it in members.items():
            heading = groups.heading(key, folded)
            lines.append(heading)
            if not heading.is_folded:
                lines += ordered(rows_in_it, column, down=self.sort_down)
        return lines

    @property
    def money_order(self) -> MoneyOrder | None:
        """What the amounts are compared in that the rows are sorted by, if more than one."""
        is_of_amounts = self.sort_id in AMOUNTS and self.grouping is None
        return self._rated if is_of_amounts else None

    def _money_order_now(self) -> MoneyOrder | None:
        return money_order(self._currencies, self._accounts, self._desk.engine.rates)

    def take_rates(self) -> bool:
        """Compare amounts at the rates told by now; whether that changes their order."""
        before, self._rated = self._rated, self._money_order_now()
        return self.money_order is not None and before != self._rated

    def set_rows(self, rows: Iterable[PositionLine]) -> None:
        self._members = {row.key: row for row in rows if isinstance(row, Holding)}
        self._groups = RunningGroups(self._members.values(), self.grouping)
        self._accounts = {row.view.account for row in self._members.values()}
        self._currencies = {row.view.currency for row in self._members.values()}
        self._rated = self._money_order_now()
        super().set_rows(self._members.values())

    def has(self, key: PositionKey) -> bool:
        """Whether a position is among those shown, be it in a fold."""
        return key in self._members

    def replace_rows(self, rows: Iterable[PositionLine]) -> None:
        """The headings of their groups follow in the same frame, from the same values."""
        new, groups = list(rows), self._running_groups
        touched: dict[GroupKey, None] = {}
        for row in new:
            if isinstance(row, Holding) and (before := self._members.get(row.key)) is not None:
                self._members[row.key] = row
                if groups.by is not None:
                    touched[groups.move(before, row)] = None
        folded = self._folded if touched else frozenset[str]()
        super().replace_rows([*new, *(groups.heading(key, folded) for key in touched)])

    def row_to_draw(self, row: PositionLine) -> PositionLine:
        if not isinstance(row, Holding):
            return row
        # It may have been out of sight, where nothing ages.
        return row.at(self._desk.clock.now(), is_live=self._desk.is_live)

    def resort(self) -> None:
        if self._in_order(self._members.values()) != self._rows:
            self.set_rows(self._members.values())

    def _rest_cursor_at(self, index: int) -> None:
        # A position is more use than the heading over it.
        here, below = (self._rows[i : i + 1] for i in (index, index + 1))
        is_heading = bool(here and below) and not isinstance(here[0], Holding)
        is_open = is_heading and isinstance(below[0], Holding)
        super()._rest_cursor_at(index + 1 if is_open else index)

    # --- folds -------------------------------------------------------------------------------

    @property
    def _folded(self) -> frozenset[str]:
        return frozenset(self._desk.choices.now.folded if self.folds_apply else ())

    @property
    def _running_groups(self) -> RunningGroups:
        """Of the grouping as it is now: that may be another one than when the rows were set."""
        if self._groups.by is not self.grouping:
            self._groups = RunningGroups(self._members.values(), self.grouping)
        return self._groups

    def fold(self) -> None:
        """Fold the group under the cursor, or unfold it; the cursor goes to its heading."""
        row, by = self.cursor_row, self.grouping
        if row is None or by is None:
            return
        key = row.key if isinstance(row, Subtotal) else group_of(row, by)
        self._fold({*self._desk.choices.now.folded} ^ {key.name}, cursor=key)

    def fold_all(self) -> None:
        """Fold all groups; where all are folded, unfold them."""
        row, by = self.cursor_row, self.grouping
        if row is None or by is None:
            return
        keys = {key.name for key in self._running_groups.keys}
        before = {*self._desk.choices.now.folded}
        cursor = row.key if isinstance(row, Subtotal) else group_of(row, by)
        self._fold(before - keys if keys <= before else before | keys, cursor=cursor)

    def unfold(self, key: PositionKey) -> None:
        """Bring a position out of its fold."""
        row, by = self._members.get(key), self.grouping
        if row is not None and by is not None:
            self._fold({*self._desk.choices.now.folded} - {group_of(row, by).name}, cursor=key)

    def _fold(self, names: set[str], *, cursor: LineKey) -> None:
        self._desk.choices.keep(folded=tuple(sorted(names)))
        before, self._cursor = self._cursor, cursor
        self.set_rows(self._members.values())
        self.redraw(key for key in (before, cursor) if key is not None)
        self._reveal(self.cursor_index)
        self.post_message(self.Highlighted(self))

    def action_select(self) -> None:
        if isinstance(self.cursor_row, Subtotal):
            self.fold()
        else:
            super().action_select()

    # --- the mouse ---------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """A group's line folds; a heading that was dragged does not sort."""
        index = event.y - 1 + self.scroll_offset.y
        if event.y == 0:
            if self._has_dragged:
                event.prevent_default()
            self._has_dragged = False
        elif 0 <= index < len(self._rows) and isinstance(self._rows[index], Subtotal):
            event.prevent_default()
            self.move_cursor(self._rows[index].key)
            if event.chain == 1:
                self.fold()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._dragged = None
        if event.y == 0:
            under = (p.column.id for p in self.placed if p.x <= event.x < p.x + p.width)
            self._dragged = next((name for name in under if name != "symbol"), None)
            self._has_dragged = False
        if self._dragged is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The column goes with the mouse, behind those whose middle that has passed."""
        if self._dragged is None:
            return
        others = [placed for placed in self.placed if placed.column.id != self._dragged]
        passed = [p.column.id for p in others if p.x + p.width // 2 < event.x]
        after = passed[-1] if passed else others[0].column.id
        before = tuple(column.id for column in in_order(self._columns, self._order))
        order = moved(before, self._dragged, after=after)
        if order != before:
            self._has_dragged = True
            self._drag_order = order
            self._arrange()
            self.refresh()

    def on_mouse_up(self) -> None:
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()
        if self._drag_order is not None:
            self._desk.choices.keep(column_order=self._drag_order)
            self._drag_order = None

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

    def grounds_of(self, row: PositionLine) -> Mapping[str, str]:
        flashing = self._flashes.get(row.key)
        return dict.fromkeys(flashing[1], "line-table--flash") if flashing else {}
