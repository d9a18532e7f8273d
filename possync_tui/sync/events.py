"""What a sync tells the outside, in plain event style: subscribe, get called, unsubscribe."""

import logging
from collections.abc import Callable
from datetime import datetime

from possync_tui.domain.connection import ConnectionState
from possync_tui.domain.marks import Mark
from possync_tui.domain.runs import SyncResult, Trigger
from possync_tui.domain.values import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncStarted:
    """A sync is under way."""

    trigger: Trigger
    at: datetime


@dataclass(frozen=True, slots=True)
class SyncFinished:
    """A sync ended, one way or the other; skipped ones are told too."""

    result: SyncResult


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The link to the broker went into another state."""

    state: ConnectionState


@dataclass(frozen=True, slots=True)
class MarkMoved:
    """A live value of a position moved. Up to thousands a second: coalesce."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    """Tables changed: positions, entries, holds or runs are worth reading again."""


@dataclass(frozen=True, slots=True)
class ArmingChanged:
    """`mark_missing_as_closed` was switched, or disarmed itself."""

    arming: "Arming"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the sync log. `level` is one of the `logging` levels; `text` is plain data."""

    at: datetime
    level: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Arming:
    """Whether missing positions may be closed. Armed by key it ends at `until` (promise 15)."""

    armed: bool
    by_settings: bool
    until: datetime | None = None


SyncEvent = (
    SyncStarted
    | SyncFinished
    | ConnectionChanged
    | MarkMoved
    | LedgerChanged
    | ArmingChanged
    | LogLine
)
Listener = Callable[[SyncEvent], None]


class EventBus:
    """Calls every listener in turn; one that fails is logged and stops nobody."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Start calling `listener`; the result stops it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def emit(self, event: SyncEvent) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener failed on %s", type(event).__name__)
