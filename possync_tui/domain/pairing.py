"""Assignment and exercise: an option that is gone and the units that came for it, seen as one.

IBKR sends no fill for either. It realizes nothing on the option and moves its premium into the
basis of what is delivered (reporting guide; shared IBKR facts, pitfall 28 and case 18).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import combinations

from possync_tui.domain import lots as lot_math
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.lots import Lots
from possync_tui.domain.money import EXACT, BadNumber, from_micros, parse_number, plain, to_micros
from possync_tui.domain.observations import Adjusted, AdjustmentKind, AdjustmentSource, PositionRow
from possync_tui.domain.position import CostMethod, Life, Lot
from possync_tui.domain.values import dataclass

_MOST_OPTIONS = 8
_COST_TOLERANCE = Decimal("0.001")
_FAR_TOLERANCE = Decimal("0.03")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Vanished:
    """An option position without a row and without closing fills, as it stood.

    With `is_part`, those units of one that its row lacks: the first that were opened, which are the
    ones whose premium IBKR moves.
    """

    key: PositionKey
    instrument: Instrument
    life: Life
    is_part: bool = False

    @property
    def is_on_future(self) -> bool:
        return self.instrument.sec_type == "FOP"

    @property
    def delivers(self) -> Decimal:
        """Signed units of the underlying that its assignment or exercise brings.

        An option on a future brings one future, whatever that is a multiple of.
        """
        one = Decimal(1) if self.is_on_future else self.instrument.multiplier_value
        units = EXACT.multiply(self.life.quantity, one)
        return -units if self.instrument.right[:1] == "P" else units


@dataclass(frozen=True, slots=True)
class Appeared:
    """Units of an underlying that no fill explains."""

    row: PositionRow
    residual: Decimal
    held_before: Decimal
    cost_before: int | None


@dataclass(frozen=True, slots=True)
class Pair:
    """What a pairing decides: the option's end, and the delivery for it."""

    option: Adjusted
    delivery: Adjusted


def pair(
    appeared: Iterable[Appeared], vanished: Sequence[Vanished], as_of: datetime, known_seq: int
) -> list[Pair]:
    """Match units that appeared with the options that would deliver exactly them."""
    free = {option.key: option for option in vanished if _strike(option.instrument) is not None}
    pairs: list[Pair] = []
    for stock in appeared:
        row = stock.row
        candidates = [
            option
            for option in free.values()
            if option.key.account == row.account
            and option.instrument.symbol == row.instrument.symbol
            and option.instrument.currency == row.instrument.currency
            and option.is_on_future == (row.instrument.sec_type == "FUT")
        ]
        chosen = _exactly(candidates[:_MOST_OPTIONS], stock.residual)
        expected = _expected_cost(stock, chosen)
        if expected is not None and _is_far(expected, stock.row.average_cost):
            # Bought, and the option ended otherwise: the broker's own cost says so.
            continue
        is_exact = _is_confirmed(stock, chosen, expected)
        for option in chosen:
            del free[option.key]
            pairs.append(_pair(row, option, as_of, known_seq, is_exact=is_exact))
    return pairs


def _exactly(options: Sequence[Vanished], units: Decimal) -> Sequence[Vanished]:
    """The fewest options that together deliver exactly `units`."""
    for size in range(1, len(options) + 1):
        for some in combinations(options, size):
            if sum((option.delivers for option in some), Decimal(0)) == units:
                return some
    return ()


def _pair(
    row: PositionRow, option: Vanished, as_of: datetime, known_seq: int, *, is_exact: bool
) -> Pair:
    short = option.life.quantity < 0
    kind = AdjustmentKind.ASSIGNMENT if short else AdjustmentKind.EXERCISE
    what = "assigned" if short else "exercised"
    gone = f"{plain(abs(option.life.quantity))} of it are" if option.is_part else "the option is"
    evidence = f"{option.instrument.description} {what}: {gone} gone, its units are there"
    reference = f"{option.key.con_id}@{as_of.isoformat(timespec='seconds')}"
    end = Adjusted(
        key=option.key,
        kind=kind,
        instrument=option.instrument,
        as_of=as_of,
        quantity=-option.life.quantity,
        source=AdjustmentSource.PAIRED,
        reference=reference,
        evidence=evidence,
        premium=from_micros(_moved_out_of(option) or 0) if option.is_part else Decimal(0),
        counterpart=row.instrument.con_id,
        is_exact=is_exact,
        known_seq=known_seq,
    )
    delivery = Adjusted(
        key=row.key,
        kind=AdjustmentKind.DELIVERY,
        instrument=row.instrument,
        as_of=as_of,
        quantity=option.delivers,
        source=AdjustmentSource.PAIRED,
        reference=reference,
        evidence=evidence,
        price=_strike(option.instrument),
        premium=from_micros(premium_of(option) or 0),
        counterpart=option.key.con_id,
        is_exact=is_exact,
        known_seq=known_seq,
    )
    return Pair(end, delivery)


def premium_of(option: Vanished) -> int | None:
    """What an option's premium adds to the value of the units that it delivers, in micro-units.

    A premium paid makes a purchase dearer and the proceeds of a sale smaller; one received does
    the opposite. Commission in the option's currency is part of it. `None` where the option's cost
    is unknown.
    """
    cost = _moved_out_of(option)
    if cost is None:
        return None
    paid = option.life.quantity > 0
    bought = option.delivers > 0
    return cost if paid == bought else -cost


def _moved_out_of(option: Vanished) -> int | None:
    is_long = option.life.quantity > 0
    return pool_cost(option.life.pool, option.instrument.currency, is_long=is_long)


def part_of(life: Life, units: Decimal) -> Life:
    """The `units` of a position that were opened first, as a position of their own."""
    taken, _ = lot_math.take(life.lots, abs(units))
    pool: Lots = ()
    for lot in taken:
        pool = lot_math.add(pool, lot, CostMethod.AVERAGE)
    return replace(life, quantity=units, lots=taken, pool=pool[0], entries=())


def pool_cost(pool: Lot | None, currency: str, *, is_long: bool) -> int | None:
    """Money paid for a long lot or received for a short one, commission in `currency` included."""
    if pool is None or pool.value_micros is None:
        return None
    fee = dict(pool.fees).get(currency, 0)
    return pool.value_micros + fee if is_long else pool.value_micros - fee


def _expected_cost(stock: Appeared, options: Sequence[Vanished]) -> Decimal | None:
    """The broker's average cost as the deliveries would make it; `None` where it tells nothing.

    A delivery that reduces what was held leaves the average cost as it was.
    """
    same_side = stock.held_before == 0 or (stock.held_before > 0) == (stock.residual > 0)
    if not options or not same_side or stock.cost_before is None:
        return None
    total = stock.cost_before
    for option in options:
        pool, premium = option.life.pool, premium_of(option)
        strike = _strike(option.instrument)
        if premium is None or strike is None or pool is None or pool.is_pending:
            return None
        money = EXACT.multiply(abs(option.delivers), strike)
        total += to_micros(EXACT.multiply(money, stock.row.instrument.unit_value)) + premium
    return EXACT.divide(from_micros(total), abs(stock.row.quantity))


def _is_far(expected: Decimal, told: Decimal) -> bool:
    return abs(expected - told) > abs(expected) * _FAR_TOLERANCE


def _is_confirmed(stock: Appeared, options: Sequence[Vanished], expected: Decimal | None) -> bool:
    """Whether the broker's own average cost is what the deliveries would make it.

    Only then is the pairing more than a guess. A premium that nobody saw paid confirms nothing.
    """
    if expected is None or any(o.life.pool is None or o.life.pool.is_seeded for o in options):
        return False
    premiums = from_micros(sum(abs(premium_of(option) or 0) for option in options))
    # What the premium adds has to show: a cost without it must not pass for one with it.
    shows = EXACT.divide(premiums, abs(stock.row.quantity) * 2)
    off = abs(expected - stock.row.average_cost)
    return off <= min(abs(expected) * _COST_TOLERANCE, max(shows, _CENT))


def _strike(instrument: Instrument) -> Decimal | None:
    try:
        return parse_number("strike", instrument.strike)
    except BadNumber:
        return None


def by_option(pairs: Iterable[Pair]) -> Mapping[PositionKey, Adjusted]:
    return {pair.option.key: pair.option for pair in pairs}


def by_underlying(pairs: Iterable[Pair]) -> Mapping[PositionKey, list[Adjusted]]:
    deliveries: dict[PositionKey, list[Adjusted]] = {}
    for pair in pairs:
        deliveries.setdefault(pair.delivery.key, []).append(pair.delivery)
    return deliveries
