"""The state of the link to TWS or IB Gateway, in words that a trader understands."""

import re
from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from possync_tui.domain.values import dataclass


class Phase(StrEnum):
    """Where a broker session stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    STALE = "stale"
    RECONNECTING = "reconnecting"
    FAILED = "failed"


class Environment(StrEnum):
    """What kind of account a ledger keeps; a ledger never changes its kind."""

    LIVE = "live"
    PAPER = "paper"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """One look at the link.

    `code` is the IBKR message code behind the state, if any; `sentence` says what it means and what
    to do. `round_trip_ms` comes from the last heartbeat. `clock_skew` is broker minus local clock,
    in seconds. `is_paused`: the user wants no tries. `last_error` outlives the state that it ended.
    `since` is that of the phase, `down_since` that of the outage: since when there was no usable
    session, however many tries were made.
    """

    phase: Phase
    host: str
    port: int
    client_id: int
    since: datetime
    sentence: str = ""
    code: int | None = None
    attempt: int = 0
    next_try_at: datetime | None = None
    session_id: str = ""
    server_version: int | None = None
    accounts: tuple[str, ...] = ()
    environment: Environment | None = None
    round_trip_ms: float | None = None
    clock_skew: float | None = None
    farms: tuple[tuple[str, bool], ...] = field(default=())
    last_error: str = ""
    last_error_code: int | None = None
    last_error_at: datetime | None = None
    is_paused: bool = False
    down_since: datetime | None = None

    def after(self, before: "ConnectionState", now: datetime) -> "ConnectionState":
        """The same, with the times since when it stands so after the state `before` it."""
        since = before.since if self.phase is before.phase else now
        down_since = None if self.is_usable else before.down_since or now
        return replace(self, since=since, down_since=down_since)

    def with_error(self, at: datetime) -> "ConnectionState":
        """The same, with what it says noted as the last error."""
        return replace(self, last_error=self.sentence, last_error_code=self.code, last_error_at=at)

    def without_session(self) -> "ConnectionState":
        """The same, without what only a session can know."""
        return replace(
            self, session_id="", round_trip_ms=None, clock_skew=None, farms=(), is_paused=False
        )

    @property
    def is_usable(self) -> bool:
        """Whether a sync may start now."""
        return self.phase is Phase.CONNECTED


# U1234567, DU1234567, DUM123456, F1234567, U1234567F; IBKR documents no form, and brokers that it
# serves may have their own, so what has the look of a code passes.
_CODE = re.compile(r"[A-Z][A-Z0-9_.-]{2,19}")


def unlike_accounts(codes: Iterable[str]) -> tuple[str, ...]:
    """Those that no account of IBKR is called like, such as what came garbled."""
    return tuple(code for code in codes if _CODE.fullmatch(code) is None)


def environment_of(accounts: tuple[str, ...]) -> Environment:
    """Paper accounts begin with `DU` or `DF`; anything else is taken for live money."""
    if accounts and all(code.startswith(("DU", "DF")) for code in accounts):
        return Environment.PAPER
    return Environment.LIVE
