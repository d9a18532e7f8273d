"""When syncs happen: a hand-moved clock, so that hours pass in milliseconds."""

import asyncio

import pytest

from possync_tui.broker.port import BrokerUnavailable, SnapshotRefused
from possync_tui.domain.connection import Phase
from possync_tui.domain.observations import ConnectivityLost, RowPushed, Side
from possync_tui.domain.plan import Plan
from possync_tui.domain.runs import Outcome, SyncResult, Trigger
from possync_tui.ledger.port import LedgerWriteFailed
from possync_tui.sync.events import ArmingChanged
from possync_tui.sync.service import PositionSyncService

from .conftest import ACCOUNT, OTHER, Rig, ScriptedBroker, Start, settle


async def triggers(rig: Rig) -> list[str]:
    return [run.trigger for run in reversed(await rig.engine.reads.runs())]


async def running(start: Start, **changes: object) -> tuple[Rig, "asyncio.Task[None]"]:
    rig = await start(**changes)
    loop = asyncio.create_task(rig.engine.run())
    await settle()
    return rig, loop


def lose_ibkr_at_every_snapshot(broker: ScriptedBroker) -> None:
    async def lost_and_back() -> None:
        broker.lose()
        broker.connect()

    broker.before_snapshot = [lost_and_back] * 100
    broker.fails = [SnapshotRefused("TWS regained IBKR while it was answering")] * 100
    broker.lose()
    broker.connect()


async def test_first_after_the_delay_then_every_interval(start: Start) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(9.9)
    assert await triggers(rig) == []
    await rig.clock.advance(0.2)
    assert await triggers(rig) == ["interval"]
    for _ in range(3):
        await rig.clock.advance(300)
    assert await triggers(rig) == ["interval"] * 4


async def test_next_sync_counts_down(start: Start) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    await rig.clock.advance(100)
    due = rig.engine.next_sync_at
    assert due is not None
    assert round((due - rig.clock.now()).total_seconds()) == 200


async def test_disabled_stops_periodic_and_triggered_but_never_by_hand(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start, enabled=False)
    await rig.clock.advance(1000)
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await rig.clock.advance(10)
    assert await triggers(rig) == []
    assert (await rig.engine.sync_now()).ok
    # Nor what the user decided.
    rig.engine.scheduler.decided()
    await rig.clock.advance(1)
    assert await triggers(rig) == ["manual", "review"]


async def test_what_is_told_while_it_stands_still_is_not_lost(start: Start) -> None:
    rig, _ = await running(start)
    await rig.engine.scheduler.stop()
    rig.engine.scheduler.trade_executed()
    await rig.clock.advance(1)
    assert await triggers(rig) == []
    await rig.engine.scheduler.start()
    await rig.clock.advance(1)
    assert await triggers(rig) == ["trade"]


async def test_a_disconnected_interval_is_skipped_and_the_next_one_tried(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    broker.lose()
    await rig.clock.advance(300)
    assert await triggers(rig) == ["interval"]
    broker.connect()
    await rig.clock.advance(1)
    assert await triggers(rig) == ["interval", "reconnect"]
    await rig.clock.advance(300)
    assert await triggers(rig) == ["interval", "reconnect", "interval"]


async def test_a_first_session_that_comes_late_is_synced_at_once(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.starts_connected = False
    rig, _ = await running(start)
    await rig.clock.advance(60)
    assert await triggers(rig) == []
    broker.connect()
    await rig.clock.advance(1)
    assert await triggers(rig) == ["reconnect"]


async def test_a_tws_that_loses_ibkr_at_every_snapshot_is_not_pestered(
    start: Start, broker: ScriptedBroker
) -> None:
    """The simulation saw twenty refused syncs a second (seed 54), each a row of the ledger."""
    rig, _ = await running(start)
    await rig.clock.advance(10)
    lose_ibkr_at_every_snapshot(broker)
    for _ in range(250):
        await rig.clock.advance(1)
    # At once, then after 1, 2, 4, ... 60 s.
    asked = (await triggers(rig)).count("reconnect")
    assert 7 <= asked <= 10
    broker.before_snapshot, broker.fails = [], []
    await rig.clock.advance(300)
    # After good syncs it comes at once again.
    before = len(await triggers(rig))
    broker.lose()
    broker.connect()
    await rig.clock.advance(0.5)
    assert (await triggers(rig))[before:] == ["reconnect"]


async def test_patience_has_an_end(start: Start, broker: ScriptedBroker) -> None:
    """A reconnect is verified within a minute or two, however often that failed before."""
    rig, _ = await running(start, sync_interval=86_400)
    await rig.clock.advance(10)
    lose_ibkr_at_every_snapshot(broker)
    for _ in range(200):
        await rig.clock.advance(1)
    before = (await triggers(rig)).count("reconnect")
    for _ in range(150):
        await rig.clock.advance(1)
    assert (await triggers(rig)).count("reconnect") - before in (2, 3)


async def test_the_loop_outlives_an_error_that_nobody_expects(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig, loop = await running(start)
    request = PositionSyncService.request
    failed: list[Trigger] = []

    async def request_or_fail(
        service: PositionSyncService, trigger: Trigger, account_id: int | None = None
    ) -> SyncResult:
        if not failed:
            failed.append(trigger)
            raise RuntimeError("a fault of ours")
        return await request(service, trigger, account_id)

    monkeypatch.setattr(PositionSyncService, "request", request_or_fail)
    await rig.clock.advance(10)
    assert failed == [Trigger.INTERVAL]
    assert await triggers(rig) == []
    assert "a fault of ours" in caplog.text
    await rig.clock.advance(5)
    assert await triggers(rig) == ["interval"]
    assert not loop.done()


async def test_a_trade_is_followed_by_a_sync_at_once(start: Start, broker: ScriptedBroker) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    broker.hold(1, "100", "10.01")
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await rig.clock.advance(0.01)
    assert await triggers(rig) == ["interval", "trade"]


def fail_at_commits(rig: Rig, times: int) -> None:
    """The next commits find no room on the disk."""
    ledger, left = rig.engine.ledger, times
    commit = ledger.commit

    async def commit_or_fail(plan: Plan, result: SyncResult) -> SyncResult:
        nonlocal left
        left -= 1
        if left >= 0:
            raise LedgerWriteFailed("the disk is full")
        return await commit(plan, result)

    ledger.commit = commit_or_fail  # type: ignore[method-assign]


async def test_a_trade_whose_sync_fails_is_tried_again_and_not_lost(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig, _ = await running(start, sync_interval=604_800)
    await rig.clock.advance(10)
    fail_at_commits(rig, 3)
    sold = broker.trade(1, Side.SOLD, "100", "12")
    broker.drop(1)
    broker.push(sold)
    await rig.clock.advance(0.5)
    assert await triggers(rig) == ["interval", "trade"]
    # After 1, 2 and 4 s; then the position is closed, and nothing is left to try.
    await rig.clock.advance(7)
    assert await triggers(rig) == ["interval"] + ["trade"] * 4
    assert await rig.engine.reads.positions() == []
    await rig.clock.advance(3600)
    assert await triggers(rig) == ["interval"] + ["trade"] * 4


async def test_a_disk_that_stays_full_is_tried_once_a_minute(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start, sync_interval=604_800)
    await rig.clock.advance(10)
    fail_at_commits(rig, 1000)
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await rig.clock.advance(600)
    # At once, after 1, 2, 4, 8, 16 and 32 s, and then each minute.
    assert len(await triggers(rig)) == 1 + 7 + 8


async def test_only_the_account_whose_sync_failed_is_tried_again_unless_others_ask(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    rig, _ = await running(start, sync_interval=604_800, sync_on_trade=True)
    await rig.clock.advance(10)
    for account in (ACCOUNT, OTHER):
        broker.hold(1, "100", account=account)
    fail_at_commits(rig, 2)
    rig.engine.scheduler.trade_executed(2)
    await rig.clock.advance(5)
    assert [view.account for view in await rig.engine.reads.positions()] == [OTHER]
    # One that comes while another waits for its second try takes that one along.
    for account in (ACCOUNT, OTHER):
        broker.hold(2, "100", account=account)
    fail_at_commits(rig, 1)
    rig.engine.scheduler.trade_executed(1)
    await rig.clock.advance(0.5)
    rig.engine.scheduler.trade_executed(2)
    await rig.clock.advance(0.1)
    assert len(await rig.engine.reads.positions()) == 4
    before = await triggers(rig)
    await rig.clock.advance(3600)
    assert await triggers(rig) == before


async def test_a_decision_whose_sync_is_refused_is_tried_again(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start, enabled=False)
    broker.fails = [SnapshotRefused("a row could not be read")]
    rig.engine.scheduler.decided()
    await rig.clock.advance(0.1)
    assert await triggers(rig) == ["review"]
    await rig.clock.advance(2)
    assert await triggers(rig) == ["review", "review"]


async def test_a_sync_that_the_loss_of_the_session_ended_is_made_up_for_once(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)

    async def lost() -> None:
        broker.lose()

    broker.before_snapshot = [lost]
    broker.fails = [BrokerUnavailable("TWS closed the connection")]
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await rig.clock.advance(20)
    assert await triggers(rig) == ["interval", "trade"]
    broker.connect()
    await rig.clock.advance(5)
    assert await triggers(rig) == ["interval", "trade", "reconnect"]
    # A session that is there again before the next try leaves one sync to do, too.
    broker.before_snapshot = [lost]
    broker.fails = [BrokerUnavailable("TWS closed the connection")]
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await rig.clock.advance(0.5)
    broker.connect()
    await rig.clock.advance(20)
    assert (await triggers(rig))[3:] == ["trade", "reconnect"]


async def test_what_only_the_user_can_mend_is_not_tried_again(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start, sync_interval=604_800, accounts=(OTHER,))
    await rig.clock.advance(10)
    assert [run.outcome for run in await rig.engine.reads.runs()] == ["failed"]
    await rig.clock.advance(3600)
    assert await triggers(rig) == ["interval"]


async def test_one_by_hand_that_fails_is_not_tried_again(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start, sync_interval=604_800)
    await rig.clock.advance(10)
    fail_at_commits(rig, 1)
    assert (await rig.engine.sync_now()).outcome is Outcome.FAILED
    await rig.clock.advance(3600)
    assert await triggers(rig) == ["interval", "manual"]


async def test_sync_on_trade_can_be_off(start: Start, broker: ScriptedBroker) -> None:
    rig, _ = await running(start, sync_on_trade=False)
    await rig.clock.advance(10)
    broker.push(broker.trade(1, Side.BOUGHT, "100", "10"))
    await rig.clock.advance(5)
    assert await triggers(rig) == ["interval"]


async def test_pushed_changes_are_debounced_and_the_last_is_not_lost(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    for quantity in ("10", "20", "30"):
        broker.push(RowPushed(broker.hold(1, quantity), "s1", rig.clock.now()))
        await rig.clock.advance(0.5)
    assert await triggers(rig) == ["interval"]
    await rig.clock.advance(1)
    assert await triggers(rig) == ["interval", "position"]
    (view,) = await rig.engine.reads.positions()
    assert view.quantity == 30


async def test_a_stream_of_pushes_does_not_put_the_sync_off_for_ever(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    for quantity in range(1, 15):
        broker.push(RowPushed(broker.hold(1, str(quantity)), "s1", rig.clock.now()))
        await rig.clock.advance(0.5)
    assert "position" in await triggers(rig)


async def test_a_push_that_says_nothing_new_asks_for_nothing(
    start: Start, broker: ScriptedBroker
) -> None:
    row = broker.hold(1, "100")
    rig, _ = await running(start)
    await rig.clock.advance(10)
    broker.push(RowPushed(row, "s1", rig.clock.now()))
    await rig.clock.advance(5)
    assert await triggers(rig) == ["interval"]


async def test_a_push_during_a_sync_is_answered_by_another(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, _ = await running(start)
    held = asyncio.Event()
    broker.before_snapshot.append(held.wait)  # type: ignore[arg-type]
    await rig.clock.advance(10)
    broker.push(RowPushed(broker.hold(1, "100"), "s1", rig.clock.now()))
    await rig.clock.advance(2)
    held.set()
    await rig.clock.advance(2)
    assert await triggers(rig) == ["interval", "position"]


async def test_stopping_waits_for_the_commit_in_flight(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    rig, loop = await running(start)
    held = asyncio.Event()
    broker.before_snapshot.append(held.wait)  # type: ignore[arg-type]
    syncing = asyncio.create_task(rig.engine.sync_now())
    await settle()
    stopping = asyncio.create_task(rig.engine.stop())
    await settle()
    assert not stopping.done()
    held.set()
    await asyncio.wait_for(stopping, 5)
    assert (await syncing).created == 1
    await asyncio.wait_for(loop, 5)


async def test_trade_executed_never_raises(start: Start) -> None:
    rig = await start()
    rig.engine.scheduler.trade_executed(account_id=1)
    await rig.engine.stop()
    rig.engine.scheduler.trade_executed(account_id=12345)


async def test_the_status_object_is_the_contract(start: Start) -> None:
    rig, _ = await running(start)
    await rig.clock.advance(10)
    status = rig.engine.scheduler.get_status()["position_sync"]
    assert status["enabled"] is True
    assert status["sync_interval"] == 300
    stats = status["stats"]
    assert (stats["total_syncs"], stats["successful_syncs"], stats["failed_syncs"]) == (1, 1, 0)
    assert stats["last_sync_time"] == "2026-03-02T14:30:10+00:00"


async def test_counters_go_on_after_a_restart(start: Start) -> None:
    rig = await start()
    await rig.engine.sync_now()
    await rig.engine.stop()
    again = await start()
    await again.engine.sync_now()
    assert again.engine.stats.total_syncs == 2


async def test_armed_by_key_disarms_after_an_hour(start: Start) -> None:
    rig = await start()
    seen = [rig.engine.arm(True).armed]
    for seconds in (3599, 1):
        await rig.clock.advance(seconds)
        seen.append(rig.engine.arming.armed)
    assert seen == [True, True, False]
    changes = [e.arming.armed for e in rig.events if isinstance(e, ArmingChanged)]
    assert changes == [True, False]


async def test_the_timer_of_what_is_armed_ends_with_the_program(start: Start) -> None:
    rig = await start()
    rig.engine.arm(True)
    await settle()
    await rig.engine.stop()
    await settle()
    assert "disarm" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_armed_by_key_does_not_survive_the_session(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await start()
    rig.engine.arm(True)
    broker.lose()
    assert not rig.engine.arming.armed


async def test_armed_without_a_session_it_waits_for_one(
    start: Start, broker: ScriptedBroker
) -> None:
    """A try that fails loses no session; the session that comes of one does disarm as it goes."""
    rig = await start()
    broker.lose()
    rig.engine.arm(True)
    tries = (Phase.CONNECTING, Phase.RECONNECTING, Phase.DISCONNECTED, Phase.CONNECTING)
    seen = []
    for phase in (*tries, Phase.CONNECTED, Phase.STALE):
        broker.show(phase)
        seen.append(rig.engine.arming.armed)
    assert seen == [True, True, True, True, True, False]
    # Armed while TWS has lost IBKR, it does not outlive the session that still stands either.
    rig.engine.arm(True)
    broker.lose()
    assert not rig.engine.arming.armed


async def test_armed_without_a_session_nothing_closes_before_snapshots_say_so(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start()
    await rig.engine.sync_now()
    broker.drop(1)
    broker.lose()
    rig.engine.arm(True)
    assert (await rig.engine.sync_now()).outcome is Outcome.SKIPPED
    statuses = [p.status for p in await rig.engine.reads.positions()]
    assert statuses == ["OPEN", "OPEN"]
    broker.connect()
    assert (await rig.engine.sync_now()).closed == 0
    await rig.clock.advance(61)
    assert rig.engine.arming.armed
    assert (await rig.engine.sync_now()).closed == 1


async def test_armed_by_settings_stays(start: Start, broker: ScriptedBroker) -> None:
    rig = await start(mark_missing_as_closed=True)
    broker.lose()
    broker.connect()
    await rig.clock.advance(7200)
    assert rig.engine.arming.armed


async def test_arming_is_journaled(start: Start) -> None:
    rig = await start()
    rig.engine.arm(True)
    await settle()
    journal = await rig.engine.reads.journal()
    assert any("armed by key" in line.text for line in journal)


async def test_a_connectivity_loss_starts_the_count_again(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start(mark_missing_as_closed=True)
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    await rig.clock.advance(61)
    broker.push(ConnectivityLost(1100, rig.clock.now(), "s1"))
    await settle()
    assert (await rig.engine.sync_now()).closed == 0
    await rig.clock.advance(61)
    assert (await rig.engine.sync_now()).closed == 1


async def test_accounts_are_numbered_in_the_gateways_order(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.accounts = ("DU1000009", ACCOUNT)
    rig = await start()
    await rig.engine.sync_now()
    views = await rig.engine.reads.accounts()
    assert [(v.id, v.code) for v in views] == [(1, "DU1000009"), (2, ACCOUNT)]
