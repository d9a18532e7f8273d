"""What the simulation found, each as the shortest story that shows it."""

import sqlite3
from decimal import Decimal

from possync_tui.broker.port import RequestRefused
from possync_tui.domain.observations import RowPushed, Side
from possync_tui.domain.runs import Outcome
from possync_tui.ledger.port import EntryQuery

from .conftest import Rig, ScriptedBroker, Start, settle


async def statuses(rig: Rig) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for view in await rig.engine.reads.positions(include_closed=True):
        found.setdefault(view.con_id, []).append(view.status)
    return found


async def test_a_flat_position_that_fills_open_and_nobody_shows_is_missing(
    start: Start, broker: ScriptedBroker
) -> None:
    """It was flat, and so absent, before: that says nothing of the life that fills begin."""
    broker.trade(1, Side.BOUGHT, "10", "100")
    broker.trade(1, Side.SOLD, "10", "101")
    rig = await start()
    await rig.engine.sync_now()
    assert await statuses(rig) == {1: ["CLOSED"]}
    await rig.clock.advance(100)
    broker.trade(1, Side.BOUGHT, "7", "100")
    await rig.clock.advance(100)
    await rig.engine.sync_now()
    assert sorted((await statuses(rig))[1]) == ["CLOSED", "MISSING"]
    assert (await rig.engine.reads.verify()).problems == ()


async def test_a_zero_row_behind_a_fill_closes_what_the_fill_opened(
    start: Start, broker: ScriptedBroker
) -> None:
    """The closing fill is never seen; the order of arrival says that the zero is the later one."""
    rig = await start(sync_on_trade=False, sync_on_position_update=False)
    await rig.engine.sync_now()
    row = broker.hold(1, "-33")
    broker.push(RowPushed(row, "s1", broker.broker_now()))
    broker.push(broker.trade(1, Side.SOLD, "33", "136.58"))
    await settle()
    zero = broker.hold(1, "0", "0")
    broker.push(RowPushed(zero, "s1", broker.broker_now()))
    broker.drop(1)
    await settle()
    await rig.engine.sync_now()
    await rig.clock.advance(100)
    await rig.engine.sync_now()
    assert await statuses(rig) == {1: ["CLOSED"]}


async def test_a_pushed_row_after_an_absence_is_no_damage(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(2, "1")
    row = broker.hold(1, "10")
    rig = await start(sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    broker.push(RowPushed(row, "s1", broker.broker_now()))
    await settle()
    assert (await rig.engine.reads.verify()).problems == ()


async def test_fills_of_an_answer_wait_until_the_ledger_takes_them(
    start: Start, broker: ScriptedBroker
) -> None:
    """TWS sends fills of one day: asked for after midnight they do not come again."""
    rig = await start(sync_on_trade=False)
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "10", "100")
    broker.hold(1, "10", "100.1")
    other = sqlite3.connect(rig.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        assert not (await rig.engine.sync_now()).ok
    other.close()
    broker.fills.clear()
    broker.commissions.clear()
    await rig.clock.advance(5)
    await rig.engine.sync_now()
    (lot,) = await rig.engine.reads.lots()
    assert (lot.quantity, lot.is_seeded) == (Decimal(10), False)


async def test_a_first_snapshot_with_half_of_the_days_fills_is_refused(
    start: Start, broker: ScriptedBroker
) -> None:
    """One fill was pushed, the other is in the answer that TWS refuses: no unit was held before."""
    sold = broker.trade(1, Side.SOLD, "250", "342.01")
    broker.trade(1, Side.BOUGHT, "1", "355.82")
    broker.hold(1, "-249")
    rig = await start(sync_on_trade=False)
    broker.push(sold)
    await settle()
    broker.execution_fails.append(RequestRefused(321, "refused"))
    result = await rig.engine.sync_now()
    assert result.outcome is Outcome.REFUSED
    assert "fills" in str(result.error)
    assert await statuses(rig) == {}
    assert (await rig.engine.sync_now()).ok
    assert await statuses(rig) == {1: ["OPEN"]}
    entries = await rig.engine.reads.entries(EntryQuery())
    assert {(entry.quantity_closed, entry.quality) for entry in entries} == {(Decimal(1), "EXACT")}


async def test_a_first_snapshot_goes_without_fills_where_none_of_that_day_is_known(
    start: Start, broker: ScriptedBroker
) -> None:
    """A TWS that never sends fills does not keep the ledger from beginning."""
    broker.trade(1, Side.SOLD, "250", "342.01")
    broker.hold(1, "-250")
    rig = await start(sync_on_trade=False)
    broker.push(broker.fills[0])
    await settle()
    broker.execution_fails += [RequestRefused(321, "refused"), RequestRefused(321, "refused")]
    assert (await rig.engine.sync_now()).outcome is Outcome.REFUSED
    rig.clock._move_to(rig.clock.monotonic() + 86_401)
    assert (await rig.engine.sync_now()).ok
    assert await statuses(rig) == {1: ["OPEN"]}
