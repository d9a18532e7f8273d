"""Guards that nothing else would miss: each test here fails when its guard is taken out."""

import asyncio
import threading
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from possync_tui.broker.port import Executions
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Observed, RowPushed, Side
from possync_tui.domain.plan import Plan
from possync_tui.domain.planning import Draft, make_plan
from possync_tui.domain.runs import Outcome, SyncResult
from possync_tui.sync import aside, service

from .conftest import ScriptedBroker, Start, settle
from .test_sync_service import quantities


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


async def test_a_dry_run_ends_in_time(start: Start, broker: ScriptedBroker) -> None:
    rig = await start(timeout=0.2)

    async def silent(timeout: float) -> Executions:
        await asyncio.Event().wait()
        raise AssertionError("nobody answers")

    broker.executions = silent  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await rig.engine.dry_run()


async def test_nothing_is_recorded_between_a_history_and_its_commit(
    start: Start, broker: ScriptedBroker
) -> None:
    """The commit would declare it taken up, though the plan has not seen it."""
    broker.hold(1, "100")
    rig = await start(sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.hold(1, "110")
    ledger, order = rig.engine.ledger, list[str]()
    lives, commit, record = ledger.stored_lives, ledger.commit, ledger.record

    async def read_slowly(keys: Iterable[PositionKey]) -> object:
        order.append("read")
        broker.push(RowPushed(broker.hold(1, "120"), "s1", rig.clock.now()))
        await settle()
        return await lives(keys)

    async def committed(plan: Plan, result: SyncResult) -> SyncResult:
        order.append("commit")
        return await commit(plan, result)

    async def recorded(observations: tuple[Observed, ...]) -> int:
        order.append(f"record {len(observations)}")
        return await record(observations)

    ledger.stored_lives = read_slowly  # type: ignore[method-assign, assignment]
    ledger.commit = committed  # type: ignore[method-assign]
    ledger.record = recorded  # type: ignore[method-assign, assignment]
    await rig.engine.sync_now()
    await settle()
    assert order[:3] == ["read", "commit", "record 1"]


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

    monkeypatch.setattr(service, "make_plan", planning)
    row = broker.hold(1, "100")
    mark = Mark(row.key, broker.clock.now(), "portfolio", "s1", Decimal(12))
    broker.marks_now = {row.key: mark}
    rig = await start()
    assert (await rig.engine.sync_now()).ok
    assert seen == [(False, {row.key: mark})]
