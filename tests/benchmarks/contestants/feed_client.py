"""The least that listens to a feed: a socket, and the values of portfolio messages."""

import asyncio
import struct
from collections.abc import Callable


def frame(*fields: str) -> bytes:
    payload = "".join(f"{text}\0" for text in fields).encode()
    return struct.pack(">I", len(payload)) + payload


class FeedClient(asyncio.Protocol):
    """Calls `on_values` with the symbol, the price, the value and the gain of each message."""

    def __init__(self, on_values: Callable[[list[tuple[str, str, str, str]]], None]) -> None:
        self._on_values = on_values
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        hello = b"v157..176"
        transport.write(b"API\0" + struct.pack(">I", len(hello)) + hello)
        transport.write(frame("71", "2", "1", "") + frame("6", "2", "1", ""))

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        at, values = 0, []
        while len(data) >= at + 4:
            end = at + 4 + int.from_bytes(data[at : at + 4])
            if len(data) < end:
                break
            fields = data[at + 4 : end].decode().split("\0")
            at = end
            if fields[0] == "7":
                values.append((fields[3], fields[14], fields[15], fields[17]))
        self._data = data[at:]
        if values:
            self._on_values(values)
