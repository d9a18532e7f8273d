"""Corporate actions that no split is: booked where a statement tells all of it, else held.

Amounts are worked out by hand in the comments: B100@10 c1 costs 1,001.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from possync_tui.domain.observations import Side
from possync_tui.domain.plan import HoldKind
from possync_tui.domain.position import CostMethod, Life
from possync_tui.ledger.port import EntryQuery
from tests.flex.build import STOCK, Attributes, Sheet, action, trade
from tests.flex.conftest import Importer, standing, total
from tests.flex.test_flex_events import DAY, life_of, seeing_nothing
from tests.sync.conftest import Rig, ScriptedBroker, Start

OLD, NEW = "1", "2"
ON = "20260306;202500"
OTHER = {"conid": NEW, "symbol": "ABC", "description": "ABC INC"}
BOUGHT = trade("100", "10", "20260303;100000", "-1")


def told(quantity: str, **more: str) -> Attributes:
    """A row with all the fields that IBKR has for it."""
    code = f"US00000000{more.get('conid', '1')}0"
    amounts = {"proceeds": "0", "fifoPnlRealized": "0", "value": "0"}
    full = amounts | {"kind": "TC", "isin": code} | more
    words = full.pop("words", "XYZ(US0000000010) MERGED WITH ABC 1 FOR 2")
    kind = full.pop("kind")
    return action(quantity, words, ON, kind=kind, actionID="A1", **full)


def sold(quantity: str, price: str, *, what: Attributes) -> Attributes:
    return trade(quantity, price, "20260309;100000", "-1", what=STOCK | what)


def costs(life: Life) -> tuple[Decimal, int, list[datetime]]:
    assert life.pool is not None
    assert life.pool.value_micros is not None
    money = life.pool.value_micros + sum(fee for _, fee in life.pool.fees)
    return life.quantity, money, [lot.opened_at for lot in life.lots]


async def holds(rig: Rig) -> list[str]:
    return [hold.kind for hold in await rig.engine.reads.holds()]


MERGER = (told("-100"), told("50", **OTHER))


async def test_shares_for_shares_carry_the_cost(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([BOUGHT], actions=MERGER))
    assert await standing(rig) == [("CONVERTED", Decimal(0), "EXACT")]
    at = datetime(2026, 3, 3, 15, tzinfo=UTC)
    assert costs(await life_of(rig, 2)) == (Decimal(50), 1_001_000_000, [at])
    _, plan = await importing(rig, Sheet([BOUGHT], actions=MERGER))
    assert plan.is_empty
    await importing(rig, Sheet([sold("-50", "30", what=OTHER)]))
    # 50 x 30 - 1 - 1,001
    assert (await standing(rig))[1:] == [("FILL", Decimal(498), "EXACT")]


async def test_the_rows_of_one_action_without_its_id(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    words = "XYZ(US0000000010) MERGED WITH ABC 1 FOR 2"
    bare = [
        row | {"actionID": "", "actionDescription": "", "description": f"{words} ({name})"}
        for row, name in zip(MERGER, ("XYZ, XYZ CORP, US1", "ABC, ABC INC, US2"), strict=True)
    ]
    await importing(rig, Sheet([BOUGHT], actions=bare))
    assert await standing(rig) == [("CONVERTED", Decimal(0), "EXACT")]
    # The same action from a query with all fields is the same.
    _, plan = await importing(rig, Sheet(actions=MERGER))
    assert plan.is_empty


async def test_shares_and_cash_for_shares(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    rows = [told("-100", proceeds="200", fifoPnlRealized="50"), told("50", **OTHER)]
    await importing(rig, Sheet([BOUGHT, sold("-50", "30", what=OTHER)], actions=rows))
    # What goes along: 1,001 - 200 + 50 = 851; then 50 x 30 - 1 - 851.
    assert await standing(rig) == [
        ("CONVERTED", Decimal(50), "EXACT"),
        ("FILL", Decimal(648), "EXACT"),
    ]
    # And all the money that moved: -1,001 + 200 + 1,499.
    assert await total(rig) == Decimal(698)


async def test_both_cost_methods_go_along(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    trades = [
        trade("60", "10", "20260303;100000", "0"),
        trade("60", "20", "20260303;110000", "0"),
        trade("-20", "30", "20260303;120000", "0"),
    ]
    await importing(rig, Sheet(trades, actions=MERGER))
    life = await life_of(rig, 2)
    assert life.pool is not None
    # By average 100 of 120 for 1,800; first in first out 40 x 10 + 60 x 20, of which 1 for 2.
    assert life.pool.value_micros == 1_500_000_000
    assert [(lot.quantity, lot.value_micros) for lot in life.lots] == [
        (Decimal(20), 400_000_000),
        (Decimal(30), 1_200_000_000),
    ]
    assert life.own_average_cost(CostMethod.AVERAGE, "USD") == Decimal(30)


@pytest.mark.parametrize(
    ("row", "amount"),
    [
        # 1,234.56 - 1,001
        (told("-100", proceeds="1234.56", fifoPnlRealized="233.56"), "233.56"),
        (told("-100", proceeds="1000.01", kind="TO"), "-0.99"),
        (told("-100", kind="DW", words="XYZ DELISTED, WORTHLESS"), "-1001"),
    ],
)
async def test_shares_for_cash(
    start: Start, broker: ScriptedBroker, importing: Importer, row: Attributes, amount: str
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([BOUGHT], actions=[row]))
    assert await standing(rig) == [("CASHED", Decimal(amount), "EXACT")]


async def test_a_short_position_under_a_new_contract(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    words = "XYZ(US0000000010) SPLIT 1 FOR 10"
    rows = [
        told("-10", kind="RS", words=words, isin="US0000000020", **OTHER),
        told("100", kind="RS", words=words, isin="US0000000010", symbol="XYZ.OLD"),
    ]
    opened = trade("-100", "10", "20260303;100000", "-1")
    covered = sold("10", "90", what=OTHER)
    await importing(rig, Sheet([opened, covered], actions=rows))
    # 999 were received, 10 x 90 + 1 paid.
    assert await standing(rig) == [
        ("CONVERTED", Decimal(0), "EXACT"),
        ("FILL", Decimal(98), "EXACT"),
    ]


async def test_the_code_behind_the_name_tells_which_contract_ended(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """As statements had it in 2016, in a split of a short position: no codes but in the words."""
    rig = await seeing_nothing(start, broker)
    words = "XYZ(US0000000010) SPLIT 1 FOR 4 ({}, XYZ CORP, {})"
    rows = [
        told("-25", kind="RS", isin="", **(OTHER | {"description": words.format("XYZ", "XX1")})),
        told("100", kind="RS", isin="", description=words.format("XYZ.OLD", "000000001")),
    ]
    for row in rows:
        row["actionDescription"] = ""
    opened, covered = trade("-100", "10", "20260303;100000", "-1"), sold("25", "30", what=OTHER)
    await importing(rig, Sheet([opened, covered], actions=rows))
    # 999 were received, 25 x 30 + 1 paid.
    assert await standing(rig) == [
        ("CONVERTED", Decimal(0), "EXACT"),
        ("FILL", Decimal(248), "EXACT"),
    ]


async def test_units_paid_for_by_a_right_cost_what_was_paid(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    row = told("150", kind="OS", proceeds="-900", words="OVER SUBSCRIBE XYZ AT 6.00 USD")
    await importing(rig, Sheet(actions=[row]))
    assert costs(await life_of(rig, 1))[:2] == (Decimal(150), 900_000_000)


async def test_a_conversion_of_a_conversion(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    third = {"conid": "3", "symbol": "DEF", "description": "DEF PLC"}
    words = "ABC(US0000000020) MERGED WITH DEF 2 FOR 1"
    again = [
        row | {"actionID": "A2", "dateTime": "20260307;202500", "reportDate": "20260307"}
        for row in (told("-50", words=words, **OTHER), told("100", words=words, **third))
    ]
    # The last one first: what it carries is worked out when the rest is known.
    await importing(rig, Sheet(actions=again))
    await importing(rig, Sheet(actions=MERGER))
    await importing(rig, Sheet([BOUGHT]))
    await importing(rig, Sheet([sold("-100", "15", what=third)]))
    # 100 x 15 - 1 - 1,001
    assert (await standing(rig))[-1] == ("FILL", Decimal(498), "EXACT")


async def test_better_evidence_of_the_old_holding_reaches_the_new_one(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "100", "10.50")
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    broker.drop(1)
    broker.trade(2, Side.SOLD, "50", "30", "1")
    await rig.engine.sync_now()
    actions = Sheet(actions=MERGER)
    await importing(rig, actions)
    # The seeded lot had cost 1,050: 1,499 - 1,050.
    assert (await standing(rig))[-1] == ("FILL", Decimal(449), "ESTIMATED")
    before = trade("100", "10", "20260203;100000", "-1")
    await importing(rig, Sheet([before]))
    assert (await standing(rig))[-1] == ("FILL", Decimal(498), "EXACT")


# --- what is not told ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([told("20", kind="SO", costBasis="100", **OTHER)], "what part of the cost went along"),
        ([told("10", kind="SD")], "the cost basis"),
        ([told("-100", proceeds="")], "the proceeds"),
        ([told("-100"), told("50", fifoPnlRealized="", **OTHER)], "what was realized"),
        ([told("-100"), told("50", **OTHER), told("5", conid="3", symbol="D")], "several"),
        ([told("-100"), told("50", currency="EUR", **OTHER)], "several currencies"),
        ([told("-100", isin=""), told("50", isin="", **OTHER)], "which contract ended"),
    ],
)
async def test_what_is_not_told_is_held_and_not_booked(
    start: Start, broker: ScriptedBroker, importing: Importer, rows: list[Attributes], why: str
) -> None:
    rig = await seeing_nothing(start, broker)
    result, _ = await importing(rig, Sheet([BOUGHT], actions=rows))
    assert await standing(rig) == []
    assert (await life_of(rig, 1)).quantity == Decimal(100)
    assert await holds(rig) == [HoldKind.CORPORATE_ACTION] * len(rows)
    assert result.held == len(rows)
    _, plan = await importing(rig, Sheet([BOUGHT], actions=rows))
    assert plan.is_empty
    (first, *_) = await rig.engine.reads.holds()
    await rig.engine.decide(first.id, accept=True, note="seen")
    await importing(rig, Sheet([sold("-1", "10", what={})]))
    assert len(await holds(rig)) == len(rows)


async def test_a_statement_that_tells_the_rest_clears_the_hold(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([BOUGHT], actions=[told("10", kind="SD")]))
    assert await holds(rig) == [HoldKind.CORPORATE_ACTION]
    await importing(rig, Sheet(actions=[told("10", kind="SD", costBasis="-55")]))
    assert await holds(rig) == []
    life = await life_of(rig, 1)
    assert life.pool is not None
    assert (life.quantity, life.pool.value_micros) == (Decimal(110), 1_055_000_000)


# --- taxes, and cancellations of elsewhere -------------------------------------------------------


async def test_a_tax_is_part_of_what_a_trade_cost(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    taxed = BOUGHT | {"taxes": "-5"}
    await importing(rig, Sheet([taxed, sold("-100", "12", what={})]))
    # 1,200 - 1 - (1,000 + 1 + 5)
    assert await standing(rig) == [("FILL", Decimal(193), "EXACT")]


CANCEL = {
    "quantity": "-100",
    "buySell": "BUY (Ca.)",
    "transactionType": "TradeCancel",
    "ibExecID": "",
    "tradeID": "",
    "origTradeID": "elsewhere",
    "transactionID": "900",
    "dateTime": "20260305;100000",
}


async def test_a_cancellation_of_a_trade_in_an_earlier_file(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    twin = trade("100", "10", "20260303;120000", "-1")
    await importing(rig, Sheet([BOUGHT, twin]))
    assert (await life_of(rig, 1)).quantity == Decimal(200)
    cancelled = Sheet([BOUGHT | CANCEL])
    await importing(rig, cancelled)
    assert (await life_of(rig, 1)).quantity == Decimal(100)
    # Imported again, it does not cancel the other one as well.
    _, plan = await importing(rig, cancelled)
    assert plan.is_empty
    assert (await life_of(rig, 1)).quantity == Decimal(100)


async def test_a_cancellation_that_may_mean_several_trades(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    dearer = trade("100", "10", "20260303;120000", "-2")
    await importing(rig, Sheet([BOUGHT, dearer]))
    _, plan = await importing(rig, Sheet([BOUGHT | CANCEL]))
    assert plan.is_empty
    other_day = trade("100", "10", "20260304;120000", "-3")
    await importing(rig, Sheet([other_day]))
    await importing(rig, Sheet([BOUGHT | CANCEL | {"origTradeDate": "20260304"}]))
    fees = sum(fee for lot in (await life_of(rig, 1)).lots for _, fee in lot.fees)
    assert fees == 3_000_000


# --- after the user's word -----------------------------------------------------------------------


async def accepted(start: Start, broker: ScriptedBroker) -> Rig:
    """100 of one contract became 50 of another, by the user's word."""
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10", "1")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    await rig.clock.advance(5 * DAY)
    broker.fills.clear()
    broker.commissions.clear()
    broker.drop(1)
    broker.hold(2, "50", "20.02")
    await rig.engine.sync_now()
    (hold,) = await rig.engine.reads.holds()
    await rig.engine.decide(hold.id, accept=True, note="merger")
    await rig.engine.sync_now()
    assert await standing(rig) == [("CONVERTED", Decimal(0), "MANUAL")]
    return rig


async def test_a_statement_confirms_what_the_user_said(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await accepted(start, broker)
    await importing(rig, Sheet(actions=MERGER))
    assert await standing(rig) == [("CONVERTED", Decimal(0), "EXACT")]
    assert [lot.is_seeded for lot in (await life_of(rig, 2)).lots] == [False]
    kinds = [entry.kind for entry in await rig.engine.reads.entries(EntryQuery())]
    assert sorted(kinds) == ["CONVERTED", "CONVERTED", "REVERSAL"]
    assert (await rig.engine.sync_now()).closed == 0


async def test_a_statement_tells_that_it_was_sold_and_another_bought(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await accepted(start, broker)
    trades = [
        trade("-100", "9", "20260305;100000", "-1"),
        trade("50", "20", "20260305;110000", "-1", what=STOCK | OTHER),
    ]
    await importing(rig, Sheet(trades))
    # 900 - 1 - 1,001
    assert await standing(rig) == [("FILL", Decimal(-102), "EXACT")]
    assert costs(await life_of(rig, 2))[:2] == (Decimal(50), 1_001_000_000)
    assert not (await life_of(rig, 2)).lots[0].is_seeded


async def test_a_statement_dates_it_later_than_the_snapshot_that_showed_it(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """TWS shows the new row in the morning; the statement books it at the end of that day."""
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade(1, Side.BOUGHT, "100", "10", "1")
    broker.hold(1, "100", "10.01", what=fill.instrument)
    await rig.engine.sync_now()
    await rig.clock.advance(3600)
    broker.drop(1)
    broker.hold(2, "50", "20.02")
    await rig.engine.sync_now()
    day = rig.clock.now().strftime("%Y%m%d;202500")
    rows = [row | {"dateTime": day, "reportDate": day[:8]} for row in MERGER]
    await importing(rig, Sheet([], actions=rows))
    for _ in range(2):
        await rig.clock.advance(86_400)
        await rig.engine.sync_now()
        views = {v.con_id: v.quantity for v in await rig.engine.reads.positions()}
        assert views == {2: Decimal(50)}
    assert "UNEXPLAINED" not in [kind for kind, *_ in await standing(rig)]
    assert (await rig.engine.reads.verify()).problems == ()
