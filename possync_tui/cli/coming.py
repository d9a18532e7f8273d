"""The engine while it is still being loaded: the dashboard's first frame does not wait for it.

Broker, ledger and sync take as long to load as Textual does. They are loaded in a thread after the
first frame, which shows the book as the ledger has it; until then questions wait for the answer.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Final

from possync_tui.cli.short_steps import ShortSteps
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import ConnectionState, Environment
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.rates import Rates
from possync_tui.domain.runs import SyncStats
from possync_tui.domain.values import dataclass
from possync_tui.sync.events import Arming, ConnectionChanged, EventBus, LogLine

if TYPE_CHECKING:
    from possync_tui.domain.plan import Plan
    from possync_tui.domain.runs import SyncResult
    from possync_tui.domain.terms import CostMethod
    from possync_tui.domain.views import (
        AccountView,
        EntryView,
        FillView,
        HoldView,
        JournalView,
        LotView,
        PnlBucket,
        PnlGrouping,
        PnlTotal,
        PositionView,
        RunView,
    )
    from possync_tui.ledger.port import EntryQuery, LedgerReads, VerifyReport
    from possync_tui.sync.engine import Engine

_MODULES: Final = (
    "possync_tui.ledger.store",
    "possync_tui.sync.engine",
    "possync_tui.broker.session",
)
_SHORT_TURN: Final = 0.0005
_FIRST_FRAME_SECONDS: Final = 0.03


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand before there is an engine."""

    connection: ConnectionState
    environment: Environment | None
    stats: SyncStats
    arming: Arming
    is_enabled: bool
    sync_interval: int


class EngineToCome:
    """Satisfies `EnginePort`: as `standing` says, and then as the engine that `make` makes."""

    def __init__(self, make: "Callable[[EventBus], Engine]", standing: Standing) -> None:
        self.bus = EventBus()
        self._make = make
        self._standing = standing
        self._engine: Engine | None = None
        self._starting: asyncio.Task[Engine] | None = None
        self._asked: dict[str, Callable[[Engine], object]] = {}
        self._begun = asyncio.Event()
        self._stopped = asyncio.Event()
        self._short_steps = ShortSteps(lambda: self.is_syncing)

    # --- life --------------------------------------------------------------------------------

    async def started(self) -> None:
        """Wait until somebody wanted the engine, and for what became of that; raises it."""
        await self._begun.wait()
        await self.there()

    async def there(self) -> "Engine":
        """Wait for the engine. Raises what kept it from starting, such as `LedgerError`."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name="starting")
            self._begun.set()
        return await asyncio.shield(self._starting)

    async def _start(self) -> "Engine":
        try:
            # The first frame is on its way to the screen, and perhaps a key to its answer.
            await asyncio.sleep(_FIRST_FRAME_SECONDS)
            await asyncio.to_thread(_load)
            engine = self._make(self.bus)
            await engine.start()
        finally:
            # What is loaded stays: there is no use in looking through it again and again.
            self._short_steps.start()
        self._engine = engine
        self._do_what_was_asked(engine)
        self.bus.emit(ConnectionChanged(engine.connection))
        return engine

    def _ask(self, about: str, deed: "Callable[[Engine], object]", told: str) -> None:
        """Keep a wish until there is an engine, and say so; a later one about the same counts."""
        self._asked[about] = deed
        self._say(f"{told} as soon as the program is loaded")

    def _do_what_was_asked(self, engine: "Engine") -> None:
        asked, self._asked = self._asked, {}
        if asked and engine.is_read_only:
            self._say("nothing of what was asked for meanwhile: another instance writes the ledger")
            return
        for deed in asked.values():
            deed(engine)

    def _say(self, text: str) -> None:
        at = SystemClock().now()
        self.bus.emit(LogLine(at=at, level=logging.INFO, kind="dashboard", text=text))

    async def run(self) -> None:
        """The sync loop. What kept the engine from starting is told to who waits for it `there`."""
        try:
            engine = await self.there()
        except Exception:  # noqa: BLE001 - `there` raises it where it is told to the user
            await self._stopped.wait()
            return
        if not self._stopped.is_set():
            await engine.run()

    async def stop(self) -> None:
        """End gracefully, also in the middle of starting."""
        self._stopped.set()
        if self._starting is not None:
            await asyncio.wait({self._starting})
        self._short_steps.stop()
        if self._engine is not None:
            await self._engine.stop()

    # --- what a front end reads --------------------------------------------------------------

    @property
    def reads(self) -> "LedgerReads":
        return self._engine.reads if self._engine else _ReadsToCome(self.there)

    @property
    def connection(self) -> ConnectionState:
        return self._engine.connection if self._engine else self._standing.connection

    @property
    def environment(self) -> Environment | None:
        return self._engine.environment if self._engine else self._standing.environment

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        return self._engine.marks if self._engine else {}

    @property
    def rates(self) -> Rates:
        return self._engine.rates if self._engine else {}

    @property
    def stats(self) -> SyncStats:
        return self._engine.stats if self._engine else self._standing.stats

    @property
    def arming(self) -> Arming:
        return self._engine.arming if self._engine else self._standing.arming

    @property
    def is_read_only(self) -> bool:
        return self._engine is not None and self._engine.is_read_only

    @property
    def has_writer(self) -> bool:
        return self._engine is None or self._engine.has_writer

    @property
    def is_enabled(self) -> bool:
        return self._standing.is_enabled

    @property
    def is_syncing(self) -> bool:
        return self._engine is not None and self._engine.is_syncing

    @property
    def sync_interval(self) -> int:
        return self._standing.sync_interval

    @property
    def next_sync_at(self) -> datetime | None:
        return self._engine.next_sync_at if self._engine else None

    # --- what a front end asks for -----------------------------------------------------------

    async def sync_now(self) -> "SyncResult":
        return await (await self.there()).sync_now()

    async def dry_run(self) -> "Plan":
        return await (await self.there()).dry_run()

    async def decide(
        self,
        hold_id: int,
        *,
        accept: bool,
        note: str,
        price: Decimal | None = None,
        is_transfer: bool = False,
    ) -> None:
        await (await self.there()).decide(
            hold_id, accept=accept, note=note, price=price, is_transfer=is_transfer
        )

    def arm(self, armed: bool) -> Arming:
        if self._engine is not None:
            return self._engine.arm(armed)
        # Not armed before the engine can disarm it again: until then it is a wish.
        word = "armed" if armed else "disarmed"
        self._ask("arming", lambda engine: engine.arm(armed), f"missing→closed is {word}")
        return self._standing.arming

    def reconnect_now(self) -> None:
        if self._engine is not None:
            self._engine.reconnect_now()
            return
        # Its first deed is to connect, unless it was told to pause.
        self._ask("link", lambda _: None, "connecting")

    def pause_reconnecting(self) -> bool:
        if self._engine is not None:
            return self._engine.pause_reconnecting()
        self._ask("link", self._pause, "connecting is paused")
        return True

    def _pause(self, engine: "Engine") -> None:
        if not engine.pause_reconnecting():
            self._say("there is a session, so nothing to pause")


def _load() -> None:
    """Import what the engine is made of; the event loop gets its turn more often meanwhile."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_TURN)
    try:
        for name in _MODULES:
            import_module(name)
    finally:
        sys.setswitchinterval(before)


class _ReadsToCome:
    """Satisfies `LedgerReads`: each question waits for the engine."""

    def __init__(self, there: "Callable[[], Awaitable[Engine]]") -> None:
        self._there = there

    async def _reads(self) -> "LedgerReads":
        return (await self._there()).reads

    async def positions(
        self,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: "CostMethod | None" = None,
    ) -> "list[PositionView]":
        reads = await self._reads()
        return await reads.positions(
            account_id=account_id, include_closed=include_closed, method=method
        )

    async def positions_at(
        self,
        at: datetime,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: "CostMethod | None" = None,
    ) -> "list[PositionView]":
        reads = await self._reads()
        return await reads.positions_at(
            at, account_id=account_id, include_closed=include_closed, method=method
        )

    async def lots(
        self,
        *,
        account_id: int | None = None,
        method: "CostMethod | None" = None,
        at: datetime | None = None,
    ) -> "list[LotView]":
        return await (await self._reads()).lots(account_id=account_id, method=method, at=at)

    async def fills_of(self, entry_id: int) -> "list[FillView]":
        return await (await self._reads()).fills_of(entry_id)

    async def lots_of(self, entry_id: int) -> "list[LotView] | None":
        return await (await self._reads()).lots_of(entry_id)

    async def pnl_totals(
        self, query: "EntryQuery", by: "PnlGrouping", *, zone: tzinfo | None = None
    ) -> "list[PnlTotal]":
        return await (await self._reads()).pnl_totals(query, by, zone=zone)

    async def entries(self, query: "EntryQuery") -> "list[EntryView]":
        return await (await self._reads()).entries(query)

    async def entry_pages(self, query: "EntryQuery") -> "AsyncIterator[list[EntryView]]":
        async for page in (await self._reads()).entry_pages(query):
            yield page

    async def daily_pnl(self, query: "EntryQuery") -> "list[PnlBucket]":
        return await (await self._reads()).daily_pnl(query)

    async def runs(self, limit: int = 50) -> "list[RunView]":
        return await (await self._reads()).runs(limit)

    async def holds(self, *, include_decided: bool = False) -> "list[HoldView]":
        return await (await self._reads()).holds(include_decided=include_decided)

    async def accounts(self) -> "list[AccountView]":
        return await (await self._reads()).accounts()

    async def journal(
        self,
        *,
        key: PositionKey | None = None,
        run_id: int | None = None,
        limit: int = 200,
        both_methods: bool = True,
    ) -> "list[JournalView]":
        return await (await self._reads()).journal(
            key=key, run_id=run_id, limit=limit, both_methods=both_methods
        )

    async def stats(self) -> SyncStats:
        return await (await self._reads()).stats()

    async def verify(self) -> "VerifyReport":
        return await (await self._reads()).verify()
