"""The dashboard: is the ledger right, am I connected, what changed."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from possync_tui.domain.views import PositionView
from possync_tui.tui.actions import DASHBOARD_DEEDS, bindings
from possync_tui.tui.bridge import EngineUpdate
from possync_tui.tui.desk import Desk
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.tones import Tone, say
from possync_tui.tui.widgets.connection import ConnectionPane
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.pane import Pane
from possync_tui.tui.widgets.pane_tabs import PaneTabs
from possync_tui.tui.widgets.positions import PositionsPane
from possync_tui.tui.widgets.sync_log import SyncLogPane
from possync_tui.tui.widgets.sync_stats import SyncStatsPane

TOO_SMALL = (
    "possync-tui needs a terminal of 60 × 15 or more. Everything goes on meanwhile; q quits."
)
ABOUT = {
    "Positions": "What you hold by the ledger, with live values beside it. Enter opens a "
    "position's life; a click on a heading sorts.",
    "Sync stats": "How often the ledger was compared with the broker, how well and how fast. The "
    "counters are those of the ledger's whole life; bars are the latest durations.",
    "Connection": "The link to TWS: how it stands, what to do about it, and the last error. R "
    "takes a new session; P stops trying while there is none.",
    "Sync log": "What happened, newest last. It stops following when you scroll back.",
}


class DashboardScreen(DeskScreen):
    """Positions on top, three panes below: side by side where it is wide, else behind tabs."""

    own_deeds = DASHBOARD_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(DASHBOARD_DEEDS)

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
        self.log_lines = SyncLogPane(desk.shown)
        self.lower = (
            Pane("Sync stats", 2, self.stats, id="sync-stats"),
            Pane("Connection", 3, self.connection, id="connection"),
            Pane("Sync log", 4, self.log_lines, id="sync-log"),
        )
        self._missed_something = False
        self.tabs = PaneTabs([pane.title for pane in self.lower], current=2)

    @property
    def here(self) -> tuple[str, str]:
        """The pane with the keyboard."""
        pane = next((p for p in self.panes if p.has_focus_within), self.positions)
        return pane.title, ABOUT[pane.title]

    @property
    def panes(self) -> tuple[Pane, ...]:
        return (self.positions, *self.lower)

    def body(self) -> Iterable[Widget]:
        yield self.positions
        yield Vertical(self.tabs, Horizontal(*self.lower, id="lower-panes"), id="lower")
        yield Static(TOO_SMALL, id="too-small", markup=False)

    def on_mount(self) -> None:
        self._show_tab(2)
        self.positions.focus_pane()
        self.show_ledger()
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
            if not self.is_covered:
                self.positions.tick()
                self.positions.show_rows_if_empty()
        if self.is_covered:
            self._missed_something = True
        elif update.marks:
            self.positions.take_marks(update.marks)

    def on_screen_resume(self) -> None:
        if self._missed_something:
            self._missed_something = False
            self.positions.show_ledger()
        super().on_screen_resume()

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

    def tick(self) -> None:
        super().tick()
        self.positions.tick()
        self.stats.tick()
        self.connection.tick()

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        row = self.positions.table.cursor_row
        if row is not None:
            self.post_message(self.LifeAsked(row.view))

    def on_sync_log_pane_paused(self) -> None:
        log = self.log_lines
        pane = self.lower[2]
        if log.is_following:
            pane.subtitle = say(("with debug lines", Tone.DIM) if log.shows_debug else "")
        else:
            pane.subtitle = say((f"paused · {log.new_lines} new · end to follow", Tone.WARNING))
        self.tabs.show_note(2, pane.subtitle)

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
        self.positions.ask_filter()

    def action_sort(self) -> None:
        self.positions.sort_next()

    def action_turn_sort(self) -> None:
        self.positions.turn_sort()

    def action_copy(self) -> None:
        """The row under the cursor, or the lines of the log in view, to the clipboard."""
        if self.log_lines.has_focus:
            text, what = self.log_lines.newest_in_view(), "log lines"
        else:
            text, what = self.positions.row_text(), "row"
        if text:
            self.app.copy_to_clipboard(text)
            self.app.notify(f"Copied the {what}.", markup=False, timeout=2)
