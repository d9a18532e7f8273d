"""The app and the engine: news come in batches, work never blocks, failures are sentences."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal

import pytest
from textual.message import Message

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.ledger.port import LedgerError
from possync_tui.sync.events import EventBus, LedgerChanged, LogLine, MarkMoved
from possync_tui.tui import bridge
from possync_tui.tui.app import SYNC_LOOP, PossyncApp
from possync_tui.tui.bridge import EngineMoved, EventBridge
from tests.tui.conftest import Running, app_of, press, screen_text, settle
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock


async def test_the_app_runs_the_sync_loop_and_leaves_it_running(
    engine: FakeEngine, clock: FixedClock
) -> None:
    app = PossyncApp(engine, clock=clock)
    async with app.run_test() as pilot:
        await settle(pilot)
        assert engine.runs_now
    await asyncio.sleep(0.01)
    assert engine.runs_now
    assert not engine.run_was_cancelled
    engine.stop()
    await asyncio.sleep(0.01)
    assert not engine.runs_now


async def test_a_cancelled_worker_does_not_cancel_the_loop(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        (worker,) = [w for w in pilot.app.workers if w.name == SYNC_LOOP]
        worker.cancel()
        await settle(pilot)
        assert engine.runs_now
        assert not engine.run_was_cancelled


async def test_a_crash_of_the_loop_is_a_log_line_and_a_toast(
    running: Running, engine: FakeEngine
) -> None:
    engine.loop_failure = RuntimeError("[red]the broker room fell in[/red]")
    async with running((200, 60)) as pilot:
        text = screen_text(pilot)
        assert "the sync loop failed" in text
        assert "[red]the broker room fell in[/red]" in text
        assert pilot.app.is_running
        await press(pilot, "j")
        assert "Traceback" not in screen_text(pilot)


async def test_a_failed_sync_is_said_and_nothing_breaks(
    running: Running, engine: FakeEngine
) -> None:
    engine.failure = LedgerError("the disk is full; free some room")
    async with running() as pilot:
        await press(pilot, "s")
        assert "sync failed: the disk is full" in screen_text(pilot)
        assert pilot.app.return_code in (None, 0)


async def test_a_ledger_that_cannot_be_read_is_said(running: Running, engine: FakeEngine) -> None:
    engine.reads.failure = LedgerError("the ledger is damaged; restore a copy")
    async with running((200, 60)) as pilot:
        assert "reading the ledger failed: the ledger is damaged" in screen_text(pilot)
        engine.reads.failure = None
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        assert "25 open" in screen_text(pilot)


async def test_keys_stay_quick_while_a_sync_hangs(running: Running, engine: FakeEngine) -> None:
    engine.sync_gate = asyncio.Event()
    async with running((200, 60)) as pilot:
        await press(pilot, "s")
        assert "⟳ syncing" in screen_text(pilot)
        await press(pilot, "s")
        assert "another follows it" in screen_text(pilot)
        await press(pilot, "p")
        assert "Realized P&L" in screen_text(pilot)
        engine.sync_gate.set()
        await settle(pilot)
        assert engine.syncs == 2


async def test_leaving_does_not_give_up_a_running_sync(
    engine: FakeEngine, clock: FixedClock
) -> None:
    engine.sync_gate = asyncio.Event()
    app = PossyncApp(engine, clock=clock)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
    engine.sync_gate.set()
    await asyncio.sleep(0.02)
    assert engine.syncs == 1
    engine.stop()


async def test_lines_from_before_the_first_paint_are_shown(
    engine: FakeEngine, clock: FixedClock
) -> None:
    app = PossyncApp(engine, clock=clock)
    engine.log(logging.INFO, "ledger", "opened, 26 positions")
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        assert "opened, 26 positions" in screen_text(pilot)
    engine.stop()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_signals_end_the_app_in_order(
    engine: FakeEngine, clock: FixedClock, number: signal.Signals, code: int
) -> None:
    app = PossyncApp(engine, clock=clock)
    async with app.run_test() as pilot:
        await settle(pilot)
        os.kill(os.getpid(), number)
        await settle(pilot)
    assert app.return_code == code
    assert not engine.run_was_cancelled
    engine.stop()


async def test_q_quits(engine: FakeEngine, clock: FixedClock) -> None:
    app = PossyncApp(engine, clock=clock)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert not app.is_running
    assert app.return_code == 0
    engine.stop()


class Shown:
    """A screen with these positions in view."""

    def __init__(self, *in_view: PositionKey) -> None:
        self.in_view = in_view
        self.taken: list[list[Mark]] = []

    def shows(self, key: PositionKey) -> bool:
        return key in self.in_view

    def take_marks(self, marks: Iterable[Mark]) -> None:
        self.taken.append(list(marks))


def a_mark(number: int, price: int = 1) -> Mark:
    return Mark(PositionKey("DU1", number), NOW, "test", "s", Decimal(price))


async def test_live_values_in_view_are_shown_at_once_and_the_others_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge, "MOST_GAP", 0.1)
    bus, told = EventBus(), []
    shown = Shown(a_mark(1).key)

    def tell(message: Message) -> bool:
        told.append(message)
        return True

    ours = EventBridge(bus, tell, shown)
    ours.open()
    bus.emit(MarkMoved(a_mark(2)))
    await asyncio.sleep(0)
    assert shown.taken == [[a_mark(2)]]
    shown.taken.clear()
    for price in range(1, 40):
        bus.emit(MarkMoved(a_mark(2, price)))
        bus.emit(MarkMoved(a_mark(3, price)))
        bus.emit(MarkMoved(a_mark(1, price)))
        await asyncio.sleep(0)
    await asyncio.sleep(bridge.LEAST_GAP * 3)
    # None of those out of sight took part, and none of those in view came twice at once.
    assert [mark.key.con_id for marks in shown.taken for mark in marks] == [1] * len(shown.taken)
    assert shown.taken[0] == [a_mark(1, 1)]
    assert shown.taken[-1] == [a_mark(1, 39)]
    shown.taken.clear()
    # Out of sight before it was shown: the later value counts.
    bus.emit(MarkMoved(a_mark(1, 40)))
    shown.in_view = ()
    bus.emit(MarkMoved(a_mark(1, 41)))
    await asyncio.sleep(0.15)
    assert {mark.key.con_id: mark for marks in shown.taken for mark in marks} == {
        1: a_mark(1, 41), 2: a_mark(2, 39), 3: a_mark(3, 39),
    }  # fmt: skip
    assert not told
    assert ours._timer is None
    ours.close()


async def test_the_bridge_keeps_the_latest_and_is_quiet_when_nothing_happens() -> None:
    told: list[Message] = []

    def tell(message: Message) -> bool:
        told.append(message)
        return True

    bus = EventBus()
    ours = EventBridge(bus, tell, Shown())
    key = PositionKey("DU1", 1)
    ours.open()
    for _ in range(500):
        bus.emit(MarkMoved(Mark(key, NOW, "test", "s")))
        bus.emit(LogLine(NOW, logging.INFO, "k", "t"))
    await asyncio.sleep(0.03)
    assert len(told) == 1
    update = ours.take()
    assert len(update.marks) == 1
    assert len(update.lines) == 500
    assert ours._timer is None
    assert ours.take() == ours.take()
    ours.close()
    bus.emit(LedgerChanged())
    await asyncio.sleep(0.02)
    assert len(told) == 1
    assert EngineMoved().can_replace(EngineMoved())


async def test_updates_come_as_often_as_their_cost_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge, "MOST_GAP", 0.1)
    told: list[float] = []
    loop = asyncio.get_running_loop()
    bus = EventBus()

    def tell(_message: Message) -> bool:
        told.append(loop.time())
        return True

    ours = EventBridge(bus, tell, Shown())
    ours.open()

    async def gap_after(cost: float) -> float:
        ours.took(cost)
        told.clear()
        while len(told) < 3:
            bus.emit(LedgerChanged())
            await asyncio.sleep(0.001)
        return told[2] - told[1]

    # Its share of the time at most; never longer than an eye would wait.
    assert await gap_after(0.003) >= 0.06
    assert 0.1 <= await gap_after(1.0) < 1.0
    assert await gap_after(0.0) >= bridge.LEAST_GAP
    ours.close()


def test_cheap_updates_come_at_once_and_dear_ones_keep_to_their_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bridge, "MOST_GAP", 0.1)

    def shown_in(seconds: float, cost: float) -> tuple[int, float]:
        """How many updates of this cost there are in that time, and the longest wait."""
        pace, now, count, longest = bridge.Pace(), 0.0, 0, 0.0
        while now < seconds:
            due = pace.due_after(now, cost)
            count, longest, now = count + 1, max(longest, due - now), due
        return count, longest

    # Less than their share: as often as an eye can tell apart, for as long as it lasts.
    count, longest = shown_in(20, bridge.LEAST_GAP * bridge.SHARE * 0.9)
    assert longest == pytest.approx(bridge.LEAST_GAP)
    # Ten times that: no more than the share of the time, and what was saved before.
    cost = bridge.LEAST_GAP * bridge.SHARE * 10
    count, longest = shown_in(20, cost)
    assert 0.9 <= count * cost / ((20 + bridge.SAVED) * bridge.SHARE) <= 1.1
    # However dear they are, no longer than an eye would wait; and soon as before.
    count, longest = shown_in(20, 1.0)
    assert longest == pytest.approx(0.1)
    pace = bridge.Pace()
    pace.due_after(0.0, 1.0)
    assert pace.due_after(2.0, 0.001) == pytest.approx(2.0 + bridge.LEAST_GAP)


async def test_a_burst_of_changes_reads_the_ledger_a_few_times(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as pilot:
        reads = 0
        desk = app_of(pilot).desk
        read = desk.read

        async def counted() -> object:
            nonlocal reads
            reads += 1
            await asyncio.sleep(0.2)
            return await read()

        monkeypatch.setattr(desk, "read", counted)
        for _ in range(50):
            engine.bus.emit(LedgerChanged())
            await asyncio.sleep(0)
        await settle(pilot)
        assert 1 <= reads <= 4


def test_importing_the_dashboard_loads_no_broker_no_database_and_no_plotting() -> None:
    code = (
        "import sys, possync_tui.tui.app;"
        "bad = {'ib_insync', 'ib_async', 'aiosqlite', 'sqlite3', 'plotext', 'numpy'};"
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
