"""Pure work about many positions, done beside the event loop."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from possync_tui.domain.plan import Book, Plan

T = TypeVar("T")

MANY: Final = 500
"""From so many positions on, work on all of them would be felt on the screen."""


async def aside(positions: int, work: Callable[[], T]) -> T:
    """What `work` returns; on a thread where it is about many positions.

    It must not look at what changes meanwhile. A cancelled wait leaves it to end by itself.
    """
    return work() if positions < MANY else await asyncio.to_thread(work)


def parts_of(plan: Plan, before: Book) -> list[object]:
    """What a plan and the book that it was made of consist of, to be let go of when it is over.

    Nothing where nothing changed: the book goes on as it is.
    """
    if not plan.changes:
        return []
    return [*plan.changes, *plan.decided, *plan.footings.values(), *before.positions.values()]


async def let_go(things: list[object]) -> None:
    """Free what only this list holds.

    One by one: to free a plan or a book of thousands of positions in one go would hold up all
    other threads, and the event loop with them.
    """
    await aside(len(things), partial(_drop_each, things))


def _drop_each(things: list[object]) -> None:
    while things:
        things.pop()
