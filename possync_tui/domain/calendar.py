"""Days, weeks, months and years as the user's clock has them, as spans of UTC.

A zone of `None` is that of the machine. A day begins at its first instant: where the clock skips
midnight, when it is put forward; where midnight comes twice, at the first.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from possync_tui.domain.values import dataclass


class CalendarUnit(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class CalendarPeriod:
    """A calendar period. `start` is its first instant in UTC, `end` the first one after it."""

    label: str
    start: datetime
    end: datetime


def local_day(at: datetime, zone: tzinfo | None = None) -> date:
    """The day on which an instant falls."""
    return at.astimezone(zone).date()


def day_start(day: date, zone: tzinfo | None = None) -> datetime:
    """The first instant of a day, in UTC."""
    midnight = datetime.combine(day, time(0))
    local = midnight.astimezone() if zone is None else midnight.replace(tzinfo=zone)
    return local.astimezone(UTC)


def period_of(day: date, unit: CalendarUnit, zone: tzinfo | None = None) -> CalendarPeriod:
    """The period that a day belongs to. Weeks are those of ISO 8601, from Monday."""
    match unit:
        case CalendarUnit.DAY:
            label, first, after = day.isoformat(), day, day + timedelta(days=1)
        case CalendarUnit.WEEK:
            year, week, weekday = day.isocalendar()
            first = day - timedelta(days=weekday - 1)
            label, after = f"{year:04d}-W{week:02d}", first + timedelta(days=7)
        case CalendarUnit.MONTH:
            first = day.replace(day=1)
            label, after = f"{day:%Y-%m}", (first + timedelta(days=31)).replace(day=1)
        case CalendarUnit.YEAR:
            first = day.replace(month=1, day=1)
            label, after = f"{day.year:04d}", first.replace(year=day.year + 1)
    return CalendarPeriod(label, day_start(first, zone), day_start(after, zone))
