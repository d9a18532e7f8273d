"""`verify` passes on what the program wrote and finds what somebody else did to it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from possync_tui.domain.observations import Side
from possync_tui.ledger.store import Ledger
from tests.ledger.peek import tamper
from tests.ledger.world import START, commission, fill, row, sync

PAST_THE_TRIGGERS = (
    "DROP TRIGGER inbox_keeps_rows",
    "DROP TRIGGER inbox_keeps_all",
    "DROP TRIGGER journal_keeps_all",
    "DROP TRIGGER realized_keeps_rows",
    "DROP TRIGGER realized_keeps_all",
    "PRAGMA foreign_keys = OFF",
)


@pytest.fixture
async def traded(ledger: Ledger) -> Ledger:
    """A position with a correction and a late commission behind it."""
    await sync(ledger, [row("100")], START)
    sale = fill("s.01", Side.SOLD, "40", "11", START + timedelta(minutes=1))
    await ledger.record([sale])
    await sync(ledger, [row("60")], START + timedelta(minutes=2))
    await ledger.record([commission("s.01", "0.5", "39.1")])
    await sync(ledger, [row("60")], START + timedelta(minutes=3))
    report = await ledger.verify()
    assert report.problems == ()
    assert (report.positions, report.entries, report.observations) == (1, 6, 5)
    return ledger


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE lives SET quantity = '61'", "stored as OPEN 61, its observations make it OPEN 60"),
        ("UPDATE lives SET average_cost = '9'", "average_cost is shown as 9, it is 10.01"),
        ("UPDATE lives SET symbol = 'MSFT'", "symbol is shown as MSFT"),
        ("UPDATE lives SET origin = 'fill:x'", "its observations make none"),
        ("UPDATE lots SET value_micros = value_micros + 1 WHERE is_pool", "differing: pool"),
        ("DELETE FROM lots WHERE NOT is_pool", "differing: lots"),
        (
            "UPDATE realized_entries SET realized_pnl_micros = 1 WHERE id = 5",
            "the average entry of fill:s differs from its observations",
        ),
        (
            "UPDATE realized_entries SET realized_pnl_micros = 1 WHERE id = 3",
            "entry 3: is not the negative of what it reverses",
        ),
        ("DELETE FROM realized_entries WHERE id = 4", "realized entries are missing: 5 of 6"),
        ("DELETE FROM standing_entries WHERE entry_id = 5", "entry 5: stands 0 times"),
        ("INSERT INTO standing_entries VALUES (1, 1)", "entry 1: stands 1 times, reversed 1"),
        (
            "UPDATE life_totals SET realized_pnl_micros = 0 WHERE method = 'fifo'",
            "the fifo total is not the sum of its entries",
        ),
        (
            "UPDATE realized_days SET realized_micros = realized_micros + 1",
            "the totals by days are not the sums of their entries",
        ),
        ("DELETE FROM realized_quarters", "the totals by quarters of an hour are not the sums"),
        ("UPDATE realized_contracts SET wins = 7", "the totals by contracts are not the sums"),
        ("DELETE FROM journal WHERE id = 2", "journal lines are missing"),
        ("DELETE FROM inbox WHERE seq = 2", "observations are missing: 4 of 5 are there"),
        ("UPDATE inbox SET payload = '{}' WHERE seq = 2", "Observation 2 cannot be read"),
        ("UPDATE inbox SET con_id = 7 WHERE seq = 2", "filed under another position"),
        ("UPDATE executions SET price = '99'", "Fill s.01 differs from observation 2"),
        ("DELETE FROM executions", "Fill s.01 (observation 2) is not in the fills"),
        ("UPDATE commissions SET amount = '0'", "The commission of s.01 differs"),
        ("UPDATE known SET is_absent = 1", "what is known of it differs"),
        ("DELETE FROM known", "rests on no observation"),
        ("UPDATE sync_stats SET total_syncs = 9", "The sync counters differ"),
        ("DELETE FROM sync_runs WHERE id = 1", "sync runs are missing"),
        ("DELETE FROM accounts", "refer to a row of accounts that is not there"),
        ("DELETE FROM lives", "is not stored"),
    ],
)
async def test_a_tampered_row_is_found(
    traded: Ledger, path: Path, statement: str, finding: str
) -> None:
    tamper(path, *PAST_THE_TRIGGERS, statement)
    report = await traded.verify()
    assert not report.ok
    assert any(finding in problem for problem in report.problems), report.problems


async def test_a_changed_observation_is_found_by_what_rests_on_it(
    traded: Ledger, path: Path
) -> None:
    changed = """UPDATE inbox SET payload = replace(payload, '"price":"11"', '"price":"12"')"""
    tamper(path, *PAST_THE_TRIGGERS, changed)
    problems = (await traded.verify()).problems
    assert any("Fill s.01 differs" in problem for problem in problems)
    assert any("entry of fill:s differs" in problem for problem in problems)


async def test_verifying_leaves_the_event_loop_free(ledger: Ledger) -> None:
    fills = [
        fill(f"{n}.01", Side.BOUGHT if n % 2 else Side.SOLD, "1", "10", START + timedelta(n))
        for n in range(1000)
    ]
    await ledger.record(fills)
    await sync(ledger, [], START + timedelta(days=2000))
    verifying = asyncio.ensure_future(ledger.verify())
    turns = 0
    while not verifying.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await verifying).problems == ()
    assert turns > 5


async def test_a_cancelled_verify_ends(ledger: Ledger) -> None:
    await ledger.record(
        [fill(f"{n}.01", Side.BOUGHT, "1", "10", START + timedelta(n)) for n in range(500)]
    )
    verifying = asyncio.ensure_future(ledger.verify())
    # It has begun then, and reads five hundred observations in no turn of a loop.
    for _ in range(3):
        await asyncio.sleep(0)
    verifying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await verifying
    assert (await ledger.verify()).ok
