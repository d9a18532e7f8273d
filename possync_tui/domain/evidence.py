"""What gives way to better evidence: the user's word, and pairings of our own.

Both say what became of units between the last snapshot that had them and the first one without.
What a statement or a fill tells of that time later takes their place, so that nothing counts twice.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.conversion import latest_basis
from possync_tui.domain.counting import doubt
from possync_tui.domain.happenings import SAME_EVENT, Happening, KnownAdjustment, fills_in
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Anchor,
    CloseDecided,
    CloseReason,
    Placed,
    Recorded,
)

_NONE = Decimal(0)
_ON_ABSENCE = (CloseReason.EXPIRED, CloseReason.CONFIRMED_MISSING, CloseReason.USER)


def happenings_in(history: Sequence[Recorded]) -> tuple[Happening, ...]:
    """Fills, cancelled ones too, and adjustments that were reported or that the user decided.

    In the broker's order.
    """
    basis = latest_basis(history)
    found: list[Happening] = [*fills_in(history)]
    decided: list[KnownAdjustment] = []
    for recorded in history:
        item = recorded.observation
        if isinstance(item, Adjusted) and item.source is not AdjustmentSource.PAIRED:
            known = KnownAdjustment(recorded.seq, item, basis.get(item.reference))
            (found if item.source is AdjustmentSource.FLEX else decided).append(known)
    left = [_left_of(known, found, history) for known in decided]
    found += [known for known in left if known is not None]
    return tuple(sorted(found, key=lambda happening: happening.order))


def _left_of(
    decided: KnownAdjustment, found: Sequence[Happening], history: Sequence[Recorded]
) -> KnownAdjustment | None:
    """What the user decided, without the units of which is known by now how they went."""
    item = decided.item
    if _is_refuted(decided, found):
        return None
    if item.brings_basis:
        return decided
    since = _last_told(history, item.as_of)
    explained = sum(
        (
            other.after(_NONE)
            for other in found
            if min(other.arrivals) > decided.seq
            and (since is None or other.at > since)
            and other.at <= item.as_of + doubt(other)
        ),
        _NONE,
    )
    left = item.quantity - explained
    if left * item.quantity <= 0:
        return None
    if item.kind is not AdjustmentKind.TRANSFER or abs(left) >= abs(item.quantity):
        return decided
    return replace(decided, item=replace(item, quantity=left))


def _is_refuted(decided: KnownAdjustment, found: Sequence[Happening]) -> bool:
    """Whether a statement tells what the user had only decided: then the statement counts.

    What came out of another contract did not, if nothing left that one after all.
    """
    item, basis = decided.item, decided.basis
    if item.brings_basis and basis is not None and not basis.lots:
        return True
    changes = [
        other.after(_NONE)
        for other in found
        if other.is_of_statement and abs(other.at - decided.at) <= SAME_EVENT
    ]
    return item.quantity in changes or sum(changes, _NONE) == item.quantity


def _last_told(history: Sequence[Recorded], before: datetime) -> datetime | None:
    """When the quantity was last told by a snapshot: what came `before` came since then.

    Rows are kept where they changed, so it may have been seen later than that.
    """
    told = (recorded.observation for recorded in history)
    return max(
        (
            item.as_of
            for item in told
            if isinstance(item, Anchor | Absent)
            and (isinstance(item, Anchor) or item.baseline)
            and item.as_of < before
        ),
        default=None,
    )


def reported_in(history: Sequence[Recorded], happenings: Sequence[Happening]) -> frozenset[int]:
    """The places of those pairings of ours that a statement reports: then the statement counts.

    Each of its events is that of one pairing; it may tell in several rows what a snapshot showed as
    one.
    """
    free = [
        known.item
        for known in happenings
        if isinstance(known, KnownAdjustment) and known.is_of_statement
    ]
    reported: set[int] = set()
    for recorded in history:
        item = recorded.observation
        if not (isinstance(item, Adjusted) and item.source is AdjustmentSource.PAIRED and free):
            continue
        told = _telling_of(item, free, _last_told(history, item.as_of))
        if told:
            reported.add(recorded.seq)
            free = [other for other in free if not any(other is one for one in told)]
    return frozenset(reported)


def _telling_of(
    paired: Adjusted, told: Sequence[Adjusted], since: datetime | None
) -> Sequence[Adjusted]:
    """The events among the `told` that are the paired one, those that came before it first."""
    fits = [other for other in told if _may_be(paired, other, since)]
    fits.sort(key=lambda other: (other.counterpart != paired.counterpart, other.as_of))
    for some in ([other for other in fits if other.as_of <= paired.as_of], fits):
        same = next((other for other in some if other.quantity == paired.quantity), None)
        if same is not None:
            return (same,)
        if some and sum((other.quantity for other in some), _NONE) == paired.quantity:
            return some
    return ()


def _may_be(paired: Adjusted, told: Adjusted, since: datetime | None) -> bool:
    """Whether a statement's event is of the kind and the time of the paired one.

    An underlying that no snapshot had shown before may have come at any time, if for this option.
    """
    if (told.kind, told.ratio) != (paired.kind, paired.ratio):
        return False
    if since is None:
        is_same_option = bool(told.counterpart) and told.counterpart == paired.counterpart
        since = told.as_of if is_same_option else paired.as_of
    # A statement may date it by the day before the snapshot that still had it.
    return min(since, paired.as_of - SAME_EVENT) <= told.as_of <= paired.as_of + SAME_EVENT


def is_on_absence(item: object) -> bool:
    """Whether it is an end that a row which comes back would refute."""
    return isinstance(item, CloseDecided) and item.reason in _ON_ABSENCE


def without_refuted_ends(
    placed: Sequence[Placed], happenings: Sequence[Happening]
) -> Sequence[Placed]:
    """The decisions without the ends of positions that had never gone.

    The same row comes back, quantity and cost, and nothing happened meanwhile: what was realized
    by such an end would be realized once more by the real one.
    """
    if not any(map(is_on_absence, placed)):
        return placed
    kept: list[Placed] = []
    last: Anchor | None = None
    end: Placed | None = None
    for item in placed:
        match item:
            case Anchor():
                if end is not None and last is not None and _is_back(last, item, happenings):
                    kept.remove(end)
                last, end = item, None
            case CloseDecided() if is_on_absence(item):
                end = item
            case CloseDecided() | Adjusted():
                last = end = None
            case Absent():
                pass
        kept.append(item)
    return kept


def _is_back(last: Anchor, now: Anchor, happenings: Sequence[Happening]) -> bool:
    was, row = last.row, now.row
    if (was.quantity, was.average_cost) != (row.quantity, row.average_cost):
        return False
    return not any(last.as_of < happening.at <= now.as_of for happening in happenings)
