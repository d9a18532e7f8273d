"""Pure work about many positions, done beside the event loop."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")

MANY: Final = 500
"""From so many positions on, work on all of them would be felt on the screen."""


async def aside(positions: int, work: Callable[[], T]) -> T:
    """What `work` returns; on a thread where it is about many positions.

    It must not look at what changes meanwhile. A cancelled wait leaves it to end by itself.
    """
    if positions < MANY:
        return work()
    with uncollected(positions):
        return await asyncio.to_thread(work)


@contextmanager
def uncollected(positions: int) -> Iterator[None]:
    """While many positions are planned or written, no search for garbage in cycles.

    None is made there, and each search would go through all that is held: a fifth of the time.
    """
    is_paused = positions >= MANY and gc.isenabled()
    if is_paused:
        gc.disable()
    try:
        yield
    finally:
        if is_paused:
            gc.enable()
