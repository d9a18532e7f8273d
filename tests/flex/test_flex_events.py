"""Option events, splits and transfers as statements tell them, with and without our own pairing."""

from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import Side
from possync_tui.domain.position import Life
from possync_tui.ledger.port import EntryQuery
from tests.flex.build import STOCK, Attributes, Sheet, action, booking, call, ended, put, trade
from tests.flex.build import transfer as moved
from tests.flex.conftest import Importer, standing, total
from tests.sync.conftest import ACCOUNT, Rig, ScriptedBroker, Start

DAY = 86_400.0
SOLD_PUT = trade("-1", "2.00", "20260303;100000", "-0.65", what=put(), openCloseIndicator="O")
ASSIGNED = (
    booking("1", "A", "20260306", what=put(), cost="199.35"),
    booking("100", "A", "20260306", what=STOCK, price="50", cost="5000"),
)
ASSIGNED_SECTION = (
    ended("1", "Assignment", "20260306", what=put(), costBasis="199.35"),
    ended("100", "Buy", "20260306", what=STOCK, tradePrice="50.0000", costBasis="5,000.00"),
)
SOLD_STOCK = trade("-100", "49", "20260309;100000", "-1")


async def seeing_nothing(start: Start, broker: ScriptedBroker) -> Rig:
    """A rig past its first sync, away for some days since."""
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    return rig


async def test_conversions_from_before_the_first_sync_lack_nothing(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """TWS shows no row of them, so what was held then is not known to be nothing."""
    euro = {**STOCK, "assetCategory": "CASH", "symbol": "EUR.USD", "conid": "12087792"}
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([trade("25000", "1.1", "20260105;100000", "-2", what=euro)]))
    assert await rig.engine.reads.holds() == []
    assert (await rig.engine.sync_now()).held == 0


async def life_of(rig: Rig, con_id: int) -> Life:
    key = PositionKey(ACCOUNT, con_id)
    *_, last = (await rig.engine.ledger.stored_lives([key]))[key]
    return last.life


@pytest.mark.parametrize("where", ["trades", "section", "both"])
async def test_case_18_an_assignment_moves_the_premium(
    start: Start, broker: ScriptedBroker, importing: Importer, where: str
) -> None:
    rig = await seeing_nothing(start, broker)
    trades = [SOLD_PUT, *(ASSIGNED if where != "section" else ())]
    options = ASSIGNED_SECTION if where != "trades" else ()
    await importing(rig, Sheet(trades, options))
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "EXACT")]
    stock = next(v for v in await rig.engine.reads.positions() if v.con_id == 1)
    assert (stock.quantity, stock.average_cost) == (Decimal(100), Decimal("48.0065"))
    # The same event in another statement, told by the other section, is the same.
    _, plan = await importing(rig, Sheet([], ASSIGNED_SECTION), Sheet(ASSIGNED))
    assert plan.is_empty
    await importing(rig, Sheet([SOLD_STOCK]))
    assert (await standing(rig))[1:] == [("FILL", Decimal("98.35"), "EXACT")]


async def test_each_of_two_assignments_of_a_day_brings_its_own_premium(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    (option, units), early = ASSIGNED, {"dateTime": "20260306;110000"}
    again = trade("-2", "3.00", "20260306;120000", "-1.30", what=put(), openCloseIndicator="O")
    sheet = Sheet(
        [
            *(SOLD_PUT, option | early, units | early, again),
            trade("-100", "49", "20260306;140000", "-1"),
            booking("2", "A", "20260306", what=put(), cost="598.70"),
            booking("200", "A", "20260306", what=STOCK, price="50", cost="10000"),
        ]
    )
    await importing(rig, sheet)
    # 4,900 - 1 - (5,000 - 199.35): the shares of the second assignment came after that sale.
    assert ("FILL", Decimal("98.35"), "EXACT") in await standing(rig)
    stock = next(v for v in await rig.engine.reads.positions() if v.con_id == 1)
    assert (stock.quantity, stock.average_cost) == (Decimal(200), Decimal("47.0065"))


@pytest.mark.parametrize(
    ("what", "opened", "ends", "delivered", "cost"),
    [
        (call(), "1", ("-1", "Ex", "-200.65"), "100", "52.0065"),
        (call(), "-1", ("1", "A", "199.35"), "-100", "51.9935"),
        (put(), "1", ("-1", "Ex", "-200.65"), "-100", "47.9935"),
    ],
)
async def test_every_kind_of_delivery(
    start: Start,
    broker: ScriptedBroker,
    importing: Importer,
    what: Attributes,
    opened: str,
    ends: tuple[str, str, str],
    delivered: str,
    cost: str,
) -> None:
    rig = await seeing_nothing(start, broker)
    quantity, code, basis = ends
    await importing(
        rig,
        Sheet(
            [
                trade(opened, "2.00", "20260303;100000", "-0.65", what=what),
                booking(quantity, code, "20260306", what=what, cost=basis),
                booking(delivered, code, "20260306", what=STOCK, price="50"),
            ]
        ),
    )
    ((kind, amount, quality),) = await standing(rig)
    assert kind == ("ASSIGNED" if code == "A" else "EXERCISED")
    assert (amount, quality) == (Decimal(0), "EXACT")
    life = await life_of(rig, 1)
    assert life.pool is not None
    assert life.pool.value_micros == abs(Decimal(cost) * 100) * 1_000_000


async def test_part_of_an_option_by_both_cost_methods(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    opened = [
        trade("-1", "2.00", "20260303;100000", "0", what=put()),
        trade("-1", "3.00", "20260303;110000", "0", what=put()),
    ]
    await importing(
        rig,
        Sheet(
            [
                *opened,
                booking("1", "A", "20260306", what=put(), cost="200"),
                booking("100", "A", "20260306", what=STOCK, price="50"),
                trade("1", "1.00", "20260309;100000", "0", what=put()),
                trade("-100", "49", "20260309;100000", "0"),
            ]
        ),
    )
    # Cash: 200 + 300 - 5,000 - 100 + 4,900. IBKR moves the first in, first out premium of 200.
    assert await total(rig) == Decimal(300)
    by_fifo: dict[int, int] = {}
    for con_id in (5, 1):
        entries = (await life_of(rig, con_id)).entries
        by_fifo[con_id] = sum(e.realized_micros or 0 for e in entries if e.method == "fifo")
    assert by_fifo == {5: 200_000_000, 1: 100_000_000}


async def test_a_statement_counts_in_place_of_our_own_pairing(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    option = Instrument(5, "XYZ", "OPT", "USD", "20260306", "50", "P", "100")
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade_in(option, Side.SOLD, "2", "2.00", "1.30")
    broker.hold(5, "-2", "199.35", what=option)
    await rig.engine.sync_now()
    await rig.clock.advance(5 * DAY)
    broker.drop(5)
    # The cost does not confirm the pairing: it is a guess.
    broker.hold(1, "200", "48.60", what=Instrument(1, "XYZ", "STK", "USD"))
    await rig.engine.sync_now()
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "ESTIMATED")]
    opened = trade(
        "-2", "2", "20260302;093000", "-1.3", what=put(), exec_id=fill.exec_id,
        openCloseIndicator="O",
    )  # fmt: skip
    one_each = [
        booking("1", "A", "20260306", what=put(), cost="199.35", transactionID=f"{n}")
        for n in (1, 2)
    ]
    stock = booking("200", "A", "20260306", what=STOCK, price="50")
    await importing(rig, Sheet([opened, *one_each, stock]))
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "EXACT")] * 2
    life = await life_of(rig, 1)
    assert life.quantity == 200
    assert [(lot.value_micros, lot.is_seeded) for lot in life.lots] == [(9_601_300_000, False)]
    await rig.engine.sync_now()
    assert (await rig.engine.reads.verify()).ok


async def test_an_option_settled_in_cash(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    bought = trade("2", "3.00", "20260303;100000", "-1.30", what=call())
    by_trade = booking("-2", "Ex", "20260306", what=call(), cost="-601.3", realized="1398.7")
    await importing(rig, Sheet([bought, by_trade]))
    assert await standing(rig) == [("EXERCISED", Decimal("1398.7"), "EXACT")]


async def test_cash_told_by_the_section_alone(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    sold = trade("-2", "3.00", "20260303;100000", "-1.30", what=call())
    section = [
        ended("2", "Assignment", "20260306", what=call()),
        ended("0", "Cash Settlement", "20260306", what=call(), proceeds="-2,000.00"),
    ]
    await importing(rig, Sheet([sold], section))
    assert await standing(rig) == [("ASSIGNED", Decimal("-1401.3"), "EXACT")]


@pytest.mark.parametrize("cash", [("3,000", "4,500"), ("7500",)])
async def test_cash_for_options_that_ended_in_several_rows(
    start: Start, broker: ScriptedBroker, importing: Importer, cash: tuple[str, ...]
) -> None:
    rig = await seeing_nothing(start, broker)
    bought = trade("5", "10", "20260303;100000", "-5", what=put())
    section = [
        *(ended(units, "Exercise", "20260306", what=put()) for units in ("-2", "-3")),
        *(ended("0", "Cash Settlement", "20260306", what=put(), proceeds=each) for each in cash),
    ]
    await importing(rig, Sheet([bought], section))
    # 7,500 x 2/5 - 5,005 x 2/5 and 7,500 x 3/5 - 5,005 x 3/5
    assert await standing(rig) == [
        ("EXERCISED", Decimal(998), "EXACT"),
        ("EXERCISED", Decimal(1497), "EXACT"),
    ]


async def test_cash_that_does_not_divide_is_shared_out_to_the_last_millionth(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    bought = trade("3", "10", "20260303;100000", "0", what=put())
    section = [
        *(ended(units, "Exercise", "20260306", what=put()) for units in ("-1", "-1", "-1")),
        ended("0", "Cash Settlement", "20260306", what=put(), proceeds="1000"),
    ]
    await importing(rig, Sheet([bought], section))
    assert await total(rig) == Decimal(-2000)


async def test_without_the_cost_nothing_is_lost_but_it_is_no_fact(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    bare = [{k: v for k, v in row.items() if k != "cost"} for row in ASSIGNED]
    await importing(rig, Sheet([SOLD_PUT, *bare, SOLD_STOCK]))
    assert await standing(rig) == [
        ("ASSIGNED", Decimal("199.35"), "ESTIMATED"),
        ("FILL", Decimal(-101), "ESTIMATED"),
    ]


async def test_case_7_an_expiry_that_we_had_guessed(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    option = Instrument(5, "XYZ", "OPT", "USD", "20260306", "50", "P", "100")
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade_in(option, Side.SOLD, "1", "0.80", "0.65")
    broker.hold(5, "-1", "79.35", what=option)
    await rig.engine.sync_now()
    broker.fills.clear()
    broker.commissions.clear()
    broker.drop(5)
    await rig.clock.advance(7 * DAY)
    await rig.engine.sync_now()
    assert await standing(rig) == [("EXPIRED", Decimal("79.35"), "ESTIMATED")]
    await importing(rig, Sheet([booking("1", "Ep", "20260306", what=put(), cost="79.35")]))
    assert await standing(rig) == [("EXPIRED", Decimal("79.35"), "EXACT")]
    exact = next(e for e in await rig.engine.reads.entries(EntryQuery()) if e.quality == "EXACT")
    assert f"{exact.closed_at:%Y-%m-%d %H:%M}" == "2026-03-06 21:20"
    assert exact.supersedes_id is not None


async def test_case_10_a_split(start: Start, broker: ScriptedBroker, importing: Importer) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(
        rig,
        Sheet(
            [
                trade("10", "400", "20260303;100000", "-1"),
                trade("-40", "110", "20260310;100000", "-1"),
            ],
            actions=[action("30", "XYZ(US0000000001) SPLIT 4 FOR 1 (XYZ)", "20260306;202500")],
        ),
    )
    assert await standing(rig) == [("FILL", Decimal(398), "EXACT")]
    _, plan = await importing(
        rig,
        Sheet(
            actions=[
                action(
                    "30",
                    "XYZ(US0000000001) SPLIT 4 FOR 1 (XYZ)",
                    "2026-03-06;20:25:00",
                    actionID="",
                )
            ]
        ),
    )
    assert plan.is_empty


async def test_case_11_a_reverse_split_with_a_fraction_cashed(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    cashed = trade("-0.5", "11", "20260307;000000", "0", transactionType="FracShare", ibExecID="")
    await importing(
        rig,
        Sheet(
            [trade("105", "1", "20260303;100000", "-1"), cashed | {"ibExecID": ""}],
            actions=[action("-94.5", "XYZ SPLIT 1 FOR 10", "20260306;202500", kind="RS")],
        ),
    )
    assert await standing(rig) == [("FILL", Decimal("0.452381"), "EXACT")]
    life = await life_of(rig, 1)
    assert (life.quantity, life.own_average_cost(life.entries[0].method, "USD")) == (
        Decimal(10),
        Decimal("10.0952381"),
    )


async def test_a_split_seen_in_a_snapshot_first(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "10", "400.1")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    broker.hold(1, "40", "100.025")
    await rig.engine.sync_now()
    split = action("30", "XYZ SPLIT 4 FOR 1", "20260306;202500")
    await importing(rig, Sheet([trade("10", "400", "20260203;100000", "-1")], actions=[split]))
    life = await life_of(rig, 1)
    assert (life.quantity, [lot.is_seeded for lot in life.lots]) == (Decimal(40), [False])
    assert await standing(rig) == []


async def test_an_action_that_is_taken_back_changes_nothing(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    taken_back = [
        action("30", "XYZ SPLIT 4 FOR 1", "20260305;202500"),
        action("-30", "XYZ SPLIT 4 FOR 1", "20260305;202500"),
    ]
    _, plan = await importing(rig, Sheet(actions=taken_back))
    assert plan.is_empty


async def test_transfers(start: Start, broker: ScriptedBroker, importing: Importer) -> None:
    rig = await seeing_nothing(start, broker)
    inside = moved(
        "22", "20260304", type="INTERNAL", positionAmount="527.164", pnlAmount="-36.553858",
        dateTime="20260304;102932",
    )  # fmt: skip
    money = moved("0", "20260304", assetCategory="CASH", conid="", symbol="--")
    from_outside = moved("5", "20260304", conid="2", symbol="S2", positionAmount="500")
    out = moved("-10", "20260306")
    await importing(rig, Sheet(transfers=[inside, money, from_outside, out]))
    assert await standing(rig) == [("TRANSFERRED", None, "ESTIMATED")]
    life = await life_of(rig, 1)
    (lot,) = life.lots
    # 563.717858 was paid for 22; 12 are left.
    assert (lot.quantity, lot.value_micros, lot.is_seeded) == (
        Decimal(12),
        307_482_468,
        True,
    )
    assert (await life_of(rig, 2)).lots[0].value_micros is None
