"""Expiry, assignment and exercise, as snapshots show them: no fill comes for any of them."""

import asyncio
from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Side
from possync_tui.domain.position import CostMethod
from possync_tui.ledger.port import EntryQuery, LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine

from .conftest import ACCOUNT, Rig, ScriptedBroker, Start, settle

DAY = 86_400.0
STOCK = Instrument(1, "XYZ", "STK", "USD")


def option(con_id: int, right: str, strike: str) -> Instrument:
    return Instrument(
        con_id, "XYZ", "OPT", "USD", expiry="20260306", strike=strike, right=right, multiplier="100"
    )


async def rows(rig: Rig) -> list[tuple[str, Decimal | None, str, Decimal]]:
    found = await rig.engine.reads.entries(EntryQuery())
    return [(e.kind, e.realized_pnl, e.quality, e.quantity_closed) for e in found]


async def with_option(
    start: Start, broker: ScriptedBroker, what: Instrument, side: Side, price: str, commission: str
) -> Rig:
    """A rig that saw one option contract being opened."""
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade_in(what, side, "1", price, commission)
    money = Decimal(price) * 100
    short = side is Side.SOLD
    cost = money - Decimal(commission) if short else money + Decimal(commission)
    broker.hold(what.con_id, "-1" if short else "1", str(cost), what=what)
    assert (await rig.engine.sync_now()).created == 1
    return rig


async def test_case_7_a_short_option_expires_worthless(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await with_option(start, broker, option(5, "P", "50"), Side.SOLD, "0.80", "0.65")
    broker.drop(5)
    await rig.clock.advance(4 * DAY)  # the 6th: still its expiry day
    assert (await rig.engine.sync_now()).closed == 0
    await rig.clock.advance(3 * DAY)
    assert (await rig.engine.sync_now()).closed == 1
    assert await rows(rig) == [("EXPIRED", Decimal("79.35"), "ESTIMATED", Decimal(1))]
    assert (await rig.engine.reads.verify()).ok


async def test_an_option_that_was_worth_something_has_no_amount(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await with_option(start, broker, option(5, "P", "50"), Side.SOLD, "0.80", "0.65")
    broker.mark(5, "4.20")
    broker.drop(5)
    await rig.clock.advance(7 * DAY)
    await rig.engine.sync_now()
    assert await rows(rig) == [("EXPIRED", None, "ESTIMATED", Decimal(1))]


@pytest.mark.parametrize("falls_silent", ["never", "before the stop", "after it"])
@pytest.mark.parametrize(
    ("last_price", "amount"),
    [("0.01", Decimal("-200.65")), ("45.30", None), (None, Decimal("-200.65"))],
)
async def test_what_an_option_was_worth_when_the_program_was_stopped(
    start: Start,
    broker: ScriptedBroker,
    last_price: str | None,
    amount: Decimal | None,
    falls_silent: str,
) -> None:
    """Settled in cash, or worthless: the next run knows what it was last seen at.

    A live value with nothing in it, as TWS sends one of what has ended, takes nothing of that away.
    """

    def fall_silent() -> None:
        key = PositionKey(ACCOUNT, 5)
        broker.marks_now[key] = Mark(key, rig.clock.now(), "", broker.state.session_id)

    rig = await with_option(start, broker, option(5, "C", "50"), Side.BOUGHT, "2.00", "0.65")
    await rig.clock.advance(4 * DAY)
    if last_price is not None:
        broker.mark(5, last_price)
    await rig.engine.sync_now()
    if falls_silent == "before the stop":
        fall_silent()
        await rig.engine.sync_now()
    await rig.engine.stop()
    await rig.clock.advance(3 * DAY)
    broker.drop(5)
    broker.marks_now.clear()
    if falls_silent == "after it":
        fall_silent()

    async def opened() -> LedgerPort:
        return await open_ledger(rig.path, clock=rig.clock)

    rig.engine = Engine(broker=broker, open_ledger=opened, policy=rig.policy, clock=rig.clock)
    await rig.engine.start()
    await settle()
    assert (await rig.engine.sync_now()).closed == 1
    assert await rows(rig) == [("EXPIRED", amount, "ESTIMATED", Decimal(1))]
    realized = [line for line in await rig.engine.reads.journal() if line.kind == "realized"]
    assert all(("a Flex statement" in line.evidence) is (amount is None) for line in realized)
    assert len(realized) == 2
    assert (await rig.engine.reads.verify()).ok


async def test_case_18_a_short_put_is_assigned(start: Start, broker: ScriptedBroker) -> None:
    rig = await with_option(start, broker, option(5, "P", "50"), Side.SOLD, "2.00", "0.65")
    await rig.clock.advance(5 * DAY)
    broker.drop(5)
    broker.hold(1, "100", "48.0065", what=STOCK)
    result = await rig.engine.sync_now()
    assert (result.created, result.closed, result.missing) == (1, 1, 0)
    assert await rows(rig) == [("ASSIGNED", Decimal(0), "EXACT", Decimal(1))]
    stock = next(v for v in await rig.engine.reads.positions() if v.con_id == 1)
    assert stock.average_cost == Decimal("48.0065")
    assert (await rig.engine.reads.verify()).ok

    broker.trade_in(STOCK, Side.SOLD, "100", "49", "1")
    broker.drop(1)
    await rig.engine.sync_now()
    sold = (await rig.engine.reads.entries(EntryQuery()))[0]
    # 100 x 49 - 1 - (5,000 - 199.35)
    assert (sold.realized_pnl, sold.quality) == (Decimal("98.35"), "EXACT")
    assert (await rig.engine.reads.verify()).ok


@pytest.mark.parametrize(
    ("right", "side", "stock", "cost"),
    [
        ("C", Side.BOUGHT, "100", "52.0065"),  # exercised call: strike + premium paid
        ("C", Side.SOLD, "-100", "51.9935"),  # assigned call: sold at strike + premium got
        ("P", Side.BOUGHT, "-100", "47.9935"),  # exercised put: sold at strike - premium paid
    ],
)
async def test_every_kind_of_delivery(
    start: Start, broker: ScriptedBroker, right: str, side: Side, stock: str, cost: str
) -> None:
    rig = await with_option(start, broker, option(5, right, "50"), side, "2.00", "0.65")
    broker.drop(5)
    broker.hold(1, stock, cost, what=STOCK)
    await rig.engine.sync_now()
    ((kind, amount, quality, _),) = await rows(rig)
    assert kind == ("ASSIGNED" if side is Side.SOLD else "EXERCISED")
    assert (amount, quality) == (Decimal(0), "EXACT")
    (lot,) = (await rig.engine.ledger.stored_lives([PositionKey(ACCOUNT, 1)]))[
        PositionKey(ACCOUNT, 1)
    ]
    assert lot.life.pool is not None
    assert lot.life.pool.value_micros == abs(Decimal(cost) * 100) * 1_000_000 + 0
    assert (await rig.engine.reads.verify()).ok


async def test_an_option_on_a_future_brings_one_future(
    start: Start, broker: ScriptedBroker
) -> None:
    call = Instrument(5, "ES", "FOP", "USD", "20260306", "5000", "C", "50")
    future = Instrument(6, "ES", "FUT", "USD", "20260320", multiplier="50", local_symbol="ESH6")
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade_in(call, Side.BOUGHT, "2", "20", "3")
    broker.hold(5, "2", "1001.5", what=call)
    await rig.engine.sync_now()
    broker.drop(5)
    # 2 x 50 x 5,000, and 2 x 50 x 20 + 3 of premium
    broker.hold(6, "2", "251001.5", what=future)
    result = await rig.engine.sync_now()
    assert (result.closed, result.missing) == (1, 0)
    assert await rows(rig) == [("EXERCISED", Decimal(0), "EXACT", Decimal(2))]
    assert (await rig.engine.reads.verify()).ok


async def test_a_part_of_a_short_option_is_assigned_early(
    start: Start, broker: ScriptedBroker
) -> None:
    what = option(5, "P", "50")
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade_in(what, Side.SOLD, "5", "2.00", "0")
    broker.hold(5, "-5", "200", what=what)
    await rig.engine.sync_now()
    await rig.clock.advance(DAY)
    broker.mark(5, "6.00")
    broker.hold(5, "-3", "200", what=what)
    broker.hold(1, "200", "48", what=STOCK)
    result = await rig.engine.sync_now()
    assert (result.closed, result.missing) == (0, 0)
    assert await rows(rig) == [("ASSIGNED", Decimal(0), "EXACT", Decimal(2))]
    held = {v.con_id: (v.quantity, v.average_cost) for v in await rig.engine.reads.positions()}
    assert held == {
        5: (Decimal(-3), Decimal(200)),
        1: (Decimal(200), Decimal(48)),
        99: (Decimal(5), Decimal(7)),
    }
    # The other three, a day later; nothing is left of the option.
    await rig.clock.advance(DAY)
    broker.drop(5)
    broker.hold(1, "500", "48", what=STOCK)
    assert (await rig.engine.sync_now()).closed == 1
    assert [row[:3] for row in await rows(rig)] == [("ASSIGNED", Decimal(0), "EXACT")] * 2
    assert (await rig.engine.reads.verify()).ok


async def test_a_part_moves_the_premium_that_came_first(
    start: Start, broker: ScriptedBroker
) -> None:
    what = option(5, "P", "50")
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade_in(what, Side.SOLD, "1", "2.00", "0")
    broker.trade_in(what, Side.SOLD, "1", "3.00", "0")
    broker.hold(5, "-2", "250", what=what)
    await rig.engine.sync_now()
    broker.hold(5, "-1", "300", what=what)
    broker.hold(1, "100", "48", what=STOCK)
    await rig.engine.sync_now()
    broker.trade_in(what, Side.BOUGHT, "1", "1.00", "0")
    broker.trade_in(STOCK, Side.SOLD, "100", "49", "0")
    broker.drop(5)
    broker.drop(1)
    await rig.engine.sync_now()
    # Cash: 200 + 300 - 5,000 - 100 + 4,900, whatever the method; IBKR moved the first 200.
    for method, amounts in ((CostMethod.FIFO, [0, 100, 200]), (CostMethod.AVERAGE, [50, 100, 150])):
        found = await rig.engine.reads.entries(EntryQuery(method=method))
        assert sorted(e.realized_pnl or Decimal(0) for e in found) == amounts
        assert {e.quality for e in found} == {"EXACT"}
    assert (await rig.engine.reads.verify()).ok


async def test_a_part_for_which_nothing_came_stays_unexplained(
    start: Start, broker: ScriptedBroker
) -> None:
    what = option(5, "P", "50")
    broker.hold(99, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade_in(what, Side.SOLD, "5", "2.00", "0")
    broker.hold(5, "-5", "200", what=what)
    await rig.engine.sync_now()
    broker.hold(5, "-3", "200", what=what)
    broker.hold(1, "100", "48", what=STOCK)
    await rig.engine.sync_now()
    assert await rows(rig) == [("UNEXPLAINED", None, "ESTIMATED", Decimal(2))]


@pytest.mark.parametrize(
    ("what", "came"),
    [
        (Instrument(5, "ES", "FOP", "USD", "20260306", "60", "C", "50"), "STK"),
        (Instrument(5, "ES", "OPT", "USD", "20260306", "60", "C", "1"), "FUT"),
    ],
)
async def test_an_option_brings_only_what_it_is_on(
    start: Start, broker: ScriptedBroker, what: Instrument, came: str
) -> None:
    """A future and a share can have the same symbol."""
    rig = await with_option(start, broker, what, Side.BOUGHT, "2.00", "0.65")
    broker.drop(5)
    broker.hold(1, "1", "62", what=Instrument(1, "ES", came, "USD"))
    assert (await rig.engine.sync_now()).missing == 1
    assert await rows(rig) == []


async def test_a_pairing_that_the_cost_does_not_confirm_is_no_fact(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await with_option(start, broker, option(5, "P", "50"), Side.SOLD, "2.00", "0.65")
    broker.drop(5)
    broker.hold(1, "100", "48.60", what=STOCK)
    await rig.engine.sync_now()
    assert [(kind, quality) for kind, _, quality, _ in await rows(rig)] == [
        ("ASSIGNED", "ESTIMATED")
    ]


async def test_units_that_were_bought_are_no_exercise(start: Start, broker: ScriptedBroker) -> None:
    """Bought at 45 while nothing ran; exercised they would have cost 52 each."""
    rig = await with_option(start, broker, option(5, "C", "50"), Side.BOUGHT, "2.00", "0.65")
    broker.mark(5, "0.01")
    await rig.engine.sync_now()
    await rig.clock.advance(7 * DAY)
    broker.drop(5)
    broker.hold(1, "100", "45.01", what=STOCK)
    await rig.engine.sync_now()
    assert [(kind, amount) for kind, amount, _, _ in await rows(rig)] == [
        ("EXPIRED", Decimal("-200.65"))
    ]
    broker.trade_in(STOCK, Side.SOLD, "100", "45", "1")
    broker.drop(1)
    await rig.engine.sync_now()
    # 4,500 - 1 - 4,501, at the broker's own cost
    assert Decimal(-2) in [amount for _, amount, _, _ in await rows(rig)]


async def test_a_premium_that_nobody_saw_confirms_nothing(
    start: Start, broker: ScriptedBroker
) -> None:
    broker.hold(9, "5", "7")
    broker.hold(5, "-1", "199.35", what=option(5, "P", "50"))
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(5 * DAY)
    broker.drop(5)
    broker.hold(1, "100", "48.0065", what=STOCK)
    await rig.engine.sync_now()
    broker.trade_in(STOCK, Side.SOLD, "100", "50", "0")
    broker.drop(1)
    await rig.engine.sync_now()
    assert {quality for _, _, quality, _ in await rows(rig)} == {"ESTIMATED"}


async def test_a_row_may_come_a_moment_after_its_fill(start: Start, broker: ScriptedBroker) -> None:
    """Without it, at the first look, a purchase would have closed what nobody had."""
    rig = await start(grace=5)
    broker.hold(9, "5", "7")
    broker.trade(1, Side.BOUGHT, "100", "10")
    syncing = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(2)
    broker.hold(1, "100", "10.01")
    await rig.clock.advance(30)
    assert (await syncing).ok
    assert await rows(rig) == []
    broker.trade(2, Side.BOUGHT, "100", "10")
    syncing = asyncio.create_task(rig.engine.sync_now())
    await rig.clock.advance(2)
    broker.hold(2, "100", "10.01")
    await rig.clock.advance(30)
    assert (await syncing).missing == 0
    assert await rig.engine.reads.holds() == []


async def test_units_that_do_not_fit_are_no_delivery(start: Start, broker: ScriptedBroker) -> None:
    rig = await with_option(start, broker, option(5, "P", "50"), Side.SOLD, "2.00", "0.65")
    broker.drop(5)
    broker.hold(1, "60", "48.0065", what=STOCK)
    result = await rig.engine.sync_now()
    assert (result.missing, result.closed) == (1, 0)
    assert await rows(rig) == []


async def test_an_option_missed_first_is_paired_when_its_stock_comes(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await with_option(start, broker, option(5, "P", "50"), Side.SOLD, "2.00", "0.65")
    broker.drop(5)
    assert (await rig.engine.sync_now()).missing == 1
    broker.hold(1, "100", "48.0065", what=STOCK)
    result = await rig.engine.sync_now()
    assert (result.missing, result.closed) == (0, 1)
    assert await rows(rig) == [("ASSIGNED", Decimal(0), "EXACT", Decimal(1))]
    await rig.engine.sync_now()
    assert await rig.engine.reads.holds() == []
    assert (await rig.engine.reads.verify()).ok
