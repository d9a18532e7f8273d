"""SyncScheduler: when to sync. Periodic, and after a trade, a pushed change, a reconnect."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Literal

from possync_tui.domain.clock import Clock
from possync_tui.domain.runs import Failure, Outcome, SyncResult, Trigger
from possync_tui.sync.policy import SyncPolicy
from possync_tui.sync.service import PositionSyncService
from possync_tui.sync.status import SchedulerStatus, status_of

logger = logging.getLogger(__name__)

# A stream of pushes cannot put a debounced sync off for longer than this many debounce times.
_MOST_DEBOUNCES = 5
# What fails is tried again, later and later: neither TWS nor a full disk is pestered. Seconds.
_FIRST_PATIENCE = 1.0
_LONGEST_PATIENCE = 60.0
_BY_URGENCY = (
    Trigger.REVIEW,
    Trigger.TRADE,
    Trigger.RECONNECT,
    Trigger.POSITION,
    Trigger.INTERVAL,
)


class SyncScheduler:
    """Runs the service when it is time. It depends on no host: an embedding program that pauses
    its own trading does not pause the sync.

    A sync that failed or was refused is tried again, whatever had asked for it, unless only the
    user can mend that. One by hand is not: whoever asked for it has its result.
    """

    def __init__(self, service: PositionSyncService, policy: SyncPolicy, clock: Clock) -> None:
        self._service = service
        self._policy = policy
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        self._due: float | None = None
        self._is_overdue = False
        self._patience = 0.0
        self._asked: dict[Trigger, tuple[float, float]] = {}
        self._asked_accounts: set[int | None] = set()
        # What failed, and when it is tried again; its accounts are among those that were asked for.
        self._again: tuple[Trigger, float] | None = None

    @property
    def next_sync_at(self) -> datetime | None:
        """When the next periodic sync is due; `None` while none is planned."""
        if self._due is None or self._task is None:
            return None
        wait = max(0.0, self._due - self._clock.monotonic())
        return self._clock.now() + timedelta(seconds=wait)

    async def start(self) -> None:
        """Begin the loop, in the background. A second start does nothing."""
        if self._task is None:
            self._stopping = False
            if self._policy.enabled:
                self._due = self._clock.monotonic() + self._policy.initial_delay
            self._task = asyncio.create_task(self._loop(), name="sync-scheduler")

    async def stop(self) -> None:
        """End the loop; a sync in flight finishes first, as long as that may take."""
        self._stopping = True
        self._wake.set()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait([task])
        await self._service.settle()

    async def wait(self) -> None:
        """Return when the loop has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def get_status(self) -> SchedulerStatus:
        """Settings and counters, cumulative over restarts."""
        return status_of(self._policy, self._service.stats)

    def trade_executed(self, account_id: int | None = None) -> None:
        """Tell of a trade: a sync of its account follows. Never blocks, never raises."""
        if self._policy.sync_on_trade:
            self._ask(Trigger.TRADE, 0.0, account_id)

    def position_changed(self, account_id: int | None = None) -> None:
        """Tell of a pushed position change: a debounced sync follows."""
        if self._policy.sync_on_position_update:
            self._ask(Trigger.POSITION, self._policy.debounce, account_id)

    def connected(self, *, after_loss: bool) -> None:
        """Tell of a usable session: after one that was lost everything is verified anew.

        At the first one of all, a periodic sync that fell due before it is made up for.
        """
        if (after_loss or self._is_overdue) and self._policy.enabled:
            self._ask(Trigger.RECONNECT, self._patience, None)
            # It covers every account, and so whatever failed before.
            self._again = None

    def decided(self) -> None:
        """Tell of a user's decision on what was held. Works when periodic syncs are off, too."""
        self._ask(Trigger.REVIEW, 0.0, None, even_if_disabled=True)

    def _ask(
        self,
        trigger: Trigger,
        delay: float,
        account_id: int | None,
        *,
        even_if_disabled: bool = False,
    ) -> None:
        if not (self._policy.enabled or even_if_disabled):
            return
        now = self._clock.monotonic()
        first, _ = self._asked.get(trigger, (now, now))
        self._asked[trigger] = (first, min(now + delay, first + _MOST_DEBOUNCES * delay))
        self._asked_accounts.add(account_id)
        self._wake.set()

    async def _loop(self) -> None:
        while not self._stopping:
            self._wake.clear()
            await self._until(self._next_wake())
            await self._sync_what_is_due()

    async def _sync_what_is_due(self) -> None:
        if not self._stopping:
            now = self._clock.monotonic()
            trigger = self._take_asked(now)
            if self._due is not None and now >= self._due:
                # It covers every account, and so whatever else was asked for.
                self._due = now + self._policy.sync_interval
                self._again = None
                self._take_accounts()
                await self._sync(Trigger.INTERVAL, {None})
            elif trigger is not None:
                await self._sync(trigger, self._take_accounts())

    def _next_wake(self) -> float | None:
        times = [due for _, due in self._asked.values()]
        if self._due is not None:
            times.append(self._due)
        if self._again is not None:
            times.append(self._again[1])
        return min(times) if times else None

    async def _until(self, deadline: float | None) -> None:
        """Wait for the deadline on the injected clock, or for something that is asked."""
        if self._wake.is_set():
            return
        woken = asyncio.ensure_future(self._wake.wait())
        waits: list[asyncio.Future[None] | asyncio.Future[Literal[True]]] = [woken]
        if deadline is not None:
            seconds = max(0.0, deadline - self._clock.monotonic())
            waits.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take_asked(self, now: float) -> Trigger | None:
        """The most urgent trigger that is due; all that are due are answered by one sync."""
        due = [trigger for trigger, (_, at) in self._asked.items() if at <= now]
        for trigger in due:
            del self._asked[trigger]
        if self._again is not None and (due or self._again[1] <= now):
            due.append(self._again[0])
            self._again = None
        return next((trigger for trigger in _BY_URGENCY if trigger in due), None)

    def _take_accounts(self) -> set[int | None]:
        accounts, self._asked_accounts = self._asked_accounts, set()
        # A trigger whose accounts an earlier sync took along asks for all of them.
        return accounts or {None}

    async def _sync(self, trigger: Trigger, accounts: set[int | None]) -> None:
        try:
            asked = [self._service.request(trigger, account) for account in accounts]
            for result in (await asyncio.gather(*asked))[:1]:
                self._is_overdue = result.outcome is Outcome.SKIPPED
                if result.ok:
                    self._patience = 0.0
                elif _may_succeed_later(result):
                    self._try_again(trigger, accounts)
                _tell(result)
        except Exception:
            # The loop outlives any single sync.
            logger.exception("the sync loop met an unexpected error and goes on")
            self._try_again(trigger, accounts)

    def _try_again(self, trigger: Trigger, accounts: set[int | None]) -> None:
        """What failed waits longer each time, and so does a reconnect already asked for."""
        longer = max(_FIRST_PATIENCE, 2 * self._patience)
        self._patience = min(longer, _LONGEST_PATIENCE)
        now = self._clock.monotonic()
        self._again = (trigger, now + self._patience)
        self._asked_accounts |= accounts
        if Trigger.RECONNECT in self._asked:
            self._asked[Trigger.RECONNECT] = (now, now + self._patience)


def _may_succeed_later(result: SyncResult) -> bool:
    """Without a session nothing is tried: the one that comes is verified anyway."""
    return result.outcome is not Outcome.SKIPPED and result.failure is not Failure.SETTINGS


def _tell(result: SyncResult) -> None:
    if result.outcome is Outcome.SKIPPED:
        logger.debug("%s sync skipped: %s", result.trigger.value, result.error)
    elif not result.ok:
        logger.warning("%s sync %s: %s", result.trigger.value, result.outcome.value, result.error)
