"""Everything can be reached, nothing goes unsaid: keys, mouse, help, palette, first minute."""

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input, Static

from possync_tui.domain.connection import Phase
from possync_tui.domain.first_look import Port, steps
from possync_tui.domain.runs import Outcome
from possync_tui.domain.word import Word
from possync_tui.ledger.port import LedgerError
from possync_tui.tui.actions import DEEDS
from possync_tui.tui.holdings import Holding
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.decision_dialog import DecisionDialog
from possync_tui.tui.screens.first_look import FirstLookScreen
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from possync_tui.tui.widgets.facts import Facts
from possync_tui.tui.wishes import ConnectTo, StartDemo
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock
from tests.tui.test_tui_dashboard import SIZES
from tests.tui.test_tui_stills import PORTS, first_minute


def header(pilot: Pilot[None]) -> str:
    return screen_text(pilot).splitlines()[0]


def top_of(pilot: Pilot[None]) -> type:
    return type(pilot.app.screen)


def key_bar(pilot: Pilot[None]) -> str:
    return screen_text(pilot).splitlines()[-1]


async def click_text(pilot: Pilot[None], widget: str, row: int, text: str) -> None:
    """Click where a text stands, in line `row` of the screen."""
    x = screen_text(pilot).splitlines()[row].index(text)
    await pilot.click(widget, offset=(x, 0))
    await settle(pilot)


# --- the header ----------------------------------------------------------------------------------


async def test_each_part_of_the_header_can_be_clicked(running: Running, engine: FakeEngine) -> None:
    async with running((140, 40)) as pilot:
        await click_text(pilot, "StatusBar", 0, "held")
        assert top_of(pilot) is ReviewScreen
        await click_text(pilot, "StatusBar", 0, "connected")
        assert top_of(pilot) is DashboardScreen
        assert dashboard(pilot).connection.has_focus
        await click_text(pilot, "StatusBar", 0, "synced")
        assert engine.syncs == 1
        await click_text(pilot, "StatusBar", 0, "DU7654301")
        assert "DU7654302" not in header(pilot)
        engine.arm(True)
        await settle(pilot)
        await click_text(pilot, "StatusBar", 0, "ARMED")
        assert not engine.arming.armed


@pytest.mark.parametrize("size", SIZES)
async def test_a_sync_that_failed_stands_in_the_header(
    running: Running, engine: FakeEngine, size: tuple[int, int]
) -> None:
    run = engine.reads.run_rows[0]
    engine.reads.run_rows[0] = replace(run, outcome=Outcome.REFUSED.value)
    async with running(size) as pilot:
        assert "✗" in header(pilot)
        await click_text(pilot, "StatusBar", 0, "✗")
        assert top_of(pilot) is RunsScreen
        await press(pilot, "s")
        assert "✗" not in header(pilot)


async def test_a_sync_that_is_late_has_a_mark(running: Running, engine: FakeEngine) -> None:
    engine.stats = replace(engine.stats, last_sync_time=NOW - timedelta(seconds=600))
    async with running((80, 24)) as pilot:
        assert "! synced" not in header(pilot)
        engine.stats = replace(engine.stats, last_sync_time=NOW - timedelta(seconds=601))
        dashboard(pilot).tick()
        await settle(pilot)
        assert "! synced 10 m ago" in header(pilot)


# --- reconnecting and pausing --------------------------------------------------------------------


async def test_reconnecting_while_connected_is_told_with_its_end(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "R")
        assert engine.reconnects == 1
        assert "Reconnecting…" in screen_text(pilot)
        assert "a new session" not in screen_text(pilot)
        engine.connect(phase=Phase.CONNECTING, session_id="")
        await settle(pilot)
        engine.connect(phase=Phase.CONNECTED, session_id="s2", client_id=72)
        await settle(pilot)
        assert "Connected as client 72: a new session." in screen_text(pilot)


async def test_reconnecting_in_vain_is_told_too(running: Running, engine: FakeEngine) -> None:
    engine.go_offline()
    async with running((200, 60)) as pilot:
        await press(pilot, "R")
        engine.go_offline()
        await settle(pilot)
        toasts = [str(toast.render()) for toast in pilot.app.screen.query("Toast")]
        assert any("Nothing listens on 127.0.0.1:7497" in toast for toast in toasts)


async def test_pausing_and_resuming(running: Running, engine: FakeEngine) -> None:
    engine.go_offline()
    async with running((80, 24)) as pilot:
        assert "P Pause" in key_bar(pilot)
        await press(pilot, "P", "3")
        assert "‖ paused" in header(pilot)
        assert "4 attempts · paused · R resumes" in screen_text(pilot)
        assert "P Resume" in key_bar(pilot)
        await press(pilot, "P")
        assert engine.reconnects == 1
        assert "◐ connecting" in header(pilot)


async def test_the_key_that_arms_says_when_it_disarms(running: Running, engine: FakeEngine) -> None:
    async with running((80, 24)) as pilot:
        assert "m Missing" in key_bar(pilot)
        await press(pilot, "m", "y")
        assert engine.arming.armed
        assert "m Disarm" in key_bar(pilot)
        await press(pilot, "m")
        assert "m Missing" in key_bar(pilot)


async def test_a_session_cannot_be_paused(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        assert "P Pause" not in key_bar(pilot)
        await press(pilot, "P")
        assert engine.connection.phase is Phase.CONNECTED


async def test_read_only_connects_nothing(running: Running, engine: FakeEngine) -> None:
    engine.is_read_only = True
    engine.go_offline(Phase.DISCONNECTED)
    async with running() as pilot:
        await press(pilot, "R", "P")
        assert engine.reconnects == 0
        assert "R Reconnect" not in key_bar(pilot)
        await press(pilot, "3", "z")
        assert "the other instance connects" in screen_text(pilot)


async def test_the_last_error_keeps_its_code_and_time(running: Running, engine: FakeEngine) -> None:
    engine.connect(
        last_error="TWS has lost its connection to IBKR.",
        last_error_code=1100,
        last_error_at=NOW - timedelta(hours=1),
    )
    async with running((200, 60)) as pilot:
        text = " ".join(screen_text(pilot).split())
        assert "last error 13:30 IBKR 1100 TWS" in text


# --- facts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_no_fact_is_lost_where_there_is_little_room(
    running: Running, size: tuple[int, int]
) -> None:
    async with running(size) as pilot:
        await press(pilot, "2")
        stats = screen_text(pilot)
        for words in ("1,284 syncs", "99.6 % ok", "5 failed", "+61 new", "~3,412 updated", "−36"):
            assert words in stats
        for words in ("1,279 in all", "p95", "18 ms", "every 5 m", "13:05, 1 h ago: no end"):
            assert words in stats
        await press(pilot, "3")
        connection = screen_text(pilot)
        for words in ("up 3 h 12 m", "client 17", "version 176", "3 ms", "✓ ushmds", "last error"):
            assert words in connection


async def test_a_rate_is_hundred_only_where_nothing_failed(
    running: Running, engine: FakeEngine
) -> None:
    engine.stats = replace(
        engine.stats, total_syncs=100_000, successful_syncs=99_999, failed_syncs=1
    )
    async with running() as pilot:
        assert "99.9 % ok" in screen_text(pilot)
        assert pilot.app.screen.query_one("#sync-stats-facts", Facts)


# --- the key bar, the help, the palette -----------------------------------------------------------


async def test_keys_stand_in_groups_and_the_rest_behind_dots(running: Running) -> None:
    async with running((80, 24)) as pilot:
        bar = key_bar(pilot)
        sync, look, program = bar.split("│")
        assert "s Sync" in sync
        assert "v Review" in sync
        assert "p P&L" in look
        assert "q Quit" in program
        await pilot.click("KeyBar", offset=(bar.index("⋯"), 0))
        await pilot.pause(0.3)
        assert top_of(pilot) is CommandPalette
        await press(pilot, "escape")
        await pilot.resize_terminal(200, 60)
        await settle(pilot)
        assert key_bar(pilot).rstrip().endswith("⋯"), "the palette has more than any bar"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), "What you hold by the ledger"),
        (("3",), "The link to TWS"),
        (("4",), "It stops following when you scroll back"),
        (("d",), "asked of the broker and written nowhere"),
        (("r",), "what asked for each, how it ended"),
        (("v",), "Accept all of the accounts shown"),
    ],
)
async def test_help_is_about_the_place_where_it_is_asked_for(
    running: Running, keys: tuple[str, ...], words: str
) -> None:
    async with running((200, 60)) as pilot:
        await press(pilot, *keys, "question_mark")
        assert words in " ".join(screen_text(pilot).replace("▌", " ").split())


async def test_help_lists_the_keys_of_the_focused_pane(running: Running) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, "question_mark")
        assert "l          Show more log lines" not in screen_text(pilot)
        await press(pilot, "escape", "4", "question_mark")
        assert "l          Show more log lines" in screen_text(pilot)


@pytest.mark.parametrize("keys", [(), ("4",), ("p",), ("v",), ("enter",)])
async def test_the_help_tells_of_escape_once(running: Running, keys: tuple[str, ...]) -> None:
    async with running((200, 60)) as pilot:
        await press(pilot, *keys, "question_mark")
        told = " ".join(str(each.content) for each in pilot.app.screen.query(Static))
        words = told.split()
        assert words.count("esc") + words.count("escape") == 1


async def test_the_palette_goes_to_a_position_from_any_screen(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "p", "ctrl+p")
        await pilot.press(*"ibm")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.2)
        await settle(pilot)
        assert top_of(pilot) is DashboardScreen
        row = dashboard(pilot).positions.table.cursor_row
        assert isinstance(row, Holding)
        assert row.view.symbol == "IBM"


async def test_the_palette_goes_to_a_position_from_a_dialog(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "v", "A", "ctrl+p")
        await pilot.press(*"ibm")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.2)
        await settle(pilot)
        assert top_of(pilot) is DashboardScreen
        row = dashboard(pilot).positions.table.cursor_row
        assert isinstance(row, Holding)
        assert row.view.symbol == "IBM"


async def test_the_palette_reaches_a_pane_without_the_keyboard(running: Running) -> None:
    async with running((140, 40)) as pilot:
        assert dashboard(pilot).positions.table.has_focus
        await press(pilot, "ctrl+p")
        await pilot.press(*"hold the log")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await settle(pilot)
        assert not dashboard(pilot).log_lines.is_following


async def test_the_palette_knows_every_action(running: Running) -> None:
    async with running((140, 60), ports=PORTS) as pilot:
        for deed in DEEDS:
            if deed.id == "pause":  # there is nothing to pause while connected
                continue
            await press(pilot, "ctrl+p")
            await pilot.press(*deed.help.lower().replace(" ", ""))
            await pilot.pause(0.2)
            assert deed.help in screen_text(pilot), deed.id
            await press(pilot, "escape")
            if len(pilot.app.screen_stack) > 1:
                await press(pilot, "escape")


# --- plan, runs, review --------------------------------------------------------------------------


async def test_a_change_of_the_plan_is_a_diff_of_its_values(running: Running) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, "d")
        assert "+2  ~1  ↶1  ?1  ⚑1" in screen_text(pilot)
        await press(pilot, "j")
        text = screen_text(pilot)
        assert "− quantity      400" in text
        assert "+ quantity      300" in text
        assert "− status" not in text
        assert "SLD 100 @ 231.47 at 14:29:58" in text


async def test_runs_count_their_outcomes_and_mark_failures(running: Running) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, "r")
        text = screen_text(pilot)
        assert "✓ 58 committed" in text
        assert "✗ 2 failed" in text
        bars = next(line for line in text.splitlines() if "p95" in line)
        assert bars.count("✗") == 2
        assert "~ updated" in text


async def test_all_that_is_held_can_be_decided_together(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "v", "U", "escape")
        assert engine.decisions == []
        await press(pilot, "E")
        assert isinstance(pilot.app.screen, DecisionDialog)
        text = screen_text(pilot)
        assert "Accept: all 2" in text
        assert "MISSING: TSLA" in text
        assert "booked as closed" in text
        pilot.app.screen.query_one("#note", Input).value = "spoke to the bank"
        await press(pilot, "enter")
        word = Word(accept=True, note="spoke to the bank")
        assert engine.decisions == [(2, word), (1, word)]
        assert "Nothing is held." in screen_text(pilot)


async def test_one_that_cannot_be_decided_keeps_no_other_from_it(
    running: Running, engine: FakeEngine
) -> None:
    async with running((200, 60)) as pilot:
        await press(pilot, "v", "U")
        engine.reads.hold_rows = [hold for hold in engine.reads.hold_rows if hold.id != 2]
        await press(pilot, "enter")
        assert engine.decisions == [(1, Word(accept=False))]
        assert "hold 2 is not open" in screen_text(pilot)


async def test_the_evidence_of_a_hold_is_the_life_and_back(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "enter")
        assert top_of(pilot) is LifeScreen
        assert "TSLA" in screen_text(pilot)
        await press(pilot, "escape")
        assert top_of(pilot) is ReviewScreen
        await press(pilot, "k", "enter")
        assert "The ledger has no position of this" in screen_text(pilot)


# --- the first minute ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_minute_says_what_answers_and_what_to_tick(
    running: Running, engine: FakeEngine, size: tuple[int, int]
) -> None:
    first_minute(engine)
    async with running(size, ports=PORTS) as pilot:
        assert top_of(pilot) is FirstLookScreen
        text = screen_text(pilot)
        assert "IB Gateway, paper at 4002: found. Enter connects there." in text
        assert "something listens, but not the API of TWS" in text
        await press(pilot, "g")
        text = " ".join(screen_text(pilot).split())
        for step in steps(PORTS[0]):
            assert step in text


async def test_enter_wants_the_port_and_d_the_demo(running: Running, engine: FakeEngine) -> None:
    first_minute(engine)
    async with running(ports=PORTS) as pilot:
        await press(pilot, "g", "enter")
        assert "Nothing to connect to at 7497 yet." in screen_text(pilot)
        assert app_of(pilot).wish is None
        await press(pilot, "j", "j", "enter")
        assert app_of(pilot).wish == ConnectTo("127.0.0.1", 4002)
    engine.connect()
    first_minute(engine)
    async with running(ports=PORTS) as pilot:
        bar = key_bar(pilot)
        await pilot.click("KeyBar", offset=(bar.index("D Demo"), 0))
        await settle(pilot)
        assert app_of(pilot).wish == StartDemo()


async def test_the_first_minute_is_over_when_tws_is_there(
    running: Running, engine: FakeEngine
) -> None:
    first_minute(engine)
    async with running(ports=PORTS) as pilot:
        engine.connect(phase=Phase.CONNECTED, sentence="", code=None)
        await settle(pilot)
        assert top_of(pilot) is DashboardScreen


async def test_a_ledger_that_knows_positions_is_shown_at_once(
    running: Running, engine: FakeEngine
) -> None:
    engine.go_offline()
    async with running(ports=PORTS) as pilot:
        assert top_of(pilot) is DashboardScreen
        await press(pilot, "C")
        assert top_of(pilot) is FirstLookScreen
        await press(pilot, "escape", "p")
        assert top_of(pilot) is RealizedScreen


async def test_the_port_in_use_is_only_tried_again(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    there = (Port("127.0.0.1", 7497, "TWS, paper", True, 176),)
    async with running(ports=there) as pilot:
        await press(pilot, "C", "enter")
        assert app_of(pilot).wish is None
        assert engine.reconnects == 1


async def test_a_lost_connection_is_not_one_that_was_never_found(
    running: Running, engine: FakeEngine
) -> None:
    silent = (Port("127.0.0.1", 7497, "TWS, paper", False, None),)
    async with running(ports=silent) as pilot:
        engine.go_offline()
        engine.connect(server_version=176)
        await press(pilot, "C")
        text = " ".join(screen_text(pilot).split())
        assert "The connection is lost" in text
        assert "TWS answered at 127.0.0.1:7497 before." in text
        assert "not found yet" not in text
        engine.connect(server_version=None)
        await press(pilot, "u")
        assert "TWS was not found yet." in screen_text(pilot)


async def test_the_search_for_tws_says_what_goes_on(running: Running, engine: FakeEngine) -> None:
    async with running(ports=PORTS) as pilot:
        await press(pilot, "C")
        assert "Connected. This is 127.0.0.1:7497." in screen_text(pilot)
        await press(pilot, "escape")
        engine.go_offline()
        await press(pilot, "P", "C")
        assert "Reconnecting is paused. R tries now." in screen_text(pilot)
        assert "by itself" not in screen_text(pilot)


async def test_the_palette_has_each_thing_once(running: Running) -> None:
    """Textual's own panel of keys and zooming would stand beside ours."""
    async with running() as pilot:
        names = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        assert "Theme" in names
        assert not {"Keys", "Maximize", "Minimize", "Screenshot"} & set(names)


async def test_ports_that_cannot_be_asked_are_said(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(ports=PORTS) as pilot:

        async def fails() -> tuple[Port, ...]:
            raise LedgerError("no sockets left")

        monkeypatch.setattr(app_of(pilot).desk, "probe", fails)
        await press(pilot, "C")
        assert "looking for TWS failed: no sockets left" in screen_text(pilot)
