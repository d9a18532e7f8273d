"""The life of a position, rebuilt from what was observed: a pure function, whatever came late.

Fills are laid out by the broker's time and held against anchors, the quantities of committed
snapshots. Where both agree the fills explain everything. Where they do not, what is left is booked
as what it is: opened before we came, a split, or unexplained. A fill that turns up later makes the
same function give a better answer, and the difference becomes reversals and new entries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from possync_tui.domain.counting import Counted, Counting, Stated
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
    Placed,
    PositionRow,
    PriceEvidence,
    Recorded,
)
from possync_tui.domain.opening import (
    made_by,
    opening_value,
    seed_opening,
    stamp,
    without_partial_statement,
)
from possync_tui.domain.position import APPEARED, EntryKind, Lot, Rebuilt
from possync_tui.domain.unseen import belongs_first

RULES = 2
"""The version of the rules below and of what they call. Raise it with every change that makes other
lives or entries of the same observations: a ledger of older rules is planned again when opened."""

_MOST_OPENINGS = 16
_LARGEST_SPLIT = 100
_SPLIT_TOLERANCE = Fraction(1, 2000)

_KIND_OF_CLOSE = {
    CloseReason.ZERO_ROW: EntryKind.ZERO_ROW,
    CloseReason.EXPIRED: EntryKind.EXPIRED,
    CloseReason.CONFIRMED_MISSING: EntryKind.CONFIRMED_MISSING,
    CloseReason.USER: EntryKind.USER,
}


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
    def stated(self) -> Stated:
        target = None if self.is_baseline else self.target
        return Stated(self.item.as_of, self.item.known_seq, target)

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
    first = _told(instrument, happenings, placed)
    others = [counted for counted in first.openings if counted != first.opening]
    if not first.rebuilt.unexplained or not 0 < len(others) <= _MOST_OPENINGS:
        return first.rebuilt
    # The first look cannot say which of the doubtful fills it had counted, because what was held
    # before is unknown too. Later ones can: where one way alone leaves less unexplained, it is it.
    told = [_told(instrument, happenings, placed, counted).rebuilt for counted in others]
    least = min(len(rebuilt.unexplained) for rebuilt in told)
    best = [rebuilt for rebuilt in told if len(rebuilt.unexplained) == least]
    is_better = least < len(first.rebuilt.unexplained)
    return best[0] if is_better and len(best) == 1 else first.rebuilt


@dataclass(frozen=True, slots=True)
class _Told:
    """A rebuilding, with the units of today's fills that the first look was taken to have counted.

    `openings` are all the numbers of units that it may have counted.
    """

    rebuilt: Rebuilt
    opening: Decimal | None = None
    openings: frozenset[Decimal] = frozenset()


def _told(
    instrument: Instrument,
    happenings: Sequence[Happening],
    placed: Sequence[_Placed],
    opening: Decimal | None = None,
) -> _Told:
    inventory = Inventory(instrument)
    unexplained: list[tuple[datetime, Decimal]] = []
    openings: frozenset[Decimal] = frozenset()
    previous: PositionRow | None = None
    gap = Decimal(0)
    counting = Counting(list(happenings))
    for place in placed:
        before = inventory.quantity + counting.offset
        is_opening = place.is_baseline and not inventory.quantity
        stated = replace(place.stated, target=opening) if is_opening else place.stated
        if is_opening:
            openings = counting.possible(inventory.quantity, stated)
        ratio = _split_ratio(place.item, previous, before)
        ours = inventory.quantity
        is_split = ratio is not None and counting.shows_split(ours, before, stated, ratio)
        if ratio is not None and is_split:
            inventory.rescale(ratio.numerator, ratio.denominator)
            counting.rescale(ratio)
        due = counting.due(inventory.quantity, stated)
        if is_opening:
            opening = made_by(due)
            due, short = without_partial_statement(place.item, due)
            gap = gap or short
            seed_opening(inventory, place.item, due)
        first = None if is_opening or is_split else _book_first(inventory, place, counting, due)
        for counted in due:
            counted.happening.apply(inventory)
            counting.book(counted)
        residual = first or Decimal(0)
        if first is None or not isinstance(place.item, Adjusted):
            residual += _settle(inventory, place.item, counting, is_explained=is_split)
        if residual:
            unexplained.append((place.item.as_of, residual))
        if not isinstance(place.item, Adjusted):
            previous = place.item.row if isinstance(place.item, Anchor) else None
    for happening in counting.pending:
        happening.apply(inventory)
    return _Told(
        Rebuilt(inventory.lives(), tuple(unexplained), gap, tuple(inventory.released)),
        opening,
        openings,
    )


def _book_first(
    inventory: Inventory, place: _Placed, counting: Counting, due: Sequence[Counted]
) -> Decimal | None:
    """Book what `place` tells ahead of the fills that are due, where it belongs there.

    Returns what is unexplained about it; `None` where it does not belong there.
    """
    held, item = inventory.quantity, place.item
    if counting.offset or any(c.offset or _rescales(c) for c in due):
        # Ahead of a split it would be another number of units.
        return None
    end = held + sum((c.happening.after(Decimal(0)) for c in due), Decimal(0))
    at = min(item.as_of, *(c.happening.at for c in due)) if due else item.as_of
    match item:
        case Adjusted(ratio=(1, 1)) if belongs_first(held, item.quantity, due):
            adjust(inventory, replace(item, as_of=at))
            return Decimal(0)
        case CloseDecided() if end * held > 0 and belongs_first(held, -end, due):
            kind = _KIND_OF_CLOSE[item.reason]
            inventory.trade(_unfilled("close", kind, at, -end, item.price))
            return -end
        case Anchor(row=row) if belongs_first(held, row.quantity - end, due):
            _book_residual(inventory, replace(item, as_of=at), row.quantity - end, due)
            return row.quantity - end
        case _:
            return None


def _rescales(counted: Counted) -> bool:
    return counted.happening.after(Decimal(1)) - counted.happening.after(Decimal(0)) != 1


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


def _settle(
    inventory: Inventory, item: Placed, counting: Counting, *, is_explained: bool
) -> Decimal:
    """Make the quantity what the broker says; return what nothing had explained of it."""
    expected = inventory.quantity + counting.offset
    match item:
        case Absent():
            inventory.mark_missing(item.as_of)
            return Decimal(0)
        case Adjusted():
            adjust(inventory, item)
            counting.rescale(Fraction(*item.ratio))
            return Decimal(0)
        case CloseDecided():
            if not expected:
                return Decimal(0)
            counting.settle()
            left = inventory.quantity
            if left:
                kind = _KIND_OF_CLOSE[item.reason]
                inventory.trade(_unfilled("close", kind, item.as_of, -left, item.price))
            return -left
        case Anchor(row=row):
            residual = row.quantity - expected
            if residual:
                kind = EntryKind.FRACTION if is_explained else EntryKind.UNEXPLAINED
                _book_residual(inventory, item, residual, (), kind)
            inventory.see(row)
            return Decimal(0) if is_explained else residual


def _book_residual(
    inventory: Inventory,
    anchor: Anchor,
    residual: Decimal,
    following: Sequence[Counted],
    kind: EntryKind = EntryKind.UNEXPLAINED,
) -> None:
    held = inventory.quantity
    if held and (held > 0) != (residual > 0):
        reduces = min(abs(held), abs(residual))
        signed = reduces if residual > 0 else -reduces
        inventory.trade(_unfilled("anchor", kind, anchor.as_of, signed, anchor.price))
        residual -= signed
    if residual:
        inventory.seed(_unexplained_lot(inventory, anchor, residual, following), residual)


def _unexplained_lot(
    inventory: Inventory, anchor: Anchor, came: Decimal, following: Sequence[Counted]
) -> Lot:
    """Units that came without a fill cost what they added to the broker's total cost."""
    row, units = anchor.row, abs(came)
    if following and not inventory.quantity:
        value = opening_value(inventory, anchor, following, came)
        return _lot_of(anchor, units, value if value is None or value > 0 else None)
    broker_total = to_micros(EXACT.multiply(abs(row.quantity), row.average_cost))
    ours = inventory.cost_micros()
    added = None if ours is None else broker_total - ours
    if added is None or added <= 0:
        added = to_micros(EXACT.multiply(units, row.average_cost))
    return _lot_of(anchor, units, added)


def _lot_of(anchor: Anchor, units: Decimal, value_micros: int | None) -> Lot:
    return Lot(
        quantity=units,
        value_micros=value_micros,
        fees=(),
        opened_at=anchor.as_of,
        cause=f"{APPEARED}{stamp(anchor.as_of)}",
        is_seeded=True,
    )


def _unfilled(
    what: str, kind: EntryKind, at: datetime, quantity: Decimal, price: PriceEvidence | None
) -> Trade:
    return Trade(
        cause=f"{what}:{stamp(at)}",
        kind=kind,
        at=at,
        quantity=quantity,
        price=price.price if price else None,
        evidence=price,
    )


def _split_ratio(item: Placed, previous: PositionRow | None, held: Decimal) -> Fraction | None:
    """New units for each old one, where the average cost says that the instrument was split.

    A split keeps the conId, has no fill, multiplies the quantity and divides the average cost by
    the same small ratio (pitfall 18). `held` is what the broker had of it before.
    """
    if not isinstance(item, Anchor) or previous is None or not held or previous.quantity != held:
        return None
    if not previous.average_cost or not item.row.average_cost:
        return None
    if abs(previous.average_cost - item.row.average_cost) * 250 < abs(item.row.average_cost):
        # No ratio of small numbers is that near to one: most costs that move move less.
        return None
    exact = Fraction(previous.average_cost) / Fraction(item.row.average_cost)
    ratio = exact.limit_denominator(_LARGEST_SPLIT)
    if ratio == 1 or not 0 < ratio <= _LARGEST_SPLIT or abs(exact / ratio - 1) > _SPLIT_TOLERANCE:
        return None
    return ratio


def with_decided(
    history: Sequence[Recorded], decided: Iterable[Decided], last_seq: int
) -> tuple[Recorded, ...]:
    """`history` as it will be once `decided` is in the inbox."""
    future = (Recorded(last_seq + n, item) for n, item in enumerate(decided, start=1))
    return (*history, *future)
