"""One session with TWS: opened once, thrown away after any doubt, never used again."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from possync_tui.broker.codes import (
    Effect,
    Meaning,
    clean,
    described,
    farm_in,
    is_warning,
    meaning_of,
)
from possync_tui.broker.context import SessionContext
from possync_tui.broker.endings import (
    Ending,
    ending_of,
    ending_of_login,
    ending_of_socket,
    no_answer_at,
    silent_tws,
    strange_accounts,
)
from possync_tui.broker.executions import ExecutionReports
from possync_tui.broker.feed import MarksFeed
from possync_tui.broker.marks import MarkBook
from possync_tui.broker.options import SessionOptions
from possync_tui.broker.port import BrokerUnavailable, Listener, Notice, RequestRefused
from possync_tui.broker.positions import Positions
from possync_tui.broker.pulse import PARTED_SECONDS, ClockWatch, Skew
from possync_tui.broker.quoting import Quoting, Units
from possync_tui.broker.rows import RowReader
from possync_tui.broker.wire import MessageHandler, Wire
from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import unlike_accounts
from possync_tui.domain.observations import ConnectivityLost

logger = logging.getLogger(__name__)

_NO_REQUEST: Final = -1
_MOST_FARMS: Final = 40
_MOST_REMEMBERED: Final = 1000
_REPEAT_SECONDS: Final = 60.0


class Link:
    """A session: its socket, what receives its messages, its heartbeat, and why it ended.

    `emit` gets what is observed, `on_change` is called when the look of the link changed. `ended`
    is done as soon as the session is over, with the reason.
    """

    def __init__(
        self,
        session_id: str,
        options: SessionOptions,
        clock: Clock,
        reader: RowReader,
        book: MarkBook,
        quoting: Quoting,
        emit: Listener,
        on_change: Callable[[], None],
    ) -> None:
        self.session_id = session_id
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.server_version: int | None = None
        self.accounts: tuple[str, ...] = ()
        self.lost: Meaning | None = None
        self.lost_code: int | None = None
        self.farms: dict[str, bool] = {}
        self.round_trip_ms: float | None = None
        self.skew = Skew()
        self._is_time_doubted = False
        self._options = options
        self._clock = clock
        self._emit = emit
        self._on_change = on_change
        self._clock_watch = ClockWatch(clock)
        self._seen_alive_at: float | None = None
        self._told: dict[Notice, float] = {}
        self._tick: asyncio.Future[int] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._wire = Wire(self._on_undecodable, self._on_lost_socket)
        context = SessionContext(
            session_id,
            emit,
            self.broker_now,
            self.end,
            self._check_usable,
            knows_clock=self._knows_clock,
        )
        self._positions = Positions(
            context, reader, self._wire.request_positions, self._clock_doubt, quoting.saw
        )
        next_id = self._wire.next_request_id
        self._units = Units(
            context,
            quoting,
            next_id,
            self._wire.request_contract,
            lambda: self._wire.server_version,
        )
        self._executions = ExecutionReports(
            context, reader, next_id, self._wire.request_executions, self._units
        )
        self.feed = MarksFeed(
            context,
            self._wire,
            reader,
            book,
            clock,
            max_subscriptions=options.max_pnl_subscriptions,
            portfolio_interval=options.portfolio_interval,
            until_idle=self._positions.until_idle,
        )
        self.snapshot = self._positions.snapshot
        self.executions = self._executions.executions
        self._wire.handle(self._handlers(), {61: self._positions.on_row})

    def _handlers(self) -> dict[int, MessageHandler]:
        return {
            4: self._on_message,
            6: self.feed.on_account_value,
            7: self.feed.on_portfolio,
            10: self._units.on_details,
            11: self._executions.on_execution,
            15: self._on_accounts,
            49: self._on_current_time,
            55: self._executions.on_end,
            59: self._executions.on_commission,
            62: self._positions.on_end,
            95: self.feed.on_pnl,
        }

    # --- life --------------------------------------------------------------------------------

    async def open(self, host: str, port: int, client_id: int) -> Ending | None:
        """Connect and log in. The reason why not, or `None` when the session is up."""
        connecting = asyncio.create_task(self._wire.connect(host, port, client_id))
        try:
            waits: set[asyncio.Future[Any]] = {connecting, self.ended}
            await asyncio.wait(
                waits,
                timeout=self._options.connect_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not self.ended.done():
                self._judge_login(connecting, f"{host}:{port}")
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        if self.ended.done():
            return self.ended.result()
        accounts = self._wire.accounts
        strange = set(unlike_accounts(accounts)) - set(self._options.named_accounts)
        if strange or not accounts:
            self.end(strange_accounts(sorted(strange)))
            return self.ended.result()
        self.server_version = self._wire.server_version
        self.accounts = accounts
        self._positions.admit(self.accounts)
        self._executions.admit(self.accounts)
        return None

    def _judge_login(self, connecting: asyncio.Task[None], where: str) -> None:
        if not connecting.done():
            self.end(no_answer_at(where))
            return
        failure = connecting.exception()
        if failure is not None:
            logger.info("the login at %s failed", where, exc_info=failure)
            self.end(ending_of_login(where, failure))

    def begin(self) -> None:
        """Start the heartbeat and the live values of an open session."""
        for name, work in (
            ("heartbeat", self._heartbeats()),
            ("P&L subscriptions", self.feed.subscribe_all()),
            ("portfolio rotation", self.feed.rotate_portfolios()),
        ):
            self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def _keep(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run `work` until it is cancelled; without it the session is worth nothing."""
        try:
            await work
        except ConnectionError as error:
            self.end(Ending(f"The connection to TWS ended: {error}."))
        except Exception:
            logger.exception("the %s of the broker session failed", name)
            self.end(Ending(f"The {name} failed (see the log); a new session is opened."))

    def end(self, ending: Ending) -> None:
        """Throw the session away. The first reason counts; everyone who waits hears it."""
        if self.ended.done():
            return
        self.ended.set_result(ending)
        self._wire.mute()
        self._positions.fail(BrokerUnavailable(ending.sentence))
        self._executions.fail(BrokerUnavailable(ending.sentence))
        self._units.end()
        self._on_change()

    async def close(self) -> None:
        """End every task of the session and close its socket."""
        self.end(Ending("The session was closed."))
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            # Also when the wait is cancelled: the program may be ending just now.
            await self._wire.close()

    def broker_now(self) -> datetime:
        """The time on the broker's clock: ours plus the measured skew."""
        return self.skew.applied_to(self._clock_watch.now())

    def _knows_clock(self) -> bool:
        return self.skew.seconds is not None and not self._clock_watch.has_jumped

    def _check_usable(self) -> None:
        if self.ended.done():
            raise BrokerUnavailable(self.ended.result().sentence)
        if self.lost is not None:
            raise BrokerUnavailable(self.lost.sentence)

    # --- heartbeat ---------------------------------------------------------------------------

    async def _heartbeats(self) -> None:
        while True:
            await self._beat()
            await self._clock.sleep(self._options.heartbeat_interval)

    async def _beat(self) -> None:
        """Ask for the time. No answer means that the socket is only half open."""
        doubt = self._clock_doubt()
        if doubt:
            self.end(Ending(f"{doubt} A new session is opened."))
            return
        asked_at, asked = self._clock.now(), self._clock.monotonic()
        self._tick = asyncio.get_running_loop().create_future()
        self._wire.request_current_time()
        try:
            async with asyncio.timeout(self._options.heartbeat_timeout):
                broker_seconds = await self._tick
        except TimeoutError:
            self.end(silent_tws())
            return
        self.round_trip_ms = (self._clock.monotonic() - asked) * 1000
        if not self.skew.add(asked_at, self._clock.now(), broker_seconds):
            self._doubt_time(broker_seconds)
        self._look_for_recovery()
        self._on_change()

    def _doubt_time(self, broker_seconds: int) -> None:
        """TWS answers, so the session lives; its time is not used."""
        if not self._is_time_doubted:
            self._is_time_doubted = True
            told = datetime.fromtimestamp(broker_seconds, UTC)
            text = f"TWS says that it is {told:%Y-%m-%d %H:%M:%S} UTC, more than a day off this"
            self._emit(Notice(None, f"{text} computer's clock: it is not believed.", True))

    def _clock_doubt(self) -> str:
        """A sentence if the machine slept or its clock was set since the last look."""
        parted = self._clock_watch.parted()
        if abs(parted) <= PARTED_SECONDS:
            return ""
        return f"The computer slept, or its clock was set, by {parted:.0f} s."

    def _look_for_recovery(self) -> None:
        """TWS does not always say that it is back (2110 heals by itself): then begin anew."""
        seen = self._seen_alive_at
        if self.lost is None or seen is None:
            return
        if self._clock.monotonic() - seen >= self._options.recovery_grace:
            self.end(Ending("TWS reaches IBKR again; a new session is opened."))

    def _on_current_time(self, fields: list[str]) -> None:
        text = fields[2]
        # Eleven digits reach far beyond any time that fits a calendar here.
        if self._tick is not None and not self._tick.done() and len(text) <= 11:
            self._tick.set_result(int(text))

    # --- what TWS says -----------------------------------------------------------------------

    def _on_accounts(self, fields: list[str]) -> None:
        now = {code for code in fields[2].split(",") if code}
        if self.accounts and now != set(self.accounts):
            self.end(Ending("The accounts of the TWS login changed; a new session is opened."))

    def _on_undecodable(self, message: str) -> None:
        text = f"A message of TWS could not be read: {clean(message, 160)}"
        self._positions.taint(text)
        self._executions.taint()
        self._emit(Notice(None, text, is_problem=True))

    def _on_lost_socket(self, message: str) -> None:
        is_open = self.server_version is not None
        self.end(ending_of_socket(message, self._wire.refused_version, is_open=is_open))

    def _on_message(self, fields: list[str]) -> None:
        """Message 4: errors, warnings and notices, told apart by their code."""
        request_id, code, text = int(fields[2]), int(fields[3]), clean(fields[4])
        if self._concerns_request(request_id, code, text):
            return
        meaning = meaning_of(code)
        if meaning.effect is Effect.SILENT:
            logger.debug("IBKR %s: %s", code, text)
            return
        self._tell_once(Notice(code, described(code, text), meaning.is_problem))
        self._apply(meaning, code, text, is_general=request_id == _NO_REQUEST)

    def _tell_once(self, notice: Notice) -> None:
        """Tell it, unless the very same was told within the last minute."""
        now = self._clock.monotonic()
        if now - self._told.get(notice, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[notice] = now
        self._emit(notice)

    def _concerns_request(self, request_id: int, code: int, text: str) -> bool:
        """An error for a request of ours fails that, and nothing else."""
        if request_id == _NO_REQUEST or is_warning(code):
            return False
        sentence = described(code, text)
        if self._executions.is_asking(request_id):
            why = f"TWS refused to send fills ({code}): {sentence}"
            self._executions.fail(RequestRefused(code, why))
        elif self._units.refuse(request_id, f"{code}: {sentence}"):
            return True
        elif not self.feed.refuse(request_id):
            return False
        self._tell_once(Notice(code, sentence, is_problem=True))
        return True

    def _apply(self, meaning: Meaning, code: int, text: str, *, is_general: bool) -> None:
        ending = ending_of(meaning, code, text)
        if ending is not None:
            self.end(ending)
        elif meaning.effect is Effect.LOST:
            self._lose(meaning, code)
        elif meaning.effect in (Effect.RESTORED, Effect.RESTORED_ANEW):
            self._restore(meaning, code)
        elif meaning.effect in (Effect.FARM_UP, Effect.FARM_DOWN):
            self._note_farm(farm_in(text), is_up=meaning.effect is Effect.FARM_UP)
        elif meaning.effect is Effect.REQUEST_FAILED and is_general:
            self.feed.shun_portfolio()
            self._positions.refuse(f"TWS did not send positions ({code}: {text}).")
        elif meaning.effect is Effect.PORTFOLIO_TAKEN:
            self.feed.shun_portfolio()
        elif meaning.effect is Effect.UNKNOWN and is_general:
            self._positions.taint(f"TWS sent error {code} meanwhile ({text})")

    def _lose(self, meaning: Meaning, code: int) -> None:
        self.lost, self.lost_code, self._seen_alive_at = meaning, code, None
        self._doubt_answers(f"TWS lost IBKR while it was answering ({code})")
        self._emit(ConnectivityLost(code, self.broker_now(), self.session_id))
        self._on_change()

    def _restore(self, meaning: Meaning, code: int) -> None:
        if self.lost is None:
            # The loss went unannounced; it counts all the same, and a resync must follow.
            self._lose(meaning, code)
        self._doubt_answers(f"TWS regained IBKR while it was answering ({code})")
        self.lost = self.lost_code = None
        if meaning.effect is Effect.RESTORED_ANEW:
            self.feed.resubscribe()
        self._on_change()

    def _doubt_answers(self, why: str) -> None:
        self._positions.doubt_link(why)
        self._executions.doubt_link(why)

    def _note_farm(self, farm: str, *, is_up: bool) -> None:
        if is_up and self.lost is not None and self._seen_alive_at is None:
            self._seen_alive_at = self._clock.monotonic()
        if farm and (farm in self.farms or len(self.farms) < _MOST_FARMS):
            self.farms[farm] = is_up
            self._on_change()
