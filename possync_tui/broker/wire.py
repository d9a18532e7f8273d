"""The edge to ib_insync: one socket to TWS, driven through one new `IB()` (design §2).

This is the only file that touches the library; `library` loads it inside the running event loop.
`IB.connectAsync` is not used: it asks for orders and turns time-outs into partial answers. Of the
library serve its handshake, framing, serialisation and throttle; messages go to our own handlers,
so nothing is decoded through `float`, and its caches stay empty. Its log lines are redirected per
session, which leaves the library's loggers as an embedding host has set them up.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from possync_tui.broker.requests import check_frame, check_request
from possync_tui.broker.rows import fields_of

MessageHandler = Callable[[list[str]], None]
RawHandler = Callable[[bytes], None]

logger = logging.getLogger(__name__)

# The API's own limit for one message; a longer one means that the stream is not what we think.
_LONGEST_FRAME: Final = 0xFFFFFF
_LENGTH_BYTES: Final = 4
_PIECE: Final = 4096
# As much is read before others have their turn, and so long: a timer that is due gets its task its
# turn only after two or three of these.
_TURN: Final = 1 << 14
_TURN_SECONDS: Final = 0.002
# TWS is made to wait once so much of it is not read yet.
_FULL: Final = 1 << 22
_CLOSING_SECONDS: Final = 1.0
# Executions and commissions: they are believed also where nothing else is any more.
_KEPT: Final = (11, 59)


class _SessionLog(logging.LoggerAdapter[logging.Logger]):
    """The library's log lines of one session; its errors are reported to the session."""

    def __init__(self, on_error: Callable[[str], None]) -> None:
        super().__init__(logger, {})
        self._on_error = on_error

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the logging module's name
        # The library's own DEBUG lines are raw messages with account numbers, and slow to format.
        return level > logging.DEBUG and (
            level >= logging.ERROR or logger.isEnabledFor(logging.DEBUG)
        )

    def log(self, level: int, msg: object, *args: object, **kwargs: object) -> None:
        if level >= logging.ERROR:
            self._on_error(str(msg))
            # The session says what it means; this line is for whoever looks closer.
            logger.info("ib_insync: %s", msg, exc_info=bool(kwargs.get("exc_info")))
        elif self.isEnabledFor(level):
            logger.debug("ib_insync: %s", msg)


class Wire:
    """One connection to TWS or IB Gateway; made once, closed once.

    `on_error` hears of messages that could not be decoded, `on_lost` of the end of the socket.
    """

    def __init__(self, on_error: Callable[[str], None], on_lost: Callable[[str], None]) -> None:
        import ib_insync  # only inside the running loop

        library: Any = ib_insync
        self._ib: Any = library.IB()
        self._client: Any = self._ib.client
        self._every_execution: Any = library.ExecutionFilter()
        self._contract: Any = library.Contract
        self._on_error = on_error
        self._on_lost = on_lost
        self._gone = asyncio.Event()
        self._raw: dict[bytes, RawHandler] = {}
        self._data = b""
        self._at = 0
        self._next_turn: asyncio.Handle | None = None
        self._is_paused = False
        self.refused_version: str = ""
        self._own_the_log()
        self._own_the_socket()

    def _own_the_log(self) -> None:
        # Errors of the others are about the socket, which has hooks of its own.
        log = _SessionLog(lambda _message: None)
        self._ib._logger = self._ib.wrapper._logger = self._client._logger = log
        self._client.decoder.logger = _SessionLog(self._on_error)

    def handle(self, handlers: Mapping[int, MessageHandler], raw: Mapping[int, RawHandler]) -> None:
        """Give the fields of these messages to `handlers`, those of `raw` unsplit."""
        self._raw = {str(message_id).encode(): handler for message_id, handler in raw.items()}
        known = dict.fromkeys(self._client.decoder.handlers, _ignore)
        joined = {message_id: _joined(handler) for message_id, handler in raw.items()}
        # An id that is in no table raises inside the decoder, which reports an error.
        self._client.decoder.handlers = {**known, **joined, **handlers}

    def _own_the_socket(self) -> None:
        connection = self._client.conn
        send_frame, send_message = connection.sendMsg, self._client.sendMsg

        def last_gate(frame: bytes) -> None:
            check_frame(frame)
            send_frame(frame)

        def first_gate(message: str | None) -> None:
            # None only continues a throttled queue.
            if message:
                check_request(message)
            send_message(message)

        connection.sendMsg, self._client.sendMsg = last_gate, first_gate
        connection.hasData.clear()
        connection.hasData += self._receive
        connection.disconnected += self._lost
        self._client.apiError += self._refused

    def _receive(self, data: bytes) -> None:
        client = self._client
        if not client.isReady():
            data = self._shake_hands(data)
        self._data = self._data[self._at :] + data
        self._at = 0
        if self._next_turn is None:
            self._take_turn()

    def _shake_hands(self, data: bytes) -> bytes:
        """The library logs in; returns what it left for us."""
        client = self._client
        try:
            # It copies the rest of its buffer for every message: keep that rest small.
            for start in range(0, len(data), _PIECE):
                client._onSocketHasData(data[start : start + _PIECE])
                if client.isReady():
                    left = client._data + data[start + _PIECE :]
                    client._data = b""
                    return bytes(left)
        except Exception as error:  # whatever these bytes are, the loop must go on
            logger.warning("bytes from TWS could not be read", exc_info=True)
            self._on_lost(f"what came cannot be read ({error})")
            return b""
        announced = int.from_bytes(client._data[:_LENGTH_BYTES])
        if len(client._data) >= _LENGTH_BYTES and announced > _LONGEST_FRAME:
            self._refuse_length(announced)
        return b""

    def _take_turn(self) -> None:
        """Read a part of what came; the event loop's other work goes on in between."""
        self._next_turn = None
        loop = asyncio.get_running_loop()
        self._read(_TURN, loop.time() + _TURN_SECONDS)
        has_more = self._has_message()
        if has_more:
            self._next_turn = loop.call_soon(self._take_turn)
        # The rest of a message that is not whole has to come, however long it is.
        is_full = has_more and len(self._data) - self._at > _FULL
        transport = self._client.conn.transport
        if self._is_paused is not is_full and transport is not None:
            self._is_paused = is_full
            (transport.pause_reading if is_full else transport.resume_reading)()

    def _read(self, most: int, until: float = math.inf) -> None:
        """Hand on the messages that begin in the next `most` bytes, by the loop's time `until`."""
        data, at = self._data, self._at
        clock = asyncio.get_running_loop().time
        end = len(data)
        stop = min(at + most, end)
        while at < stop:
            start = at + _LENGTH_BYTES
            after = start + int.from_bytes(data[at:start])
            if start <= end and after - start > _LONGEST_FRAME:
                self._refuse_length(after - start)
                return
            if after > end:
                return
            at = self._at = after
            message = data[start:after]
            raw = self._raw.get(message[: message.find(b"\0")])
            if raw is None:
                # This also tells of messages that cannot be read.
                self._client.decoder.interpret(fields_of(message))
            else:
                try:
                    raw(message)
                except Exception:  # the loop must go on, and the session hear of it
                    self._client.decoder.logger.exception(f"Error handling: {message!r}")
            if self._data is not data:
                # The socket was closed with that message: no other is heard.
                return
            if clock() > until:
                return

    def _has_message(self) -> bool:
        """Whether a whole message is there."""
        start = self._at + _LENGTH_BYTES
        left = len(self._data) - start
        if left < 0:
            return False
        length = int.from_bytes(self._data[self._at : start])
        if length > _LONGEST_FRAME:
            self._refuse_length(length)
            return False
        return length <= left

    def _refuse_length(self, length: int) -> None:
        self._on_lost(f"a message of {length} bytes was announced")

    def _refused(self, message: str) -> None:
        # The library's only trace of a server version below its minimum.
        if "version must be" in message:
            self.refused_version = message
            self._on_lost(message)

    def _lost(self, message: str) -> None:
        # What came before the end still counts: there may be a fill among it.
        self._read(len(self._data))
        self._gone.set()
        self._on_lost(message)

    async def connect(self, host: str, port: int, client_id: int) -> None:
        """Log in; done when TWS has named its accounts and the next order id. Raises `OSError`."""
        self._ib.wrapper.clientId = client_id
        # No limit here: the caller's covers this and its own hooks alike.
        await self._client.connectAsync(host, port, client_id, 0)

    @property
    def server_version(self) -> int:
        """The version of the protocol that was negotiated."""
        return int(self._client.serverVersion())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts of the login; valid once connected."""
        return tuple(str(code) for code in self._client.getAccounts())

    def next_request_id(self) -> int:
        """An id for a request of this session. Raises `ConnectionError` when it is over."""
        return int(self._client.getReqId())

    def request_positions(self) -> None:
        """All positions, then an end marker, then every change."""
        self._client.reqPositions()

    def request_executions(self, request_id: int) -> None:
        """All fills since midnight, of all clients and accounts."""
        self._client.reqExecutions(request_id, self._every_execution)

    def request_contract(self, request_id: int, con_id: int) -> None:
        """The details of one contract, also of one that has expired."""
        contract = self._contract(conId=con_id, includeExpired=True)
        self._client.reqContractDetails(request_id, contract)

    def request_current_time(self) -> None:
        """The clock of TWS, in whole seconds."""
        self._client.reqCurrentTime()

    def request_portfolio(self, account: str) -> None:
        """Values of one account; replaces the account that was asked for before."""
        self._client.reqAccountUpdates(True, account)

    def request_pnl(self, request_id: int, account: str, con_id: int) -> None:
        """Live P&L of one position."""
        self._client.reqPnLSingle(request_id, account, "", con_id)

    def cancel_pnl(self, request_id: int) -> None:
        """End a P&L subscription."""
        self._client.cancelPnLSingle(request_id)

    def mute(self) -> None:
        """From now on only fills and what they cost are heard, until the socket is closed.

        TWS may not tell of them again: after midnight it does not.
        """
        handlers = self._client.decoder.handlers
        self._client.decoder.handlers = _Deaf({n: handlers[n] for n in _KEPT if n in handlers})
        self._raw = {}

    async def close(self) -> None:
        """Close the socket, by force if the peer does not let go."""
        self.mute()
        self._client.conn.hasData.clear()
        try:
            while self._has_message():
                self._read(_TURN)
                await asyncio.sleep(0)
        finally:
            # At once what is left, where the program is ending just now.
            self._read(len(self._data))
            self._client.decoder.handlers = _Deaf()
            self._data, self._at = b"", 0
            await self._disconnect()

    async def _disconnect(self) -> None:
        transport = self._client.conn.transport
        try:
            # This also ends the library's queue of throttled requests.
            self._client.disconnect()
            if transport is not None:
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self._gone.wait()
        except (OSError, TimeoutError):  # reset by the peer, or it does not let go
            if transport is not None:
                transport.abort()
        finally:
            # Else the library would close the socket once more when the object is collected.
            self._client.conn.transport = None
            self._client.reset()


class _Deaf(dict[int, MessageHandler]):
    """A dispatch table that ignores every message that is not in it."""

    def __missing__(self, message_id: int) -> MessageHandler:
        return _ignore


def _joined(handler: RawHandler) -> MessageHandler:
    """For what the library splits itself, right behind the login."""
    return lambda fields: handler("".join(f"{text}\0" for text in fields).encode())


def _ignore(_fields: list[str]) -> None:
    """A message of TWS that this program has no use for."""
