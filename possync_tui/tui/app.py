"""The app: starts the sync loop, hands news to the screens, and starts work that keys ask for."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.color import Color
from textual.driver import Driver
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker, WorkerState

from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import ConnectionState, Phase
from possync_tui.domain.runs import Outcome
from possync_tui.domain.word import Word
from possync_tui.sync.events import LogLine
from possync_tui.sync.port import EnginePort
from possync_tui.tui import export
from possync_tui.tui.actions import DEEDS, PLACES, bindings, key_name
from possync_tui.tui.bridge import EngineMoved, EngineUpdate, EventBridge
from possync_tui.tui.choices import ChoiceMemory
from possync_tui.tui.copying import Copier
from possync_tui.tui.deciding import decide_each
from possync_tui.tui.desk import Desk, Probe, Reading
from possync_tui.tui.format import Redaction, clean, counted
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.palette import PossyncCommands
from possync_tui.tui.reconnecting import ReconnectWatch
from possync_tui.tui.screens.arming import ArmingDialog
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.first_look import ConnectTo, FirstLookScreen, Wish
from possync_tui.tui.screens.help import HelpDialog
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.plan_diff import PlanScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from possync_tui.tui.terminal import SignalTrap, hardy
from possync_tui.tui.themes import DEFAULT_THEME, THEMES
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.table_text import csv_text

logger = logging.getLogger(__name__)

CHOICES_FILE = "choices.json"
SYNC_LOOP = "the sync loop"
READ_ONLY = "Read-only: another instance writes this ledger. Close it, then start this one again."


def _note_end(loop: "asyncio.Future[None]") -> None:
    """Nobody may be waiting any more: a failure is said here, not by the event loop at exit."""
    if not loop.cancelled() and loop.exception() is not None:
        logger.debug("the sync loop ended with an error", exc_info=loop.exception())


class PossyncApp(App[None]):
    """The dashboard of one engine, which the caller owns, starts and stops."""

    CSS_PATH = "styles/possync.tcss"
    TITLE = "possync-tui"
    BINDINGS: ClassVar[list[BindingType]] = bindings(DEEDS)
    COMMANDS = App.COMMANDS | {PossyncCommands}
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (60, "-narrow"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (15, "-short"),
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
        probe: Probe | None = None,
    ) -> None:
        """`theme` goes before the remembered one; in `state_folder` things are remembered."""
        super().__init__()
        shown = Redaction(mask_accounts=mask_accounts)
        choices = ChoiceMemory(state_folder / CHOICES_FILE if state_folder else None)
        self.desk = Desk(
            engine,
            clock,
            shown,
            label,
            self.start_work,
            choices=choices,
            keymap=keymap,
            copier=Copier(state_folder),
            probe=probe,
        )
        self.set_keymap(self.desk.keymap.for_textual())
        self.wish: Wish | None = None
        """What the user wants instead of this dashboard, once it has ended."""
        self._has_offered_help = False
        self._bridge = EventBridge(engine.bus, self.post_message)
        self._sync_loop: asyncio.Future[None] | None = None
        self._ledger = Reading(self.start_work, self._read_ledger, "reading the ledger")
        self._reconnecting = ReconnectWatch()
        self._signals = SignalTrap(self._leave_on)
        for own in THEMES:
            self.register_theme(own)
        theme = theme or choices.now.theme
        self._unknown_theme = theme if theme and theme not in self.available_themes else None
        self.theme = theme if theme and not self._unknown_theme else DEFAULT_THEME

    # --- start and end -----------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        return hardy(super().get_driver_class(), self._leave_without_terminal)

    def get_default_screen(self) -> Screen[None]:
        return DashboardScreen(self.desk)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colours: quiet text, rules, and the ground of the cursor's row."""
        theme = self.current_theme
        if theme.ansi:
            return {"quiet": "ansi_bright_black", "rule": "ansi_bright_black"}
        colours = theme.to_color_system().generate()
        ground, text = Color.parse(colours["background"]), Color.parse(colours["foreground"])
        return {"quiet": ground.blend(text, 0.64).hex, "rule": ground.blend(text, 0.22).hex}

    def on_mount(self) -> None:
        self._signals.catch()
        self.set_interval(1.0, self._tick)
        self.theme_changed_signal.subscribe(self, self._remember_theme)

    def _remember_theme(self, theme: Theme) -> None:
        self.desk.choices.keep(theme=theme.name)

    def on_dashboard_screen_ready(self) -> None:
        """Only now is there somebody to tell: earlier lines would be lost."""
        self._bridge.open()
        self.start_work(self._run_engine(), SYNC_LOOP)
        self.read_ledger()
        if self.desk.choices.problem:
            self.say_in_log(logging.WARNING, "dashboard", self.desk.choices.problem)
        if self._unknown_theme:
            self.notify(
                f"There is no theme “{self.desk.shown.text(self._unknown_theme)}”; "
                f"this is {DEFAULT_THEME}.",
                severity="warning",
                markup=False,
            )

    def on_unmount(self) -> None:
        self._bridge.close()
        self._signals.release()

    def _leave_on(self, number: signal.Signals) -> None:
        self.exit(return_code=128 + number)

    def _leave_without_terminal(self) -> None:
        if not self._exit:
            self._leave_on(signal.SIGHUP)

    async def _run_engine(self) -> None:
        """Run the sync loop; leaving the app ends the wait, never the loop in mid-commit."""
        if self._sync_loop is None:
            self._sync_loop = asyncio.ensure_future(self.desk.engine.run())
            self._sync_loop.add_done_callback(_note_end)
        await asyncio.shield(self._sync_loop)

    # --- work --------------------------------------------------------------------------------

    def start_work(self, work: Coroutine[object, object, None], what: str) -> None:
        """Do `work` beside the app; a failure becomes a log line and a toast."""
        self.run_worker(work, name=what, group=what, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The one place where failures of work end."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.report(event.worker.name, event.worker.error)

    def report(self, what: str, error: BaseException) -> None:
        """Say that something failed, in the log and in a toast."""
        logger.error("%s failed", what, exc_info=error)
        reason = self.desk.shown.text(str(error)) or type(error).__name__
        text = f"{what} failed: {reason}"
        self.say_in_log(logging.ERROR, "dashboard", text)
        self.notify(text, severity="error", markup=False)

    def say_in_log(self, level: int, kind: str, text: str) -> None:
        """A line of our own in the Sync log."""
        line = LogLine(at=self.desk.clock.now(), level=level, kind=kind, text=text)
        self._hand_out(EngineUpdate(lines=(line,)))

    # --- news --------------------------------------------------------------------------------

    @property
    def _desk_screens(self) -> list[DeskScreen]:
        return [
            screen
            for screen in self.screen_stack
            if isinstance(screen, DeskScreen) and screen.is_mounted
        ]

    def on_engine_moved(self, message: EngineMoved) -> None:
        update = self._bridge.take()
        self._hand_out(update)
        if update.connection is not None:
            self.screen.refresh_bindings()
            self._tell_reconnected(update.connection)
            self._help_in_the_first_minute()
        if update.ledger_changed:
            self.read_ledger()

    def _hand_out(self, update: EngineUpdate) -> None:
        for screen in self._desk_screens:
            screen.follow(update)

    def _tick(self) -> None:
        if self.desk.is_yesterdays:
            self.read_ledger()
        for screen in reversed(self._desk_screens):
            screen.tick()
            return

    def read_ledger(self) -> None:
        """Read the tables again for the panes."""
        self._ledger.ask()

    async def _read_ledger(self) -> None:
        await self.desk.read()
        for screen in self._desk_screens:
            screen.show_ledger()
        self.screen.refresh_bindings()
        self._help_in_the_first_minute()

    def _help_in_the_first_minute(self) -> None:
        """Open the search for TWS by itself, once; and close it when TWS is there."""
        if self.desk.is_live and isinstance(self.screen, FirstLookScreen):
            self.action_leave_screen()
        if self._has_offered_help or self.desk.probe is None or not self.desk.is_first_minute:
            return
        self._has_offered_help = True
        if isinstance(self.screen, DashboardScreen):
            self.action_find_tws()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key is offered now."""
        engine = self.desk.engine
        if action == "reconnect":
            return not engine.is_read_only
        if action == "toggle_pause":
            is_over = engine.connection.is_usable or engine.connection.phase in (
                Phase.STALE,
                Phase.FAILED,
            )
            return not (is_over or engine.is_read_only)
        if action == "find_tws":
            return self.desk.probe is not None
        if action == "next_account":
            return len(self.desk.picture.accounts) > 1
        return True

    # --- actions: they only start work -------------------------------------------------------

    def action_sync_now(self) -> None:
        engine = self.desk.engine
        if engine.is_read_only:
            self.notify(READ_ONLY, severity="warning", markup=False)
            return
        if engine.is_syncing:
            self.say_in_log(logging.INFO, "manual", "a sync is running; another follows it")
        self.start_work(self._sync_now(), "sync")

    async def _sync_now(self) -> None:
        # Shielded: a sync that has begun is not given up because its screen went.
        result = await asyncio.shield(asyncio.ensure_future(self.desk.engine.sync_now()))
        if result.outcome is not Outcome.COMMITTED:
            reason = self.desk.shown.text(result.error or "") or "no reason given"
            self.notify(f"Sync {result.outcome.value}: {reason}", severity="warning", markup=False)

    def action_toggle_arming(self) -> None:
        if self.desk.engine.is_read_only:
            self.notify(READ_ONLY, severity="warning", markup=False)
        elif self.desk.engine.arming.armed:
            self._arm(False)
        else:
            self.push_screen(ArmingDialog(self.desk.picture.missing), self._arm)

    def _arm(self, armed: bool | None) -> None:
        if armed is None:
            return
        self.desk.engine.arm(armed)
        for screen in self._desk_screens:
            screen.tick()

    def action_help_quit(self) -> None:
        """What ctrl+c says: Textual's own names a key that is not ours."""
        key = key_name(PLACES["quit"].keys)
        self.notify(f"{key} quits; a running sync ends first.", markup=False, timeout=4)

    def action_reconnect(self) -> None:
        engine = self.desk.engine
        if engine.is_read_only:
            self.notify(READ_ONLY, severity="warning", markup=False)
            return
        self._reconnecting.begin(engine.connection)
        engine.reconnect_now()
        self.notify("Reconnecting…", markup=False, timeout=2)

    def _tell_reconnected(self, state: ConnectionState) -> None:
        told = self._reconnecting.outcome(state)
        if told is not None:
            went_well, text = told
            severity: Literal["information", "warning"] = "information" if went_well else "warning"
            self.notify(self.desk.shown.text(text), severity=severity, markup=False)

    def action_toggle_pause(self) -> None:
        engine = self.desk.engine
        if engine.connection.is_paused:
            self.action_reconnect()
        elif engine.pause_reconnecting():
            text = "Reconnecting is paused, after the try under way. P or R resumes."
            self.notify(text, markup=False)
        else:
            self.notify("There is a session, so nothing to pause.", markup=False)

    def action_go_to_pane(self, number: int) -> None:
        """A pane of the dashboard, from wherever one is."""
        self._back_to_dashboard().action_show_pane(number)

    def on_desk_screen_position_asked(self, message: DeskScreen.PositionAsked) -> None:
        dashboard = self._back_to_dashboard()
        dashboard.action_show_pane(1)
        dashboard.positions.go_to(message.key)

    def _back_to_dashboard(self) -> DashboardScreen:
        while len(self.screen_stack) > 1:
            # Not awaited: it may be a click on that very screen, which waits for this to end.
            self.pop_screen()
        dashboard = self.screen
        assert isinstance(dashboard, DashboardScreen), "it lies under every other screen"
        return dashboard

    def action_find_tws(self) -> None:
        if self.desk.probe is not None:
            self._open(FirstLookScreen(self.desk))

    def on_first_look_screen_wished(self, message: FirstLookScreen.Wished) -> None:
        wish, state = message.wish, self.desk.engine.connection
        if isinstance(wish, ConnectTo) and (wish.host, wish.port) == (state.host, state.port):
            self.action_leave_screen()
            self.action_reconnect()
            return
        self.wish = wish
        self.exit()

    def action_show_plan(self) -> None:
        self._open(PlanScreen(self.desk))

    def action_show_pnl(self) -> None:
        self._open(RealizedScreen(self.desk))

    def action_show_runs(self) -> None:
        self._open(RunsScreen(self.desk))

    def action_show_review(self) -> None:
        self._open(ReviewScreen(self.desk))

    def on_dashboard_screen_life_asked(self, message: DashboardScreen.LifeAsked) -> None:
        self._open(LifeScreen(self.desk, message.view))

    def action_show_help(self) -> None:
        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(self.screen, self.desk.keymap))

    def _open(self, screen: DeskScreen) -> None:
        """Show a screen over the dashboard, in place of the one that was there."""
        if type(self.screen) is type(screen) and not isinstance(screen, LifeScreen):
            return
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def action_leave_screen(self) -> None:
        """Back to the dashboard."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def action_next_account(self) -> None:
        self.desk.account = self.desk.next_account()
        self.read_ledger()

    def action_toggle_mask(self) -> None:
        self.desk.shown.masks_accounts = not self.desk.shown.masks_accounts
        for screen in self._desk_screens:
            screen.restyle()

    def action_copy_table(self) -> None:
        """The table with the keyboard, or the first one of the screen, as CSV."""
        tables = [table for table in self.screen.query(LineTable) if table.is_on_screen]
        focused = [table for table in tables if table.has_focus]
        for table in (focused or tables)[:1]:
            what = f"{counted(len(tuple(table.rows_to_write())), 'row')} as CSV"
            self.desk.copier.copy(self, csv_text(table), what, name="copied.csv")
            return
        self.notify("There is no table here.", markup=False, timeout=2)

    def action_screenshot_file(self) -> None:
        """Write what is on the screen beside where the program was started."""
        name = f"possync-{self.desk.clock.now().astimezone():%Y-%m-%d-%H%M%S}.svg"
        self.start_work(self._write_screenshot(name, self.export_screenshot()), "screenshot")

    async def _write_screenshot(self, name: str, picture: str) -> None:
        def write() -> Path:
            path = Path(name).absolute()
            export.write(path, picture, replace=True)
            return path

        path = await asyncio.to_thread(write)
        masked = "" if self.desk.shown.masks_accounts else " It shows account numbers."
        self.notify(f"Wrote {clean(str(path))}.{masked}", markup=False, timeout=5)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's commands, but for the screenshot: ours says where it went."""
        for command in super().get_system_commands(screen):
            if command.title != "Screenshot":
                yield command

    def on_review_screen_decided(self, message: ReviewScreen.Decided) -> None:
        ids = [hold.id for hold in message.holds]
        what = f"deciding on {'hold' if len(ids) == 1 else 'holds'} {', '.join(map(str, ids))}"
        self.start_work(self._decide(ids, message.word), what)

    def on_review_screen_evidence_asked(self, message: ReviewScreen.EvidenceAsked) -> None:
        # Over the review, so that escape comes back to the decision.
        self.push_screen(LifeScreen(self.desk, message.view))

    async def _decide(self, hold_ids: Sequence[int], word: Word) -> None:
        decided: Awaitable[None] = asyncio.ensure_future(
            decide_each(self.desk.engine, hold_ids, word)
        )
        try:
            await asyncio.shield(decided)
        finally:
            self.read_ledger()
        said = "accepted" if word.accept else "kept as it is"
        which = f"Hold {hold_ids[0]}" if len(hold_ids) == 1 else f"{len(hold_ids)} holds"
        self.notify(f"{which}: {said}.", markup=False, timeout=3)
