"""Positions that were taken for gone, and come back as they were."""

from decimal import Decimal

import pytest

from possync_tui.domain.observations import Side
from possync_tui.ledger.port import EntryQuery

from .conftest import Rig, ScriptedBroker, Start

Entries = list[tuple[str, Decimal | None]]


async def standing(rig: Rig) -> Entries:
    """What was realized, reversals and what they reverse left out."""
    found = await rig.engine.reads.entries(EntryQuery())
    reversed_ids = {entry.supersedes_id for entry in found if entry.kind == "REVERSAL"}
    return [
        (entry.kind, entry.realized_pnl)
        for entry in reversed(found)
        if entry.kind != "REVERSAL" and entry.id not in reversed_ids
    ]


async def gone(start: Start, broker: ScriptedBroker, by: str) -> Rig:
    """100 at 10 that are closed at 12 though they are held."""
    for con_id in range(2, 6):
        broker.hold(con_id, "5")
    row = broker.hold(1, "100", "10")
    rig = await start(mark_missing_as_closed=by == "absence")
    await rig.engine.sync_now()
    broker.drop(1)
    for _ in range(3):
        await rig.clock.advance(90)
        broker.mark(1, "12")
        await rig.engine.sync_now()
    if by == "word":
        (hold,) = await rig.engine.reads.holds()
        await rig.engine.decide(hold.id, accept=True, note="sold", price=Decimal(12))
        await rig.engine.sync_now()
    assert [amount for _, amount in await standing(rig)] == [Decimal(200)]
    assert row.key not in broker.rows
    await rig.clock.advance(90)
    return rig


@pytest.mark.parametrize("by", ["absence", "word"])
async def test_what_comes_back_as_it_was_had_never_gone(
    start: Start, broker: ScriptedBroker, by: str
) -> None:
    """Sold at 13 in the end: 300 in all, not 200 and 300."""
    rig = await gone(start, broker, by)
    broker.hold(1, "100", "10")
    await rig.engine.sync_now()
    assert await standing(rig) == []
    (view,) = [view for view in await rig.engine.reads.positions() if view.con_id == 1]
    assert (view.status, view.quantity) == ("OPEN", Decimal(100))
    await rig.clock.advance(90)
    broker.trade(1, Side.SOLD, "100", "13", "0")
    broker.drop(1)
    await rig.engine.sync_now()
    assert await standing(rig) == [("FILL", Decimal(300))]
    assert (await rig.engine.reads.verify()).problems == ()


@pytest.mark.parametrize(("quantity", "cost"), [("100", "11"), ("90", "10"), ("-100", "10")])
async def test_what_comes_back_as_something_else_is_another_life(
    start: Start, broker: ScriptedBroker, quantity: str, cost: str
) -> None:
    rig = await gone(start, broker, "absence")
    broker.hold(1, quantity, cost)
    await rig.engine.sync_now()
    assert await standing(rig) == [("CONFIRMED_MISSING", Decimal(200))]
    lives = await rig.engine.reads.positions(include_closed=True)
    assert [view.status for view in lives if view.con_id == 1].count("CLOSED") == 1


async def test_what_was_bought_again_is_another_life(start: Start, broker: ScriptedBroker) -> None:
    rig = await gone(start, broker, "absence")
    broker.trade(1, Side.BOUGHT, "100", "10", "0")
    broker.hold(1, "100", "10")
    await rig.engine.sync_now()
    assert await standing(rig) == [("CONFIRMED_MISSING", Decimal(200))]
    assert (await rig.engine.reads.verify()).problems == ()
