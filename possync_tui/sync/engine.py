"""The engine: broker, ledger, service and scheduler as one, owned by the composition root."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from possync_tui.broker.port import BrokerEvent, BrokerPort, MarkChanged, Notice, StateChanged
from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import ConnectionState, Environment, Phase
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Commission, Fill, Observed, RowPushed
from possync_tui.domain.plan import Book, HoldKind, Plan
from possync_tui.domain.rates import Rates
from possync_tui.domain.runs import SyncResult, SyncStats, Trigger
from possync_tui.domain.word import Word
from possync_tui.ledger.port import LedgerError, LedgerPort, LedgerReads
from possync_tui.sync.arming import ArmingSwitch
from possync_tui.sync.aside import aside
from possync_tui.sync.events import (
    Arming,
    ArmingChanged,
    ConnectionChanged,
    EventBus,
    LedgerChanged,
    LogLine,
    MarkMoved,
    SyncEvent,
    SyncFinished,
)
from possync_tui.sync.following import Following
from possync_tui.sync.intake import Intake
from possync_tui.sync.policy import SyncPolicy
from possync_tui.sync.saved_marks import SavedMarks
from possync_tui.sync.scheduler import SyncScheduler
from possync_tui.sync.service import PositionSyncService
from possync_tui.sync.tasks import Tasks
from possync_tui.sync.wording import plan_lines, result_line

logger = logging.getLogger(__name__)

# How long a sync in flight may go on waiting for TWS once the program ends, in seconds.
_STOP_PATIENCE = 2.0
_LINES_AT_ONCE = 100

OpenLedger = Callable[[], Awaitable[LedgerPort]]


class Engine:
    """Everything between the broker's events and the ledger's tables; satisfies `EnginePort`.

    `start` before use; `run` until `stop`. `environment` overrides what the account codes say
    (the demo's accounts look like paper ones).
    """

    def __init__(
        self,
        *,
        broker: BrokerPort,
        open_ledger: OpenLedger,
        policy: SyncPolicy,
        clock: Clock,
        environment: Environment | None = None,
        bus: EventBus | None = None,
    ) -> None:
        self.bus = bus or EventBus()
        self._broker = broker
        self._open_ledger = open_ledger
        self._policy = policy
        self._clock = clock
        self._environment = environment
        self._ledger: LedgerPort | None = None
        self._service: PositionSyncService | None = None
        self._scheduler: SyncScheduler | None = None
        self._intake: Intake | None = None
        self._switch = ArmingSwitch(policy, clock, self._on_arming)
        self._unsubscribe: Callable[[], None] = lambda: None
        self._tasks = Tasks()
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._starting: asyncio.Lock = asyncio.Lock()
        self._session_seen = ""
        self._was_lost = False
        self._standing: tuple[Phase | None, str, str] = (None, "", "")
        self._saved_marks = SavedMarks(lambda: self._ledger)
        self._following = Following(clock, self.bus, self._say)

    # -- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the ledger and begin connecting. Raises `LedgerError`. A second call waits."""
        async with self._starting:
            if self._ledger is not None:
                return
            ledger = await self._open_ledger()
            service = PositionSyncService(
                broker=self._broker,
                ledger=ledger,
                policy=self._policy,
                clock=self._clock,
                bus=self.bus,
                may_close_missing=lambda: self.arming.armed,
                on_committed=self._on_committed,
                keep=self._keep,
                environment=self._environment,
            )
            try:
                await service.load()
                fills_known_until = await ledger.fills_known_until()
            except BaseException:
                await ledger.close()
                raise
            self._ledger, self._service = ledger, service
            self._scheduler = SyncScheduler(service, self._policy, self._clock)
            self.bus.subscribe(self._log_results)
            if ledger.is_read_only:
                self._say(logging.WARNING, "ledger", "another instance writes this ledger")
                self._following.start(ledger, service)
                return
            self._intake = Intake(service.record, self._on_stored, self._clock.sleep)
            self._intake.start()
            self._unsubscribe = self._broker.subscribe(self._on_broker_event)
            await self._broker.start(fills_known_until)

    async def run(self) -> None:
        """The sync loop: returns when the engine is stopped. Cancelling the wait stops nothing."""
        await self.start()
        if not self.is_read_only:
            await self.scheduler.start()
        await self._stopped.wait()

    async def stop(self) -> None:
        """End gracefully: a sync in flight finishes, what was pushed is stored, all is closed."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._shut_down(), name="stopping")
        # A caller that loses patience does not cut the commit short; asked again it waits on.
        await asyncio.shield(self._stopping)

    async def _shut_down(self) -> None:
        self._switch.stop()
        for step in (self._stop_syncing, self._stop_listening, self._tasks.finish, self._close):
            try:
                await step()
            except Exception:
                # Whatever fails, the ledger is closed and its lock given back.
                logger.exception("while stopping")
        self._stopped.set()

    async def _stop_syncing(self) -> None:
        """Let a sync in flight finish; one that only waits for TWS is not waited for long."""
        if self._scheduler is None:
            return
        stopping = asyncio.create_task(self._scheduler.stop())
        done, _ = await asyncio.wait({stopping}, timeout=_STOP_PATIENCE)
        if not done:
            await self._broker.stop()
            await stopping

    async def _stop_listening(self) -> None:
        await self._following.stop()
        try:
            await self._broker.stop()
        finally:
            self._unsubscribe()
            if self._intake is not None:
                await self._intake.stop()

    async def _close(self) -> None:
        if self._ledger is None:
            return
        try:
            await self._saved_marks.save(self._broker.marks)
        finally:
            await self._ledger.close()

    async def connected(self, timeout: float) -> ConnectionState:
        """Wait for a usable session. Raises `BrokerUnavailable`, or `LedgerForeign`."""
        state = await self._broker.connected(timeout)
        await self.service.bind(state)
        return state

    # -- what a front end reads ------------------------------------------------------------------

    @property
    def service(self) -> PositionSyncService:
        assert self._service is not None, "start() comes first"
        return self._service

    @property
    def scheduler(self) -> SyncScheduler:
        assert self._scheduler is not None, "start() comes first"
        return self._scheduler

    @property
    def ledger(self) -> LedgerPort:
        assert self._ledger is not None, "start() comes first"
        return self._ledger

    @property
    def reads(self) -> LedgerReads:
        return self.ledger

    @property
    def connection(self) -> ConnectionState:
        return self._with_environment(self._broker.state)

    @property
    def environment(self) -> Environment | None:
        return self.ledger.environment or self._environment

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        return self._broker.marks

    @property
    def rates(self) -> Rates:
        return self._broker.rates

    @property
    def stats(self) -> SyncStats:
        return self.service.stats

    @property
    def arming(self) -> Arming:
        return self._switch.state

    @property
    def is_read_only(self) -> bool:
        return self.ledger.is_read_only

    @property
    def has_writer(self) -> bool:
        return self._following.has_writer

    @property
    def is_enabled(self) -> bool:
        return self._policy.enabled

    @property
    def is_syncing(self) -> bool:
        return self.service.is_syncing

    @property
    def sync_interval(self) -> int:
        return self._policy.sync_interval

    @property
    def next_sync_at(self) -> datetime | None:
        return self.scheduler.next_sync_at

    # -- what a front end asks for ---------------------------------------------------------------

    async def sync_now(self) -> SyncResult:
        """A sync of every watched account, by hand."""
        return await self.service.request(Trigger.MANUAL)

    async def dry_run(self) -> Plan:
        """What a sync would change now. Raises `BrokerError` or `LedgerError`."""
        return await self.service.dry_run()

    async def decide(
        self,
        hold_id: int,
        *,
        accept: bool,
        note: str,
        price: Decimal | None = None,
        is_transfer: bool = False,
    ) -> None:
        """The user's word on a hold; a sync carries it out. Raises `LedgerError`."""
        await self.service.decide(hold_id, Word(accept, note, price, is_transfer))
        self._say(logging.INFO, "review", f"hold {hold_id} {'accepted' if accept else 'kept'}")
        self.bus.emit(LedgerChanged())
        self.scheduler.decided()

    def arm(self, armed: bool) -> Arming:
        """Switch `mark_missing_as_closed` by hand."""
        return self._switch.set(armed)

    def reconnect_now(self) -> None:
        self._say(logging.INFO, "connection", "reconnecting now, by hand")
        self._broker.reconnect_now()

    def pause_reconnecting(self) -> bool:
        paused = self._broker.pause_reconnecting()
        if paused:
            self._say(logging.WARNING, "connection", "reconnecting paused, by hand")
        return paused

    # -- what the broker tells -------------------------------------------------------------------

    def _on_broker_event(self, event: BrokerEvent) -> None:
        match event:
            case MarkChanged(mark=mark):
                self.bus.emit(MarkMoved(mark))
            case StateChanged(state=state):
                self._on_state(self._with_environment(state))
            case Notice(code=code, text=text, is_problem=is_problem):
                level = logging.WARNING if is_problem else logging.INFO
                self._say(level, "notice", f"{code}: {text}" if code else text)
            case _:
                if self._intake is not None:
                    self._intake.put(event)

    def _on_state(self, state: ConnectionState) -> None:
        self.bus.emit(ConnectionChanged(state))
        # A new round trip or data farm is told as a change of state, too: no news for the log.
        standing = (state.phase, state.session_id, state.sentence)
        if standing == self._standing:
            return
        before = self._standing[0]
        is_same_phase = self._standing[:2] == standing[:2]
        self._standing = standing
        calm = state.phase in (Phase.CONNECTED, Phase.CONNECTING, Phase.DISCONNECTED)
        level = logging.INFO if calm else logging.WARNING
        self._say(level, "connection", f"{state.phase.value}: {state.sentence}".rstrip(": "))
        if is_same_phase:
            return
        if state.phase is Phase.CONNECTED:
            self._tasks.spawn(self._on_connected(state))
        else:
            self._was_lost = self._was_lost or bool(self._session_seen)
            if before in (None, Phase.CONNECTED, Phase.STALE):  # A failed try loses no session.
                self._switch.session_lost()

    async def _on_connected(self, state: ConnectionState) -> None:
        try:
            book = await self.service.bind(state)
        except LedgerError as error:
            self._say(logging.ERROR, "ledger", str(error))
            return
        await self._watch(book)
        was_lost, self._was_lost = self._was_lost, False
        self.scheduler.connected(after_loss=was_lost)
        self._session_seen = state.session_id

    def _keep(self, observations: tuple[Observed, ...]) -> None:
        if self._intake is not None:
            self._intake.keep(observations)

    def _on_stored(self, batch: tuple[Observed, ...]) -> None:
        """Observations are durable: now they may trigger a sync, or start counts again."""
        for observation in batch:
            match observation:
                case Fill(account=account) if self.service.may_change(account):
                    self.scheduler.trade_executed(self.service.account_id(account))
                case Commission():
                    self.scheduler.trade_executed()
                case RowPushed(row=row):
                    if self.service.is_news(row):
                        self.scheduler.position_changed(self.service.account_id(row.account))
                case _:
                    pass

    # -- what a sync did -------------------------------------------------------------------------

    async def _on_committed(self, plan: Plan, book: Book) -> None:
        lines = await aside(len(plan.changes), partial(plan_lines, plan, self._policy.cost_method))
        for told, line in enumerate(lines, start=1):
            self._say(logging.INFO, "change", line)
            if told % _LINES_AT_ONCE == 0:
                # Thousands of lines, as after the first sync, do not stop the screen.
                await asyncio.sleep(0)
        held = [hold for hold in book.holds if hold.kind is not HoldKind.MISSING]
        if held and plan.changes:
            self._say(logging.WARNING, "held", f"{len(held)} held for review")
        if plan.changes:
            await self._watch(book)
        await self._saved_marks.save(self._broker.marks)

    async def _watch(self, book: Book) -> None:
        await self._broker.watch(frozenset(book.positions))

    def _log_results(self, event: SyncEvent) -> None:
        if isinstance(event, SyncFinished):
            result = event.result
            level = logging.INFO if result.ok else logging.WARNING
            self._say(level, "sync", result_line(result))

    def _on_arming(self, arming: Arming, why: str) -> None:
        self.bus.emit(ArmingChanged(arming))
        self._say(logging.WARNING if arming.armed else logging.INFO, "arming", why)
        if self._service is not None:
            self._tasks.spawn(self._audit(f"missing->closed: {why}"))

    async def _audit(self, text: str) -> None:
        try:
            await self.service.audit(text)
        except LedgerError as error:
            logger.warning("not journaled: %s", error)

    def _say(self, level: int, kind: str, text: str) -> None:
        logger.log(level, "%s: %s", kind, text)
        self.bus.emit(LogLine(self._clock.now(), level, kind, text))

    def _with_environment(self, state: ConnectionState) -> ConnectionState:
        if self._environment is None or state.environment is None:
            return state
        return replace(state, environment=self._environment)
