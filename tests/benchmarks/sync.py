"""A sync, from the request for positions to the commit."""

import atexit
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache, partial

from tests.benchmarks.canned import Changing, served
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured
from tests.benchmarks.syncing import CONTESTANTS

FLOOR, STOCK, OURS = CONTESTANTS

_UNITS = {"time": "ms", "gap": "ms", "first": "ms"}
_MOST_SECONDS = 120


def benchmarks() -> Sequence[Benchmark]:
    return [
        Benchmark(
            f"sync-{'changed' if is_changed else 'unchanged'}-{count}",
            f"{count:,} positions, {'every' if is_changed else 'no'} quantity changed",
            _UNITS,
            [_contestant(name, count, is_changed) for name in CONTESTANTS],
            _goals(count, is_changed=is_changed),
            rounds=5,
        )
        for is_changed in (True, False)
        for count in (1_000, 10_000)
    ]


def _goals(count: int, *, is_changed: bool) -> list[Goal]:
    goals = [
        Goal("time", OURS, FLOOR, at_most=2.5 if is_changed else 3.5),
        Goal("time", STOCK, OURS, at_least=2),
    ]
    if count == 10_000:
        goals.append(Goal("gap", OURS, at_most=20))
    return goals


def _contestant(name: str, count: int, is_changed: bool) -> Contestant:
    changing = Changing.QUANTITY if is_changed else Changing.NOTHING
    return Contestant(name, partial(_measure, name, partial(_port, count, changing)))


def _measure(name: str, port: Callable[[], int]) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.syncing", name, str(port()), folder],
            check=True,
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
        )
    figures: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return figures


_served = ExitStack()
atexit.register(_served.close)


@cache
def _port(count: int, changing: Changing) -> int:
    """One gateway for all rounds; it ends with this process."""
    return _served.enter_context(served(count, changing))
