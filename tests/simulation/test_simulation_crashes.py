"""A few kills and copies of a real process; more by `python -m tests.simulation.crashes 300`."""

import sys
from pathlib import Path
from random import Random

import pytest

from possync_tui.domain.clock import SystemClock
from possync_tui.ledger.store import open_ledger
from tests.ledger.peek import rows_of
from tests.ledger.world import START, row, sync
from tests.simulation.crash_copies import Kind, beside, copy_ledger, look_earlier
from tests.simulation.crashes import Figures, run_seed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc says when a process stands")


async def test_kills_and_copies_of_a_process_at_work() -> None:
    figures = Figures()
    await run_seed(5, figures, lives=2)
    assert figures.did["killed"] == figures.did["stopped and copied"] == 2
    assert figures.did["writes that were told"] > 20, "it was at work"


@pytest.mark.parametrize("kind", Kind)
async def test_a_copy_of_each_kind_opens_with_all_that_it_has_to_hold(
    tmp_path: Path, kind: Kind
) -> None:
    ledger, copy = tmp_path / "ledger.sqlite3", tmp_path / "copy.sqlite3"
    writing = await open_ledger(ledger, clock=SystemClock())
    try:
        await sync(writing, [row("100")], START)
        earlier = look_earlier(ledger, kind)
        await sync(writing, [row("60")], START)
        copied = copy_ledger(ledger, copy, earlier, Random(1))
        assert copied.kind is kind, "the copy is not of the kind that was asked for"
        opened = await open_ledger(copy, clock=SystemClock())
        assert (await opened.verify()).problems == ()
        await opened.close()
    finally:
        await writing.close()
    runs = rows_of(copy, "SELECT count(*) FROM sync_runs")
    may_lose = {Kind.EARLY_WAL: [(1,)], Kind.CUT_WAL: [(0,), (1,)], Kind.TORN_WAL: [(0,), (1,)]}
    assert runs[0] in may_lose.get(kind, [(2,)])
    assert not beside(copy, "-wal").exists(), "closed in good order"
