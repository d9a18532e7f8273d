"""Trades that a broker took back and booked again, however the statements split that up.

Amounts are worked out by hand in the comments: B100@10 c1, booked again at 10.10, S100@12 c1.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from possync_tui.domain.observations import Charge, Side
from possync_tui.domain.runs import Trigger
from possync_tui.flex.statement import read_flex
from tests.flex.build import Attributes, Sheet, trade, write
from tests.flex.conftest import Importer, standing
from tests.flex.test_flex_events import DAY, life_of, seeing_nothing
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


WAYS = [
    [[BOUGHT, CANCEL, AGAIN]],
    [[BOUGHT], [CANCEL, AGAIN]],
    [[BOUGHT], [CANCEL], [AGAIN]],
    [[BOUGHT, CANCEL], [AGAIN]],
    [[BOUGHT], [BOUGHT, CANCEL, AGAIN]],
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fees", [("-1", "0", "0"), ("-1", "0", "0.25"), ("-1", "1", "-1.5")])
async def test_all_of_a_commission_counts_however_it_is_told(
    start: Start,
    broker: ScriptedBroker,
    importing: Importer,
    way: list[list[Attributes]],
    fees: tuple[str, str, str],
    turned: bool,
) -> None:
    rig = await seeing_nothing(start, broker)
    fee_of = dict(zip(("900", "901"), fees[1:], strict=True))

    def charged(row: Attributes) -> Attributes:
        return row | {"ibCommission": fee_of.get(row["transactionID"], fees[0])}

    sheets = [Sheet([charged(row) for row in rows]) for rows in way]
    for sheet in reversed(sheets) if turned else sheets:
        await importing(rig, sheet)
    await importing(rig, Sheet([SOLD]))
    # 1,200 - 1 - 1,010 - what all three rows charge
    expected = [("FILL", Decimal(189) + sum(map(Decimal, fees)), "EXACT")]
    assert await standing(rig) == expected
    # Every way again, once more and in parts: nothing is news.
    for rows in [rows for other in WAYS for rows in other]:
        await importing(rig, Sheet([charged(row) for row in rows]))
        assert await standing(rig) == expected


async def test_a_trade_that_is_booked_again_twice(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    gone = CANCEL | {"tradePrice": "10.10", "origTradeID": "78", "transactionID": "902"}
    last = AGAIN | {"ibExecID": THIRD, "tradePrice": "10.20", "tradeID": "79"}
    fees = {"ibCommission": "-0.5", "transactionID": "903"}
    # The second row and its cancellation are in one statement, the first and the last in others.
    for rows in ([BOUGHT], [CANCEL], [AGAIN, gone | {"ibCommission": "0.25"}], [last | fees]):
        await importing(rig, Sheet(rows))
    await importing(rig, Sheet([SOLD]))
    # 1,200 - 1 - 1,020 - (1 + 0 - 0.25 + 0.5)
    assert await standing(rig) == [("FILL", Decimal("177.75"), "EXACT")]


@pytest.mark.parametrize("in_one", [True, False])
async def test_what_was_seen_live_is_cancelled_and_booked_again_by_a_statement(
    start: Start, broker: ScriptedBroker, importing: Importer, in_one: bool
) -> None:
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    fill = broker.trade(1, Side.BOUGHT, "100", "10", "1")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    broker.fills.clear()
    broker.commissions.clear()
    again = AGAIN | {"ibExecID": f"{fill.base_id}.02", "dateTime": "20260302;093000"}
    sheets = [[CANCEL, again]] if in_one else [[CANCEL], [again]]
    for rows in [*sheets, [SOLD], *sheets]:
        await importing(rig, Sheet(rows))
    # 1,200 - 1 - 1,010 - 1
    assert await standing(rig) == [("FILL", Decimal(188), "EXACT")]


async def test_a_live_correction_says_all_that_is_charged(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    first = broker.trade(1, Side.BOUGHT, "100", "10", "1")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    second = replace(first, exec_id=f"{first.base_id}.02", price=Decimal("10.10"))
    broker.fills.append(second)
    broker.commissions.append(replace(broker.commissions[-1], exec_id=second.exec_id))
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    broker.fills.clear()
    broker.commissions.clear()
    # A statement that has it as it stands, or with what was taken back: 1,200 - 1 - 1,010 - 1.
    again = AGAIN | {"ibExecID": second.exec_id, "dateTime": "20260302;093000"}
    whole = again | {"ibCommission": "-1"}
    for rows in ([whole, SOLD], [CANCEL | {"dateTime": "20260303;100000"}, again]):
        await importing(rig, Sheet(rows))
        assert await standing(rig) == [("FILL", Decimal(188), "EXACT")]


async def test_a_cancellation_waits_for_its_trade(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    _, plan = await importing(rig, Sheet([CANCEL]))
    assert plan.is_empty
    _, plan = await importing(rig, Sheet([CANCEL]))
    assert plan.is_empty
    # Not for one of the same size and price that its row says to be another.
    twin = trade("100", "10", "20260303;090000", "-1", tradeID="76")
    await importing(rig, Sheet([twin]))
    assert (await life_of(rig, 1)).quantity == Decimal(100)
    await importing(rig, Sheet([BOUGHT]))
    assert (await life_of(rig, 1)).quantity == Decimal(100)
    _, plan = await importing(rig, Sheet([BOUGHT]), Sheet([CANCEL]), Sheet([twin]))
    assert plan.is_empty
    assert (await life_of(rig, 1)).quantity == Decimal(100)


async def test_of_twins_the_one_that_is_booked_again_was_cancelled(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    twin = trade("100", "10", "20260303;100000", "-1", exec_id="0001938c.6a59af43.01.01")
    await importing(rig, Sheet([BOUGHT, twin]))
    await importing(rig, Sheet([CANCEL, AGAIN]))
    life = await life_of(rig, 1)
    # One at 10 and one at 10.10.
    assert (life.quantity, sum(lot.value_micros or 0 for lot in life.lots)) == (
        Decimal(200),
        2_010_000_000,
    )


async def test_a_statement_knows_the_commission_of_a_live_correction_better(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(60)
    fill = broker.trade(1, Side.BOUGHT, "100", "10.10", "1")
    broker.fills[-1] = again = replace(fill, exec_id=f"{fill.base_id}.02")
    broker.commissions[-1] = replace(broker.commissions[-1], exec_id=again.exec_id)
    broker.hold(1, "100", "10.11")
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    told = AGAIN | {"ibExecID": again.exec_id, "dateTime": "20260302;093000"}
    await importing(rig, Sheet([told | {"ibCommission": "-1.25"}, SOLD]))
    # 1,200 - 1 - 1,010 - 1.25
    assert await standing(rig) == [("FILL", Decimal("187.75"), "EXACT")]


@pytest.mark.parametrize(
    ("kept", "wrong", "rows"),
    [
        ({FIRST: "1", SECOND: "0"}, 189, [CANCEL, AGAIN]),
        ({FIRST: "1", SECOND: "0"}, 189, [BOUGHT, CANCEL, AGAIN]),
        ({SECOND: "1"}, 188, [BOUGHT, CANCEL, AGAIN]),
    ],
)
async def test_what_a_ledger_of_before_has_is_mended_by_its_statement(
    start: Start,
    broker: ScriptedBroker,
    importing: Importer,
    kept: dict[str, str],
    wrong: int,
    rows: list[Attributes],
) -> None:
    """It kept what the last row said as all that was charged, or the sum without the first row."""
    rig = await seeing_nothing(start, broker)
    sheet = Sheet([BOUGHT, AGAIN])
    (statement,) = read_flex(write(importing.folder / "old.xml", sheet))
    reports = [
        replace(report, amount=Decimal(kept[report.exec_id]), charge=Charge.TOTAL)
        for report in statement.commissions
        if report.exec_id in kept
    ]
    fills = [fill for fill in statement.fills if fill.exec_id in kept]
    await rig.engine.service.replan(Trigger.IMPORT, [*fills, *reports])
    await importing(rig, Sheet([SOLD]))
    assert await standing(rig) == [("FILL", Decimal(wrong), "EXACT")]
    await importing(rig, Sheet(rows))
    assert await standing(rig) == [("FILL", Decimal(188), "EXACT")]


async def test_a_cancellation_that_was_carried_out_does_not_take_back_what_was_booked_again(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    same = AGAIN | {"tradePrice": "10", "ibCommission": "0.25"}
    await importing(rig, Sheet([BOUGHT, CANCEL, same]))
    await importing(rig, Sheet([CANCEL]))
    assert (await life_of(rig, 1)).quantity == Decimal(100)
    assert {view.con_id for view in await rig.engine.reads.positions()} == {1, 9}
