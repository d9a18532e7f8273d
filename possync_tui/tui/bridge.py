"""From engine events to screen updates: the latest value of each key, a few times a second.

Ticks come by the thousand, and a screen needs few looks a second. Events are put aside as they come
and one message, which replaces itself in the queue, says that there is something to fetch. While
nothing happens there is no timer.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from textual.message import Message
from textual.message_pump import MessagePump

from possync_tui.domain.connection import ConnectionState
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.runs import SyncResult
from possync_tui.sync.events import (
    Arming,
    ArmingChanged,
    ConnectionChanged,
    EventBus,
    LedgerChanged,
    LogLine,
    MarkMoved,
    SyncEvent,
    SyncFinished,
    SyncStarted,
)

LEAST_GAP, MOST_GAP = 0.008, 0.1
"""Seconds between two updates of the screen; the first after a quiet spell does not wait."""
SHARE = 0.05
"""As much of a processor's time may go into them: what costs little is shown at once, and what
costs much ten times a second."""
LINES_KEPT = 1_000


class EngineMoved(Message):
    """Something waits in the bridge. Carries nothing, so that ten of them are as good as one."""

    def can_replace(self, message: MessagePump | Message) -> bool:
        return isinstance(message, EngineMoved)


@dataclass(frozen=True, slots=True)
class EngineUpdate:
    """What happened since the last look; `None` and empty mean no news."""

    connection: ConnectionState | None = None
    arming: Arming | None = None
    marks: tuple[Mark, ...] = ()
    results: tuple[SyncResult, ...] = ()
    lines: tuple[LogLine, ...] = ()
    sync_began_or_ended: bool = False
    ledger_changed: bool = False


class EventBridge:
    """Listens to the engine from the start; tells the app once that runs."""

    def __init__(self, bus: EventBus, tell: Callable[[Message], bool]) -> None:
        self._tell = tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._last_flush = 0.0
        self._gap = LEAST_GAP
        self._marks: dict[PositionKey, Mark] = {}
        self._results: deque[SyncResult] = deque(maxlen=LINES_KEPT)
        self._lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self._connection: ConnectionState | None = None
        self._arming: Arming | None = None
        self._sync_moved = False
        self._ledger_changed = False
        self._has_news = False
        self._unsubscribe = bus.subscribe(self._hear)

    def open(self) -> None:
        """The app runs: from now on it is told, also of what came before."""
        self._loop = asyncio.get_running_loop()
        if self._has_news:
            self._plan_flush()

    def close(self) -> None:
        """Stop listening."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None

    def took(self, seconds: float) -> None:
        """An update was painted, in so much of the processor's time: the next one waits for it."""
        self._gap = min(max(seconds / SHARE, LEAST_GAP), MOST_GAP)

    def take(self) -> EngineUpdate:
        """What happened since the last call."""
        update = EngineUpdate(
            connection=self._connection,
            arming=self._arming,
            marks=tuple(self._marks.values()),
            results=tuple(self._results),
            lines=tuple(self._lines),
            sync_began_or_ended=self._sync_moved,
            ledger_changed=self._ledger_changed,
        )
        self._marks.clear()
        self._results.clear()
        self._lines.clear()
        self._connection = self._arming = None
        self._sync_moved = self._ledger_changed = self._has_news = False
        return update

    def _hear(self, event: SyncEvent) -> None:
        match event:
            case MarkMoved(mark):
                self._marks[mark.key] = mark
            case LogLine():
                self._lines.append(event)
            case ConnectionChanged(state):
                self._connection = state
            case SyncStarted():
                self._sync_moved = True
            case SyncFinished(result):
                self._sync_moved = True
                self._results.append(result)
            case LedgerChanged():
                self._ledger_changed = True
            case ArmingChanged(arming):
                self._arming = arming
        self._has_news = True
        if self._timer is None and self._loop is not None:
            self._plan_flush()

    def _plan_flush(self) -> None:
        if self._loop is None:
            return
        wait = self._last_flush + self._gap - self._loop.time()
        if wait > 0:
            self._timer = self._loop.call_later(wait, self._flush)
        else:
            self._timer = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._timer = None
        if self._loop is not None and self._has_news:
            self._last_flush = self._loop.time()
            self._tell(EngineMoved())
