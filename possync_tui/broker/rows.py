"""Raw messages of TWS as domain values: exact numbers from the wire's own text (promise 6).

A message is the list of its text fields, message id first, as ib_insync splits them. Layouts are
those of server versions 157 to 176, which is what ib_insync 0.9.86 negotiates. ib_insync's own
decoding goes through `float`, takes a blank for zero and drops what it cannot read; none of that
may reach a ledger.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from possync_tui.broker.codes import clean
from possync_tui.broker.fill_times import FillTimes
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import LARGEST_AMOUNT, BadNumber, parse_number
from possync_tui.domain.observations import Commission, Fill, PositionRow, Side
from possync_tui.domain.sizes import is_workable, turnover
from possync_tui.domain.values import dataclass

_POSITION_FIELDS: Final = 16
_EXECUTION_FIELDS: Final = 31
_COMMISSION_FIELDS: Final = 8
_PORTFOLIO_FIELDS: Final = 20
_PNL_FIELDS: Final = 7
_NUMBERS_LAST: Final = 2
_MOST_REMEMBERED: Final = 100_000
_AS_IT_IS: Final = "backslashreplace"
_UNSET_INTEGER: Final = 2147483647
_PUSHED: Final = -1


class UnreadableRow(ValueError):
    """A message that must not be believed; the text says which row, which field and why."""


@dataclass(frozen=True, slots=True)
class ReadFill:
    """An execution; `request_id` is -1 when it was pushed, `doubt` says what was made up."""

    fill: Fill
    request_id: int
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class ReadCommission:
    """A commission report; `doubt` says what of it could not be read."""

    commission: Commission
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class PortfolioValue:
    """What an account update says of one position; `None` is unknown."""

    key: PositionKey
    quantity: Decimal | None
    price: Decimal | None
    market_value: Decimal | None
    unrealized_pnl: Decimal | None
    realized_pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class PnlValue:
    """What a P&L subscription says of its position; `None` is unknown."""

    request_id: int
    quantity: Decimal | None
    daily_pnl: Decimal | None
    unrealized_pnl: Decimal | None
    realized_pnl: Decimal | None
    market_value: Decimal | None


def fields_of(message: bytes) -> list[str]:
    """The text fields of a message, as ib_insync has them."""
    return message.decode(errors=_AS_IT_IS).split("\0")[:-1]


class _Listed:
    """A position as its messages name it, and the last of them."""

    __slots__ = ("account", "head", "instrument", "key", "message", "row")

    def __init__(self, head: bytes, account: str, instrument: Instrument) -> None:
        self.head = head
        self.account = account
        self.instrument = instrument
        self.key = PositionKey(account, instrument.con_id)
        self.message = b""
        self.row: PositionRow | None = None


class RowReader:
    """Reads the messages of one session.

    Contracts and rows are remembered by their raw text, so that a row that comes again unchanged
    costs a look-up: it is not even split into fields.
    """

    def __init__(self, fill_times: FillTimes | None = None) -> None:
        self.fill_times = fill_times or FillTimes()
        self._instruments: dict[tuple[str, ...], Instrument] = {}
        # Each position by its key, by the last message, and by what of that will not change.
        self._listed: dict[PositionKey, _Listed] = {}
        self._heads: dict[bytes, _Listed] = {}
        self._rows: dict[bytes, PositionRow] = {}

    def latest(self, key: PositionKey) -> PositionRow | None:
        """The last row that was read for a position."""
        listed = self._listed.get(key)
        return listed.row if listed else None

    def position(self, message: bytes) -> PositionRow:
        """Message 61, as the wire had it. Raises `UnreadableRow`."""
        row = self._rows.get(message)
        return self._parse_position(message) if row is None else row

    def _parse_position(self, message: bytes) -> PositionRow:
        # All but the two numbers at the end stays as it is for as long as a position is there.
        head, *ends = message.rsplit(b"\0", _NUMBERS_LAST + 1)
        listed = self._heads.get(head) if len(ends) == _NUMBERS_LAST + 1 and not ends[-1] else None
        if listed is None:
            fields = fields_of(message)
            listed, quantity, cost = self._meet(head, fields), fields[14], fields[15]
        else:
            quantity, cost = ends[0].decode(errors=_AS_IT_IS), ends[1].decode(errors=_AS_IT_IS)
        row = _position_row(listed, quantity, cost)
        self._rows.pop(listed.message, None)
        listed.message, listed.row = message, row
        self._rows[message] = row
        return row

    def _meet(self, head: bytes, fields: list[str]) -> _Listed:
        """A position that is not listed yet, or was with another description."""
        if len(fields) != _POSITION_FIELDS:
            raise UnreadableRow(_wrong_length("position row", fields, 2, 4))
        account = fields[2]
        try:
            if not account:
                raise BadNumber("account", account, "blank")
            instrument = self._instrument(fields[3:14])
        except BadNumber as bad:
            raise UnreadableRow(_where("position row", account, fields[4], fields[3], bad)) from bad
        listed = _Listed(head, account, instrument)
        before = self._listed.get(listed.key)
        if before is not None:
            self._heads.pop(before.head, None)
            listed.message, listed.row = before.message, before.row
        elif len(self._listed) >= _MOST_REMEMBERED:
            for remembered in (self._listed, self._heads, self._rows):
                remembered.clear()
        self._listed[listed.key] = self._heads[head] = listed
        return listed

    def execution(
        self, fields: list[str], received_at: datetime, *, knows_clock: bool = True
    ) -> ReadFill:
        """Message 11. Raises `UnreadableRow`.

        A fill is not lost for its time: an unreadable one falls back as `FillTimes` says.
        """
        if len(fields) < _EXECUTION_FIELDS:
            raise UnreadableRow(_wrong_length("execution", fields, 16, 4))
        account, exec_id, raw_time = fields[16], fields[14], fields[15]
        try:
            if not account or not exec_id:
                raise BadNumber("account or execution id", "", "blank")
            request_id = _whole("request id", fields[1])
            moment, doubt = self.fill_times.read(
                account,
                exec_id,
                raw_time,
                received_at,
                is_pushed=request_id == _PUSHED,
                knows_clock=knows_clock,
            )
            fill = Fill(
                account=account,
                exec_id=exec_id,
                instrument=self._instrument(fields[3:14]),
                side=_side(fields[18]),
                quantity=_positive("quantity", fields[19]),
                price=parse_number("price", fields[20]),
                time=moment,
                raw_time=raw_time,
                quantity_text=fields[19],
                price_text=fields[20],
                order_id=_label_number(fields[2]),
                perm_id=_label_number(fields[21]),
                client_id=_label_number(fields[22]),
                exchange=fields[17],
                order_ref=fields[26],
                liquidation=_label_number(fields[23]),
            )
            if not is_workable(turnover(fill)):
                raise BadNumber("price", fields[20], f"too large for a quantity of {fields[19]}")
        except BadNumber as bad:
            raise UnreadableRow(_where("execution", account, fields[4], fields[3], bad)) from bad
        return ReadFill(fill, request_id, doubt and f"execution {clean(exec_id, 60)}: {doubt}")

    def commission(self, fields: list[str]) -> ReadCommission:
        """Message 59. Raises `UnreadableRow`, for an amount in no currency too.

        An unset profit is unknown, not zero.
        """
        if len(fields) < _COMMISSION_FIELDS:
            raise UnreadableRow(_wrong_length("commission report", fields, None, 2))
        exec_id, amount, realized = fields[2], fields[3], fields[5]
        try:
            if not exec_id:
                raise BadNumber("execution id", exec_id, "blank")
            if not fields[4].strip():
                raise BadNumber("currency", fields[4], "blank")
            exact = parse_number("commission", amount)
            if not is_workable(exact):
                raise BadNumber("commission", amount, "absurdly large")
        except BadNumber as bad:
            raise UnreadableRow(f"commission of execution {clean(exec_id, 60)}: {bad}") from bad
        profit, doubt = None, ""
        try:
            profit = parse_number("realized P&L", realized)
            if not is_workable(profit):
                profit = None
                raise BadNumber("realized P&L", realized, "absurdly large")
        except BadNumber as bad:
            if bad.why not in ("blank", "unset"):
                doubt = f"commission of execution {clean(exec_id, 60)}: {bad}"
        report = Commission(exec_id, exact, fields[4], profit, amount, realized)
        return ReadCommission(report, doubt)

    def _instrument(self, texts: list[str]) -> Instrument:
        """The contract of the eleven fields that positions and executions have in common."""
        raw = tuple(texts)
        known = self._instruments.get(raw)
        if known is None:
            # A session sees its own contracts over and over; a flood of others is not kept.
            if len(self._instruments) >= _MOST_REMEMBERED:
                self._instruments.clear()
            known = self._instruments[raw] = _instrument_of(raw)
        return known


def _position_row(listed: _Listed, quantity: str, cost: str) -> PositionRow:
    try:
        units, average = parse_number("quantity", quantity), parse_number("average cost", cost)
        if abs(units * average) > LARGEST_AMOUNT:
            raise BadNumber("average cost", cost, f"too large for a quantity of {quantity}")
    except BadNumber as bad:
        what = listed.instrument
        where = _where("position row", listed.account, what.symbol, str(what.con_id), bad)
        raise UnreadableRow(where) from bad
    return PositionRow(
        listed.account, listed.instrument, units, average, quantity, cost, listed.key
    )


def portfolio_value(fields: list[str]) -> PortfolioValue:
    """Message 7. Raises `UnreadableRow` only where the position itself cannot be told."""
    if len(fields) < _PORTFOLIO_FIELDS:
        raise UnreadableRow(_wrong_length("portfolio row", fields, None, 3))
    account = fields[19]
    try:
        con_id = _contract_id(fields[2])
    except BadNumber as bad:
        raise UnreadableRow(_where("portfolio row", account, fields[3], fields[2], bad)) from bad
    price = known_or_none(fields[14])
    return PortfolioValue(
        PositionKey(account, con_id),
        quantity=known_or_none(fields[13]),
        # TWS writes -1 for a price that it does not have.
        price=None if price == -1 else price,
        market_value=known_or_none(fields[15]),
        unrealized_pnl=known_or_none(fields[17]),
        realized_pnl=known_or_none(fields[18]),
    )


def pnl_value(fields: list[str]) -> PnlValue:
    """Message 95. Raises `UnreadableRow` for a short one."""
    if len(fields) < _PNL_FIELDS:
        raise UnreadableRow(_wrong_length("P&L of a position", fields, None, None))
    try:
        request_id = _whole("request id", fields[1])
    except BadNumber as bad:
        raise UnreadableRow(f"P&L of a position: {bad}") from bad
    return PnlValue(request_id, *(known_or_none(text) for text in fields[2:7]))


def known_or_none(text: str) -> Decimal | None:
    """A live value: whatever is not a sound number is unknown, never zero."""
    try:
        return parse_number("value", text)
    except BadNumber:
        return None


def _instrument_of(texts: tuple[str, ...]) -> Instrument:
    number, symbol, sec_type, expiry, strike, right, multiplier, exchange, currency, *labels = texts
    if multiplier and parse_number("multiplier", multiplier) < 0:
        raise BadNumber("multiplier", multiplier, "negative")
    return Instrument(
        con_id=_contract_id(number),
        symbol=symbol,
        sec_type=sec_type,
        currency=currency,
        expiry=expiry,
        strike=strike,
        right=right,
        multiplier=multiplier,
        exchange=exchange,
        local_symbol=labels[0],
        trading_class=labels[1],
    )


def _whole(field: str, text: str) -> int:
    sign, digits = (text[:1], text[1:]) if text.startswith("-") else ("", text)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise BadNumber(field, text, "blank" if not text else "not a whole number")
    return int(sign + digits)


def _contract_id(text: str) -> int:
    """A contract id; blank means that the row names no contract, which is 0 here."""
    if not text:
        return 0
    number = _whole("contract id", text)
    if not 0 <= number < _UNSET_INTEGER:
        raise BadNumber("contract id", text, "out of range")
    return number


def _label_number(text: str) -> int:
    """A number that is only a label: 0 where TWS has none or writes its sentinel."""
    try:
        number = _whole("label", text)
    except BadNumber:
        return 0
    return 0 if number == _UNSET_INTEGER else number


def _positive(field: str, text: str) -> Decimal:
    number = parse_number(field, text)
    if number <= 0:
        raise BadNumber(field, text, "not positive")
    return number


def _side(text: str) -> Side:
    try:
        return Side(text)
    except ValueError:
        raise BadNumber("side", text, "neither BOT nor SLD") from None


def _where(what: str, account: str, symbol: str, con_id: str, bad: BadNumber) -> str:
    return (
        f"{what} {clean(account, 20)} {clean(symbol, 20)} ({clean(con_id, 12)}): {clean(str(bad))}"
    )


def _wrong_length(
    what: str, fields: list[str], account_at: int | None, label_at: int | None
) -> str:
    labels = [
        clean(fields[at], 20)
        for at in (account_at, label_at)
        if at is not None and at < len(fields)
    ]
    return f"{' '.join([what, *labels])}: {len(fields)} fields, which is no layout of TWS"
