"""Trades that a broker took back and booked again, however the statements split that up.

Amounts are worked out by hand in the comments: B100@10 c1, booked again at 10.10, S100@12 c1.
"""

from tests.flex.build import Sheet, trade
from tests.flex.conftest import Importer
from tests.flex.test_flex_events import life_of, seeing_nothing
from tests.sync.conftest import ScriptedBroker, Start

FIRST, SECOND, THIRD = (f"0001938c.6a59af42.01.0{n}" for n in (1, 2, 3))
BOUGHT = trade("100", "10", "20260303;100000", "-1", exec_id=FIRST, tradeID="77")
CANCEL = BOUGHT | {
    "quantity": "-100",
    "buySell": "BUY (Ca.)",
    "transactionType": "TradeCancel",
    "ibExecID": "",
    "tradeID": "",
    "origTradeID": "77",
    "ibCommission": "0",
    "transactionID": "900",
    "dateTime": "20260304;100000",
    "tradeDate": "20260304",
}
AGAIN = BOUGHT | {
    "ibExecID": SECOND,
    "tradePrice": "10.10",
    "tradeID": "78",
    "transactionID": "901",
    "ibCommission": "0",
}
SOLD = trade("-100", "12", "20260305;100000", "-1")


async def test_what_is_booked_again_in_a_later_statement_counts(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([BOUGHT]))
    await importing(rig, Sheet([CANCEL]))
    assert {view.con_id for view in await rig.engine.reads.positions()} == {9}
    await importing(rig, Sheet([AGAIN | {"ibCommission": "-1"}]))
    life = await life_of(rig, 1)
    assert life.quantity == 100
    assert [lot.value_micros for lot in life.lots] == [1_010_000_000]
    # And that can be cancelled, too.
    again = CANCEL | {"tradePrice": "10.10", "origTradeID": "78", "transactionID": "902"}
    await importing(rig, Sheet([again]))
    assert {view.con_id for view in await rig.engine.reads.positions()} == {9}
