"""What every full screen has: the header line, the key bar, and news of the engine."""

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.tui.actions import Deed
from possync_tui.tui.bridge import EngineUpdate
from possync_tui.tui.desk import Desk, Reading
from possync_tui.tui.terminal import pass_over_outgrown
from possync_tui.tui.widgets.key_bar import KeyBar
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.status_bar import StatusBar


class DeskScreen(Screen[None]):
    """A screen of the app. Called by the app alone; only the top one is told of the time."""

    own_deeds: ClassVar[tuple[Deed, ...]] = ()
    """What works on this screen alone, for the help and the palette."""
    pane_deeds: ClassVar[tuple[Deed, ...]] = ()
    """What works in a part of it while that has the keyboard."""
    about: ClassVar[str] = ""
    """What the screen is for, for the help; `{sync}` stands for the key of a deed."""
    has_subject: ClassVar[bool] = False
    """Whether it is about one thing among many, so that two of its kind may follow each other."""

    @property
    def panes_with_deeds(self) -> tuple[Widget, ...]:
        """The parts that `pane_deeds` work in."""
        return ()

    class PositionAsked(Message):
        """The user wants to see a position among the others."""

        def __init__(self, key: PositionKey) -> None:
            super().__init__()
            self.key = key

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.status_bar = StatusBar(desk)
        self.key_bar = KeyBar(self.urgent_deeds, self.labels_now, desk.offers)

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield self.status_bar
        yield from self.body()
        yield self.key_bar

    @property
    def here(self) -> tuple[str, str]:
        """Where the user is: the name of the place, and what it is for."""
        return self.place, self.desk.keymap.said(self.about)

    @property
    def place(self) -> str:
        """What the help calls this screen."""
        return ""

    def urgent_deeds(self) -> frozenset[str]:
        """What the key bar never leaves out as things stand."""
        urgent = {"review"} if self.desk.picture.held else set()
        if not self.desk.is_live and not self.desk.engine.is_read_only:
            urgent |= {"reconnect", "pause"}
        return frozenset(urgent)

    def labels_now(self) -> dict[str, str]:
        """What a key does as things stand, where that is not what it does at other times."""
        engine = self.desk.engine
        labels = {"pause": "Resume"} if engine.connection.is_paused else {}
        if engine.arming.armed:
            labels["missing"] = "Disarm"
        return labels

    @property
    def is_covered(self) -> bool:
        """Whether another full screen lies over this one: then nothing needs to be drawn."""
        stack = self.app.screen_stack
        above = stack[stack.index(self) + 1 :] if self in stack else stack
        return any(isinstance(screen, DeskScreen) for screen in above)

    def follow(self, update: EngineUpdate) -> None:
        """The engine moved."""
        if not self.is_covered:
            self.status_bar.tick()
            self.key_bar.tick()

    def shows(self, key: PositionKey) -> bool:
        """Whether a live value of this position would be seen here now."""
        return False

    def take_marks(self, marks: Iterable[Mark]) -> None:
        """Live values moved."""

    def show_ledger(self) -> None:
        """The ledger was read again, or another account is looked at."""
        if not self.is_covered:
            self.status_bar.tick()

    def restyle(self) -> None:
        """How outside text is shown was changed."""
        self.status_bar.tick()
        for table in self.query(LineTable):
            table.restyle()

    def tick(self) -> None:
        """Time passed."""
        self.status_bar.tick()
        self.key_bar.tick()
        self.tick_panes()

    def tick_panes(self) -> None:
        """What lies between them follows."""

    def on_screen_resume(self) -> None:
        self.tick()

    async def _on_resize(self, event: events.Resize) -> None:
        pass_over_outgrown(event, self.app.size)


class SideScreen(DeskScreen):
    """A screen that lies over the dashboard until escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.leave_screen", "Back"),
        Binding("backspace", "app.leave_screen", "Back", show=False),
    ]
    _reading: Reading
    """What brings its rows or its text; each of these screens has one."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._is_old = False

    def start_reading(self) -> None:
        """Read, now or right after the reading under way; covered, when seen again."""
        if self.is_covered:
            self._is_old = True
        else:
            self._reading.ask()

    def on_screen_resume(self) -> None:
        # Textual calls the one of every screen, too.
        if self._is_old:
            self._is_old = False
            self.start_reading()
