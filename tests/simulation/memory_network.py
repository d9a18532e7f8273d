"""TCP in memory: ordered bytes in pieces of any size, late as a test likes, cut where it likes."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

Factory = Callable[[], asyncio.Protocol]
Filter = Callable[[bytes], bytes]


class Listening:
    """What `create_server` returns, as far as the gateway uses it."""

    def __init__(self, network: "MemoryNetwork", port: int) -> None:
        self._network = network
        self._port = port

    def close(self) -> None:
        self._network.listeners.pop(self._port, None)


class MemoryNetwork:
    """Who listens, who is connected, and how slow and torn the wire between them is."""

    is_real = False

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: Random) -> None:
        self.loop = loop
        self.rng = rng
        self.listeners: dict[int, Factory] = {}
        self.ends: list[MemoryTransport] = []
        self.latency = 0.0005
        self.is_torn = False
        self.is_down = False
        self.toward_client: Filter | None = None
        self.on_client_bytes: Callable[[bytes], None] = lambda _: None
        self.on_client_connected: Callable[[], None] = lambda: None
        self.bytes_carried = 0

    def listen(self, factory: Factory, port: int) -> Listening:
        self.listeners[port] = factory
        return Listening(self, port)

    async def connect(
        self, factory: Factory, port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        await asyncio.sleep(self.latency)
        if port not in self.listeners or self.is_down:
            raise ConnectionRefusedError(111, f"Connect call failed ('127.0.0.1', {port})")
        server_side = MemoryTransport(self, self.listeners[port](), is_server=True)
        client_side = MemoryTransport(self, factory(), is_server=False)
        server_side.peer, client_side.peer = client_side, server_side
        self.ends += [server_side, client_side]
        self.on_client_connected()
        client_side.begin()
        server_side.begin()
        return client_side, client_side.protocol

    def cut(self, after: float = 0.0) -> None:
        """Break every connection, as a router does: both ends hear of it."""
        for end in tuple(self.ends):
            self.loop.call_later(after, end.break_off)


class MemoryTransport(asyncio.Transport):
    """One end of a connection."""

    def __init__(
        self, network: MemoryNetwork, protocol: asyncio.Protocol, *, is_server: bool
    ) -> None:
        super().__init__()
        self.network = network
        self.protocol: Any = protocol
        self.peer: MemoryTransport | None = None
        self.is_server = is_server
        self._is_closing = False
        self._is_over = False
        self._arrives_at = 0.0

    def begin(self) -> None:
        self.protocol.connection_made(self)

    # --- what protocols use ------------------------------------------------------------------

    def write(self, data: Any) -> None:
        if self._is_closing or self.peer is None:
            return
        sent = bytes(data)
        if self.is_server and self.network.toward_client is not None:
            sent = self.network.toward_client(sent)
        self.network.bytes_carried += len(sent)
        for piece in self._pieces(sent):
            self._later(self.peer._arrived, piece)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        if self.peer is not None:
            self._later(self.peer._other_end_closed)
        self._later(self._lost, None)

    def abort(self) -> None:
        self.break_off()

    def break_off(self) -> None:
        for end in (self, self.peer):
            if end is not None and not end._is_over:
                end._is_closing = True
                error = ConnectionResetError(104, "Connection reset by peer")
                self.network.loop.call_soon(end._lost, None if end is self else error)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        """The reader's buffer has no limit here."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._is_closing and self.peer is not None:
            self._later(self.peer._other_end_closed)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    # --- the wire ----------------------------------------------------------------------------

    def _pieces(self, data: bytes) -> list[bytes]:
        if not self.network.is_torn:
            return [data] if data else []
        pieces, rng = [], self.network.rng
        while data:
            size = rng.choice((1, 3, 7, 50, 400, 4096))
            pieces.append(data[:size])
            data = data[size:]
        return pieces

    def _later(self, what: Callable[..., None], *arguments: Any) -> None:
        """In order, each a little after the one before."""
        now = self.network.loop.time()
        self._arrives_at = max(self._arrives_at, now + self.network.latency)
        self.network.loop.call_at(self._arrives_at, what, *arguments)
        self._arrives_at += 1e-7

    def _arrived(self, data: bytes) -> None:
        if self._is_over or self._is_closing:
            return
        if not self.is_server:
            self.network.on_client_bytes(data)
        self.protocol.data_received(data)

    def _other_end_closed(self) -> None:
        if self._is_over or self._is_closing:
            return
        if not self.protocol.eof_received():
            self.close()

    def _lost(self, error: Exception | None) -> None:
        if not self._is_over:
            self._is_over = self._is_closing = True
            self.network.ends.remove(self)
            self.protocol.connection_lost(error)
