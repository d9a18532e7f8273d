"""Execution times as TWS writes them, read without guessing by the host's zone where avoidable.

TWS versions and settings differ: `YYYYMMDD HH:MM:SS Zone`, a zoneless form with two spaces, and
`YYYYMMDD-HH:MM:SS`, which is UTC (shared IBKR facts, section 1).
"""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_FORM: Final = re.compile(r"(\d{8})(-| {1,2})(\d{2}:\d{2}:\d{2})(?: +(\S.*?))? *", re.ASCII)

# TWS runs on Java, whose short zone ids the tz database does not have (java.time.ZoneId.SHORT_IDS).
_JAVA_ZONES: Final = {
    "AET": "Australia/Sydney",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "ECT": "Europe/Paris",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "PST": "America/Los_Angeles",
}


class UnreadableTime(ValueError):
    """The text is no time. `reading` is the best one for a good time in an unknown zone."""

    def __init__(self, why: str, reading: datetime | None = None) -> None:
        super().__init__(why)
        self.reading = reading


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone that TWS means by `name`, `None` if there is no such zone."""
    try:
        return ZoneInfo(_JAVA_ZONES.get(name, name))
    except (ValueError, LookupError, OSError):
        return None


def chosen_zone(name: str) -> tzinfo | None:
    """The zone of a setting; blank is this machine's. Raises `ValueError` for an unknown one."""
    if not name:
        return None
    zone = zone_named(name)
    if zone is None:
        raise ValueError(f"there is no time zone {name!r}")
    return zone


def wire_instants(raw: str, default_zone: tzinfo | None) -> tuple[datetime, ...]:
    """The UTC instants that a TWS time may mean: two, in order, in an hour that the clock repeats.

    A text that names no zone is in `default_zone` (the zone of the machine that TWS runs on), or in
    the zone of this machine when that is `None`. Raises `UnreadableTime`.
    """
    match = _FORM.fullmatch(raw)
    if match is None:
        raise UnreadableTime(f"time is not in a form that TWS uses: {raw[:40]!r}")
    day, separator, clock, name = match.groups()
    try:
        local = datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007 - zone below
        if name is None:
            return _in_zone(local, UTC if separator == "-" else default_zone)
        zone = zone_named(name)
        if zone is None:
            reading = _in_zone(local, default_zone)[0]
            raise UnreadableTime(f"time is in an unknown zone: {raw[:40]!r}", reading)
        return _in_zone(local, zone)
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, UnreadableTime):
            raise
        raise UnreadableTime(f"time is no date and time: {raw[:40]!r}") from None


def names_no_zone(raw: str) -> bool:
    """Whether a time is read in a zone that is only taken to be that of TWS."""
    match = _FORM.fullmatch(raw)
    return match is not None and match[2] != "-" and match[4] is None


def is_same_day(raw: str, instant: datetime, default_zone: tzinfo | None) -> bool:
    """Whether the day of a readable time, as its text has it, was the day at `instant`, too."""
    match = _FORM.fullmatch(raw)
    if match is None:
        return False
    day, separator, _, name = match.groups()
    zone = zone_named(name) if name else UTC if separator == "-" else default_zone
    return f"{instant.astimezone(zone):%Y%m%d}" == day


def _in_zone(local: datetime, zone: tzinfo | None) -> tuple[datetime, ...]:
    # A naive time converts by the zone of this machine.
    here = local if zone is None else local.replace(tzinfo=zone)
    first, second = here.astimezone(UTC), here.replace(fold=1).astimezone(UTC)
    # In the hour that the clock leaves out in spring, which is no time, the second is earlier.
    return (first, second) if first < second else (first,)
