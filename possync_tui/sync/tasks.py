"""Work that an event began and nobody waits for: kept until it is done, its failure logged."""

import asyncio
import logging
from collections.abc import Awaitable

logger = logging.getLogger(__name__)


class Tasks:
    """Holds what runs in the background; the event loop itself keeps only weak references."""

    def __init__(self) -> None:
        self._running: set[asyncio.Future[None]] = set()

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._on_done)

    async def finish(self) -> None:
        """Wait for all that runs now."""
        if self._running:
            await asyncio.wait(self._running)

    def _on_done(self, task: "asyncio.Future[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            logger.error("a background task failed", exc_info=bug)
