"""The heartbeat: does TWS answer, how fast, and what time is it there."""

from datetime import datetime, timedelta

from possync_tui.domain.clock import Clock

MOST_SKEW_SECONDS = 86_400.0
"""No clock in use is off by more than a day: what says so is nonsense, on one side or the other."""

PARTED_SECONDS = 5.0
"""When wall clock and monotonic clock part by more, the machine slept or its clock was set."""


class ClockWatch:
    """Notices that the wall clock and the monotonic clock have parted since the last look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now()
        self._monotonic = clock.monotonic()

    def parted(self) -> float:
        """Seconds that the wall clock went ahead of the monotonic one since the last look.

        A jump stays to be seen: what is still to be read of the session is dated by it, too.
        """
        parted = self._parted()
        if abs(parted) <= PARTED_SECONDS:
            # A slow drift is what time servers do all day; only a jump is a reason to doubt.
            self._wall, self._monotonic = self._clock.now(), self._clock.monotonic()
        return parted

    @property
    def has_jumped(self) -> bool:
        """Whether the machine slept, or its clock was set, since the last look."""
        return abs(self._parted()) > PARTED_SECONDS

    def now(self) -> datetime:
        """The wall clock; one that was set back since the last look as if it had not been.

        What has just happened would seem to be yet to come. (Set ahead and slept look the same.)
        """
        parted, now = self._parted(), self._clock.now()
        return now - timedelta(seconds=parted) if parted < -PARTED_SECONDS else now

    def _parted(self) -> float:
        passed = (self._clock.now() - self._wall).total_seconds()
        return passed - (self._clock.monotonic() - self._monotonic)


class Skew:
    """Broker clock minus ours, from answers in whole seconds.

    An answer `s` that we asked for at `a` and got at `b` was written while the broker's clock was
    between `s` and `s + 1`, so the skew lies between `s - b` and `s + 1 - a`. Answers narrow each
    other; one that contradicts them begins anew, because then a clock was set.
    """

    def __init__(self) -> None:
        self._low: float | None = None
        self._high: float | None = None

    def add(self, asked_at: datetime, answered_at: datetime, broker_seconds: int) -> bool:
        """Take in an answer; false for one beyond belief. The first two are by our clock."""
        low = broker_seconds - answered_at.timestamp()
        high = broker_seconds + 1 - asked_at.timestamp()
        if low > MOST_SKEW_SECONDS or high < -MOST_SKEW_SECONDS:
            return False
        if self._low is None or self._high is None or low > self._high or high < self._low:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)
        return True

    @property
    def seconds(self) -> float | None:
        """The middle of what is possible; `None` until there was an answer."""
        if self._low is None or self._high is None:
            return None
        return (self._low + self._high) / 2

    def applied_to(self, local: datetime) -> datetime:
        """The broker's clock when ours says `local`; the same until there was an answer."""
        seconds = self.seconds
        return local if seconds is None else local + timedelta(seconds=seconds)
