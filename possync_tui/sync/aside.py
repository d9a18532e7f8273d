"""Pure work about many positions, done beside the event loop."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

MANY: Final = 500
"""From so many positions on, work on all of them would be felt on the screen."""


async def aside(positions: int, work: Callable[[], T]) -> T:
    """What `work` returns; on a thread where it is about many positions.

    It must not look at what changes meanwhile. A cancelled wait leaves it to end by itself.
    """
    return work() if positions < MANY else await asyncio.to_thread(work)
