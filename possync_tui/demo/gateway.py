"""The demo gateway: a TWS that listens on loopback, in front of a simulated desk."""

import asyncio
import ipaddress
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Coroutine

from possync_tui.demo import spoiling
from possync_tui.demo.answers import Answers
from possync_tui.demo.background import Background
from possync_tui.demo.clock import Clock
from possync_tui.demo.desk import Desk
from possync_tui.demo.faults import ActiveFaults, Fault, FaultKind
from possync_tui.demo.options import GatewayOptions
from possync_tui.demo.records import DeskEvent, Execution, PositionChanged, PricesMoved, Traded
from possync_tui.demo.requests import Request
from possync_tui.demo.session import Session

_log = logging.getLogger(__name__)
_REQUESTS_KEPT = 10_000
_BACKLOG = 100
#: How long drop_clients() waits for connections to go, in seconds of the real clock.
_CLOSING_TIME = 1.0


class NotLoopbackError(ValueError):
    """The demo gateway was asked to listen where others could reach it."""


class DemoGateway:
    """Serves a desk over the TWS socket protocol to any number of clients."""

    def __init__(
        self,
        desk: Desk,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        options: GatewayOptions | None = None,
    ) -> None:
        _check_loopback(host)
        self.desk = desk
        self.host = host
        self.port = port
        self.options = options or GatewayOptions()
        self.clock: Clock = clock or desk.clock
        self.requests_seen: deque[Request] = deque(maxlen=_REQUESTS_KEPT)
        self._faults = ActiveFaults()
        self._answers = Answers(desk, self.options, self._faults)
        self._sessions: list[Session] = []
        self._listening: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] = _nothing
        self._moved = False
        self.connections_seen = 0

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and serve; ``port`` is the real one afterwards. ``OSError`` if it is taken."""
        await self._listen(self._bind())
        self._unsubscribe = self.desk.subscribe(self._heard)
        self._spawn(self._send_pnl())
        self._spawn(self._send_accounts())
        if self.options.background is not None:
            self._spawn(Background(self.desk, self.options.background, self.clock).run())

    async def stop(self) -> None:
        """Close everything."""
        self._unsubscribe()
        self._unsubscribe = _nothing
        self._stop_listening()
        self.abort_clients()
        tasks = (*self._tasks, *self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drop_clients(self) -> None:
        """Close every client's socket now and wait until they are gone."""
        self.abort_clients()
        if self._serving:
            await asyncio.wait(tuple(self._serving), timeout=_CLOSING_TIME)

    def abort_clients(self) -> None:
        """Close every client's socket now, without a word."""
        for session in tuple(self._sessions):
            session.abort()

    # --- reading -----------------------------------------------------------------------------

    @property
    def clients(self) -> tuple[int, ...]:
        """Ids of the clients that are connected and started."""
        return tuple(s.client_id for s in self._sessions if s.client_id is not None)

    @property
    def orders_refused(self) -> int:
        """Requests that would have changed something at the broker."""
        return self._answers.orders_refused

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are on."""
        return self._faults.listed()

    # --- misbehaviour ------------------------------------------------------------------------

    def inject(self, fault: Fault) -> None:
        """Switch a fault on; it works from the next message that it concerns."""
        self._faults.add(fault)
        if fault.kind is FaultKind.REFUSE:
            self._stop_listening()

    def clear_faults(self) -> None:
        """Switch all faults off; a refusing gateway listens again on its port at once."""
        refused = self._faults.on(FaultKind.REFUSE)
        self._faults.clear()
        if refused:
            self._spawn(self._listen(self._bind()))

    def notice(self, code: int, text: str) -> None:
        """Send an error message that belongs to no request (1100, 2110, ...) to all clients."""
        for session in self._started():
            session.error(-1, code, text)

    # --- connections -------------------------------------------------------------------------

    async def _listen(self, bound: socket.socket) -> None:
        self._listening = await asyncio.start_server(self._connected, sock=bound)

    def _bind(self) -> socket.socket:
        """Take the port at once: from here on connections wait instead of being refused."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # asyncio switches Nagle's delay off only for sockets that say they are TCP.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, self.port))
            bound.listen(_BACKLOG)
        except OSError:
            bound.close()
            raise
        self.port = int(bound.getsockname()[1])
        return bound

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: start_server's would complain when it is cancelled (Python 3.11).
        self.connections_seen += 1
        if self._faults.take(FaultKind.CLOSE_ON_ACCEPT):
            writer.close()
            return
        session = Session(
            reader, writer, options=self.options, faults=self._faults, clock=self.clock
        )
        task = asyncio.create_task(self._serve(session))
        self._serving.add(task)
        task.add_done_callback(self._ended)

    async def _serve(self, session: Session) -> None:
        self._sessions.append(session)
        try:
            await session.run(self._requested)
        finally:
            self._sessions.remove(session)

    async def _requested(self, session: Session, request: Request) -> None:
        self.requests_seen.append(request)
        if delay := self._faults.take(FaultKind.DELAY):
            await self.clock.sleep(delay.seconds)
        if request.name == "startApi":
            self._start_session(session, request)
        elif session.started:
            self._answers.answer(session, request)
        else:
            session.error(-1, 504, "Not connected")

    def _start_session(self, session: Session, request: Request) -> None:
        client_id = request.number(2)
        if client_id in self.clients:
            text = "Unable to connect as the client id is already in use. "
            session.error(-1, 326, f"{text}Retry with a unique client id.")
            session.finish()
            return
        session.client_id = client_id
        self._answers.welcome(session)

    def _started(self) -> list[Session]:
        return [session for session in self._sessions if session.started]

    # --- what the desk does --------------------------------------------------------------------

    def _heard(self, event: DeskEvent) -> None:
        match event:
            case PositionChanged(account, con_id):
                self._push_position(account, con_id)
            case Traded(execution, pushed):
                self._moved = True
                self._push_fill(execution, pushed=pushed)
            case PricesMoved():
                self._moved = True

    def _push_position(self, account: str, con_id: int) -> None:
        row = self.desk.position(account, con_id)
        if row is None:
            return
        for session in self._started():
            if session.positions:
                session.send(spoiling.pushed_row(row, self._faults))

    def _push_fill(self, execution: Execution, *, pushed: bool) -> None:
        hearing = self._hearing(execution)
        time = self._answers.execution_time(execution)
        for session in hearing:
            session.send(spoiling.fill_frame(execution, time, -1, self._faults))
        if execution.commission_due <= self.clock.monotonic():
            self._settle(execution, hearing, pushed=pushed)
        else:
            self._spawn(self._settle_later(execution, hearing, pushed=pushed))

    def _hearing(self, execution: Execution) -> list[Session]:
        """Who hears of a fill at once: the order's own client and the master client.

        Orders from TWS itself have client id 0; client 0 hears of them once it binds them.
        """
        if not execution.reported:
            return []
        return [
            session
            for session in self._started()
            if session.client_id == self.options.master_client_id
            or (session.client_id == execution.client_id and (session.client_id != 0))
            or (execution.client_id == 0 and session.binds_orders)
        ]

    async def _settle_later(
        self, execution: Execution, hearing: list[Session], *, pushed: bool
    ) -> None:
        await self.clock.sleep(execution.commission_due - self.clock.monotonic())
        self._settle(execution, hearing, pushed=pushed)

    def _settle(self, execution: Execution, hearing: list[Session], *, pushed: bool) -> None:
        for session in hearing:
            session.send(*spoiling.commission_frames(execution, self._faults))
        row = self.desk.position(execution.account, execution.con_id)
        if row is None or not pushed:
            return
        for session in self._started():
            if session.account == execution.account:
                session.send(spoiling.portfolio_frame(row, self._faults))
                self._answers.account_time(session)

    async def _send_pnl(self) -> None:
        while True:
            await self.clock.sleep(self.options.pnl_period)
            if self._moved:
                self._moved = False
                for session in self._started():
                    self._answers.pnl_now(session)

    async def _send_accounts(self) -> None:
        while True:
            await self.clock.sleep(self.options.account_period)
            for session in self._started():
                if session.account is not None:
                    self._answers.portfolio(session, session.account)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._serving.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("demo gateway: %s", error, exc_info=error)


def _nothing() -> None:
    """What there is to unsubscribe before the start."""


def _check_loopback(host: str) -> None:
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass  # a name: whatever it resolves to, it is not on the list of what is allowed
    raise NotLoopbackError(f"the demo gateway listens on loopback only, not on {host!r}")
