"""Corporate actions and transfers: what changes a position without a trade or an option.

A split keeps the contract id and says its ratio in words. What else a statement tells of is in
`conversions`.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from possync_tui.domain.observations import Adjusted, AdjustmentKind, AdjustmentSource
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.conversions import Action, Seen, book
from possync_tui.flex.options import reference
from possync_tui.flex.row import Row
from possync_tui.flex.times import NEW_YORK, begins_on, has_clock

_SPLITS = frozenset({"FS", "RS", "FI"})
_RATIO = re.compile(
    r"\bSPLIT\s+(\d{1,9}(?:\.\d{1,9})?)\s+FOR\s+(\d{1,9}(?:\.\d{1,9})?)\b", re.IGNORECASE
)
_LARGEST_PART = 10**9
# Inside IBKR the cost goes along; what comes from another broker is shown at its market value.
_INSIDE = frozenset({"INTERNAL", "INTERCOMPANY"})
# The row's own contract, in brackets behind what was done.
_ITS_OWN = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Actions:
    """What corporate actions and transfers amount to."""

    adjusted: tuple[Adjusted, ...]
    notes: tuple[str, ...]


def read_actions(rows: Iterable[Row]) -> Actions:
    """Splits, and what `conversions` makes of the others. Raises `FlexRefused`."""
    adjusted: list[Adjusted] = []
    notes: list[str] = []
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.text("conid"):
            groups.setdefault(_event(row), []).append(row)
    seen: Seen = {}
    for action in groups.values():
        units = _units(action)
        if not any(units.values()):
            # Taken back, or without units: a dividend paid out in cash.
            continue
        split = _split(action)
        if split is not None:
            adjusted.append(split)
            continue
        booked, why = book(Action(action, units, _said(action[0])), seen)
        adjusted += booked
        if why is not None:
            line, what = action[0].raw.line, printable(_said(action[0]))[:80]
            notes.append(f"line {line}: left for review, a corporate action ({why}): {what}")
    return Actions(tuple(adjusted), tuple(notes))


def _event(row: Row) -> tuple[str, str]:
    """What the rows of one action have in common."""
    action_id = row.text("actionID")
    if action_id:
        return (action_id, "")
    return (row.text("dateTime"), _ITS_OWN.sub("", _said(row)))


def _units(action: Iterable[Row]) -> dict[int, Decimal]:
    """What an action does to the units of each contract."""
    units: dict[int, Decimal] = {}
    for row in action:
        change = row.optional("quantity") or Decimal(0)
        units[row.con_id] = units.get(row.con_id, Decimal(0)) + change
    return units


def _said(row: Row) -> str:
    return row.text("actionDescription") or row.text("description") or row.text("type")


def _split(action: list[Row]) -> Adjusted | None:
    """A split of one contract, if that is what these rows are."""
    first = action[0]
    found = next((m for text in _texts(first) if (m := _RATIO.search(text))), None)
    if first.text("type") not in _SPLITS or found is None:
        return None
    if any(row.con_id != first.con_id for row in action):
        return None
    try:
        ratio = Fraction(found[1]) / Fraction(found[2])
    except ZeroDivisionError:
        return None
    if ratio in (0, 1) or max(ratio.numerator, ratio.denominator) > _LARGEST_PART:
        return None
    at = first.acted_at()
    day = at.astimezone(NEW_YORK)
    return Adjusted(
        key=first.key,
        kind=AdjustmentKind.SPLIT,
        instrument=first.instrument,
        as_of=at,
        quantity=Decimal(0),
        source=AdjustmentSource.FLEX,
        reference=f"{day:%Y%m%d}:{ratio.numerator}:{ratio.denominator}",
        evidence=f"Flex statement: {printable(_said(first))[:120]}",
        ratio=(ratio.numerator, ratio.denominator),
        action_id=first.text("actionID"),
    )


def _texts(row: Row) -> tuple[str, str]:
    return row.text("actionDescription"), row.text("description")


def read_transfers(rows: Iterable[Row]) -> Actions:
    """Positions that came from, or went to, another account or broker. Raises `FlexRefused`."""
    adjusted: list[Adjusted] = []
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        if not row.text("conid") or row.sec_type == "CASH" or not row.optional("quantity"):
            # Money was transferred, no position.
            continue
        at = _moved_at(row)
        price = _cost_of_unit(row)
        way = "from" if row.quantity > 0 else "to"
        other = row.text("account") or "another account"
        adjusted.append(
            Adjusted(
                key=row.key,
                kind=AdjustmentKind.TRANSFER,
                instrument=row.instrument,
                as_of=at,
                quantity=row.quantity,
                source=AdjustmentSource.FLEX,
                reference=reference(row, AdjustmentKind.TRANSFER, at, seen),
                evidence=f"Flex statement: transferred {way} {printable(other)[:40]}",
                price=price,
                is_exact=False,
            )
        )
    return Actions(tuple(adjusted), ())


def _moved_at(row: Row) -> datetime:
    """When it came, or went; of which only the day is told, before all trades of it, or after."""
    at = row.booked_at("date", "reportDate")
    if has_clock(row.text("dateTime")) or row.quantity < 0:
        return at
    return begins_on(at.astimezone(NEW_YORK).date())


def _cost_of_unit(row: Row) -> Decimal | None:
    """The cost at which a position was taken over, where the statement tells enough of it."""
    amount, profit = row.optional("positionAmount"), row.optional("pnlAmount")
    if row.text("type") not in _INSIDE or not amount or profit is None:
        return None
    # The cost is the market value less what was not realized yet.
    return row.price_of(amount - profit, row.quantity)
