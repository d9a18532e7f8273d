"""A TWS that is slow, or answers only now and then: each answer has a time limit of its own."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.port import BrokerUnavailable
from possync_tui.broker.session import IbkrBroker
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.observations import Side
from possync_tui.domain.runs import Outcome, SyncResult
from possync_tui.ledger.port import EntryQuery, LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy
from tests.broker.scripted import EXECUTIONS, POSITIONS, Answer, ScriptedTws, position

from .conftest import Rig, ScriptedBroker, Start, settle
from .test_sync_service import quantities

SLOW = 0.4
LIMIT = 2.0
"""Six answers take longer, and so do the two looks that a change without a fill needs."""


def late(answer: Answer) -> Answer:
    loop = asyncio.get_running_loop()
    return lambda client, request: (loop.call_later(SLOW, answer, client, request), None)[1]


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[tuple[ScriptedTws, Engine]]:
    """A TWS with two positions, of which the ledger knows, that answers late from now on."""
    tws, clock = ScriptedTws(), SystemClock()
    await tws.start()
    tws.rows = [position("100"), position("5", con_id=7, symbol="B")]

    async def opened() -> LedgerPort:
        return await open_ledger(tmp_path / "ledger.sqlite3", clock=clock)

    engine = Engine(
        broker=IbkrBroker(SessionOptions(port=tws.port)),
        open_ledger=opened,
        policy=SyncPolicy(timeout=LIMIT, grace=0.1),
        clock=clock,
    )
    await engine.start()
    await engine.connected(5)
    assert (await engine.sync_now()).ok
    for request in (POSITIONS, EXECUTIONS):
        tws.answers[request] = late(tws.answers[request])
    yield tws, engine
    await engine.stop()
    await tws.stop()


async def test_a_change_without_a_fill_counts_though_two_looks_take_long(
    slow: tuple[ScriptedTws, Engine],
) -> None:
    tws, engine = slow
    tws.rows = [position("150"), *tws.rows[1:], position("9", con_id=8, symbol="C")]
    result = await engine.sync_now()
    assert (result.outcome, result.error) == (Outcome.COMMITTED, None)
    assert result.duration_ms > LIMIT * 1000
    assert {view.con_id: view.quantity for view in await engine.reads.positions()} == {
        265598: Decimal(150),
        7: Decimal(5),
        8: Decimal(9),
    }
    assert len(tws.clients) == 1


async def begun(rig: Rig) -> "asyncio.Task[SyncResult]":
    """A sync that has had its first look, and waits for fills."""
    syncing = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(1)
    assert not syncing.done()
    return syncing


@pytest.fixture
async def rig(start: Start, broker: ScriptedBroker) -> Rig:
    broker.hold(1, "100")
    broker.hold(2, "100")
    rig = await start(grace=5, sync_on_position_update=False, sync_on_trade=False)
    await rig.engine.sync_now()
    return rig


async def test_where_there_is_no_second_look_the_next_sync_has_it(
    rig: Rig, broker: ScriptedBroker
) -> None:
    broker.hold(1, "110")
    broker.drop(2)
    syncing = await begun(rig)
    broker.fails = [BrokerUnavailable("TWS lost IBKR")]
    await rig.clock.advance(5)
    assert (await syncing).outcome is Outcome.FAILED
    assert await quantities(rig) == {1: Decimal(100), 2: Decimal(100)}
    taken = broker.snapshots
    assert (await asyncio.wait_for(rig.engine.sync_now(), 5)).ok
    assert broker.snapshots == taken + 1
    assert await quantities(rig) == {1: Decimal(110), 2: Decimal(100)}
    assert [view.status for view in await rig.engine.reads.positions()] == ["OPEN", "MISSING"]


async def test_another_change_has_its_own_time(rig: Rig, broker: ScriptedBroker) -> None:
    """The row is ahead of a fill once more: counted at once, the fill would come to an estimate."""
    broker.hold(1, "90")
    syncing = await begun(rig)
    broker.fails = [BrokerUnavailable("TWS lost IBKR")]
    await rig.clock.advance(5)
    assert (await syncing).outcome is Outcome.FAILED
    broker.hold(1, "60")
    syncing = await begun(rig)
    broker.trade(1, Side.SOLD, "40", "12")
    await rig.clock.advance(5)
    assert (await syncing).ok
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert (entry.kind, entry.quantity_closed) == ("FILL", Decimal(40))


async def test_a_change_that_went_and_came_again_has_its_own_time(
    rig: Rig, broker: ScriptedBroker
) -> None:
    broker.hold(1, "90")
    syncing = await begun(rig)
    broker.fails = [BrokerUnavailable("TWS lost IBKR")]
    await rig.clock.advance(5)
    assert (await syncing).outcome is Outcome.FAILED
    broker.hold(1, "100")
    assert (await rig.engine.sync_now()).ok
    broker.hold(1, "90")
    syncing = await begun(rig)
    await rig.clock.advance(5)
    assert (await syncing).ok
    await settle()
