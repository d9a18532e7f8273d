"""One contestant of the benchmark of a sync: `python -m tests.benchmarks.syncing NAME PORT FOLDER`.

Prints the milliseconds from the request to the commit, the first answer being known already.
"""

import asyncio
import json
import socket
import sqlite3
import struct
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.session import IbkrBroker
from possync_tui.cli.online import running
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy
from tests.benchmarks.canned import frame

Row = tuple[str, int, str, str, str]
_LONG = 3600.0
_PIECE = 1 << 16


class Table:
    """The least that could be called a ledger: one row a position, one transaction."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "table.sqlite3", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE positions (account TEXT, con_id INTEGER, symbol TEXT, quantity TEXT,"
            " cost TEXT, PRIMARY KEY (account, con_id)) WITHOUT ROWID"
        )
        self._known: dict[tuple[str, int], Row] = {}

    def keep(self, rows: Iterable[Row]) -> None:
        known = self._known
        news = [row for row in rows if known.get(row[:2]) != row]
        if not news:
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT INTO positions VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, con_id) DO UPDATE"
            " SET symbol = excluded.symbol, quantity = excluded.quantity, cost = excluded.cost",
            news,
        )
        self._db.execute("COMMIT")
        known.update((row[:2], row) for row in news)


def floor(port: int, folder: Path) -> dict[str, float]:
    """A raw socket, tuples, one transaction."""
    table = Table(folder)
    with socket.create_connection(("127.0.0.1", port)) as wire:
        hello = b"v157..176"
        wire.sendall(b"API\0" + struct.pack(">I", len(hello)) + hello)
        wire.recv(_PIECE)
        wire.sendall(frame("71", "2", "1", ""))
        wire.recv(_PIECE)
        table.keep(_raw_rows(wire))
        began = time.perf_counter()
        table.keep(_raw_rows(wire))
        return {"time": (time.perf_counter() - began) * 1000}


def _raw_rows(wire: socket.socket) -> list[Row]:
    wire.sendall(frame("61", "1"))
    rows: list[Row] = []
    data = bytearray()
    while True:
        data += wire.recv(_PIECE)
        at = 0
        while len(data) >= at + 4:
            end = at + 4 + int.from_bytes(data[at : at + 4])
            if len(data) < end:
                break
            fields = data[at + 4 : end].decode().split("\0")
            at = end
            if fields[0] == "62":
                return rows
            if fields[0] == "61":
                rows.append((fields[2], int(fields[3]), fields[4], fields[14], fields[15]))
        del data[:at]


async def _stock(port: int, folder: Path) -> dict[str, float]:
    """ib_insync as it comes, and the same table."""
    import ib_insync

    library: Any = ib_insync
    ib = library.IB()
    table = Table(folder)
    await ib.connectAsync("127.0.0.1", port, clientId=1)
    table.keep(_rows_of(await ib.reqPositionsAsync()))
    gaps = Gaps()
    began = time.perf_counter()
    table.keep(_rows_of(await ib.reqPositionsAsync()))
    took = (time.perf_counter() - began) * 1000
    longest = await gaps.longest()
    ib.disconnect()
    return {"time": took, "gap": longest}


def _rows_of(positions: Iterable[Any]) -> list[Row]:
    return [
        (p.account, p.contract.conId, p.contract.symbol, repr(p.position), repr(p.avgCost))
        for p in positions
    ]


async def _ours(port: int, folder: Path) -> dict[str, float]:
    """This program as `watch` runs it: with the fills asked for before and after."""
    clock = SystemClock()
    options = SessionOptions(port=port, portfolio_interval=_LONG, environment=Environment.DEMO)
    engine = Engine(
        broker=IbkrBroker(options, clock=clock),
        open_ledger=lambda: open_ledger(folder / "ledger.sqlite3", clock=clock),
        policy=SyncPolicy(initial_delay=_LONG, grace=0),
        clock=clock,
        environment=Environment.DEMO,
    )
    async with running(engine):
        return await _second_sync(engine)


async def _second_sync(engine: Engine) -> dict[str, float]:
    await engine.connected(10)
    began = time.perf_counter()
    await engine.sync_now()
    first = (time.perf_counter() - began) * 1000
    # What follows from the first sync (live values asked for) is not part of the second.
    await asyncio.sleep(0.2)
    gaps = Gaps()
    began = time.perf_counter()
    result = await engine.sync_now()
    took = (time.perf_counter() - began) * 1000
    longest = await gaps.longest()
    assert result.ok, result.error
    return {"time": took, "gap": longest, "first": first}


class Gaps:
    """How long the event loop kept a task waiting that wants to run every millisecond."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self._longest = max(self._longest, now - last - 0.001)
            last = now

    async def longest(self) -> float:
        """In milliseconds."""
        await asyncio.sleep(0.002)
        self._task.cancel()
        return self._longest * 1000


CONTESTANTS: dict[str, Callable[[int, Path], dict[str, float]]] = {
    "floor": floor,
    "stock ib_insync": lambda port, folder: asyncio.run(_stock(port, folder)),
    "possync-tui": lambda port, folder: asyncio.run(_ours(port, folder)),
}

if __name__ == "__main__":
    _, name, port, folder = sys.argv
    print(json.dumps(CONTESTANTS[name](int(port), Path(folder))))
