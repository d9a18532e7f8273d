"""The dashboard: is the ledger right, am I connected, what changed."""

from collections.abc import Iterable
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.views import PositionView
from possync_tui.tui.actions import DASHBOARD_DEEDS, LOG_DEEDS, bindings
from possync_tui.tui.bridge import EngineUpdate
from possync_tui.tui.column_order import ColumnChoice
from possync_tui.tui.desk import Desk
from possync_tui.tui.position_filter import HELP as FILTER_HELP
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.widgets.connection import ConnectionPane
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.log_pane import LogPane
from possync_tui.tui.widgets.pane import Pane
from possync_tui.tui.widgets.pane_tabs import PaneTabs
from possync_tui.tui.widgets.positions import PositionsPane
from possync_tui.tui.widgets.sync_stats import SyncStatsPane

TOO_SMALL = (
    "possync-tui needs a terminal of 60 × 15 or more. Everything goes on meanwhile; {quit} quits."
)
ABOUT = {
    "Positions": "What you hold by the ledger, with live values beside it. Enter opens a "
    "position's life; a click on a heading sorts, dragging one moves the column. In groups, enter "
    "or a click on a group's line folds it. Value, unrealized and day are summed over the "
    "positions listed: the day of one that was closed is in realized today. Day P&L is a live "
    "value: an instance that only follows the ledger has none. {filter} filters. " + FILTER_HELP,
    "Sync stats": "How often the ledger was compared with the broker, how well and how fast. The "
    "counters are those of the ledger's whole life; bars are the latest durations.",
    "Connection": "The link to TWS: how it stands, what to do about it, and the last error. "
    "{reconnect} takes a new session; {pause} stops trying while there is none.",
    "Sync log": "What happened, newest last. It stops following when you scroll back. The same "
    "lines stand in the log file.",
}


class DashboardScreen(DeskScreen):
    """Positions on top, three panes below: side by side where it is wide, else behind tabs."""

    own_deeds = DASHBOARD_DEEDS
    pane_deeds = LOG_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(DASHBOARD_DEEDS)
    AUTO_FOCUS = "#positions-table"

    class LifeAsked(Message):
        """A position was opened."""

        def __init__(self, view: PositionView) -> None:
            super().__init__()
            self.view = view

    class Ready(Message):
        """The panes are there to be told news."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.positions = PositionsPane(desk)
        self.stats = SyncStatsPane(desk)
        self.connection = ConnectionPane(desk)
        self.log_pane = LogPane(desk)
        self.log_lines = self.log_pane.lines
        self.lower = (
            Pane("Sync stats", desk.key_of("pane-2"), self.stats, id="sync-stats"),
            Pane("Connection", desk.key_of("pane-3"), self.connection, id="connection"),
            self.log_pane,
        )
        self._is_veiled = True
        """Until all is in its place: piece by piece, the first frame would take twice as long, and
        wipe out what stands there already.
        """
        self._missed_something = False
        titles, keys = zip(*((pane.title, pane.key) for pane in self.lower), strict=True)
        self.tabs = PaneTabs(titles, keys, current=2)
        self.log_pane.add_class("-current", update=False)

    @property
    def here(self) -> tuple[str, str]:
        """The pane with the keyboard."""
        pane = next((p for p in self.panes if p.has_focus_within), self.positions)
        return pane.title, self.desk.keymap.said(ABOUT[pane.title])

    @property
    def panes_with_deeds(self) -> tuple[Widget, ...]:
        return (self.log_lines,)

    @property
    def panes(self) -> tuple[Pane, ...]:
        return (self.positions, *self.lower)

    def body(self) -> Iterable[Widget]:
        yield self.positions
        yield Vertical(self.tabs, Horizontal(*self.lower, id="lower-panes"), id="lower")
        sentence = TOO_SMALL.format(quit=self.desk.key_of("quit"))
        yield Static(sentence, id="too-small", markup=False)

    def on_mount(self) -> None:
        # At once: a key may have come before the screen has.
        self.set_focus(self.positions.table)
        self.show_ledger()
        self.call_after_refresh(self._settle)

    def _compositor_refresh(self) -> None:
        # Textual has no other way to lay a screen out and not draw it.
        if not self._is_veiled:
            super()._compositor_refresh()

    def _settle(self) -> None:
        """Once more: only by now it is known which scrollbars take their room."""
        self.call_after_refresh(self._unveil)

    def _unveil(self) -> None:
        """All is in its place: draw it, at once and for the first time."""
        self._is_veiled = False
        self.refresh()
        self.post_message(self.Ready())

    def on_resize(self) -> None:
        self.call_after_refresh(self._keep_focus)

    def _keep_focus(self) -> None:
        """Panes that were hidden while the terminal was too small have lost the keyboard."""
        if self.focused is None and not (self.has_class("-tiny") or self.has_class("-flat")):
            self.positions.focus_pane()

    # --- news --------------------------------------------------------------------------------

    def follow(self, update: EngineUpdate) -> None:
        super().follow(update)
        if update.lines:
            self.log_lines.take(update.lines)
        if update.results:
            self.stats.take_results(update.results)
        if update.connection is not None:
            self.connection.refresh()
        # What counts down there says what the header says.
        self.stats.tick()
        if self.is_covered:
            self._missed_something = True
        elif update.connection is not None:
            self.positions.tick()
        else:
            self.positions.say_if_empty()

    def shows(self, key: PositionKey) -> bool:
        return self.positions.table.is_in_view(key) and not self.is_covered

    def take_marks(self, marks: Iterable[Mark]) -> None:
        if self.is_covered:
            self._missed_something = True
        else:
            self.positions.take_marks(marks)

    def on_screen_resume(self) -> None:
        if self._missed_something:
            self._missed_something = False
            self.positions.show_ledger()

    @on(events.ScreenResume)
    def _keep_styles(self, event: events.ScreenResume) -> None:
        # For the first time, each part has just been styled when it was put in its place.
        event.refresh_styles = not self._is_veiled

    def show_ledger(self) -> None:
        super().show_ledger()
        if self.is_covered:
            self._missed_something = True
        else:
            self.positions.show_ledger()
        self.stats.show_ledger()

    def restyle(self) -> None:
        super().restyle()
        self.log_lines.restyle()
        self.stats.refresh()
        self.connection.refresh()

    def tick_panes(self) -> None:
        self.positions.tick()
        self.stats.tick()
        self.connection.tick()

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        row = self.positions.table.cursor_holding
        if row is not None:
            self.post_message(self.LifeAsked(row.view))

    def on_sync_log_pane_changed(self) -> None:
        self.tabs.show_note(2, self.log_lines.state_text())

    # --- panes -------------------------------------------------------------------------------

    def _show_tab(self, index: int) -> None:
        self.tabs.show(index)
        for number, pane in enumerate(self.lower):
            pane.set_class(number == index, "-current")

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        self.action_show_pane(event.index + 2)

    def on_descendant_focus(self) -> None:
        for index, pane in enumerate(self.lower):
            if pane.has_focus_within:
                self._show_tab(index)
        self.tabs.set_lit(any(pane.has_focus_within for pane in self.lower))

    def action_show_pane(self, number: int) -> None:
        """Give the keyboard to a pane; zoomed, that one is zoomed instead."""
        pane = self.panes[number - 1]
        if number > 1:
            self._show_tab(number - 2)
        if self.has_class("-zoomed"):
            self._zoom(pane)
        self.call_after_refresh(pane.focus_pane)

    def action_next_pane(self, by: int) -> None:
        """Round the panes, those behind a tab too."""
        here = next((i for i, pane in enumerate(self.panes) if pane.has_focus_within), 0)
        self.action_show_pane((here + by) % len(self.panes) + 1)

    def action_zoom(self) -> None:
        if self.has_class("-zoomed"):
            self._zoom(None)
            return
        self._zoom(next((pane for pane in self.panes if pane.has_focus_within), self.positions))

    def _zoom(self, wanted: Pane | None) -> None:
        self.set_class(wanted is not None, "-zoomed")
        self.set_class(wanted in self.lower, "-zoomed-lower")
        for pane in self.panes:
            pane.set_class(pane is wanted, "-zoomed-pane")

    def action_filter(self) -> None:
        """Filter the positions, or search the log where that has the keyboard."""
        if self.log_pane.has_focus_within:
            self.log_pane.ask_search()
        else:
            self.positions.ask_filter()

    def action_sort(self) -> None:
        self.positions.sort_next()

    def action_turn_sort(self) -> None:
        self.positions.turn_sort()

    def action_group(self) -> None:
        self.positions.group_next()

    def action_next_totals(self) -> None:
        """Turn to the totals, or the amounts of them, that have no room in the foot."""
        if not self.positions.foot.turn():
            self.app.notify("All totals are in sight.", markup=False, timeout=2)

    def action_fold(self) -> None:
        """Fold the group of the row under the cursor, or unfold it."""
        if not self.positions.fold():
            self._say_ungrouped()

    def action_fold_all(self) -> None:
        if not self.positions.fold_all():
            self._say_ungrouped()

    def _say_ungrouped(self) -> None:
        said = f"The rows are in no groups; {self.desk.key_of('group')} puts them together."
        self.app.notify(said, markup=False, timeout=3)

    def action_flash(self) -> None:
        flashes = self.positions.turn_flashes()
        said = "Changed values light up." if flashes else "Changed values do not light up any more."
        self.app.notify(said, markup=False, timeout=2)

    def action_columns(self) -> None:
        """Ask which columns to show."""
        from possync_tui.tui.screens.columns_dialog import ColumnsDialog

        table, kept = self.positions.table, self.desk.choices.now

        def answered(answer: ColumnChoice | None) -> None:
            if answer is not None:
                self.positions.choose_columns(answer)

        shown = [column.id for column in table.wanted_columns()]
        chosen = ColumnChoice(kept.columns, kept.column_order)
        self.app.push_screen(ColumnsDialog(table.all_columns, shown, chosen), answered)

    def action_copy(self) -> None:
        """The row under the cursor, or the lines selected in the log, to the clipboard."""
        from possync_tui.tui.widgets.table_text import row_text

        if self.log_pane.has_focus_within:
            text, what = self.log_lines.text_to_copy()
        else:
            text, what = row_text(self.positions.table), "the row"
        self.desk.copier.copy(self.app, text, what)
