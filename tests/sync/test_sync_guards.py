"""Guards that nothing else would miss: each test here fails when its guard is taken out."""

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from possync_tui.broker.port import BrokerTimeout, Executions, RequestRefused
from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Anchor, Observed, RowPushed, Side
from possync_tui.domain.plan import Footing, KnownPosition, Plan, PutLife
from possync_tui.domain.planning import Draft, make_plan
from possync_tui.domain.runs import Failure, Outcome, SyncResult
from possync_tui.ledger.port import EntryQuery, LedgerPort, LedgerWriteFailed
from possync_tui.ledger.store import open_ledger
from possync_tui.sync import aside, drafting, service
from possync_tui.sync.engine import Engine
from possync_tui.sync.events import LedgerChanged, LogLine, SyncEvent
from possync_tui.sync.following import BACK, GONE, LOOK_AGAIN
from possync_tui.sync.look import MOST_LOOKS

from .conftest import ACCOUNT, OTHER, HandClock, Rig, ScriptedBroker, Start, settle
from .test_sync_service import quantities

_LAST_KINDS = "SELECT kind FROM inbox ORDER BY seq DESC LIMIT 2"


def reader_of(rig: Rig) -> Engine:
    """Another instance on the ledger, which finds it open to write elsewhere."""

    async def opened() -> LedgerPort:
        return await open_ledger(rig.path, clock=rig.clock, fallback_read_only=True)

    return Engine(broker=rig.broker, open_ledger=opened, policy=rig.policy, clock=rig.clock)


async def test_armed_by_key_ends_with_the_hour_though_its_timer_is_late(start: Start) -> None:
    rig = await start()
    assert rig.engine.arm(True).armed
    rig.clock._move_to(rig.clock.monotonic() + 3600)
    assert not rig.engine.arming.armed


async def test_a_first_look_at_fills_that_never_stop_is_refused(
    start: Start, broker: ScriptedBroker
) -> None:
    """What was held before would be the snapshot less a part of the fills: a made-up position."""
    broker.hold(1, "100")
    rig = await start()

    async def trading(timeout: float) -> Executions:
        broker.fills.append(broker.trade(1, Side.BOUGHT, "1", "10", None))
        return Executions(tuple(broker.fills), ())

    usual = broker.executions
    broker.executions = trading  # type: ignore[method-assign]
    result = await rig.engine.sync_now()
    assert result.outcome is Outcome.REFUSED
    assert await quantities(rig) == {}
    broker.executions = usual  # type: ignore[method-assign]
    assert (await rig.engine.sync_now()).ok
    assert await quantities(rig) == {1: Decimal(100)}


@pytest.mark.parametrize("trouble", ["trades", "is silent", "refuses"])
async def test_an_account_seen_first_waits_and_keeps_no_other_from_the_ledger(
    start: Start, broker: ScriptedBroker, trouble: str
) -> None:
    """The snapshot less half of the day's fills would be a made-up position: of that one alone."""
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "100")
    broker.hold(1, "30", account=OTHER)
    rig = await start(sync_on_trade=False)
    assert (await rig.engine.service.sync_positions(1)).ok
    usual = broker.executions
    broker.push(broker.trade(1, Side.BOUGHT, "1", "10", account=OTHER))
    await settle()

    async def troubled(timeout: float) -> Executions:
        if trouble == "is silent":
            raise BrokerTimeout("no answer")
        if trouble == "refuses":
            raise RequestRefused(0, "not now")
        broker.trade(1, Side.BOUGHT, "1", "10", account=OTHER)
        return await usual(timeout)

    broker.executions = troubled  # type: ignore[method-assign]
    broker.hold(2, "7")
    assert (await rig.engine.sync_now()).ok
    views = await rig.engine.reads.positions()
    assert {(view.account, view.con_id, view.quantity) for view in views} == {
        (ACCOUNT, 1, Decimal(100)),
        (ACCOUNT, 2, Decimal(7)),
    }
    (told,) = [e for e in rig.events if isinstance(e, LogLine) and e.kind == "first look"]
    assert OTHER in told.text
    alone = await rig.engine.service.sync_positions(2)
    assert (alone.outcome, alone.failure) == (Outcome.REFUSED, Failure.SNAPSHOT)
    both = await asyncio.gather(
        rig.engine.service.sync_positions(1), rig.engine.service.sync_positions(2)
    )
    assert [result.outcome for result in both] == [Outcome.COMMITTED, Outcome.REFUSED]
    broker.executions = usual  # type: ignore[method-assign]
    assert (await rig.engine.service.sync_positions(2)).ok
    assert (OTHER, 1, Decimal(30)) in {
        (view.account, view.con_id, view.quantity) for view in await rig.engine.reads.positions()
    }
    assert (await rig.engine.reads.verify()).ok


async def test_what_trades_elsewhere_does_not_keep_an_account_from_its_first_look(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    broker.hold(1, "100")
    broker.hold(1, "30", account=OTHER)
    rig = await start(sync_on_trade=False)
    assert (await rig.engine.service.sync_positions(1)).ok
    usual = broker.executions

    async def trading(timeout: float) -> Executions:
        broker.trade(1, Side.BOUGHT, "1", "10")
        return await usual(timeout)

    broker.executions = trading  # type: ignore[method-assign]
    assert (await rig.engine.sync_now()).ok
    views = await rig.engine.reads.positions()
    assert {(v.account, v.quantity) for v in views} == {
        (ACCOUNT, Decimal(100)),
        (OTHER, Decimal(30)),
    }


async def test_nothing_is_decided_about_what_trades_during_every_look(
    start: Start, broker: ScriptedBroker
) -> None:
    """Its row and its fills are of different moments: the difference would be a made-up trade."""
    broker.hold(1, "100")
    broker.hold(3, "50")
    rig = await start(sync_on_trade=False)
    await rig.engine.sync_now()
    usual, asked = broker.executions, 0

    async def trading(timeout: float) -> Executions:
        nonlocal asked
        asked += 1
        broker.trade(1, Side.BOUGHT, "10", "11")
        broker.trade(3, Side.SOLD, "1", "9")
        return await usual(timeout)

    broker.executions = trading  # type: ignore[method-assign]
    broker.hold(2, "7")
    broker.drop(3)
    assert (await rig.engine.sync_now()).ok
    assert asked > MOST_LOOKS
    assert await quantities(rig) == {1: Decimal(100), 2: Decimal(7), 3: Decimal(50)}
    views = await rig.engine.reads.positions()
    assert {view.status for view in views} == {"OPEN"}
    assert (await rig.engine.reads.verify()).problems == ()
    with closing(sqlite3.connect(rig.path)) as ledger_file:
        decided = ledger_file.execute("SELECT con_id FROM inbox WHERE kind <> 'commission'")
        assert [con_id for (con_id,) in decided][-1] == 2
    broker.executions = usual  # type: ignore[method-assign]
    now = {1: Decimal(100 + 10 * asked), 3: Decimal(50 - asked)}
    for con_id, quantity in now.items():
        broker.hold(con_id, str(quantity), "10.2")
    assert (await rig.engine.sync_now()).ok
    assert await quantities(rig) == {**now, 2: Decimal(7)}
    kinds = {entry.kind for entry in await rig.engine.reads.entries(EntryQuery())}
    assert kinds == {"FILL"}


async def test_a_change_that_no_fill_ever_explains_counts_at_the_second_look(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start(grace=5, sync_on_position_update=False)
    broker.hold(1, "100")
    await rig.clock.advance(0)
    first = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(6)
    assert first.done()
    broker.hold(1, "110")
    taken = broker.snapshots
    second = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(4)
    assert not second.done()
    await rig.clock.advance(2)
    assert second.done()
    assert second.result().ok
    assert broker.snapshots == taken + 2
    assert await quantities(rig) == {1: Decimal(110)}


async def test_a_caller_that_gives_up_takes_no_other_along(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    impatient, patient = (asyncio.create_task(rig.engine.sync_now()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).ok
    assert impatient.cancelled()
    assert (await rig.engine.sync_now()).ok


async def test_who_waits_for_a_sync_that_the_end_of_the_loop_cuts_short_is_told(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()

    async def for_ever() -> None:
        await asyncio.Event().wait()

    broker.before_snapshot = [for_ever]
    waiting = asyncio.create_task(rig.engine.sync_now())
    await settle()
    flight = rig.engine.service._flight
    assert flight is not None
    flight.cancel()
    done, _ = await asyncio.wait([waiting], timeout=5)
    assert done == {waiting}
    assert waiting.cancelled()


async def test_a_second_instance_syncs_nothing_and_says_why(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    other = reader_of(rig)
    await other.start()
    try:
        result = await other.sync_now()
    finally:
        await other.stop()
    assert (result.outcome, result.failure) == (Outcome.SKIPPED, Failure.LEDGER)
    assert "another instance" in str(result.error)


async def test_a_second_instance_notices_that_the_first_one_ends_and_that_another_starts(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    rig = await start()
    other = reader_of(rig)
    told: list[str] = []
    other.bus.subscribe(lambda event: told.append(getattr(event, "text", "")))
    await other.start()

    async def look(times: int) -> bool:
        for _ in range(times):
            await clock.advance(LOOK_AGAIN)
            await asyncio.sleep(0.05)
        return other.has_writer

    try:
        assert await look(3)
        await rig.engine.stop()
        assert not await look(5)
        assert told.count(GONE) == 1
        third = await open_ledger(rig.path, clock=clock)
        assert await look(5)
        assert told.count(BACK) == 1
        await third.close()
        assert not await look(5)
        assert told.count(GONE) == 2
    finally:
        await other.stop()


async def test_a_second_instance_follows_what_the_first_one_writes(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    """Counters, positions and what the ledger is bound to: all that stands in the file."""
    rig = await start()
    other = reader_of(rig)
    told: list[SyncEvent] = []
    other.bus.subscribe(told.append)
    await other.start()
    try:
        for total in (1, 2):
            broker.hold(total, "100")
            assert (await rig.engine.sync_now()).ok
            told.clear()
            for _ in range(100):
                await clock.advance(LOOK_AGAIN)
                await asyncio.sleep(0.01)
                if other.stats.total_syncs == total and LedgerChanged() in told:
                    break
            assert other.stats == rig.engine.stats
            assert len(await other.reads.positions()) == total
            assert LedgerChanged() in told
            assert other.environment is Environment.PAPER
        # Nothing is written: nothing is told, and nothing is read again.
        await asyncio.sleep(0.05)
        told.clear()
        for _ in range(5):
            await clock.advance(LOOK_AGAIN)
            await asyncio.sleep(0.01)
        assert LedgerChanged() not in told
    finally:
        await other.stop()


async def test_after_a_commit_that_may_have_been_written_the_book_is_read_again(
    start: Start, broker: ScriptedBroker
) -> None:
    """An I/O error can come when all is on the disk."""
    rig = await start()
    await rig.engine.sync_now()
    row, ledger = broker.hold(1, "100"), rig.engine.ledger
    commit = ledger.commit

    async def written_but_not_said_so(plan: Plan, result: SyncResult) -> SyncResult:
        await commit(plan, result)
        ledger.commit = commit  # type: ignore[method-assign]
        raise LedgerWriteFailed("disk I/O error")

    ledger.commit = written_but_not_said_so  # type: ignore[method-assign]
    assert (await rig.engine.sync_now()).failure is Failure.LEDGER
    assert row.key in (await rig.engine.service.book()).positions


async def test_a_dry_run_ends_in_time(start: Start, broker: ScriptedBroker) -> None:
    rig = await start(timeout=0.2)

    async def silent(timeout: float) -> Executions:
        await asyncio.Event().wait()
        raise AssertionError("nobody answers")

    broker.executions = silent  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        with pytest.raises(BrokerTimeout):
            await rig.engine.dry_run()


async def test_what_is_pushed_while_a_plan_is_made_is_on_disk_before_its_commit(
    start: Start, broker: ScriptedBroker
) -> None:
    """A kill in the middle of a long plan loses no fill; the next plan takes it up, not this."""
    broker.hold(1, "100")
    rig = await start(sync_on_trade=False, sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.hold(1, "110")
    ledger = rig.engine.ledger
    ground, on_disk = ledger.ground, list[list[object]]()

    async def read_slowly(keys: Iterable[PositionKey], *, whole: bool = False) -> object:
        found = await ground(keys, whole=whole)
        if not on_disk:
            broker.push(broker.trade(1, Side.BOUGHT, "20", "10"))
            broker.push(RowPushed(broker.hold(1, "130"), "s1", rig.clock.now()))
            await settle()
            with closing(sqlite3.connect(rig.path)) as as_a_kill_would_leave_it:
                on_disk.append(as_a_kill_would_leave_it.execute(_LAST_KINDS).fetchall())
        return found

    ledger.ground = read_slowly  # type: ignore[method-assign, assignment]
    await rig.engine.sync_now()
    assert on_disk == [[("row_pushed",), ("fill",)]]
    assert await quantities(rig) == {1: Decimal(110)}
    assert (await rig.engine.reads.verify()).problems == ()
    await rig.engine.sync_now()
    assert await quantities(rig) == {1: Decimal(130)}
    assert (await rig.engine.reads.verify()).problems == ()
    assert [lot.quantity for lot in await rig.engine.reads.lots()] == [Decimal(130)]


async def test_a_look_that_runs_out_of_time_while_its_fills_are_stored_keeps_them(
    start: Start, broker: ScriptedBroker
) -> None:
    """After midnight TWS does not send them again."""
    rig = await start(timeout=0.2)
    await rig.engine.sync_now()
    ledger = rig.engine.ledger
    record = ledger.record

    async def stuck(observations: Sequence[Observed]) -> int:
        ledger.record = record  # type: ignore[method-assign]
        await asyncio.Event().wait()
        raise LedgerWriteFailed("the disk is full")

    ledger.record = stuck  # type: ignore[method-assign]
    broker.trade(1, Side.BOUGHT, "20", "10")
    assert (await rig.engine.sync_now()).outcome is Outcome.FAILED
    broker.fills.clear()
    await settle()
    with closing(sqlite3.connect(rig.path)) as ledger_file:
        assert ledger_file.execute(_LAST_KINDS).fetchall() == [("commission",), ("fill",)]


async def test_a_large_plan_is_made_beside_the_loop_of_the_live_values_as_they_were(
    start: Start, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "MANY", 0)
    seen: list[tuple[bool, dict[PositionKey, Mark]]] = []

    def planning(*given: Any, marks: dict[PositionKey, Mark], **more: Any) -> Draft:  # noqa: ANN401
        # On the loop, values move on while a thread plans.
        broker.marks_now.clear()
        seen.append((threading.current_thread() is threading.main_thread(), dict(marks)))
        return make_plan(*given, marks=marks, **more)

    monkeypatch.setattr(drafting, "make_plan", planning)
    row = broker.hold(1, "100")
    mark = Mark(row.key, broker.clock.now(), "portfolio", "s1", Decimal(12))
    broker.marks_now = {row.key: mark}
    rig = await start()
    assert (await rig.engine.sync_now()).ok
    assert seen == [(False, {row.key: mark})]


async def test_what_is_over_is_freed_beside_the_loop_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aside, "MANY", 3)
    freed: list[tuple[bool, int]] = []

    class Thing:
        def __del__(self) -> None:
            on_loop = threading.current_thread() is threading.main_thread()
            freed.append((on_loop, len(things)))

    things: list[object] = [Thing() for _ in range(3)]
    await aside.let_go(things)
    assert freed == [(False, 2), (False, 1), (False, 0)]


async def test_of_a_plan_that_is_over_nothing_else_holds_the_parts(
    start: Start, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    over: list[object] = []
    # Of other tests, alive so that no new one is taken for one of them.
    others = [one for one in gc.get_objects() if isinstance(one, Plan)]

    async def noted(things: list[object]) -> None:
        over.extend(type(thing) for thing in things)
        # Freed with its tuple, in one go, if anything still held that.
        plans = [one for one in gc.get_objects() if isinstance(one, Plan) and one.changes]
        over.extend(one for one in plans if all(one is not other for other in others))

    broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    monkeypatch.setattr(service, "let_go", noted)
    broker.hold(1, "101")
    assert (await rig.engine.sync_now()).ok
    assert over == [PutLife, Anchor, Footing, KnownPosition]
    over.clear()
    assert (await rig.engine.sync_now()).ok
    assert over == []
