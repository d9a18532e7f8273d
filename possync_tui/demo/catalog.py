"""The contracts of the default desk: real ones with their real ids where those do not expire."""

from datetime import date
from decimal import Decimal

from possync_tui.demo.expiries import option_symbol, third_friday
from possync_tui.demo.instruments import Instrument

#: Ids of simulated derivative months start here, above those that IBKR has given out so far.
_DERIVATIVE_IDS = 1_700_000_000


def stock(
    con_id: int,
    symbol: str,
    primary: str,
    name: str,
    *,
    currency: str = "USD",
    trading_class: str = "NMS",
    tick: str = "0.01",
    size_step: str = "1",
    zone: str = "US/Eastern",
    price_factor: str = "1",
) -> Instrument:
    """A share, routed by SMART; in London with a `price_factor` of 0.01, for prices in pence."""
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        sec_type="STK",
        currency=currency,
        primary_exchange=primary,
        local_symbol=symbol,
        trading_class=trading_class,
        tick=Decimal(tick),
        size_step=Decimal(size_step),
        price_factor=Decimal(price_factor),
        name=name,
        zone=zone,
    )


def option(
    today: date, under: Instrument, serial: int, right: str, strike: str, *, min_days: int = 30
) -> Instrument:
    """A listed option on a share, third Friday, multiplier 100."""
    expiry, price = third_friday(today, min_days), Decimal(strike)
    return Instrument(
        con_id=_DERIVATIVE_IDS + serial * 100_000 + expiry.month_number,
        symbol=under.symbol,
        sec_type="OPT",
        currency=under.currency,
        local_symbol=option_symbol(under.symbol, expiry, right, price),
        trading_class=under.symbol,
        expiry=expiry.wire,
        strike=price,
        right=right,
        multiplier="100",
        name=under.name,
        under_con_id=under.con_id,
        under_symbol=under.symbol,
        under_sec_type="STK",
        volatility=Decimal("0.004"),
    )


def future(
    today: date,
    symbol: str,
    serial: int,
    exchange: str,
    name: str,
    *,
    multiplier: str,
    tick: str,
    currency: str = "USD",
) -> Instrument:
    """A quarterly future."""
    expiry = third_friday(today, 20, quarterly=True)
    return Instrument(
        con_id=_DERIVATIVE_IDS + serial * 100_000 + expiry.month_number,
        symbol=symbol,
        sec_type="FUT",
        currency=currency,
        exchange=exchange,
        local_symbol=f"{symbol}{expiry.future_suffix}",
        trading_class=symbol,
        expiry=expiry.wire,
        multiplier=multiplier,
        tick=Decimal(tick),
        name=name,
        under_symbol=symbol,
        under_sec_type="IND",
        zone="US/Central",
        volatility=Decimal("0.0003"),
    )


def future_option(
    today: date, under: Instrument, serial: int, right: str, strike: str
) -> Instrument:
    """An option on a future, on a third Friday up to the future's own."""
    expiry = third_friday(today, 10)
    return Instrument(
        con_id=_DERIVATIVE_IDS + serial * 100_000 + expiry.month_number,
        symbol=under.symbol,
        sec_type="FOP",
        currency=under.currency,
        exchange=under.exchange,
        local_symbol=f"{under.symbol}{expiry.future_suffix} {right}{strike}",
        trading_class=under.symbol,
        expiry=expiry.wire,
        strike=Decimal(strike),
        right=right,
        multiplier=under.multiplier,
        tick=Decimal("0.25"),
        name=under.name,
        under_con_id=under.con_id,
        under_symbol=under.local_symbol,
        under_sec_type="FUT",
        zone="US/Central",
        volatility=Decimal("0.004"),
    )


def currency_pair(con_id: int, base: str, quote: str, tick: str) -> Instrument:
    """A virtual FX position: so many units of the base currency, priced in the other."""
    return Instrument(
        con_id=con_id,
        symbol=base,
        sec_type="CASH",
        currency=quote,
        exchange="IDEALPRO",
        local_symbol=f"{base}.{quote}",
        trading_class=f"{base}.{quote}",
        tick=Decimal(tick),
        size_step=Decimal(1000),
        name=f"{base} against {quote}",
        volatility=Decimal("0.0001"),
    )


def bond(
    con_id: int, symbol: str, name: str, maturity: str, *, currency: str = "USD"
) -> Instrument:
    """A bond: quantity in face value, price in per cent of par (see ``Instrument``)."""
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        sec_type="BOND",
        currency=currency,
        local_symbol=f"IBCID{con_id}",
        trading_class=symbol,
        expiry=maturity,
        price_factor=Decimal("0.01"),
        tick=Decimal("0.001"),
        size_step=Decimal(1000),
        name=name,
        volatility=Decimal("0.0001"),
    )


def coin(con_id: int, symbol: str, name: str, tick: str) -> Instrument:
    """A crypto-currency in US dollars, in fractions of eight decimals."""
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        sec_type="CRYPTO",
        exchange="PAXOS",
        local_symbol=f"{symbol}.USD",
        trading_class=symbol,
        tick=Decimal(tick),
        size_step=Decimal("0.00000001"),
        name=name,
        volatility=Decimal("0.0008"),
    )
