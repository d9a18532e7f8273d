"""One sync, from the broker's answers to the ledger's tables, on a real SQLite file."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from possync_tui.broker.port import (
    BrokerTimeout,
    BrokerUnavailable,
    RequestRefused,
    SnapshotRefused,
)
from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import RowPushed, Side
from possync_tui.domain.plan import ChangeKind, PutLife
from possync_tui.domain.runs import Failure, Outcome, SyncStats, Trigger
from possync_tui.ledger.port import EntryQuery, LedgerError
from possync_tui.ledger.store import Ledger
from possync_tui.sync.events import SyncFinished

from .conftest import ACCOUNT, OTHER, HandClock, Rig, ScriptedBroker, Start, settle


async def quantities(rig: Rig) -> dict[int, Decimal]:
    views = await rig.engine.reads.positions()
    return {view.con_id: view.quantity for view in views}


async def statuses(rig: Rig, *, closed: bool = False) -> dict[int, str]:
    views = await rig.engine.reads.positions(include_closed=closed)
    return {view.con_id: view.status for view in views}


async def verified(rig: Rig) -> None:
    report = await rig.engine.reads.verify()
    assert report.problems == ()


async def test_first_sync_seeds_what_the_broker_holds(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100", "10.01")
    broker.hold(2, "-50", "19.98")
    rig = await start()
    result = await rig.engine.sync_now()
    assert (result.outcome, result.created, result.positions_seen) == (Outcome.COMMITTED, 2, 2)
    assert result.run_id == 1
    assert await quantities(rig) == {1: Decimal(100), 2: Decimal(-50)}
    assert broker.watched == frozenset(broker.rows)
    await verified(rig)


async def test_an_unchanged_sync_changes_nothing(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    before = sqlite3.connect(rig.path).execute("SELECT count(*) FROM inbox").fetchone()
    result = await rig.engine.sync_now()
    assert (result.created, result.updated, result.closed) == (0, 0, 0)
    assert sqlite3.connect(rig.path).execute("SELECT count(*) FROM inbox").fetchone() == before


async def test_fills_explain_a_partial_close_exactly(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    broker.trade(1, Side.SOLD, "40", "11", "0.5")
    broker.hold(1, "60", "10.01")
    result = await rig.engine.sync_now()
    assert (result.created, result.updated, result.closed) == (0, 1, 0)
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert (entry.realized_pnl, entry.quality) == (Decimal("39.1"), "EXACT")
    await verified(rig)


async def test_a_close_by_fills_needs_no_setting(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.SOLD, "50", "20")
    broker.hold(1, "-50", "19.98")
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "50", "18.5")
    broker.drop(1)
    result = await rig.engine.sync_now()
    assert result.closed == 1
    assert await statuses(rig, closed=True) == {1: "CLOSED"}
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert entry.realized_pnl == Decimal(73)
    assert entry.is_full_close
    await verified(rig)


async def test_opened_and_closed_between_two_syncs(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.trade(1, Side.SOLD, "100", "12")
    result = await rig.engine.sync_now()
    assert (result.created, result.closed) == (1, 1)
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert (entry.realized_pnl, entry.quality) == (Decimal(198), "EXACT")
    await verified(rig)


async def test_a_flip_is_two_lives(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    broker.trade(1, Side.SOLD, "150", "12", "1.5")
    broker.hold(1, "-50", "11.99")
    result = await rig.engine.sync_now()
    assert (result.created, result.closed) == (1, 1)
    views = await rig.engine.reads.positions(include_closed=True)
    assert sorted((v.status, v.quantity) for v in views) == [
        ("CLOSED", Decimal(0)),
        ("OPEN", Decimal(-50)),
    ]
    await verified(rig)


async def test_a_late_commission_makes_a_pending_entry_exact(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    broker.trade(1, Side.SOLD, "100", "12", None)
    broker.drop(1)
    await rig.engine.sync_now()
    (pending,) = await rig.engine.reads.entries(EntryQuery())
    assert (pending.realized_pnl, pending.quality) == (Decimal(199), "PENDING_COMMISSION")
    late = replace(broker.commissions[0], exec_id=broker.fills[1].exec_id)
    broker.commissions.append(late)
    await rig.engine.sync_now()
    views = await rig.engine.reads.entries(EntryQuery())
    by_kind = {(v.kind, v.quality): v for v in views}
    exact = by_kind["FILL", "EXACT"]
    assert exact.realized_pnl == Decimal(198)
    assert exact.supersedes_id == pending.id
    assert sum((v.realized_pnl or Decimal(0) for v in views), Decimal(0)) == 198
    await verified(rig)


async def test_an_estimate_is_repaired_when_the_fill_turns_up(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    await rig.clock.advance(300)
    missed_at = rig.clock.now()
    broker.mark(1, "11")
    broker.hold(1, "60", "10.01")
    await rig.clock.advance(10)
    await rig.engine.sync_now()
    (estimate,) = await rig.engine.reads.entries(EntryQuery())
    assert (estimate.realized_pnl, estimate.quality) == (Decimal("39.6"), "ESTIMATED")
    fill = broker.trade(1, Side.SOLD, "40", "11.05", "0.5")
    broker.fills[-1] = replace(fill, time=missed_at)
    await rig.engine.sync_now()
    views = await rig.engine.reads.entries(EntryQuery())
    assert sorted((v.kind, v.realized_pnl) for v in views) == [
        ("FILL", Decimal("41.1")),
        ("REVERSAL", Decimal("-39.6")),
        ("UNEXPLAINED", Decimal("39.6")),
    ]
    await verified(rig)


@pytest.mark.parametrize(("price", "age"), [("11", 61), ("1e15", 1)])
async def test_without_a_fresh_and_sane_mark_an_estimate_has_no_amount(
    start: Start, broker: ScriptedBroker, price: str, age: int
) -> None:
    broker.hold(1, "100", "10.01")
    rig = await start()
    await rig.engine.sync_now()
    broker.mark(1, price, age=age)
    broker.hold(1, "60", "10.01")
    assert (await rig.engine.sync_now()).ok
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert (entry.realized_pnl, entry.quality) == (None, "ESTIMATED")


async def test_missing_stays_on_the_books(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.drop(1)
    for _ in range(4):
        result = await rig.engine.sync_now()
        await rig.clock.advance(120)
    assert (result.missing, result.closed, result.held) == (1, 0, 0)
    assert await statuses(rig) == {1: "MISSING", 2: "OPEN"}
    await verified(rig)


async def test_missing_closes_when_armed_after_two_snapshots_a_minute_apart(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start(mark_missing_as_closed=True)
    await rig.engine.sync_now()
    broker.drop(1)
    assert (await rig.engine.sync_now()).closed == 0
    await rig.clock.advance(59)
    assert (await rig.engine.sync_now()).closed == 0
    await rig.clock.advance(1)
    assert (await rig.engine.sync_now()).closed == 1
    assert await statuses(rig) == {2: "OPEN"}
    await verified(rig)


async def test_bulk_disappearance_is_held_and_the_user_decides(
    start: Start, broker: ScriptedBroker
) -> None:
    for con_id in range(1, 6):
        broker.hold(con_id, "100")
    rig = await start(mark_missing_as_closed=True)
    await rig.engine.sync_now()
    for con_id in range(1, 5):
        broker.drop(con_id)
    for _ in range(3):
        result = await rig.engine.sync_now()
        await rig.clock.advance(90)
    assert (result.closed, result.missing, result.held) == (0, 4, 1)
    (hold,) = await rig.engine.reads.holds()
    assert hold.kind == "BULK_MISSING"
    await rig.engine.decide(hold.id, accept=True, note="transferred out")
    result = await rig.engine.sync_now()
    assert result.closed == 4
    assert result.held == 0
    assert await statuses(rig) == {5: "OPEN"}
    await verified(rig)


async def test_keeping_leaves_a_position_missing_even_when_armed(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    (hold,) = await rig.engine.reads.holds()
    await rig.engine.decide(hold.id, accept=False, note="")
    rig.engine.arm(True)
    for _ in range(3):
        await rig.clock.advance(90)
        result = await rig.engine.sync_now()
    assert result.closed == 0
    assert await statuses(rig) == {1: "MISSING", 2: "OPEN"}


async def test_a_refused_snapshot_changes_nothing(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.drop(1)
    broker.fails.append(SnapshotRefused("row 3 could not be read"))
    result = await rig.engine.sync_now()
    assert (result.outcome, result.failure) == (Outcome.REFUSED, Failure.SNAPSHOT)
    assert result.error == "row 3 could not be read"
    assert await statuses(rig) == {1: "OPEN"}
    runs = await rig.engine.reads.runs()
    assert [run.outcome for run in runs] == ["refused", "committed"]
    stats = rig.engine.stats
    assert (stats.total_syncs, stats.successful_syncs, stats.failed_syncs) == (2, 1, 1)


async def test_no_answer_for_fills_degrades_but_does_not_block(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    for failure in (BrokerTimeout("no answer"), RequestRefused(321, "no")):
        broker.execution_fails.append(failure)
        result = await rig.engine.sync_now()
        assert result.outcome is Outcome.COMMITTED
    assert await statuses(rig) == {1: "OPEN"}


async def test_the_first_snapshot_waits_for_the_fills_of_the_day(
    start: Start, broker: ScriptedBroker
) -> None:
    """What was held before is the snapshot less those: half of them would make up a position."""
    broker.hold(1, "100")
    broker.trade(1, Side.SOLD, "40", "11")
    rig = await start()
    broker.execution_fails.append(BrokerTimeout("no answer"))
    assert (await rig.engine.sync_now()).outcome is Outcome.REFUSED
    assert await statuses(rig) == {}
    assert (await rig.engine.sync_now()).outcome is Outcome.COMMITTED
    (lot,) = await rig.engine.reads.lots()
    assert lot.quantity == 100


async def test_a_fill_during_the_snapshot_means_another_snapshot(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()

    async def sells_too_late_for_this_one() -> None:
        broker.trade(1, Side.SOLD, "40", "11", "0.5")

    async def shows_it() -> None:
        broker.hold(1, "60", "10.01")

    taken = broker.snapshots
    broker.before_snapshot = [sells_too_late_for_this_one, shows_it]
    result = await rig.engine.sync_now()
    assert broker.snapshots == taken + 2
    assert result.updated == 1
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert entry.quality == "EXACT"
    await verified(rig)


async def test_a_push_ahead_of_its_fill_gets_a_grace_time(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start(grace=5.0)
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    broker.hold(1, "60", "10.01")
    syncing = asyncio.create_task(rig.engine.sync_now())
    await settle()
    broker.trade(1, Side.SOLD, "40", "11", "0.5")
    await rig.clock.advance(5)
    await syncing
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert (entry.quality, entry.kind) == ("EXACT", "FILL")
    await verified(rig)


async def test_not_connected_is_skipped_and_counts_nowhere(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    broker.lose()
    result = await rig.engine.sync_now()
    assert (result.outcome, result.failure) == (Outcome.SKIPPED, Failure.BROKER)
    assert rig.engine.stats.total_syncs == 0
    assert await rig.engine.reads.runs() == []


async def test_a_lost_session_fails_the_sync(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    broker.fails.append(BrokerUnavailable("TWS closed the connection"))
    rig = await start()
    result = await rig.engine.sync_now()
    assert (result.outcome, result.failure) == (Outcome.FAILED, Failure.BROKER)


async def test_a_sync_never_hangs_past_its_limit(start: Start, broker: ScriptedBroker) -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    broker.before_snapshot.append(forever)
    rig = await start(timeout=0.05)
    result = await asyncio.wait_for(rig.engine.sync_now(), 5)
    assert (result.outcome, result.failure) == (Outcome.FAILED, Failure.BROKER)
    assert (await rig.engine.sync_now()).ok


async def test_callers_during_a_sync_get_the_next_ones_result(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    held = asyncio.Event()
    broker.before_snapshot.append(held.wait)  # type: ignore[arg-type]
    first = asyncio.create_task(rig.engine.sync_now())
    await settle()
    others = [asyncio.create_task(rig.engine.sync_now()) for _ in range(5)]
    await settle()
    broker.hold(1, "100")
    held.set()
    results = await asyncio.gather(first, *others)
    assert {r.run_id for r in results[1:]} == {2}
    assert results[0].run_id == 1


async def test_a_cancelled_caller_cancels_no_sync(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    held = asyncio.Event()
    broker.before_snapshot.append(held.wait)  # type: ignore[arg-type]
    caller = asyncio.create_task(rig.engine.sync_now())
    await settle()
    caller.cancel()
    await settle()
    held.set()
    async with asyncio.timeout(10):
        while not any(isinstance(event, SyncFinished) for event in rig.events):
            await settle()
    assert [run.outcome for run in await rig.engine.reads.runs()] == ["committed"]


async def test_one_account_by_its_id(start: Start, broker: ScriptedBroker) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "100")
    broker.hold(1, "7", account=OTHER)
    rig = await start()
    await rig.engine.service.sync_positions(account_id=2)
    views = await rig.engine.reads.positions()
    assert [(v.account, v.quantity) for v in views] == [(OTHER, Decimal(7))]
    await rig.engine.service.sync_positions()
    assert len(await rig.engine.reads.positions()) == 2
    unknown = await rig.engine.service.sync_positions(account_id=9)
    assert (unknown.failure, unknown.error) == (
        Failure.SETTINGS,
        "this ledger has no account with id 9",
    )


async def test_an_account_that_is_not_watched_is_not_told_to_be_synced(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "100")
    broker.hold(1, "7", account=OTHER)
    rig = await start(accounts=(OTHER,))
    result = await rig.engine.service.sync_positions()
    assert (result.outcome, result.failure) == (Outcome.FAILED, Failure.SETTINGS)
    assert result.error == f"account {ACCOUNT} (id 1) is not among IBKR_ACCOUNTS"
    assert broker.snapshots == 0
    assert rig.engine.stats.last_sync_time is None
    assert (await rig.engine.service.sync_positions(2)).ok
    # Nor by one that others asked for.
    asked = [rig.engine.service.sync_positions(number) for number in (1, 2)]
    mine, theirs, everything = await asyncio.gather(*asked, rig.engine.sync_now())
    assert (mine.outcome, mine.positions_seen) == (Outcome.FAILED, 0)
    assert (theirs.ok, everything.ok, theirs.positions_seen) == (True, True, 1)


async def test_an_account_that_the_login_does_not_list_is_not_told_to_be_synced(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "7", account=OTHER)
    rig = await start()
    await rig.engine.sync_now()
    broker.accounts = (OTHER,)
    broker.lose()
    broker.connect()
    await settle()
    synced_at = rig.engine.stats.last_sync_time
    await rig.clock.advance(100)
    result = await rig.engine.service.sync_positions(1)
    assert result.error == f"this login has no account {ACCOUNT} (id 1)"
    assert rig.engine.stats.last_sync_time == synced_at
    assert (await rig.engine.service.sync_positions(2)).ok


async def test_an_account_that_waits_is_not_told_to_be_synced_but_raises_its_hold(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.lose()
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "7", account=OTHER)
    broker.connect()
    await settle()
    for _ in range(2):
        result = await rig.engine.service.sync_positions(2)
        assert result.error == f"account {OTHER} (id 2) waits for your word: see the review"
        (hold,) = await rig.engine.reads.holds()
    await rig.engine.decide(hold.id, accept=True, note="mine")
    assert (await rig.engine.service.sync_positions(2)).created == 1


async def test_what_happens_in_an_account_that_is_not_watched_asks_for_no_sync(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    rig = await start(accounts=(OTHER,), initial_delay=0)
    await rig.engine.scheduler.start()
    await rig.clock.advance(1)
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10", None))
    broker.push(RowPushed(broker.hold(1, "100"), "s1", rig.clock.now()))
    await rig.clock.advance(5)
    assert [run.trigger for run in await rig.engine.reads.runs()] == ["interval"]
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10", None, account=OTHER))
    await rig.clock.advance(5)
    assert [run.trigger for run in await rig.engine.reads.runs()] == ["trade", "interval"]


async def test_a_new_account_is_synced_only_after_the_users_word(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.lose()
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "7", account=OTHER)
    broker.connect()
    result = await rig.engine.sync_now()
    assert (result.held, len(await rig.engine.reads.positions())) == (1, 1)
    (hold,) = await rig.engine.reads.holds()
    assert hold.kind == "NEW_ACCOUNT"
    await rig.engine.decide(hold.id, accept=True, note="mine")
    result = await rig.engine.sync_now()
    assert (result.held, len(await rig.engine.reads.positions())) == (0, 2)
    await verified(rig)


async def test_an_account_that_is_gone_is_frozen(start: Start, broker: ScriptedBroker) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "100")
    broker.hold(1, "7", account=OTHER)
    rig = await start(mark_missing_as_closed=True)
    await rig.engine.sync_now()
    broker.accounts = (ACCOUNT,)
    broker.drop(1, OTHER)
    for _ in range(3):
        await rig.clock.advance(100)
        result = await rig.engine.sync_now()
    assert (result.missing, result.closed, result.held) == (0, 0, 0)
    assert len(await rig.engine.reads.positions()) == 2


async def test_another_environment_is_refused(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.lose()
    broker.accounts = ("U0000001",)
    broker.connect()
    await settle()
    result = await rig.engine.sync_now()
    assert not result.ok
    assert "live" in broker.refused
    assert len(await rig.engine.reads.accounts()) == 1


async def test_what_a_foreign_login_pushes_before_it_is_refused_is_not_stored(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.lose()
    broker.accounts = ("U0000001",)
    # In one read with the login, and ahead of it.
    for con_id in (8, 9):
        row = broker.hold(con_id, "1", account="U0000001")
        broker.push(RowPushed(row, "s2", rig.clock.now()))
        broker.push(broker.trade(con_id, Side.BOUGHT, "1", "5", None, account="U0000001"))
        if con_id == 8:
            broker.connect()
    await settle()
    assert "live" in broker.refused
    with closing(sqlite3.connect(rig.path)) as db:
        assert (
            db.execute("SELECT kind, account FROM inbox WHERE account <> ?", (ACCOUNT,)).fetchall()
            == []
        )


async def test_an_account_of_the_login_is_ours_whatever_it_is_called_like(
    start: Start, broker: ScriptedBroker
) -> None:
    """One of another form makes the whole login count as live."""
    broker.accounts = (ACCOUNT, "XYZ1234")
    rig = await start()
    await rig.engine.sync_now()
    assert rig.engine.environment is Environment.LIVE
    for account in broker.accounts:
        broker.push(broker.trade(1, Side.BOUGHT, "100", "10", None, account=account))
        broker.hold(1, "100", account=account)
    broker.fills.clear()
    await settle()
    await rig.engine.sync_now()
    with closing(sqlite3.connect(rig.path)) as db:
        told = db.execute(
            "SELECT account FROM inbox WHERE kind = 'fill' ORDER BY account"
        ).fetchall()
    assert told == [(ACCOUNT,), ("XYZ1234",)]


async def test_a_combination_is_held_and_exits_with_a_hold(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(5, "1", what=Instrument(5, "SPREAD", "BAG", "USD"))
    rig = await start()
    result = await rig.engine.sync_now()
    assert (result.created, result.held) == (0, 1)
    (hold,) = await rig.engine.reads.holds()
    await rig.engine.decide(hold.id, accept=True, note="a spread order")
    assert (await rig.engine.sync_now()).held == 0
    assert len(await rig.engine.reads.holds(include_decided=True)) == 1
    broker.drop(5)
    await rig.engine.sync_now()
    assert await rig.engine.reads.holds() == []


async def test_a_dry_run_is_the_plan_and_commits_nothing(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig = await start()
    plan = await rig.engine.dry_run()
    assert [c.kind for c in plan.changes if isinstance(c, PutLife)] == [ChangeKind.CREATED]
    assert await rig.engine.reads.positions() == []
    assert await rig.engine.reads.runs() == []


async def test_realized_pnl_can_be_switched_off(start: Start, broker: ScriptedBroker) -> None:
    rig = await start(calculate_realized_pnl=False)
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.trade(1, Side.SOLD, "100", "12")
    await rig.engine.sync_now()
    assert await rig.engine.reads.entries(EntryQuery()) == []
    await verified(rig)


async def test_pushed_observations_are_stored_on_arrival(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade(1, Side.BOUGHT, "100", "10")
    broker.push(fill)
    broker.push(broker.commissions[0])
    broker.push(RowPushed(broker.hold(1, "100", "10.01"), "s1", rig.clock.now()))
    await settle()
    kinds = sqlite3.connect(rig.path).execute("SELECT kind FROM inbox ORDER BY seq").fetchall()
    assert [kind for (kind,) in kinds] == ["fill", "commission", "row_pushed"]
    assert (await rig.engine.sync_now()).created == 1
    await verified(rig)


async def test_a_restart_goes_on_from_the_inbox(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await settle()
    await rig.engine.stop()
    broker.fills.clear()
    broker.commissions.clear()
    broker.hold(1, "100", "10.01")
    again = await start()
    await again.clock.advance(timedelta(days=2).total_seconds())
    await again.engine.sync_now()
    (view,) = await again.engine.reads.positions()
    assert view.quantity == 100
    await verified(again)


async def test_an_unknown_hold_is_an_error(start: Start) -> None:
    rig = await start()
    with pytest.raises(LedgerError):
        await rig.engine.decide(99, accept=True, note="")


async def test_the_log_tells_what_happened(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    broker.trade(1, Side.SOLD, "100", "12")
    broker.drop(1)
    await rig.engine.sync_now()
    text = "\n".join(rig.log)
    assert "S1 new, 100" in text
    assert "S1 100 → 0, closed by fills" in text
    assert "closed 100 @ 12  ▲ 198.00  exact" in text


async def test_the_trigger_is_recorded(start: Start) -> None:
    rig = await start()
    await rig.engine.service.request(Trigger.TRADE)
    assert [run.trigger for run in await rig.engine.reads.runs()] == ["trade"]


async def test_the_next_run_learns_until_when_fills_are_known(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    """By the broker's clock, and no later than the last request that brought all of them."""
    broker.skew = -7.0
    rig = await start()
    assert broker.fills_known_until == {}
    await rig.engine.sync_now()
    known = {ACCOUNT: broker.broker_now()}
    await rig.engine.stop()
    await clock.advance(100)
    rig = await start()
    assert broker.fills_known_until == known
    # A sync that fails learns nothing, whatever fills came with it.
    broker.fails.append(SnapshotRefused("half of it"))
    await rig.engine.sync_now()
    await rig.engine.stop()
    await start()
    assert broker.fills_known_until == known


@pytest.mark.parametrize("answers", ["refused", "refused after", "in parts"])
async def test_a_sync_without_all_fills_knows_them_until_no_time(
    start: Start, broker: ScriptedBroker, clock: HandClock, answers: str
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    await clock.advance(100)

    async def refuses() -> None:
        broker.execution_fails.append(RequestRefused(321, "no"))

    match answers:
        case "refused":
            await refuses()
        case "refused after":
            broker.before_snapshot.append(refuses)
        case _:
            broker.is_whole = False
    assert (await rig.engine.sync_now()).ok
    assert broker.execution_fails == []
    await rig.engine.stop()
    broker.is_whole = True
    rig = await start()
    assert broker.fills_known_until == {}
    await clock.advance(100)
    await rig.engine.sync_now()
    await rig.engine.stop()
    await start()
    assert broker.fills_known_until == {ACCOUNT: clock.now()}


async def test_a_zero_row_says_nothing_of_what_is_opened_after_it(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    broker.hold(2, "5")
    rig = await start(sync_on_position_update=False, sync_on_trade=False)
    await rig.engine.sync_now()
    flat = broker.hold(1, "0", "0")
    broker.drop(1)
    broker.push(RowPushed(flat, "s1", broker.broker_now()))
    await clock.advance(30)
    broker.trade(1, Side.BOUGHT, "3", "10")
    await rig.engine.sync_now()
    assert await statuses(rig) == {1: "OPEN", 2: "OPEN"}
    await clock.advance(30)
    await rig.engine.sync_now()
    # Its row lags, or it is gone: that its contract was flat before is no evidence.
    assert await statuses(rig) == {1: "MISSING", 2: "OPEN"}
    with closing(sqlite3.connect(rig.path)) as db:
        sql = "SELECT count(*) FROM inbox WHERE kind = 'close_decided'"
        assert db.execute(sql).fetchone() == (0,)
    await verified(rig)


async def test_a_missing_position_that_is_pushed_again_is_looked_at(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    for con_id in (1, 2, 3):
        broker.hold(con_id, "100")
    rig = await start()
    await rig.engine.scheduler.start()
    await rig.engine.sync_now()
    same = broker.rows[PositionKey(ACCOUNT, 1)]
    broker.drop(1)
    await rig.engine.sync_now()
    assert (await statuses(rig))[1] == "MISSING"
    broker.hold(1, "100")
    broker.push(RowPushed(same, "s1", broker.broker_now()))
    await clock.advance(2)
    assert (await statuses(rig))[1] == "OPEN"


async def test_an_account_of_another_login_does_not_make_this_a_first_look(
    start: Start, broker: ScriptedBroker
) -> None:
    """Its day's fills are waited for when it is there."""
    broker.accounts = (ACCOUNT, OTHER)
    rig = await start(accounts=(ACCOUNT,))
    await rig.engine.sync_now()
    await rig.engine.stop()
    broker.accounts = (ACCOUNT,)
    rig = await start()
    broker.execution_fails.append(BrokerTimeout("no answer"))
    assert (await rig.engine.sync_now()).outcome is Outcome.COMMITTED


async def test_a_start_that_fails_gives_the_ledger_back(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: Ledger) -> SyncStats:
        raise LedgerError("not today")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "stats", fails)
        with pytest.raises(LedgerError, match="not today"):
            await start()
    rig = await start()
    assert not rig.engine.is_read_only


async def test_a_stop_does_not_wait_for_tws_for_long(
    start: Start, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, held, stop = await start(), asyncio.Event(), broker.stop

    async def waits() -> None:
        await held.wait()

    async def hangs_up() -> None:
        held.set()
        await stop()

    monkeypatch.setattr("possync_tui.sync.engine._STOP_PATIENCE", 0.05)
    monkeypatch.setattr(broker, "stop", hangs_up)
    broker.before_snapshot.append(waits)
    syncing = asyncio.create_task(rig.engine.sync_now())
    await settle()
    try:
        async with asyncio.timeout(5):
            await rig.engine.stop()
    finally:
        held.set()
    assert syncing.done()


async def test_the_last_marks_are_kept_for_who_looks_offline(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.mark(1, "12.5")
    await rig.engine.stop()
    with closing(sqlite3.connect(rig.path)) as db:
        assert db.execute("SELECT current_price FROM positions").fetchone() == (12.5,)


async def test_whatever_fails_at_a_stop_the_ledger_is_given_back(
    start: Start, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails() -> None:
        raise OSError("no")

    rig = await start()
    with monkeypatch.context() as broken:
        broken.setattr(broker, "stop", fails)
        await rig.engine.stop()
    assert not (await start()).engine.is_read_only
