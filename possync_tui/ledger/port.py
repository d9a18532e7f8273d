"""What the rest of the program asks of a ledger. Importing this loads no database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from possync_tui.domain.values import dataclass

if TYPE_CHECKING:
    from possync_tui.domain.connection import Environment
    from possync_tui.domain.instruments import PositionKey
    from possync_tui.domain.marks import Mark
    from possync_tui.domain.observations import Observed, Recorded
    from possync_tui.domain.plan import Book, Ground, OlderRules, Plan, StoredLife
    from possync_tui.domain.position import CostMethod, Quality
    from possync_tui.domain.runs import SyncResult, SyncStats
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


class LedgerError(Exception):
    """The ledger cannot be used; the message is for the user and says what to do."""


class LedgerUnusable(LedgerError):
    """Not a ledger of ours: a directory, not SQLite, damaged, or of a newer version."""


class LedgerMissing(LedgerUnusable):
    """There is no ledger yet, and a reader does not make one."""


class LedgerForeign(LedgerError):
    """A ledger of another environment (live, paper, demo) than the one at hand."""


class LedgerReadOnly(LedgerError):
    """Another instance holds the writer lock."""


class WordRefused(LedgerError):
    """The user's word does not fit what is held; nothing was written."""


class LedgerWriteFailed(LedgerError):
    """A write did not happen (disk full, I/O error); nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """Which realized entries to read. Times are UTC, `until` exclusive; the newest come first.

    `symbol` is one, or the description of a contract where no entry has it as its symbol.
    `method` is the ledger's own where none is named. Nothing stored depends on it: both are kept.
    """

    account_id: int | None = None
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    account_ids: frozenset[int] | None = None
    currency: str | None = None
    quality: Quality | None = None
    method: CostMethod | None = None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found. An empty `problems` means that the tables equal their observations."""

    positions: int
    entries: int
    observations: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


class LedgerReads(Protocol):
    """Queries; they work offline, read-only, and while a sync writes."""

    async def positions(
        self,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]: ...

    async def positions_at(
        self,
        at: datetime,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]:
        """The book as it was known at a past instant, rebuilt from the inbox; without marks."""
        ...

    async def lots(
        self,
        *,
        account_id: int | None = None,
        method: CostMethod | None = None,
        at: datetime | None = None,
    ) -> list[LotView]:
        """Open lots by a cost method, now or as they were known at a past instant."""
        ...

    async def fills_of(self, entry_id: int) -> list[FillView]:
        """The fills of an entry's life up to that entry, what closed it first."""
        ...

    async def lots_of(self, entry_id: int) -> list[LotView] | None:
        """The lots that an entry closed, each with as many units as it took, by its cost method.

        Empty where observations do not lead to that entry any more; `None` where there is none.
        """
        ...

    async def pnl_totals(
        self, query: EntryQuery, by: PnlGrouping, *, zone: tzinfo | None = None
    ) -> list[PnlTotal]:
        """Exact totals of the entries that a query finds, whatever its limit.

        Calendar periods are those of `zone`, of the machine's where none is named.
        """
        ...

    async def entries(self, query: EntryQuery) -> list[EntryView]: ...

    def entry_pages(self, query: EntryQuery) -> AsyncIterator[list[EntryView]]:
        """The same entries, some at a time; what is appended meanwhile is not among them."""
        ...

    async def daily_pnl(self, query: EntryQuery) -> list[PnlBucket]: ...

    async def runs(self, limit: int = 50) -> list[RunView]: ...

    async def holds(self, *, include_decided: bool = False) -> list[HoldView]: ...

    async def accounts(self) -> list[AccountView]: ...

    async def journal(
        self,
        *,
        key: PositionKey | None = None,
        run_id: int | None = None,
        limit: int = 200,
        both_methods: bool = True,
    ) -> list[JournalView]:
        """Lines of the journal, newest first.

        Realized amounts are journaled by both cost methods; without `both_methods` those of the
        one that is not in use are left out.
        """
        ...

    async def stats(self) -> SyncStats: ...

    async def verify(self) -> VerifyReport: ...


class LedgerPort(LedgerReads, Protocol):
    """The one writer, and what a sync reads back from it."""

    @property
    def is_read_only(self) -> bool: ...

    @property
    def environment(self) -> Environment | None:
        """What the ledger is bound to; `None` until it first met a broker."""
        ...

    @property
    def last_seq(self) -> int:
        """The place of the newest observation in the inbox."""
        ...

    async def was_written(self) -> bool:
        """Whether another instance wrote since the last call; the first one says yes.

        What the ledger is bound to is looked up then, too. Raises `LedgerUnusable`.
        """
        ...

    async def has_writer(self) -> bool:
        """Whether some instance, this or another, has it open to write. Raises `LedgerUnusable`."""
        ...

    async def older_rules(self) -> OlderRules | None:
        """What the rules of an older release have made: the writer has to plan it again.

        `None` where nothing is of older ones, and for a reader.
        """
        ...

    async def bind(self, environment: Environment, accounts: Sequence[str]) -> None:
        """Bind to an environment at first meeting, and give new account codes their ids.

        Accounts of the first meeting are accepted; later ones wait for the user's word.
        Raises `LedgerForeign` where the environment is another one; nothing is written then.
        """
        ...

    async def record(self, observations: Sequence[Observed]) -> int:
        """Append to the inbox what is not there yet, durably; return how many were new."""
        ...

    async def book(self) -> Book:
        """The state that the last committed sync left, and what the inbox holds beyond it."""
        ...

    async def fills_known_until(self) -> Mapping[str, datetime]:
        """By account, the last complete sync that knew all fills of its day before it.

        Left out are accounts of which a later sync might not have.
        """
        ...

    async def histories(
        self, keys: Iterable[PositionKey]
    ) -> Mapping[PositionKey, tuple[Recorded, ...]]:
        """Every observation of these positions in order of arrival, with commissions joined in."""
        ...

    async def stored_lives(
        self, keys: Iterable[PositionKey]
    ) -> Mapping[PositionKey, tuple[StoredLife, ...]]:
        """The lives of these positions as the tables have them, oldest first."""
        ...

    async def ground(self, keys: Iterable[PositionKey], *, whole: bool = False) -> Ground:
        """Both of them for a plan, as far as it has not been made of them before.

        With `whole`, histories are read from their beginning, and there are no pasts.
        """
        ...

    async def commit(self, plan: Plan, result: SyncResult) -> SyncResult:
        """Write the plan, its journal and its run as one transaction; return it with `run_id`."""
        ...

    async def record_run(self, result: SyncResult) -> SyncResult:
        """Write the run of a sync that committed nothing."""
        ...

    async def save_marks(self, marks: Iterable[Mark]) -> None:
        """Keep the latest marks for offline views; outside journal and replay."""
        ...

    async def saved_prices(self, keys: Iterable[PositionKey]) -> Mapping[PositionKey, Mark]:
        """Of these positions, the marks that were kept last, where they have a price."""
        ...

    async def decide(
        self,
        hold_id: int,
        *,
        accept: bool,
        note: str,
        at: datetime,
        price: Decimal | None = None,
        is_transfer: bool = False,
    ) -> tuple[PositionKey, ...]:
        """Journal the user's word on a hold; the next sync's plan carries it out.

        Accepting a missing position appends a `CloseDecided(USER)`, at `price` if there is one, to
        the inbox for each key that is still absent, or with `is_transfer` that it moved elsewhere;
        accepting two positions as the same holding appends both sides of a conversion; accepting an
        account lets it be synced. Returns the touched positions. Raises `LedgerError` for a hold
        that is not open, `WordRefused` where the word does not fit it.
        """
        ...

    async def journal_remark(self, text: str, *, at: datetime) -> None:
        """Append a line to the journal that belongs to no sync: a switch that the user moved."""
        ...

    async def close(self) -> None: ...
