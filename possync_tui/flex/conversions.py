"""Corporate actions that are no split of one contract: mergers, new contracts, payouts, issues.

Each is booked where its rows say all of it: the units, what was paid, what was realized. Shares for
shares carry their cost over and realize nothing (or what the rows say); shares for cash are closed
at the proceeds. Anything else is taken in as unresolved: held for review, never guessed.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.observations import Adjusted, AdjustmentKind, AdjustmentSource
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.options import reference
from possync_tui.flex.row import Row, ordinal
from possync_tui.flex.times import NEW_YORK

# Parts of the parent's cost go along with these, and no row says which.
_DIVIDE_THE_COST = frozenset({"SO", "CO"})
_WORTHLESS = frozenset({"DW"})
_CODES = ("isin", "cusip", "securityID")
# `ABC(US0000000010) MERGED WITH ...`, and behind it `(ABC, ABC CORP, 000000001)`: the contract of
# the row itself, with its CUSIP.
_SAID_CODE = re.compile(r"\(([A-Z0-9]{6,12})\)")
_OWN_CODE = re.compile(r"\([^()]*, ([A-Z0-9]{6,12})\)\s*$")

Seen = dict[tuple[object, ...], int]


@dataclass(frozen=True)
class Action:
    """The rows of one corporate action, with what it does to the units of each contract."""

    rows: Sequence[Row]
    units: dict[int, Decimal]
    said: str

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def at(self) -> datetime:
        return self.first.acted_at()

    @property
    def kind(self) -> str:
        return self.first.text("type")

    def row_of(self, con_id: int) -> Row:
        return next(row for row in self.rows if row.con_id == con_id)

    def total(self, field: str, con_id: int | None = None) -> Decimal | None:
        """The sum of a field over its rows; `None` where a row that changes units leaves it out."""
        told = [row for row in self.rows if con_id in (None, row.con_id)]
        found = [(row.optional(field), row.optional("quantity")) for row in told]
        if any(amount is None and units for amount, units in found):
            return None
        return sum((amount or Decimal(0) for amount, _ in found), Decimal(0))


def book(action: Action, seen: Seen) -> tuple[tuple[Adjusted, ...], str | None]:
    """What an action changes, and why it is not booked where its rows do not say all of it."""
    changed = [con_id for con_id, units in action.units.items() if units]
    if len({action.row_of(con_id).needed("currency") for con_id in changed}) > 1:
        return _unresolved(action, seen), "its contracts are in several currencies"
    match changed:
        case [only]:
            booked, why = _one_contract(action, only, seen)
        case [one, other] if (action.units[one] > 0) != (action.units[other] > 0):
            booked, why = _conversion(action, one, other, seen)
        case _:
            booked, why = None, "it is about several contracts"
    if booked is None:
        return _unresolved(action, seen), why
    return booked, None


def _one_contract(
    action: Action, con_id: int, seen: Seen
) -> tuple[tuple[Adjusted, ...] | None, str]:
    units, cost = action.units[con_id], action.total("costBasis", con_id)
    proceeds = action.total("proceeds")
    if proceeds is None:
        return None, "it does not say the proceeds: add Proceeds to the query"
    paid_out = proceeds and (proceeds > 0) != (units > 0)
    if paid_out or (not proceeds and action.kind in _WORTHLESS):
        realized = action.total("fifoPnlRealized")
        kind = AdjustmentKind.CASHED
        return (_told(action, con_id, kind, seen, premium=proceeds, realized=realized),), ""
    if action.kind in _DIVIDE_THE_COST:
        return None, "it does not say what part of the cost went along"
    if proceeds:
        return None, "its proceeds do not go with its units"
    if cost is None or not action.row_of(con_id).text("costBasis"):
        return None, "it does not say the cost basis"
    return (_told(action, con_id, AdjustmentKind.ISSUE, seen, premium=abs(cost)),), ""


def _conversion(
    action: Action, one: int, other: int, seen: Seen
) -> tuple[tuple[Adjusted, ...] | None, str]:
    direction = _direction(action, one, other)
    if direction is None:
        return None, "it does not say which contract ended: add ISIN and CUSIP to the query"
    old, new = direction
    proceeds, realized = action.total("proceeds"), action.total("fifoPnlRealized")
    if proceeds is None:
        return None, "it does not say the proceeds: add Proceeds to the query"
    if realized is None:
        return None, "it does not say what was realized: add Realized P/L to the query"
    if action.kind in _DIVIDE_THE_COST:
        return None, "it does not say what part of the cost went along"
    day = f"{action.at.astimezone(NEW_YORK):%Y%m%d}"
    name = f"{day}:{old}>{new}:{ordinal(seen, action.first.account, 'conversion', day, old, new)}"
    kind = AdjustmentKind.CONVERSION
    end = _told(
        action, old, kind, seen, reference_=name, premium=proceeds, realized=realized, other=new
    )
    beginning = _told(action, new, kind, seen, reference_=name, other=old, is_arrival=True)
    return (end, beginning), ""


def _direction(action: Action, one: int, other: int) -> tuple[int, int] | None:
    """The contract that ended and the one that came: the words begin with the code of the old one.

    Whose units were taken away is no sign: a short position ends by units that are added. `None`
    where the words name neither.
    """
    found = _SAID_CODE.search(action.said)
    said = found[1] if found is not None else ""
    named = [con_id for con_id in (one, other) if _has_code(action.row_of(con_id), said)]
    if len(named) != 1:
        return None
    return (one, other) if named == [one] else (other, one)


def _has_code(row: Row, said: str) -> bool:
    """Whether the code that the words begin with is that of the row's own contract."""
    codes = {row.text(field) for field in _CODES}
    if own := _OWN_CODE.search(row.text("description")):
        codes.add(own[1])
    return not _spellings({said}).isdisjoint(_spellings(codes))


def _spellings(codes: Collection[str]) -> set[str]:
    """Codes, and the national one that stands in an ISIN between country and check digit."""
    national = {code[2:11] for code in codes if len(code) == 12}
    return {code for code in (*codes, *national) if code}


def _unresolved(action: Action, seen: Seen) -> tuple[Adjusted, ...]:
    return tuple(
        _told(action, con_id, AdjustmentKind.UNRESOLVED, seen, is_exact=False)
        for con_id, units in action.units.items()
        if units
    )


def _told(
    action: Action,
    con_id: int,
    kind: AdjustmentKind,
    seen: Seen,
    *,
    reference_: str = "",
    premium: Decimal = Decimal(0),
    realized: Decimal | None = None,
    other: int = 0,
    is_arrival: bool = False,
    is_exact: bool = True,
) -> Adjusted:
    row, at, units = action.row_of(con_id), action.at, action.units[con_id]
    cost = action.total("costBasis", con_id) if is_arrival else None
    return Adjusted(
        key=row.key,
        kind=kind,
        instrument=row.instrument,
        as_of=at,
        quantity=units,
        source=AdjustmentSource.FLEX,
        reference=reference_ or reference(row, kind, at, seen, units),
        evidence=f"Flex statement: {printable(action.said)[:120]}",
        price=row.price_of(cost, units) if cost else None,
        premium=premium,
        counterpart=other,
        is_exact=is_exact,
        realized=realized,
        is_arrival=is_arrival,
        action_id=action.first.text("actionID"),
    )
