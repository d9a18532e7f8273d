"""The composition root: the only place that wires the rooms together."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from possync_tui.broker.options import SessionOptions
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import ConnectionState, Environment, Phase
from possync_tui.domain.runs import SyncStats
from possync_tui.domain.values import dataclass
from possync_tui.ledger.port import LedgerReads
from possync_tui.settings import Settings
from possync_tui.sync.events import Arming
from possync_tui.sync.policy import SyncPolicy

if TYPE_CHECKING:
    from possync_tui.cli.coming import EngineToCome
    from possync_tui.domain.plan import Book, Plan
    from possync_tui.ledger.glance import Glance
    from possync_tui.ledger.port import LedgerPort
    from possync_tui.sync.engine import Engine
    from possync_tui.sync.events import EventBus
    from possync_tui.sync.service import PositionSyncService


def ledger_opener(
    settings: Settings, path: Path | None = None, *, fallback_read_only: bool = False
) -> Callable[[], Awaitable["LedgerPort"]]:
    """How to open the ledger for writing, not yet done."""

    async def opened() -> "LedgerPort":
        from possync_tui.ledger.store import open_ledger

        return await open_ledger(
            path or settings.possync.ledger,
            clock=SystemClock(),
            cost_method=settings.position_sync.cost_method,
            fallback_read_only=fallback_read_only,
        )

    return opened


class LedgerToRead(LedgerReads, Protocol):
    """What offline commands need of a ledger."""

    @property
    def environment(self) -> Environment | None: ...


@asynccontextmanager
async def ledger_to_read(settings: Settings) -> AsyncIterator[LedgerToRead]:
    """The ledger without a broker, also while another instance writes it.

    Raises `LedgerMissing` where there is none: reading makes none, and nothing is not a flat book.
    """
    from possync_tui.ledger.store import open_ledger

    opened = await open_ledger(settings.possync.ledger, clock=SystemClock(), read_only=True)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def ledger_to_write(settings: Settings) -> AsyncIterator["LedgerPort"]:
    """The ledger without a broker, with its lock. Raises `LedgerReadOnly` where that is taken."""
    from possync_tui.ledger.store import open_ledger

    opened = await open_ledger(settings.possync.ledger, clock=SystemClock())
    try:
        yield opened
    finally:
        await opened.close()


def offline_service(settings: Settings, ledger: "LedgerPort") -> "PositionSyncService":
    """The sync service without a broker."""
    from possync_tui.cli.no_broker import NoBroker
    from possync_tui.sync.events import EventBus
    from possync_tui.sync.service import PositionSyncService

    clock = SystemClock()
    return PositionSyncService(
        broker=NoBroker(clock.now()),
        ledger=ledger,
        policy=settings.to_policy(),
        clock=clock,
        bus=EventBus(),
        may_close_missing=lambda: False,
        on_committed=_nothing_to_do,
    )


async def _nothing_to_do(plan: "Plan", book: "Book") -> None:
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engine is to work, where that is not as the settings say."""

    ledger: Path | None = None
    host: str | None = None
    port: int | None = None
    environment: Environment | None = None
    initial_delay: float | None = None


AS_SET = Place()


def engine(
    settings: Settings,
    place: Place = AS_SET,
    *,
    fallback_read_only: bool = False,
    bus: "EventBus | None" = None,
) -> "Engine":
    """Broker, ledger and scheduler together, not yet started."""
    from possync_tui.broker.session import IbkrBroker
    from possync_tui.sync.engine import Engine

    clock = SystemClock()
    return Engine(
        broker=IbkrBroker(_options(settings, place), clock=clock),
        open_ledger=ledger_opener(settings, place.ledger, fallback_read_only=fallback_read_only),
        policy=_policy(settings, place),
        clock=clock,
        environment=place.environment,
        bus=bus,
    )


def engine_to_come(settings: Settings, place: Place, seen: "Glance | None") -> "EngineToCome":
    """The same for a dashboard that does not wait for it; until then, what was `seen`."""
    from possync_tui.cli.coming import EngineToCome, Standing

    options, policy = _options(settings, place), _policy(settings, place)
    by_settings = policy.mark_missing_as_closed
    standing = Standing(
        connection=ConnectionState(
            phase=Phase.DISCONNECTED,
            host=options.host,
            port=options.port,
            client_id=options.first_client_id if options.client_id is None else options.client_id,
            since=SystemClock().now(),
            sentence="Not connected yet.",
            environment=place.environment,
        ),
        environment=place.environment or (seen.environment if seen else None),
        stats=seen.stats if seen else SyncStats(),
        arming=Arming(armed=by_settings, by_settings=by_settings),
        is_enabled=policy.enabled,
        sync_interval=policy.sync_interval,
    )
    return EngineToCome(
        lambda bus: engine(settings, place, fallback_read_only=True, bus=bus), standing
    )


def _policy(settings: Settings, place: Place) -> SyncPolicy:
    policy = settings.to_policy()
    if place.initial_delay is not None:
        policy = replace(policy, initial_delay=place.initial_delay)
    return policy


def _options(settings: Settings, place: Place) -> SessionOptions:
    ibkr = settings.ibkr
    return SessionOptions(
        host=place.host or ibkr.host,
        port=place.port or ibkr.port,
        client_id=ibkr.client_id,
        connect_timeout=ibkr.connect_timeout,
        tws_timezone=ibkr.timezone,
        environment=place.environment,
        named_accounts=ibkr.accounts,
    )
