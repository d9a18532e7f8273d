"""From engine events to screen updates: the latest value of each key, a few times a second.

Ticks come by the thousand, and a screen needs few looks a second. Events are put aside as they come
and one message, which replaces itself in the queue, says that there is something to fetch. Live
values take a shorter way: what is on the screen is handed over at the next turn of the event loop,
without a message, and what is not waits for a tenth of a second. While nothing happens there is no
timer.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from typing import Protocol

from textual.message import Message
from textual.message_pump import MessagePump

from possync_tui.domain.connection import ConnectionState
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.runs import SyncResult
from possync_tui.domain.values import dataclass
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
SHARE = 0.03
"""As much of a processor's time may go into them: what costs little is shown at once, and what
costs much ten times a second."""
SAVED = 0.5
"""Seconds whose share may be saved up: a few dear updates among cheap ones wait for nothing."""
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


class MarkScreen(Protocol):
    """Where live values are shown."""

    def shows(self, key: PositionKey) -> bool:
        """Whether this position is on the screen now."""
        ...

    def take_marks(self, marks: Iterable[Mark]) -> None: ...


def _gap_after(seconds: float) -> float:
    """How long to wait after an update that took so much of the processor's time."""
    return min(max(seconds / SHARE, LEAST_GAP), MOST_GAP)


class Pace:
    """When live values may be shown again, so that their share of the time is kept on average."""

    def __init__(self) -> None:
        # Until when the time that was spent is made up for; in the past, there is some to spare.
        self._paid_at = -math.inf

    def due_after(self, now: float, seconds: float) -> float:
        """When the next update is due, after one at `now` that took so much of the processor."""
        paid_at = max(self._paid_at, now - SAVED) + seconds / SHARE
        self._paid_at = min(paid_at, now + MOST_GAP)
        return max(self._paid_at, now + LEAST_GAP)


class EventBridge:
    """Listens to the engine from the start; tells the app once that runs."""

    def __init__(
        self, bus: EventBus, tell: Callable[[Message], bool], marks_to: MarkScreen
    ) -> None:
        self._tell = tell
        self._marks_to = marks_to
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None
        self._timer: asyncio.Handle | None = None
        self._planned = 0.0
        self._news_gap = LEAST_GAP
        self._pace = Pace()
        # Nothing of a kind is shown before its time.
        self._news_due = self._seen_due = self._unseen_due = 0.0
        # A position that comes into view, or leaves it, is in one of them all the same.
        self._seen: dict[PositionKey, Mark] = {}
        self._unseen: dict[PositionKey, Mark] = {}
        self._results: deque[SyncResult] = deque(maxlen=LINES_KEPT)
        self._lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self._connection: ConnectionState | None = None
        self._arming: Arming | None = None
        self._sync_moved = False
        self._ledger_changed = False
        self._has_news = False
        """Whether there is more than live values."""
        self._unsubscribe = bus.subscribe(self._hear)

    def open(self) -> None:
        """The app runs: from now on it is told, also of what came before."""
        self._loop = asyncio.get_running_loop()
        # Widgets know their app by the context; news comes in that of the engine.
        self._context = copy_context()
        self._plan_what_waits()

    def close(self) -> None:
        """Stop listening."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None

    def took(self, seconds: float) -> None:
        """An update was painted, in so much of the processor's time: the next one waits for it."""
        self._news_gap = _gap_after(seconds)

    def take(self) -> EngineUpdate:
        """What happened since the last call."""
        update = EngineUpdate(
            connection=self._connection,
            arming=self._arming,
            marks=tuple({**self._seen, **self._unseen}.values()),
            results=tuple(self._results),
            lines=tuple(self._lines),
            sync_began_or_ended=self._sync_moved,
            ledger_changed=self._ledger_changed,
        )
        self._seen.clear()
        self._unseen.clear()
        self._results.clear()
        self._lines.clear()
        self._connection = self._arming = None
        self._sync_moved = self._ledger_changed = self._has_news = False
        return update

    def _hear(self, event: SyncEvent) -> None:
        if isinstance(event, MarkMoved):
            self._hear_mark(event.mark)
            return
        match event:
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
        self._plan(self._news_due)

    def _hear_mark(self, mark: Mark) -> None:
        key = mark.key
        if self._loop is not None and self._marks_to.shows(key):
            # Whichever is the later one counts.
            self._unseen.pop(key, None)
            self._seen[key] = mark
            self._plan(self._seen_due)
        else:
            self._unseen[key] = mark
            self._plan(self._unseen_due)

    def _plan(self, due: float) -> None:
        """See to it that there is a flush at `due` at the latest."""
        loop = self._loop
        if loop is None or (self._timer is not None and self._planned <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._planned = due
        if due > loop.time():
            self._timer = loop.call_at(due, self._flush, context=self._context)
        else:
            self._timer = loop.call_soon(self._flush, context=self._context)

    def _flush(self) -> None:
        self._timer = None
        if self._loop is None:
            return
        # The loop may be early by the grain of its clock.
        now = max(self._planned, self._loop.time())
        if self._has_news and now >= self._news_due:
            self._news_due = now + self._news_gap
            # Whoever fetches it is given the live values, too.
            self._tell(EngineMoved())
            return
        if self._seen and now >= self._seen_due:
            self._seen_due = self._pace.due_after(now, self._hand_over(self._seen))
        if self._unseen and now >= self._unseen_due:
            self._hand_over(self._unseen)
            self._unseen_due = now + MOST_GAP
        self._plan_what_waits()

    def _plan_what_waits(self) -> None:
        if self._has_news:
            self._plan(self._news_due)
        if self._seen:
            self._plan(self._seen_due)
        if self._unseen:
            self._plan(self._unseen_due)

    def _hand_over(self, marks: dict[PositionKey, Mark]) -> float:
        """Show these marks; what that took of the processor's time."""
        began, moved = time.thread_time(), tuple(marks.values())
        marks.clear()
        self._marks_to.take_marks(moved)
        return time.thread_time() - began
