"""Asks a port whether the API of TWS answers there, without logging in."""

import asyncio
import struct
from typing import Final

from possync_tui.broker.requests import check_frame
from possync_tui.domain.first_look import Port, places

_SECONDS: Final = 2.0
_LONGEST_GREETING: Final = 200


async def look_around(host: str, port: int) -> tuple[Port, ...]:
    """What answers at the configured port, which comes first, and at the usual ones."""
    return tuple(await asyncio.gather(*(_probe(*place) for place in places(host, port))))


async def _probe(host: str, port: int, name: str) -> Port:
    """Greet as the API does: TWS answers with its version at once."""
    is_open = False
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            is_open = True
            try:
                greeting = b"v100..176"
                frame = b"API\0" + struct.pack(">I", len(greeting)) + greeting
                check_frame(frame)
                writer.write(frame)
                await writer.drain()
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                answer = await reader.readexactly(min(length, _LONGEST_GREETING))
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return Port(host, port, name, is_open, None)
    version = answer.partition(b"\0")[0]
    number = int(version) if version.isdigit() and len(version) < 6 else None
    return Port(host, port, name, is_open, number)
