"""PositionSyncService: one sync at a time, from triggers that coalesce to a plan committed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from possync_tui.broker.port import BrokerError, BrokerPort, BrokerUnavailable, SnapshotRefused
from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import ConnectionState, Environment, environment_of
from possync_tui.domain.look import Rules
from possync_tui.domain.observations import Observed, PositionRow
from possync_tui.domain.plan import Book, OlderRules, Plan
from possync_tui.domain.planning import replan
from possync_tui.domain.position import Status
from possync_tui.domain.runs import Failure, Outcome, SyncResult, SyncStats, Trigger
from possync_tui.domain.word import Word
from possync_tui.ledger.port import LedgerError, LedgerForeign, LedgerPort
from possync_tui.sync.aside import aside, let_go, parts_of
from possync_tui.sync.batch import Batch
from possync_tui.sync.covering import NotCovered, codes_of, uncovered
from possync_tui.sync.drafting import Drafting
from possync_tui.sync.events import EventBus, LedgerChanged, LogLine, SyncFinished, SyncStarted
from possync_tui.sync.foreign import without_foreign
from possync_tui.sync.grace import Grace
from possync_tui.sync.histories import linked_histories
from possync_tui.sync.policy import SyncPolicy
from possync_tui.sync.rules import accounts_missing, rules_of
from possync_tui.sync.wording import counted

logger = logging.getLogger(__name__)

Committed = Callable[[Plan, Book], Awaitable[None]]


class PositionSyncService:
    """Keeps the ledger equal to the broker. A failure is a result, never an exception."""

    def __init__(
        self,
        *,
        broker: BrokerPort,
        ledger: LedgerPort,
        policy: SyncPolicy,
        clock: Clock,
        bus: EventBus,
        may_close_missing: Callable[[], bool],
        on_committed: Committed,
        keep: Callable[[tuple[Observed, ...]], None] = lambda _: None,
        environment: Environment | None = None,
    ) -> None:
        self._broker = broker
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self._grace = Grace(policy.grace, clock)
        self._bus = bus
        self._may_close_missing = may_close_missing
        self._on_committed = on_committed
        self._drafting = Drafting(broker, ledger, policy, self._record_and_place, may_close_missing)
        self._keep = keep
        self._environment = environment
        self._bound_session: str | None = None
        self._book: Book | None = None
        self._known = Book()
        self._waiting: Batch | None = None
        self._flight: asyncio.Task[None] | None = None
        # How often the book has become out of date: also one that is being read just now.
        self._forgotten = 0
        # One plan at a time. What is observed meanwhile is stored at once: the ledger knows how far
        # a plan has looked, and leaves what came since to the next one.
        self._turn = asyncio.Lock()
        self.stats = SyncStats()

    @property
    def is_syncing(self) -> bool:
        return self._flight is not None

    async def load(self) -> Book:
        """Read the counters and the book; what older rules made of it is planned again first."""
        self.stats = await self._ledger.stats()
        if (older := await self._ledger.older_rules()) is not None:
            await self.replan(Trigger.RULES, older=older)
        return await self._reload()

    async def sync_positions(self, account_id: int | None = None) -> SyncResult:
        """Sync one account, the default one where none is named; returns outcome and counts.

        One that is not watched, not listed by the login or not accepted yet is a failed sync.
        Called while a sync runs, it waits for the next one. Never raises for a failed sync.
        """
        return await self.request(Trigger.MANUAL, account_id or self._policy.default_account_id)

    async def request(self, trigger: Trigger, account_id: int | None = None) -> SyncResult:
        """Ask for a sync of an account (`None`: every watched one) and wait for its result."""
        if self._waiting is None:
            self._waiting = Batch(trigger, set(), everything=False)
        batch = self._waiting
        batch.join(trigger, account_id)
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly(), name="sync")
        return await batch.answer_for(account_id)

    async def record(self, observations: tuple[Observed, ...]) -> int:
        """Store observations durably, each once; returns how many were new."""
        bound, given = self._ledger.environment, self._environment
        observations = without_foreign(observations, self._known, bound, given)
        if not observations:
            return 0
        try:
            new = await self._ledger.record(observations)
        except BaseException:
            # Also when the wait is cancelled after the write, the book counts as out of date.
            self._forget_book()
            raise
        if new:
            self._forget_book()
        return new

    async def _record_and_place(self, observations: tuple[Observed, ...]) -> int:
        try:
            await self.record(observations)
        except (LedgerError, asyncio.CancelledError):
            # After midnight TWS does not send them again: they wait until the ledger takes them.
            # A look that runs out of time while they are being stored is cancelled.
            self._keep(observations)
            raise
        return self._ledger.last_seq

    async def book(self) -> Book:
        """The book as the inbox and the last commit left it."""
        return self._book if self._book is not None else await self._reload()

    async def dry_run(self) -> Plan:
        """The plan of a sync now, not committed. Raises `BrokerError` or `LedgerError`."""
        if not self._broker.state.is_usable:
            raise BrokerUnavailable(self._broker.state.sentence or "Not connected to TWS.")
        await self.bind(self._broker.state)
        rules = self._rules(None)
        look = await self._drafting.look()
        async with self._turn:
            draft, _ = await self._drafting.draft(look, rules, await self.book())
            return draft.plan

    async def bind(self, state: ConnectionState) -> Book:
        """Meet the accounts of a session, once: its environment has to be the ledger's.

        Raises `LedgerForeign` after ending the session: only the user can mend that.
        """
        if state.session_id == self._bound_session:
            return await self.book()
        environment = self._environment or environment_of(state.accounts)
        async with self._turn:
            try:
                await self._ledger.bind(environment, state.accounts)
            except LedgerForeign as foreign:
                self._broker.refuse(str(foreign))
                raise
            self._bound_session = state.session_id
            return await self._reload()

    async def decide(self, hold_id: int, word: Word) -> None:
        """Journal the user's word on a hold; the next sync carries it out. Raises `LedgerError`."""
        async with self._turn:
            # Decisions stand among fills, and so on the broker's clock.
            skew = timedelta(seconds=self._broker.state.clock_skew or 0.0)
            at = self._clock.now() + skew
            try:
                await self._ledger.decide(
                    hold_id,
                    accept=word.accept,
                    note=word.note,
                    at=at,
                    price=word.price,
                    is_transfer=word.is_transfer,
                )
            finally:
                self._forget_book()

    async def audit(self, text: str) -> None:
        """A line for the journal alone. Raises `LedgerError`."""
        async with self._turn:
            await self._ledger.journal_remark(text, at=self._clock.now())

    def is_news(self, row: PositionRow) -> bool:
        """Whether a pushed row says something that the last committed sync did not."""
        if row.account not in self._known.accounts or not self.may_change(row.account):
            return False
        if self._flight is not None:
            # What the sync under way will have committed is not known yet.
            return True
        known = self._known.positions.get(row.key)
        if known is None or known.row is None:
            return bool(row.quantity)
        return known.is_absent or not known.row.says_same_as(row)

    def may_change(self, code: str) -> bool:
        """Whether a sync may change this account; of one that is not known yet, it may."""
        known, watched = self._known.accounts.get(code), self._policy.accounts
        return known is None or (known.is_accepted and (not watched or code in watched))

    def account_id(self, code: str) -> int | None:
        """The id that this ledger gave to an account, if it knows it."""
        known = self._known.accounts.get(code)
        return known.account_id if known else None

    async def replan(
        self,
        trigger: Trigger,
        observations: Sequence[Observed] = (),
        *,
        older: OlderRules | None = None,
    ) -> tuple[SyncResult, Plan]:
        """Store observations that no session brought, and commit what they change.

        With `older`, all that older rules made is planned again: entries that are there follow the
        rules whatever the settings say. Works without a broker. Raises `LedgerError`.
        """
        started, began = self._clock.now(), self._clock.monotonic()
        async with self._turn:
            await self._ledger.record(observations)
            book = await self._reload()
            keys = book.touched if older is None else older.keys
            without_pnl = keys if older is None else older.without_pnl
            histories = await linked_histories(self._ledger, keys)
            plan = replan(
                book,
                histories,
                stored=await self._ledger.stored_lives(histories),
                as_of=started,
                without_pnl=frozenset() if self._policy.calculate_realized_pnl else without_pnl,
                older=older,
            )
            run = SyncResult(Outcome.COMMITTED, trigger, started, self._elapsed(began))
            result = await self._ledger.commit(plan, counted(run, plan, book))
            self._forget_book()
            book = await self._reload()
        self.stats = self.stats.after(result)
        self._bus.emit(LedgerChanged())
        return replace(result, held=book.held), plan

    async def settle(self) -> None:
        """Wait until no sync is under way; the one in flight finishes its commit."""
        while self._flight is not None:
            await asyncio.wait([self._flight])

    async def _fly(self) -> None:
        # Under an eager task factory this body would otherwise run before `_flight` is set.
        await asyncio.sleep(0)
        try:
            while self._waiting is not None:
                batch, self._waiting = self._waiting, None
                try:
                    result = await self._sync(batch)
                except asyncio.CancelledError:
                    # The loop is ending; nobody should wait for this for ever.
                    batch.answer.cancel()
                    raise
                batch.answer.set_result(result)
                self._bus.emit(SyncFinished(result))
        finally:
            self._flight = None

    async def _sync(self, batch: Batch) -> SyncResult:
        started, began = self._clock.now(), self._clock.monotonic()
        result = SyncResult(Outcome.FAILED, batch.trigger, started, 0.0)
        if self._ledger.is_read_only:
            why = "another instance writes this ledger; this one only reads it"
            return replace(result, outcome=Outcome.SKIPPED, error=why, failure=Failure.LEDGER)
        if not self._broker.state.is_usable:
            why = self._broker.state.sentence or "not connected to TWS"
            return replace(result, outcome=Outcome.SKIPPED, error=why, failure=Failure.BROKER)
        why = accounts_missing(self._policy, self._broker.state.accounts)
        if why:
            return await self._conclude(replace(result, error=why, failure=Failure.SETTINGS))
        self._bus.emit(SyncStarted(batch.trigger, started))
        try:
            result = await self._look_and_commit(batch, result, began)
        except SnapshotRefused as refused:
            result = self._failed(result, began, Outcome.REFUSED, Failure.SNAPSHOT, str(refused))
        except BrokerError as error:
            result = self._failed(result, began, Outcome.FAILED, Failure.BROKER, str(error))
        except NotCovered as why_not:
            result = self._failed(result, began, Outcome.FAILED, Failure.SETTINGS, str(why_not))
        except LedgerError as error:
            self._forget_book()
            result = self._failed(result, began, Outcome.FAILED, Failure.LEDGER, str(error))
        except Exception as bug:
            # A sync failure never reaches the caller that traded (promise 9); the loop goes on.
            logger.exception("sync failed unexpectedly")
            self._forget_book()
            why = f"unexpected {type(bug).__name__}; the log has the details"
            result = self._failed(result, began, Outcome.FAILED, Failure.INTERNAL, why)
        return await self._conclude(result)

    async def _look_and_commit(self, batch: Batch, result: SyncResult, began: float) -> SyncResult:
        await self.bind(self._broker.state)
        rules = await self._rules_for(batch)
        is_last_look = False
        while True:
            look = await self._drafting.look()
            async with self._turn:
                book = await self.book()
                draft, waiting = await self._drafting.draft(look, rules, book)
                if self._grace.is_over(look, draft) or is_last_look:
                    result = replace(result, duration_ms=self._elapsed(began))
                    plan, before = draft.plan, book
                    result = await aside(len(plan.changes), partial(counted, result, plan, before))
                    committed = await self._ledger.commit(plan, result)
                    # Before the turn ends: who is next in it must not plan on the book of before.
                    self._forget_book()
                    break
            logger.info("%d changes without a fill: looking again", len(draft.unexplained))
            await self._grace.wait()
            is_last_look = True
        self._tell_put_off(batch, book, waiting)
        book = await self._reload()
        missing = sum(1 for p in book.positions.values() if p.status is Status.MISSING)
        try:
            await self._on_committed(plan, book)
        except Exception:
            # The plan is committed: what follows from it cannot make the sync a failed one.
            logger.exception("after a committed sync")
        remains = parts_of(plan, before)
        del draft, plan, before
        await let_go(remains)
        return replace(committed, held=book.held, missing=missing)

    def _tell_put_off(self, batch: Batch, book: Book, waiting: Mapping[str, str]) -> None:
        for code, why in waiting.items():
            batch.put_off[book.accounts[code].account_id] = why
            text = f"{code} is not taken up yet. {why}"
            logger.warning("first look: %s", text)
            self._bus.emit(LogLine(self._clock.now(), logging.WARNING, "first look", text))

    async def _rules_for(self, batch: Batch) -> Rules:
        book, listed = await self.book(), self._broker.state.accounts
        batch.not_covered = uncovered(self._policy, book, listed, batch.accounts)
        codes = None if batch.everything else codes_of(book, batch.accounts, batch.not_covered)
        return self._rules(codes)

    def _rules(self, accounts: tuple[str, ...] | None) -> Rules:
        return rules_of(self._policy, accounts, is_armed=self._may_close_missing())

    def _failed(
        self, result: SyncResult, began: float, outcome: Outcome, failure: Failure, why: str
    ) -> SyncResult:
        elapsed = self._elapsed(began)
        return replace(result, outcome=outcome, failure=failure, error=why, duration_ms=elapsed)

    async def _conclude(self, result: SyncResult) -> SyncResult:
        if not result.ok:
            try:
                result = await self._ledger.record_run(result)
            except LedgerError as error:
                logger.error("the failed sync could not be recorded: %s", error)
        self.stats = self.stats.after(result)
        self._bus.emit(LedgerChanged())
        return result

    async def _reload(self) -> Book:
        before = self._forgotten
        book = self._known = await self._ledger.book()
        if before == self._forgotten:
            self._book = book
        return book

    def _forget_book(self) -> None:
        self._book = None
        self._forgotten += 1

    def _elapsed(self, began: float) -> float:
        return (self._clock.monotonic() - began) * 1000.0
