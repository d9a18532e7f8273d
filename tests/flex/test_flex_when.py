"""What comes first: a split and the fraction it leaves, a day that is told without its hour.

And which telling of one thing counts. Amounts are worked out by hand.
"""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Side
from possync_tui.ledger.port import EntryQuery
from tests.flex.build import STOCK, Attributes, Sheet, action, trade
from tests.flex.build import transfer as moved
from tests.flex.conftest import Importer, standing, total
from tests.flex.test_flex_corporate import MERGER, OTHER
from tests.flex.test_flex_events import ASSIGNED, SOLD_PUT, SOLD_STOCK, seeing_nothing
from tests.sync.conftest import Rig, ScriptedBroker, Start

EVENING = "20260304;202500"
BOUGHT = trade("100", "10", "20260303;100000", "-1")
FOUR_FOR_ONE = "XYZ(US0000000010) SPLIT 4 FOR 1 (XYZ, XYZ CORP, US0000000010)"
THREE_FOR_TWO = "XYZ(US0000000010) SPLIT 3 FOR 2 (XYZ, XYZ CORP, US0000000010)"


def fraction(quantity: str, price: str, at: str, **more: str) -> Attributes:
    cashed = {"transactionType": "FracShare", "ibExecID": "", "exchange": "--"}
    return {**trade(quantity, price, at, "0"), **cashed, **more}


def without(rows: Iterable[Attributes], *names: str) -> list[Attributes]:
    return [{name: text for name, text in row.items() if name not in names} for row in rows]


async def held(rig: Rig) -> dict[int, Decimal]:
    views = await rig.engine.reads.positions()
    return {view.con_id: view.quantity for view in views if view.con_id in (1, 2)}


async def test_a_fraction_is_cashed_of_what_the_split_of_that_instant_left(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """101 cost 1,011; 151.5 after it, of which half a share goes at 7: 3.5 - 1,011 / 303."""
    rig = await seeing_nothing(start, broker)
    bought = trade("101", "10", "20260303;100000", "-1")
    sheet = Sheet(
        [bought, fraction("-0.5", "7", EVENING)], actions=[action("50.5", THREE_FOR_TWO, EVENING)]
    )
    await importing(rig, sheet)
    (entry,) = await rig.engine.reads.entries(EntryQuery())
    assert entry.realized_pnl is not None
    assert abs(entry.realized_pnl - (Decimal("3.5") - Decimal(1011) / 303)) <= Decimal("0.000001")
    assert entry.quality == "EXACT"
    assert await held(rig) == {1: Decimal(151)}


async def test_a_split_told_by_its_report_is_before_the_trades_of_that_day(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    sold = trade("-400", "3", "20260305;100000", "-1")
    split = {**action("300", FOUR_FOR_ONE, ""), "reportDate": "20260305"}
    await importing(rig, Sheet([BOUGHT, sold], actions=[split]))
    assert await standing(rig) == [("FILL", Decimal(198), "EXACT")]
    assert await held(rig) == {}


async def test_so_is_a_merger(start: Start, broker: ScriptedBroker, importing: Importer) -> None:
    rig = await seeing_nothing(start, broker)
    merger = [{**row, "dateTime": "", "reportDate": "20260305"} for row in MERGER]
    sold = trade("-50", "30", "20260305;100000", "-1", what={**STOCK, **OTHER})
    await importing(rig, Sheet([BOUGHT, sold], actions=merger))
    assert await total(rig) == Decimal(498)
    assert await held(rig) == {}


async def test_what_came_on_a_day_was_there_for_its_trades(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """It cost 1,000 where it was before, and was sold for 1,200 less 1."""
    rig = await seeing_nothing(start, broker)
    worth = {"type": "INTERNAL", "positionAmount": "1200", "pnlAmount": "200", "dateTime": ""}
    came = moved("100", "20260304", **worth)
    await importing(rig, Sheet([trade("-100", "12", "20260304;110000", "-1")], transfers=[came]))
    assert await standing(rig) == [("FILL", Decimal(199), "ESTIMATED")]
    assert await held(rig) == {}


async def test_what_went_on_a_day_had_been_bought_before(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    bought = trade("100", "12", "20260304;110000", "-1")
    await importing(rig, Sheet([bought], transfers=[moved("-100", "20260304", dateTime="")]))
    assert [kind for kind, _, _ in await standing(rig)] == ["TRANSFERRED"]
    assert await held(rig) == {}


async def test_taxes_stay_whoever_tells_of_the_trade_later(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """TWS tells the commission alone: 200 - 1 - 1 - 5."""
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(3600)
    fill = broker.trade(1, Side.BOUGHT, "100", "10", "1")
    told = trade("100", "10", "20260302;103000", "-1", exec_id=fill.exec_id, taxes="-5")
    await importing(rig, Sheet([told]))
    broker.hold(1, "100", "10.06")
    await rig.engine.sync_now()
    await rig.clock.advance(3600)
    broker.trade(1, Side.SOLD, "100", "12", "1")
    broker.hold(1, "0", "0")
    await rig.engine.sync_now()
    assert await total(rig) == Decimal(193)


async def test_taxes_stay_where_another_statement_leaves_them_out(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    sold = trade("-100", "12", "20260304;100000", "-1")
    full = [{**BOUGHT, "taxes": "-5"}, sold]
    for rows in (full, without(full, "taxes"), full):
        await importing(rig, Sheet(rows))
        assert await total(rig) == Decimal(193)
    assert [quality for _, _, quality in await standing(rig)] == ["EXACT"]


@pytest.mark.parametrize("first", ["without", "with"])
async def test_taxes_count_whenever_they_are_told(
    start: Start, broker: ScriptedBroker, importing: Importer, first: str
) -> None:
    rig = await seeing_nothing(start, broker)
    full = [{**BOUGHT, "taxes": "-5"}, trade("-100", "12", "20260304;100000", "-1")]
    poor = without(full, "taxes")
    for rows in (poor, full) if first == "without" else (full, poor):
        await importing(rig, Sheet(rows))
    assert await total(rig) == Decimal(193)


async def test_a_delivery_costs_its_taxes_too(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """The sale of the shares, 4,900 - 1, less what they cost: 5,000 - 199.35 + 2 + 25."""
    rig = await seeing_nothing(start, broker)
    option, shares = ASSIGNED
    charged = {**shares, "taxes": "-25", "ibCommission": "-2"}
    await importing(rig, Sheet([SOLD_PUT, option, charged, SOLD_STOCK]))
    assert await total(rig) == Decimal("71.35")


async def test_an_action_that_waits_for_review_empties_no_estimate(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """10 that cost 10 each went for 12 each less 1, and a spin-off is told of them later.

    It brought 10.27, of which the fraction went at 10.50: 2.835 less 2.70.
    """
    spun = Instrument(3, "SPN", "STK", "USD")
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(4 * 86_400)
    broker.hold(3, "10", "10", what=spun)
    await rig.engine.sync_now()
    await rig.clock.advance(86_400)
    broker.trade_in(spun, Side.SOLD, "10", "12", "1")
    broker.drop(3)
    await rig.engine.sync_now()
    assert await total(rig) == Decimal(19)
    words = "XYZ(US0000000010) SPINOFF 1 FOR 10 (SPN, SPUN CORP, US0000000020)"
    contract = {"conid": "3", "symbol": "SPN", "description": "SPN"}
    told = {**action("10.27", words, EVENING, kind="SO"), **contract}
    cashed = fraction("-0.27", "10.5", EVENING, **contract)
    await importing(rig, Sheet([cashed], actions=[told]))
    assert await total(rig) == Decimal("19.135")
