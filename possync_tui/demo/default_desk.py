"""The desk that ``possync-tui demo`` shows: three accounts, 25 positions, a day begun."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from possync_tui.demo import catalog
from possync_tui.demo.book import COST_STEP
from possync_tui.demo.clock import Clock, SystemClock
from possync_tui.demo.desk import Desk
from possync_tui.demo.instruments import Instrument
from possync_tui.demo.records import AccountSetup, Side
from possync_tui.demo.wire import DESK_ZONE

#: Prices of one unit in US dollars.
RATES: Final = {
    "EUR": Decimal("1.0842"),
    "GBP": Decimal("1.2736"),
    "CHF": Decimal("1.1235"),
    "JPY": Decimal("0.00664"),
}

#: account number, quantity, price paid (as quoted), price now, contract
Row = tuple[int, str, str, str, Instrument]


def default_desk(seed: int = 1, clock: Clock | None = None, *, account_prefix: str = "DU") -> Desk:
    """The three-account desk. The seed varies quantities a little and today's first fills.

    Option and future months follow the clock, so that nothing in it has expired.
    ``account_prefix`` makes account numbers that do not look like paper accounts.
    """
    clock = clock or SystemClock()
    codes = [f"{account_prefix}100000{n}" for n in (1, 2, 3)]
    setups = [
        AccountSetup(codes[0], {"USD": Decimal("182340.55")}),
        AccountSetup(
            codes[1],
            {"USD": Decimal(25000), "EUR": Decimal("48210.17"), "GBP": Decimal("9120.40")},
        ),
        AccountSetup(codes[2], {"USD": Decimal(61200), "CHF": Decimal("15300.25")}),
    ]
    desk = Desk(setups, clock=clock, rates=RATES)
    draws = random.Random(f"desk {seed}")
    today = clock.now().astimezone(ZoneInfo(DESK_ZONE)).date()
    for number, quantity, paid, price, instrument in _rows(today):
        held = _varied(Decimal(quantity), instrument, draws)
        cost = (Decimal(paid) * instrument.unit).quantize(COST_STEP)
        desk.add_position(codes[number - 1], instrument, held, cost, price)
    _begin_day(desk, draws, seed)
    return desk


def _rows(today: date) -> Iterator[Row]:
    yield from _american(today)
    yield from _european()
    yield from _mixed(today)


def _american(today: date) -> Iterator[Row]:
    apple = catalog.stock(265598, "AAPL", "NASDAQ", "APPLE INC")
    nvidia = catalog.stock(4815747, "NVDA", "NASDAQ", "NVIDIA CORP")
    spy = catalog.stock(756733, "SPY", "ARCA", "SPDR S&P 500 ETF TRUST", trading_class="SPY")
    mini = catalog.future(today, "ES", 1, "CME", "E-mini S&P 500", multiplier="50", tick="0.25")
    yield 1, "300", "186.1234", "227.52", apple
    yield 1, "120", "402.55", "428.15", catalog.stock(272093, "MSFT", "NASDAQ", "MICROSOFT CORP")
    yield 1, "250", "98.417", "134.82", nvidia
    yield 1, "-150", "262.31", "248.09", catalog.stock(76792991, "TSLA", "NASDAQ", "TESLA INC")
    yield 1, "400", "571.0225", "583.64", spy
    yield 1, "5", "6.2065", "8.35", catalog.option(today, apple, 2, "C", "230")
    yield 1, "-10", "4.8935", "3.12", catalog.option(today, nvidia, 3, "P", "120")
    yield 1, "-4", "7.1565", "9.05", catalog.option(today, spy, 4, "C", "595", min_days=60)
    yield 1, "2", "5790.295", "5841.25", mini
    yield 1, "3", "41.50", "36.25", catalog.future_option(today, mini, 5, "P", "5700")


def _european() -> Iterator[Row]:
    zone = "MET"
    sap = catalog.stock(
        14204, "SAP", "IBIS", "SAP SE", currency="EUR", trading_class="XETRA", zone=zone
    )
    asml = catalog.stock(
        *(117589399, "ASML", "AEB", "ASML HOLDING NV"),
        currency="EUR",
        trading_class="ASML",
        tick="0.1",
        zone=zone,
    )
    vodafone = catalog.stock(
        *(147520425, "VOD", "LSE", "VODAFONE GROUP PLC"),
        currency="GBP",
        trading_class="SET0",
        tick="0.02",
        zone="GB-Eire",
        price_factor="0.01",
    )
    nestle = catalog.stock(
        *(49462172, "NESN", "EBS", "NESTLE SA-REG"),
        currency="CHF",
        trading_class="NESN",
        tick="0.02",
        zone=zone,
    )
    toyota = catalog.stock(
        *(13905925, "7203", "TSEJ", "TOYOTA MOTOR CORP"),
        currency="JPY",
        trading_class="7203",
        tick="0.5",
        zone="Japan",
    )
    yield 2, "180", "171.05", "213.35", sap
    yield 2, "-40", "684.2", "655.7", asml
    yield 2, "12000", "72.14", "73.86", vodafone
    yield 2, "220", "91.44", "87.12", nestle
    yield 2, "1500", "2612", "2655.5", toyota
    yield 2, "25000", "1.07652", "1.08415", catalog.currency_pair(12087792, "EUR", "USD", "0.00005")
    yield 2, "-15000", "1.2688", "1.27355", catalog.currency_pair(12087797, "GBP", "USD", "0.00005")


def _mixed(today: date) -> Iterator[Row]:
    amazon = catalog.stock(3691937, "AMZN", "NASDAQ", "AMAZON.COM INC", size_step="0.0001")
    google = catalog.stock(208813720, "GOOG", "NASDAQ", "ALPHABET INC-CL C", size_step="0.0001")
    micro = catalog.future(
        today, "MNQ", 6, "CME", "Micro E-mini Nasdaq-100", multiplier="2", tick="0.25"
    )
    gold = catalog.future(today, "GC", 7, "COMEX", "Gold", multiplier="100", tick="0.1")
    apple_bond = catalog.bond(127128131, "AAPL", "AAPL 3.85 05/04/43", "20430504")
    treasury = catalog.bond(366518521, "US-T", "US-T 2 7/8 05/15/43", "20430515")
    yield 3, "12.3456", "171.3", "186.42", amazon
    yield 3, "0.3333", "164.2", "166.99", google
    yield 3, "0.41237854", "58120.25", "67342.75", catalog.coin(479624278, "BTC", "Bitcoin", "0.25")
    yield 3, "3.75", "2705.1", "2622.35", catalog.coin(495759171, "ETH", "Ethereum", "0.05")
    yield 3, "20000", "84.975", "87.412", apple_bond
    yield 3, "10000", "79.25", "78.515", treasury
    yield 3, "-3", "20412.5", "20284.75", micro
    yield 3, "1", "2671.4", "2735.3", gold


def _varied(quantity: Decimal, instrument: Instrument, draws: random.Random) -> Decimal:
    """The quantity, for shares up to a tenth larger in lots of ten."""
    tenth = draws.randrange(3)
    if instrument.sec_type != "STK" or abs(quantity) < 100:
        return quantity
    return quantity + (1 if quantity > 0 else -1) * 10 * tenth


def _begin_day(desk: Desk, draws: random.Random, seed: int) -> None:
    """Eight fills between midnight in New York and now, so that reqExecutions has an answer.

    A desk of the same day and seed has the same ones, by their ids, however often it is started.
    """
    midnight, now = desk.midnight(), desk.clock.now()
    rows = draws.sample(desk.positions(), 8)
    moments = sorted(draws.uniform(0.05, 0.95) for _ in rows)
    for index, (row, moment) in enumerate(zip(rows, moments, strict=True)):
        reduces = index % 2 == 0
        side = Side.SELL if (row.quantity > 0) is reduces else Side.BUY
        step = row.instrument.size_step
        share = (abs(row.quantity) / 4 / step).to_integral_value() * step
        shift = Decimal(draws.randrange(-40, 41)) / 10_000
        price = row.instrument.round_price(row.price * (1 + shift))
        seconds = int((now - midnight).total_seconds() * moment)
        time = (midnight + timedelta(seconds=seconds)).astimezone(now.tzinfo)
        exec_id = (
            f"{0xE0D50000 + seed % 0x10000:08x}.{int(midnight.timestamp()):08x}.{index:02d}.01"
        )
        size = max(share, step)
        desk.trade(row.account, row.con_id, side, size, price, time=time, exec_id=exec_id)
