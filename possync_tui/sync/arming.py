"""The switch of `mark_missing_as_closed`: armed by key it does not stay armed (promise 15)."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from possync_tui.domain.clock import Clock
from possync_tui.sync.events import Arming
from possync_tui.sync.policy import SyncPolicy

logger = logging.getLogger(__name__)

Changed = Callable[[Arming, str], None]


class ArmingSwitch:
    """Holds the setting, and what the user made of it since."""

    def __init__(self, policy: SyncPolicy, clock: Clock, changed: Changed) -> None:
        by_settings = policy.mark_missing_as_closed
        self._state = Arming(armed=by_settings, by_settings=by_settings)
        self._armed_for = policy.armed_for
        self._clock = clock
        self._changed = changed
        self._deadline = 0.0
        self._timer: asyncio.Task[None] | None = None

    @property
    def state(self) -> Arming:
        """Whether missing positions may be closed now. Late timers cannot keep it armed."""
        if self._state.until is not None and self._clock.monotonic() >= self._deadline:
            return Arming(armed=False, by_settings=False)
        return self._state

    def set(self, armed: bool) -> Arming:
        """Arm for an hour, or disarm for good."""
        self.stop()
        if armed:
            until = self._clock.now() + timedelta(seconds=self._armed_for)
            self._deadline = self._clock.monotonic() + self._armed_for
            self._become(Arming(True, False, until), "armed by key, for an hour at most")
            self._timer = asyncio.create_task(self._expire(), name="disarm")
        else:
            self._become(Arming(armed=False, by_settings=False), "disarmed by key")
        return self._state

    def session_lost(self) -> None:
        """What was armed by key does not survive the session; the setting does."""
        if self._state.until is not None:
            self.stop()
            self._become(Arming(armed=False, by_settings=False), "disarmed: the session was lost")

    def stop(self) -> None:
        """End the timer."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    async def _expire(self) -> None:
        await self._clock.sleep(self._armed_for)
        self._timer = None
        self._become(Arming(armed=False, by_settings=False), "disarmed: the hour is over")

    def _become(self, state: Arming, why: str) -> None:
        self._state = state
        self._changed(state, why)
