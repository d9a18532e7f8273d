"""An engine in memory: what the dashboard asks of a running sync, without broker or ledger."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from possync_tui.domain.connection import ConnectionState, Environment, Phase
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.plan import Plan
from possync_tui.domain.position import CostMethod
from possync_tui.domain.rates import Rate, Rates
from possync_tui.domain.runs import Outcome, SyncResult, SyncStats, Trigger
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
from possync_tui.ledger.port import EntryQuery, LedgerError, VerifyReport
from possync_tui.sync.events import (
    Arming,
    ArmingChanged,
    ConnectionChanged,
    EventBus,
    LedgerChanged,
    LogLine,
    MarkMoved,
    SyncFinished,
    SyncStarted,
)
from tests.tui import desk_book, desk_fills

NOW = desk_book.NOW


class FixedClock:
    """Time that stands until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now
        self.seconds = 1_000.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds


class FakeReads:
    """The ledger's queries over plain lists that a test may change."""

    def __init__(self) -> None:
        self.position_rows: list[PositionView] = desk_book.positions()
        self.account_rows: list[AccountView] = desk_book.accounts()
        self.hold_rows: list[HoldView] = desk_book.holds()
        self.run_rows: list[RunView] = desk_book.runs()
        self.entry_rows: list[EntryView] = desk_book.entries()
        self.journal_rows: list[JournalView] = desk_book.journal()
        self.fill_rows: dict[int, list[FillView]] = {}
        self.taken_rows: dict[int, list[LotView]] = {}
        self.lot_rows: list[LotView] = desk_fills.lots()
        self.failure: Exception | None = None

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def positions(
        self,
        *,
        account_id: int | None = None,
        include_closed: bool = False,
        method: CostMethod | None = None,
    ) -> list[PositionView]:
        self._check()
        return [p for p in self.position_rows if account_id in (None, p.account_id)]

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
        self._check()
        return [lot for lot in self.lot_rows if account_id in (None, lot.account_id)]

    async def fills_of(self, entry_id: int) -> list[FillView]:
        self._check()
        return self.fill_rows.get(entry_id, [])

    async def lots_of(self, entry_id: int) -> list[LotView] | None:
        self._check()
        return self.taken_rows.get(entry_id, [])

    async def pnl_totals(
        self, query: EntryQuery, by: PnlGrouping, *, zone: tzinfo | None = None
    ) -> list[PnlTotal]:
        return []

    async def entries(self, query: EntryQuery) -> list[EntryView]:
        self._check()
        rows = [e for e in self.entry_rows if query.account_id in (None, e.account_id)]
        if query.since is not None:
            rows = [e for e in rows if e.closed_at >= query.since]
        if query.until is not None:
            rows = [e for e in rows if e.closed_at < query.until]
        if query.symbol is not None:
            rows = [e for e in rows if e.symbol == query.symbol]
        rows.sort(key=lambda entry: (entry.closed_at, entry.id), reverse=True)
        return rows[: query.limit] if query.limit else rows

    async def entry_pages(self, query: EntryQuery) -> AsyncIterator[list[EntryView]]:
        yield await self.entries(query)

    async def daily_pnl(self, query: EntryQuery) -> list[PnlBucket]:
        found: dict[tuple[str, str], PnlBucket] = {}
        for entry in await self.entries(replace(query, limit=None)):
            day = f"{entry.closed_at:%Y-%m-%d}"
            old = found.get((day, entry.currency), PnlBucket(day, entry.currency, Decimal(0), 0, 0))
            found[(day, entry.currency)] = PnlBucket(
                day,
                entry.currency,
                (old.realized_pnl or Decimal(0)) + (entry.realized_pnl or Decimal(0)),
                old.entries + 1,
                old.unknown + (entry.realized_pnl is None),
            )
        return sorted(found.values(), key=lambda bucket: bucket.start)

    async def runs(self, limit: int = 50) -> list[RunView]:
        self._check()
        return self.run_rows[:limit]

    async def holds(self, *, include_decided: bool = False) -> list[HoldView]:
        self._check()
        return list(self.hold_rows)

    async def accounts(self) -> list[AccountView]:
        self._check()
        return list(self.account_rows)

    async def journal(
        self,
        *,
        key: PositionKey | None = None,
        run_id: int | None = None,
        limit: int = 200,
        both_methods: bool = True,
    ) -> list[JournalView]:
        self._check()
        return [
            line
            for line in self.journal_rows
            if (key is None or (line.account, line.con_id) == (key.account, key.con_id))
            and run_id in (None, line.run_id)
            and (both_methods or line.method in (None, CostMethod.AVERAGE))
        ][:limit]

    async def stats(self) -> SyncStats:
        return desk_book.STATS

    async def verify(self) -> VerifyReport:
        return VerifyReport(0, 0, 0, ())


class FakeEngine:
    """In-memory `EnginePort`; `feed` methods do what broker and scheduler would."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.bus = EventBus()
        self.reads = FakeReads()
        self.connection = desk_book.connected(clock.now())
        self.environment: Environment | None = Environment.PAPER
        self.live_marks: dict[PositionKey, Mark] = desk_book.marks(self.reads.position_rows)
        self.live_rates: dict[tuple[str, str], Rate] = {}
        self.stats = desk_book.STATS
        self.arming = Arming(armed=False, by_settings=False)
        self.is_read_only = False
        self.has_writer = True
        self.is_enabled = True
        self.is_syncing = False
        self.sync_interval = 300
        self.next_sync_at: datetime | None = clock.now() + timedelta(seconds=288)
        self.plan: Plan = desk_book.plan()
        self.failure: Exception | None = None
        self.loop_failure: Exception | None = None
        self.syncs = 0
        self.reconnects = 0
        self.decisions: list[tuple[int, Word]] = []
        self.run_was_cancelled = False
        self.runs_now = False
        self.sync_gate: asyncio.Event | None = None
        self._stopped = asyncio.Event()

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        return self.live_marks

    @property
    def rates(self) -> Rates:
        return self.live_rates

    # --- the port ----------------------------------------------------------------------------

    async def run(self) -> None:
        self.runs_now = True
        try:
            if self.loop_failure is not None:
                raise self.loop_failure
            await self._stopped.wait()
        except asyncio.CancelledError:
            self.run_was_cancelled = True
            raise
        finally:
            self.runs_now = False

    def stop(self) -> None:
        self._stopped.set()

    async def sync_now(self) -> SyncResult:
        started = self.clock.now()
        self.is_syncing = True
        self.bus.emit(SyncStarted(Trigger.MANUAL, started))
        if self.sync_gate is not None:
            await self.sync_gate.wait()
        self.is_syncing = False
        if self.failure is not None:
            raise self.failure
        self.syncs += 1
        result = SyncResult(
            Outcome.COMMITTED,
            Trigger.MANUAL,
            started,
            18.0,
            run_id=1_000 + self.syncs,
            positions_seen=25,
            updated=3,
            missing=1,
        )
        self.stats = self.stats.after(result)
        self.reads.run_rows.insert(0, desk_book.run_of(result))
        self.bus.emit(SyncFinished(result))
        self.log(20, "manual", "25 seen   ~3   18 ms")
        self.bus.emit(LedgerChanged())
        return result

    async def dry_run(self) -> Plan:
        if self.failure is not None:
            raise self.failure
        return self.plan

    async def decide(
        self,
        hold_id: int,
        *,
        accept: bool,
        note: str,
        price: Decimal | None = None,
        is_transfer: bool = False,
    ) -> None:
        rows = self.reads.hold_rows
        if all(hold.id != hold_id for hold in rows):
            raise LedgerError(f"hold {hold_id} is not open")
        self.decisions.append((hold_id, Word(accept, note, price, is_transfer)))
        self.reads.hold_rows = [
            replace(hold, status="kept", note=note) if hold.id == hold_id else hold
            for hold in rows
            if not (accept and hold.id == hold_id)
        ]
        self.bus.emit(LedgerChanged())

    def arm(self, armed: bool) -> Arming:
        until = self.clock.now() + timedelta(hours=1) if armed else None
        self.arming = Arming(armed=armed, by_settings=False, until=until)
        self.bus.emit(ArmingChanged(self.arming))
        return self.arming

    def reconnect_now(self) -> None:
        self.reconnects += 1
        if self.connection.is_paused:
            self.connect(phase=Phase.CONNECTING, sentence="Connecting.", is_paused=False)

    def pause_reconnecting(self) -> bool:
        if self.connection.phase not in (Phase.RECONNECTING, Phase.CONNECTING):
            return False
        sentence = "Paused by you: nothing is tried until you reconnect."
        self.connect(
            phase=Phase.DISCONNECTED,
            sentence=sentence,
            code=None,
            next_try_at=None,
            is_paused=True,
        )
        return True

    # --- what happens ------------------------------------------------------------------------

    def log(self, level: int, kind: str, text: str) -> None:
        self.bus.emit(LogLine(self.clock.now(), level, kind, text))

    def move(self, key: PositionKey, price: str, unrealized: str) -> None:
        old = self.live_marks[key]
        self.show(
            replace(
                old, at=self.clock.now(), price=Decimal(price), unrealized_pnl=Decimal(unrealized)
            )
        )

    def show(self, mark: Mark) -> None:
        self.live_marks[mark.key] = mark
        self.bus.emit(MarkMoved(mark))

    def connect(self, **changes: object) -> None:
        self.connection = desk_book.with_changes(self.connection, changes)
        self.bus.emit(ConnectionChanged(self.connection))

    def go_offline(self, phase: Phase = Phase.RECONNECTING) -> None:
        self.connection = ConnectionState(
            phase=phase,
            host="127.0.0.1",
            port=7497,
            client_id=17,
            since=self.clock.now() - timedelta(minutes=3),
            sentence="Nothing listens on 127.0.0.1:7497. Start TWS or IB Gateway, and tick "
            "“Enable ActiveX and Socket Clients” in its API settings.",
            code=502,
            attempt=4,
            next_try_at=self.clock.now() + timedelta(seconds=8),
            last_error="connection refused",
            last_error_code=502,
        )
        self.next_sync_at = None
        self.bus.emit(ConnectionChanged(self.connection))


def utc(*parts: int) -> datetime:
    year, month, day, hour, minute = parts
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def keys_of(rows: Sequence[PositionView]) -> list[PositionKey]:
    return [row.key for row in rows]
