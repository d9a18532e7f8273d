"""What both we and ib_insync can read of a message says the same, however the message is spoiled.

We refuse more (blanks, sentinels, what is not finite); nothing may be read as another value.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from possync_tui.broker.rows import RowReader, UnreadableRow, pnl_value, portfolio_value

UNSET = "1.7976931348623157E308"
# Layouts as real sessions had them (server versions 173 to 176).
POSITION = "61|3|DU1|495512552|NQ|FUT|20260320|0.0||20||USD|NQH6|NQ|2|431260.5|"
PORTFOLIO = (
    "7|8|8314|IBM|STK||0|0||NYSE|USD|IBM|IBM|-75|215.5034436|-16162.76|212.1234567|"
    "-253.5|-71.44|DU1|"
)
EXECUTION = (
    "11|7|9|8314|IBM|STK||0.0|||IEX|USD|IBM|IBM|0000e0d5.67aa0001.01.01|"
    "20250415 10:38:31 US/Eastern|DU1|IEX|SLD|75|212.94|600745999|100|0|75|212.94|ref||||2|"
)
COMMISSION = f"59|1|0000e0d5.67aa0001.01.01|1.0003|USD|-68.051912|{UNSET}||"
PNL = "95|9|100|12.5|-340.25|0.0|20194.000000000001|"

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPOILED = st.one_of(
    st.sampled_from(
        ["", "0", "-0", "-1", "1e5", "1E-7", "2147483647", UNSET, "nan", "inf", "1_0", " 7", "x"]
    ),
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(-(10**9), 10**9, allow_nan=False, places=7).map(str),
    st.text(max_size=6),
)


class Heard:
    """What ib_insync's decoder calls: the last call counts."""

    def __init__(self) -> None:
        self.call: tuple[Any, ...] | None = None
        self.ib = self
        self.TimezoneTWS = ""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        def hear(*call: object) -> None:
            self.call = call

        return hear


def stock(message_id: int, fields: list[str]) -> tuple[Any, ...] | None:
    """What ib_insync reads; `None` where it cannot."""
    from ib_insync.decoder import Decoder

    make: Any = Decoder
    heard = Heard()
    decoder = make(heard, 176)
    try:
        decoder.handlers[message_id](list(fields))
    except Exception:  # noqa: BLE001 - whatever it is, the message says nothing to it
        return None
    return heard.call


Read = tuple[object, ...]


def positions(fields: list[str]) -> tuple[Read, Read] | None:
    call = stock(61, fields)
    row = RowReader().position("".join(f"{text}\0" for text in fields).encode())
    if call is None:
        return None
    account, c, quantity, cost = call
    what = row.instrument
    return (
        (
            row.account,
            *_contract(what),
            what.exchange,
            float(row.quantity),
            float(row.average_cost),
        ),
        (account, *_contract_of(c), c.exchange, quantity, cost),
    )


def portfolios(fields: list[str]) -> tuple[Read, Read] | None:
    call, value = stock(7, fields), portfolio_value(fields)
    if call is None:
        return None
    c, quantity, price, worth, _, unrealized, realized, account = call
    ours = (value.quantity, value.price, value.market_value, value.unrealized_pnl)
    theirs = (quantity, price, worth, unrealized, realized)
    return (
        (value.key, *_known((*ours, value.realized_pnl))),
        ((account, c.conId), *_where_known((*ours, value.realized_pnl), theirs)),
    )


def executions(fields: list[str]) -> tuple[Read, Read] | None:
    call, read = stock(11, fields), RowReader().execution(fields, NOW)
    if call is None:
        return None
    request_id, c, e = call
    fill = read.fill
    numbers = (fill.order_id, fill.perm_id, fill.client_id, fill.liquidation)
    told = (e.orderId, e.permId, e.clientId, e.liquidation)
    return (
        (read.request_id, fill.account, fill.exec_id, *_contract(fill.instrument), fill.side,
         float(fill.quantity), float(fill.price), fill.exchange, fill.order_ref,
         None if read.doubt else fill.time, *(number for number in numbers if number)),
        (request_id, e.acctNumber, e.execId, *_contract_of(c), e.side, e.shares, e.price,
         e.exchange, e.orderRef, None if read.doubt else e.time,
         *(theirs for number, theirs in zip(numbers, told, strict=True) if number)),
    )  # fmt: skip


def commissions(fields: list[str]) -> tuple[Read, Read] | None:
    call, read = stock(59, fields), RowReader().commission(fields).commission
    if call is None:
        return None
    (report,) = call
    ours = (read.amount, read.broker_realized_pnl)
    theirs = (report.commission, report.realizedPNL)
    return (
        (read.exec_id, read.currency, *_known(ours)),
        (report.execId, report.currency, *_where_known(ours, theirs)),
    )


def pnls(fields: list[str]) -> tuple[Read, Read] | None:
    call, value = stock(95, fields), pnl_value(fields)
    if call is None:
        return None
    request_id, *theirs = call
    ours = (
        *(value.quantity, value.daily_pnl, value.unrealized_pnl),
        *(value.realized_pnl, value.market_value),
    )
    return (value.request_id, *_known(ours)), (request_id, *_where_known(ours, tuple(theirs)))


def _contract(what: Any) -> Read:  # noqa: ANN401 - ours
    return (
        *(what.con_id, what.symbol, what.sec_type, what.expiry, what.right, what.multiplier),
        *(what.currency, what.local_symbol, what.trading_class),
    )


def _contract_of(c: Any) -> Read:  # noqa: ANN401 - ib_insync's
    return (
        *(c.conId, c.symbol, c.secType, c.lastTradeDateOrContractMonth, c.right, c.multiplier),
        *(c.currency, c.localSymbol, c.tradingClass),
    )


def _known(ours: tuple[Decimal | None, ...]) -> Read:
    return tuple(float(amount) for amount in ours if amount is not None)


def _where_known(ours: tuple[Decimal | None, ...], theirs: tuple[Any, ...]) -> Read:
    return tuple(t for amount, t in zip(ours, theirs, strict=True) if amount is not None)


MESSAGES = [
    pytest.param(POSITION, positions, id="position"),
    pytest.param(PORTFOLIO, portfolios, id="portfolio"),
    pytest.param(EXECUTION, executions, id="execution"),
    pytest.param(COMMISSION, commissions, id="commission"),
    pytest.param(PNL, pnls, id="pnl"),
]


@pytest.mark.parametrize(("layout", "read"), MESSAGES)
async def test_a_sound_message_says_the_same(
    layout: str, read: Callable[[list[str]], tuple[Read, Read] | None]
) -> None:
    both = read(layout.split("|")[:-1])
    assert both is not None
    assert both[0] == both[1]
    assert len(both[0]) >= 4


@pytest.mark.parametrize(("layout", "read"), MESSAGES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_a_spoiled_message_is_not_read_as_something_else(
    layout: str, read: Callable[[list[str]], tuple[Read, Read] | None], data: st.DataObject
) -> None:
    fields = layout.split("|")[:-1]
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(1, len(fields) - 1))
        fields[at] = data.draw(SPOILED)
    try:
        both = read(fields)
    except UnreadableRow:
        return
    if both is not None:
        assert both[0] == both[1]
