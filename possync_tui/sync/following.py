"""A ledger that another instance writes: what it writes there is followed."""

import asyncio
import logging
from collections.abc import Callable

from possync_tui.domain.clock import Clock
from possync_tui.ledger.port import LedgerError, LedgerPort
from possync_tui.sync.events import EventBus, LedgerChanged
from possync_tui.sync.service import PositionSyncService

logger = logging.getLogger(__name__)

LOOK_AGAIN = 1.0
"""Seconds. Looking costs a fraction of a millisecond: SQLite counts what others commit."""
SURE = 2
"""So many looks in a row have to say that the writer is gone, or there again."""
GONE = (
    "the instance that wrote this ledger has ended: nobody syncs it now; to sync here, quit and "
    "start again"
)
BACK = "an instance writes this ledger again: what it writes is followed"
Say = Callable[[int, str, str], None]


class Following:
    """Looks at the file again and again: once it was written, counters are read and it is told."""

    def __init__(self, clock: Clock, bus: EventBus, say: Say) -> None:
        self._clock = clock
        self._bus = bus
        self._say = say
        self.has_writer = True
        """Whether somebody syncs the ledger, as far as is known."""
        self._otherwise = 0
        self._task: asyncio.Task[None] | None = None

    def start(self, ledger: LedgerPort, service: PositionSyncService) -> None:
        following = self._follow(ledger, service)
        self._task = asyncio.create_task(following, name="following the ledger")

    async def stop(self) -> None:
        """End it, in the middle of a look too."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _follow(self, ledger: LedgerPort, service: PositionSyncService) -> None:
        told = ""
        while True:
            try:
                if await ledger.was_written():
                    service.stats = await ledger.stats()
                    self._bus.emit(LedgerChanged())
                self._note(await ledger.has_writer())
                told = ""
            except LedgerError as error:
                if str(error) != told:
                    told = str(error)
                    logger.warning("the ledger could not be looked at: %s", error)
            await self._clock.sleep(LOOK_AGAIN)

    def _note(self, is_there: bool) -> None:
        """Tell it once the writer has gone or is back: another's look has the lock, too."""
        self._otherwise = 0 if is_there is self.has_writer else self._otherwise + 1
        if self._otherwise == SURE:
            self._otherwise, self.has_writer = 0, is_there
            level = logging.INFO if is_there else logging.WARNING
            self._say(level, "ledger", BACK if is_there else GONE)
