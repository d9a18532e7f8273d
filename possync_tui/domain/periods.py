"""Stretches of days that a trader looks at: a day, a week, a quarter, days of one's own choice.

Days are the user's: a day begins at midnight of their zone, whatever that is in UTC.
"""

import re
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from possync_tui.domain.calendar import day_start
from possync_tui.domain.values import dataclass

_TYPED_DAY = re.compile(
    r"(?P<year1>\d{4})(?P<dash>-?)(?P<month1>\d\d)(?P=dash)(?P<day1>\d\d)"
    r"|(?P<day2>\d\d?)\.(?P<month2>\d\d?)\.(?P<year2>\d{4})",
    re.ASCII,
)
_FIRST_YEAR = 1900


class Span(StrEnum):
    """How long a stretch is. `CUSTOM` has ends of its own, `ALL` has none."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"
    CUSTOM = "custom"


MONTHS = {Span.MONTH: 1, Span.QUARTER: 3, Span.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days from `first` to `last`, both included; `None` has no end on that side."""

    span: Span
    first: date | None = None
    last: date | None = None

    @property
    def name(self) -> str:
        """`Wed 18 Nov 2026`, `week 47, 16–22 Nov 2026`, `November 2026`, `Q4 2026`, `2026`."""
        first, last = self.first, self.last
        if first is None:
            return f"until {_day(last)}" if last else "all time"
        if last is None:
            return f"since {_day(first)}"
        match self.span:
            case Span.DAY:
                return f"{first:%a} {_day(first)}"
            case Span.WEEK:
                return f"week {first.isocalendar().week}, {_between(first, last)}"
            case Span.MONTH:
                return f"{first:%B %Y}"
            case Span.QUARTER:
                return f"Q{_quarter(first)} {first.year}"
            case Span.YEAR:
                return f"{first.year}"
            case _:
                return _between(first, last)

    @property
    def file_name(self) -> str:
        """A part of a file's name: `2026-11`, `2026-Q4`, `2026-11-02-to-2026-11-18`, `all`."""
        first, last = self.first, self.last
        if first is None:
            return f"until-{last.isoformat()}" if last else "all"
        if last is None:
            return f"since-{first.isoformat()}"
        match self.span:
            case Span.MONTH:
                return f"{first:%Y-%m}"
            case Span.QUARTER:
                return f"{first.year}-Q{_quarter(first)}"
            case Span.YEAR:
                return f"{first.year}"
            case _ if first == last:
                return first.isoformat()
            case _:
                return f"{first.isoformat()}-to-{last.isoformat()}"

    def holds(self, day: date) -> bool:
        """Whether `day` is in it."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def shifted(self, by: int) -> "Period":
        """The stretch of the same length `by` places later; one without two ends stays."""
        first, last = self.first, self.last
        if first is None or last is None:
            return self
        try:
            if self.span in MONTHS:
                return calendar(self.span, add_months(first, by * MONTHS[self.span]))
            days = timedelta(days=((last - first).days + 1) * by)
            return Period(self.span, first + days, last + days)
        except (ValueError, OverflowError):
            # Before the year 1 or after 9999.
            return self

    def bounds(self, zone: tzinfo | None = None) -> tuple[datetime | None, datetime | None]:
        """From when (included) until when (excluded), in UTC."""
        since = None if self.first is None else day_start(self.first, zone)
        until = None
        if self.last is not None and self.last < date.max:
            until = day_start(self.last + timedelta(days=1), zone)
        return since, until


def calendar(span: Span, day: date) -> Period:
    """The stretch of the calendar that `day` is in; weeks begin on Monday."""
    match span:
        case Span.DAY:
            return Period(span, day, day)
        case Span.WEEK:
            first = day - timedelta(days=day.weekday())
            return Period(span, first, first + timedelta(days=6))
        case Span.MONTH | Span.QUARTER | Span.YEAR:
            length = MONTHS[span]
            first = date(day.year, (day.month - 1) // length * length + 1, 1)
            return Period(span, first, add_months(first, length) - timedelta(days=1))
        case _:
            return Period(span)


def add_months(first: date, months: int) -> date:
    """The first of the month that lies `months` after the month of `first`."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def parse_day(text: str) -> date:
    """A day as people type it: `2026-11-02`, `20261102`, `2.11.2026`. Raises `ValueError`.

    Years have four digits: which century two are of nobody can tell.
    """
    found = _TYPED_DAY.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a date")
    told = found.groupdict()
    year, month, day = (
        int(told[f"{part}1"] or told[f"{part}2"]) for part in ("year", "month", "day")
    )
    if year < _FIRST_YEAR:
        raise ValueError("before there was anything to trade")
    return date(year, month, day)


def _quarter(day: date) -> int:
    return (day.month + 2) // 3


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _between(first: date, last: date) -> str:
    if first == last:
        return _day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{_day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} – {_day(last)}"
    return f"{_day(first)} – {_day(last)}"
