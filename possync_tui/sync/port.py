"""What a front end (the dashboard, a subcommand, an embedding program) asks of a running sync."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from possync_tui.domain.connection import ConnectionState, Environment
    from possync_tui.domain.instruments import PositionKey
    from possync_tui.domain.marks import Mark
    from possync_tui.domain.plan import Plan
    from possync_tui.domain.rates import Rates
    from possync_tui.domain.runs import SyncResult, SyncStats
    from possync_tui.ledger.port import LedgerReads
    from possync_tui.sync.events import Arming, EventBus


class EnginePort(Protocol):
    """Broker, ledger and scheduler together. Owned by the composition root, never by a widget."""

    @property
    def bus(self) -> EventBus: ...

    @property
    def reads(self) -> LedgerReads: ...

    @property
    def connection(self) -> ConnectionState: ...

    @property
    def environment(self) -> Environment | None:
        """Of the ledger; `None` until it first met a broker."""
        ...

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        """The latest live values."""
        ...

    @property
    def rates(self) -> Rates:
        """The latest exchange rates of the broker."""
        ...

    @property
    def stats(self) -> SyncStats: ...

    @property
    def arming(self) -> Arming: ...

    @property
    def is_read_only(self) -> bool:
        """Another instance wrote this ledger when it was opened here."""
        ...

    @property
    def has_writer(self) -> bool:
        """Some instance, this or the one that is followed, writes the ledger now."""
        ...

    @property
    def is_enabled(self) -> bool:
        """`POSITION_SYNC_ENABLED`: false stops periodic and triggered syncs, never `sync_now`."""
        ...

    @property
    def is_syncing(self) -> bool: ...

    @property
    def sync_interval(self) -> int:
        """Seconds."""
        ...

    @property
    def next_sync_at(self) -> datetime | None:
        """When the next periodic sync is due; `None` while none is planned."""
        ...

    async def sync_now(self) -> SyncResult:
        """A sync by hand. Called while one runs, it waits for the one after."""
        ...

    async def dry_run(self) -> Plan:
        """What a sync would change now, not committed. Raises `BrokerError`."""
        ...

    async def decide(
        self,
        hold_id: int,
        *,
        accept: bool,
        note: str,
        price: Decimal | None = None,
        is_transfer: bool = False,
    ) -> None:
        """The user's word on a hold; a sync follows. Raises `LedgerError`."""
        ...

    def arm(self, armed: bool) -> Arming:
        """Switch `mark_missing_as_closed`; armed this way it disarms by itself after an hour."""
        ...

    def reconnect_now(self) -> None:
        """Connect without waiting; a session that stands is replaced, a pause ends."""
        ...

    def pause_reconnecting(self) -> bool:
        """Stop trying until `reconnect_now`; false, and no effect, while a session stands."""
        ...

    async def run(self) -> None:
        """The sync loop: returns when the engine is stopped. Safe to cancel and await again."""
        ...
