"""For programs that embed the sync: one engine, made from the settings and opened when needed."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from possync_tui.broker.port import BrokerError
from possync_tui.domain.runs import Failure, Outcome, SyncResult, SyncStats, Trigger
from possync_tui.ledger.port import LedgerError
from possync_tui.settings import Settings, load
from possync_tui.sync.status import SchedulerStatus, status_of

if TYPE_CHECKING:
    from possync_tui.sync.engine import Engine

logger = logging.getLogger(__name__)


class _Shared:
    """The engine that service and scheduler share while it is open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine: Engine | None = None
        self.last_stats = SyncStats()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lifetime: AsyncGenerator[Engine, None] | None = None
        self._turn: asyncio.Lock | None = None

    async def open(self, *, looping: bool = False) -> "Engine":
        """The engine, started, and its sync loop too if asked for. Raises `LedgerError`."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._loop is not loop:
            # A loop that is gone has closed what it opened.
            self._loop, self._turn, self.engine = loop, asyncio.Lock(), None
        async with self._turn:
            if self.engine is None:
                self._lifetime = self._live()
                self.engine = await anext(self._lifetime)
            if looping:
                await self.engine.scheduler.start()
            return self.engine

    async def close(self) -> None:
        """Close what is open; what is being opened is waited for first."""
        if self._turn is None:
            return
        async with self._turn:
            lifetime, self._lifetime = self._lifetime, None
            if lifetime is not None:
                await lifetime.aclose()

    async def _live(self) -> "AsyncGenerator[Engine, None]":
        """As a generator, because a loop that shuts down ends those: nothing is left behind by a
        program that never calls `stop`.
        """
        from possync_tui.cli import compose

        engine = compose.engine(self.settings)
        try:
            await engine.start()
            yield engine
        finally:
            self.engine = None
            await engine.stop()

    def stats(self) -> SyncStats:
        if self.engine is not None:
            self.last_stats = self.engine.stats
        return self.last_stats

    def call(self, tell: str, account_id: int | None) -> None:
        """Tell the scheduler of something, from any thread; without one it is not news."""
        engine, loop = self.engine, self._loop
        if engine is None or loop is None or loop.is_closed():
            logger.debug("%s: the scheduler is not running", tell)
            return
        loop.call_soon_threadsafe(getattr(engine.scheduler, tell), account_id)


class EmbeddedService:
    """Syncs on demand."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    async def sync_positions(self, account_id: int | None = None) -> SyncResult:
        """Sync one account, the default one where none is named.

        The first call connects. A failure is a result with an `error`, never an exception; so is an
        account that is not watched, not listed by the login or not accepted yet.
        """
        result = SyncResult(Outcome.FAILED, Trigger.MANUAL, datetime.now(UTC), 0.0)
        try:
            engine = await self._shared.open()
            await engine.connected(self._shared.settings.ibkr.connect_timeout)
            result = await engine.service.sync_positions(account_id)
        except LedgerError as error:
            return replace(result, error=str(error), failure=Failure.LEDGER)
        except BrokerError as error:
            return replace(result, error=str(error), failure=Failure.BROKER)
        self._shared.stats()
        return result


class EmbeddedScheduler:
    """Syncs periodically and on events, between `start` and `stop`."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    async def start(self) -> None:
        """Connect in the background and begin the loop. Raises `LedgerError`."""
        await self._shared.open(looping=True)

    async def stop(self) -> None:
        """End the loop, close the connection and the ledger; a sync in flight finishes first."""
        self._shared.stats()
        await self._shared.close()

    def get_status(self) -> SchedulerStatus:
        """Settings and counters, cumulative over restarts once the ledger is open."""
        return status_of(self._shared.settings.to_policy(), self._shared.stats())

    def trade_executed(self, account_id: int | None = None) -> None:
        """Tell of a trade: a sync of its account follows. Never blocks, never raises."""
        self._shared.call("trade_executed", account_id)

    def position_changed(self, account_id: int | None = None) -> None:
        """Tell of a changed position: a sync of its account follows. Never blocks."""
        self._shared.call("position_changed", account_id)


@cache
def _shared() -> _Shared:
    # Where log lines go is the host's choice; without one they do not go to its terminal.
    logging.getLogger("possync_tui").addHandler(logging.NullHandler())
    return _Shared(load())


@cache
def get_position_sync_service() -> EmbeddedService:
    """The one service. Raises `SettingsError` for settings that are wrong."""
    return EmbeddedService(_shared())


@cache
def get_scheduler() -> EmbeddedScheduler:
    """The one scheduler, on the same engine. Raises `SettingsError` for settings that are wrong."""
    return EmbeddedScheduler(_shared())
