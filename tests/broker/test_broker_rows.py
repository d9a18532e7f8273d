"""Our decoding against ib_insync's own, and against the layouts that real sessions have."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from possync_tui.broker.fill_times import FillTimes
from possync_tui.broker.rows import RowReader, UnreadableRow, portfolio_value
from possync_tui.domain.observations import PositionRow, Side
from tests.broker.scripted import Fields, commission, contract, execution, position

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


class Heard:
    """What ib_insync's decoder calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def position(self, *call: object) -> None:
        self.calls.append(call)


def message(fields: Fields) -> bytes:
    return "".join(f"{text}\0" for text in fields).encode()


def random_rows(count: int) -> list[Fields]:
    rng = random.Random(61)
    rows = []
    for number in range(1, count + 1):
        kind = rng.choice(["STK", "OPT", "FUT", "CASH", "BOND", "CRYPTO"])
        option = kind == "OPT"
        texts = contract(
            *(number, f"SYM{number}"),
            sec_type=kind,
            expiry="20261218" if kind in ("OPT", "FUT") else "",
            strike=f"{rng.randrange(1, 900)}.5" if option else "0.0",
            right=rng.choice("CP") if option else "",
            multiplier=rng.choice(["100", "50"]) if kind in ("OPT", "FUT") else "",
            exchange="" if kind == "FUT" else "NYSE",
            currency=rng.choice(["USD", "EUR", "JPY"]),
        )
        quantity = rng.choice(["0", "-110", "100", "0.3333", "-2.5", "1000000"])
        cost = "0.0" if quantity == "0" else f"{rng.randrange(10**9) / 10**4}"
        rows.append(["61", "3", f"DU{number % 3}", *texts, quantity, cost])
    return rows


def as_ib_insync_has_it(row: PositionRow) -> tuple[object, ...]:
    instrument = row.instrument
    return (
        *(row.account, instrument.con_id, instrument.symbol, instrument.sec_type),
        *(instrument.expiry, float(instrument.strike), instrument.right, instrument.multiplier),
        *(instrument.exchange, instrument.currency, instrument.local_symbol),
        *(instrument.trading_class, float(row.quantity), float(row.average_cost)),
    )


async def test_rows_equal_what_ib_insync_decodes() -> None:
    from ib_insync.decoder import Decoder

    make: Any = Decoder
    heard = Heard()
    decoder = make(heard, 176)
    reader = RowReader()
    rows = random_rows(200)
    ours = [as_ib_insync_has_it(reader.position(message(fields))) for fields in rows]
    for fields in rows:
        decoder.handlers[61](list(fields))
    theirs = [
        (
            *(account, c.conId, c.symbol, c.secType, c.lastTradeDateOrContractMonth, c.strike),
            *(c.right, c.multiplier, c.exchange, c.currency, c.localSymbol, c.tradingClass),
            *(quantity, cost),
        )
        for account, c, quantity, cost in heard.calls
    ]
    assert len(theirs) == 200
    assert ours == theirs


def test_an_unchanged_row_is_the_same_object_and_a_changed_one_is_new() -> None:
    reader = RowReader()
    first = reader.position(message(position("100", "10")))
    assert reader.position(message(position("100", "10"))) is first
    second = reader.position(message(position("100.0", "10")))
    assert second.quantity_text == "100.0"
    assert second.says_same_as(first)
    assert second.instrument is first.instrument
    assert reader.latest(first.key) is second


def test_what_is_remembered_of_positions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many contracts a broker makes up: what is forgotten is read anew."""
    monkeypatch.setattr("possync_tui.broker.rows._MOST_REMEMBERED", 3)
    reader = RowReader()
    told = [message(position("100", "10", con_id=n)) for n in range(1, 11)]
    read = [reader.position(one) for one in told]
    assert [reader.position(one) for one in told] == read
    assert max(len(reader._listed), len(reader._heads), len(reader._rows)) <= 3
    assert reader.latest(read[-1].key) == read[-1]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        # TWS at server version 173: a short share, a strike of 0.0 and no right for a share.
        (
            "61|3|DU1|8314|IBM|STK||0.0|||NYSE|USD|IBM|IBM|-75|212.1234567|",
            ("IBM", "STK", "", "-75", "212.1234567"),
        ),
        # A future: blank exchange, multiplier in the row, cost with the multiplier in it.
        (
            "61|3|DU1|495512552|NQ|FUT|20260320|0.0||20||USD|NQH6|NQ|2|431260.5|",
            ("NQ", "FUT", "20", "2", "431260.5"),
        ),
    ],
)
def test_position_layouts_of_real_sessions(layout: str, expected: tuple[str, ...]) -> None:
    row = RowReader().position(layout.replace("|", "\0").encode())
    instrument = row.instrument
    assert expected == (
        *(instrument.symbol, instrument.sec_type, instrument.multiplier),
        *(row.quantity_text, row.average_cost_text),
    )


def test_the_portfolio_layout_of_a_real_session() -> None:
    layout = (
        "7|8|8314|IBM|STK||0|0||NYSE|USD|IBM|IBM|-75|215.5034436|-16162.76|212.1234567|"
        "-253.5|-71.44|DU1|"
    )
    value = portfolio_value(layout.split("|")[:-1])
    assert (value.key.account, value.key.con_id, value.quantity) == ("DU1", 8314, Decimal(-75))
    assert (value.price, value.market_value) == (Decimal("215.5034436"), Decimal("-16162.76"))
    assert (value.unrealized_pnl, value.realized_pnl) == (Decimal("-253.5"), Decimal("-71.44"))


def test_the_execution_layout_of_a_real_session_pushed_and_zoneless() -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    layout = (
        "11|-1|9|8314|IBM|STK||0.0|||IEX|USD|IBM|IBM|0000e0d5.67aa0001.01.01|20250415  10:38:31|"
        "DU1|IEX|SLD|75|212.94|600745999|100|0|75|212.94|||||2|"
    )
    read = RowReader(FillTimes(ZoneInfo("US/Eastern"))).execution(
        layout.split("|")[:-1], datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert (read.request_id, read.doubt) == (-1, "")
    assert read.fill.time == datetime(2025, 4, 15, 14, 38, 31, tzinfo=UTC)
    assert (read.fill.side, read.fill.quantity, read.fill.price) == (
        Side.SOLD,
        Decimal(75),
        Decimal("212.94"),
    )


def test_the_commission_layout_of_a_real_session() -> None:
    unset = "1.7976931348623157E308"
    layout = f"59|1|0000e0d5.67aa0001.01.01|1.0|USD|{unset}|{unset}||"
    read = RowReader().commission(layout.split("|")[:-1])
    assert (read.commission.amount, read.commission.broker_realized_pnl) == (Decimal(1), None)
    assert read.commission.realized_text == unset


def test_amounts_that_no_ledger_can_hold_are_refused_where_they_come_in() -> None:
    """Taken for true, one would make every plan that follows impossible to commit."""
    read = RowReader()
    with pytest.raises(UnreadableRow, match="commission is absurdly large"):
        read.commission(commission("0000e0d5.67aa0001.01.01", amount="1e15"))
    told = read.commission(commission("0000e0d5.67aa0001.01.01", realized="-1e15"))
    assert (told.commission.broker_realized_pnl, "absurdly large" in told.doubt) == (None, True)
    for quantity, price, is_readable in (("1e6", "1e6", True), ("1e6", "1000001", False)):
        fields = execution("0000e0d5.67aa0002.01.01", quantity=quantity, price=price)
        if is_readable:
            assert read.execution(fields, AT).fill.price == Decimal(10**6)
        else:
            with pytest.raises(UnreadableRow, match="too large for a quantity of 1e6"):
                read.execution(fields, AT)
