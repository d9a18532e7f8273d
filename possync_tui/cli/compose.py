"""The composition root: the only place that wires the rooms together."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from possync_tui.cli.no_ledger import NoLedger
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment
from possync_tui.ledger.port import LedgerMissing, LedgerReads
from possync_tui.settings import Settings

if TYPE_CHECKING:
    from possync_tui.domain.plan import Book, Plan
    from possync_tui.ledger.port import LedgerPort
    from possync_tui.sync.engine import Engine
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

    Before the first sync there is none, and reading makes none.
    """
    from possync_tui.ledger.store import open_ledger

    try:
        opened = await open_ledger(settings.possync.ledger, clock=SystemClock(), read_only=True)
    except LedgerMissing:
        yield NoLedger()
        return
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


def engine(
    settings: Settings,
    *,
    ledger_path: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    environment: Environment | None = None,
    initial_delay: float | None = None,
    fallback_read_only: bool = False,
) -> "Engine":
    """Broker, ledger and scheduler together, not yet started."""
    from possync_tui.broker.options import SessionOptions
    from possync_tui.broker.session import IbkrBroker
    from possync_tui.sync.engine import Engine

    clock = SystemClock()
    ibkr = settings.ibkr
    policy = settings.to_policy()
    if initial_delay is not None:
        policy = replace(policy, initial_delay=initial_delay)
    options = SessionOptions(
        host=host or ibkr.host,
        port=port or ibkr.port,
        client_id=ibkr.client_id,
        connect_timeout=ibkr.connect_timeout,
        tws_timezone=ibkr.timezone,
        environment=environment,
    )
    return Engine(
        broker=IbkrBroker(options, clock=clock),
        open_ledger=ledger_opener(settings, ledger_path, fallback_read_only=fallback_read_only),
        policy=policy,
        clock=clock,
        environment=environment,
    )
