"""Lots: how units are added and taken, in whole micro-units, with every residue kept.

First in, first out keeps every lot apart; average cost is the same arithmetic on one merged lot.
Rounding happens once per fill and what it leaves stays in the lot, so realized P&L and the cost of
what is open always sum to the cash that moved.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from possync_tui.domain.money import EXACT
from possync_tui.domain.position import CostMethod, Fees, Lot

Lots = tuple[Lot, ...]


def share(micros: int, part: Decimal, whole: Decimal) -> int:
    """`micros` x part / whole, rounded half to even; exact where part equals whole."""
    if part == whole:
        return micros
    exact = EXACT.divide(EXACT.multiply(Decimal(micros), part), whole)
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def share_fees(fees: Fees, part: Decimal, whole: Decimal) -> Fees:
    """The part of `fees` that belongs to `part` of `whole` units."""
    return tuple((currency, share(micros, part, whole)) for currency, micros in fees)


def add_fees(*several: Fees) -> Fees:
    """Fees summed by currency; different currencies are never added."""
    if not any(several):
        return ()
    total: dict[str, int] = {}
    for fees in several:
        for currency, micros in fees:
            total[currency] = total.get(currency, 0) + micros
    return tuple(sorted(total.items()))


def subtract_fees(fees: Fees, taken: Fees) -> Fees:
    """What is left of `fees`."""
    return add_fees(fees, tuple((currency, -micros) for currency, micros in taken))


def split(lot: Lot, units: Decimal) -> tuple[Lot, Lot | None]:
    """Take `units` out of `lot`: what was taken, and what stays with the rounding's residue."""
    if units >= lot.quantity:
        return lot, None
    value = None if lot.value_micros is None else share(lot.value_micros, units, lot.quantity)
    fees = share_fees(lot.fees, units, lot.quantity)
    rest_value = None
    if lot.value_micros is not None and value is not None:
        rest_value = lot.value_micros - value
    rest = replace(
        lot,
        quantity=lot.quantity - units,
        value_micros=rest_value,
        fees=subtract_fees(lot.fees, fees),
    )
    return replace(lot, quantity=units, value_micros=value, fees=fees), rest


def merge(pool: Lot, lot: Lot) -> Lot:
    """The average of two lots; what is unknown, seeded or pending in one is so in the sum."""
    value = None
    if pool.value_micros is not None and lot.value_micros is not None:
        value = pool.value_micros + lot.value_micros
    return Lot(
        pool.quantity + lot.quantity,
        value,
        add_fees(pool.fees, lot.fees),
        pool.opened_at,
        pool.cause,
        pool.is_seeded or lot.is_seeded,
        pool.is_pending or lot.is_pending,
    )


def add(lots: Lots, lot: Lot, method: CostMethod) -> Lots:
    """The lots with one more opened."""
    if method is CostMethod.AVERAGE and lots:
        return (merge(lots[0], lot),)
    return (*lots, lot)


def take(lots: Lots, units: Decimal) -> tuple[Lots, Lots]:
    """Close `units`, oldest lot first: what was taken, and what stays."""
    taken: list[Lot] = []
    rest = list(lots)
    while units > 0 and rest:
        part, left = split(rest[0], units)
        taken.append(part)
        units -= part.quantity
        rest = ([left] if left else []) + rest[1:]
    return tuple(taken), tuple(rest)


def rescale(lots: Lots, numerator: int, denominator: int) -> Lots:
    """A split of the instrument: quantities change, the cost does not.

    The last lot gets what the others leave of the whole, so that thirds add up.
    """
    if not lots:
        return ()
    left = scaled(sum((lot.quantity for lot in lots), Decimal(0)), numerator, denominator)
    changed: list[Lot] = []
    for lot in lots[:-1]:
        quantity = scaled(lot.quantity, numerator, denominator)
        left = EXACT.subtract(left, quantity)
        changed.append(replace(lot, quantity=quantity))
    return (*changed, replace(lots[-1], quantity=left))


def scaled(quantity: Decimal, numerator: int, denominator: int) -> Decimal:
    """`quantity` x numerator / denominator, exact where that can be written."""
    return EXACT.divide(EXACT.multiply(quantity, Decimal(numerator)), Decimal(denominator))


def with_value_added(lots: Lots, micros: int | None) -> Lots:
    """The lots with `micros` shared out over their value by units; unknown makes it unknown."""
    left, units = micros, sum((lot.quantity for lot in lots), Decimal(0))
    changed: list[Lot] = []
    for lot in lots:
        if left is None or lot.value_micros is None:
            changed.append(replace(lot, value_micros=None))
            continue
        part = share(left, lot.quantity, units)
        left, units = left - part, units - lot.quantity
        changed.append(replace(lot, value_micros=lot.value_micros + part))
    return tuple(changed)


def total_value(lots: Iterable[Lot]) -> int | None:
    """Micro-units paid or received for the lots, without commission; `None` if one is unknown."""
    total = 0
    for lot in lots:
        if lot.value_micros is None:
            return None
        total += lot.value_micros
    return total
