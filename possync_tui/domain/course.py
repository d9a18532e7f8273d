"""A position as it goes on: what happened is booked up to each quantity that the broker stated."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from possync_tui.domain.counting import Counted, Counting, Stated
from possync_tui.domain.happenings import adjust
from possync_tui.domain.inventory import Inventory
from possync_tui.domain.money import EXACT, to_micros
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    Anchor,
    CloseDecided,
    CloseReason,
    Placed,
    PositionRow,
    PriceEvidence,
)
from possync_tui.domain.opening import (
    made_by,
    opening_value,
    seed_opening,
    shown,
    stamp,
    without_partial_statement,
)
from possync_tui.domain.position import APPEARED, EntryKind, Lot, Rebuilt
from possync_tui.domain.trade import Trade
from possync_tui.domain.unseen import belongs_first

_LARGEST_SPLIT = 100
_SPLIT_TOLERANCE = Fraction(1, 2000)

_KIND_OF_CLOSE = {
    CloseReason.ZERO_ROW: EntryKind.ZERO_ROW,
    CloseReason.EXPIRED: EntryKind.EXPIRED,
    CloseReason.CONFIRMED_MISSING: EntryKind.CONFIRMED_MISSING,
    CloseReason.USER: EntryKind.USER,
}


@dataclass
class Course:
    """The running state of one position between two statements of its quantity.

    `opening` is how many units of its day's fills the first look is taken to have counted,
    `openings` are all the numbers that it may have.
    """

    inventory: Inventory
    counting: Counting
    opening: Decimal | None = None
    openings: frozenset[Decimal] = frozenset()
    previous: PositionRow | None = None
    unexplained: list[tuple[datetime, Decimal]] = field(default_factory=list)
    gap: Decimal = Decimal(0)

    def reach(self, item: Placed) -> None:
        """Book what was due by `item`, and what it says beyond that."""
        inventory, counting = self.inventory, self.counting
        is_opening = is_baseline(item) and not inventory.quantity
        if not (is_opening or counting.pending or counting.doubted):
            self._reach_without_fills(item)
            return
        before = inventory.quantity + counting.offset
        stated = _stated(item)
        if is_opening:
            stated = replace(stated, target=self.opening)
            self.openings = counting.openings(inventory.quantity, stated)
            if self.opening is None:
                stated = replace(stated, target=counting.told(stated, shown(item), self.openings))
        ratio = _split_ratio(item, self.previous, before)
        ours = inventory.quantity
        if ratio is not None and counting.comes_before_split(ours, stated, ratio):
            self._book_before_split(stated, ratio)
            ratio = None
            is_split = True
        else:
            is_split = ratio is not None and counting.shows_split(ours, before, stated, ratio)
        if ratio is not None and is_split:
            self._split(ratio)
        due = counting.due(inventory.quantity, stated)
        if is_opening:
            self.opening = made_by(due)
            due, short = without_partial_statement(item, due)
            self.gap = self.gap or short
            seed_opening(inventory, item, due)
        first = None if is_opening or is_split else _book_first(inventory, item, counting, due)
        for counted in due:
            counted.happening.apply(inventory)
            counting.book(counted)
        residual = first or Decimal(0)
        if first is None or not isinstance(item, Adjusted):
            residual += _settle(inventory, item, counting, is_explained=is_split)
        self._reached(item, residual)

    def _reach_without_fills(self, item: Placed) -> None:
        """The same where nothing is due, nor in doubt: most often by far."""
        ratio = _split_ratio(item, self.previous, self.inventory.quantity)
        is_split = False
        if ratio is not None:
            held = self.inventory.quantity
            is_split = self.counting.shows_split(held, held, _stated(item), ratio)
            if is_split:
                self.inventory.rescale(ratio.numerator, ratio.denominator)
        residual = _settle(self.inventory, item, self.counting, is_explained=is_split)
        self._reached(item, residual)

    def _reached(self, item: Placed, residual: Decimal) -> None:
        if residual:
            self.unexplained.append((item.as_of, residual))
        if not isinstance(item, Adjusted):
            self.previous = item.row if isinstance(item, Anchor) else None

    def _split(self, ratio: Fraction) -> None:
        self.inventory.rescale(ratio.numerator, ratio.denominator)
        self.counting.rescale(ratio)

    def _book_before_split(self, stated: Stated, ratio: Fraction) -> None:
        """Book what is due in the units of before, and then the split."""
        made = self.counting.likely(self.inventory.quantity, stated)
        for counted in self.counting.due(self.inventory.quantity, replace(stated, target=made)):
            counted.happening.apply(self.inventory)
            self.counting.book(counted)
        self._split(ratio)

    def ended(self) -> Rebuilt:
        """What it comes to with everything that is not booked yet. The course ends here."""
        for happening in self.counting.pending:
            happening.apply(self.inventory)
        return Rebuilt(
            self.inventory.lives(),
            tuple(self.unexplained),
            self.gap,
            tuple(self.inventory.released),
        )


def is_baseline(item: Placed) -> bool:
    return isinstance(item, Anchor | Absent) and item.baseline


def _stated(item: Placed) -> Stated:
    """The quantity that the item says the broker has; without one where it says nothing."""
    match item:
        case Anchor(row=row, baseline=False):
            target: Decimal | None = row.quantity
        case CloseDecided():
            target = Decimal(0)
        case _:
            target = None
    return Stated(item.as_of, item.known_seq, target, is_row=isinstance(item, Anchor))


def _book_first(
    inventory: Inventory, item: Placed, counting: Counting, due: Sequence[Counted]
) -> Decimal | None:
    """Book what `item` tells ahead of the fills that are due, where it belongs there.

    Returns what is unexplained about it; `None` where it does not belong there.
    """
    held = inventory.quantity
    if any(map(_rescales, due)):
        # Ahead of a split it would be another number of units.
        return None
    end = held + sum((c.happening.after(Decimal(0)) for c in due), Decimal(0))
    offset = counting.offset + sum((c.offset for c in due), Decimal(0))
    at = min(item.as_of, *(c.happening.at for c in due)) if due else item.as_of
    match item:
        case Anchor(row=row):
            # The broker's count of what is due may be another one than that of our lots.
            residual = row.quantity - end - offset
            if not belongs_first(held, residual, due):
                return None
            _book_residual(inventory, replace(item, as_of=at), residual, due)
            return residual
        case Adjusted(ratio=(1, 1)) if not offset and belongs_first(held, item.quantity, due):
            adjust(inventory, replace(item, as_of=at))
            return Decimal(0)
        case CloseDecided() if not offset and end * held > 0 and belongs_first(held, -end, due):
            kind = _KIND_OF_CLOSE[item.reason]
            inventory.trade(_unfilled("close", kind, at, -end, item.price))
            return -end
        case _:
            return None


def _rescales(counted: Counted) -> bool:
    return counted.happening.after(Decimal(1)) - counted.happening.after(Decimal(0)) != 1


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
    was, cost = previous.average_cost, item.row.average_cost
    if was == cost or not was or not cost:
        return None
    if abs(was - cost) * 250 < abs(cost):
        # No ratio of small numbers is that near to one: most costs that move move less.
        return None
    exact = Fraction(was) / Fraction(cost)
    ratio = exact.limit_denominator(_LARGEST_SPLIT)
    if ratio == 1 or not 0 < ratio <= _LARGEST_SPLIT or abs(exact / ratio - 1) > _SPLIT_TOLERANCE:
        return None
    return ratio
