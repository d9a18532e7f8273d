"""Fills and commission reports: those that were asked for, and those that TWS pushes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from possync_tui.broker.context import SessionContext
from possync_tui.broker.endings import Ending
from possync_tui.broker.port import (
    BrokerError,
    BrokerTimeout,
    BrokerUnavailable,
    Executions,
    Notice,
)
from possync_tui.broker.quoting import Units
from possync_tui.broker.rows import RowReader, UnreadableRow
from possync_tui.domain.observations import Commission, Fill


@dataclass(slots=True)
class _Flight:
    """A request for executions that is not answered to its end yet."""

    request_id: int
    asked_at: datetime
    done: asyncio.Future[None]
    is_whole: bool
    fills: list[Fill] = field(default_factory=list)
    commissions: list[Commission] = field(default_factory=list)
    link_doubt: str = ""
    waiting: int = 0
    has_ended: bool = False


class ExecutionReports:
    """Receives the executions of one session. One request is in flight at a time.

    Commission reports carry no request id: those that come during a request go with its answer,
    others are events. When a request fails, what it had brought becomes events: a fill that was
    sent is never lost.
    """

    def __init__(
        self,
        context: SessionContext,
        reader: RowReader,
        next_id: Callable[[], int],
        request: Callable[[int], None],
        units: Units,
    ) -> None:
        self._context = context
        self._reader = reader
        self._next_id = next_id
        self._request = request
        self._units = units
        self._lock = asyncio.Lock()
        self._flight: _Flight | None = None
        self._accounts: tuple[str, ...] = ()

    def admit(self, accounts: tuple[str, ...]) -> None:
        """The accounts of this login: an answer covers them all."""
        self._accounts = accounts

    async def executions(self, timeout: float) -> Executions:
        """Today's fills of all clients. `timeout` covers the wait for a request before this one.

        Raises `BrokerTimeout` (which throws the session away), `RequestRefused` or
        `BrokerUnavailable`.
        """
        was_asked = False
        self._units.be_done_within(timeout)
        try:
            async with asyncio.timeout(timeout), self._lock:
                self._context.check_usable()
                was_asked = True
                return await self._fly()
        except TimeoutError:
            sentence = f"TWS did not send all executions within {timeout:g} s."
            if was_asked:
                self._context.end(Ending(f"{sentence} A new session is opened."))
            raise BrokerTimeout(sentence) from None

    async def _fly(self) -> Executions:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            flight = self._flight = _Flight(
                self._next_id(),
                self._context.broker_now(),
                done,
                is_whole=self._context.knows_clock(),
            )
            self._request(flight.request_id)
            await done
            # Not before: a wait that ends in this very moment would take the answer along.
            self._flight = None
            return Executions(tuple(flight.fills), tuple(flight.commissions), flight.is_whole)
        except ConnectionError as error:
            raise BrokerUnavailable(f"The connection to TWS ended: {error}.") from error
        finally:
            self._release()

    def _release(self) -> None:
        """The request is over. Of one that failed, what came becomes events."""
        flight, self._flight = self._flight, None
        if flight is None:
            return
        for fill in flight.fills:
            self._context.emit(fill)
        for commission in flight.commissions:
            self._context.emit(commission)

    def on_execution(self, fields: list[str]) -> None:
        """Message 11."""
        try:
            now, knows_clock = self._context.broker_now(), self._context.knows_clock()
            read = self._reader.execution(fields, now, knows_clock=knows_clock)
        except UnreadableRow as bad:
            self.taint()
            self._context.emit(Notice(None, f"A fill cannot be read: {bad}.", is_problem=True))
            return
        if read.doubt:
            self._context.emit(Notice(None, read.doubt, is_problem=True))
        flight = self._flight
        if flight is not None and read.request_id == flight.request_id:
            flight.waiting += 1
            self._units.when_known(read.fill, partial(self._answered_with, flight))
        else:
            self._units.when_known(read.fill, self._context.emit)

    def _answered_with(self, flight: _Flight, fill: Fill) -> None:
        """A fill of an answer, in money; of one that has failed meanwhile it is an event."""
        flight.waiting -= 1
        if self._flight is not flight:
            self._context.emit(fill)
            return
        flight.fills.append(fill)
        self._end_if_whole(flight)

    def on_commission(self, fields: list[str]) -> None:
        """Message 59. It may come before its execution."""
        try:
            read = self._reader.commission(fields)
        except UnreadableRow as bad:
            text = f"A commission cannot be read: {bad}."
            self._context.emit(Notice(None, text, is_problem=True))
            return
        if read.doubt:
            self._context.emit(Notice(None, read.doubt, is_problem=True))
        if self._flight is not None:
            self._flight.commissions.append(read.commission)
        else:
            self._context.emit(read.commission)

    def on_end(self, fields: list[str]) -> None:
        """Message 55."""
        flight = self._flight
        if flight is None or fields[2:3] != [str(flight.request_id)]:
            return
        flight.has_ended = True
        self._end_if_whole(flight)

    def _end_if_whole(self, flight: _Flight) -> None:
        if not flight.has_ended or flight.waiting or flight.done.done():
            return
        if flight.link_doubt:
            flight.done.set_exception(BrokerUnavailable(flight.link_doubt))
            return
        if flight.is_whole:
            self._reader.fill_times.answered(self._accounts, flight.asked_at)
        flight.done.set_result(None)

    def taint(self) -> None:
        """Something could not be read: the answer in flight may lack a fill."""
        if self._flight is not None:
            self._flight.is_whole = False

    def doubt_link(self, why: str) -> None:
        """TWS lost or regained IBKR: fills may be missing from the answer in flight."""
        if self._flight is not None:
            self._flight.link_doubt = why

    def is_asking(self, request_id: int) -> bool:
        """Whether `request_id` is that of the request in flight."""
        return self._flight is not None and self._flight.request_id == request_id

    def fail(self, error: BrokerError) -> None:
        """End the request in flight, if there is one, with `error`."""
        flight = self._flight
        if flight is not None and not flight.done.done():
            flight.done.set_exception(error)
