"""Totals of realized P&L, exact: from the kept sums where they are enough, else from entries."""

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any

from possync_tui.domain.calendar import CalendarPeriod, CalendarUnit, local_day, period_of
from possync_tui.domain.money import from_micros
from possync_tui.domain.views import PnlBucket, PnlGrouping, PnlTotal
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.realized import Parameters, entry_filter, named, sums_filter
from possync_tui.ledger.rollups import QUARTER, QUARTERS_A_DAY, quarter_of, quarter_start

_LABELS = {
    PnlGrouping.SYMBOL: "symbol",
    PnlGrouping.ACCOUNT: "account",
    PnlGrouping.CURRENCY: "currency",
    PnlGrouping.QUALITY: "quality",
}
_ROW = "currency, commission_currency, realized_micros, commission_micros, entries, unknown"
_EARLIEST, _LATEST = -(2**40), 2**40
"""Quarters of an hour before and after all times that there are."""
Stretch = tuple[int, int, int]
"""Quarters from one up to another, and by how many seconds a clock is ahead of UTC in them."""


def daily_pnl(db: sqlite3.Connection, query: EntryQuery) -> list[PnlBucket]:
    """Totals per UTC day and currency, newest first, without virtual FX.

    A reversed entry and its reversal count for nothing, in the sums and in the counts.
    """
    totals = pnl_totals(db, query, PnlGrouping.DAY, UTC)
    # Stable: newest first, and of one day by currency.
    totals.sort(key=lambda total: total.label, reverse=True)
    return [
        PnlBucket(total.label, total.currency, total.realized_pnl, total.entries, total.unknown)
        for total in totals
        if total.entries or total.realized_pnl
    ][: query.limit]


def pnl_totals(
    db: sqlite3.Connection, query: EntryQuery, by: PnlGrouping, zone: tzinfo | None
) -> list[PnlTotal]:
    """Totals by `by` and currency, in order of their labels; groups that come to nothing are left
    out. Calendar periods are those of `zone`. The query's limit is not heeded.
    """
    groups = _Groups(by)
    is_bounded = query.since is not None or query.until is not None
    if query.symbol is None and by is not PnlGrouping.SYMBOL:
        _sum_stretch(db, query, zone, groups)
    elif by.unit is None and not is_bounded:
        _sum_contracts(db, query, groups)
    else:
        _sum_entries(db, query, zone, groups)
    return groups.totals()


@dataclass(slots=True)
class _Sum:
    period: CalendarPeriod | None
    micros: int
    commission: int
    entries: int
    unknown: int


@dataclass
class _Groups:
    """The sums so far, by label and currency."""

    by: PnlGrouping
    _sums: dict[tuple[str, str], _Sum] = field(default_factory=dict)

    def add(self, sums: Sequence[Any], label: str, period: CalendarPeriod | None = None) -> None:
        """Count a row of sums. A commission counts where it was charged, which may be another
        currency than the contract's.
        """
        currency, charged_in, micros, commission, entries, unknown = sums
        if charged_in and charged_in != currency:
            charged = charged_in if self.by is PnlGrouping.CURRENCY else label
            self._count((charged, charged_in), period, 0, commission, 0, 0)
            commission = 0
        self._count((label, currency), period, micros, commission, entries, unknown)

    def _count(
        self,
        key: tuple[str, str],
        period: CalendarPeriod | None,
        micros: int,
        commission: int,
        entries: int,
        unknown: int,
    ) -> None:
        total = self._sums.get(key)
        if total is None:
            self._sums[key] = _Sum(period, micros, commission, entries, unknown)
            return
        total.micros += micros
        total.commission += commission
        total.entries += entries
        total.unknown += unknown

    def totals(self) -> list[PnlTotal]:
        found = []
        for (label, currency), total in sorted(self._sums.items(), key=_label_of):
            micros, entries = total.micros, total.entries
            if not (entries or micros or total.commission):
                continue
            # A sum of unknown amounts alone is unknown.
            is_unknown = 0 < entries == total.unknown and not micros
            realized = None if is_unknown else from_micros(micros)
            commission, period = from_micros(total.commission), total.period
            start, end = (period.start, period.end) if period else (None, None)
            found.append(
                PnlTotal(label, currency, realized, commission, entries, total.unknown, start, end)
            )
        return found


def _label_of(item: tuple[tuple[str, str], _Sum]) -> tuple[str, str]:
    return item[0]


# --- a stretch of time ---------------------------------------------------------------------------


def _sum_stretch(
    db: sqlite3.Connection, query: EntryQuery, zone: tzinfo | None, groups: _Groups
) -> None:
    """Whole UTC days of a stretch as such, the rest of it by quarters, its ragged ends by entries.

    A UTC day that the user's midnight parts is summed by quarters, too.
    """
    first = _EARLIEST if query.since is None else _quarter_from(query.since)
    end = _LATEST if query.until is None else quarter_of(query.until)
    if first > end:
        _sum_entries(db, query, zone, groups)
        return
    if query.since is not None and quarter_start(first) > query.since:
        _sum_entries(db, replace(query, until=quarter_start(first)), zone, groups)
    if query.until is not None and quarter_start(end) < query.until:
        _sum_entries(db, replace(query, since=quarter_start(end)), zone, groups)
    first_day, end_day = -(-first // QUARTERS_A_DAY), end // QUARTERS_A_DAY
    if first_day > end_day:
        _sum_quarters(db, query, (first, end), zone, groups)
        return
    _sum_quarters(db, query, (first, first_day * QUARTERS_A_DAY), zone, groups)
    _sum_days(db, query, (first_day, end_day), zone, groups)
    _sum_quarters(db, query, (end_day * QUARTERS_A_DAY, end), zone, groups)


def _quarter_from(at: datetime) -> int:
    """The first quarter of an hour that begins at an instant or after it."""
    quarter = quarter_of(at)
    return quarter if quarter_start(quarter) == at else quarter + 1


def _sum_days(
    db: sqlite3.Connection,
    query: EntryQuery,
    between: tuple[int, int],
    zone: tzinfo | None,
    groups: _Groups,
) -> None:
    unit = groups.by.unit
    where, parameters = sums_filter(query)
    where = f"{where} AND day >= ? AND day < ?"
    parameters += between
    if unit is None:
        sql = f"SELECT {_LABELS[groups.by]}, {_ROW} FROM realized_days WHERE {where}"  # noqa: S608
        _place(_rows(db, sql, parameters), None, None, groups)
        return
    sql = f"SELECT day, first_quarter, last_quarter, {_ROW} FROM realized_days WHERE {where}"  # noqa: S608
    found = _rows(db, sql, parameters).fetchall()
    periods = _Periods(unit, zone)
    placed = [(row, periods.of_both(row[1], row[2])) for row in found]
    parted = [row[0] for row, period in placed if period is None]
    first, end = (min(parted), max(parted) + 1) if parted else (0, 0)
    for row, period in placed:
        if period is not None and not first <= row[0] < end:
            groups.add(row[3:], period.label, period)
    # Where the user's midnight parts days of trading, it does so with nearly all of them.
    _sum_quarters(db, query, (first * QUARTERS_A_DAY, end * QUARTERS_A_DAY), zone, groups)


def _rows(db: sqlite3.Connection, sql: str, parameters: Parameters) -> sqlite3.Cursor:
    """Plain tuples: of rows by the thousand, names would cost more than the query."""
    cursor = db.cursor()
    cursor.row_factory = None
    return cursor.execute(sql, parameters)


def _sum_quarters(
    db: sqlite3.Connection,
    query: EntryQuery,
    between: tuple[int, int],
    zone: tzinfo | None,
    groups: _Groups,
) -> None:
    if between[0] >= between[1]:
        return
    unit = groups.by.unit
    where, parameters = sums_filter(query)
    if unit is not None and between[1] - between[0] > QUARTERS_A_DAY:
        for stretch in _stretches(*between, zone):
            _sum_local_days(db, (where, parameters), stretch, (unit, zone), groups)
        return
    label = "quarter" if unit is not None else _LABELS[groups.by]
    sql = (
        f"SELECT {label}, {_ROW} FROM realized_quarters"  # noqa: S608
        f" WHERE {where} AND quarter >= ? AND quarter < ?"
    )
    _place(_rows(db, sql, [*parameters, *between]), unit, zone, groups)


def _sum_local_days(
    db: sqlite3.Connection,
    chosen: tuple[str, Parameters],
    stretch: Stretch,
    by: tuple[CalendarUnit, tzinfo | None],
    groups: _Groups,
) -> None:
    """Quarters of an hour by the days of a zone: SQLite adds up some twenty to each of them."""
    first, end, ahead = stretch
    where, parameters = chosen
    sql = (
        f"SELECT (quarter * 900 + ? + 62135596800) / 86400 + 1 AS day,"  # noqa: S608
        " currency, commission_currency, sum(realized_micros), sum(commission_micros),"
        " sum(entries), sum(unknown) FROM realized_quarters"
        f" WHERE {where} AND quarter >= ? AND quarter < ?"
        " GROUP BY day, currency, commission_currency"
    )
    unit, zone = by
    for day, *sums in _rows(db, sql, [ahead, *parameters, first, end]):
        period = _period_of(day, unit, zone, _clock_of(zone))
        groups.add(sums, period.label, period)


def _sum_contracts(db: sqlite3.Connection, query: EntryQuery, groups: _Groups) -> None:
    where, parameters = sums_filter(query)
    if query.symbol is not None:
        where += f" AND {named(db, query.symbol)} = ? COLLATE NOCASE"
        parameters.append(query.symbol)
    sql = (
        f"SELECT {_LABELS[groups.by]}, {_ROW} FROM realized_contracts"  # noqa: S608
        f" WHERE {where} AND sec_type <> 'CASH'"
    )
    _place(_rows(db, sql, parameters), None, None, groups)


def _sum_entries(
    db: sqlite3.Connection, query: EntryQuery, zone: tzinfo | None, groups: _Groups
) -> None:
    unit = groups.by.unit
    label = QUARTER if unit is not None else _LABELS[groups.by]
    where, parameters = entry_filter(db, query)
    sql = (
        f"SELECT {label} AS label, currency, commission_currency,"  # noqa: S608
        " coalesce(sum(realized_pnl_micros), 0), coalesce(sum(commission_micros), 0),"
        " sum(iif(kind = 'REVERSAL', -1, 1)),"
        " sum(iif(realized_pnl_micros IS NOT NULL, 0, iif(kind = 'REVERSAL', -1, 1)))"
        f" FROM realized_entries AS entry WHERE {where} AND sec_type <> 'CASH'"
        " GROUP BY label, currency, commission_currency"
    )
    _place(_rows(db, sql, parameters), unit, zone, groups)


def _place(
    found: Iterable[Any], unit: CalendarUnit | None, zone: tzinfo | None, groups: _Groups
) -> None:
    """Count rows of sums under their label, or where it is a quarter of an hour in its period."""
    if unit is None:
        for label, *sums in found:
            groups.add(sums, label)
        return
    periods = _Periods(unit, zone)
    for quarter, *sums in found:
        period = periods.at(quarter)
        groups.add(sums, period.label, period)


class _Periods:
    """From quarters of an hour to the periods of a zone."""

    def __init__(self, unit: CalendarUnit, zone: tzinfo | None) -> None:
        self._unit = unit
        self._zone = zone
        self._clock = _clock_of(zone)
        self._last: CalendarPeriod | None = None
        self._first_quarter = self._end_quarter = 0

    def at(self, quarter: int) -> CalendarPeriod:
        """The period that a quarter of an hour lies in."""
        if self._last is None or not self._first_quarter <= quarter < self._end_quarter:
            self._last, self._first_quarter, self._end_quarter = _period_at(
                quarter, self._unit, self._zone, self._clock
            )
        return self._last

    def of_both(self, first: int, last: int) -> CalendarPeriod | None:
        """The period that two quarters of an hour lie in, where it is one."""
        if self._first_quarter <= first and last < self._end_quarter:
            return self._last
        period = self.at(first)
        return period if last < self._end_quarter else None


@lru_cache(maxsize=10_000)
def _period_at(
    quarter: int, unit: CalendarUnit, zone: tzinfo | None, _clock: tuple[object, ...]
) -> tuple[CalendarPeriod, int, int]:
    """A period with its first quarter of an hour and the one after its last."""
    period = period_of(local_day(quarter_start(quarter), zone), unit, zone)
    return period, quarter_of(period.start), quarter_of(period.end)


@lru_cache(maxsize=10_000)
def _period_of(
    ordinal: int, unit: CalendarUnit, zone: tzinfo | None, _clock: tuple[object, ...]
) -> CalendarPeriod:
    """The period of a day, which is counted as `date` counts."""
    return period_of(date.fromordinal(ordinal), unit, zone)


def _clock_of(zone: tzinfo | None) -> tuple[object, ...]:
    """What `None` stands for: the process's own zone, which it may change."""
    return (os.environ.get("TZ"), time.tzname, time.timezone) if zone is None else ()


# --- how far a zone is ahead ---------------------------------------------------------------------


def _stretches(first: int, end: int, zone: tzinfo | None) -> list[Stretch]:
    """The quarters from `first` up to `end`, in stretches in which the clock is not set."""
    clock, found = _clock_of(zone), list[Stretch]()
    for day in range(first // QUARTERS_A_DAY, -(-end // QUARTERS_A_DAY)):
        for begin, ahead in _settings_of(day, zone, clock):
            if found and found[-1][2] == ahead:
                continue
            if found:
                found[-1] = (found[-1][0], begin, found[-1][2])
            found.append((max(first, begin), end, ahead))
    return found


@lru_cache(maxsize=20_000)
def _settings_of(
    day: int, zone: tzinfo | None, _clock: tuple[object, ...]
) -> tuple[tuple[int, int], ...]:
    """The quarters of a UTC day at which the zone's clock was set, the day's first among them, and
    how many seconds it was ahead from there on."""
    first, after = day * QUARTERS_A_DAY, (day + 1) * QUARTERS_A_DAY
    ahead = _ahead_at(first, zone)
    if _ahead_at(after, zone) == ahead:
        return ((first, ahead),)
    found = [(first, ahead)]
    for quarter in range(first + 1, after):
        if (now := _ahead_at(quarter, zone)) != found[-1][1]:
            found.append((quarter, now))
    return tuple(found)


def _ahead_at(quarter: int, zone: tzinfo | None) -> int:
    ahead = quarter_start(quarter).astimezone(zone).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())
