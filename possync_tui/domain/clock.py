"""Time as a dependency, so that a day of trading can be simulated in seconds."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where every room gets its time from."""

    def now(self) -> datetime:
        """Wall-clock time, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back and do not follow clock steps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
