"""The app as a guest of its terminal: signals, colours, work beside it, and how failures show."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from textual.app import App, SystemCommand
from textual.driver import Driver
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets._toast import ToastHolder, ToastRack
from textual.worker import Worker, WorkerState

from possync_tui.domain.clock import Clock
from possync_tui.sync.events import LogLine
from possync_tui.sync.port import EnginePort
from possync_tui.tui.bridge import EngineUpdate
from possync_tui.tui.choices import ChoiceMemory
from possync_tui.tui.copying import Copier
from possync_tui.tui.desk import Desk, LedgerPicture, Probe
from possync_tui.tui.drawn_lines import let_go_of_closed_screens
from possync_tui.tui.format import Redaction, counted, shown_path
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.terminal import KeyPassed, Painted, SignalTrap, hardy
from possync_tui.tui.themes import DEFAULT_THEME, THEMES, UserThemes, own_variables

logger = logging.getLogger(__name__)

_NEXT_KEY = 0.01
_MOST_WAITS = 20
CHOICES_FILE = "choices.json"
_OURS = ("Screenshot", "Keys", "Maximize", "Minimize")


class Shell(App[None]):
    """What the app is whatever it shows: `desk` is shared by all screens."""

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
    ) -> None:
        """`theme` goes before the remembered one; in `state_folder` things are remembered.

        Files that the user asks for go to `export_folder`, else to the current one.
        `picture` is the ledger as it was last known, to begin with; `painted` is what stands on
        the terminal already.
        """
        let_go_of_closed_screens()
        self._painted = painted
        super().__init__()
        self._user_themes = themes or UserThemes()
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
            export_folder=export_folder,
            probe=probe,
            picture=picture,
        )
        self.set_keymap(self.desk.keymap.for_textual())
        self._keys_under_way = 0
        self._signals = SignalTrap(self._leave_on)
        for own in (*THEMES, *self._user_themes.themes):
            self.register_theme(own)
        theme = theme or choices.now.theme
        self._unknown_theme = theme if theme and theme not in self.available_themes else None
        self.theme = theme if theme and not self._unknown_theme else DEFAULT_THEME

    # --- the terminal ------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        return hardy(super().get_driver_class(), self._leave_without_terminal, self._painted)

    def on_mount(self) -> None:
        self._signals.catch()
        self.theme_changed_signal.subscribe(self, self._remember_theme)

    def on_unmount(self) -> None:
        self._signals.release()

    def _leave_on(self, number: signal.Signals) -> None:
        self.exit(return_code=128 + number)

    def _leave_without_terminal(self) -> None:
        if not self._exit:
            self._leave_on(signal.SIGHUP)

    def on_key_passed(self, message: KeyPassed) -> None:
        """The key before it was handed on by now: it follows that, and comes back after it."""
        if message.is_behind_key:
            message.arrived()
            self._keys_under_way -= 1
            return
        self._keys_under_way += 1
        behind = KeyPassed(message.arrived, is_behind_key=True)
        (self.focused or self.screen).post_message(behind)

    async def keys_answered(self) -> None:
        """Wait until what was typed before the first frame is answered on the screen."""
        for _ in range(_MOST_WAITS):
            await asyncio.sleep(_NEXT_KEY)
            painted = asyncio.Event()
            self.call_after_refresh(painted.set)
            await painted.wait()
            if not self._keys_under_way:
                return

    # --- toasts -----------------------------------------------------------------------------------

    def _refresh_notifications(self) -> None:
        super()._refresh_notifications()
        self.call_later(self._drop_empty_holders)

    def _drop_empty_holders(self) -> None:
        """Textual takes a toast away that is over, but may leave what held it for good."""
        if not self._screen_stack:
            # The app is being left.
            return
        there = {ToastRack._toast_id(notification) for notification in self._notifications}
        for holder in self.screen.query(ToastHolder):
            if holder.id not in there:
                holder.remove()

    # --- colours -----------------------------------------------------------------------------

    def refresh_css(self, animate: bool = True) -> None:
        """Before there is a screen, the theme has nothing to colour: no rule is read for it yet."""
        if self.screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colours, as far as the theme has none of its own for them."""
        return own_variables(self.current_theme)

    def tell_of_themes(self) -> None:
        """What is wrong with the user's theme files, or with the theme that was asked for."""
        problems = self._user_themes.problems
        for problem in problems:
            self.say_in_log(logging.WARNING, "dashboard", f"theme file {problem}")
        if problems:
            mistakes = counted(len(problems), "mistake")
            text = f"{mistakes} in your theme files; the Sync log says which."
            self.notify(text, severity="warning", markup=False)
        if self._unknown_theme:
            self.notify(
                f"There is no theme “{self.desk.shown.text(self._unknown_theme)}”; "
                f"this is {DEFAULT_THEME}.",
                severity="warning",
                markup=False,
            )

    def _remember_theme(self, theme: Theme) -> None:
        self.desk.choices.keep(theme=theme.name)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's commands, but for what we do our own way: pictures, help and zooming."""
        for command in super().get_system_commands(screen):
            if command.title not in _OURS:
                yield command

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
        self.hand_out(EngineUpdate(lines=(line,)))

    @property
    def desk_screens(self) -> list[DeskScreen]:
        return [
            screen
            for screen in self.screen_stack
            if isinstance(screen, DeskScreen) and screen.is_mounted
        ]

    def hand_out(self, update: EngineUpdate) -> None:
        """Tell every full screen."""
        for screen in self.desk_screens:
            screen.follow(update)

    # --- pictures ----------------------------------------------------------------------------

    def action_screenshot_file(self) -> None:
        """Write what is on the screen, beside earlier pictures."""
        name = f"possync-{self.desk.clock.now().astimezone():%Y-%m-%d-%H%M%S}"
        self.start_work(self._write_screenshot(name, self.export_screenshot()), "screenshot")

    async def _write_screenshot(self, name: str, picture: str) -> None:
        from possync_tui.tui import export
        from possync_tui.tui.screenshot import without_links

        def write() -> Path:
            return export.write_beside(self.desk.export_folder, name, without_links(picture))

        path = await asyncio.to_thread(write)
        masked = "" if self.desk.shown.masks_accounts else " It shows account numbers."
        self.notify(
            f"Wrote {self.desk.shown.text(shown_path(path))}.{masked}", markup=False, timeout=5
        )
