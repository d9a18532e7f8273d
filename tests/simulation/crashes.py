"""`python -m tests.simulation.crashes 300`: real processes, killed and copied at random instants.

A process syncs against a gateway on a real socket while its desk trades. Each of its lives is
stopped once (SIGSTOP) while its files are copied, and ends by SIGKILL. The copy and what the kill
left have to open, pass `verify` and hold what the process had told to be durable, in its order;
then a process that starts on them has to come to what the desk holds. The ledger and the desk go on
from life to life, a few lives long.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from possync_tui.demo import AccountSetup, DemoGateway, Desk, GatewayOptions, Instrument, Side
from possync_tui.domain.clock import SystemClock
from possync_tui.ledger.port import LedgerError
from possync_tui.ledger.store import open_ledger
from tests.simulation.crash_copies import Copied, Kind, copy_ledger, look_earlier
from tests.simulation.crash_process import Process, Told

LIVES_OF_A_LEDGER = 10
_CLIENT = 71
_PATIENCE = 60.0
_START_SECONDS = 1.0
_ACCOUNTS = ("DU1000001", "DU1000002")
_HELD = ((1000, "AAA", 100, "190.01"), (1001, "BBB", -50, "400.5"), (1002, "CCC", 12, "250"))
_OPEN = "SELECT account, con_id, quantity FROM lives WHERE status = 'OPEN'"

Key = tuple[str, int]


class CrashLost(AssertionError):
    """A crash did what no crash may do."""


@dataclass
class Figures:
    """What was done, for the table."""

    did: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Scene:
    """A desk behind a gateway, a folder with a ledger, and the process that keeps it."""

    def __init__(self, seed: int, folder: Path, figures: Figures) -> None:
        self.rng = Random(f"crashes {seed}")
        self.folder = folder
        self.ledger = folder / "ledger.sqlite3"
        self.figures = figures
        self.desk = _desk()
        self.gateway = DemoGateway(
            self.desk, options=GatewayOptions(master_client_id=_CLIENT, pnl_period=0.5)
        )
        self.may_trade = asyncio.Event()
        self.told: list[Told] = []

    def environment(self, ledger: Path, client: int) -> dict[str, str]:
        ours = ("POSITION_SYNC_", "IBKR_", "POSSYNC_", "XDG_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **kept,
            "HOME": str(self.folder),
            "IBKR_PORT": str(self.gateway.port),
            "IBKR_CLIENT_ID": str(client),
            "POSSYNC_LEDGER": str(ledger),
            "POSITION_SYNC_INITIAL_DELAY": "0",
            "POSITION_SYNC_DEBOUNCE": "0.05",
        }

    # --- the desk ----------------------------------------------------------------------------

    async def trade(self) -> None:
        """Fills one after the other, some in bursts, for ever."""
        while True:
            await self.may_trade.wait()
            for _ in range(self.rng.choice((1, 1, 1, 2, 5))):
                self._fill()
            await asyncio.sleep(self.rng.choice((0.002, 0.01, 0.03, 0.08)))

    def _fill(self) -> None:
        rng = self.rng
        account, con_id = rng.choice(_ACCOUNTS), rng.choice(sorted(self.desk.instruments))
        held = self.desk.position(account, con_id)
        side, size = rng.choice((Side.BUY, Side.SELL)), Decimal(rng.choice((1, 5, 10, 100)))
        if held is not None and held.quantity and rng.random() < 0.4:
            side = Side.SELL if held.quantity > 0 else Side.BUY
            size = abs(held.quantity)
        self.desk.trade(
            account,
            con_id,
            side,
            size,
            Decimal(rng.randint(9000, 11000)) / 100,
            Decimal(rng.choice(("1", "0.35", "1.0325"))),
            client_id=rng.choice((0, _CLIENT, 5)),
            commission_delay=rng.choice((0.0, 0.02, 0.2)),
        )
        self.figures.did["fills"] += 1

    def difference(self, ledger: Path) -> str:
        """In what the ledger is not the desk; nothing once it has converged."""
        truth = {(p.account, p.con_id): p.quantity for p in self.desk.positions()}
        book = {
            (str(account), int(con_id)): Decimal(str(quantity))
            for account, con_id, quantity in _rows(ledger, _OPEN)
        }
        wrong = {
            key: (book.get(key), truth.get(key))
            for key in book.keys() | truth.keys()
            if book.get(key) != truth.get(key)
        }
        made = {execution.exec_id for execution in self.desk.executions}
        lost = made - _exec_ids(ledger, "executions")
        unpaid = made - _exec_ids(ledger, "commissions")
        if wrong or lost or unpaid:
            return f"ledger, desk: {wrong}; fills: {sorted(lost)}; commissions: {sorted(unpaid)}"
        return ""

    async def converged(self, ledger: Path) -> None:
        """Wait until the ledger is what the desk is, which stands still meanwhile."""
        deadline = time.monotonic() + _PATIENCE
        difference = "no ledger"
        while True:
            with contextlib.suppress(sqlite3.OperationalError):
                if not (difference := self.difference(ledger)):
                    return
            if time.monotonic() > deadline:
                raise CrashLost(f"it never came to what the desk holds: {difference}")
            await asyncio.sleep(0.05)

    # --- lives of the process ----------------------------------------------------------------

    async def live_and_die(self) -> None:
        """A start, some trading with a copy in the middle of it, and a kill."""
        rng = self.rng
        dies_young = rng.random() < 0.25
        if dies_young:
            # Also while it starts, recovers and brings itself up to date.
            self.may_trade.set()
        process = await Process.start(self.environment(self.ledger, _CLIENT), self.folder)
        try:
            if dies_young:
                await asyncio.sleep(rng.uniform(0.0, _START_SECONDS))
            else:
                await self.converged(self.ledger)
                self.figures.did["converged after a start"] += 1
                self.may_trade.set()
                await asyncio.sleep(rng.uniform(0.0, 0.6))
            await self._copy_while_stopped(process)
            self.may_trade.set()
            await asyncio.sleep(rng.uniform(0.0, 0.6))
            if process.child.returncode is not None:
                said = (self.folder / "stderr.txt").read_text()[-2000:]
                raise CrashLost(f"it ended by itself: {said}")
        finally:
            self.told += await process.kill()
            self.may_trade.clear()
        self.figures.did["killed"] += 1
        if self.ledger.exists():
            left = self.folder / "left" / "ledger.sqlite3"
            with _folder(left.parent):
                copied = copy_ledger(self.ledger, left, look_earlier(self.ledger, Kind.ALL), rng)
                await self._judge(left, copied, self.told, self.told)

    async def _copy_while_stopped(self, process: Process) -> None:
        rng, copy = self.rng, self.folder / "copy" / "ledger.sqlite3"
        kind = rng.choice(list(Kind))
        with _folder(copy.parent):
            await asyncio.sleep(0)
            before = [*self.told, *process.told]
            earlier = look_earlier(self.ledger, kind)
            await asyncio.sleep(rng.uniform(0.0, 0.05))
            await process.stop()
            copied = copy_ledger(self.ledger, copy, earlier, rng)
            self.may_trade.clear()
            process.go_on()
            self.figures.did["stopped and copied"] += 1
            self.figures.did[f"copy: {copied.kind}"] += 1
            if not copy.exists():
                self.figures.did["copy: before there was a ledger"] += 1
                return
            # What was told while it was being stopped is in the pipe.
            await asyncio.sleep(0.01)
            await self._judge(copy, copied, before, [*self.told, *process.told])
            await self._restart_on(copy)

    async def _restart_on(self, copy: Path) -> None:
        restarted = await Process.start(self.environment(copy, _CLIENT + 1), copy.parent)
        try:
            await self.converged(copy)
        finally:
            await restarted.kill()
        problems = await _problems_of(copy)
        if problems:
            raise CrashLost(f"after the restart on a copy: {problems[:3]}")
        self.figures.did["converged on a copy"] += 1

    async def _judge(
        self, ledger: Path, copied: Copied, before: Sequence[Told], all_told: Sequence[Told]
    ) -> None:
        """It opens, verifies, and holds what was told: all of it, or all up to some write."""
        problems = await _problems_of(ledger)
        if problems:
            raise CrashLost(f"{copied.kind}: {problems[:3]}")
        fills, reports = _exec_ids(ledger, "executions"), _exec_ids(ledger, "commissions")
        (last,) = _rows(ledger, "SELECT coalesce(max(seq), 0) FROM inbox")[0]
        runs = {
            run: tuple(counts)
            for run, *counts in _rows(
                ledger, "SELECT id, positions_seen, created, updated, closed FROM sync_runs"
            )
        }

        def is_there(told: Told) -> bool:
            if told.run is not None and runs.get(told.run) != told.counts:
                return False
            return told.seq <= int(last) and told.fills <= fills and told.reports <= reports

        found = [is_there(told) for told in all_told]
        if copied.is_whole and not all(found[: len(before)]):
            lost = next(told for told, there in zip(before, found, strict=False) if not there)
            raise CrashLost(f"{copied.kind}: told to be durable, and not there: {lost}")
        if found != sorted(found, reverse=True):
            raise CrashLost(f"{copied.kind}: a later write is there and an earlier one is not")
        self.figures.did["writes that were told"] += len(before)


async def run_seed(seed: int, figures: Figures, lives: int = LIVES_OF_A_LEDGER) -> None:
    """One ledger from its birth over several lives of its process. Raises `CrashLost`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="possync-crash-") as folder:
        scene = Scene(seed, Path(folder), figures)
        await scene.gateway.start()
        trading = asyncio.create_task(scene.trade())
        try:
            for _ in range(lives):
                await scene.live_and_die()
        finally:
            trading.cancel()
            await asyncio.gather(trading, return_exceptions=True)
            await scene.gateway.stop()
    figures.seconds += time.monotonic() - began


def _desk() -> Desk:
    desk = Desk([AccountSetup(code, {"USD": Decimal(1_000_000)}) for code in _ACCOUNTS])
    for number in range(8):
        instrument = Instrument(1000 + number, 3 * chr(65 + number), "STK")
        desk.add_instrument(instrument, Decimal(100))
    for account in _ACCOUNTS:
        for con_id, _, quantity, cost in _HELD:
            desk.add_position(account, desk.instruments[con_id], quantity, cost, 100)
    return desk


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """A folder for as long as it is needed."""
    folder.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(folder)


async def _problems_of(ledger: Path) -> tuple[str, ...]:
    """Open it as the program that goes on writing it does, and rebuild it from its inbox."""
    opened = await open_ledger(ledger, clock=SystemClock())
    try:
        return (await opened.verify()).problems
    finally:
        await opened.close()


def _rows(ledger: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def _exec_ids(ledger: Path, table: str) -> set[str]:
    return {str(row[0]) for row in _rows(ledger, f"SELECT exec_id FROM {table}")}


def main() -> int:
    arguments = _parser().parse_args()
    figures, failed, seed = Figures(), 0, arguments.first
    while figures.did["killed"] < arguments.crashes:
        lives = min(LIVES_OF_A_LEDGER, arguments.crashes - figures.did["killed"])
        try:
            asyncio.run(run_seed(seed, figures, lives))
        except (CrashLost, LedgerError) as lost:
            failed += 1
            print(f"seed {seed}: {lost}", flush=True)
            if failed >= arguments.most_failures:
                break
        seed += 1
        if arguments.verbose:
            print(f"{figures.did['killed']} killed, {figures.seconds:.0f} s", flush=True)
    print(f"seeds {arguments.first}:{seed}, {failed} failed, {figures.seconds:.0f} s")
    for name, times in sorted(figures.did.items()):
        print(f"  {name:46}{times:>8}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.crashes", description=__doc__)
    parser.add_argument("crashes", type=int, help="how many kills, and as many copies")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--most-failures", type=int, default=5, help="where to give up")
    parser.add_argument("--verbose", action="store_true", help="a line for each seed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
