"""The live table: from a byte to the screen, what that costs, and a key meanwhile."""

import json
import os
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from statistics import median, quantiles

from tests.benchmarks.canned import CannedGateway, portfolio
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured
from tests.benchmarks.place import PROGRAM, ROOT
from tests.benchmarks.pty_run import PATIENCE, DidNotHappen, PtyRun

FLOOR, NOTHING, TABLE, OURS = "raw frames", "nothing painted", "DataTable", "possync-tui"
TEXTUAL = "raw frames in Textual"
"""What performance is set against where a screen is Textual's: its keys, loop and terminal."""
RATE = 1_000
_WATCHED = 8.0
"""Seconds of a round in which something is measured."""
_CALM = 2.0
_PROBES_EVERY = 0.11
_KEYS_EVERY = 0.13
_TICK = os.sysconf("SC_CLK_TCK")
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_CONTESTANTS = Path(__file__).with_name("contestants")


def benchmarks() -> Sequence[Benchmark]:
    paint = {"p50": "ms", "p95": "ms", "cpu": "%"}
    key = {"p50": "ms", "p95": "ms"}
    return [
        Benchmark(
            "painted-idle",
            "gateway byte to painted row, 500 positions, nothing else moves",
            paint,
            [_painting(name, 500, 0) for name in (FLOOR, TEXTUAL, TABLE, OURS)],
            [
                Goal("p50", OURS, TEXTUAL, at_most=1.6),
                Goal("p50", TABLE, OURS, at_least=15),
            ],
            rounds=3,
        ),
        Benchmark(
            "painted-loaded",
            "gateway byte to painted row, 500 positions, 1,000 updates/s",
            paint,
            [_painting(name, 500, RATE) for name in (FLOOR, TEXTUAL, TABLE, OURS)],
            [Goal("p95", OURS, at_most=15), Goal("p50", TABLE, OURS, at_least=15)],
            rounds=3,
        ),
        *(
            Benchmark(
                f"cpu-{count}",
                f"processor time, {count:,} positions, 1,000 updates/s",
                {"cpu": "%"},
                [_working(name, count) for name in (NOTHING, TABLE, OURS)],
                [Goal("cpu", TABLE, OURS, at_least=15)],
                rounds=3,
            )
            for count in (50, 500, 5_000)
        ),
        Benchmark(
            "key-loaded",
            "key to painted, 500 positions, 1,000 updates/s",
            key,
            [_typing(FLOOR, 0), _typing(TEXTUAL, 0), _typing(TABLE, RATE), _typing(OURS, RATE)],
            [Goal("p50", OURS, TEXTUAL, at_most=1.5), Goal("p95", OURS, at_most=12)],
            rounds=3,
        ),
    ]


def _painting(name: str, count: int, rate: int) -> Contestant:
    return Contestant(name, partial(_painted, name, count, rate))


def _working(name: str, count: int) -> Contestant:
    return Contestant(name, partial(_worked, name, count))


def _typing(name: str, rate: int) -> Contestant:
    return Contestant(name, partial(_typed, name, rate))


@dataclass
class Feed:
    """Updates of random positions, so many a second, and probes of rows that are on the screen."""

    count: int
    rate: int
    rng: Random = field(default_factory=lambda: Random(6))
    client: socket.socket | None = None
    asked: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: bool = False
    awaited: int = -1

    def begin(self, client: socket.socket) -> None:
        """The client wants values."""
        if not self.asked.is_set():
            self.client = client
            self.asked.set()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        due = 0.0
        last = time.perf_counter()
        while not self.ended:
            time.sleep(0.005)
            now = time.perf_counter()
            due, last = due + (now - last) * self.rate, now
            chosen = [self.rng.randrange(self.count) for _ in range(int(due))]
            due -= len(chosen)
            # A value that is waited for is not overtaken.
            batch = [self._update(n) for n in chosen if n != self.awaited]
            if batch:
                try:
                    self.send(b"".join(batch))
                except OSError:  # the contestant is gone
                    return

    def _update(self, n: int) -> bytes:
        price = Decimal(self.rng.randrange(100, 9_000_000)) / 100
        gain = Decimal(self.rng.randrange(-500_000, 500_000)) / 100
        return _valued(n, price, gain)

    def probe(self, number: int) -> tuple[bytes, float]:
        """Send a value that nothing else has; what it looks like, and when it was sent."""
        n = self.awaited = number % 20
        price = 11_000_000 + number + Decimal("0.25")
        message = _valued(n, price, Decimal(1))
        sent = time.perf_counter()
        self.send(message)
        return f"{price:,}".encode(), sent

    def send(self, data: bytes) -> None:
        assert self.client is not None
        with self.lock:
            self.client.sendall(data)


def _valued(n: int, price: Decimal, gain: Decimal) -> bytes:
    """Price, value and gain of a position, as they belong together."""
    quantity = 100 + n % 900
    return portfolio(n, quantity, str(price), str(price * quantity), str(gain))


@contextmanager
def _running(name: str, count: int, rate: int) -> Iterator[tuple[PtyRun, Feed]]:
    """A contestant that shows all positions and gets a feed."""
    feed = Feed(count, rate)
    gateway = CannedGateway(count, on_portfolio=feed.begin)
    gateway.start()
    with closing(gateway), tempfile.TemporaryDirectory() as home:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("POSS", "IBKR_"))}
        env = {
            **kept,
            "HOME": home,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "IBKR_PORT": str(gateway.port),
            "POSITION_SYNC_INITIAL_DELAY": "0",
            "POSITION_SYNC_SYNC_INTERVAL": "3600",
            "POSSYNC_LEDGER": f"{home}/ledger.sqlite3",
        }
        with PtyRun(_command(name, gateway.port, count), env, home) as run:
            if name != NOTHING:
                run.until(b"S00000")
            deadline = time.perf_counter() + PATIENCE
            while not feed.asked.is_set():
                if time.perf_counter() > deadline:
                    raise DidNotHappen("it never asked for values")
                run.read_for(0.1)
            run.read_for(_CALM)
            feed.start()
            try:
                yield run, feed
            finally:
                feed.ended = True


def _command(name: str, port: int, count: int) -> list[str]:
    match name:
        case "possync-tui":
            return [PROGRAM]
        case "nothing painted":
            return [PROGRAM, "watch", "--json"]
        case "DataTable":
            return [sys.executable, str(_CONTESTANTS / "data_table.py"), str(port), str(count)]
        case "raw frames in Textual":
            return [sys.executable, str(_CONTESTANTS / "textual_feed.py"), str(port), str(count)]
        case _:
            return [sys.executable, str(_CONTESTANTS / "raw_feed.py"), str(port), str(count)]


def _painted(name: str, count: int, rate: int) -> Measured:
    with _running(name, count, rate) as (run, feed):
        lags: list[float] = []
        began, cpu = time.perf_counter(), _cpu_seconds(run.pid)
        number = 0
        while time.perf_counter() < began + _WATCHED:
            number += 1
            run.read_for(_PROBES_EVERY)
            mark = len(run.written)
            text, sent = feed.probe(number)
            run.until(text, after=mark)
            lags.append((time.perf_counter() - sent) * 1000)
        took = time.perf_counter() - began
        return {**_spread(lags), "cpu": (_cpu_seconds(run.pid) - cpu) / took * 100}


def _worked(name: str, count: int) -> Measured:
    with _running(name, count, RATE) as (run, _):
        run.read_for(1.0)
        began, cpu = time.perf_counter(), _cpu_seconds(run.pid)
        run.read_for(_WATCHED)
        took = time.perf_counter() - began
        return {"cpu": (_cpu_seconds(run.pid) - cpu) / took * 100}


def _typed(name: str, rate: int) -> Measured:
    with _running(name, 500, rate) as (run, _):
        lags: list[float] = []
        began, at = time.perf_counter(), 0
        while time.perf_counter() < began + _WATCHED:
            run.read_for(_KEYS_EVERY)
            # The cursor goes down and up, one row and back.
            at = 1 - at
            mark = len(run.written)
            sent = time.perf_counter()
            run.press(b"j" if at else b"k")
            _until_cursor_at(run, at, mark)
            lags.append((time.perf_counter() - sent) * 1000)
        return _spread(lags)


def _until_cursor_at(run: PtyRun, row: int, mark: int) -> None:
    wanted = re.compile(rb"\xe2\x96\xb8[^S]{0,8}S%05d" % row)
    deadline = time.perf_counter() + PATIENCE
    while not wanted.search(_ESCAPES.sub(b"", run.written[mark:])):
        if time.perf_counter() > deadline or not run._read(5):
            raise DidNotHappen(f"the cursor never came to row {row}")


def _spread(lags: Sequence[float]) -> dict[str, float]:
    return {"p50": median(lags), "p95": quantiles(lags, n=20)[-1]}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def main() -> None:
    """One measurement: `python -m tests.benchmarks.live painted possync-tui 500 1000`."""
    what, name, *numbers = sys.argv[1:]
    measure = {"painted": _painted, "worked": _worked, "typed": _typed}[what]
    print(json.dumps(measure(name, *map(int, numbers))))  # type: ignore[operator]


if __name__ == "__main__":
    main()
