"""A day at the dashboard: the real app on the real engine, hours of trading in a minute or two.

    python -m tests.simulation.day [HOURS [SEED]]     tracing memory too: --trace

Broker, disk and time are the simulation's. A trader walks through the screens while fills, ticks,
syncs and outages come in; every half hour is measured, and at the end nothing may be left over.
"""

import asyncio
import gc
import os
import sys
import tempfile
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from unittest import mock

from textual import _time, _wait
from textual.pilot import Pilot
from textual.scrollbar import ScrollBar
from textual.timer import Timer

from possync_tui.demo import BackgroundOptions, Desk, GatewayOptions, default_desk
from possync_tui.demo.background import Background
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy
from possync_tui.tui import app as app_module
from possync_tui.tui.app import PossyncApp
from possync_tui.tui.bridge import LINES_KEPT
from possync_tui.tui.format import countdown
from possync_tui.tui.screens.dashboard import DashboardScreen
from tests.simulation.broken import InvariantBroken
from tests.simulation.gateway import GatewayInMemory
from tests.simulation.invariants import check_at_rest
from tests.simulation.memory_disk import without_threads
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.world import World
from tests.tui.conftest import press, settle

HALF_HOUR = 1_800.0
OBJECTS_A_FILL = 200
"""What the broker's desk and the book may keep of a fill, in Python objects, with room to spare."""
PASSING = ("Timer._run_timer of PositionsPane", "Timer._run_timer of CountingApp")
"""What may be under way at any moment: the end of a flash, the panes' turn in a second."""
SIZES = ((140, 40), (80, 24), (200, 60), (56, 12))
WALKS = (
    ("d", "j", "j", "escape"),
    ("r", "j", "j", "tab", "escape"),
    ("v", "j", "enter", "escape", "escape"),
    ("p", "2", "c", "b", "6", "enter", "escape", "escape"),
    ("1", "j", "enter", "2", "3", "tab", "escape"),
    ("question_mark", "pagedown", "escape"),
    ("1", "slash", *"usd", "enter", "j", "slash", "escape"),
    ("b", "b", "o", "O", "b", "b", "o"),
    ("2", "z", "3", "4", "z", "1"),
    ("4", "k", "K", "y", "l", "l", "l", "l", "G", "1"),
    ("a", "M", "Y", "f", "f", "M", "a", "a", "a"),
    ("m", "escape", "c", "escape", "s"),
    ("ctrl+p", *"spy", "escape", "escape"),
    ("R",),
)


class TradingDay(World):
    """The demo's desk and a patient user; the app itself runs the sync loop."""

    # Each widget has a task of its own.
    most_tasks = 100

    def __init__(self, seed: int, folder: Path, loop: VirtualLoop) -> None:
        super().__init__(seed, folder, loop)
        self.policy = SyncPolicy()
        moves = BackgroundOptions(seed=seed, tick_interval=5.0, trade_interval=(60.0, 180.0))
        self.market = Background(self.desk, moves, self.broker_clock)
        self.gateway = GatewayInMemory(
            self.desk, self.broker_clock, GatewayOptions(master_client_id=71)
        )
        self.move_to("America/New_York")

    def _make_desk(self) -> Desk:
        return default_desk(self.seed, self.broker_clock)

    def start_syncing(self, engine: Engine) -> "asyncio.Task[None] | None":
        return None


class CountingApp(PossyncApp):
    """Knows how often its clock has ticked."""

    CSS_PATH = str(Path(app_module.__file__).parent / str(PossyncApp.CSS_PATH))
    ticks = 0

    def _tick(self) -> None:
        super()._tick()
        self.ticks += 1
        self.ticked.set()

    @cached_property
    def ticked(self) -> asyncio.Event:
        return asyncio.Event()


@dataclass(frozen=True, slots=True)
class Measured:
    """What there is at one moment, with the dashboard alone on the screen."""

    hours: float
    objects: int
    traced: int
    resident: int
    fills: int
    tasks: Counter[str]
    threads: int
    widgets: Counter[str]
    screens: int
    log_lines: int

    def __str__(self) -> str:
        return (
            f"{self.hours:5.1f} h  {self.fills} fills  {self.objects:,} objects  "
            f"{self.traced / 1e6:.2f} MB traced  {self.resident / 1e6:.1f} MB resident  "
            f"{self.tasks.total()} tasks  {self.threads} threads  "
            f"{self.widgets.total()} widgets  "
            f"{self.screens} screens  {self.log_lines} log lines"
        )


@dataclass
class Day:
    """What a day was like."""

    look_every: float
    first_outage: float
    measured: list[Measured] = field(default_factory=list)
    syncs: int = 0
    fills: int = 0
    ticks: int = 0
    seconds: float = 0.0
    outages: int = 0


def trade_a_day(
    hours: float,
    seed: int = 3,
    *,
    look_every: float = HALF_HOUR,
    first_outage: float = 1_300.0,
    tells: bool = False,
) -> Day:
    """Run it. Raises `InvariantBroken` where something is left, drifts or does not agree."""
    loop, day = VirtualLoop(seed), Day(look_every, first_outage)
    before = threading.active_count()
    with (
        tempfile.TemporaryDirectory(prefix="possync-day-") as folder,
        in_its_time(loop),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        world = TradingDay(seed, Path(folder), loop)
        runner.run(run_world(world, hours, day, tells=tells))
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    _require(not left, f"tasks are left: {left[:3]}")
    _require(threading.active_count() <= before, f"threads are left: {threading.enumerate()}")
    return day


def require_nothing_left(day: Day) -> None:
    """At each look there run and stand the same things."""
    for name in ("threads", "screens"):
        found = {getattr(each, name) for each in day.measured}
        _require(len(found) == 1, f"{name} at each look: {sorted(found)}")
    widgets = day.measured[0].widgets
    for each in day.measured:
        more, less = each.widgets - widgets, widgets - each.widgets
        _require(not more and not less, f"widgets at {each.hours:.1f} h: + {more} - {less}")
    usual = day.measured[0].tasks + Counter(PASSING)
    for each in day.measured:
        _require(not each.tasks - usual, f"tasks that nobody ended: {each.tasks - usual}")


def require_flat_memory(day: Day) -> None:
    """In the second half of a day there is only more of what fills leave behind for good."""
    first, last = day.measured[len(day.measured) // 2], day.measured[-1]
    more = last.objects - first.objects
    allowed = (last.fills - first.fills) * OBJECTS_A_FILL
    _require(more <= allowed, f"{more} more objects in the second half, {allowed} at most")


@contextmanager
def in_its_time(loop: VirtualLoop) -> Iterator[None]:
    """Textual reads the clock by itself: here it reads the loop's."""
    with (
        mock.patch.object(_time, "get_time", loop.time),
        mock.patch.object(_wait, "monotonic", loop.time),
    ):
        yield


async def run_world(world: TradingDay, hours: float, day: Day, *, tells: bool) -> None:
    with without_threads(lambda: world.machine):
        await world.open()
        try:
            app = CountingApp(world.running(), clock=world.clock, label="simulated TWS")
            async with app.run_test(size=SIZES[0], notifications=True) as pilot:
                await settle(pilot)
                began, market = world.loop.time(), asyncio.create_task(world.market.run())
                await _walk_through(world, pilot, hours, day, tells=tells)
                day.seconds, day.ticks = world.loop.time() - began, app.ticks
                market.cancel()
                await _rest(world)
                await check_at_rest(world)
                await settle(pilot)
                await _tables_are_the_ledger(world, pilot)
                day.syncs = world.running().stats.total_syncs
                day.fills = len(world.desk.executions)
            await world.stop()
        finally:
            await world.close()
    _require(abs(day.ticks - day.seconds) <= 2, f"{day.ticks} ticks in {day.seconds:.0f} s")


async def _walk_through(
    world: TradingDay, pilot: Pilot[None], hours: float, day: Day, *, tells: bool
) -> None:
    """Every few minutes the trader does something; now and then the network or TWS does."""
    rng, began = Random(f"day {world.seed}"), world.loop.time()
    next_look, next_outage = began + day.look_every, began + day.first_outage
    while world.loop.time() - began < hours * 3_600:
        await asyncio.sleep(rng.uniform(40.0, 200.0))
        await press(pilot, *rng.choice(WALKS))
        if rng.random() < 0.15:
            await pilot.resize_terminal(*rng.choice(SIZES))
        if world.loop.time() >= next_outage:
            next_outage += 2_900.0
            day.outages += 1
            await _lose_the_network(world, rng.choice((0.0, 20.0, 190.0)))
        if world.loop.time() >= next_look:
            next_look += day.look_every
            found = await _looked_at(world, pilot, (world.loop.time() - began) / 3_600)
            day.measured.append(found)
            if tells:
                print(found, flush=True)


async def _rest(world: TradingDay) -> None:
    """The desk stands still, and three syncs look at it with a good connection."""
    for _ in range(3):
        await asyncio.sleep(70)
        await world.running().connected(400)
        result = await world.running().sync_now()
        _require(result.ok, f"a sync at rest: {result.error}")


async def _lose_the_network(world: TradingDay, seconds: float) -> None:
    network = world.loop.network
    network.is_down = True
    network.cut()
    await asyncio.sleep(seconds)
    network.is_down = False


async def _looked_at(world: TradingDay, pilot: Pilot[None], hours: float) -> Measured:
    """Back on the dashboard, connected, with no toast left: then states can be compared."""
    app = pilot.app
    while len(app.screen_stack) > 1:
        await press(pilot, "escape")
    await pilot.resize_terminal(*SIZES[0])
    await world.running().connected(400)
    await press(pilot, "s", "4", "G", "1")
    await asyncio.sleep(20)
    await _header_is_right(world, pilot)
    await _tables_are_the_ledger(world, pilot)
    gc.collect()
    board = _dashboard(pilot)
    return Measured(
        hours,
        len(gc.get_objects()),
        tracemalloc.get_traced_memory()[0],
        _resident(),
        len(world.desk.executions),
        _tasks(),
        threading.active_count(),
        Counter(f"{type(each).__name__} {each.id}" for each in board.walk_children()),
        len(app.screen_stack),
        len(board.log_lines._lines),
    )


async def _header_is_right(world: TradingDay, pilot: Pilot[None]) -> None:
    """The countdown is that of the engine's next sync, to the second, but while one runs."""
    engine = world.running()
    due = engine.next_sync_at
    _require(due is not None, "no sync is planned")
    assert due is not None
    # Look right after a tick, when what is shown is of this second; a sync may end just then.
    app = pilot.app
    assert isinstance(app, CountingApp)
    shown = ""
    for _ in range(2):
        app.ticked.clear()
        await app.ticked.wait()
        await settle(pilot)
        shown = str(_dashboard(pilot).status_bar.render())
        if "⟳ syncing" not in shown:
            break
    if engine.is_syncing:
        return
    due = engine.next_sync_at
    assert due is not None
    seconds = (due - world.clock.now()).total_seconds()
    allowed = {countdown(seconds + off) for off in (0.0, 0.5, 1.0)}
    _require(any(f"next in {text}" in shown for text in allowed), f"{shown!r}, not {allowed}")


async def _tables_are_the_ledger(world: TradingDay, pilot: Pilot[None]) -> None:
    stored = await world.running().reads.positions()
    board = _dashboard(pilot)
    held = {(row.key, row.quantity, str(row.status)) for row in stored}
    shown = {
        (row.view.key, row.view.quantity, str(row.view.status))
        for row in board.positions._all.values()
    }
    _require(shown == held, f"shown and stored differ: {shown ^ held}")
    _require(len(board.log_lines._lines) <= LINES_KEPT, "the log is not bounded")


def _dashboard(pilot: Pilot[None]) -> DashboardScreen:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, DashboardScreen)
    return screen


def _tasks() -> Counter[str]:
    """What runs, by what it runs: the names that asyncio gives are numbers."""
    return Counter(name for task in asyncio.all_tasks() if (name := _name(task)) is not None)


def _name(task: "asyncio.Task[object]") -> str | None:
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    owner = frame.f_locals.get("self") if frame is not None else None
    if isinstance(owner, ScrollBar) and owner.is_attached:
        # Textual makes one for a widget when it is first asked for, and it lives with the widget.
        return None
    target = owner.target if isinstance(owner, Timer) else owner
    name = getattr(coroutine, "__qualname__", task.get_name())
    return f"{name} of {type(target).__name__}"


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _require(holds: bool, words: str) -> None:
    if not holds:
        raise InvariantBroken(words)


def main(arguments: list[str]) -> None:
    numbers = [each for each in arguments if each != "--trace"]
    hours = float(numbers[0]) if numbers else 8.0
    seed = int(numbers[1]) if len(numbers) > 1 else 3
    if "--trace" in arguments:
        tracemalloc.start()
    day = trade_a_day(hours, seed, tells=True)
    require_nothing_left(day)
    require_flat_memory(day)
    print(f"{day.syncs} syncs, {day.fills} fills, {day.outages} outages, {day.ticks} ticks of 1 s")


if __name__ == "__main__":
    main(sys.argv[1:])
