"""Fills that TWS tells only after a sync that they had come before."""

from dataclasses import replace
from decimal import Decimal

from possync_tui.domain.observations import Side

from .conftest import HandClock, ScriptedBroker, Start


async def test_a_part_that_tws_tells_late_leaves_no_position(
    start: Start, broker: ScriptedBroker, clock: HandClock
) -> None:
    """Executed before the part that was synced, told after that sync."""
    broker.hold(1, "100")
    broker.hold(2, "5")
    rig = await start()
    await rig.engine.sync_now()
    await clock.advance(3600)
    early = broker.broker_now()
    await clock.advance(12)
    broker.trade(1, Side.SOLD, "40", "12")
    broker.hold(1, "60")
    await clock.advance(2)
    await rig.engine.sync_now()
    await clock.advance(20)
    broker.trade(1, Side.SOLD, "60", "12.50")
    broker.fills[-1] = replace(broker.fills[-1], time=early)
    broker.drop(1)
    result = await rig.engine.sync_now()
    assert (result.missing, result.held) == (0, 0)
    (sold,) = (v for v in await rig.engine.reads.positions(include_closed=True) if v.con_id == 1)
    # 60 x 2.50 - 1, and 40 x 2 - 1
    assert (sold.status, sold.realized_pnl) == ("CLOSED", Decimal(228))
    assert (await rig.engine.reads.verify()).ok
