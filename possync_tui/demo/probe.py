"""A bare client of the protocol: frames out, fields in, nothing interpreted.

It is what the bytes alone cost, and it sees what a client library hides.
"""

import asyncio
import struct

from possync_tui.demo.wire import Field, frame, message


class Probe:
    """One connection. Every wait is bounded by ``patience`` seconds of real time."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        patience: float = 5.0,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self.version = 0

    @classmethod
    async def connect(
        cls,
        port: int,
        *,
        client_id: int = 1,
        versions: tuple[int, int] = (157, 176),
        host: str = "127.0.0.1",
    ) -> "Probe":
        """Connect, shake hands and send startApi."""
        probe = cls(*await asyncio.open_connection(host, port))
        probe._writer.write(b"API\0" + frame(f"v{versions[0]}..{versions[1]}".encode()))
        probe.version = int((await probe.fields())[0])
        probe.send(71, 2, client_id, "")
        return probe

    def send(self, *fields: Field) -> None:
        """Send a request."""
        self._writer.write(message(*fields))

    async def payload(self) -> bytes:
        """The next frame without its length; ``IncompleteReadError`` when the peer is gone."""
        async with asyncio.timeout(self._patience):
            (size,) = struct.unpack(">I", await self._reader.readexactly(4))
            return await self._reader.readexactly(size)

    async def fields(self) -> list[str]:
        """The fields of the next frame."""
        return (await self.payload()).decode("utf-8", "surrogatepass").split("\0")[:-1]

    async def until(self, *ids: int) -> list[list[str]]:
        """Messages up to and with the first that has one of the ids."""
        found: list[list[str]] = []
        while not found or int(found[-1][0]) not in ids:
            found.append(await self.fields())
        return found

    async def ended(self) -> bool:
        """Whether the peer closes the socket, after whatever it still sends."""
        try:
            while True:
                await self.payload()
        except (asyncio.IncompleteReadError, ConnectionError):
            return True
        except TimeoutError:
            return False

    async def silent(self, seconds: float = 0.1) -> bool:
        """Whether nothing at all comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self._reader.readexactly(1)
        except TimeoutError:
            return True
        return False

    async def close(self) -> None:
        """Close the connection."""
        self._writer.transport.abort()
        await asyncio.sleep(0)
