"""The broker that the rest of the program sees: it connects, and connects again, by itself.

Each session is a new `Link`. After any doubt the link is thrown away and, after a pause that grows
with the number of failures, another one is opened. Importing this loads no broker library.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from possync_tui.broker import many_accounts
from possync_tui.broker.client_ids import ClientIds
from possync_tui.broker.endings import Ending
from possync_tui.broker.fill_times import FillTimes
from possync_tui.broker.library import load_library
from possync_tui.broker.link import Link
from possync_tui.broker.marks import MarkBook
from possync_tui.broker.options import SessionOptions
from possync_tui.broker.port import (
    BrokerEvent,
    BrokerUnavailable,
    Executions,
    Listener,
    StateChanged,
)
from possync_tui.broker.ports import Ports
from possync_tui.broker.quoting import Quoting
from possync_tui.broker.retries import Retries
from possync_tui.broker.rows import RowReader
from possync_tui.broker.wire_times import chosen_zone
from possync_tui.domain.clock import Clock, SystemClock
from possync_tui.domain.connection import ConnectionState, Phase, environment_of
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Snapshot
from possync_tui.domain.rates import Rates

Admit = Callable[[tuple[str, ...]], str | None]
"""Judges the accounts of a login: `None`, or the sentence why they are refused."""

logger = logging.getLogger(__name__)

_PAUSED: Final = "Paused by you: nothing is tried until you reconnect."


class IbkrBroker:
    """`BrokerPort` over TWS or IB Gateway.

    `admit` is asked on every login before the session counts as connected; what it refuses needs
    the user. `StateChanged` also tells a new round trip, skew or farm: the state went into another
    phase only where `phase`, `since` or `session_id` differ.
    """

    def __init__(
        self,
        options: SessionOptions,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        admit: Admit | None = None,
    ) -> None:
        self._options = options
        self._clock: Clock = clock or SystemClock()
        self._rng = rng or random.Random()
        self._admit = admit or (lambda _accounts: None)
        self._fill_times = FillTimes(chosen_zone(options.tws_timezone))
        self._ports = Ports(options.port)
        self._listeners: list[Listener] = []
        self._book = MarkBook()
        self._quoting = Quoting()
        self._watched: frozenset[PositionKey] = frozenset()
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._retries = Retries(options, self._clock, self._rng)
        self._moved = asyncio.Event()
        self._seconds_up = 0.0
        self._ids = ClientIds(options)
        started = self._clock.now()
        self._state = ConnectionState(
            phase=Phase.DISCONNECTED,
            host=options.host,
            port=options.port,
            client_id=next(iter(self._ids.choices())),
            since=started,
            down_since=started,
            sentence="Not connected yet.",
            environment=options.environment,
        )

    # --- what the port promises --------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        return self._state

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        return self._book.marks

    @property
    def rates(self) -> Rates:
        return self._book.rate_book.rates()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event; what it raises is logged and hurts nobody else."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    async def start(self, fills_known_until: Mapping[str, datetime] | None = None) -> None:
        """Begin connecting, in the background; returns at once."""
        self._fill_times.asked_at.update(fills_known_until or {})
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="broker session")

    async def stop(self) -> None:
        """Disconnect and end every task; may be started again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        gone = self._state.without_session()
        self._show(replace(gone, phase=Phase.DISCONNECTED, sentence="Disconnected.", code=None))

    async def connected(self, timeout: float) -> ConnectionState:
        """Wait for a usable session. Raises `BrokerUnavailable`."""
        try:
            async with asyncio.timeout(timeout):
                while not self._state.is_usable:
                    if self._state.phase is Phase.FAILED:
                        raise BrokerUnavailable(self._state.sentence)
                    await self._moved.wait()
        except TimeoutError:
            where = f"{self._state.host}:{self._state.port}"
            why = f"TWS at {where} gave no usable session within {timeout:g} s."
            raise BrokerUnavailable(f"{why} {self._state.last_error}".rstrip()) from None
        return self._state

    async def executions(self, timeout: float) -> Executions:
        """Today's fills. Raises `BrokerError`; a failure is never an empty answer."""
        return await self._usable_link().executions(timeout)

    async def snapshot(self, timeout: float) -> Snapshot:
        """A complete snapshot. Raises `SnapshotRefused` or another `BrokerError`."""
        link = self._usable_link()
        with many_accounts.explained(link.accounts):
            return await link.snapshot(timeout)

    async def watch(self, keys: frozenset[PositionKey]) -> None:
        """Ask for live values of these positions, in this session and those to come."""
        self._watched = keys
        self._book.keep_only(keys)
        if self._link is not None:
            self._link.feed.watch(keys)

    def refuse(self, sentence: str) -> None:
        """End the session and stay out until the user has mended what `sentence` says."""
        if self._link is not None:
            self._link.end(Ending(sentence, needs_user=True))

    def reconnect_now(self) -> None:
        """Do not wait for the next try, and try again after a pause or what needed the user.

        A session that stands is replaced by a new one.
        """
        if self._link is not None:
            self._retries.now()
            self._link.end(Ending("A new session was asked for.", is_asked=True))
        elif self._is_waiting or self._retries.is_held:
            # A failure seen before this call must not answer whoever waits from now on.
            now = replace(self._state, phase=Phase.CONNECTING, sentence="Connecting.")
            self._show(replace(now, code=None, next_try_at=None, is_paused=False))
            self._retries.now()
            if self._task is not None and self._task.done():
                self._task = asyncio.create_task(self._run(), name="broker session")

    def pause_reconnecting(self) -> bool:
        """Try nothing more until `reconnect_now`; a try under way ends first.

        False while a session stands: it stays, and so nobody forgets a pause over it.
        """
        if self._link is not None or self._state.phase is Phase.FAILED:
            return False
        self._retries.hold()
        return True

    @property
    def _is_waiting(self) -> bool:
        return self._state.phase in (Phase.RECONNECTING, Phase.FAILED) or self._state.is_paused

    def _usable_link(self) -> Link:
        if self._link is None:
            raise BrokerUnavailable(self._state.sentence)
        return self._link

    # --- sessions, one after the other -------------------------------------------------------

    async def _run(self) -> None:
        try:
            await load_library()
            await self._connect_forever()
        except Exception as error:
            logger.exception("the broker session ended unexpectedly")
            sentence = f"The broker session ended unexpectedly ({error}); the log has details."
            self._show_ending(Phase.FAILED, Ending(sentence))

    async def _connect_forever(self) -> None:
        failures = 0
        while True:
            self._retries.forget()
            self._seconds_up = 0.0
            ending = await self._one_session(attempt=failures)
            self._ports.after(ending)
            logger.info("broker session over: %s %s", ending.sentence, ending.detail)
            if ending.needs_user:
                self._show_ending(Phase.FAILED, ending)
                await self._stay_out(ending)
                failures = 0
            else:
                settled = self._seconds_up >= self._options.settled_after
                failures = 1 if settled else failures + 1
                await self._pause(ending, failures)

    async def _one_session(self, attempt: int) -> Ending:
        """Connect with the first client id that is free, and stay until the session is over."""
        ending = Ending("")
        for client_id in self._ids.choices():
            ending = await self._session_as(client_id, attempt)
            if not ending.is_id_taken:
                return ending
        return self._ids.judge_taken(ending)

    async def _session_as(self, client_id: int, attempt: int) -> Ending:
        self._show(
            replace(
                self._state.without_session(),
                phase=Phase.CONNECTING,
                client_id=client_id,
                port=self._ports.now,
                attempt=attempt,
                next_try_at=None,
                sentence=f"Connecting to {self._options.host}:{self._ports.now}.",
                code=None,
            )
        )
        self._fill_times.forget_old(self._clock.now())
        link = Link(
            session_id=f"{self._clock.now():%Y%m%dT%H%M%S}-{self._rng.getrandbits(32):08x}",
            options=self._options,
            clock=self._clock,
            reader=RowReader(self._fill_times),
            book=self._book,
            quoting=self._quoting,
            emit=self._emit,
            on_change=self._refresh,
        )
        try:
            ending = await link.open(self._options.host, self._ports.now, client_id)
            if ending is None:
                self._ids.got(client_id)
                self._ports.reached()
                ending = self._refusal_of(link.accounts) or await self._serve(link)
            return ending
        finally:
            self._link = None
            await link.close()

    def _refusal_of(self, accounts: tuple[str, ...]) -> Ending | None:
        sentence = self._admit(accounts)
        if sentence is None:
            return None
        self._show(replace(self._state, accounts=accounts))
        return Ending(sentence, needs_user=True)

    async def _serve(self, link: Link) -> Ending:
        """The session is up: be its face until it ends."""
        since = self._clock.monotonic()
        self._link = link
        self._retries.succeed()
        self._book.begin_session(link.session_id)
        link.feed.watch(self._watched)
        link.begin()
        self._refresh()
        if (told := many_accounts.notice_of(link.accounts)) is not None:
            self._emit(told)
        # Waiting like this leaves the future alone when this task is cancelled.
        await asyncio.wait({link.ended})
        self._seconds_up = self._clock.monotonic() - since
        return link.ended.result()

    async def _pause(self, ending: Ending, failures: int) -> None:
        """Wait before the next try; `reconnect_now` ends it, `pause_reconnecting` draws it out."""
        retries = self._retries
        delay = retries.delay(failures)
        next_try_at = self._clock.now() + timedelta(seconds=delay)
        if not retries.is_wanted_now and not retries.is_held:
            self._show_ending(Phase.RECONNECTING, ending, attempt=failures, next_try_at=next_try_at)
        await retries.pass_by(delay)
        if retries.is_held:
            self._show_paused(ending, failures)
            await self._stay_out(ending, failures)

    async def _stay_out(self, ending: Ending, failures: int = 0) -> None:
        """Try nothing until the user asks for it. One who thinks better of it pauses again."""
        while True:
            await self._retries.wished()
            if not self._retries.is_held:
                return
            self._show_paused(ending, failures)

    def _show_paused(self, ending: Ending, failures: int) -> None:
        self._show_ending(Phase.DISCONNECTED, ending, attempt=failures)
        self._show(replace(self._state, sentence=_PAUSED, code=None, is_paused=True))

    # --- what others see ---------------------------------------------------------------------

    def _refresh(self) -> None:
        """Show the link as it is now."""
        link = self._link
        if link is None:
            return
        if link.ended.done():
            # At once, so that whoever was refused can wait for the session after this one.
            ending = link.ended.result()
            self._show_ending(ending.phase, ending)
            return
        lost = link.lost
        self._show(
            replace(
                self._state,
                phase=Phase.STALE if lost else Phase.CONNECTED,
                sentence=lost.sentence if lost else f"Connected as client {self._state.client_id}.",
                code=link.lost_code,
                attempt=0,
                next_try_at=None,
                session_id=link.session_id,
                server_version=link.server_version,
                accounts=link.accounts,
                environment=self._options.environment or environment_of(link.accounts),
                round_trip_ms=link.round_trip_ms,
                clock_skew=link.skew.seconds,
                farms=tuple(sorted(link.farms.items())),
            ),
            is_error=lost is not None,
        )

    def _show_ending(
        self,
        phase: Phase,
        ending: Ending,
        *,
        attempt: int = 0,
        next_try_at: datetime | None = None,
    ) -> None:
        self._show(
            replace(
                self._state.without_session(),
                phase=phase,
                sentence=ending.sentence,
                code=ending.code,
                attempt=attempt,
                next_try_at=next_try_at,
            ),
            is_error=not ending.is_asked,
        )

    def _show(self, state: ConnectionState, *, is_error: bool = False) -> None:
        """Go into a state, and tell it if anything is new."""
        before = self._state
        state = state.after(before, self._clock.now())
        if is_error and (state.phase is not before.phase or state.sentence != before.sentence):
            state = state.with_error(self._clock.now())
        if state == before:
            return
        self._state = state
        self._moved.set()
        self._moved = asyncio.Event()
        self._emit(StateChanged(state))

    def _emit(self, event: BrokerEvent) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener failed on %s", type(event).__name__)
