"""When a fill happened: the wire's text, and the evidence around it where that leaves a doubt.

In the hour that a clock repeats at the end of daylight saving a local time names two instants. What
tells them apart: a pushed fill has just happened; none happened after it was received; and one that
a complete answer to an earlier request of that day did not have happened after that request, which
may have been one of a session before this one, or of a run before that kept its time in the ledger.
What none of these decides (a fill of that hour that is first asked for after it, where nothing was
asked for within it) is read as the first instant, and said to be doubtful: it may be an hour early
then. The order of execution ids is not used, because IBKR documents none.

A time without a zone is read in the one that TWS is taken to be in. Pushed fills show where that is
the wrong one (`other_zone`), and by how much: all such times are read that much earlier or later
from then on. Where a time is yet to come all the same, the receipt stands for it, because a fill
that seems to come after a snapshot would count twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from possync_tui.broker.other_zone import CLOCK_DOUBT, OtherZone
from possync_tui.broker.wire_times import (
    UnreadableTime,
    is_same_day,
    names_no_zone,
    wire_instants,
)

_LONGEST_TOLD: Final = timedelta(days=8)
"""TWS can be set to tell of the fills of a week, not of more."""


@dataclass
class FillTimes:
    """Reads the times of fills, in all sessions. A time that was decided once stays decided."""

    default_zone: tzinfo | None = None
    asked_at: dict[str, datetime] = field(default_factory=dict)
    """By account: when the last request was made that has a complete answer, on the broker's clock.

    It may be earlier than the truth, never later.
    """
    _decided: dict[str, datetime] = field(default_factory=dict)
    _other_zone: OtherZone = field(init=False)

    def __post_init__(self) -> None:
        self._other_zone = OtherZone(self.default_zone)

    def answered(self, accounts: Iterable[str], asked_at: datetime) -> None:
        """There is a complete answer for these accounts to what was asked at that time."""
        self.asked_at.update(dict.fromkeys(accounts, asked_at))

    def forget_old(self, now: datetime) -> None:
        """Drop what was decided on fills that TWS does not tell of any more."""
        since = now - _LONGEST_TOLD
        self._decided = {fill: time for fill, time in self._decided.items() if time > since}

    def read(
        self,
        account: str,
        exec_id: str,
        raw: str,
        received_at: datetime,
        *,
        is_pushed: bool,
        knows_clock: bool = True,
    ) -> tuple[datetime, str]:
        """The time of a fill, and what is doubtful about it.

        A pushed fill has just happened, so its receipt is within seconds of it. One that was asked
        for happened before its receipt: its clock time is read in TWS's usual zone, and never later
        than the receipt, because a fill that seems to come after a snapshot would count twice.
        What is measured by `received_at` needs to know the broker's clock.
        """
        try:
            instants = wire_instants(raw, self.default_zone)
        except UnreadableTime as bad:
            if is_pushed or bad.reading is None:
                return received_at, f"{bad}; its receipt is taken instead"
            reading = min(bad.reading, received_at)
            return reading, f"{bad}; the usual zone of TWS is taken instead"
        if exec_id in self._decided:
            return self._decided[exec_id], ""
        told = ""
        if is_local := names_no_zone(raw):
            if is_pushed and knows_clock:
                nearest = min(instants, key=lambda instant: abs(received_at - instant))
                told = self._other_zone.learn(nearest, received_at)
            instants = tuple(instant + self._other_zone.offset for instant in instants)
            if instants[0] > received_at + CLOCK_DOUBT:
                instants, told = (
                    (received_at,),
                    (
                        "would be later than its receipt, which is taken instead: TWS is in another"
                        " time zone, to be named in IBKR_TIMEZONE"
                    ),
                )
        possible = self._possible(account, raw, instants, received_at, is_pushed=is_pushed)
        if is_local or len(instants) > 1:
            self._decided[exec_id] = possible[0]
        if len(possible) > 1:
            told = "is in the hour that the clock repeats: the first is taken"
        return possible[0], told and f"time {raw[:40]!r} {told}"

    def _possible(
        self,
        account: str,
        raw: str,
        instants: tuple[datetime, ...],
        received_at: datetime,
        *,
        is_pushed: bool,
    ) -> tuple[datetime, ...]:
        """Those of the instants that the evidence leaves."""
        if is_pushed:
            return (min(instants, key=lambda instant: abs(received_at - instant)),)
        if instants[-1] > received_at + CLOCK_DOUBT:
            return instants[:1]
        if self._was_not_there(account, raw, instants[0]):
            return instants[-1:]
        return instants

    def _was_not_there(self, account: str, raw: str, instant: datetime) -> bool:
        """Whether a complete answer did not have a fill that would have been there by then.

        An answer covers the day on which it was asked for.
        """
        asked_at = self.asked_at.get(account)
        return (
            asked_at is not None
            and instant < asked_at - CLOCK_DOUBT
            and is_same_day(raw, asked_at, self.default_zone)
        )
