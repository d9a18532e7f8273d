"""`python -m tests.simulation.load --seconds 120`: a large, busy desk in another process.

The real engine on a real socket and a real ledger file: 10,000 positions over 50 accounts, 5,000
ticks and 100 fills a second. Printed are how late the event loop was, memory, syncs and what
waited for the ledger; at the end no fill is lost, nothing waits, and the ledger is the desk.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.session import IbkrBroker
from possync_tui.cli.online import running
from possync_tui.domain.clock import SystemClock
from possync_tui.ledger.port import LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.events import MarkMoved, SyncEvent, SyncFinished
from possync_tui.sync.policy import SyncPolicy
from tests.simulation.load_desk import MASTER, SUBSCRIPTIONS, Size

_LOOK_SECONDS = 0.005
_WARM_SECONDS = 0.05 * SUBSCRIPTIONS + 3
_PATIENCE = 120.0


class Lost(AssertionError):
    """The ledger is not what the desk is."""


@dataclass
class Figures:
    """What was seen. Delays are in milliseconds, memory in MB."""

    seconds: float = 0.0
    fills: int = 0
    ticks: int = 0
    marks: int = 0
    syncs: int = 0
    failed_syncs: list[str] = field(default_factory=list)
    sync_ms: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)
    """What the event loop's thread worked between two looks: its own part of being late."""
    memory: list[float] = field(default_factory=list)
    most_waiting: int = 0
    waiting_at_end: int = 0
    catch_up_seconds: float = 0.0
    verify_seconds: float = 0.0
    cpu_seconds: float = 0.0


class DeskProcess:
    """The desk, and how to talk to it."""

    def __init__(self, child: asyncio.subprocess.Process, port: int) -> None:
        self._child = child
        self.port = port

    @classmethod
    async def start(cls, size: Size) -> "DeskProcess":
        arguments = [f"--{part.name}={getattr(size, part.name)}" for part in fields(size)]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.simulation.load_desk", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**26,
        )
        assert child.stdout is not None
        return cls(child, int(await child.stdout.readline()))

    def say(self, word: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{word}\n".encode())

    async def truth(self) -> dict[str, Any]:
        self.say("truth")
        assert self._child.stdout is not None
        found: dict[str, Any] = json.loads(await self._child.stdout.readline())
        return found

    async def end(self) -> None:
        self.say("end")
        try:
            async with asyncio.timeout(10):
                await self._child.wait()
        except TimeoutError:
            self._child.kill()
            await self._child.wait()


async def run_load(size: Size, seconds: float, warm: float = _WARM_SECONDS) -> Figures:
    """Let the desk trade for so long; raises `Lost` where the ledger misses any of it."""
    figures = Figures(seconds=seconds)
    desk = await DeskProcess.start(size)
    try:
        with tempfile.TemporaryDirectory(prefix="possync-load-") as folder:
            await _run(desk, Path(folder) / "ledger.sqlite3", figures, warm)
    finally:
        await desk.end()
    return figures


async def _run(desk: DeskProcess, path: Path, figures: Figures, warm: float) -> None:
    engine = _engine(path, desk.port)

    def heard(event: SyncEvent) -> None:
        if isinstance(event, MarkMoved):
            figures.marks += 1
        elif isinstance(event, SyncFinished):
            figures.syncs += 1
            figures.sync_ms.append(event.result.duration_ms)
            if not event.result.ok:
                figures.failed_syncs.append(event.result.error or "")

    engine.bus.subscribe(heard)
    async with running(engine):
        syncing = asyncio.create_task(engine.run())
        await engine.connected(30)
        # The first look waits for a moment without fills, as a trader's evening is.
        if not (first := await engine.sync_now()).ok:
            raise Lost(f"the first sync: {first.error}")
        await asyncio.sleep(warm)
        await _trade(desk, engine, figures)
        await _judge(desk, engine, path, figures)
    await syncing


def _engine(path: Path, port: int) -> Engine:
    clock = SystemClock()

    async def opened() -> LedgerPort:
        return await open_ledger(path, clock=clock)

    return Engine(
        broker=IbkrBroker(SessionOptions(port=port, client_id=MASTER), clock=clock),
        open_ledger=opened,
        policy=SyncPolicy(initial_delay=3600),
        clock=clock,
    )


async def _trade(desk: DeskProcess, engine: Engine, figures: Figures) -> None:
    """The busy time, watched."""
    figures.syncs, figures.marks = 0, 0
    figures.sync_ms.clear()
    used = time.process_time()
    desk.say("go")
    end = time.monotonic() + figures.seconds
    next_look_at_memory = 0.0
    while (now := time.monotonic()) < end:
        figures.most_waiting = max(figures.most_waiting, _waiting(engine))
        if now >= next_look_at_memory:
            figures.memory.append(_resident())
            next_look_at_memory = now + 1
        worked = time.thread_time()
        await asyncio.sleep(_LOOK_SECONDS)
        figures.busy_ms.append((time.thread_time() - worked) * 1000)
        figures.late_ms.append((time.monotonic() - now - _LOOK_SECONDS) * 1000)
    figures.cpu_seconds = time.process_time() - used
    desk.say("halt")


async def _judge(desk: DeskProcess, engine: Engine, path: Path, figures: Figures) -> None:
    # Commissions come up to 0.3 s after the last fill.
    began = time.monotonic()
    await asyncio.sleep(1.0)
    for _ in range(3):
        if (await engine.sync_now()).ok and not _waiting(engine):
            break
    figures.catch_up_seconds = time.monotonic() - began
    figures.waiting_at_end = _waiting(engine)
    truth = await desk.truth()
    figures.ticks, figures.fills = truth["ticks"], len(truth["executions"])
    lost = set(truth["executions"]) - _column(path, "SELECT exec_id FROM executions")
    unpaid = set(truth["executions"]) - _column(path, "SELECT exec_id FROM commissions")
    if lost or unpaid:
        raise Lost(f"{len(lost)} fills and {len(unpaid)} commissions are not in the ledger")
    held = {(account, int(con_id), Decimal(q)) for account, con_id, q in truth["positions"]}
    sql = "SELECT account, con_id, quantity FROM lives WHERE status = 'OPEN'"
    with closing(sqlite3.connect(path)) as db:
        book = {(account, con_id, Decimal(q)) for account, con_id, q in db.execute(sql)}
    if held != book:
        raise Lost(f"{len(held ^ book)} positions differ, such as {sorted(held ^ book)[:4]}")
    began = time.monotonic()
    if problems := (await engine.reads.verify()).problems:
        raise Lost(f"verify: {problems[:3]}")
    figures.verify_seconds = time.monotonic() - began


def _waiting(engine: Engine) -> int:
    assert engine._intake is not None
    return engine._intake.backlog


def _column(path: Path, sql: str) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {str(row[0]) for row in db.execute(sql)}


def _resident() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    found = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(found.split()[1]) / 1024


def _spread(name: str, values: list[float], unit: str) -> str:
    if not values:
        return f"{name}: none"
    ordered = sorted(values)
    middle, high = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    return f"{name}: p50 {middle:.1f}, p95 {high:.1f}, max {ordered[-1]:.1f} {unit}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.load", description=__doc__)
    for part in fields(Size):
        parser.add_argument(f"--{part.name}", type=int, default=part.default)
    parser.add_argument("--seconds", type=float, default=120.0)
    chosen = parser.parse_args()
    size = Size(chosen.accounts, chosen.positions, chosen.ticks, chosen.fills)
    try:
        seen = asyncio.run(run_load(size, chosen.seconds))
    except Lost as lost:
        print(f"lost: {lost}")
        return 1
    print(f"{size.positions} positions, {size.accounts} accounts, {seen.seconds:.0f} s")
    print(f"fills: {seen.fills} ({seen.fills / seen.seconds:.0f} a second), none lost")
    print(f"ticks: {seen.ticks / seen.seconds:.0f} a second; told as news: {seen.marks}")
    print(_spread("event loop late", seen.late_ms, "ms"))
    print(_spread("at work in one go", seen.busy_ms, "ms of CPU"))
    print(_spread("syncs", seen.sync_ms, "ms") + f"; {seen.syncs} in all")
    print(f"failed syncs: {len(seen.failed_syncs)} {seen.failed_syncs[:2] or ''}")
    print(f"memory: {seen.memory[0]:.0f} MB at first, {max(seen.memory):.0f} MB at most")
    print(f"CPU: {100 * seen.cpu_seconds / seen.seconds:.0f} %")
    print(f"waited for the ledger: {seen.most_waiting} at most, {seen.waiting_at_end} at the end")
    print(f"caught up in {seen.catch_up_seconds:.1f} s, verified in {seen.verify_seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
