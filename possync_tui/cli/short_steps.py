"""Short steps of what goes on beside the event loop, so that a key is answered at once.

Other threads give way every millisecond, and garbage that refers to itself is looked for a little
at a time. Python now and then looks through every object that there is, and nothing else runs
meanwhile: with 10,000 positions for a fifth of a second, several times in a sync that changes them
all. Here what has been looked through once is set aside (`gc.freeze`), so that each step is about
what came since. What the ledger knows has no cycles and is freed as it is replaced, set aside or
not. Only what does (screens that were closed, sessions that ended) stays until all is looked
through again, which is done while no sync runs, and only where what is set aside has grown.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import Final, Literal

# About (700 + 1) x (5 + 2) x (1 + 1) objects, 10,000, is the longest step: some 5 ms.
_STEPS: Final = (700, 5, 1)
_TURN_SECONDS: Final = 0.001
_LOOK_EVERY_SECONDS: Final = 60.0
_GROWN_BY: Final = 50_000
_GROWN_TO: Final = 1.25


class ShortSteps:
    """This process from `start` to `stop`.

    `is_busy` says whether a look at everything would be felt now.
    """

    def __init__(self, is_busy: Callable[[], bool] = lambda: False) -> None:
        self._is_busy = is_busy
        self._before: tuple[float, tuple[int, int, int]] | None = None
        self._aside = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Set aside what there is, and go in short steps from now on. May be called again."""
        if self._before is None:
            self._before = sys.getswitchinterval(), gc.get_threshold()
            sys.setswitchinterval(_TURN_SECONDS)
            gc.set_threshold(*_STEPS)
            gc.callbacks.append(_set_aside)
            self._set_all_aside()
            self._task = asyncio.create_task(self._watch(), name="short steps")
        gc.enable()

    def stop(self) -> None:
        """Go on as Python does. May be called again."""
        if self._before is None:
            return
        gc.callbacks.remove(_set_aside)
        turn, thresholds = self._before
        sys.setswitchinterval(turn)
        gc.set_threshold(*thresholds)
        self._before = None
        if self._task is not None:
            self._task.cancel()

    @property
    def has_grown(self) -> bool:
        """Whether so much more is set aside that some of it may well be garbage."""
        return gc.get_freeze_count() > max(self._aside + _GROWN_BY, self._aside * _GROWN_TO)

    def look_through_all(self) -> None:
        """Free all garbage there is. The longer the more there is: the one step that is felt."""
        gc.unfreeze()
        gc.collect()
        self._set_all_aside()

    def _set_all_aside(self) -> None:
        gc.freeze()
        # Of nothing: the next step is not put off until there is much beside what is set aside.
        gc.collect()
        self._aside = gc.get_freeze_count()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            if not self._is_busy() and self.has_grown:
                self.look_through_all()


def _set_aside(phase: Literal["start", "stop"], about: dict[str, int]) -> None:
    """After each step of the oldest generation: what is left of it is there to stay."""
    if phase == "stop" and about["generation"] == 2:
        gc.freeze()
