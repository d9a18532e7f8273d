"""What a review proved wrong once, and has to hold since."""

import asyncio
import sqlite3
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from possync_tui.broker.port import BrokerError, Executions
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Fill, Observed, RowPushed, Side
from possync_tui.domain.runs import Outcome
from possync_tui.ledger.port import EntryQuery, LedgerWriteFailed
from possync_tui.sync.intake import Intake

from .conftest import ACCOUNT, OTHER, HandClock, ScriptedBroker, Start, settle
from .test_sync_scheduler import running, triggers
from .test_sync_service import quantities


async def test_filtered_account_stays_frozen(start: Start, broker: ScriptedBroker) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "100")
    broker.hold(1, "7", account=OTHER)
    rig = await start(accounts=(OTHER,))  # IBKR_ACCOUNTS=DU1000002
    await rig.engine.sync_now()
    assert {v.account for v in await rig.engine.reads.positions()} == {OTHER}
    await rig.engine.service.sync_positions()  # the default account 1 is filtered out
    assert {v.account for v in await rig.engine.reads.positions()} == {OTHER}


async def test_a_push_during_a_sync_back_to_the_old_row(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start)
    broker.hold(1, "100")
    await rig.clock.advance(10)
    assert await quantities(rig) == {1: Decimal(100)}
    broker.hold(1, "110")
    orig = broker.executions
    n = 0

    async def execs(timeout: float) -> Executions:
        nonlocal n
        n += 1
        if n == 2:  # after the snapshot that showed 110, the position goes back to 100
            broker.push(RowPushed(broker.hold(1, "100"), "s1", rig.clock.now()))
            await settle()
        return await orig(timeout)

    broker.executions = execs  # type: ignore[method-assign]
    await rig.engine.sync_now()
    assert n == 2
    await rig.clock.advance(20)
    assert await quantities(rig) == {1: Decimal(100)}, (await quantities(rig), await triggers(rig))


async def test_pushed_presence_restarts_the_count(start: Start, broker: ScriptedBroker) -> None:
    row = broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start(mark_missing_as_closed=True, sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    await rig.clock.advance(30)
    broker.push(RowPushed(row, "s1", rig.clock.now()))  # TWS says: 100 are there
    await settle()
    await rig.clock.advance(31)
    assert (await rig.engine.sync_now()).closed == 0


async def test_push_after_the_end_marker_is_presence(start: Start, broker: ScriptedBroker) -> None:
    row = broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start(sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.drop(1)
    orig = broker.executions
    n = 0

    async def execs(timeout: float) -> Executions:
        nonlocal n
        n += 1
        if n == 2:
            await rig.clock.advance(0.2)
            broker.push(RowPushed(row, "s1", rig.clock.now()))
            await settle()
        return await orig(timeout)

    broker.executions = execs  # type: ignore[method-assign]
    assert (await rig.engine.sync_now()).missing == 0


async def test_user_accept_after_a_pushed_presence(start: Start, broker: ScriptedBroker) -> None:
    row = broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start(sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    (hold,) = await rig.engine.reads.holds()
    broker.push(RowPushed(row, "s1", rig.clock.now()))
    broker.rows[row.key] = row
    await settle()
    await rig.engine.decide(hold.id, accept=True, note="")
    await rig.engine.sync_now()
    views = await rig.engine.reads.positions(include_closed=True)
    assert [(v.con_id, v.status) for v in views if v.con_id == 1] == [(1, "OPEN")]


async def test_bulk_by_trickle_within_a_day(start: Start, broker: ScriptedBroker) -> None:
    for con_id in range(1, 11):
        broker.hold(con_id, "100")
    rig = await start(mark_missing_as_closed=True)
    await rig.engine.sync_now()
    closed = 0
    for con_id in range(1, 10):  # one more is gone every two minutes
        broker.drop(con_id)
        closed += (await rig.engine.sync_now()).closed
        await rig.clock.advance(61)
        closed += (await rig.engine.sync_now()).closed
        await rig.clock.advance(61)
    assert closed <= 5, f"{closed} of 10 closed without evidence in 20 minutes"


async def test_a_new_position_whose_row_lags_its_fill(start: Start, broker: ScriptedBroker) -> None:
    rig = await start(grace=5.0)
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    broker.trade(1, Side.BOUGHT, "100", "10")  # the fill is known, the row lags
    t = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(6)
    await t
    broker.hold(1, "100", "10.01")
    await rig.clock.advance(60)
    t = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(6)
    await t
    await rig.clock.advance(60)
    broker.trade(1, Side.SOLD, "100", "12")
    broker.drop(1)
    await rig.engine.sync_now()
    views = await rig.engine.reads.positions(include_closed=True)
    entries = await rig.engine.reads.entries(EntryQuery())
    assert [(e.realized_pnl, e.quality) for e in entries] == [(Decimal(198), "EXACT")], [
        (e.kind, e.quantity_closed, e.realized_pnl, e.quality) for e in entries
    ]
    assert len(views) == 1


async def test_an_old_zero_push_closes_nothing_new(start: Start, broker: ScriptedBroker) -> None:
    rig = await start(sync_on_position_update=False, sync_on_trade=False)
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10")
    broker.hold(1, "100", "10.01")
    broker.hold(2, "5")
    broker.hold(3, "5")
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    broker.trade(1, Side.SOLD, "100", "12")
    zero = broker.hold(1, "0")
    broker.drop(1)
    broker.push(RowPushed(zero, "s1", rig.clock.now()))
    await settle()
    await rig.engine.sync_now()  # closed by fills; the zero row is not used up
    await rig.clock.advance(3 * 86400)
    broker.trade(1, Side.BOUGHT, "50", "11")  # three days later: re-opened; the snapshot lags
    await rig.engine.sync_now()
    views = await rig.engine.reads.positions(include_closed=True)
    assert {v.status for v in views if v.con_id == 1} & {"OPEN", "MISSING"}


async def test_repeated_reports_trigger_nothing(start: Start, broker: ScriptedBroker) -> None:
    rig, _ = await running(start)
    broker.hold(1, "100", "10.01")
    broker.trade(1, Side.BOUGHT, "100", "10")
    orig = broker.executions

    async def execs(timeout: float) -> Executions:
        got = await orig(timeout)
        # TWS sends the commission reports of an answer after its end marker
        for c in got.commissions:
            asyncio.get_running_loop().call_later(0.001, broker.push, c)
        return Executions(got.fills, ())

    broker.executions = execs  # type: ignore[method-assign]
    await rig.clock.advance(10)
    for _ in range(20):
        await settle()
    got = await triggers(rig)
    assert len(got) <= 3, f"{len(got)} syncs without any time passing"


async def test_grace_beyond_the_time_limit(start: Start, broker: ScriptedBroker) -> None:
    # POSITION_SYNC_TIMEOUT may be 1..600; grace is 5 s, here 1 and 5 in the same proportion
    broker.hold(1, "100")
    rig = await start(grace=0.5, timeout=0.1)
    await rig.engine.sync_now()
    rig.clock.sleep = asyncio.sleep  # type: ignore[assignment,method-assign]
    broker.hold(1, "60")
    result = await rig.engine.sync_now()
    assert result.ok, result.error


async def test_a_committed_sync_is_not_told_as_failed(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    rig = await start()

    async def bad(keys: frozenset[PositionKey]) -> None:
        raise RuntimeError("feed")

    broker.watch = bad  # type: ignore[method-assign]
    result = await rig.engine.sync_now()
    runs = await rig.engine.reads.runs()
    assert (result.outcome, [r.outcome for r in runs]) == (Outcome.COMMITTED, ["committed"])
    assert rig.engine.stats == await rig.engine.ledger.stats()


async def test_disarmed_during_a_sync(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start()
    await rig.engine.sync_now()
    rig.engine.arm(True)
    broker.drop(1)
    await rig.engine.sync_now()
    await rig.clock.advance(61)

    async def disarm() -> None:
        rig.engine.arm(False)

    broker.before_snapshot = [disarm]
    assert (await rig.engine.sync_now()).closed == 0


async def test_dry_run_before_a_session(start: Start, broker: ScriptedBroker) -> None:
    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    await rig.engine.stop()
    broker.starts_connected = False
    rig = await start()
    with pytest.raises(BrokerError):
        await rig.engine.dry_run()


async def test_late_cancel_in_record_keeps_book_fresh(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    svc = rig.engine.service
    fills = (broker.trade(9, Side.BOUGHT, "10", "10"), broker.trade(9, Side.SOLD, "10", "11"))
    t = asyncio.create_task(svc.record((*fills, *broker.commissions)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    t.cancel()
    with pytest.raises(asyncio.CancelledError):
        await t
    await settle()
    result = await rig.engine.sync_now()
    assert (result.created, result.closed) == (1, 1)


async def test_first_time_forever_for_filtered(start: Start, broker: ScriptedBroker) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    rig = await start(accounts=(OTHER,))
    assert (await rig.engine.sync_now()).ok

    async def fill() -> None:
        broker.trade(1, Side.BOUGHT, "1", "10", account=OTHER)

    for _ in range(4):
        broker.before_snapshot.append(fill)
    r = await rig.engine.sync_now()
    assert r.ok, r.error


async def test_stream_of_pushes_for_waiting_account(start: Start, broker: ScriptedBroker) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    broker.accounts = (ACCOUNT, OTHER)
    broker.lose()
    broker.connect()
    await rig.clock.advance(2)
    n = len(await triggers(rig))
    for q in range(1, 4):
        broker.push(RowPushed(broker.hold(1, str(q), account=OTHER), "s2", rig.clock.now()))
        await rig.clock.advance(3)
    assert len(await triggers(rig)) == n, await triggers(rig)


async def test_intake_outlives_an_unexpected_error(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    await rig.engine.sync_now()
    intake = rig.engine._intake
    assert intake is not None
    works = intake._record

    async def fails(batch: tuple[Observed, ...]) -> int:
        raise RuntimeError("bug")

    intake._record = fails
    broker.push(broker.trade(1, Side.BOUGHT, "1", "10", None))
    await settle()
    intake._record = works
    broker.push(broker.trade(1, Side.BOUGHT, "1", "10", None))
    await rig.clock.advance(30)
    with sqlite3.connect(rig.path) as db:
        stored = db.execute("SELECT count(*) FROM inbox WHERE kind = 'fill'").fetchone()
    assert stored == (2,)


class Counted(Fill):
    """A fill that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return super().__eq__(other)

    __hash__ = Fill.__hash__


async def test_a_day_of_fills_that_wait_for_the_ledger_is_kept_in_one_pass(
    broker: ScriptedBroker, clock: HandClock
) -> None:
    async def fails(_: tuple[Observed, ...]) -> int:
        raise LedgerWriteFailed("disk full")

    def nothing(_: tuple[Observed, ...]) -> None: ...

    intake = Intake(fails, nothing, clock.sleep)
    for _ in range(500):
        broker.trade(1, Side.BOUGHT, "1", "10")
    names = [field.name for field in fields(Fill)]
    day = tuple(Counted(**{name: getattr(fill, name) for name in names}) for fill in broker.fills)
    intake.keep(day)
    again = tuple(replace(fill) for fill in day)
    intake.keep(again)
    assert intake.backlog == len(day), "each once"
    assert Counted.comparisons <= 4 * len(day)


async def test_a_disk_that_stays_full_is_not_asked_every_second(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    intake = rig.engine._intake
    assert intake is not None
    works, asked = intake._record, 0

    async def fails(batch: tuple[Observed, ...]) -> int:
        nonlocal asked
        asked += 1
        raise LedgerWriteFailed("the disk is full")

    intake._record = fails
    broker.push(broker.trade(1, Side.BOUGHT, "1", "10", None))
    await rig.clock.advance(600)
    assert 600 / 60 < asked < 600 / 10
    intake._record = works
    await rig.clock.advance(15)
    assert intake.backlog == 0
    # Once it works again, the next trouble is met at once.
    asked, intake._record = 0, fails
    broker.push(broker.trade(1, Side.BOUGHT, "1", "10", None))
    await rig.clock.advance(3)
    assert asked >= 2
    # A stop does not wait for the next try: nobody moves the clock any more.
    intake._record = works
    async with asyncio.timeout(5):
        await rig.engine.stop()
    assert intake.backlog == 0


async def test_a_stop_that_was_given_up_on_goes_on(start: Start, broker: ScriptedBroker) -> None:
    rig = await start()
    held = asyncio.Event()
    broker.before_snapshot.append(held.wait)  # type: ignore[arg-type]
    syncing = asyncio.create_task(rig.engine.sync_now())
    await settle()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rig.engine.stop(), 0.05)
    held.set()
    await syncing
    await asyncio.wait_for(rig.engine.stop(), 5)


async def test_the_interval_is_kept_on_a_busy_desk(start: Start, broker: ScriptedBroker) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    for number in range(1, 40):
        broker.push(RowPushed(broker.hold(1, str(number)), "s1", rig.clock.now()))
        await rig.clock.advance(10)
    assert (await triggers(rig)).count("interval") == 2


async def test_a_decision_stands_on_the_brokers_clock(start: Start, broker: ScriptedBroker) -> None:
    broker.skew = -60.0
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    (hold,) = await rig.engine.reads.holds()
    await rig.clock.advance(100)
    await rig.engine.decide(hold.id, accept=True, note="")
    await rig.clock.advance(20)
    broker.trade(1, Side.BOUGHT, "50", "11")
    broker.hold(1, "50", "11.02")
    await rig.engine.sync_now()
    entries = await rig.engine.reads.entries(EntryQuery())
    assert [(e.kind, e.quantity_closed) for e in entries] == [("USER", Decimal(100))]
