"""What was held before the first look: the snapshot less the fills that it had counted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from possync_tui.domain.counting import Counted
from possync_tui.domain.happenings import KnownFill
from possync_tui.domain.inventory import Inventory
from possync_tui.domain.money import EXACT, to_micros
from possync_tui.domain.observations import AdjustmentKind, Anchor, Placed
from possync_tui.domain.position import Lot

_BROKER_ZONE = ZoneInfo("America/New_York")


def shown(item: Placed) -> Decimal:
    """What the first look showed of the position."""
    return item.row.quantity if isinstance(item, Anchor) else Decimal(0)


def made_by(due: Sequence[Counted]) -> Decimal:
    quantity = Decimal(0)
    for counted in due:
        quantity = counted.after(quantity)
    return quantity


def without_partial_statement(
    item: Placed, due: Sequence[Counted]
) -> tuple[list[Counted], Decimal]:
    """What a statement says of the time before the first look, only where it says all of it.

    Also returns the signed units that it is short of. Older fills take the place of a seeded lot
    only if they reproduce its quantity exactly: a statement with a gap in it would count units that
    the broker does not have. The same goes for fills of days before the first look.
    """
    target = shown(item)
    quantity = made_by(due)
    midnight = _last_midnight(item.as_of)
    wire = [c for c in due if not c.happening.is_of_statement and c.happening.at >= midnight]
    if quantity == target or len(wire) == len(due):
        return list(due), Decimal(0)
    is_partial = any(c.happening.is_of_statement for c in due)
    return wire, target - quantity if is_partial else Decimal(0)


def _last_midnight(at: datetime) -> datetime:
    """Since when TWS sends fills (`reqExecutions`): of older ones some may be missing."""
    return at.astimezone(_BROKER_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def seed_opening(inventory: Inventory, item: Placed, due: Sequence[Counted]) -> None:
    """The first snapshot of an account: what the known fills do not make was held before.

    The lot goes in ahead of the fills, so that nothing is counted twice.
    """
    held_before = _held_before(item, due)
    if held_before:
        lot = Lot(
            quantity=abs(held_before),
            value_micros=opening_value(inventory, item, due, held_before),
            fees=(),
            opened_at=min([item.as_of, *(c.happening.at for c in due)]),
            cause=f"seed:{stamp(item.as_of)}",
            is_seeded=True,
        )
        inventory.seed(lot, held_before)


def _held_before(item: Placed, due: Sequence[Counted]) -> Decimal:
    """The opening quantity of which `due` makes what the first snapshot showed."""
    target = shown(item)
    made, one = Decimal(0), Decimal(1)
    for counted in due:
        # Splits multiply what was held, everything else adds to it.
        one = counted.after(one) - counted.after(Decimal(0))
        made = counted.after(made)
    return EXACT.divide(target - made, one)


def opening_value(
    inventory: Inventory, item: Placed, due: Sequence[Counted], held_before: Decimal
) -> int | None:
    """The cost of the seeded units that makes today's fills end in the broker's average cost.

    Average cost is linear in it (value = a x opening + b) until the position goes through zero.
    """
    if not isinstance(item, Anchor):
        return None
    if not due:
        return to_micros(EXACT.multiply(item.row.average_cost, abs(item.row.quantity)))
    a, b, quantity = Fraction(1), Fraction(0), held_before
    for counted in due:
        known = counted.happening
        if not isinstance(known, KnownFill):
            if known.item.kind is AdjustmentKind.UNRESOLVED:
                # It waits for the review, and has changed nothing.
                continue
            return None
        if not counted.revision:
            continue
        fill = known.revisions[counted.revision - 1]
        signed = fill.signed_quantity
        if (quantity > 0) == (signed > 0):
            fee = Fraction(_own_commission(known, inventory.instrument.currency))
            paid = Fraction(abs(signed) * fill.price * inventory.instrument.unit_value)
            b += paid + (fee if signed > 0 else -fee)
        elif abs(signed) >= abs(quantity):
            return None
        else:
            kept = 1 - Fraction(abs(signed)) / Fraction(abs(quantity))
            a, b = a * kept, b * kept
        quantity += signed
    total = Fraction(item.row.average_cost) * Fraction(abs(item.row.quantity))
    opening = (total - b) / a
    # Nothing costs less than nothing: the broker does not reckon by average then.
    return round(opening * 1_000_000) if opening >= 0 else None


def _own_commission(known: KnownFill, currency: str) -> Decimal:
    """Its commission where that is in the contract's currency; others are never added to it."""
    report = known.commission
    return report.amount if report is not None and report.currency == currency else Decimal(0)


def stamp(at: datetime) -> str:
    """How causes name a time."""
    return _stamp_of_utc(at) if at.tzinfo is UTC else at.isoformat(timespec="microseconds")


@lru_cache(maxsize=1024)
def _stamp_of_utc(at: datetime) -> str:
    """Most causes of a plan name one instant; equal ones have one text only in one zone."""
    return at.isoformat(timespec="microseconds")
