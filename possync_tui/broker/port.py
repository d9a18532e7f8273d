"""What a sync needs from a broker. Importing this loads no broker library."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from possync_tui.domain.connection import ConnectionState
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Commission, Fill, Observed, Snapshot
from possync_tui.domain.rates import Rates
from possync_tui.domain.values import dataclass


class BrokerError(Exception):
    """The broker did not give what was asked; the message is for the user."""


class BrokerUnavailable(BrokerError):
    """No usable session: not connected, lost meanwhile, or TWS has lost IBKR."""


class BrokerTimeout(BrokerError):
    """An answer did not come within the time limit; the session is thrown away."""


class SnapshotRefused(BrokerError):
    """Positions came, but do not count: a row could not be read, or the link was in doubt."""


class RequestRefused(BrokerError):
    """TWS answered a request with an error; `code` is IBKR's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Executions:
    """The answer to `reqExecutions`: since midnight, all clients, in the broker's order.

    It is whole unless something could not be read, or it was asked for before TWS told its time:
    then a fill that is not in it may have happened before, all the same.
    """

    fills: tuple[Fill, ...]
    commissions: tuple[Commission, ...]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The connection went into another state."""

    state: ConnectionState


@dataclass(frozen=True, slots=True)
class MarkChanged:
    """A live value moved."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of TWS, or a problem with one of its rows, for the log."""

    code: int | None
    text: str
    is_problem: bool


BrokerEvent = Observed | StateChanged | MarkChanged | Notice
Listener = Callable[[BrokerEvent], None]


class BrokerPort(Protocol):
    """A broker that reconnects by itself; every wait has a time limit."""

    @property
    def state(self) -> ConnectionState: ...

    @property
    def marks(self) -> Mapping[PositionKey, Mark]: ...

    @property
    def rates(self) -> Rates:
        """The latest exchange rates; what is not there is unknown."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event, on the event loop; returns how to stop."""
        ...

    async def start(self, fills_known_until: Mapping[str, datetime] | None = None) -> None:
        """Begin connecting, in the background; returns at once.

        Where a run before this one left off: by account, a time on the broker's clock before which
        no fill of that day is unknown.
        """
        ...

    async def connected(self, timeout: float) -> ConnectionState:
        """Wait for a usable session.

        Raises `BrokerUnavailable` when `timeout` seconds pass, or at once when only the user can
        mend it.
        """
        ...

    async def executions(self, timeout: float) -> Executions:
        """Today's fills. Raises `BrokerError`; a failure is never an empty answer."""
        ...

    async def snapshot(self, timeout: float) -> Snapshot:
        """A complete snapshot. Raises `SnapshotRefused` or another `BrokerError`."""
        ...

    async def watch(self, keys: frozenset[PositionKey]) -> None:
        """Ask for live values of these positions, without market data subscriptions."""
        ...

    def refuse(self, sentence: str) -> None:
        """End the session and go to `FAILED` with this sentence: only the user can mend it."""
        ...

    def reconnect_now(self) -> None:
        """Do not wait for the next try; replace a session that stands."""
        ...

    def pause_reconnecting(self) -> bool:
        """Try nothing more until `reconnect_now`; false, and no effect, while a session stands."""
        ...

    async def stop(self) -> None:
        """Disconnect and end every task."""
        ...
