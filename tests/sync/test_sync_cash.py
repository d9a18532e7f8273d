"""Currency conversions: TWS sends rows of them only where virtual FX positions are switched on."""

from datetime import timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Side

from .conftest import ScriptedBroker, Start

EURO = Instrument(12087792, "EUR", "CASH", "USD", exchange="IDEALPRO", local_symbol="EUR.USD")
POUND = Instrument(12087797, "GBP", "CASH", "USD", exchange="IDEALPRO", local_symbol="GBP.USD")
YEN = Instrument(15016059, "USD", "CASH", "JPY", exchange="IDEALPRO", local_symbol="USD.JPY")


@pytest.mark.parametrize("armed", [False, True])
@pytest.mark.parametrize("is_first", [False, True])
async def test_conversions_without_rows_are_not_missing(
    start: Start, broker: ScriptedBroker, *, armed: bool, is_first: bool
) -> None:
    """Three at once, in an account of two positions: alike would be a bulk disappearance."""
    broker.hold(2, "5")
    broker.hold(3, "5")
    rig = await start(mark_missing_as_closed=armed)
    if not is_first:
        await rig.engine.sync_now()
        await rig.clock.advance(100)
    for what, rate in ((EURO, "1.1"), (POUND, "1.3"), (YEN, "150")):
        broker.trade_in(what, Side.BOUGHT, "25000", rate, "2")
    for _ in range(4):
        result = await rig.engine.sync_now()
        assert (result.ok, result.missing, result.held, result.closed) == (True, 0, 0, 0)
        await rig.clock.advance(100)
    held = {
        view.con_id: (view.status, view.quantity) for view in await rig.engine.reads.positions()
    }
    assert held == {
        2: ("OPEN", Decimal(5)),
        3: ("OPEN", Decimal(5)),
        **{what.con_id: ("OPEN", Decimal(25000)) for what in (EURO, POUND, YEN)},
    }
    assert await rig.engine.reads.holds() == []


async def test_an_option_that_ends_before_it_ever_had_a_row_has_expired(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(2, "5")
    rig = await start()
    await rig.engine.sync_now()
    day = rig.clock.now() + timedelta(days=1)
    call = Instrument(5, "XYZ", "OPT", "USD", f"{day:%Y%m%d}", "50", "C", "100")
    broker.trade_in(call, Side.BOUGHT, "1", "2")
    await rig.engine.sync_now()
    await rig.clock.advance(4 * 86_400)
    result = await rig.engine.sync_now()
    assert (result.closed, result.missing) == (1, 0)
    (view,) = [v for v in await rig.engine.reads.positions(include_closed=True) if v.con_id == 5]
    assert view.status == "CLOSED"
