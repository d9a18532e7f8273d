"""A plan is one transaction: all of it, or nothing."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.domain.observations import RowPushed, Side
from possync_tui.domain.plan import AddEntry, Change, Plan, ReverseEntry
from possync_tui.domain.planning import changes_of
from possync_tui.domain.position import Rebuilt, Status
from possync_tui.domain.runs import Outcome, SyncStats
from possync_tui.ledger import book, commit
from possync_tui.ledger.port import LedgerUnusable, LedgerWriteFailed
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.peek import everything_in, rows_of
from tests.ledger.world import (
    ACCOUNT,
    APPLE,
    KEY,
    START,
    TestClock,
    commission,
    fill,
    plan_for,
    pushed,
    result_of,
    row,
    sync,
)

SALE = fill("s.01", Side.SOLD, "40", "11", START + timedelta(minutes=1))
LATER = START + timedelta(minutes=2)
OTHER = "DU1000002"


async def held(ledger: Ledger) -> Plan:
    """A ledger that holds 100, and the plan that takes up a sale of 40."""
    await sync(ledger, [row("100")], START)
    await ledger.record([SALE, commission("s.01", "0.5", "39.1")])
    return await plan_for(ledger, [row("60")], LATER)


async def test_a_plan_is_written_with_its_run_and_its_journal(ledger: Ledger, path: Path) -> None:
    plan = await held(ledger)
    done = await ledger.commit(plan, result_of(plan, LATER))
    assert done.run_id == 2
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    assert stored.life.quantity == 60
    assert set(stored.entry_ids.values()) == {1, 2}
    lines = await ledger.journal(run_id=2)
    assert len(lines) == len(plan.changes)
    assert [line.kind for line in reversed(lines)] == ["updated", "realized", "realized"]
    assert lines[-1].text == "AAPL: quantity 100 -> 60"
    assert lines[0].evidence == "execution s.01"
    assert await ledger.journal(key=KEY, limit=1) == lines[:1]
    assert rows_of(path, "SELECT run_id, decided, decided_from FROM snapshots") == [
        (1, 1, 1),
        (2, 1, 4),
    ]


async def test_an_unchanged_sync_writes_a_few_rows_whatever_the_ledger_holds(
    ledger: Ledger,
) -> None:
    def changes(db: sqlite3.Connection) -> int:
        return db.total_changes

    many = [row(str(n), "5", replace(APPLE, con_id=n, symbol=f"S{n}")) for n in range(1, 301)]
    await sync(ledger, many, START)
    assert ledger._writer is not None
    before = await ledger._writer.read(changes)
    plan = await plan_for(ledger, many, LATER)
    assert plan.is_empty
    await ledger.commit(plan, result_of(plan, LATER))
    # The run, the counters, and the account's last sync.
    assert await ledger._writer.read(changes) - before == 3


async def test_a_book_is_read_again_only_where_something_changed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [row(str(n), "5", replace(APPLE, con_id=n, symbol=f"S{n}")) for n in range(1, 301)]
    await sync(ledger, many, START)
    await ledger.book()
    decoded: list[str] = []
    monkeypatch.setattr(book, "decode_row", decoded.append)
    statements = await _traced(ledger, ledger.book)
    assert not [sql for sql in statements if "JOIN lives" in sql]
    quiet = len(statements)

    await ledger.record([RowPushed(row, "session-1", LATER) for row in many[:2]])
    assert len(await _traced(ledger, ledger.book)) == quiet + 2
    assert not decoded


async def _traced(ledger: Ledger, work: Callable[[], Awaitable[object]]) -> list[str]:
    """The statements that the writer runs meanwhile."""
    assert ledger._writer is not None
    statements: list[str] = []
    await ledger._writer.read(lambda db: db.set_trace_callback(statements.append))
    await work()
    await ledger._writer.read(lambda db: db.set_trace_callback(None))
    return statements


async def test_marks_do_not_touch_the_inbox(ledger: Ledger) -> None:
    before = ledger.last_seq
    await ledger.save_marks([])
    assert ledger.last_seq == before


class _Stopped(Exception):
    """What a test throws into a transaction."""


@pytest.mark.parametrize(
    "step", ["line_of", "put_lives", "_append_entries", "_keep_snapshot", "add_run"]
)
@pytest.mark.parametrize("error", [_Stopped("bug"), sqlite3.OperationalError("disk I/O error")])
async def test_a_failure_in_the_middle_leaves_nothing(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: Exception
) -> None:
    plan = await held(ledger)
    before = everything_in(path)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(commit, step, fail)
        with pytest.raises((LedgerWriteFailed, _Stopped)):
            await ledger.commit(plan, result_of(plan, LATER))
    assert everything_in(path) == before
    await ledger.commit(plan, result_of(plan, LATER))
    assert (await ledger.verify()).ok


async def test_a_full_disk_is_told_and_nothing_is_kept(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [row("100")], START)
    before = everything_in(path)

    def no_more_pages(db: sqlite3.Connection) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")

    assert ledger._writer is not None
    await ledger._writer.read(no_more_pages)
    fills = [fill(f"{n}.01", Side.BOUGHT, "1", "1", START) for n in range(2000)]
    with pytest.raises(LedgerWriteFailed, match="full"):
        await ledger.record(fills)
    assert everything_in(path) == before
    assert ledger.last_seq == 1
    assert [view.quantity for view in await ledger.positions()] == [100]


async def test_a_cancelled_wait_leaves_no_transaction_open(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await held(ledger)
    entered, go_on = threading.Event(), threading.Event()
    _pause_in_commit(monkeypatch, entered, go_on)
    waiting = asyncio.ensure_future(ledger.commit(plan, result_of(plan, LATER)))
    await asyncio.to_thread(entered.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    assert await ledger.record([pushed("60", LATER)]) == 1
    assert ledger.last_seq == 5
    assert [view.quantity for view in await ledger.positions()] == [60]
    assert (await ledger.stats()).total_syncs == 2
    assert (await ledger.verify()).ok


async def test_a_cancelled_wait_for_a_failing_commit_is_logged_and_rolled_back(
    ledger: Ledger,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = await held(ledger)
    before = everything_in(path)
    entered, go_on = threading.Event(), threading.Event()
    with monkeypatch.context() as patched:
        _pause_in_commit(patched, entered, go_on, sqlite3.OperationalError("disk I/O error"))
        waiting = asyncio.ensure_future(ledger.commit(plan, result_of(plan, LATER)))
        await asyncio.to_thread(entered.wait)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await ledger.record([])
    assert everything_in(path) == before
    assert "disk I/O error" in caplog.text
    await ledger.commit(plan, result_of(plan, LATER))


async def test_closing_waits_for_a_commit_in_flight(
    path: Path, ledger: Ledger, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await held(ledger)
    entered, go_on = threading.Event(), threading.Event()
    _pause_in_commit(monkeypatch, entered, go_on)
    waiting = asyncio.ensure_future(ledger.commit(plan, result_of(plan, LATER)))
    await asyncio.to_thread(entered.wait)
    waiting.cancel()
    closing = asyncio.ensure_future(ledger.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    go_on.set()
    await closing
    again = await open_ledger(path, clock=clock)
    assert (await again.stats()).total_syncs == 2
    await again.close()


def _pause_in_commit(
    monkeypatch: pytest.MonkeyPatch,
    entered: threading.Event,
    go_on: threading.Event,
    error: Exception | None = None,
) -> None:
    keep: Callable[[object], None] = commit._keep_snapshot  # type: ignore[assignment]

    def pause(committing: object) -> None:
        entered.set()
        assert go_on.wait(10)
        if error is not None:
            raise error
        keep(committing)

    monkeypatch.setattr(commit, "_keep_snapshot", pause)


async def test_the_same_plan_twice_is_refused(ledger: Ledger, path: Path) -> None:
    plan = await held(ledger)
    await ledger.commit(plan, result_of(plan, LATER))
    before = everything_in(path)
    with pytest.raises(LedgerWriteFailed, match="committed before"):
        await ledger.commit(plan, result_of(plan, LATER))
    assert everything_in(path) == before


async def test_a_plan_that_does_not_fit_is_refused_whole(ledger: Ledger, path: Path) -> None:
    plan = await held(ledger)
    await ledger.commit(plan, result_of(plan, LATER))
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    entry = stored.life.entries[0]
    misfits: list[Change] = [
        ReverseEntry(KEY, 99, entry, ""),
        AddEntry(KEY, "fill:nobody", entry, None, ""),
    ]
    before = everything_in(path)
    for misfit in misfits:
        wrong = Plan(LATER, (ACCOUNT,), "d", 1, changes=(misfit,))
        with pytest.raises(LedgerWriteFailed, match="does not fit"):
            await ledger.commit(wrong, result_of(wrong, LATER))
    assert everything_in(path) == before


async def test_better_evidence_appends_a_reversal_and_a_replacement(
    ledger: Ledger, path: Path
) -> None:
    await sync(ledger, [row("100")], START)
    await ledger.record([SALE])
    await sync(ledger, [row("60")], LATER)
    await ledger.record([commission("s.01", "0.5", "39.1")])
    await sync(ledger, [row("60")], LATER + timedelta(days=1))
    found = rows_of(
        path,
        "SELECT id, kind, quantity_closed, realized_pnl_micros, supersedes_id, closed_at"
        " FROM realized_pnl ORDER BY id",
    )
    at = "2026-03-02T14:31:00.000000+00:00"
    assert found == [
        (1, "FILL", 40, 39_600_000, None, at),
        (3, "REVERSAL", -40, -39_600_000, 1, at),
        (5, "FILL", 40, 39_100_000, 1, at),
    ]
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    assert len(stored.life.entries) == 2
    assert set(stored.entry_ids.values()) == {5, 6}
    (position,) = await ledger.positions()
    assert str(position.realized_pnl) == "39.100000"
    assert (await ledger.verify()).problems == ()


async def test_a_voided_life_is_out_of_sight_and_can_come_back(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [row("100")], START)
    plan = await plan_for(ledger, [row("100")], LATER)
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    voiding = replace(plan, changes=tuple(changes_of(KEY, [stored], Rebuilt())))
    await ledger.commit(voiding, result_of(voiding, LATER))
    assert await ledger.positions(include_closed=True) == []
    (voided,) = (await ledger.stored_lives([KEY]))[KEY]
    assert voided.life.close_reason == "voided"
    assert not (await ledger.verify()).ok, "its observations still make it"
    back = tuple(changes_of(KEY, [voided], Rebuilt((stored.life,))))
    await ledger.commit(replace(plan, changes=back), result_of(plan, LATER))
    assert [view.id for view in await ledger.positions()] == [stored.life_id]
    assert (await ledger.verify()).ok


async def test_counters_go_on_over_restarts(path: Path, ledger: Ledger, clock: TestClock) -> None:
    plan = await held(ledger)
    await ledger.commit(plan, result_of(plan, LATER))
    failed = replace(result_of(None, LATER, Outcome.FAILED), error="broker unreachable")
    assert (await ledger.record_run(failed)).run_id == 3
    skipped = result_of(None, LATER, Outcome.SKIPPED)
    assert await ledger.record_run(skipped) == skipped
    await ledger.close()
    again = await open_ledger(path, clock=clock)
    assert await again.stats() == SyncStats(
        total_syncs=3,
        successful_syncs=2,
        failed_syncs=1,
        positions_created=1,
        positions_updated=1,
        positions_closed=0,
        last_sync_time=LATER,
        last_error="broker unreachable",
        last_duration_ms=12.5,
    )
    assert [run.outcome for run in await again.runs()] == ["failed", "committed", "committed"]
    assert [run.id for run in await again.runs(limit=1)] == [3]
    (account,) = await again.accounts()
    assert account.last_synced_at == LATER
    await again.close()


async def test_without_pnl_no_entry_is_missed_and_with_it_again_all_come(
    ledger: Ledger,
) -> None:
    await sync(ledger, [row("100")], START)
    await ledger.record([SALE])
    await sync(ledger, [row("60")], LATER, with_pnl=False)
    assert (await ledger.verify()).problems == ()
    await ledger.record([commission("s.01", "0.5")])
    await sync(ledger, [row("60")], LATER + timedelta(minutes=1))
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    assert len(stored.entry_ids) == 2
    assert stored.life.status is Status.OPEN
    assert (await ledger.verify()).problems == ()


async def test_a_file_that_another_program_has_locked_is_told(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hurry(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA busy_timeout = 50")

    assert ledger._writer is not None
    await ledger._writer.read(hurry)
    intruder = sqlite3.connect(path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerWriteFailed, match="locked"):
        await ledger.record([SALE])
    intruder.close()
    assert await ledger.record([SALE]) == 1
    assert not issubclass(LedgerWriteFailed, LedgerUnusable)


async def test_a_transaction_that_could_not_end_does_not_stop_the_next(ledger: Ledger) -> None:
    """An I/O error can hit ROLLBACK, too; without more the connection would stay unusable."""
    plan = await held(ledger)

    def interrupted(db: sqlite3.Connection) -> None:
        def once() -> int:
            db.set_progress_handler(None, 0)
            return 1

        # The next statement is the ROLLBACK: it is interrupted, and all is well afterwards.
        db.set_progress_handler(once, 1)
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises((LedgerUnusable, LedgerWriteFailed)):
        await ledger._write(interrupted)
    done = await ledger.commit(plan, result_of(plan, LATER))
    assert done.outcome is Outcome.COMMITTED
    assert (await ledger.verify()).ok


async def test_it_is_known_until_when_all_fills_are_known(tmp_path: Path, clock: TestClock) -> None:
    """Each account's last complete sync, but not one that may not have known all fills."""

    path = tmp_path / "two.sqlite3"
    ledger = await open_ledger(path, clock=clock)

    async def sync_of(account: str, minutes: int, *, all_fills: bool) -> None:
        at = START + timedelta(minutes=minutes)
        rows = [row("100", account=account)]
        plan = await plan_for(ledger, rows, at, accounts=[account], all_fills=all_fills)
        await ledger.commit(plan, result_of(plan, at))

    await ledger.bind(Environment.PAPER, [ACCOUNT, OTHER])
    assert await ledger.fills_known_until() == {}
    await sync_of(ACCOUNT, 1, all_fills=True)
    await sync_of(OTHER, 2, all_fills=True)
    known = {ACCOUNT: START + timedelta(minutes=1), OTHER: START + timedelta(minutes=2)}
    assert await ledger.fills_known_until() == known
    await sync_of(OTHER, 3, all_fills=False)
    assert await ledger.fills_known_until() == {}
    await sync_of(ACCOUNT, 4, all_fills=True)
    known = {ACCOUNT: START + timedelta(minutes=4)}
    assert await ledger.fills_known_until() == known
    await ledger.close()
    again = await open_ledger(path, clock=clock)
    assert await again.fills_known_until() == known
    assert (await again.verify()).ok
    await again.close()


async def test_what_comes_while_a_plan_is_made_is_for_the_next_whoever_looks_meanwhile(
    ledger: Ledger,
) -> None:
    plan = await held(ledger)
    late = fill("s.02", Side.SOLD, "10", "11", START + timedelta(minutes=1))
    await ledger.record([late])
    # A look that has not its turn yet reads the book, and makes no plan.
    assert KEY in (await ledger.book()).touched
    await ledger.commit(plan, result_of(plan, LATER))
    assert KEY in (await ledger.book()).touched
    await sync(ledger, [row("50")], LATER + timedelta(minutes=1))
    assert (await ledger.verify()).ok


async def test_a_reader_remembers_nothing_of_what_another_instance_writes(
    path: Path, ledger: Ledger, clock: TestClock
) -> None:
    await sync(ledger, [row("100")], START)
    reader = await open_ledger(path, clock=clock, read_only=True)
    before = await reader.ground([KEY])
    await ledger.record([SALE])
    after = await reader.ground([KEY])
    await reader.close()
    assert len(after.histories[KEY]) == len(before.histories[KEY]) + 1


async def test_what_it_is_bound_to_is_known_at_once(tmp_path: Path, clock: TestClock) -> None:
    ledger = await open_ledger(tmp_path / "fresh.sqlite3", clock=clock)
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    known = ledger.environment
    await ledger.close()
    assert known is Environment.PAPER


@pytest.mark.timeout(20)
async def test_a_bug_in_the_work_reaches_who_waits_for_it(ledger: Ledger) -> None:
    """No future takes a StopIteration: the wait for it, and all behind it, would never end."""

    def buggy(_: sqlite3.Connection) -> int:
        return next(iter(()))

    with pytest.raises(RuntimeError):
        await ledger._write(buggy)
    with pytest.raises(RuntimeError):
        await ledger._reader.read(buggy)
    assert await ledger.record([SALE]) == 1
