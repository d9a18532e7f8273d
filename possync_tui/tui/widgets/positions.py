"""The Positions pane: what is held, what it is worth, and what is wrong with it."""

from collections.abc import Iterable
from decimal import Decimal

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.tui.column_order import ColumnChoice
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import clean, countdown
from possync_tui.tui.holdings import Holding, holds_by_position
from possync_tui.tui.position_filter import HINT, matches
from possync_tui.tui.position_groups import next_grouping
from possync_tui.tui.position_totals import (
    BaseTotal,
    RunningTotals,
    Total,
    base_total,
    rates_text,
)
from possync_tui.tui.tones import Tone, say
from possync_tui.tui.troubles import explained, in_need_of_a_word
from possync_tui.tui.widgets.pane import Pane
from possync_tui.tui.widgets.positions_table import FLASH_SECONDS, PositionsTable
from possync_tui.tui.widgets.prompt import Prompt
from possync_tui.tui.widgets.totals_foot import TotalsFoot

FOLLOWER_HAS_NO_RATES = "no total in one currency: exchange rates are told only where it is synced"
SORTS: tuple[str | None, ...] = (None, "symbol", "unrealized", "day", "value", "realized", "type")


class PositionsPane(Pane):
    """Rows, a filter when asked for, what is wrong with a row, and totals in the foot."""

    def __init__(self, desk: Desk) -> None:
        self.table = PositionsTable(desk)
        self.foot = TotalsFoot(desk.key_of("totals"))
        self.why = Static("", id="positions-why", markup=False)
        self.filter = Prompt(HINT, self.focus_pane, id="positions-filter")
        super().__init__("Positions", desk.key_of("pane-1"), id="positions")
        self._desk = desk
        self._all: dict[PositionKey, Holding] = {}
        self._account_shown: str | None = None
        self._totals_are_old = True
        self._running_totals = RunningTotals()
        self._sums: tuple[Total, ...] = ()
        self._missing = 0
        self._others_why = ""
        self._accounts: set[str] = set()
        self._why_shown = Content("")
        self._knows_day = True

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.filter
        yield self.table
        yield self.why
        yield self.foot

    def focus_pane(self) -> None:
        self.table.focus()

    # --- what is shown -----------------------------------------------------------------------

    def show_ledger(self) -> None:
        """Take up the ledger as it was last read."""
        desk = self._desk
        now, marks = desk.clock.now(), desk.engine.marks
        holds = holds_by_position(desk.picture.holds)
        account = desk.account.code if desk.account else None
        before = self._all if account == self._account_shown else {}
        self._account_shown = account
        self._all = {
            view.key: Holding.of(view, marks.get(view.key), holds.get(view.key)).at(
                now, is_live=desk.is_live
            )
            for view in desk.picture.positions
            if account in (None, view.account)
        }
        for row in self._all.values():
            old = before.get(row.key)
            if old is not None and old.view.quantity != row.view.quantity:
                self._flash(row.key, frozenset({"quantity"}))
            elif before and old is None:
                self._flash(row.key, frozenset({"symbol", "quantity"}))
        self.show_rows()

    def show_rows(self) -> None:
        """Show the rows that the filter lets through."""
        words = self.filter.value
        rows = [row for row in self._all.values() if matches(row, words)]
        self.table.placeholder = self._placeholder(bool(words.strip()))
        shown = {column.id for column in self.table.shown_columns()}
        # What was looked for is not to be hidden in a fold.
        self.table.folds_apply = not words.strip()
        self.table.set_rows(rows)
        # What the ledger alone decides is worked out here, and not every second.
        holdings = self.table.holdings
        self._running_totals = RunningTotals(holdings)
        self._accounts = {row.view.account for row in holdings or self._all.values()}
        self._missing = sum(1 for row in self._all.values() if row.is_missing)
        self._others_why = in_need_of_a_word(holdings, self._desk.key_of)
        # Whether this instance only follows is known once it has opened the ledger.
        knew_day, self._knows_day = self._knows_day, not self._desk.engine.is_read_only
        is_other = shown != {column.id for column in self.table.shown_columns()}
        if is_other or knew_day is not self._knows_day:
            self.table.remeasure()
        self._totals_are_old = True
        self._show_totals()
        self.show_subtitle()
        self.show_why()

    def take_marks(self, marks: Iterable[Mark]) -> None:
        """Live values moved: repaint the rows they belong to."""
        now, is_live = self._desk.clock.now(), self._desk.is_live
        changed = []
        for mark in marks:
            old = self._all.get(mark.key)
            if old is not None:
                row = self._all[mark.key] = old.with_mark(mark, now, is_live=is_live)
                changed.append(row)
                if self.table.has(mark.key):
                    self._running_totals.move(old, row)
                    self._flash_move(mark.key, old, row)
        if changed:
            self.table.replace_rows(changed)
            self._totals_are_old = True

    def tick(self) -> None:
        """A second passed: rows age, sums and the order follow."""
        now, is_live, table = self._desk.clock.now(), self._desk.is_live, self.table
        aged = []
        # Out of sight, only a group's heading tells that values are old.
        seen = table.rows_in_view if table.grouping is None else self._all.values()
        for row in tuple(seen):
            if isinstance(row, Holding):
                older = row.at(now, is_live=is_live)
                if older is not row:
                    self._all[row.key] = older
                    aged.append(older)
        if aged:
            table.replace_rows(aged)
        is_other = self._totals_are_old or aged or self.foot.is_live is not is_live
        if (table.take_rates() or is_other) and table.sort_id is not None:
            table.resort()
        self.say_if_empty()
        # Also where no price moved: rates come and age by themselves.
        self._show_totals()
        self.show_subtitle()
        self.show_why()

    def _show_totals(self) -> None:
        desk = self._desk
        if self._totals_are_old:
            self._totals_are_old = False
            picture = desk.picture
            nothing = Decimal(0) if picture.is_read else None
            self._sums = self._running_totals.now(picture.realized_today, nothing)
        sums = self._sums
        base = base_total(sums, self._accounts, desk.engine.rates)
        said = (
            ""
            if base is None
            else FOLLOWER_HAS_NO_RATES
            if isinstance(base, str) and desk.engine.is_read_only
            else base
            if isinstance(base, str)
            else rates_text(base, desk.clock.now())
        )
        one = base.total if isinstance(base, BaseTotal) else None
        # What was realized today is known for whole accounts, not for what a filter picks.
        is_part = bool(self.filter.value.strip())
        self.foot.show(
            sums,
            one,
            said,
            is_live=desk.is_live,
            is_part=is_part,
            knows_day=not desk.engine.is_read_only,
        )

    def show_subtitle(self) -> None:
        """`25 open · 1 missing`, what is hidden or sorted, and that nothing is live."""
        table, missing = self.table, self._missing
        parts: list[Content] = [say((f"{len(self._all) - missing} open", Tone.DIM))]
        if missing:
            parts.append(say((f"{missing} missing", Tone.WARNING)))
        if self.filter.value.strip():
            found = f"{len(table.holdings)} match “{clean(self.filter.value)}”"
            parts.append(say((found, Tone.ACCENT)))
        if table.grouping is not None:
            parts.append(say((f"in groups by {table.grouping}", Tone.DIM)))
        if table.sort_id is not None:
            way = "↓" if table.sort_down else "↑"
            order, sorted_by = table.money_order, f"by {table.sort_id} {way}"
            if order is not None and order.is_by_currency:
                sorted_by = f"by currency, {table.sort_id} {way}"
            elif order is not None:
                sorted_by += f" in {clean(order.base)}"
            parts.append(say((sorted_by, Tone.DIM)))
        offline = self._desk.offline_sentence
        if offline and self._desk.picture.is_read:
            parts.append(say((offline, Tone.WARNING)))
        subtitle = say((" · ", Tone.DIM)).join(parts)
        if subtitle != self.subtitle or subtitle.spans != self.subtitle.spans:
            self.subtitle = subtitle

    def show_why(self) -> None:
        """What is wrong with the row under the cursor, else which rows are: there while any is."""
        desk, row = self._desk, self.table.cursor_holding
        said = explained(row, desk.clock.now(), desk.key_of) if row is not None else ""
        about_others = "" if said else self._others_why
        tone = Tone.WARNING if said else Tone.DIM
        text = say((desk.shown.story(said or about_others), tone))
        self.why.set_class(bool(said or about_others), "-needed")
        if text != self._why_shown:
            self._why_shown = text
            self.why.update(text)

    def on_line_table_highlighted(self) -> None:
        self.show_why()

    def _placeholder(self, is_filtered: bool) -> str:
        desk = self._desk
        if self._all:
            words = clean(self.filter.value.strip())
            return f"Nothing matches “{words}”. Escape clears the filter." if is_filtered else ""
        if not desk.picture.is_read:
            return "Reading the ledger…"
        if desk.engine.is_read_only:
            follows = "What the other instance writes is followed."
            said = follows if desk.engine.has_writer else desk.read_only_sentence
            return f"The ledger holds no positions yet. {said}"
        if not desk.is_live:
            state = desk.engine.connection
            why = desk.shown.text(state.sentence) or f"Not connected: {state.phase.value}."
            return f"The ledger holds no positions yet. {why}"
        if desk.engine.stats.last_sync_time is None:
            return f"The ledger holds no positions yet; {self._first_sync()}."
        return "No open positions: the account is flat."

    def _first_sync(self) -> str:
        """When it comes, as the header tells it."""
        desk = self._desk
        key = desk.key_of("sync")
        if desk.engine.is_syncing:
            return "the first sync is under way"
        if not desk.engine.is_enabled or desk.next_sync_in is None:
            return f"{key} syncs"
        return f"the first sync begins in {countdown(desk.next_sync_in)}, or press {key}"

    def say_if_empty(self) -> None:
        """The sentence in an empty pane follows the connection, the sync and the time."""
        if self._all:
            return
        said = self._placeholder(bool(self.filter.value.strip()))
        if said != self.table.placeholder:
            self.table.placeholder = said
            self.table.refresh()

    def go_to(self, key: PositionKey) -> None:
        """Put the cursor on a position, wherever the keyboard was."""
        if self.table.row_for(key) is None:
            self.filter.empty()
            self.show_rows()
            self.table.unfold(key)
        self.table.move_cursor(key)
        self.table.focus()

    def show_only(self, words: str) -> None:
        """Filter by these words, and give the keyboard to what is left."""
        self.filter.display = True
        self.filter.value = words
        self.table.focus()

    # --- what just changed -------------------------------------------------------------------

    def _flash(self, key: PositionKey, columns: frozenset[str]) -> None:
        if not self._desk.choices.now.flashes:
            return
        if not self.table.is_flashing:
            self.set_timer(FLASH_SECONDS, self._end_flashes)
        self.table.flash(key, columns)

    def _flash_move(self, key: PositionKey, old: Holding, row: Holding) -> None:
        """One cell a row is enough to catch the eye: the price, or what hangs on it."""
        if not self.table.is_in_view(key):
            return
        column = "last" if self.table.has_room_for("last") else "unrealized"
        before, after = (
            (old.last, row.last) if column == "last" else (old.unrealized, row.unrealized)
        )
        if before != after:
            self._flash(key, frozenset({column}))

    def _end_flashes(self) -> None:
        self.table.end_flashes()
        if self.table.is_flashing:
            self.set_timer(FLASH_SECONDS / 2, self._end_flashes)

    def turn_flashes(self) -> bool:
        """Flash on changes, or stop that; whether it flashes now."""
        flashes = not self._desk.choices.now.flashes
        self._desk.choices.keep(flashes=flashes)
        if not flashes:
            self.table.end_flashes(all_of_them=True)
        return flashes

    # --- what the user does ------------------------------------------------------------------

    def ask_filter(self) -> None:
        self.filter.ask()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.show_rows()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    def on_positions_table_filter_ended(self) -> None:
        self.filter.empty()

    def sort_next(self) -> None:
        """Order by the next column of the usual ones."""
        current = self.table.sort_id
        columns = {column.id: column for column in self.table.shown_columns()}
        sorts = [name for name in SORTS if name is None or name in columns]
        index = sorts.index(current) if current in sorts else -1
        wanted = sorts[(index + 1) % len(sorts)]
        self._sort(wanted, down=wanted is not None and columns[wanted].wants_high_first)

    def turn_sort(self) -> None:
        self._sort(self.table.sort_id or "symbol", down=not self.table.sort_down)

    def _sort(self, column_id: str | None, *, down: bool) -> None:
        self.table.sort_by(column_id, down=down)
        self.show_rows()

    def on_line_table_sorted(self) -> None:
        self._desk.choices.keep(sort=self.table.sort_id, sort_down=self.table.sort_down)
        self.show_subtitle()

    def group_next(self) -> None:
        """Put the rows together by the next of account, currency and asset class, then by none."""
        self._desk.choices.keep(grouping=next_grouping(self._desk.choices.now.grouping))
        self.show_rows()
        self.table.remeasure()

    def fold(self) -> bool:
        """Fold or unfold the group under the cursor; whether there are groups."""
        self.table.fold()
        return self.table.grouping is not None

    def fold_all(self) -> bool:
        """Fold all groups, or unfold them where all are; whether there are groups."""
        self.table.fold_all()
        return self.table.grouping is not None

    def choose_columns(self, choice: ColumnChoice) -> None:
        """Show these columns in this order."""
        self._desk.choices.keep(columns=choice.shown, column_order=choice.order)
        self.table.remeasure()
