"""The same world over real sockets, threads and time: only that time runs a hundred times faster.

The gateway listens on loopback, ib_insync connects to it, aiosqlite has its threads. What the
program takes for a minute takes 0.6 s, so the order of events is that of a real machine and another
one each time: a seed is not repeatable here.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any

from tests.simulation.memory_network import Filter
from tests.simulation.virtual_loop import owned_task, tasks_of_program

SCALE = 100.0


class _Hurried(selectors.DefaultSelector):
    """Waits a hundredth of what is asked for."""

    def select(self, timeout: float | None = None) -> list[Any]:
        found: list[Any] = super().select(None if timeout is None else timeout / SCALE)
        return found


class RealNetwork:
    """Stands where a router would: it reads what comes to the program, and can cut it off."""

    is_real = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.latency = 0.0
        self.is_torn = False
        self.is_down = False
        self.toward_client: Filter | None = None
        self.on_client_bytes: Callable[[bytes], None] = lambda _: None
        self.on_client_connected: Callable[[], None] = lambda: None
        self.connected: list[asyncio.Transport] = []

    def cut(self, after: float = 0.0) -> None:
        for transport in tuple(self.connected):
            self.loop.call_later(after, transport.abort)


class _Watched(asyncio.Protocol):
    """What the program's protocol would get, after the network had its way with it."""

    def __init__(self, network: RealNetwork, protocol: Any) -> None:
        self._network = network
        self.protocol = protocol
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._network.connected.append(self._transport)
        self._network.on_client_connected()
        self.protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._network.toward_client is not None:
            data = self._network.toward_client(data)
        self._network.on_client_bytes(data)
        if data:
            self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        kept: bool | None = self.protocol.eof_received()
        return kept

    def connection_lost(self, error: Exception | None) -> None:
        self._network.connected.remove(self._transport)
        self.protocol.connection_lost(error)


class RealLoop(asyncio.SelectorEventLoop):
    """Real files, real sockets, hurried time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        super().__init__(_Hurried())
        self.network = RealNetwork(self)
        self.set_task_factory(owned_task)
        self.set_exception_handler(self._note_error)
        self.errors: list[str] = []

    def _note_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def tasks_of_program(self) -> list["asyncio.Task[Any]"]:
        return tasks_of_program(self)

    def time(self) -> float:
        return 1_000.0 + (time.monotonic() - self._began) * SCALE

    async def create_connection(  # type: ignore[override]
        self, factory: Callable[[], asyncio.Protocol], *arguments: Any, **options: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        if self.network.is_down:
            raise ConnectionRefusedError(111, "Connect call failed")
        transport, watched = await super().create_connection(
            lambda: _Watched(self.network, factory()), *arguments, **options
        )
        assert isinstance(watched, _Watched)
        return transport, watched.protocol
