"""How far times without a zone are off, where TWS is in another one than it is taken to be in."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

CLOCK_DOUBT: Final = timedelta(minutes=1)
"""More than the broker's clock, as we know it, and the text's whole seconds can be apart."""

_QUARTER: Final = timedelta(minutes=15)
_HOUR: Final = timedelta(hours=1)
_LONGEST_TRUSTED: Final = timedelta(days=1)
_HALVES_AND_QUARTERS: Final = (-9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5)
_ZONES: Final = frozenset(
    hours * _HOUR for hours in (*range(-12, 15), *_HALVES_AND_QUARTERS, 12.75, 13.75)
)
"""The offsets from UTC that clocks of this world have."""


@dataclass
class OtherZone:
    """Measured by pushed fills: those have just happened.

    One that is off by just what lies between two zones was written in another one, and so is what
    is read without a push. TWS can also push a fill late, after it had lost IBKR: where another one
    within a day showed that the zone is right, one that seems old is old.
    """

    default_zone: tzinfo | None = None
    offset: timedelta = timedelta(0)
    """To be added to a time without a zone."""
    _right_at: datetime | None = None

    def learn(self, reading: datetime, received_at: datetime) -> str:
        """Take in a pushed fill; what is new to say, or nothing."""
        off = received_at - reading
        whole = round(off / _QUARTER) * _QUARTER
        if abs(off - whole) > CLOCK_DOUBT:
            return ""
        if not whole:
            self.offset, self._right_at = whole, received_at
            return ""
        here = reading.astimezone(self.default_zone).utcoffset() or timedelta(0)
        if here - whole not in _ZONES or (off > timedelta(0) and self._was_right(received_at)):
            return ""
        is_known, self.offset = whole == self.offset, whole
        if is_known:
            return ""
        hours, side = abs(whole) / _HOUR, "earlier" if whole > timedelta(0) else "later"
        return (
            f"is {hours:g} h {side} than its receipt: TWS is in another time zone, to be named in"
            " IBKR_TIMEZONE; until then times without a zone are read as that far off"
        )

    def _was_right(self, now: datetime) -> bool:
        return self._right_at is not None and now - self._right_at < _LONGEST_TRUSTED
