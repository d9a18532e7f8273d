"""Running seeds: one world each, checked after every action, and shrunk where it fails."""

import asyncio
import os
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from possync_tui.broker.port import BrokerError
from possync_tui.demo import DeskError
from possync_tui.ledger.port import LedgerError
from tests.simulation.actions import BY_NAME, FOR_REAL, Action, schedule
from tests.simulation.broken import InvariantBroken
from tests.simulation.every_step import check_memory, is_full
from tests.simulation.invariants import check_at_any_time, check_at_rest
from tests.simulation.memory_disk import without_threads
from tests.simulation.real_loop import RealLoop
from tests.simulation.statements import import_all
from tests.simulation.virtual_loop import Stuck, VirtualLoop
from tests.simulation.world import World

LENGTH = 40
_PATIENCE = 30
# A file of memory is as real to SQLite, and a third of the time went into waiting for a disk.
_IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclass
class Report:
    """What a seed did."""

    seed: int
    failure: str = ""
    story: list[str] = field(default_factory=list)
    deeds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    syncs: int = 0
    is_full: bool = False

    @property
    def ok(self) -> bool:
        return not self.failure


def run_seed_once(
    seed: int, actions: Sequence[Action] | None = None, *, full: bool = False
) -> Report:
    """Run a world to its end. Never raises for what the program does wrong: the report says it."""
    report = Report(seed, is_full=full or is_full(seed))
    loop = VirtualLoop(seed)
    planned = schedule(seed, LENGTH) if actions is None else actions
    with tempfile.TemporaryDirectory(prefix="possync-sim-", dir=_IN_MEMORY) as folder:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(run_world(seed, Path(folder), loop, planned, report))
        except (InvariantBroken, Stuck) as broken:
            report.failure = f"{type(broken).__name__}: {broken}"
        except Exception as surprise:  # noqa: BLE001 - a run over thousands of seeds goes on
            report.failure = "".join(traceback.format_exception(surprise)[-8:])
    return report


def run_seed_for_real(seed: int) -> Report:
    """A world over real sockets and in real time, hurried; what only memory can do is left out."""
    report = Report(seed, is_full=True)
    loop = RealLoop()
    # ib_insync asks for the loop of the thread, which a runner with a loop of its own leaves unset.
    asyncio.set_event_loop(loop)
    planned = [action for action in schedule(seed, LENGTH) if action.name in FOR_REAL]
    with tempfile.TemporaryDirectory(prefix="possync-sim-") as folder:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(_run_world_for_real(seed, Path(folder), loop, planned, report))
        except InvariantBroken as broken:
            report.failure = f"{type(broken).__name__}: {broken}"
        finally:
            asyncio.set_event_loop(None)
    return report


async def run_world(
    seed: int, folder: Path, loop: VirtualLoop, actions: Sequence[Action], report: Report
) -> None:
    world = World(seed, folder, loop)
    with without_threads(lambda: world.machine), world.heard.watching_the_service():
        await _live_through(world, actions, report)


async def _run_world_for_real(
    seed: int, folder: Path, loop: RealLoop, actions: Sequence[Action], report: Report
) -> None:
    world = World(seed, folder, loop)
    with world.heard.watching_the_service():
        await _live_through(world, actions, report)


async def _live_through(world: World, actions: Sequence[Action], report: Report) -> None:
    began = world.loop.time()
    await world.open()
    try:
        for action in actions:
            await _act(world, action, report)
            check_at_any_time(world, is_full=report.is_full)
        await _come_to_rest(world, report)
        await check_at_rest(world)
        if report.is_full and not world.is_real:
            await check_memory(world)
            await import_all(world)
            await _come_to_rest(world, report)
            await check_at_rest(world)
        report.syncs = world.running().stats.total_syncs
        await _leave(world)
    finally:
        report.seconds = world.loop.time() - began
        report.compared.update(world.compared)
        report.faults.update({kind.value: n for kind, n in world.gateway.applied.times.items()})
        await world.close()


async def _act(world: World, action: Action, report: Report) -> None:
    at = world.broker_clock.now()
    try:
        async with asyncio.timeout(30 * 86400):
            said = await BY_NAME[action.name](world, Random(action.seed))
    except (DeskError, LedgerError) as impossible:
        # A view that a broken disk does not show is an error for the user, who does nothing then.
        report.story.append(f"{at:%d %H:%M:%S} {action.name}: - {impossible}")
        return
    report.story.append(f"{at:%d %H:%M:%S} {action.name}: {said}")
    report.deeds[action.name] += 1


async def _come_to_rest(world: World, report: Report) -> None:
    """Everything works again: connected, every account accepted, two good syncs far apart."""
    world.gateway.clear_faults()
    world.machine.mend()
    network = world.loop.network
    network.is_down = network.is_torn = False
    network.latency = 0.0005
    world.tampering.mend()
    if world.engine is None:
        await world.boot()
    await asyncio.sleep(800)
    # What was lost under way is asked for again with the next look.
    network.cut()
    good = 0
    for _ in range(_PATIENCE):
        await _accept_accounts(world)
        try:
            await world.running().connected(60)
        except (BrokerError, LedgerError):
            world.running().reconnect_now()
            await asyncio.sleep(60)
            continue
        result = await world.running().sync_now()
        report.story.append(f"rest: {result.outcome} {result.error or ''}")
        good = good + 1 if result.ok else 0
        await asyncio.sleep(70)
        if good >= 3:
            return
    raise InvariantBroken("three good syncs in a row never came")


async def _accept_accounts(world: World) -> None:
    for hold in await world.running().reads.holds():
        if hold.kind == "NEW_ACCOUNT" and hold.status == "held":
            await world.running().decide(hold.id, accept=True, note="at rest")


async def _leave(world: World) -> None:
    await world.stop()
    await asyncio.sleep(1)
    left = world.loop.tasks_of_program()
    if left:
        raise InvariantBroken(f"tasks are left: {left[:3]}")


def shrunk(seed: int, failure: str, *, budget: int = 120, full: bool = False) -> list[Action]:
    """A shorter schedule that breaks the same thing, by leaving out what is not needed for it."""
    kind = failure.split(":")[:2]
    kept = schedule(seed, LENGTH)
    size = len(kept) // 2
    while size and budget:
        start = 0
        while start < len(kept) and budget:
            tried = kept[:start] + kept[start + size :]
            budget -= 1
            again = run_seed_once(seed, tried, full=full)
            if not again.ok and again.failure.split(":")[0] == kind[0]:
                kept = tried
            else:
                start += size
        size //= 2
    return kept
