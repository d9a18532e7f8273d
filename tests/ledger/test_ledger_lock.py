"""One writer: held by another process, passed on when that one is killed."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from possync_tui.domain.position import Status
from possync_tui.ledger.lock import lock_path
from possync_tui.ledger.port import LedgerReadOnly
from possync_tui.ledger.store import open_ledger
from tests.ledger.world import START, TestClock, pushed, row, sync

HOLDER = """
import asyncio, sys, time
from pathlib import Path
from possync_tui.domain.connection import Environment
from possync_tui.ledger.store import open_ledger
from tests.ledger.world import ACCOUNT, START, TestClock, row, sync

async def main():
    ledger = await open_ledger(Path(sys.argv[1]), clock=TestClock())
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    await sync(ledger, [row("100")], START)
    print("holding", flush=True)
    time.sleep(60)

asyncio.run(main())
"""


@contextmanager
def another_writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has written to the ledger and holds it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        yield holder
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()


async def test_a_second_instance_cannot_write_but_can_read(path: Path, clock: TestClock) -> None:
    with another_writer(path):
        with pytest.raises(LedgerReadOnly, match="read-only"):
            await open_ledger(path, clock=clock)
        second = await open_ledger(path, clock=clock, fallback_read_only=True)
        try:
            assert second.is_read_only
            assert [view.status for view in await second.positions()] == [Status.OPEN]
            with pytest.raises(LedgerReadOnly):
                await second.record([pushed("1", START)])
        finally:
            await second.close()


async def test_a_killed_holder_leaves_no_lock_and_its_log_is_read(
    path: Path, clock: TestClock
) -> None:
    with another_writer(path) as holder:
        holder.kill()
        holder.wait()
    assert path.with_name("ledger.db-wal").stat().st_size > 0
    reader = await open_ledger(path, clock=clock, read_only=True)
    assert len(await reader.positions()) == 1
    await reader.close()
    writer = await open_ledger(path, clock=clock)
    assert not writer.is_read_only
    assert len(await writer.positions()) == 1
    assert (await writer.verify()).ok
    await writer.close()


async def test_readers_see_each_commit_while_the_writer_writes(
    path: Path, clock: TestClock
) -> None:
    with another_writer(path) as holder:
        reader = await open_ledger(path, clock=clock, read_only=True)
        assert len(await reader.runs()) == 1
        holder.kill()
        holder.wait()
        writer = await open_ledger(path, clock=clock)
        await sync(writer, [row("100")], START)
        assert len(await reader.runs()) == 2
        await writer.close()
        assert len(await reader.runs()) == 2
        await reader.close()


async def test_a_reader_sees_whether_there_is_a_writer(path: Path, clock: TestClock) -> None:
    with another_writer(path) as holder:
        reader = await open_ledger(path, clock=clock, read_only=True)
        assert await reader.has_writer()
        holder.kill()
        holder.wait()
        assert not await reader.has_writer()
    writer = await open_ledger(path, clock=clock)
    assert await writer.has_writer()
    assert await reader.has_writer()
    await writer.close()
    assert not await reader.has_writer()
    await reader.close()


async def test_a_look_at_the_lock_keeps_no_writer_out(path: Path, clock: TestClock) -> None:
    """It has the lock for an instant; here that takes as long as on a machine that stalls."""
    await (await open_ledger(path, clock=clock)).close()
    look = os.open(lock_path(path), os.O_RDWR)
    fcntl.flock(look, fcntl.LOCK_SH)
    asyncio.get_running_loop().call_later(0.03, os.close, look)
    writer = await open_ledger(path, clock=clock)
    assert not writer.is_read_only
    await writer.close()


async def test_two_in_one_process_cannot_both_write(path: Path, clock: TestClock) -> None:
    first = await open_ledger(path, clock=clock)
    with pytest.raises(LedgerReadOnly):
        await open_ledger(path, clock=clock)
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(LedgerReadOnly):
        await open_ledger(link, clock=clock)
    await first.close()
    await (await open_ledger(link, clock=clock)).close()
    assert link.is_symlink()


async def test_an_opening_that_is_cancelled_keeps_no_lock(path: Path, clock: TestClock) -> None:
    opening = asyncio.ensure_future(open_ledger(path, clock=clock))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await (await open_ledger(path, clock=clock)).close()
