"""Corporate actions that another statement told already, in other fields.

Which day an action has depends on the fields that a query has: its time, its date alone, or the
report date, over a weekend at the latest. What it did to a contract does not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from possync_tui.domain.happenings import SAME_EVENT
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Adjusted, AdjustmentKind

# The others come day after day alike: an option is assigned one contract at a time.
_ACTIONS = frozenset(
    {
        AdjustmentKind.SPLIT,
        AdjustmentKind.CONVERSION,
        AdjustmentKind.CASHED,
        AdjustmentKind.ISSUE,
        AdjustmentKind.UNRESOLVED,
    }
)

Name = tuple[PositionKey, AdjustmentKind, str]


def recognised(told: Sequence[Adjusted], known: Iterable[Adjusted]) -> tuple[Adjusted, ...]:
    """What a statement tells, each action that is known under the reference that it has there."""
    others = {_name(other): other for other in known if other.kind in _ACTIONS}
    left = [name for name in others if name not in set(map(_name, told))]
    names: dict[Name, str] = {}
    for item in told:
        if _name(item) in others or item.kind not in _ACTIONS or item.is_arrival:
            continue
        alike = [name for name in left if _is_same(item, others[name])]
        if alike:
            nearest = min(alike, key=lambda name: abs(others[name].as_of - item.as_of))
            left.remove(nearest)
            names[_name(item)] = nearest[2]
    return tuple(replace(item, reference=names.get(_of(item), item.reference)) for item in told)


def _is_same(item: Adjusted, other: Adjusted) -> bool:
    """Whether both did the same, about the same time, and are not said to be two."""
    if item.action_id and other.action_id and item.action_id != other.action_id:
        return False
    return abs(item.as_of - other.as_of) <= SAME_EVENT and _done(item) == _done(other)


def _done(item: Adjusted) -> tuple[object, ...]:
    return (item.key, item.kind, item.ratio, item.quantity, item.counterpart, item.is_arrival)


def _name(item: Adjusted) -> Name:
    return (item.key, item.kind, item.reference)


def _of(item: Adjusted) -> Name:
    """The name of the action: what arrives by a conversion goes by what left for it."""
    if item.brings_basis:
        return (PositionKey(item.key.account, item.counterpart), item.kind, item.reference)
    return _name(item)
