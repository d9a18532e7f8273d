"""Positions in groups with subtotals: by account, by currency or by asset class.

A group holds one currency, whatever it is grouped by: different currencies are never added.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal
from enum import StrEnum

from possync_tui.domain.values import dataclass
from possync_tui.tui.columns import Cell, Column, SortKey
from possync_tui.tui.format import Redaction, arrow, clean, count, money
from possync_tui.tui.holdings import LIVE, Holding, pnl_tone
from possync_tui.tui.position_totals import Amounts, Sum, Total
from possync_tui.tui.tones import Tone


class Grouping(StrEnum):
    """What positions are put together by."""

    ACCOUNT = "account"
    CURRENCY = "currency"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Which group: its account or asset class (nothing, by currency alone), and its currency."""

    by: Grouping
    label: str
    currency: str

    @property
    def name(self) -> str:
        """What it is remembered by."""
        return f"{self.by} {self.label} {self.currency}"


@dataclass(frozen=True, slots=True)
class Subtotal:
    """The heading of a group, with its sums; `positions` counts virtual FX rows too.

    Folded, its rows are not shown: then it tells how many of them are missing or held.
    """

    key: GroupKey
    positions: int
    total: Total
    realized: Decimal | None
    is_stale: bool
    is_folded: bool = False
    missing: int = 0
    held: int = 0


PositionLine = Holding | Subtotal
"""What a line of the Positions pane is."""


class _Heading:
    """What the heading of one group says, kept up as its positions move."""

    __slots__ = ("amounts", "held", "key", "missing", "positions", "realized", "stale")

    def __init__(self, key: GroupKey) -> None:
        self.key = key
        self.amounts = Amounts()
        self.realized = Sum()
        self.positions = self.missing = self.held = self.stale = 0

    def move(self, before: Holding | None, after: Holding) -> None:
        self.positions += before is None
        for row, sign in ((before, -1), (after, 1)):
            if row is not None:
                self.missing += sign * row.is_missing
                self.held += sign * (row.held is not None and not row.is_missing)
                self.stale += sign * (row.is_stale and not row.is_outside_totals)
        if not after.is_outside_totals:
            self.amounts.move(before, after)
            known = None if before is None else before.view.realized_pnl
            # The ledger's own: no price moves it.
            if known != after.view.realized_pnl:
                self.realized.move(known, after.view.realized_pnl)

    def subtotal(self, folded: Collection[str]) -> Subtotal:
        key = self.key
        return Subtotal(
            key,
            self.positions,
            self.amounts.total(key.currency),
            self.realized.value,
            self.stale > 0,
            key.name in folded,
            self.missing,
            self.held,
        )


class RunningGroups:
    """The headings of all groups: a live value that moves changes its own heading only."""

    def __init__(self, holdings: Iterable[Holding] = (), by: Grouping | None = None) -> None:
        self.by = by
        self._headings: dict[GroupKey, _Heading] = {}
        for holding in holdings if by is not None else ():
            self.move(None, holding)

    def move(self, before: Holding | None, after: Holding) -> GroupKey:
        """A position is there, or its live value is another one; which group that changes."""
        assert self.by is not None, "without groups nothing is asked of them"
        key = group_of(after, self.by)
        heading = self._headings.get(key)
        if heading is None:
            heading = self._headings[key] = _Heading(key)
        heading.move(before, after)
        return key

    def heading(self, key: GroupKey, folded: Collection[str] = ()) -> Subtotal:
        """What stands over a group; `folded` are groups by name."""
        return self._headings[key].subtotal(folded)

    @property
    def keys(self) -> tuple[GroupKey, ...]:
        """The groups by label, then by currency."""
        return tuple(sorted(self._headings, key=_order))


def group_of(holding: Holding, by: Grouping) -> GroupKey:
    """The group that a position is in."""
    view = holding.view
    label = {Grouping.ACCOUNT: view.account, Grouping.TYPE: view.sec_type}.get(by, "")
    return GroupKey(by, label, view.currency)


def _order(key: GroupKey) -> tuple[str, str]:
    return (key.label.casefold(), key.currency)


def next_grouping(current: Grouping | None) -> Grouping | None:
    """The grouping after this one; after the last comes none."""
    order: tuple[Grouping | None, ...] = (None, *Grouping)
    return order[(order.index(current) + 1) % len(order)]


# --- cells ---------------------------------------------------------------------------------------


def label_of(key: GroupKey, shown: Redaction) -> str:
    """`DU1000001 USD`, `STK USD`, or `USD`."""
    label = shown.account(key.label) if key.by is Grouping.ACCOUNT else clean(key.label)
    return f"{label} {clean(key.currency)}".strip()


def with_headings(column: Column[Holding], shown: Redaction) -> Column[PositionLine]:
    """The column of a table that has group headings between its rows."""

    def cell(line: PositionLine) -> Cell:
        if isinstance(line, Holding):
            return column.cell(line)
        return _heading_cell(column.id, line, shown)

    def order(line: PositionLine) -> SortKey | None:
        return column.order(line) if column.order and isinstance(line, Holding) else None

    def raw(line: PositionLine) -> object:
        return column.raw(line) if column.raw and isinstance(line, Holding) else None

    def still(line: PositionLine) -> object:
        return line.view if isinstance(line, Holding) else line

    return Column(
        column.id,
        column.title,
        cell,
        align=column.align,
        rank=column.rank,
        least=column.least,
        most=column.most,
        is_whole=column.is_whole,
        written=column.written,
        order=order if column.order else None,
        wants_high_first=column.wants_high_first,
        raw=raw if column.raw else None,
        still=None if column.id in LIVE else still,
        is_amount=column.is_amount,
    )


def heading_text(line: Subtotal, shown: Redaction) -> str:
    """The group, how many are in it, and what no sum holds: FX, and of how many the value: `?1`."""
    unknown = f" ?{line.total.unknown}" if line.total.unknown else ""
    apart = line.positions - line.total.positions
    cash = f", {apart} FX" if apart else ""
    return f"{label_of(line.key, shown)} · {count(line.positions)}{unknown}{_troubles(line)}{cash}"


def _troubles(line: Subtotal) -> str:
    """What a fold hides of missing and held rows is still said."""
    if not line.is_folded:
        return ""
    missing = f" !{line.missing}" if line.missing else ""
    return missing + (f" ⚑{line.held}" if line.held else "")


def _heading_cell(column_id: str, line: Subtotal, shown: Redaction) -> Cell:
    total = line.total
    amounts = {
        "value": total.value,
        "unrealized": total.unrealized,
        "day": total.day,
        "realized": line.realized,
    }
    if column_id == "symbol":
        return Cell(heading_text(line, shown), Tone.WARNING if _troubles(line) else Tone.ACCENT)
    if column_id not in amounts:
        return Cell("")
    amount = amounts[column_id]
    if column_id == "value":
        return Cell(money(amount), Tone.STALE if line.is_stale else Tone.STRONG)
    # What was realized does not go stale.
    is_stale = line.is_stale and column_id != "realized"
    return Cell(money(amount), Tone.STALE if is_stale else pnl_tone(amount), arrow(amount))
