"""From start to finish with the keyboard alone, and again with the mouse alone."""

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from possync_tui.domain.connection import Phase
from possync_tui.domain.word import Word
from possync_tui.tui.actions import DASHBOARD_DEEDS, DEEDS, PLACES
from possync_tui.tui.screens.arming import ArmingDialog
from possync_tui.tui.screens.columns_dialog import ColumnsDialog
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.decision_dialog import DecisionDialog
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.export_dialog import ExportDialog
from possync_tui.tui.screens.first_look import FirstLookScreen
from possync_tui.tui.screens.help import HelpDialog
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.period_dialog import PeriodDialog
from possync_tui.tui.screens.plan_diff import PlanScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from possync_tui.tui.widgets.detail import Detail
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.sync_log import SyncLogPane
from possync_tui.tui.wishes import ConnectTo
from tests.pictures.gallery import log_lines
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.fake_engine import FakeEngine
from tests.tui.test_tui_stills import PORTS, first_minute

SIZES = ((80, 24), (140, 40))


def shows(pilot: Pilot[None], screen: type[Screen[Any]]) -> None:
    assert type(pilot.app.screen) is screen, type(pilot.app.screen).__name__


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files are written where the program was started."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def follows(lines: SyncLogPane) -> bool:
    return lines.is_following


def is_armed(engine: FakeEngine) -> bool:
    return engine.arming.armed


def written(folder: Path, kind: str) -> int:
    """How many files of a kind there are."""
    return len(list(folder.glob(f"*.{kind}")))


# --- the keyboard --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_all_of_it_with_the_keyboard_alone(
    running: Running, engine: FakeEngine, here: Path, size: tuple[int, int]
) -> None:
    async with running(size, ports=PORTS) as pilot:
        board = dashboard(pilot)
        for line in log_lines():
            engine.bus.emit(line)
        # Panes by number and in the order of tab, round and back.
        for number, pane in enumerate(board.panes, 1):
            await press(pilot, str(number))
            assert pane.has_focus_within, pane.title
        await press(pilot, "1")
        for pane in (*board.panes[1:], board.panes[0]):
            await press(pilot, "tab")
            assert pane.has_focus_within, pane.title
        await press(pilot, "shift+tab")
        assert board.panes[-1].has_focus_within
        # The log: level, pause, search, select, copy.
        await press(pilot, "l", "space", "slash", *"usfarm", "enter", "n", "J", "y")
        assert "usfarm" in pilot.app.clipboard
        await press(pilot, "escape", "escape", "G", "z", "z")
        # Positions: order, filter, groups, columns, the row, the table.
        await press(pilot, "1", "o", "O", "b", "b", "b", "b", "f", "f", "c")
        shows(pilot, ColumnsDialog)
        await press(pilot, "j", "space", "enter", "slash", *"aapl", "enter", "y")
        assert "AAPL" in pilot.app.clipboard
        await press(pilot, "Y", "slash", "escape", "g", "enter")
        shows(pilot, LifeScreen)
        await press(pilot, "2", "enter")
        shows(pilot, EntryScreen)
        await press(pilot, "f", "pagedown", "escape", "3", "tab", "escape")
        shows(pilot, DashboardScreen)
        # The diff, the runs with the detail below, the review with a note.
        await press(pilot, "d", "j", "tab")
        assert isinstance(pilot.app.focused, Detail)
        await press(pilot, "escape", "r", "j", "j", "escape", "v", "j", "enter")
        shows(pilot, LifeScreen)
        await press(pilot, "escape", "A")
        shows(pilot, DecisionDialog)
        await press(pilot, *"sold", "tab", *"240.5", "enter")
        (said,) = engine.decisions
        assert (said[0], said[1].note, str(said[1].price)) == (1, "sold", "240.5")
        await press(pilot, "U", *"seen", "enter", "escape")
        assert engine.decisions[1:] == [(2, Word(accept=False, note="seen"))]
        # Realized P&L: stretches, currency, chart, an entry, an export.
        await press(pilot, "p", "1", "6", "t", "T", "left_square_bracket", "6", "c", "b", "x")
        await press(pilot, "7")
        shows(pilot, PeriodDialog)
        await press(pilot, "enter", "enter", "6", "enter")
        shows(pilot, EntryScreen)
        await press(pilot, "escape", "e")
        shows(pilot, ExportDialog)
        await press(pilot, "enter", "escape")
        assert written(here, "csv") == 1
        # Arming asks; a picture; the palette; help; an account; masks; a sync.
        await press(pilot, "m")
        shows(pilot, ArmingDialog)
        await press(pilot, "y")
        assert is_armed(engine)
        await press(pilot, "m", "a", "M", "M", "X", "s")
        assert not is_armed(engine)
        assert engine.syncs == 1
        assert written(here, "svg") == 1
        await press(pilot, "question_mark", "pagedown", "escape", "R")
        assert engine.reconnects == 1
        await press(pilot, "ctrl+p", *"ibm")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        shows(pilot, DashboardScreen)
        await press(pilot, "C")
        shows(pilot, FirstLookScreen)
        await press(pilot, "k", "j", "enter")
        assert app_of(pilot).wish == ConnectTo("127.0.0.1", 4002)


# --- the mouse -----------------------------------------------------------------------------------


class Mouse:
    """Clicks on what can be read on the screen, and turns the wheel."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot

    async def click(self, text: str, *, row: int | None = None, times: int = 1) -> None:
        await self._put_away_toasts()
        lines = screen_text(self.pilot).splitlines()
        rows = range(len(lines)) if row is None else (row % len(lines),)
        for y in rows:
            if text in lines[y]:
                await self.click_at(lines[y].index(text) + min(1, len(text) - 1), y, times=times)
                return
        raise AssertionError("\n".join([*lines, f"there is no {text!r} to click at"]))

    async def _put_away_toasts(self) -> None:
        """They go by themselves after a while, and at a click."""
        for toast in self.pilot.app.screen.query("Toast"):
            await self.pilot.click(toast)
            await settle(self.pilot)

    async def click_at(self, x: int, y: int, *, times: int = 1) -> None:
        """A click is of the widget that is there, as a terminal's is."""
        widget, region = self.pilot.app.screen.get_widget_at(x, y)
        offset = (x - region.x, y - region.y)
        await self.pilot.click(widget, offset=offset, times=times)
        await settle(self.pilot)

    async def key(self, text: str) -> None:
        """A key of the key bar."""
        await self.click(text, row=-1)

    async def wheel(self, widget: Widget, *, down: bool = True) -> None:
        kind = events.MouseScrollDown if down else events.MouseScrollUp
        x, y = widget.region.x + 1, widget.region.y + 1
        no = (False, False, False)
        widget.post_message(kind(widget, x, y, 0, 1, 0, *no, screen_x=x, screen_y=y))
        await settle(self.pilot)

    async def command(self, deed: str) -> None:
        """A command of the palette, scrolled to and clicked."""
        name = PLACES[deed].help
        await self.key("⋯")
        await self.pilot.pause(0.3)
        shows(self.pilot, CommandPalette)
        found = self.pilot.app.screen.query_one("CommandList")
        for _ in range(40):
            if any(name in line for line in screen_text(self.pilot).splitlines()):
                break
            await self.wheel(found)
        await self.click(name)
        await self.pilot.pause(0.1)
        await settle(self.pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_all_of_it_with_the_mouse_alone(
    running: Running, engine: FakeEngine, here: Path, size: tuple[int, int]
) -> None:
    async with running(size, ports=PORTS) as pilot:
        board, mouse = dashboard(pilot), Mouse(pilot)
        is_narrow = size[0] < 120
        for line in log_lines():
            engine.bus.emit(line)
        await settle(pilot)
        # Panes by their titles or tabs; the log by its keys and its lines.
        for pane in (*board.panes[1:], board.panes[0]):
            await mouse.click(pane.title)
            assert pane.has_focus_within, pane.title
        await mouse.click("Sync log")
        lines = pilot.app.screen.query_one(SyncLogPane)
        await mouse.key("Level")
        assert "with debug lines" in screen_text(pilot)
        for _ in range(3):
            await mouse.key("Level")
        await mouse.wheel(lines, down=False)
        assert not follows(lines)
        await mouse.key("Pause")
        assert follows(lines)
        await mouse.click("usfarm is back" if size[1] > 30 else "VOD 4,000")
        await mouse.command("copy")
        assert pilot.app.clipboard.count("\n") == 0
        assert pilot.app.clipboard
        # Positions: order by a heading, columns, the row, the rest by wheel.
        await mouse.click("Positions")
        await mouse.click("Unrealized")
        assert board.positions.table.sort_id == "unrealized"
        await mouse.command("columns")
        shows(pilot, ColumnsDialog)
        await mouse.click("Type")
        await mouse.click("Show  (enter)")
        shows(pilot, DashboardScreen)
        await mouse.wheel(board.positions.table)
        await mouse.wheel(board.positions.table, down=False)
        await mouse.click("SAP", times=2)
        shows(pilot, LifeScreen)
        await mouse.click("Open lots")
        await mouse.click("Realized", row=-1)
        await mouse.key("esc")
        shows(pilot, DashboardScreen)
        # The diff, the runs, the review with both of its decisions.
        if is_narrow:
            await mouse.command("dry-run")
        else:
            await mouse.key("Diff")
        shows(pilot, PlanScreen)
        await mouse.click("AAPL")
        await mouse.wheel(pilot.app.screen.query_one(Detail))
        await mouse.key("esc")
        await mouse.key("Runs")
        shows(pilot, RunsScreen)
        await mouse.click("Took")
        await mouse.key("esc")
        await mouse.click("held", row=0)
        shows(pilot, ReviewScreen)
        await mouse.click("MISSING")
        await mouse.click("MISSING", times=2)
        shows(pilot, LifeScreen)
        await mouse.key("esc")
        await mouse.key("Keep")
        shows(pilot, DecisionDialog)
        await mouse.click("Keep  (enter)")
        assert engine.decisions == [(1, Word(accept=False))]
        await mouse.command("accept-all")
        await mouse.click("Accept  (enter)")
        assert engine.decisions[1:] == [(2, Word(accept=True))], "what was kept is decided"
        await mouse.key("esc")
        # Realized P&L: stretches, an entry, a file.
        await mouse.key("P&L")
        shows(pilot, RealizedScreen)
        await mouse.click("Year")
        await mouse.click("From–to")
        shows(pilot, PeriodDialog)
        await mouse.click("Show  (enter)")
        await mouse.click("6 All")
        await mouse.key("Chart")
        table = pilot.app.screen.query_one(LineTable)
        await mouse.click_at(table.region.x + 20, table.region.y + 2, times=2)
        shows(pilot, EntryScreen)
        await mouse.key("esc")
        await mouse.command("export")
        await mouse.click("Write  (enter)")
        assert written(here, "csv") == 1
        await mouse.key("esc")
        # Arming, an account, help, a sync, a session, another port.
        await mouse.key("Missing")
        await mouse.click("Arm for an hour")
        assert is_armed(engine)
        await mouse.click("ARMED", row=0)
        assert not is_armed(engine)
        await mouse.key("Help")
        shows(pilot, HelpDialog)
        await mouse.click_at(0, 0)
        await mouse.key("Sync")
        assert engine.syncs == 1
        engine.go_offline(Phase.RECONNECTING)
        await settle(pilot)
        await mouse.key("Pause")
        assert engine.connection.is_paused
        await mouse.key("Reconnect")
        assert engine.reconnects == 1
        await mouse.command("find-tws")
        shows(pilot, FirstLookScreen)
        await mouse.click("4002")
        await mouse.key("Connect")
        assert app_of(pilot).wish == ConnectTo("127.0.0.1", 4002)


async def test_every_action_can_be_clicked(running: Running, engine: FakeEngine) -> None:
    """In the key bar, or in the palette that the key bar opens, before anything is typed."""
    engine.go_offline(Phase.RECONNECTING)
    async with running((140, 40), ports=PORTS) as pilot:
        mouse = Mouse(pilot)
        await mouse.key("⋯")
        await pilot.pause(0.3)
        assert not pilot.app.screen.query_one(Input).value
        seen = screen_text(pilot)
        for _ in range(40):
            await mouse.wheel(pilot.app.screen.query_one("CommandList"))
            seen += screen_text(pilot)
        left_out = {deed.id for deed in (*DEEDS, *DASHBOARD_DEEDS) if deed.help not in seen}
        assert left_out == set()
        await mouse.click_at(70, 39)
        shows(pilot, DashboardScreen)


async def test_the_first_start_needs_one_key_or_one_click(
    running: Running, engine: FakeEngine
) -> None:
    for with_mouse in (False, True):
        first_minute(engine)
        async with running((80, 24), ports=PORTS) as pilot:
            shows(pilot, FirstLookScreen)
            if with_mouse:
                await Mouse(pilot).key("Connect")
            else:
                await press(pilot, "enter")
            assert app_of(pilot).wish == ConnectTo("127.0.0.1", 4002)
