"""Exchange rates: IBKR's own, with their age, or none at all."""

from dataclasses import replace
from decimal import Decimal

from possync_tui.broker.session import IbkrBroker
from possync_tui.demo import DemoGateway, default_desk
from possync_tui.domain.instruments import PositionKey
from tests.broker.conftest import QUICK, Connect, Session
from tests.broker.scripted import PORTFOLIO, Fields, ScriptedTws

APPLE = PositionKey("DU1", 265598)
SAP = PositionKey("DU2", 14204)


def value(name: str, text: str, currency: str, account: str = "DU1") -> Fields:
    return ["6", "2", name, text, currency, account]


async def told(tws: ScriptedTws, connect: Connect, *values: Fields) -> Session:
    """A session that was sent these account values, then a last one that marks their end."""
    session = await connect()
    await session.broker.watch(frozenset({APPLE}))
    await session.until(lambda: tws.client.seen(PORTFOLIO))
    tws.send(*values, value("ExchangeRate", "7.5", "ZZZ"), value("NetLiquidation", "1", "ZZZ", "-"))
    book = session.broker._book.rate_book
    await session.until(lambda: "ZZZ" in book._told.get("DU1", {}), "the last account value")
    return session


async def test_a_rate_is_in_the_base_currency_and_has_a_time(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await told(
        tws,
        connect,
        value("ExchangeRate", "1.0843125", "EUR"),
        value("ExchangeRate", "1.00", "USD"),
        value("ExchangeRate", "1.00", "BASE"),
        value("NetLiquidation", "125000.25", "USD"),
    )
    rates = session.broker.rates
    assert set(rates) == {("DU1", "EUR"), ("DU1", "USD"), ("DU1", "ZZZ")}
    euro = rates["DU1", "EUR"]
    assert (euro.value, euro.base) == (Decimal("1.0843125"), "USD")
    assert euro.at.tzinfo is not None


async def test_without_a_base_currency_there_are_no_rates(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await told(
        tws,
        connect,
        value("ExchangeRate", "1.08", "EUR"),
        value("NetLiquidationByCurrency", "1", "USD"),
        value("NetLiquidation-S", "1", "USD"),
    )
    assert session.broker.rates == {}


async def test_a_base_currency_that_is_not_worth_one_is_not_believed(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await told(
        tws,
        connect,
        value("ExchangeRate", "0.92", "USD"),
        value("ExchangeRate", "1.08", "EUR"),
        value("NetLiquidation", "1", "USD"),
    )
    assert session.broker.rates == {}


async def test_what_is_no_rate_is_unknown_and_takes_the_old_one_along(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await told(
        tws,
        connect,
        value("NetLiquidation", "1", "USD"),
        value("ExchangeRate", "1.08", "EUR"),
        value("ExchangeRate", "NaN", "EUR"),
        value("ExchangeRate", "0.0", "GBP"),
        value("ExchangeRate", "-1", "JPY"),
        value("ExchangeRate", "", "CHF"),
        value("ExchangeRate", "1.1", "[b]"),
        value("ExchangeRate", "1.1", "CAD", "DU9"),
        ["6", "2", "ExchangeRate"],
    )
    assert set(session.broker.rates) == {("DU1", "ZZZ")}
    assert session.problems() == []


async def test_a_rate_outlives_its_session_and_keeps_its_time(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await told(
        tws,
        connect,
        value("NetLiquidation", "1", "USD"),
        value("ExchangeRate", "1.08", "EUR"),
    )
    before = session.broker.rates["DU1", "EUR"]
    first = session.broker.state.session_id
    tws.client.drop()
    await session.until(
        lambda: session.broker.state.is_usable and session.broker.state.session_id != first
    )
    assert session.broker.rates["DU1", "EUR"] == before


async def test_the_demo_tells_its_rates() -> None:
    gateway = DemoGateway(default_desk(seed=3))
    await gateway.start()
    session = Session(IbkrBroker(replace(QUICK, port=gateway.port)))
    try:
        await session.broker.start()
        await session.broker.connected(5)
        await session.broker.watch(
            frozenset(
                PositionKey(row.account, row.instrument.con_id) for row in gateway.desk.positions()
            )
        )
        desk = gateway.desk
        wanted = {(code, currency) for code in desk.accounts for currency in desk.cash[code]}
        await session.until(lambda: set(session.broker.rates) == wanted, "all rates")
        for (_, currency), rate in session.broker.rates.items():
            assert rate.base == desk.base_currency
            assert rate.value == desk.rates[currency]
    finally:
        await session.broker.stop()
        await gateway.stop()
