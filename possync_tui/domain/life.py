"""The life of a position, rebuilt from what was observed: a pure function, whatever came late.

Fills are laid out by the broker's time and held against anchors, the quantities of committed
snapshots. Where both agree the fills explain everything. Where they do not, what is left is booked
as what it is: opened before we came, a split, or unexplained. A fill that turns up later makes the
same function give a better answer, and the difference becomes reversals and new entries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from possync_tui.domain.happenings import Happening, KnownFill, adjust, happenings_in, is_reported
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.inventory import Inventory, Trade
from possync_tui.domain.money import EXACT, to_micros
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentSource,
    Anchor,
    CloseDecided,
    CloseReason,
    Decided,
    PositionRow,
    PriceEvidence,
    Recorded,
)
from possync_tui.domain.position import APPEARED, EntryKind, Lot, Rebuilt

CLOCK_DOUBT = timedelta(seconds=5)
"""Execution times have whole seconds and our view of the broker's clock is no finer: a fill this
close to a snapshot may stand on either side of it, and the quantity says on which."""

_LARGEST_SPLIT = 100
_SPLIT_TOLERANCE = Fraction(1, 2000)

_KIND_OF_CLOSE = {
    CloseReason.ZERO_ROW: EntryKind.ZERO_ROW,
    CloseReason.EXPIRED: EntryKind.EXPIRED,
    CloseReason.CONFIRMED_MISSING: EntryKind.CONFIRMED_MISSING,
    CloseReason.USER: EntryKind.USER,
}


# Decisions that have a place of their own among the happenings.
Placed = Anchor | Absent | CloseDecided | Adjusted


@dataclass(frozen=True, slots=True)
class _Placed:
    seq: int
    item: Placed

    @property
    def target(self) -> Decimal | None:
        """The quantity that the item says the broker has; `None` where it says nothing."""
        match self.item:
            case Anchor(row=row):
                return row.quantity
            case CloseDecided():
                return Decimal(0)
            case _:
                return None

    @property
    def is_baseline(self) -> bool:
        return isinstance(self.item, Anchor | Absent) and self.item.baseline

    @property
    def is_hindsight(self) -> bool:
        return isinstance(self.item, Absent) and self.item.is_hindsight


def rebuild(history: Sequence[Recorded]) -> Rebuilt:
    """Every life of one (account, conId), from all its observations in order of arrival."""
    happenings = happenings_in(history)
    placed = _placed_in(history, happenings)
    instrument = _instrument(happenings, placed)
    if instrument is None or instrument.is_combination:
        return Rebuilt()
    inventory = Inventory(instrument)
    unexplained: list[tuple[datetime, Decimal]] = []
    previous: PositionRow | None = None
    gap = Decimal(0)
    pending = list(happenings)
    for place in placed:
        due, pending = _due(inventory.quantity, pending, place)
        if place.is_baseline and not inventory.quantity:
            due, short = _without_partial_statement(place.item, due)
            gap = gap or short
            _seed_opening(inventory, place.item, due)
        split = _split_at(place.item, previous, inventory.quantity, due)
        if split is not None:
            inventory.rescale(split.numerator, split.denominator)
        for happening in due:
            happening.apply(inventory)
        residual = _settle(inventory, place.item, is_explained=split is not None)
        if residual:
            unexplained.append((place.item.as_of, residual))
        if not isinstance(place.item, Adjusted):
            previous = place.item.row if isinstance(place.item, Anchor) else None
    for happening in pending:
        happening.apply(inventory)
    return Rebuilt(inventory.lives(), tuple(unexplained), gap, tuple(inventory.released))


def _placed_in(history: Sequence[Recorded], happenings: Sequence[Happening]) -> list[_Placed]:
    """Decisions, without pairings of our own that a statement reports by now.

    What is said in hindsight of the first snapshot comes first, where it belongs.
    """
    placed: list[_Placed] = []
    for recorded in history:
        match recorded.observation:
            case Anchor() | Absent() | CloseDecided() as item:
                placed.append(_Placed(recorded.seq, item))
            case Adjusted(source=AdjustmentSource.PAIRED) as item:
                if not is_reported(item, happenings):
                    placed.append(_Placed(recorded.seq, item))
            case _:
                pass
    return sorted(placed, key=lambda place: not place.is_hindsight)


def _instrument(happenings: Sequence[Happening], placed: Sequence[_Placed]) -> Instrument | None:
    for place in placed:
        if isinstance(place.item, Anchor):
            return place.item.row.instrument
    for happening in happenings:
        if isinstance(happening, KnownFill):
            return happening.fill.instrument
        return happening.item.instrument
    return None


def _due(
    held: Decimal, pending: Sequence[Happening], place: _Placed
) -> tuple[list[Happening], list[Happening]]:
    """What the broker had counted when it said what `place` says, and what comes after it."""
    as_of, known_seq = place.item.as_of, place.item.known_seq
    due: list[Happening] = []
    doubtful: list[Happening] = []
    later: list[Happening] = []
    for happening in pending:
        if happening.seq <= known_seq or happening.at < as_of - CLOCK_DOUBT:
            due.append(happening)
        elif happening.at <= as_of + CLOCK_DOUBT:
            doubtful.append(happening)
        else:
            later.append(happening)
    taken = _matching(held, due, doubtful, None if place.is_baseline else place.target)
    due += doubtful[:taken]
    # What was asked for before the snapshot and was not there came after it.
    return sorted(due, key=lambda h: h.order), doubtful[taken:] + later


def _matching(
    held: Decimal, due: Sequence[Happening], doubtful: Sequence[Happening], target: Decimal | None
) -> int:
    """How many of the doubtful ones make the quantity what it was; none if nothing does."""
    if target is None or not doubtful:
        return 0
    quantity = held
    for happening in due:
        quantity = happening.after(quantity)
    for taken, happening in enumerate(doubtful):
        if quantity == target:
            return taken
        quantity = happening.after(quantity)
    return len(doubtful) if quantity == target else 0


def _without_partial_statement(
    item: Placed, due: Sequence[Happening]
) -> tuple[list[Happening], Decimal]:
    """What a statement says of the time before the first look, only where it says all of it.

    Also returns the signed units that it is short of. Older fills take the place of a seeded lot
    only if they reproduce its quantity exactly: a statement with a gap in it would count units that
    the broker does not have.
    """
    target = item.row.quantity if isinstance(item, Anchor) else Decimal(0)
    quantity = Decimal(0)
    for happening in due:
        quantity = happening.after(quantity)
    wire = [happening for happening in due if not happening.is_of_statement]
    if quantity == target or len(wire) == len(due):
        return list(due), Decimal(0)
    return wire, target - quantity


def _seed_opening(inventory: Inventory, item: Placed, due: Sequence[Happening]) -> None:
    """The first snapshot of an account: what the known fills do not make was held before.

    The lot goes in ahead of the fills, so that nothing is counted twice.
    """
    target = item.row.quantity if isinstance(item, Anchor) else Decimal(0)
    held_before = target - sum((happening.after(Decimal(0)) for happening in due), Decimal(0))
    if held_before:
        lot = Lot(
            quantity=abs(held_before),
            value_micros=_opening_value(inventory, item, due, held_before),
            fees=(),
            opened_at=min([item.as_of, *(f.at for f in due)]),
            cause=f"seed:{_stamp(item.as_of)}",
            is_seeded=True,
        )
        inventory.seed(lot, held_before)


def _opening_value(
    inventory: Inventory, item: Placed, due: Sequence[Happening], held_before: Decimal
) -> int | None:
    """The cost of the seeded units that makes today's fills end in the broker's average cost.

    Average cost is linear in it (value = a x opening + b) until the position goes through zero.
    """
    if not isinstance(item, Anchor):
        return None
    a, b, quantity = Fraction(1), Fraction(0), held_before
    for known in due:
        if not isinstance(known, KnownFill):
            return None
        signed = known.fill.signed_quantity
        if (quantity > 0) == (signed > 0):
            fee = Fraction(known.commission.amount) if known.commission else Fraction(0)
            paid = Fraction(abs(signed) * known.fill.price * inventory.instrument.unit_value)
            b += paid + (fee if signed > 0 else -fee)
        elif abs(signed) >= abs(quantity):
            return None
        else:
            kept = 1 - Fraction(abs(signed)) / Fraction(abs(quantity))
            a, b = a * kept, b * kept
        quantity += signed
    total = Fraction(item.row.average_cost) * Fraction(abs(item.row.quantity))
    opening = (total - b) / a
    return round(opening * 1_000_000)


def _settle(inventory: Inventory, item: Placed, *, is_explained: bool) -> Decimal:
    """Make the quantity what the broker says; return what nothing had explained of it."""
    match item:
        case Absent():
            inventory.mark_missing(item.as_of)
            return Decimal(0)
        case Adjusted():
            adjust(inventory, item)
            return Decimal(0)
        case CloseDecided():
            left = inventory.quantity
            if left:
                kind = _KIND_OF_CLOSE[item.reason]
                inventory.trade(_unfilled("close", kind, item.as_of, -left, item.price))
            return -left
        case Anchor(row=row):
            residual = row.quantity - inventory.quantity
            if residual:
                _book_residual(inventory, item, residual, is_fraction=is_explained)
            inventory.see(row)
            return Decimal(0) if is_explained else residual


def _book_residual(
    inventory: Inventory, anchor: Anchor, residual: Decimal, *, is_fraction: bool
) -> None:
    held = inventory.quantity
    kind = EntryKind.FRACTION if is_fraction else EntryKind.UNEXPLAINED
    if held and (held > 0) != (residual > 0):
        reduces = min(abs(held), abs(residual))
        signed = reduces if residual > 0 else -reduces
        inventory.trade(_unfilled("anchor", kind, anchor.as_of, signed, anchor.price))
        residual -= signed
    if residual:
        inventory.seed(_unexplained_lot(inventory, anchor, abs(residual)), residual)


def _unexplained_lot(inventory: Inventory, anchor: Anchor, units: Decimal) -> Lot:
    """Units that came without a fill cost what they added to the broker's total cost."""
    row = anchor.row
    broker_total = to_micros(EXACT.multiply(abs(row.quantity), row.average_cost))
    ours = inventory.cost_micros()
    added = None if ours is None else broker_total - ours
    if added is None or added <= 0:
        added = to_micros(EXACT.multiply(units, row.average_cost))
    return Lot(
        quantity=units,
        value_micros=added,
        fees=(),
        opened_at=anchor.as_of,
        cause=f"{APPEARED}{_stamp(anchor.as_of)}",
        is_seeded=True,
    )


def _unfilled(
    what: str, kind: EntryKind, at: datetime, quantity: Decimal, price: PriceEvidence | None
) -> Trade:
    return Trade(
        cause=f"{what}:{_stamp(at)}",
        kind=kind,
        at=at,
        quantity=quantity,
        price=price.price if price else None,
        evidence=price,
    )


def _split_at(
    item: Placed,
    previous: PositionRow | None,
    held: Decimal,
    due: Sequence[Happening],
) -> Fraction | None:
    """New units for each old one, where the instrument was split since the row before.

    A split keeps the conId, has no fill, multiplies the quantity and divides the average cost by
    the same small ratio (pitfall 18). A reverse split may leave less than one unit over: a fraction
    that is cashed (pitfall 19), with a fill or without.
    """
    if not isinstance(item, Anchor) or previous is None or not held:
        return None
    if previous.quantity != held or not previous.average_cost or not item.row.average_cost:
        return None
    exact = Fraction(previous.average_cost) / Fraction(item.row.average_cost)
    ratio = exact.limit_denominator(_LARGEST_SPLIT)
    if ratio == 1 or not 0 < ratio <= _LARGEST_SPLIT or abs(exact / ratio - 1) > _SPLIT_TOLERANCE:
        return None
    by_happenings = held
    for happening in due:
        by_happenings = happening.after(by_happenings)
    if by_happenings == item.row.quantity:
        return None
    traded = by_happenings - held
    left_over = Fraction(item.row.quantity) - (Fraction(held) * ratio + Fraction(traded))
    is_reverse = ratio.numerator == 1
    return ratio if left_over == 0 or (is_reverse and abs(left_over) < 1) else None


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def with_decided(
    history: Sequence[Recorded], decided: Iterable[Decided], last_seq: int
) -> tuple[Recorded, ...]:
    """`history` as it will be once `decided` is in the inbox."""
    future = (Recorded(last_seq + n, item) for n, item in enumerate(decided, start=1))
    return (*history, *future)
