"""The ledger: SQLite behind `LedgerPort`, one writer, any number of readers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial
from pathlib import Path
from sqlite3 import Connection as Database

from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Observed, Recorded
from possync_tui.domain.plan import Book, Ground, OlderRules, Plan, StoredLife
from possync_tui.domain.position import CostMethod
from possync_tui.domain.runs import Outcome, SyncResult, SyncStats
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
from possync_tui.domain.word import Word
from possync_tui.ledger import accounts as account_rows
from possync_tui.ledger import consumed, drill, inbox, past, reads, realized, review, totals
from possync_tui.ledger import lots as open_lots
from possync_tui.ledger.book import read_book
from possync_tui.ledger.commit import Seen
from possync_tui.ledger.connection import Connection, T, Work
from possync_tui.ledger.journal import Line, write_lines
from possync_tui.ledger.keeping import Keeping
from possync_tui.ledger.lives import stored_lives
from possync_tui.ledger.marks import read_prices, save_marks
from possync_tui.ledger.memory import Memory
from possync_tui.ledger.opening import Opened, Opening, has_writer, open_reader, open_writer
from possync_tui.ledger.port import (
    EntryQuery,
    LedgerError,
    LedgerReadOnly,
    VerifyReport,
)
from possync_tui.ledger.runs import add_run, read_stats
from possync_tui.ledger.schema import migrations
from possync_tui.ledger.verify import verify


async def open_ledger(
    path: Path,
    *,
    clock: Clock,
    cost_method: CostMethod | None = None,
    read_only: bool = False,
    fallback_read_only: bool = False,
) -> "Ledger":
    """Open the ledger at `path`; a writer makes it where there is none.

    `cost_method` is what the views show from now on; `None` leaves it (average, at first), and a
    reader always does. With `fallback_read_only`, a ledger that another instance writes is opened
    to read. A writer brings an older ledger up, after a backup; a reader leaves it as it is.

    Raises `LedgerReadOnly` where another instance writes, `LedgerMissing` where a reader finds
    nothing, `LedgerUnusable` for what is not a ledger of ours; the file is as it was then.
    """
    opening = Opening(_real(path), clock.now, cost_method, migrations())
    task = asyncio.ensure_future(_open(opening, read_only, fallback_read_only))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # Half-open it would keep the writer lock. One that did not open has nothing to close.
        with suppress(LedgerError):
            await (await task).close()
        raise


def _real(path: Path) -> Path:
    """The file itself, so that two links to one ledger share one lock."""
    return path.absolute().resolve()


async def _open(opening: Opening, read_only: bool, fallback_read_only: bool) -> "Ledger":
    opened = Opened()
    if read_only:
        return await _open_to_read(opening, opened, beside_writer=False)
    try:
        writer = await Connection.open(opening.path, partial(open_writer, opening, opened))
    except LedgerReadOnly:
        if not fallback_read_only:
            raise
        return await _open_to_read(opening, opened, beside_writer=True)
    try:
        reader = await Connection.open(opening.path, partial(open_reader, opening, Opened()))
    except BaseException:
        await writer.finish()
        if opened.lock is not None:
            opened.lock.release()
        raise
    return Ledger(opening, opened, reader, writer)


async def _open_to_read(opening: Opening, opened: Opened, *, beside_writer: bool) -> "Ledger":
    connector = partial(open_reader, opening, opened, beside_writer=beside_writer)
    reader = await Connection.open(opening.path, connector)
    return Ledger(opening, opened, reader, None)


def _nothing_to_keep(_: object) -> None:
    """Most writes leave nothing to remember in this process."""


class Ledger:
    """One open ledger; see `LedgerPort` for what its methods promise.

    Views read on a connection of their own, so that a long query never waits behind a write, nor
    a write behind it. What a sync reads back goes through the writer: it sees its own writes.
    """

    def __init__(
        self, opening: Opening, opened: Opened, reader: Connection, writer: Connection | None
    ) -> None:
        self._opening = opening
        self._lock = opened.lock
        self._environment = opened.environment
        self._last_seq = opened.last_seq
        self._reader = reader
        self._writer = writer
        self._seen_by_key: dict[PositionKey, int] = {}
        self._memory = Memory()
        self._data_version: int | None = None

    @property
    def path(self) -> Path:
        return self._opening.path

    @property
    def is_read_only(self) -> bool:
        return self._writer is None

    @property
    def environment(self) -> Environment | None:
        return self._environment

    @property
    def last_seq(self) -> int:
        return self._last_seq

    async def was_written(self) -> bool:
        before = self._data_version
        self._data_version, environment = await self._reader.read(account_rows.look_again)
        if self._writer is None:
            self._environment = environment
        return self._data_version != before

    async def has_writer(self) -> bool:
        return self._writer is not None or await self._reader.read(partial(has_writer, self.path))

    async def older_rules(self) -> OlderRules | None:
        return await self._writer.read(account_rows.older_rules) if self._writer else None

    async def bind(self, environment: Environment, accounts: Sequence[str]) -> None:
        def check(db: Database) -> tuple[Environment | None, list[str]]:
            account_rows.check_environment(db, environment)
            return account_rows.read_environment(db), account_rows.unbound(db, accounts)

        self._environment, fresh = await self._sync_connection.read(check)
        if not fresh:
            return
        now = self._opening.now()

        def keep(_: None) -> None:
            self._environment = environment

        await self._write(lambda db: account_rows.bind(db, environment, accounts, now), keep)

    async def record(self, observations: Sequence[Observed]) -> int:
        now = self._opening.now()
        recorded = self._memory.recorded
        return await self._append(lambda db: recorded(inbox.record(db, observations, now)))

    async def book(self) -> Book:
        def read(db: Database) -> tuple[Book, int]:
            # Where another instance writes, nobody tells what changed.
            book = read_book(db) if self._writer is None else self._memory.shelf.read(db)
            return book, inbox.last_seq(db)

        book, seq = await self._sync_connection.read(read)
        # A reader learns here how far the writer has come; the writer knows.
        self._last_seq = max(seq, self._last_seq)
        return book

    async def fills_known_until(self) -> Mapping[str, datetime]:
        return await self._sync_connection.read(account_rows.fills_known_until)

    async def histories(
        self, keys: Iterable[PositionKey]
    ) -> Mapping[PositionKey, tuple[Recorded, ...]]:
        wanted = tuple(keys)

        def read(db: Database) -> tuple[dict[PositionKey, tuple[Recorded, ...]], int]:
            return inbox.histories(db, wanted), inbox.last_seq(db)

        found, seq = await self._sync_connection.read(read)
        self._seen_by_key.update(dict.fromkeys(wanted, seq))
        return found

    async def stored_lives(
        self, keys: Iterable[PositionKey]
    ) -> Mapping[PositionKey, tuple[StoredLife, ...]]:
        wanted = tuple(keys)
        return await self._sync_connection.read(
            lambda db: {key: stored_lives(db, key) for key in wanted}
        )

    async def ground(self, keys: Iterable[PositionKey], *, whole: bool = False) -> Ground:
        wanted = tuple(keys)
        # Where another instance writes, nobody tells what came since.
        keeping = Keeping() if self._writer is None else self._memory.keeping

        def read(db: Database) -> tuple[Ground, int]:
            if whole:
                keeping.forget_all()
            return keeping.ground(db, wanted), inbox.last_seq(db)

        found, seq = await self._sync_connection.read(read)
        # What a plan has seen of a position: later news of it is for the next plan.
        self._seen_by_key.update(dict.fromkeys(wanted, seq))
        return found

    async def commit(self, plan: Plan, result: SyncResult) -> SyncResult:
        now = self._opening.now()
        keys = plan.planned.union(item.key for item in plan.decided)
        seen: Seen = {key: self._seen_by_key.get(key, 0) for key in keys}
        return await self._append(lambda db: self._memory.commit(db, plan, result, seen, now))

    async def record_run(self, result: SyncResult) -> SyncResult:
        if result.outcome is Outcome.SKIPPED:
            # A skipped sync counts nowhere, and a night of them would bury the real ones.
            return result
        return await self._write(lambda db: add_run(db, result))

    async def save_marks(self, marks: Iterable[Mark]) -> None:
        latest = tuple(marks)
        if latest:
            await self._write(lambda db: save_marks(db, latest))

    async def saved_prices(self, keys: Iterable[PositionKey]) -> Mapping[PositionKey, Mark]:
        wanted = tuple(keys)
        return await self._sync_connection.read(lambda db: read_prices(db, wanted))

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
        word, now = Word(accept, note, price, is_transfer), self._opening.now()

        def apply(db: Database) -> tuple[PositionKey, ...]:
            self._memory.forget_all()
            return review.decide(db, hold_id, word, at, now)

        return await self._append(apply)

    async def journal_remark(self, text: str, *, at: datetime) -> None:
        """Append a line to the journal that belongs to no sync: a switch that the user moved."""
        line = Line("", None, "remark", text, "")
        await self._write(lambda db: write_lines(db, [line], None, at))

    async def positions(
        self,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]:
        return await self._reader.read(
            lambda db: reads.positions(db, account_id, include_closed=include_closed, method=method)
        )

    async def positions_at(
        self,
        at: datetime,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]:
        return await self._reader.read(
            lambda db: past.positions_at(db, at, account_id, method, include_closed=include_closed)
        )

    async def lots(
        self,
        *,
        account_id: int | None = None,
        method: CostMethod | None = None,
        at: datetime | None = None,
    ) -> list[LotView]:
        if at is not None:
            return await self._reader.read(lambda db: past.lots_at(db, at, account_id, method))
        return await self._reader.read(lambda db: open_lots.lots(db, account_id, method))

    async def fills_of(self, entry_id: int) -> list[FillView]:
        return await self._reader.read(lambda db: drill.fills_of(db, entry_id))

    async def lots_of(self, entry_id: int) -> list[LotView] | None:
        return await self._reader.read(lambda db: consumed.lots_of(db, entry_id))

    async def pnl_totals(
        self, query: EntryQuery, by: PnlGrouping, *, zone: tzinfo | None = None
    ) -> list[PnlTotal]:
        return await self._reader.read(lambda db: totals.pnl_totals(db, query, by, zone))

    async def entries(self, query: EntryQuery) -> list[EntryView]:
        return await self._reader.read(lambda db: realized.entries(db, query))

    async def entry_pages(
        self, query: EntryQuery, size: int = realized.PAGE
    ) -> AsyncIterator[list[EntryView]]:
        async for found in realized.pages(self._reader, query, size):
            yield found

    async def daily_pnl(self, query: EntryQuery) -> list[PnlBucket]:
        return await self._reader.read(lambda db: totals.daily_pnl(db, query))

    async def runs(self, limit: int = 50) -> list[RunView]:
        return await self._reader.read(lambda db: reads.runs(db, limit))

    async def holds(self, *, include_decided: bool = False) -> list[HoldView]:
        return await self._reader.read(lambda db: reads.holds(db, include_decided=include_decided))

    async def accounts(self) -> list[AccountView]:
        return await self._reader.read(reads.accounts)

    async def journal(
        self,
        *,
        key: PositionKey | None = None,
        run_id: int | None = None,
        limit: int = 200,
        both_methods: bool = True,
    ) -> list[JournalView]:
        return await self._reader.read(
            lambda db: reads.journal(db, key, run_id, limit, both_methods=both_methods)
        )

    async def stats(self) -> SyncStats:
        return await self._reader.read(read_stats)

    async def verify(self) -> VerifyReport:
        """Rebuild everything from the observations and compare, on a connection of its own."""
        own = await Connection.open(self.path, partial(open_reader, self._opening, Opened()))
        try:
            return await own.read(verify)
        except asyncio.CancelledError:
            await own.interrupt()
            raise
        finally:
            await asyncio.shield(own.finish())

    async def close(self) -> None:
        """Finish what was begun, and let another instance write. May be called again."""
        await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _close(self) -> None:
        try:
            await self._reader.finish()
            if self._writer is not None:
                await self._writer.finish()
        finally:
            if self._lock is not None:
                self._lock.release()

    @property
    def _sync_connection(self) -> Connection:
        return self._reader if self._writer is None else self._writer

    async def _write(self, work: Work[T], kept: Callable[[T], None] = _nothing_to_keep) -> T:
        if self._writer is None:
            raise LedgerReadOnly(f"The ledger {self.path} is open read-only: nothing was written.")
        return await self._writer.write(work, kept, self._memory.ended)

    async def _append(self, work: Work[T]) -> T:
        """Write, and keep up with the end of the inbox."""

        def appending(db: Database) -> tuple[T, int]:
            return work(db), inbox.last_seq(db)

        def keep(written: tuple[T, int]) -> None:
            self._last_seq = written[1]

        return (await self._write(appending, keep))[0]
