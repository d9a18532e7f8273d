"""Dates and times as Flex queries write them, in the formats that a query lets one choose.

A statement's times are those of New York unless they name a zone (a Flex query's time format may
end with one). Formats with slashes are refused: 03/04 is a day in March to one and in April to
another.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
BOOKED_AT = time(16, 20)
"""When a booking that has a day alone took place: that is what trade rows say of such bookings."""

_DAY_FORMS = (
    (re.compile(r"\d{8}", re.ASCII), "%Y%m%d"),
    (re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), "%Y-%m-%d"),
    (re.compile(r"\d{2}-[A-Za-z]{3}-\d{2}", re.ASCII), "%d-%b-%y"),
    (re.compile(r"\d{2}-[A-Za-z]{3}-\d{4}", re.ASCII), "%d-%b-%Y"),
)
_BOTH = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2}|\d{2}-[A-Za-z]{3}-(?:\d{4}|\d{2})|\d{8})(?:[;,T ]| ?[;,] ?)?"
    r"(?P<clock>\d{2}:\d{2}(?::\d{2})?|\d{6}|\d{4})"
    r"(?: ?(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)
_SLASHED = re.compile(r"\d{1,4}/\d", re.ASCII)
# Abbreviations of the zones that IBKR's statements name; the tz database has not all of them.
_ABBREVIATED = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "GMT": 0, "UTC": 0, "Z": 0}


class NoTime(ValueError):
    """The text is no day, or no time, in a form that is taken."""


def parse_day(text: str) -> date:
    """The day that a text begins with. Raises `NoTime`."""
    found = _BOTH.fullmatch(text)
    day = found["day"] if found else text
    for form, pattern in _DAY_FORMS:
        if form.fullmatch(day):
            try:
                return datetime.strptime(day, pattern).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                break
    raise NoTime(_hint("a date", text))


def parse_instant(text: str) -> datetime:
    """The UTC instant of a date and time: the first one in an hour that the clock repeats.

    Raises `NoTime`.
    """
    return _instants(text)[0]


def is_repeated(text: str) -> bool:
    """Whether a date and time names two instants, at the end of daylight saving."""
    try:
        return len(_instants(text)) > 1
    except NoTime:
        return False


@lru_cache(maxsize=65536)
def _instants(text: str) -> tuple[datetime, ...]:
    found = _BOTH.fullmatch(text)
    if found is None:
        raise NoTime(_hint("a date and time", text))
    digits = found["clock"].replace(":", "")
    hour, minute, second = digits[:2], digits[2:4], digits[4:] or "0"
    try:
        clock = time(int(hour), int(minute), int(second))
        local = datetime.combine(parse_day(found["day"]), clock, _zone(found["zone"]))
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        return (first, second) if first < second else (first,)
    except (ValueError, OverflowError):
        raise NoTime(_hint("a date and time", text)) from None


def booked_on(day: date) -> datetime:
    """The UTC instant of a booking of which only the day is told."""
    return datetime.combine(day, BOOKED_AT, NEW_YORK).astimezone(UTC)


def begins_on(day: date) -> datetime:
    """The UTC instant at which a day begins in New York: before all that happens on it."""
    return datetime.combine(day, time(0), NEW_YORK).astimezone(UTC)


def has_clock(text: str) -> bool:
    return _BOTH.fullmatch(text) is not None


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return NEW_YORK
    if name[0] in "+-":
        digits = name[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-offset if name[0] == "-" else offset)
    if name in _ABBREVIATED:
        return timezone(timedelta(hours=_ABBREVIATED[name]))
    try:
        return ZoneInfo(name)
    except (LookupError, OSError):
        raise ValueError(f"no such zone: {name}") from None


def _hint(what: str, text: str) -> str:
    if _SLASHED.match(text):
        return (
            f"is {what} with slashes, which can be read in two ways: choose yyyyMMdd in the query"
        )
    return f"is not {what}"
