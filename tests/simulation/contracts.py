"""The contracts of a world; more kinds of them from `FIRST_WIDER` on.

The worlds before stay as they are, so that a seed that has shown a fault goes on telling its story.
"""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from possync_tui.demo import Instrument

FIRST_WIDER = 100_000


def instruments(rng: Random, today: date) -> list[tuple[Instrument, Decimal]]:
    """A few contracts; derivatives may expire while the simulation runs."""
    some: list[tuple[Instrument, Decimal]] = []
    for number in range(rng.randint(1, 3)):
        symbol = "ABC"[number] * 3
        stock = Instrument(1000 + number, symbol, "STK", primary_exchange="NASDAQ")
        some.append((stock, Decimal(rng.randint(500, 40_000)) / 100))
    day = (today + timedelta(days=rng.choice((0, 1, 30)))).strftime("%Y%m%d")
    option = Instrument(
        con_id=2000,
        symbol="AAA",
        sec_type="OPT",
        expiry=day,
        strike=Decimal(100),
        right="C",
        multiplier="100",
        local_symbol=f"AAA   {day[2:]}C00100000",
        trading_class="AAA",
        under_con_id=1000,
    )
    future = Instrument(
        3000, "ES", "FUT", exchange="CME", expiry=day, multiplier="50", local_symbol="ESX6"
    )
    coin = Instrument(4000, "BTC", "CRYPTO", exchange="PAXOS", size_step=Decimal("0.0001"))
    euro = Instrument(5000, "SAP", "STK", currency="EUR", primary_exchange="IBIS")
    for instrument, price, share in (
        (option, Decimal(rng.randint(5, 900)) / 100, 0.6),
        (future, Decimal(5000), 0.4),
        (coin, Decimal("60123.45"), 0.4),
        (euro, Decimal("131.2"), 0.3),
    ):
        if rng.random() < share:
            some.append((instrument, price))
    return some


def is_wider(seed: int) -> bool:
    return seed >= FIRST_WIDER


def more_instruments(rng: Random, today: date) -> list[tuple[Instrument, Decimal]]:
    """Quoted in cents, in pence and in per cent, and a pair of currencies."""
    day = (today + timedelta(days=rng.choice((1, 30)))).strftime("%Y%m%d")
    cents = Decimal("0.01")
    corn = Instrument(
        6000,
        "ZC",
        "FUT",
        exchange="CBOT",
        expiry=day,
        multiplier="5000",
        local_symbol="ZCZ6",
        price_factor=cents,
        tick=Decimal("0.25"),
    )
    london = Instrument(
        6100,
        "VOD",
        "STK",
        currency="GBP",
        primary_exchange="LSE",
        price_factor=cents,
    )
    bond = Instrument(
        6200,
        "T",
        "BOND",
        local_symbol="IBCID6200",
        expiry="20360515",
        price_factor=cents,
        tick=Decimal("0.001"),
    )
    euros = Instrument(7000, "EUR", "CASH", exchange="IDEALPRO", local_symbol="EUR.USD")
    some = (
        (corn, Decimal("437.25"), 0.6),
        (london, Decimal("72.34"), 0.6),
        (bond, Decimal("98.45"), 0.4),
        (euros, Decimal("1.08"), 0.6),
    )
    return [(instrument, price) for instrument, price, share in some if rng.random() < share]
