"""A small desk with exact numbers, and gateways in front of desks, for the tests of the demo."""

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from possync_tui.demo import (
    AccountSetup,
    Clock,
    DemoGateway,
    Desk,
    GatewayOptions,
    Instrument,
    ManualClock,
    Probe,
)

NOON_IN_NEW_YORK = datetime(2025, 4, 15, 16, 0, tzinfo=UTC)

Serve = Callable[..., Awaitable[DemoGateway]]


@pytest.fixture(autouse=True)
async def _probes_closed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Closes at the end whatever probes a test has opened."""
    opened: list[Probe] = []
    original = Probe.__init__

    def remember(self: Probe, *args: StreamReader | StreamWriter) -> None:
        original(self, *args)  # type: ignore[arg-type]
        opened.append(self)

    monkeypatch.setattr(Probe, "__init__", remember)
    yield
    for probe in opened:
        await probe.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon in New York on 15 April 2025."""
    return ManualClock(NOON_IN_NEW_YORK)


@pytest.fixture
def desk(clock: Clock) -> Desk:
    """Two accounts: shares, an option, a short future, a bond and a fraction."""
    desk = Desk(
        [
            AccountSetup("DU1000001", {"USD": Decimal("5000.5")}),
            AccountSetup("DU1000002", {"EUR": Decimal(100)}),
        ],
        clock=clock,
        rates={"EUR": Decimal("1.1")},
    )
    add = desk.add_position
    add("DU1000001", _share(265598, "AAPL", "NASDAQ"), 100, "10.01", "12")
    add("DU1000001", _option(), -2, "149.35", "1.25")
    add("DU1000001", _future(), -1, "250014.75", "5010.25")
    add("DU1000002", _share(14204, "SAP", "IBIS", "EUR"), "0.3333", "301.050105", "330")
    add("DU1000002", _bond(), 10000, "0.9845", "98.75")
    return desk


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts gateways and stops them at the end."""
    running: list[DemoGateway] = []

    async def start(desk: Desk, options: GatewayOptions | None = None) -> DemoGateway:
        gateway = DemoGateway(desk, options=options)
        await gateway.start()
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        await gateway.stop()


@pytest.fixture
async def gateway(desk: Desk, serve: Serve) -> DemoGateway:
    """A gateway in front of the small desk, with nothing happening by itself."""
    return await serve(desk)


def _share(con_id: int, symbol: str, primary: str, currency: str = "USD") -> Instrument:
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        sec_type="STK",
        currency=currency,
        primary_exchange=primary,
        local_symbol=symbol,
        trading_class="NMS",
        name=f"{symbol} INC",
    )


def _option() -> Instrument:
    return Instrument(
        con_id=700001,
        symbol="AAPL",
        sec_type="OPT",
        local_symbol="AAPL  250620C00230000",
        trading_class="AAPL",
        expiry="20250620",
        strike=Decimal(230),
        right="C",
        multiplier="100",
        under_con_id=265598,
        under_symbol="AAPL",
        under_sec_type="STK",
        name="APPLE INC",
    )


def _future() -> Instrument:
    return Instrument(
        con_id=700002,
        symbol="ES",
        sec_type="FUT",
        exchange="CME",
        local_symbol="ESM5",
        trading_class="ES",
        expiry="20250620",
        multiplier="50",
        tick=Decimal("0.25"),
        name="E-mini S&P 500",
    )


def _bond() -> Instrument:
    return Instrument(
        con_id=127128131,
        symbol="AAPL",
        sec_type="BOND",
        local_symbol="IBCID127128131",
        trading_class="AAPL",
        price_factor=Decimal("0.01"),
        tick=Decimal("0.001"),
        name="AAPL 3.85 05/04/43",
    )
