"""Ends of options, from the bookings among the trades or from the section that lists them.

IBKR moves the premium of an option that was assigned or exercised into what is delivered, and
realizes nothing on the option (reporting guide; shared IBKR facts, pitfall 28). What it moved is
what the option's row says it cost, less what the row realizes: for an option settled in cash that
is the cash. Taken from the statement it does not depend on which of our fills are known yet.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.money import EXACT, from_micros, plain, to_micros
from possync_tui.domain.observations import Adjusted, AdjustmentKind, AdjustmentSource
from possync_tui.domain.values import dataclass
from possync_tui.flex.row import Row, ordinal
from possync_tui.flex.times import NEW_YORK

_EXPIRED = frozenset({"Ep"})
_ASSIGNED = frozenset({"A"})
_EXERCISED = frozenset({"Ex", "AEx", "MEx"})
_OFFSET = frozenset({"GEA"})
_KINDS = {
    "Assignment": AdjustmentKind.ASSIGNMENT,
    "Exercise": AdjustmentKind.EXERCISE,
    "Expiration": AdjustmentKind.EXPIRY,
}
_CASH = "Cash Settlement"

Cash = dict[tuple[PositionKey, date], Decimal]
"""What contracts were settled for, by day: a statement tells it in a row for each booking."""


@dataclass(slots=True)
class End:
    """The end of an option. `value` is what it went for, `None` where the row does not say.

    It is received for a long option and paid for a short one.
    """

    row: Row
    kind: AdjustmentKind
    at: datetime
    value: Decimal | None = None
    is_delivered: bool = False
    counterpart: int = 0

    def delivers_as(self, row: Row, at: datetime) -> bool:
        """Whether a delivery is what it brings: the same day, underlying, price and side."""
        own = self.row
        is_same = (
            own.underlying_con_id == row.con_id
            if own.underlying_con_id
            else own.underlying == row.needed("symbol")
        )
        return (
            is_same
            and self.kind is not AdjustmentKind.EXPIRY
            and _day(self.at) == _day(at)
            and own.optional("strike") == row.number("tradePrice")
            and (self.delivers > 0) == (row.quantity > 0)
        )

    @property
    def is_left(self) -> bool:
        """Whether it may be settled in cash."""
        return self.kind is not AdjustmentKind.EXPIRY and not self.is_delivered

    @property
    def delivers(self) -> Decimal:
        """Signed units of the underlying that it brings."""
        one = Decimal(1) if self.row.sec_type == "FOP" else self.row.instrument.multiplier_value
        units = EXACT.multiply(-self.row.quantity, one)
        return -units if self.row.text("putCall")[:1] == "P" else units


@dataclass(slots=True)
class Delivery:
    """Units that were delivered for an option, with what its premium adds to their value."""

    row: Row
    at: datetime
    premium: Decimal = Decimal(0)
    is_matched: bool = False
    is_exact: bool = True
    counterpart: int = 0


@dataclass(frozen=True, slots=True)
class OptionEvents:
    """What ended options, and what it brought."""

    adjusted: tuple[Adjusted, ...]
    notes: tuple[str, ...]


def is_end_or_delivery(row: Row) -> bool:
    """Whether a trade row is the booking of an option's end, and so no trade.

    An option that ends at a price, and a future that expires, are closed at it as by a fill.
    """
    if row.text("ibExecID"):
        return False
    if row.is_option:
        ends = row.codes & (_EXPIRED | _ASSIGNED | _EXERCISED | _OFFSET)
        return bool(ends) and not row.optional("tradePrice")
    return bool(row.codes & (_ASSIGNED | _EXERCISED | _OFFSET))


def read_option_events(bookings: Iterable[Row], section: Sequence[Row]) -> OptionEvents:
    """Ends of options and deliveries. Raises `FlexRefused`.

    `bookings` are those among the trades; where a query has both, `section` tells of the same
    events again, and only counts for those contracts and days that the trades say nothing of.
    """
    ends: list[End] = []
    deliveries: list[Delivery] = []
    for row in bookings:
        at = row.booked_at("tradeDate", "reportDate")
        if row.is_option:
            ends.append(_end_of_booking(row, at))
        else:
            deliveries.append(Delivery(row, at))
    told = {(end.row.key, _day(end.at)) for end in ends}
    told |= {(delivery.row.key, _day(delivery.at)) for delivery in deliveries}
    cash: Cash = {}
    for row in section:
        if row.text("transactionType") == _CASH:
            of_day = (row.key, row.day("date"))
            cash[of_day] = cash.get(of_day, Decimal(0)) + row.number("proceeds")
    for row in section:
        at = row.booked_at("date", "tradeDate", "reportDate")
        if not row.quantity:
            continue
        kind = _KINDS.get(row.text("transactionType"))
        value = _value(row, "costBasis", "realizedPnl") if kind and row.is_option else None
        if (row.key, _day(at)) in told:
            _fill_in(value, row, ends)
        elif kind is not None and row.is_option:
            ends.append(End(row, kind, at, value))
        elif not row.is_option and row.text("transactionType") in ("Buy", "Sell"):
            deliveries.append(Delivery(row, at))
    notes = _pair(ends, deliveries, cash)
    seen: dict[tuple[object, ...], int] = {}
    found = [_adjusted_end(end, seen) for end in ends]
    found += [_adjusted_delivery(delivery, seen) for delivery in deliveries]
    return OptionEvents(tuple(found), tuple(notes))


def _fill_in(value: Decimal | None, row: Row, ends: Sequence[End]) -> None:
    """What the section says of an option's value, where the trades of the query do not say it."""
    for end in ends:
        if end.value is None and (end.row.key, end.row.quantity) == (row.key, row.quantity):
            end.value = value
            return


def _end_of_booking(row: Row, at: datetime) -> End:
    if row.codes & _EXPIRED:
        return End(row, AdjustmentKind.EXPIRY, at)
    is_assigned = bool(row.codes & _ASSIGNED) or (not row.codes & _EXERCISED and row.quantity > 0)
    kind = AdjustmentKind.ASSIGNMENT if is_assigned else AdjustmentKind.EXERCISE
    return End(row, kind, at, _value(row, "cost", "fifoPnlRealized"))


def _value(row: Row, cost_field: str, realized_field: str) -> Decimal | None:
    """What an option went for: its cost (in the sign of the quantity), and what it realized."""
    cost = row.optional(cost_field)
    if cost is None:
        return None
    left = cost - (row.optional(realized_field) or Decimal(0))
    return left if row.quantity > 0 else -left


def _pair(
    ends: Sequence[End],
    deliveries: Sequence[Delivery],
    cash: Cash,
) -> list[str]:
    """Put what was moved out of options into what they delivered, and say what does not fit."""
    notes: list[str] = []
    # Of one moment, where the statement tells moments: each option has a premium of its own.
    for moment_of in (_moment, _day):
        for delivery in deliveries:
            if not delivery.is_matched:
                _match(delivery, ends, deliveries, moment_of)
    for of_day, settled in cash.items():
        left = [end for end in ends if end.is_left and (end.row.key, _day(end.at)) == of_day]
        _settle(left, settled)
    notes += [
        f"line {end.row.raw.line}: what {end.row.instrument.description} went for is not said: add "
        "Cost Basis and Realized P/L to the query"
        for end in ends
        if end.kind is not AdjustmentKind.EXPIRY and end.value is None
    ]
    notes += [
        f"line {delivery.row.raw.line}: no option in this file delivers the "
        f"{plain(delivery.row.quantity)} {delivery.row.instrument.description}: booked without a "
        "premium"
        for delivery in deliveries
        if not delivery.is_matched
    ]
    return notes


def _match(
    delivery: Delivery,
    ends: Sequence[End],
    deliveries: Sequence[Delivery],
    moment_of: Callable[[datetime], datetime | date],
) -> None:
    """Find the options that a delivery, with others like it, is what they bring: all its units."""
    row, at = delivery.row, delivery.at
    alike = [
        other
        for other in deliveries
        if not other.is_matched
        and (other.row.key, moment_of(other.at)) == (row.key, moment_of(at))
        and other.row.number("tradePrice") == row.number("tradePrice")
        and (other.row.quantity > 0) == (row.quantity > 0)
    ]
    for_these = [
        end
        for end in ends
        if not end.is_delivered and moment_of(end.at) == moment_of(at) and end.delivers_as(row, at)
    ]
    units = sum((end.delivers for end in for_these), Decimal(0))
    if for_these and units == sum((other.row.quantity for other in alike), Decimal(0)):
        _move(for_these, alike, units)


def _move(ends: Sequence[End], delivered: Sequence[Delivery], units: Decimal) -> None:
    """Share out the premium by units; the last delivery gets what rounding leaves."""
    is_known = all(end.value is not None for end in ends)
    total = 0
    for end in ends:
        end.is_delivered = True
        end.counterpart = delivered[0].row.con_id
        paid = to_micros(end.value or Decimal(0))
        # A premium paid makes a purchase dearer and the proceeds of a sale smaller.
        is_long, is_bought = end.row.quantity < 0, units > 0
        total += paid if is_long == is_bought else -paid
    left = total
    for place, delivery in enumerate(delivered):
        part = total * delivery.row.quantity / units
        micros = left if place == len(delivered) - 1 else round(part)
        left -= micros
        delivery.premium = from_micros(micros)
        delivery.is_matched = True
        delivery.is_exact = is_known
        delivery.counterpart = ends[0].row.con_id


def _settle(ends: Sequence[End], settled: Decimal) -> None:
    """Share out the cash of a contract's day by units; the last end gets what rounding leaves."""
    units = sum((abs(end.row.quantity) for end in ends), Decimal(0))
    total = left = to_micros(settled)
    for place, end in enumerate(ends, start=1):
        part = total * abs(end.row.quantity) / units
        micros = left if place == len(ends) else round(part)
        left -= micros
        end.value = from_micros(-micros if end.row.quantity > 0 else micros)


def _adjusted_end(end: End, seen: dict[tuple[object, ...], int]) -> Adjusted:
    row = end.row
    is_expiry = end.kind is AdjustmentKind.EXPIRY
    return Adjusted(
        key=row.key,
        kind=end.kind,
        instrument=row.instrument,
        as_of=end.at,
        quantity=row.quantity,
        source=AdjustmentSource.FLEX,
        reference=reference(row, end.kind, end.at, seen),
        evidence=f"Flex statement: {end.kind.value} of {row.instrument.description}",
        premium=Decimal(0) if is_expiry else end.value or Decimal(0),
        counterpart=end.counterpart,
        is_exact=is_expiry or end.value is not None,
    )


def _adjusted_delivery(delivery: Delivery, seen: dict[tuple[object, ...], int]) -> Adjusted:
    row = delivery.row
    fee = -_fee_of(row)
    left_out = ""
    if fee and row.text("ibCommissionCurrency") not in ("", row.text("currency")):
        # It cannot be added to a cost in the contract's currency.
        left_out = f", without its fee of {fee} {row.text('ibCommissionCurrency')[:3]}"
        fee = Decimal(0)
    return Adjusted(
        key=row.key,
        kind=AdjustmentKind.DELIVERY,
        instrument=row.instrument,
        as_of=delivery.at,
        quantity=row.quantity,
        source=AdjustmentSource.FLEX,
        reference=reference(row, AdjustmentKind.DELIVERY, delivery.at, seen),
        evidence=f"Flex statement: delivery of {row.instrument.description}{left_out}",
        price=row.number("tradePrice"),
        premium=delivery.premium + (fee if row.quantity > 0 else -fee),
        counterpart=delivery.counterpart,
        is_exact=delivery.is_matched and delivery.is_exact and not left_out,
    )


def _fee_of(row: Row) -> Decimal:
    """Commission and taxes of a delivery, negative as in the statement: a section adds them up."""
    none = Decimal(0)
    paid = (row.optional("ibCommission") or none) + (row.optional("taxes") or none)
    return paid or row.optional("commisionsAndTax") or none


def reference(
    row: Row,
    kind: AdjustmentKind,
    at: datetime,
    seen: dict[tuple[object, ...], int],
    units: Decimal | None = None,
) -> str:
    """What identifies an event in any statement that covers its day, whatever ids a query has.

    `units` are those of the event where it has several rows.
    """
    quantity = plain(row.quantity if units is None else units)
    day = f"{_day(at):%Y%m%d}"
    return f"{day}:{quantity}:{ordinal(seen, row.key, kind, day, quantity)}"


def _moment(at: datetime) -> datetime:
    return at


def _day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
