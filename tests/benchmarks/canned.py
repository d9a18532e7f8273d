"""A gateway of canned bytes: it costs the machine next to nothing, so what is measured is ours.

`python -m tests.benchmarks.canned N [--changing WHAT]` serves N positions from its own process,
`CannedGateway` from a thread. What is changing differs in every row from one answer to the next of
a connection.
"""

import argparse
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import cycle

ACCOUNT = "DU1000001"
FIRST_ID = 500_001
_SEND_BUFFER = 1 << 22


def frame(*fields: object) -> bytes:
    payload = "".join(f"{text}\0" for text in fields).encode()
    return struct.pack(">I", len(payload)) + payload


def contract(n: int) -> list[str]:
    """The contract fields that positions and portfolio values have in common."""
    symbol = f"S{n:05d}"
    return [str(FIRST_ID + n), symbol, "STK", "", "0.0", "", "", "NASDAQ", "USD", symbol, "NMS"]


def position(n: int, quantity: int, cost: str) -> bytes:
    """Message 61."""
    return frame("61", "3", ACCOUNT, *contract(n), f"{quantity}", cost)


def portfolio(n: int, quantity: int, price: str, worth: str, gain: str) -> bytes:
    """Message 7."""
    number, symbol, *middle, exchange, currency, local, trading = contract(n)
    what = [number, symbol, *middle, exchange, currency, local, trading]
    return frame("7", "8", *what, f"{quantity}", price, worth, "100.25", gain, "0.0", ACCOUNT)


class Changing(StrEnum):
    """What differs from one answer to the next."""

    NOTHING = "nothing"
    COST = "cost"
    QUANTITY = "quantity"


def book(positions: int, version: int = 0, changing: Changing = Changing.NOTHING) -> bytes:
    """A whole answer to `reqPositions`, its end marker included."""
    more = version if changing is Changing.QUANTITY else 0
    cents = 25 + (version if changing is Changing.COST else 0)
    rows = [
        position(n, 100 + n % 900 + more, f"{50 + n % 400}.{cents:02d}") for n in range(positions)
    ]
    return b"".join([*rows, frame("62", "1")])


class CannedGateway:
    """Serves one client after the other on a free port of this machine.

    `on_portfolio` is called with the socket once the client wants account values: the beginning of
    a feed.
    """

    def __init__(
        self,
        positions: int,
        *,
        changing: Changing = Changing.NOTHING,
        on_portfolio: Callable[[socket.socket], None] | None = None,
    ) -> None:
        versions = 1 if changing is Changing.NOTHING else 3
        self._books = [book(positions, version, changing) for version in range(versions)]
        self._on_portfolio = on_portfolio
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Answer clients until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def start(self) -> None:
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _talk(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        stream = client.makefile("rb")
        books = cycle(self._books)
        try:
            stream.read(4)
            _next(stream.read)
            client.sendall(frame("176", "20261122 12:00:00 EST"))
            while (fields := _next(stream.read)) is not None:
                answer = next(books) if fields[0] == "61" else _answer(fields)
                if answer:
                    client.sendall(answer)
                if fields[0] == "6" and self._on_portfolio is not None:
                    self._on_portfolio(client)
        except OSError:
            pass
        finally:
            client.close()


def _answer(fields: list[str]) -> bytes:
    match fields[0]:
        case "71":
            return frame("15", "1", ACCOUNT) + frame("9", "1", "1")
        case "7":
            return frame("55", "1", fields[2])
        case "49":
            return frame("49", "1", str(int(time.time())))
        case "6":
            return frame("54", "1", ACCOUNT)
        case "5" | "16":
            return frame("53", "1")
        case "99":
            return frame("102")
        case "76":
            return frame("74", "1", fields[2])
        case _:
            return b""


def _next(read: Callable[[int], bytes]) -> list[str] | None:
    head = read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    return read(length).decode().split("\0")[:-1]


@contextmanager
def served(positions: int, changing: Changing) -> Iterator[int]:
    """The port of a gateway in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.canned", str(positions)]
    child = subprocess.Popen([*command, "--changing", changing], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("positions", type=int)
    parser.add_argument("--changing", type=Changing, default=Changing.NOTHING)
    arguments = parser.parse_args()
    gateway = CannedGateway(arguments.positions, changing=arguments.changing)
    print(gateway.port, flush=True)
    gateway.serve()
