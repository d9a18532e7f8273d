"""Intake: what the broker pushes is stored on arrival, in order, before anything acts on it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from possync_tui.domain.observations import Observed
from possync_tui.ledger.port import LedgerError

logger = logging.getLogger(__name__)

Record = Callable[[tuple[Observed, ...]], Awaitable[int]]
Stored = Callable[[tuple[Observed, ...]], None]

_RETRY_SECONDS = 1.0
# A disk that stays full must not be asked, and the log not be written to, once a second all night.
_LONGEST_RETRY = 15.0


class Intake:
    """A queue in front of the inbox. Nothing leaves it before the ledger has it.

    `record` returns how many observations were new; `stored` is called with each batch that had
    some, once it is durable. A write that fails is tried again with
    the same observations, for as long as the program runs: a fill that was sent is never dropped.
    """

    def __init__(
        self, record: Record, stored: Stored, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._record = record
        self._stored = stored
        self._sleep = sleep
        self._queue: deque[Observed] = deque()
        # What the ledger could not take; tried again with whatever comes next.
        self._parked: list[Observed] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def backlog(self) -> int:
        """Observations that are not durable yet."""
        return len(self._queue)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="intake")

    def put(self, observation: Observed) -> None:
        """Take an observation in. Never blocks."""
        self._queue.append(observation)
        self._wake.set()

    def keep(self, observations: tuple[Observed, ...]) -> None:
        """Take in what could not be stored, each once however often it is tried."""
        # A set: a day's fills are tried again with each sync for as long as the disk is full.
        waiting = set(self._queue)
        for observation in observations:
            if observation not in waiting:
                waiting.add(observation)
                self.put(observation)

    async def stop(self) -> None:
        """Store what is queued, then end."""
        self._stopping.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task = None

    async def _drain(self) -> None:
        retry = _RETRY_SECONDS
        while True:
            if not self._queue:
                if self._stopping.is_set():
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            parked, self._parked = self._parked, []
            self._queue.extendleft(reversed(parked))
            batch = tuple(self._queue)
            if not await self._store(batch):
                # All of the batch is still in the queue, what was set aside just now included.
                self._parked.clear()
                if self._stopping.is_set():
                    return
                await self._pause(retry)
                retry = min(2 * retry, _LONGEST_RETRY)
                continue
            retry = _RETRY_SECONDS
            for _ in batch:
                self._queue.popleft()

    async def _pause(self, seconds: float) -> None:
        """Wait for the next try; a stop does not, and tries once more."""
        waits = [
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _store(self, batch: tuple[Observed, ...]) -> bool:
        """Whether the batch is durable, or beyond storing; `False` to try it again."""
        try:
            new = await self._record(batch)
        except LedgerError as error:
            logger.error("%d observations wait for the ledger: %s", len(batch), error)
            return False
        except Exception:
            # One that cannot be stored must not stand in the way of the others.
            logger.exception("%d observations could not be stored", len(batch))
            if len(batch) > 1:
                return await self._store_each(batch)
            self._parked.append(batch[0])
            return True
        # What was known already asks for nothing: TWS repeats reports with every answer.
        if new:
            self._stored(batch)
        return True

    async def _store_each(self, batch: tuple[Observed, ...]) -> bool:
        return all([await self._store((observation,)) for observation in batch])
