"""The app: starts the sync loop, and hands news of the engine to the screens."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.command import Provider

from possync_tui.domain.clock import Clock
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.outline import Outline
from possync_tui.sync.port import EnginePort
from possync_tui.tui.actions import DEEDS, bindings
from possync_tui.tui.bridge import EngineMoved, EventBridge
from possync_tui.tui.desk import LedgerPicture, Probe, Reading
from possync_tui.tui.format import clean, counted
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.steering import Steering
from possync_tui.tui.terminal import Painted
from possync_tui.tui.themes import UserThemes
from possync_tui.tui.widgets.line_table import LineTable

logger = logging.getLogger(__name__)

SYNC_LOOP = "the sync loop"


def _our_commands() -> type[Provider]:
    """What the palette finds: loaded with it."""
    from possync_tui.tui.palette import PossyncCommands

    return PossyncCommands


def _note_end(loop: "asyncio.Future[None]") -> None:
    """Nobody may be waiting any more: a failure is said here, not by the event loop at exit."""
    if not loop.cancelled() and loop.exception() is not None:
        logger.debug("the sync loop ended with an error", exc_info=loop.exception())


class PossyncApp(Steering):
    """The dashboard of one engine, which the caller owns, starts and stops."""

    CSS_PATH = "styles/possync.tcss"
    TITLE = "possync-tui"
    BINDINGS: ClassVar[list[BindingType]] = bindings(DEEDS)
    COMMANDS = App.COMMANDS | {_our_commands}
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (60, "-narrow"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (15, "-low"),
        (22, "-short"),
        (30, "-tall"),
        (48, "-high"),
    ]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        engine: EnginePort,
        *,
        clock: Clock,
        theme: str | None = None,
        mask_accounts: bool = False,
        label: str = "",
        keymap: Keymap | None = None,
        state_folder: Path | None = None,
        export_folder: Path | None = None,
        themes: UserThemes | None = None,
        probe: Probe | None = None,
        picture: LedgerPicture | None = None,
        painted: Painted | None = None,
        keep_outline: Callable[[Outline], None] | None = None,
    ) -> None:
        """`theme` goes before the remembered one; in `state_folder` things are remembered.

        Files that the user asks for go to `export_folder`, else to the current one.
        `picture` is the ledger as it was last known, to begin with; `painted` is what stands on
        the terminal already. `keep_outline` takes what the next start may paint first.
        """
        super().__init__(
            engine,
            clock=clock,
            theme=theme,
            mask_accounts=mask_accounts,
            label=label,
            keymap=keymap,
            state_folder=state_folder,
            export_folder=export_folder,
            themes=themes,
            probe=probe,
            picture=picture,
            painted=painted,
        )
        self._keep_outline = keep_outline
        self.painted = painted
        self.has_begun = False
        """Whether the first frame is drawn and the engine asked for."""
        self._has_offered_help = False
        self._bridge = EventBridge(engine.bus, self.post_message, self)
        self._sync_loop: asyncio.Future[None] | None = None
        self._ledger = Reading(self.start_work, self._read_ledger, "reading the ledger")

    # --- start and end -----------------------------------------------------------------------

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)

    def on_dashboard_screen_ready(self) -> None:
        """Only now is there somebody to tell: earlier lines would be lost."""
        self._bridge.open()
        # What the engine is made of may still have to be loaded: the first frame goes before that.
        self.call_after_refresh(self._begin)
        if self.desk.choices.problem:
            self.say_in_log(logging.WARNING, "dashboard", self.desk.choices.problem)
        self.tell_of_themes()

    def _begin(self) -> None:
        self.start_work(self._begin_behind_keys(), "beginning")
        self._draw_up_outline()

    async def _begin_behind_keys(self) -> None:
        await self.keys_answered()
        self.has_begun = True
        self.start_work(self._run_engine(), SYNC_LOOP)
        self.read_ledger()

    def _draw_up_outline(self) -> None:
        """Only from the first frame: later ones show more than the ledger knows."""
        screen = self.screen
        if self._keep_outline is None or not isinstance(screen, DashboardScreen):
            return
        # Only here: it is drawn up behind the first frame.
        from possync_tui.tui.outlining import outline_of

        painted = None if self.painted is None else self.painted.outline
        outline = outline_of(screen, painted)
        if outline is not None and outline is not painted:
            keep = asyncio.to_thread(self._keep_outline, outline)
            self.start_work(keep, "remembering the outline")

    def on_unmount(self) -> None:
        self._bridge.close()

    async def _run_engine(self) -> None:
        """Run the sync loop; leaving the app ends the wait, never the loop in mid-commit."""
        if self._sync_loop is None:
            self._sync_loop = asyncio.ensure_future(self.desk.engine.run())
            self._sync_loop.add_done_callback(_note_end)
        await asyncio.shield(self._sync_loop)

    # --- news --------------------------------------------------------------------------------

    def on_engine_moved(self, message: EngineMoved) -> None:
        began = time.thread_time()
        update = self._bridge.take()
        self.hand_out(update)
        if update.marks:
            self.take_marks(update.marks)
        self.call_after_refresh(lambda: self._bridge.took(time.thread_time() - began))
        if update.connection is not None:
            self.screen.refresh_bindings()
            self.tell_reconnected(update.connection)
            self._help_in_the_first_minute()
        if update.ledger_changed:
            self.read_ledger()

    def shows(self, key: PositionKey) -> bool:
        """Whether a position is on the screen, so that its live value is awaited there."""
        return any(screen.shows(key) for screen in self.desk_screens)

    def take_marks(self, marks: Iterable[Mark]) -> None:
        """Live values moved."""
        for screen in self.desk_screens:
            screen.take_marks(marks)

    def _tick(self) -> None:
        if self.desk.is_yesterdays:
            self.read_ledger()
        for screen in reversed(self.desk_screens):
            screen.tick()
            return

    def read_ledger(self) -> None:
        """Read the tables again for the panes."""
        self._ledger.ask()

    async def _read_ledger(self) -> None:
        await self.desk.read()
        for screen in self.desk_screens:
            screen.show_ledger()
        self.screen.refresh_bindings()
        self._help_in_the_first_minute()

    def _help_in_the_first_minute(self) -> None:
        """Open the search for TWS by itself, once; and close it when TWS is there."""
        if self.desk.is_live and not isinstance(self.screen, DashboardScreen):
            from possync_tui.tui.screens.first_look import FirstLookScreen

            if isinstance(self.screen, FirstLookScreen):
                self.action_leave_screen()
        if self._has_offered_help or self.desk.probe is None or not self.desk.is_first_minute:
            return
        self._has_offered_help = True
        if isinstance(self.screen, DashboardScreen):
            self.action_find_tws()

    # --- actions -----------------------------------------------------------------------------

    def action_help_quit(self) -> None:
        """What ctrl+c says: Textual's own names a key that is not ours."""
        self.notify(
            f"{self.desk.key_of('quit')} quits; a running sync ends first.", markup=False, timeout=4
        )

    def action_next_account(self) -> None:
        if not self.desk.offers("next_account"):
            self.notify("There is no other account to show.", markup=False, timeout=3)
            return
        self.desk.account = self.desk.next_account()
        self.read_ledger()

    def action_toggle_mask(self) -> None:
        self.desk.shown.masks_accounts = not self.desk.shown.masks_accounts
        for screen in self.desk_screens:
            screen.restyle()

    def action_copy_table(self) -> None:
        """The table with the keyboard, or the first one of the screen, as CSV."""
        from possync_tui.tui.widgets.table_text import csv_text

        table = self._table_here()
        if table is None:
            self.notify("There is no table here.", markup=False, timeout=2)
            return
        what = f"{counted(len(tuple(table.rows_to_write())), 'row')} as CSV"
        self.desk.copier.copy(self, csv_text(table), what, name="copied.csv")

    def action_copy_cell(self) -> None:
        """One cell of the row under the cursor; which one, a dialog asks."""
        from possync_tui.tui.screens.cell_dialog import CellDialog, NamedCell
        from possync_tui.tui.widgets.table_text import cells_of

        table = self._table_here()
        cells = [] if table is None else [NamedCell(*cell) for cell in cells_of(table)]
        if not cells:
            self.notify("There is no row here.", markup=False, timeout=2)
            return

        def answered(cell: NamedCell | None) -> None:
            if cell is not None:
                self.desk.copier.copy(self, cell.text, clean(cell.title))

        self.push_screen(CellDialog(cells), answered)

    def _table_here(self) -> LineTable[Any, Any] | None:
        """The table with the keyboard, or the first one of the screen."""
        tables = [table for table in self.screen.query(LineTable) if table.is_on_screen]
        focused = [table for table in tables if table.has_focus]
        return next(iter(focused or tables), None)
