"""kill -9 at any instant: the ledger opens, nothing is there by halves, work goes on."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from possync_tui.ledger.store import open_ledger
from tests.ledger.peek import everything_in, rows_of
from tests.ledger.world import START, TestClock, row, sync

PRELUDE = """
import asyncio, sys, time
from datetime import timedelta
from pathlib import Path
from possync_tui.domain.connection import Environment
from possync_tui.domain.observations import Side
from possync_tui.ledger import commit
from possync_tui.ledger.store import open_ledger
from tests.ledger.world import *

path = Path(sys.argv[1])
"""

STOPS_IN_THE_MIDDLE = (
    PRELUDE
    + """
async def main():
    ledger = await open_ledger(path, clock=TestClock())
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    await sync(ledger, [row("100")], START)
    await ledger.record([fill("s.01", Side.SOLD, "40", "11", START + timedelta(minutes=1))])
    plan = await plan_for(ledger, [row("60")], START + timedelta(minutes=2))

    def stop(_):
        print("in the middle", flush=True)
        time.sleep(60)

    commit._keep_snapshot = stop
    await ledger.commit(plan, result_of(plan, START))

asyncio.run(main())
"""
)

NEVER_STOPS = (
    PRELUDE
    + """
async def main():
    print("begun", flush=True)
    ledger = await open_ledger(path, clock=TestClock())
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    start = ledger.last_seq
    for n in range(start, start + 100000):
        at = START + timedelta(minutes=n)
        side = Side.BOUGHT if n % 3 else Side.SOLD
        quantity = "3" if n % 3 else "2"
        await ledger.record([fill(f"{n}.01", side, quantity, "10", at), commission(f"{n}.01")])
        await sync(ledger, [row(str(n + 1000))], at + timedelta(seconds=30))

asyncio.run(main())
"""
)


def run(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


async def test_a_kill_in_the_middle_of_a_commit_leaves_nothing_of_it(
    path: Path, clock: TestClock
) -> None:
    process = run(STOPS_IN_THE_MIDDLE, path)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "in the middle\n"
        before = everything_in(path)
    finally:
        kill(process)
    ledger = await open_ledger(path, clock=clock)
    assert everything_in(path) == before
    assert rows_of(path, "SELECT quantity FROM positions") == [(100,)]
    assert len(await ledger.runs()) == 1
    assert (await ledger.verify()).problems == ()
    assert (await ledger.book()).touched, "the fill waits for the next sync"
    await sync(ledger, [row("60")], START)
    assert (await ledger.verify()).problems == ()
    await ledger.close()


@pytest.mark.parametrize("seed", range(3))
async def test_kills_at_any_instant(path: Path, clock: TestClock, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        process = run(NEVER_STOPS, path)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(chance.uniform(0.01, 0.3))  # noqa: ASYNC251 (nothing else runs here)
        assert process.poll() is None, "it is still writing"
        kill(process)
        ledger = await open_ledger(path, clock=clock)
        assert (await ledger.verify()).problems == ()
        await ledger.close()
