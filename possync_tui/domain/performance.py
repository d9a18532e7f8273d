"""What realized entries amount to, exactly: wins and losses, and how they add up over time.

Of an entry that was reversed, of its reversal and of what replaced it, only the last one stands:
it alone is a win or a loss. Sums follow all rows, which comes to the same. Different currencies are
never added (design promise 6), and virtual FX stays outside (promise 4).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum

from possync_tui.domain.money import EXACT
from possync_tui.domain.periods import add_months
from possync_tui.domain.position import EntryKind
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import EntryView

NOTHING = Decimal(0)
Move = tuple[datetime, Decimal]
"""An amount, or a total, and when."""


# --- which entries stand -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry with what became of it. `undone_by` and `replaced_by` are ids of later entries."""

    entry: EntryView
    undone_by: int | None = None
    replaced_by: int | None = None

    @property
    def is_reversal(self) -> bool:
        return self.entry.kind == EntryKind.REVERSAL

    @property
    def stands(self) -> bool:
        """Whether it is in force: neither undone nor the undoing of another."""
        return self.undone_by is None and not self.is_reversal


def linked(entries: Iterable[EntryView]) -> tuple[EntryRow, ...]:
    """The entries in their order, each with what undid and what replaced it."""
    given = tuple(entries)
    undone: dict[int, int] = {}
    replaced: dict[int, int] = {}
    for entry in given:
        if entry.supersedes_id is not None:
            links = undone if entry.kind == EntryKind.REVERSAL else replaced
            links[entry.supersedes_id] = entry.id
    return tuple(EntryRow(entry, undone.get(entry.id), replaced.get(entry.id)) for entry in given)


def chain_of(row: EntryRow, rows: Iterable[EntryRow]) -> tuple[EntryRow, ...]:
    """The row with all that it led to or came of: reversals and replacements, oldest first."""
    given = {other.entry.id: other for other in rows}
    given[row.entry.id] = row
    beside: dict[int, set[int]] = {}
    for other in given.values():
        before = other.entry.supersedes_id
        if before is not None:
            beside.setdefault(other.entry.id, set()).add(before)
            beside.setdefault(before, set()).add(other.entry.id)
    found, ahead = {row.entry.id}, [row.entry.id]
    while ahead:
        for id_ in beside.get(ahead.pop(), set()) - found:
            found.add(id_)
            ahead.append(id_)
    return tuple(given[id_] for id_ in sorted(found) if id_ in given)


def counts(entry: EntryView) -> bool:
    """Whether an entry belongs in totals."""
    return entry.sec_type != "CASH"


# --- totals --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Performance:
    """Totals of one currency. Losses are negative amounts; `unknown` entries are in no sum.

    `realized` is `None` where no amount is known at all. `commissions` are by the currency in which
    they were paid; a rebate is negative.
    """

    currency: str
    realized: Decimal | None = NOTHING
    entries: int = 0
    wins: int = 0
    losses: int = 0
    unknown: int = 0
    won: Decimal = NOTHING
    lost: Decimal = NOTHING
    best: EntryView | None = None
    worst: EntryView | None = None
    drawdown: Decimal = NOTHING
    commissions: Mapping[str, Decimal] = field(default_factory=dict)
    qualities: Mapping[str, int] = field(default_factory=dict)

    @property
    def flat(self) -> int:
        """Entries that came out at exactly nothing."""
        return self.entries - self.wins - self.losses - self.unknown

    @property
    def win_rate(self) -> Decimal | None:
        """Wins among the entries of a known amount, in percent."""
        known = self.entries - self.unknown
        return EXACT.divide(Decimal(100 * self.wins), Decimal(known)) if known else None

    @property
    def profit_factor(self) -> Decimal | None:
        """What was won over what was lost; `None` where nothing was lost."""
        return EXACT.divide(self.won, -self.lost) if self.lost else None

    @property
    def average_win(self) -> Decimal | None:
        return EXACT.divide(self.won, Decimal(self.wins)) if self.wins else None

    @property
    def average_loss(self) -> Decimal | None:
        return EXACT.divide(self.lost, Decimal(self.losses)) if self.losses else None

    @property
    def expectancy(self) -> Decimal | None:
        """What an entry brought on average."""
        known = self.entries - self.unknown
        return EXACT.divide(self.won + self.lost, Decimal(known)) if known else None


def performances(rows: Iterable[EntryRow]) -> tuple[Performance, ...]:
    """One total a currency, that of most entries first."""
    groups: dict[str, list[EntryRow]] = {}
    for row in rows:
        if counts(row.entry):
            groups.setdefault(row.entry.currency, []).append(row)
    found = [performance(currency, group) for currency, group in groups.items()]
    return tuple(sorted(found, key=lambda total: (-total.entries, total.currency)))


def performance(currency: str, rows: Sequence[EntryRow]) -> Performance:
    """The totals of rows that are all of one currency."""
    realized = won = lost = NOTHING
    entries = wins = losses = unknown = 0
    best: EntryView | None = None
    worst: EntryView | None = None
    commissions: dict[str, Decimal] = {}
    qualities: dict[str, int] = {}
    for row in rows:
        entry, amount = row.entry, row.entry.realized_pnl
        if amount is not None:
            realized = EXACT.add(realized, amount)
        if entry.commission is not None:
            paid = commissions.get(entry.commission_currency or currency, NOTHING)
            total = EXACT.add(paid, entry.commission)
            commissions[entry.commission_currency or currency] = total
        if not row.stands:
            continue
        entries += 1
        qualities[entry.quality] = qualities.get(entry.quality, 0) + 1
        if amount is None:
            unknown += 1
            continue
        if amount > 0:
            wins, won = wins + 1, EXACT.add(won, amount)
        elif amount < 0:
            losses, lost = losses + 1, EXACT.add(lost, amount)
        if best is None or amount > (best.realized_pnl or NOTHING):
            best = entry
        if worst is None or amount < (worst.realized_pnl or NOTHING):
            worst = entry
    is_known = realized or not entries or unknown < entries
    return Performance(
        currency,
        realized if is_known else None,
        entries,
        wins,
        losses,
        unknown,
        won,
        lost,
        best,
        worst,
        drawdown(total for _, total in running_totals(moves(row.entry for row in rows))),
        {name: amount for name, amount in sorted(commissions.items()) if amount},
        qualities,
    )


def moves(entries: Iterable[EntryView]) -> tuple[Move, ...]:
    """What each instant brought, oldest first.

    A reversal has the time of what it reverses, so nothing that was undone shows as a spike.
    """
    sums: dict[datetime, Decimal] = {}
    for entry in entries:
        if entry.realized_pnl is not None and counts(entry):
            before = sums.get(entry.closed_at, NOTHING)
            sums[entry.closed_at] = EXACT.add(before, entry.realized_pnl)
    return tuple((at, sums[at]) for at in sorted(sums) if sums[at])


def running_totals(moved: Iterable[Move]) -> tuple[Move, ...]:
    """The total after each instant."""
    total = NOTHING
    totals = []
    for at, amount in moved:
        total = EXACT.add(total, amount)
        totals.append((at, total))
    return tuple(totals)


def drawdown(totals: Iterable[Decimal]) -> Decimal:
    """The deepest fall of a running total below what it had been before; nothing or negative."""
    top = deepest = NOTHING
    for total in totals:
        top = max(top, total)
        deepest = min(deepest, total - top)
    return deepest


# --- over time -----------------------------------------------------------------------------------


class Unit(StrEnum):
    """How much time one bar stands for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


UNIT_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Bar:
    """What was realized between two wall-clock times of the user's zone."""

    start: datetime
    end: datetime
    amount: Decimal


def unit_for(first: datetime, last: datetime, most: int) -> Unit:
    """The finest unit of which no more than `most` lie between two wall-clock times."""
    if first.date() == last.date():
        return Unit.HOUR
    days = (last.date() - first.date()).days + 1
    for unit, length in ((Unit.DAY, 1), (Unit.WEEK, 7), (Unit.MONTH, 30), (Unit.QUARTER, 91)):
        if days <= most * length:
            return unit
    return Unit.YEAR


def wall(at: datetime, zone: tzinfo | None = None) -> datetime:
    """What the clock on the user's wall said, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)


def floor(at: datetime, unit: Unit) -> datetime:
    """The beginning of the `unit` that a wall-clock time lies in."""
    if unit is Unit.HOUR:
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.date()
    if unit is Unit.WEEK:
        day -= timedelta(days=day.weekday())
    elif unit in UNIT_MONTHS:
        length = UNIT_MONTHS[unit]
        day = date(day.year, (day.month - 1) // length * length + 1, 1)
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (a wall has no zone)


def next_start(start: datetime, unit: Unit) -> datetime:
    """The beginning of the next `unit`."""
    if unit is Unit.HOUR:
        return start + timedelta(hours=1)
    if unit is Unit.DAY or unit is Unit.WEEK:
        return start + timedelta(days=1 if unit is Unit.DAY else 7)
    first = add_months(start.date(), UNIT_MONTHS[unit])
    return datetime(first.year, first.month, first.day)  # noqa: DTZ001


def bars(moved: Iterable[Move], unit: Unit, zone: tzinfo | None = None) -> tuple[Bar, ...]:
    """What each unit brought, oldest first; units in which nothing moved are left out."""
    sums: dict[datetime, Decimal] = {}
    for at, amount in moved:
        start = floor(wall(at, zone), unit)
        sums[start] = EXACT.add(sums.get(start, NOTHING), amount)
    return tuple(Bar(start, next_start(start, unit), sums[start]) for start in sorted(sums))


def thinned(
    points: Sequence[tuple[float, Decimal]], columns: int
) -> tuple[tuple[float, Decimal], ...]:
    """No more than two points for each of `columns`: the lowest and the highest of those in it.

    The first and the last point stay, so a curve that is drawn from the rest has the same ends and
    the same extremes.
    """
    if len(points) <= 2 * columns or columns < 2:
        return tuple(points)
    first, reach = points[0][0], points[-1][0] - points[0][0]
    inner = columns - 1
    groups: dict[int, list[tuple[float, Decimal]]] = {}
    for point in points[1:-1]:
        place = (point[0] - first) / reach if reach else 0.0
        groups.setdefault(min(inner - 1, int(place * inner)), []).append(point)
    kept = [points[0]]
    for column in sorted(groups):
        group = groups[column]
        lowest = min(range(len(group)), key=lambda index: group[index][1])
        highest = max(range(len(group)), key=lambda index: group[index][1])
        kept += [group[index] for index in sorted({lowest, highest})]
    return (*kept, points[-1])
