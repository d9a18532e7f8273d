"""What reads show before the first sync has made a ledger: nothing, without making one."""

from collections.abc import AsyncIterator
from datetime import datetime, tzinfo

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.position import CostMethod
from possync_tui.domain.runs import SyncStats
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
from possync_tui.ledger.port import EntryQuery, VerifyReport


class NoLedger:
    """Satisfies `LedgerReads` with empty answers."""

    environment: Environment | None = None

    async def positions(
        self,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]:
        return []

    async def positions_at(
        self,
        at: datetime,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]:
        return []

    async def lots(
        self,
        *,
        account_id: int | None = None,
        method: CostMethod | None = None,
        at: datetime | None = None,
    ) -> list[LotView]:
        return []

    async def fills_of(self, entry_id: int) -> list[FillView]:
        return []

    async def lots_of(self, entry_id: int) -> list[LotView] | None:
        return None

    async def pnl_totals(
        self, query: EntryQuery, by: PnlGrouping, *, zone: tzinfo | None = None
    ) -> list[PnlTotal]:
        return []

    async def entries(self, query: EntryQuery) -> list[EntryView]:
        return []

    async def entry_pages(self, query: EntryQuery) -> AsyncIterator[list[EntryView]]:
        yield []

    async def daily_pnl(self, query: EntryQuery) -> list[PnlBucket]:
        return []

    async def runs(self, limit: int = 50) -> list[RunView]:
        return []

    async def holds(self, *, include_decided: bool = False) -> list[HoldView]:
        return []

    async def accounts(self) -> list[AccountView]:
        return []

    async def journal(
        self,
        *,
        key: PositionKey | None = None,
        run_id: int | None = None,
        limit: int = 200,
        both_methods: bool = True,
    ) -> list[JournalView]:
        return []

    async def stats(self) -> SyncStats:
        return SyncStats()

    async def verify(self) -> VerifyReport:
        return VerifyReport(0, 0, 0, ())
