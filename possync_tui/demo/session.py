"""One client's connection: handshake, reading requests, writing answers in order."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from possync_tui.demo import messages
from possync_tui.demo.clock import Clock
from possync_tui.demo.faults import ActiveFaults, FaultKind
from possync_tui.demo.options import GatewayOptions
from possync_tui.demo.requests import BadRequestError, Request
from possync_tui.demo.wire import WireError, read_frame

_log = logging.getLogger(__name__)
_VERSIONS = re.compile(r"v(\d+)\.\.(\d+)")
#: Frames that may wait for a client that does not read before it is thrown out.
_MAX_WAITING = 50_000
#: Frames that go out in one write at most.
_PIECE = 200

Handler = Callable[["Session", Request], Awaitable[None]]


class Session:
    """A connected client. What it subscribed to is kept here, what to answer is elsewhere."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        options: GatewayOptions,
        faults: ActiveFaults,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._options = options
        self._faults = faults
        self._clock = clock
        self._outbox: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_WAITING)
        self.version = 0
        self.client_id: int | None = None
        self.positions = False
        self.account: str | None = None
        self.binds_orders = False
        self.pnl: dict[int, str] = {}
        self.pnl_single: dict[int, tuple[str, int]] = {}

    @property
    def started(self) -> bool:
        """Whether the client has sent startApi and got its id."""
        return self.client_id is not None

    def send(self, *frames: bytes) -> None:
        """Queue frames for the client; a frozen gateway swallows them."""
        if self._faults.on(FaultKind.FREEZE):
            return
        for frame in frames:
            try:
                self._outbox.put_nowait(frame)
            except asyncio.QueueFull:
                _log.warning("demo client %s does not read; dropped", self.client_id)
                self._writer.transport.abort()
                return

    def finish(self) -> None:
        """Close the socket when everything queued so far is out."""
        if self._outbox.full():
            self.abort()
        else:
            self._outbox.put_nowait(None)

    def abort(self) -> None:
        """Close the socket now."""
        self._writer.transport.abort()

    def error(self, req_id: int, code: int, text: str) -> None:
        """Send an error or notice in the client's version."""
        self.send(messages.error(self.version, req_id, code, text))

    async def run(self, handler: Handler) -> None:
        """Serve the client until it goes or is closed."""
        writing = asyncio.create_task(self._write())
        try:
            if await self._shake_hands():
                await self._read(handler)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            _log.debug("demo client %s gone", self.client_id)
        except (WireError, BadRequestError) as error:
            _log.info("demo client %s closed: %s", self.client_id, error)
        finally:
            writing.cancel()
            self._writer.close()

    async def _shake_hands(self) -> bool:
        if await self._reader.readexactly(4) != b"API\0":
            raise WireError("not a TWS API client")
        text = "\0".join(await read_frame(self._reader))
        found = _VERSIONS.match(text)
        if found is None:
            raise WireError(f"no version range: {text[:40]!r}")
        self.version = min(self._options.server_version, int(found[2]))
        if fault := self._faults.take(FaultKind.SERVER_VERSION):
            self.version = fault.code
        self.send(messages.handshake(self.version, _connection_time(self._clock, self._options)))
        return True

    async def _read(self, handler: Handler) -> None:
        while True:
            request = Request.read(self.client_id, await read_frame(self._reader))
            await handler(self, request)

    async def _write(self) -> None:
        try:
            while (frame := await self._outbox.get()) is not None:
                if slow := self._faults.take(FaultKind.SLOW_WRITES):
                    await self._write_slowly(frame, slow.seconds)
                    continue
                self._writer.write(frame + self._following())
                await self._writer.drain()
            self._writer.close()
        except ConnectionError:
            _log.debug("demo client %s gone while written to", self.client_id)

    def _following(self) -> bytes:
        """What waits behind a frame, so that a snapshot goes out in a few large pieces."""
        pieces: list[bytes] = []
        while not self._outbox.empty() and len(pieces) < _PIECE:
            frame = self._outbox.get_nowait()
            if frame is None:
                self._outbox.put_nowait(None)  # the end comes after this piece
                break
            pieces.append(frame)
        return b"".join(pieces)

    async def _write_slowly(self, frame: bytes, seconds: float) -> None:
        for byte in frame:
            self._writer.write(bytes((byte,)))
            await self._writer.drain()
            await self._clock.sleep(seconds)


def _connection_time(clock: Clock, options: GatewayOptions) -> str:
    local: datetime = clock.now().astimezone(ZoneInfo(options.time_zone))
    return local.strftime("%Y%m%d %H:%M:%S %Z")
