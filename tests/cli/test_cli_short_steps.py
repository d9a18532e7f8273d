"""Garbage is looked for in bounded steps, and what is set aside does not stay for good."""

import asyncio
import gc
import sys
import weakref
from collections.abc import Callable, Iterator

import pytest

from possync_tui.cli import short_steps
from possync_tui.cli.short_steps import ShortSteps

_MOST_AT_ONCE = 19_000
_KEPT = 200_000


class Ring:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def start() -> Iterator[Callable[..., ShortSteps]]:
    started: list[ShortSteps] = []

    def make(is_busy: Callable[[], bool] = lambda: False) -> ShortSteps:
        started.append(ShortSteps(is_busy))
        started[-1].start()
        return started[-1]

    enabled = gc.isenabled()
    yield make
    for one in started:
        one.stop()
    gc.unfreeze()
    if not enabled:
        gc.disable()


class Steps:
    """How many objects each collection since has looked through, but for the youngest ones."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        gc.callbacks.insert(0, self._note)

    def _note(self, phase: str, about: dict[str, int]) -> None:
        oldest = about["generation"]
        if phase == "start" and oldest:
            self.sizes.append(sum(len(gc.get_objects(generation=g)) for g in range(oldest + 1)))

    def end(self) -> list[int]:
        gc.callbacks.remove(self._note)
        return self.sizes


async def test_no_step_looks_through_more_than_came_since_the_last(
    start: Callable[..., ShortSteps],
) -> None:
    start()
    seen = Steps()
    kept: list[list[int]] = [[] for _ in range(_KEPT)]
    sizes = seen.end()
    assert len(kept) == _KEPT
    assert len(sizes) > _KEPT / _MOST_AT_ONCE
    assert max(sizes) < _MOST_AT_ONCE


async def test_what_is_set_aside_and_becomes_garbage_is_found(
    start: Callable[..., ShortSteps],
) -> None:
    ring = Ring()
    gone = weakref.ref(ring)
    steps = start()
    del ring
    gc.collect()
    was_set_aside = gone() is not None
    steps.look_through_all()
    assert (was_set_aside, gone()) == (True, None)


@pytest.mark.parametrize("is_busy", [False, True])
async def test_all_is_looked_through_where_it_has_grown_and_no_sync_runs(
    start: Callable[..., ShortSteps], monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    monkeypatch.setattr(short_steps, "_LOOK_EVERY_SECONDS", 0.001)
    steps = start(lambda: is_busy)
    had_grown = steps.has_grown
    rings = [Ring() for _ in range(2 * short_steps._GROWN_BY)]
    gone = weakref.ref(rings[0])
    gc.collect()
    del rings
    assert (had_grown, steps.has_grown) == (False, True)
    await asyncio.sleep(0.01)
    assert (gone() is None) is not is_busy
    assert steps.has_grown is is_busy


async def test_after_it_python_goes_on_as_before(start: Callable[..., ShortSteps]) -> None:
    before, callbacks, turn = gc.get_threshold(), list(gc.callbacks), sys.getswitchinterval()
    steps = start()
    steps.start()
    assert gc.get_threshold() != before
    assert sys.getswitchinterval() < turn
    steps.stop()
    steps.stop()
    assert (gc.get_threshold(), gc.callbacks) == (before, callbacks)
    assert sys.getswitchinterval() == turn
