"""The dashboard: is all well, at every size and in every state?"""

import asyncio
import logging
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from textual.widget import Widget
from textual.widgets import Static

from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.runs import Outcome, SyncResult, SyncStats, Trigger
from possync_tui.sync.events import Arming, ArmingChanged, LedgerChanged, SyncFinished
from possync_tui.tui.themes import DEFAULT_THEME
from possync_tui.tui.widgets.status_bar import PHASES
from tests.tui import desk_book
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock

SIZES = ((80, 24), (140, 40), (200, 60))


@pytest.mark.parametrize("size", SIZES)
async def test_every_pane_can_be_seen(running: Running, size: tuple[int, int]) -> None:
    async with running(size) as pilot:
        text = screen_text(pilot)
        for title in ("Positions", "Sync stats", "Connection", "Sync log"):
            assert title in text
        assert "25 open · 1 missing" in text
        assert "● connected" in text
        assert "PAPER" in text
        assert "synced 12 s ago" in text
        assert "next in 4:48" in text
        assert "⚑ 2 held" in text
        assert "? Help" in text
        assert "q Quit" in text
        for strip in pilot.app.screen._compositor.render_strips():
            assert sum(segment.cell_length for segment in strip) == size[0]


async def test_a_narrow_screen_shows_the_lower_panes_behind_tabs(running: Running) -> None:
    async with running((80, 24)) as pilot:
        assert "Nothing yet." in screen_text(pilot)
        await press(pilot, "2")
        assert "1,284 syncs" in screen_text(pilot)
        await press(pilot, "3")
        assert "127.0.0.1:7497 · client 17" in screen_text(pilot)
        await press(pilot, "tab")
        assert dashboard(pilot).log_lines.has_focus
        await pilot.click("PaneTabs", offset=(4, 0))
        await settle(pilot)
        assert dashboard(pilot).stats.has_focus


async def test_too_small_is_said_in_a_sentence(running: Running) -> None:
    async with running((50, 12)) as pilot:
        assert "60 × 15" in screen_text(pilot)
        assert "Symbol" not in screen_text(pilot)
        await pilot.resize_terminal(100, 30)
        await settle(pilot)
        assert "Symbol" in screen_text(pilot)
        assert dashboard(pilot).positions.table.has_focus


async def test_the_environment_is_named(running: Running, engine: FakeEngine) -> None:
    async with running((80, 24)) as pilot:
        for environment in Environment:
            engine.environment = environment
            dashboard(pilot).tick()
            await settle(pilot)
            assert environment.value.upper() in screen_text(pilot).splitlines()[0]
            bar = dashboard(pilot).status_bar
            assert bar.has_class("-live") is (environment is Environment.LIVE)


async def test_header_and_pane_count_down_alike(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    """They are drawn one after the other, and time does not wait in between."""

    def counted(text: str) -> tuple[str, ...]:
        return tuple(re.findall(r"next(?: in| {7}) *([0-9]:[0-9][0-9])", text))

    async with running() as pilot:
        screen = dashboard(pilot)
        seen = {counted(screen_text(pilot))}
        for _ in range(6):
            clock.move(0.37)
            screen.status_bar.tick()
            clock.move(0.3)
            screen.tick_panes()
            await settle(pilot)
            seen.add(counted(screen_text(pilot)))
            clock.move(0.4)
            # News redraw the header, too.
            engine.log(logging.INFO, "notice", "a farm is there again")
            await settle(pilot)
            seen.add(counted(screen_text(pilot)))
        assert len(seen) > 3
        for times in seen:
            assert len(times) == 2
            assert len(set(times)) == 1, seen


async def test_the_last_error_of_a_sync_has_its_time(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    error = "no end marker within 30 s"
    engine.reads.run_rows = [
        replace(run, error=run.error and error) for run in engine.reads.run_rows
    ]
    engine.stats = replace(engine.stats, last_error=error)
    async with running((200, 60)) as pilot:
        assert "last error 13:05, 1 h ago: no end" in squeezed(screen_text(pilot))
        failed = SyncResult(Outcome.FAILED, Trigger.INTERVAL, clock.now(), 30_000.0, error=error)
        engine.stats = engine.stats.after(failed)
        engine.bus.emit(SyncFinished(failed))
        clock.move(45)
        await settle(pilot)
        dashboard(pilot).tick()
        await settle(pilot)
        assert "last error 14:30, 45 s ago: no end" in squeezed(screen_text(pilot))
    # Of the syncs only the latest are read: then all that is known is what it was before.
    engine.reads.run_rows = [run for run in engine.reads.run_rows if run.error is None]
    async with running((200, 60)) as pilot:
        assert "last error before 09:35: no end" in squeezed(screen_text(pilot))


def squeezed(text: str) -> str:
    return re.sub(r" {2,}", " ", text)


async def test_the_header_counts_the_seconds_without_layout(
    running: Running, clock: FixedClock
) -> None:
    async with running() as pilot:
        clock.move(5)
        dashboard(pilot).tick()
        await settle(pilot)
        assert "synced 17 s ago · next in 4:43" in screen_text(pilot)


async def test_armed_is_a_badge_with_its_countdown(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    async with running((80, 24)) as pilot:
        engine.arming = Arming(True, False, NOW + timedelta(minutes=59, seconds=12))
        engine.bus.emit(ArmingChanged(engine.arming))
        await settle(pilot)
        assert "ARMED 0:59:12" in screen_text(pilot)
        engine.arming = Arming(True, True)
        engine.bus.emit(ArmingChanged(engine.arming))
        await settle(pilot)
        assert "ARMED by settings" in screen_text(pilot)


async def test_read_only_says_so_and_refuses_to_sync(running: Running, engine: FakeEngine) -> None:
    engine.is_read_only = True
    async with running() as pilot:
        assert "READ-ONLY" in screen_text(pilot)
        await press(pilot, "s", "m")
        assert engine.syncs == 0
        assert not engine.arming.armed
        assert "another instance writes this ledger" in screen_text(pilot)


async def test_a_reader_has_no_prices_before_a_sync_has_left_some(
    running: Running, engine: FakeEngine
) -> None:
    engine.is_read_only = True
    engine.connect(phase=Phase.DISCONNECTED, sentence="Not connected yet.", accounts=())
    engine.live_marks = {}
    engine.reads.position_rows = [
        replace(view, current_price=None, market_value=None, unrealized_pnl=None, marked_at=None)
        for view in engine.reads.position_rows
    ]
    async with running() as pilot:
        text = squeezed(screen_text(pilot))
        assert "no prices yet: they come with a sync there" in text
        assert "prices of the last sync" not in text
        await press(pilot, "d")
        assert "Esc goes back" in screen_text(pilot)
        assert "dry run failed" not in screen_text(pilot)


async def test_a_reader_tells_what_the_file_knows_and_why_it_knows_no_more(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    """Another instance writes: this one has no connection, no marks, and no plan of its own."""
    engine.is_read_only = True
    engine.connect(phase=Phase.DISCONNECTED, sentence="Not connected yet.", accounts=())
    engine.live_marks, engine.next_sync_at = {}, None
    async with running() as pilot:
        text = squeezed(screen_text(pilot))
        for words in (
            "○ follows the ledger",
            "synced 12 s ago",
            "prices of the last sync, 12 s ago",
            "next the other instance syncs",
            "exchange rates are told only where it is synced",
            "92,588.00",
        ):
            assert words in text, words
        said = " ".join(pane_text(dashboard(pilot).connection).split())
        assert "read-only: the other instance connects" in said
        assert said.endswith("are told there alone.")
        for words in (
            "127.0.0.1",
            "not planned",
            "missing→closed off",
            "Not connected yet",
            "disconnected",
        ):
            assert words not in text, words
        error = "no end marker within 30 s"
        failed = SyncResult(Outcome.FAILED, Trigger.INTERVAL, clock.now(), 30_000.0, error=error)
        engine.stats = engine.stats.after(failed)
        engine.reads.run_rows.insert(0, desk_book.run_of(failed))
        clock.move(20)
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        text = squeezed(screen_text(pilot))
        assert "last ✗ failed interval" in text
        assert "last error 14:30, 20 s ago: no end" in text
        assert "✗ last sync failed" in text


async def test_offline_shows_the_ledger_with_its_age(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    engine.go_offline()
    engine.stats = replace(engine.stats, last_sync_time=NOW - timedelta(hours=2))
    async with running() as pilot:
        text = screen_text(pilot)
        assert "last synced 2 h ago, not live" in text
        assert "AAPL" in text
        assert "92,588.00" in text
        assert "↻ reconnecting in 0:08" in text
        assert "IBKR 502  Nothing listens on" in text
        assert "4 attempts · next in 0:08" in text
        rows = dashboard(pilot).positions.table.holdings
        assert all(row.is_stale for row in rows)
        assert "R Reconnect" in text
        await press(pilot, "R")
        assert engine.reconnects == 1


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
async def test_an_outage_is_told_in_full_with_its_age(
    running: Running, engine: FakeEngine, clock: FixedClock, size: tuple[int, int]
) -> None:
    engine.go_offline()
    engine.connect(down_since=clock.now() - timedelta(minutes=12), since=clock.now())
    async with running(size) as pilot:
        await press(pilot, "3")
        said = " ".join(pane_text(dashboard(pilot).connection).split())
        assert "reconnecting down for 12 m 0 s" in said
        assert engine.connection.sentence in said
        assert "next in 0:08" in said
        clock.move(5)
        engine.connect(phase=Phase.CONNECTING, since=clock.now(), sentence="Connecting.")
        await settle(pilot)
        assert "connecting down for 12 m 5 s" in squeezed(screen_text(pilot))


def pane_text(pane: Widget) -> str:
    return "\n".join(pane.render_line(y).text for y in range(pane.size.height))


async def test_ctrl_c_names_our_own_key(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "ctrl+c")
        assert "q quits" in screen_text(pilot)
        assert "ctrl+q" not in screen_text(pilot)


async def test_coming_back_online_makes_the_rows_live(running: Running, engine: FakeEngine) -> None:
    engine.go_offline()
    async with running() as pilot:
        engine.connect(phase=Phase.CONNECTED, sentence="", code=None)
        await settle(pilot)
        text = screen_text(pilot)
        assert "not live" not in text
        assert not dashboard(pilot).positions.table.holdings[0].is_stale


async def test_every_phase_has_a_symbol_and_a_word(running: Running, engine: FakeEngine) -> None:
    async with running((80, 24)) as pilot:
        for phase in Phase:
            engine.go_offline(phase)
            await settle(pilot)
            header = screen_text(pilot).splitlines()[0]
            assert f" {PHASES[phase][0]} {phase.value}" in header
        assert len({symbol for symbol, _ in PHASES.values()}) == len(Phase)


async def test_trouble_does_not_push_the_account_out_of_the_header(
    running: Running, engine: FakeEngine
) -> None:
    engine.environment = Environment.LIVE
    engine.arm(True)
    async with running((80, 24)) as pilot:
        header = screen_text(pilot).splitlines()[0]
        for told in ("connected", "LIVE", "3 accounts", "2 held", "ARMED 1:00:00", "12 s ago"):
            assert told in header


async def test_a_missing_position_says_what_to_do(running: Running) -> None:
    for width, told in (
        (140, "missing since Mon 13:30 — v to review"),
        (80, "missing Mon 13:30 — v to review"),
        (60, "missing: v reviews"),
    ):
        async with running((width, 24)) as pilot:
            (line,) = [row for row in screen_text(pilot).splitlines() if "! TSLA" in row]
            assert told in line


async def test_totals_are_per_currency_and_leave_virtual_cash_out(
    running: Running, engine: FakeEngine
) -> None:
    rows = engine.reads.position_rows
    expected = sum(
        (
            view.market_value
            for view in rows
            if view.currency == "USD" and view.sec_type != "CASH" and view.market_value
        ),
        Decimal(0),
    )
    async with running() as pilot:
        (line,) = [r for r in screen_text(pilot).splitlines() if r.strip().startswith("USD ")]
        assert f"{expected:,.2f}" in line
        assert line.rstrip().endswith("1 without a price, left out")
        for currency in ("EUR", "GBP", "JPY"):
            assert f"{currency}   value" in screen_text(pilot)


async def test_an_empty_ledger_says_why(running: Running, engine: FakeEngine) -> None:
    engine.reads.position_rows = []
    engine.stats = replace(engine.stats, last_sync_time=None)
    async with running() as pilot:
        assert "The ledger holds no positions yet" in screen_text(pilot)
        assert "never synced" in screen_text(pilot)
        engine.go_offline()
        await settle(pilot)
        assert "Nothing listens on 127.0.0.1:7497" in screen_text(pilot)


async def test_of_the_first_sync_header_and_empty_pane_tell_one_truth(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    engine.reads.position_rows = []
    engine.stats = SyncStats()
    engine.next_sync_at = clock.now() + timedelta(seconds=9)
    async with running() as pilot:
        for countdown in ("0:09", "0:06"):
            text = screen_text(pilot)
            assert f"next in {countdown}" in text
            assert f"the first sync begins in {countdown}, or press s." in text
            clock.move(3)
            app_of(pilot)._tick()
            await settle(pilot)
        engine.sync_gate = asyncio.Event()
        await press(pilot, "s")
        text = screen_text(pilot)
        assert "syncing" in text
        assert "the first sync is under way." in text
        engine.sync_gate.set()
        await settle(pilot)
        assert "No open positions: the account is flat." in screen_text(pilot)


async def test_a_disabled_periodic_sync_is_said(running: Running, engine: FakeEngine) -> None:
    engine.is_enabled = False
    async with running() as pilot:
        assert "periodic sync off" in screen_text(pilot)
        await press(pilot, "s")
        assert engine.syncs == 1


async def test_s_syncs_and_the_panes_follow(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "s")
        text = screen_text(pilot)
        assert engine.syncs == 1
        assert "1,285 syncs" in text
        assert "✓ committed  manual" in text
        assert "manual" in text


async def test_the_log_pauses_when_scrolled_back_and_follows_again(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        for number in range(40):
            engine.log(logging.INFO, "interval", f"line {number}")
        await settle(pilot)
        log = dashboard(pilot).log_lines
        assert "line 39" in screen_text(pilot)
        await press(pilot, "4", "up", "up", "up")
        assert not log.is_following
        engine.log(logging.WARNING, "interval", "a new one")
        await settle(pilot)
        assert "paused · 1 new · G follows" in screen_text(pilot)
        assert "a new one" not in screen_text(pilot)
        await press(pilot, "end")
        assert "a new one" in screen_text(pilot)
        assert "paused" not in screen_text(pilot)


async def test_the_log_is_bounded_and_what_is_read_stays(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 40)) as pilot:
        for number in range(1_000):
            engine.log(logging.INFO, "interval", f"line {number}")
        await settle(pilot)
        await press(pilot, "4", "up", "up", "up", "up")
        log = dashboard(pilot).log_lines
        top = log.render_line(0).text
        for number in range(50):
            engine.log(logging.INFO, "interval", f"late {number}")
        await settle(pilot)
        assert len(log._lines) == 1_000
        assert log.render_line(0).text == top


async def test_a_hidden_log_follows_too(running: Running, engine: FakeEngine) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, "2")
        for number in range(60):
            engine.log(logging.INFO, "interval", f"line {number}")
        await settle(pilot)
        await press(pilot, "4")
        assert "line 59" in screen_text(pilot)
        assert dashboard(pilot).log_lines.is_following


async def test_at_midnight_today_begins_anew(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    entry = replace(engine.reads.entry_rows[0], currency="USD", realized_pnl=Decimal("77.70"))
    engine.reads.entry_rows = [replace(entry, closed_at=NOW)]
    async with running() as pilot:
        assert "realized today ▲ 77.70" in screen_text(pilot)
        clock.move(86_400)
        app_of(pilot)._tick()
        await settle(pilot)
        assert "77.70" not in screen_text(pilot)


async def test_debug_lines_are_shown_on_demand(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        engine.log(logging.DEBUG, "interval", "skipped: not connected")
        await settle(pilot)
        assert "skipped" not in screen_text(pilot)
        await press(pilot, "4", "l")
        engine.log(logging.DEBUG, "interval", "skipped: not connected")
        await settle(pilot)
        assert "· interval" in screen_text(pilot)


async def test_zoom_shows_one_pane_and_back(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "4", "z")
        text = screen_text(pilot)
        assert "Sync log" in text
        assert "Symbol" not in text
        await press(pilot, "1")
        assert "Symbol" in screen_text(pilot)
        assert "Sync log" not in screen_text(pilot)
        await press(pilot, "z")
        assert "Sync log" in screen_text(pilot)


THEMES = ("possync", "possync-day", "possync-blue-orange", "textual-dark", "textual-light")


async def test_every_theme_can_be_chosen_while_running(running: Running) -> None:
    async with running() as pilot:
        assert pilot.app.theme == DEFAULT_THEME
        for theme in (*THEMES, "ansi-dark", "ansi-light"):
            pilot.app.theme = theme
            await settle(pilot)
            assert "AAPL" in screen_text(pilot)
        await press(pilot, "p")
        for theme in ("ansi-light", "possync-day"):
            pilot.app.theme = theme
            await settle(pilot)
            assert "✓ EXACT" in screen_text(pilot)


@pytest.mark.parametrize("theme", ["possync-day", "ansi-dark"])
async def test_a_theme_is_given_at_the_start(running: Running, theme: str) -> None:
    async with running(theme=theme) as pilot:
        assert pilot.app.theme == theme
        assert "AAPL" in screen_text(pilot)


async def test_an_unknown_theme_is_named(running: Running) -> None:
    async with running(theme="[red]nope") as pilot:
        assert pilot.app.theme == DEFAULT_THEME
        assert "[red]nope" in screen_text(pilot)


async def test_without_colour_everything_still_says_what_it_means(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running() as pilot:
        text = screen_text(pilot)
        assert "▲     14,932.00" in text
        assert "! TSLA" in text
        assert "▸" in text


async def test_accounts_are_masked_everywhere(running: Running, engine: FakeEngine) -> None:
    async with running((200, 60), mask_accounts=True) as pilot:
        engine.log(logging.INFO, "review", "DU7654301 accepted")
        await settle(pilot)
        assert "DU7654301" not in screen_text(pilot)
        assert "DU•••••01" in screen_text(pilot)
        await press(pilot, "M")
        assert "DU7654301 accepted" in screen_text(pilot)
        for key in ("v", "p", "d"):
            await press(pilot, "M", key)
            shown = screen_text(pilot)
            assert ("DU7654301" in shown) is not app_of(pilot).desk.shown.masks_accounts
            await press(pilot, "M", "escape")


async def test_the_label_is_part_of_the_header(running: Running) -> None:
    async with running((200, 60), label="embedded gateway") as pilot:
        assert "embedded gateway 127.0.0.1:7497" in screen_text(pilot)
        assert not [widget for widget in pilot.app.screen.query(Static) if widget.content is None]


@pytest.mark.parametrize(("size", "rows"), [((60, 15), 8), ((70, 18), 11), ((140, 15), 4)])
async def test_a_small_window_is_for_rows(
    running: Running, size: tuple[int, int], rows: int
) -> None:
    async with running(size) as pilot:
        table = dashboard(pilot).positions.table
        assert table.size.height - 1 >= rows
        (total,) = [row for row in screen_text(pilot).splitlines() if row.split()[:1] == ["USD"]]
        # Each amount has its name and is there in full, or is not there.
        assert re.search(r"unr\w*\.? ▲ +51,389\.76  day ▼ +−1,004\.55  \w+( today)? +0\.00", total)
        # The lower panes open with the keyboard, and close again.
        await press(pilot, "3")
        assert "up 3 h 12 m" in screen_text(pilot)
        await press(pilot, "1")
        assert table.size.height - 1 >= rows
        await press(pilot, "p")
        entries = [row for row in screen_text(pilot).splitlines() if "2026-" in row]
        assert len(entries) >= 6
        await press(pilot, "b")
        assert "There is no room for the" in screen_text(pilot)


async def test_no_amount_stands_without_its_name(running: Running) -> None:
    """What has no room for name and digits is left out, not cut."""
    for width in range(60, 141, 10):
        async with running((width, 24)) as pilot:
            shown = [row for row in screen_text(pilot).splitlines() if row.split()[:1] == ["USD"]]
            assert shown, width
            amounts = re.findall(r"[−\d,]+\.\d\d", shown[0])
            names = re.findall(r"\b(?:val|unr|day|rlz|realized)", shown[0].replace(" today", ""))
            assert len(names) == len(amounts) >= 3
            assert "…" not in shown[0]
