"""The Positions pane: what is held, what it is worth, and what is wrong with it."""

from collections.abc import Iterable

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.tui.columns import Cell, Column
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import MINUS, clean
from possync_tui.tui.holdings import Holding, holding_columns, matches, missing_note, totals
from possync_tui.tui.tones import Tone, say
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.pane import Pane
from possync_tui.tui.widgets.totals_foot import TotalsFoot

SORTS: tuple[str | None, ...] = (None, "symbol", "unrealized", "day", "value", "realized", "type")


class PositionsTable(LineTable[Holding, PositionKey]):
    """The rows themselves."""

    note_spares = frozenset({"symbol", "account", "type", "currency", "quantity", "average"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(holding_columns(desk.shown), id="positions-table")
        self._desk = desk

    def key_of(self, row: Holding) -> PositionKey:
        return row.key

    def flag_of(self, row: Holding) -> Cell | None:
        return Cell("!" if row.is_missing else " ", Tone.WARNING)

    def note_of(self, row: Holding) -> Cell | None:
        return missing_note(row, self._desk.clock.now())

    def shown_columns(self) -> Iterable[Column[Holding]]:
        hidden = set()
        if self._desk.account is not None or len({row.view.account for row in self.rows}) < 2:
            hidden.add("account")
        if len({row.view.currency for row in self.rows}) < 2:
            hidden.add("currency")
        return [column for column in self._columns if column.id not in hidden]


class FilterInput(Input):
    """Where a filter is typed; escape clears it."""

    BINDINGS = [("escape", "clear_filter", "Clear")]  # noqa: RUF012

    def action_clear_filter(self) -> None:
        self.value = ""
        self.screen.query_one(PositionsTable).focus()


class PositionsPane(Pane):
    """Rows, a filter when asked for, and totals a currency in the foot."""

    def __init__(self, desk: Desk) -> None:
        self.table = PositionsTable(desk)
        self.foot = TotalsFoot()
        self.filter = FilterInput(
            placeholder="symbol, type, account, currency, long, short, missing, pnl<0",
            id="positions-filter",
            compact=True,
        )
        super().__init__("Positions", 1, id="positions")
        self._desk = desk
        self._all: dict[PositionKey, Holding] = {}
        self._totals_are_old = False

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.filter
        yield self.table
        yield self.foot

    def focus_pane(self) -> None:
        self.table.focus()

    # --- what is shown -----------------------------------------------------------------------

    def show_ledger(self) -> None:
        """Take up the ledger as it was last read."""
        desk = self._desk
        now, marks = desk.clock.now(), desk.engine.marks
        self._all = {
            view.key: Holding(view, marks.get(view.key)).at(now, is_live=desk.is_live)
            for view in desk.picture.positions
            if desk.account is None or view.account == desk.account.code
        }
        self.show_rows()

    def show_rows(self) -> None:
        """Show the rows that the filter lets through."""
        words = self.filter.value
        rows = [row for row in self._all.values() if matches(row, words)]
        self.table.placeholder = self._placeholder(bool(words.strip()))
        shown = {column.id for column in self.table.shown_columns()}
        self.table.set_rows(rows)
        if shown != {column.id for column in self.table.shown_columns()}:
            self.table.remeasure()
        self._show_totals()
        self.show_subtitle()

    def take_marks(self, marks: Iterable[Mark]) -> None:
        """Live values moved: repaint the rows they belong to."""
        now, is_live = self._desk.clock.now(), self._desk.is_live
        changed = []
        for mark in marks:
            row = self._all.get(mark.key)
            if row is not None:
                row = self._all[mark.key] = row.with_mark(mark, now, is_live=is_live)
                changed.append(row)
        if changed:
            self.table.replace_rows(changed)
            self._totals_are_old = True

    def tick(self) -> None:
        """A second passed: rows age, sums and the order follow."""
        now, is_live = self._desk.clock.now(), self._desk.is_live
        aged = []
        for key, row in self._all.items():
            older = row.at(now, is_live=is_live)
            if older is not row:
                self._all[key] = older
                aged.append(older)
        if aged:
            self.table.replace_rows(aged)
        if self._totals_are_old or self.foot.is_live is not is_live:
            self._show_totals()
            if self.table.sort_id is not None:
                self.table.resort()
        self.show_subtitle()

    def _show_totals(self) -> None:
        self._totals_are_old = False
        # What was realized today is known for whole accounts, not for what a filter picks.
        is_all = not self.filter.value.strip()
        sums = totals(self.table.rows, self._desk.picture.realized_today if is_all else {})
        self.foot.show(sums, is_live=self._desk.is_live)

    def show_subtitle(self) -> None:
        """`25 open · 1 missing`, what is hidden or sorted, and that nothing is live."""
        views = [row.view for row in self._all.values()]
        missing = sum(1 for row in self._all.values() if row.is_missing)
        parts: list[Content] = [say((f"{len(views) - missing} open", Tone.DIM))]
        if missing:
            parts.append(say((f"{missing} missing", Tone.WARNING)))
        if self.filter.value.strip():
            parts.append(
                say((f"{len(self.table.rows)} match “{clean(self.filter.value)}”", Tone.ACCENT))
            )
        if self.table.sort_id is not None:
            way = "↓" if self.table.sort_down else "↑"
            parts.append(say((f"by {self.table.sort_id} {way}", Tone.DIM)))
        offline = self._desk.offline_sentence
        if offline and self._desk.picture.is_read:
            parts.append(say((offline, Tone.WARNING)))
        subtitle = say((" · ", Tone.DIM)).join(parts)
        if subtitle != self.subtitle or subtitle.spans != self.subtitle.spans:
            self.subtitle = subtitle

    def _placeholder(self, is_filtered: bool) -> str:
        desk = self._desk
        if self._all:
            return "Nothing matches the filter. Escape clears it." if is_filtered else ""
        if not desk.picture.is_read:
            return "Reading the ledger…"
        if not desk.is_live:
            state = desk.engine.connection
            why = desk.shown.text(state.sentence) or f"Not connected: {state.phase.value}."
            return f"The ledger holds no positions yet. {why}"
        if desk.engine.stats.last_sync_time is None:
            return "The ledger holds no positions yet; the first sync is under way, or press s."
        return "No open positions: the account is flat."

    def show_rows_if_empty(self) -> None:
        """The sentence in an empty pane follows the connection."""
        if not self._all:
            self.show_rows()

    def row_text(self) -> str:
        """The row under the cursor as tab-separated text, with plain minus signs."""
        row = self.table.cursor_row
        if row is None:
            return ""
        cells = [column.cell(row).text for column in self.table.shown_columns()]
        return "\t".join(cells).replace(MINUS, "-")

    def go_to(self, key: PositionKey) -> None:
        """Put the cursor on a position, wherever the keyboard was."""
        if self.table.row_for(key) is None:
            self.filter.value = ""
            self.show_rows()
        self.table.move_cursor(key)
        self.table.focus()

    # --- what the user does ------------------------------------------------------------------

    def ask_filter(self) -> None:
        self.add_class("-filtering")
        self.filter.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.show_rows()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        super().on_descendant_blur(event)
        if event.widget is self.filter and not self.filter.value:
            self.remove_class("-filtering")

    def sort_next(self) -> None:
        """Order by the next column of the usual ones."""
        current = self.table.sort_id
        index = SORTS.index(current) if current in SORTS else -1
        wanted = SORTS[(index + 1) % len(SORTS)]
        column = next((c for c in self.table.shown_columns() if c.id == wanted), None)
        self._sort(wanted, down=bool(column and column.wants_high_first))

    def turn_sort(self) -> None:
        self._sort(self.table.sort_id or "symbol", down=not self.table.sort_down)

    def _sort(self, column_id: str | None, *, down: bool) -> None:
        self.table.sort_by(column_id, down=down)
        self.show_rows()

    def on_line_table_sorted(self) -> None:
        self.show_subtitle()
