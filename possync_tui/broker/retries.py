"""The waits between two sessions: longer after each failure, ended or drawn out by the user."""

import asyncio
import random
from typing import Final

from possync_tui.broker.options import SessionOptions
from possync_tui.domain.clock import Clock

_STEEPEST: Final = 16


class Retries:
    """`now` ends a wait, `hold` makes it last until then. A wish counts for the next wait only."""

    def __init__(self, options: SessionOptions, clock: Clock, rng: random.Random) -> None:
        self._options = options
        self._clock = clock
        self._rng = rng
        self._wish = asyncio.Event()
        self._is_held = False

    @property
    def is_held(self) -> bool:
        return self._is_held

    @property
    def is_wanted_now(self) -> bool:
        return self._wish.is_set() and not self._is_held

    def now(self) -> None:
        """Try without waiting."""
        self._is_held = False
        self._wish.set()

    def hold(self) -> None:
        """Try nothing until `now`."""
        self._is_held = True
        self._wish.set()

    def forget(self) -> None:
        """A try begins: `now` has its answer, `hold` waits for how it ends."""
        if not self._is_held:
            self._wish.clear()

    def succeed(self) -> None:
        """A session stands: there is nothing left to hold."""
        self._is_held = False
        self._wish.clear()

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        longest = self._options.first_retry * float(2 ** min(failures - 1, _STEEPEST))
        # Half of it at random, so that many programs do not come back at the same instant.
        return min(longest, self._options.longest_retry) * self._rng.uniform(0.5, 1.0)

    async def pass_by(self, delay: float) -> None:
        """Wait so many seconds, less or more as the user wishes meanwhile."""
        waits = {
            asyncio.ensure_future(self._clock.sleep(delay)),
            asyncio.ensure_future(self._wish.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def wished(self) -> None:
        """Wait for `now`, or for another `hold`, as long as that may take."""
        if self._is_held:
            self._wish.clear()
        await self._wish.wait()
