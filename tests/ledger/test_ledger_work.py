"""What a changed position costs: rows and statements are counted, time is not."""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import PositionRow, Side
from possync_tui.ledger.store import Ledger
from tests.ledger.world import (
    ACCOUNT,
    APPLE,
    START,
    commission,
    fill,
    plan_for,
    result_of,
    row,
    sync,
)

MANY = 300
KEYS = [PositionKey(ACCOUNT, n) for n in range(1, MANY + 1)]


def rows(more: int) -> list[PositionRow]:
    return [
        row(str(n + more), "5", replace(APPLE, con_id=n, symbol=f"S{n}"))
        for n in range(1, MANY + 1)
    ]


def later(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


async def statements_of(ledger: Ledger, work: Callable[[], Awaitable[object]]) -> list[str]:
    """What the writer runs meanwhile: of `executemany` each row counts."""
    assert ledger._writer is not None
    told: list[str] = []
    await ledger._writer.read(lambda db: db.set_trace_callback(told.append))
    await work()
    await ledger._writer.read(lambda db: db.set_trace_callback(None))
    return told[:-1]


async def rows_written(ledger: Ledger, work: Callable[[], Awaitable[object]]) -> int:
    def changes(db: sqlite3.Connection) -> int:
        return db.total_changes

    assert ledger._writer is not None
    before = await ledger._writer.read(changes)
    await work()
    return await ledger._writer.read(changes) - before


def tables_written(statements: Sequence[str]) -> Counter[str]:
    heads = (sql.split() for sql in statements)
    return Counter(
        words[2] if words[0] in ("INSERT", "DELETE") else words[1]
        for words in heads
        if words[0] in ("INSERT", "DELETE", "UPDATE")
    )


async def test_a_changed_position_costs_six_rows(ledger: Ledger) -> None:
    await sync(ledger, rows(0), START)
    for minute in (1, 2, 3):
        plan = await plan_for(ledger, rows(minute), later(minute))
        result = result_of(plan, later(minute))
        written = await rows_written(ledger, lambda p=plan, r=result: ledger.commit(p, r))  # type: ignore[misc]
        # Its observation, its standing, its life, the lot that came, the pool, a journal line; and
        # the run, the counters, the account's last sync, the snapshot.
        assert written == 6 * MANY + 4
    assert (await ledger.verify()).ok


async def test_a_plan_is_written_by_a_statement_for_each_table(ledger: Ledger) -> None:
    await sync(ledger, rows(0), START)
    plan = await plan_for(ledger, rows(1), later(1))
    told = await statements_of(ledger, lambda: ledger.commit(plan, result_of(plan, later(1))))
    assert tables_written(told) == {
        "inbox": MANY,
        "known": MANY,
        "lives": MANY,
        "lots": 2 * MANY,
        "journal": MANY,
        "instruments": MANY,
        "sync_runs": 1,
        "sync_stats": 1,
        "accounts": 1,
        "snapshots": 1,
    }
    # What is read meanwhile does not grow with every position.
    assert len([sql for sql in told if sql.lstrip().startswith(("SELECT", "WITH"))]) < 20


async def test_a_plan_goes_on_without_reading_what_was_planned_before(ledger: Ledger) -> None:
    await sync(ledger, rows(0), START)
    await ledger.record([fill("1.01", Side.BOUGHT, "1", "5", later(1)), commission("1.01", "1")])
    first = await statements_of(ledger, lambda: ledger.ground(KEYS))
    assert not [sql for sql in first if "FROM lives" in sql or "FROM lots" in sql]
    assert len(first) < 8
    book = await statements_of(ledger, ledger.book)
    assert not [sql for sql in book if "FROM lives" in sql and "JOIN" in sql and "UNION" in sql]


async def test_the_book_stays_in_order_without_being_sorted_for_each_change(ledger: Ledger) -> None:
    await sync(ledger, rows(0)[1:], START)
    before = await ledger.book()
    await sync(ledger, rows(1)[1:], later(1))
    moved = await ledger.book()
    assert list(moved.positions) == list(before.positions) == KEYS[1:]
    await sync(ledger, rows(1), later(2))
    assert list((await ledger.book()).positions) == KEYS


async def test_contracts_are_not_read_to_name_what_was_shown_just_now(ledger: Ledger) -> None:
    await sync(ledger, rows(0), START)
    plan = await plan_for(ledger, rows(1), later(1))
    told = await statements_of(ledger, lambda: ledger.commit(plan, result_of(plan, later(1))))
    assert not [sql for sql in told if "description" in sql and "SELECT" in sql]
    named = [line.text for line in await ledger.journal(limit=MANY)]
    assert sorted(named) == sorted(f"S{n}: quantity {n} -> {n + 1}" for n in range(1, MANY + 1))


async def test_absences_are_over_where_a_row_is_there_again(ledger: Ledger) -> None:
    def absences(db: sqlite3.Connection) -> list[int]:
        return [con_id for (con_id,) in db.execute("SELECT con_id FROM absences ORDER BY con_id")]

    assert ledger._writer is not None
    await sync(ledger, rows(0), START)
    await sync(ledger, rows(0)[2:], later(2))
    assert await ledger._writer.read(absences) == [1, 2]
    await sync(ledger, rows(0)[1:], later(4))
    assert await ledger._writer.read(absences) == [1]
