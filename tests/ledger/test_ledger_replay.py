"""A history seen late, twice and between restarts ends in the tables as if seen perfectly."""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from possync_tui.domain.connection import Environment
from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import Absent, Anchor, BasisCarried, CloseDecided, Recorded
from possync_tui.domain.position import CostMethod, Entry, Life
from possync_tui.ledger.store import Ledger, open_ledger
from tests.domain.replay import KEY, Desk, Step, play, scripts
from tests.ledger.world import ACCOUNT, START, TestClock, sync


async def run(path: Path, desk: Desk, recorded: list[Recorded], restarts: list[bool]) -> list[Life]:
    """Sync where the program looked, record what it heard; return the lives in the tables."""
    clock = TestClock()
    ledger = await open_ledger(path, clock=clock)
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    await sync(ledger, [], START - timedelta(hours=1))
    again = iter(restarts)
    for item in (entry.observation for entry in recorded):
        if next(again, False):
            await ledger.close()
            ledger = await open_ledger(path, clock=clock)
        match item:
            case Anchor(row=row, as_of=as_of):
                await sync(ledger, [row], as_of)
            case Absent(as_of=as_of) | CloseDecided(as_of=as_of):
                await sync(ledger, [], as_of)
            case BasisCarried():
                pytest.fail("a script has no such decision")
            case _:
                # What the broker reported, not what a plan decided.
                await ledger.record([item])
    return await _finish(ledger, desk)


async def _finish(ledger: Ledger, desk: Desk) -> list[Life]:
    row = desk.row()
    for minutes in (10, 20):
        await sync(ledger, [row] if row.quantity else [], desk.now + timedelta(minutes=minutes))
    assert (await ledger.verify()).problems == ()
    stored = (await ledger.stored_lives([KEY]))[KEY]
    await ledger.close()
    return [kept.life for kept in stored if kept.life.close_reason != "voided"]


def standing(lives: list[Life]) -> dict[tuple[str, CostMethod], Entry]:
    return {(entry.cause, entry.method): entry for life in lives for entry in life.entries}


@settings(max_examples=25, deadline=None)
@given(scripts, st.lists(st.booleans(), max_size=30))
def test_the_tables_end_as_if_all_had_been_seen(script: list[Step], restarts: list[bool]) -> None:
    desk, recorded = play(script)
    perfect = rebuild(desk.history)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        lives = asyncio.run(run(path, desk, recorded, restarts))
        assert standing(lives) == standing(list(perfect.lives))
        assert sum((life.quantity for life in lives), Decimal(0)) == perfect.quantity
        with closing(sqlite3.connect(path)) as db:
            sums = dict(
                db.execute(
                    "SELECT method, coalesce(sum(realized_pnl_micros), 0) FROM realized_entries"
                    " GROUP BY method"
                )
            )
    for method in CostMethod:
        # Reversals and what they undo cancel out: the plain sum over all rows is what stands.
        assert sums.get(method.value, 0) == sum(
            entry.realized_micros or 0
            for (_, by), entry in standing(list(perfect.lives)).items()
            if by is method
        )
    if not perfect.quantity:
        assert Fraction(sums.get("fifo", 0), 10**6) == desk.cash
