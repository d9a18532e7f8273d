"""A scripted TWS over a real socket: the messages are the test's own, byte for byte."""

import asyncio
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

UNSET = "1.7976931348623157E308"

START_API, POSITIONS, EXECUTIONS, CURRENT_TIME = "71", "61", "7", "49"
PORTFOLIO, PNL, CANCEL_PNL, DETAILS = "6", "94", "95", "9"

Fields = list[str]


def frame(*fields: object) -> bytes:
    payload = "".join(f"{text}\0" for text in fields).encode()
    return struct.pack(">I", len(payload)) + payload


def contract(con_id: object = 265598, symbol: str = "AAPL", **over: str) -> Fields:
    texts = {
        "sec_type": "STK",
        "expiry": "",
        "strike": "0.0",
        "right": "",
        "multiplier": "",
        "exchange": "NASDAQ",
        "currency": "USD",
        "local": symbol,
        "trading_class": "NMS",
        **over,
    }
    return [str(con_id), symbol, *texts.values()]


def position(
    quantity: str,
    cost: str = "201.5",
    *,
    account: str = "DU1",
    con_id: object = 265598,
    symbol: str = "AAPL",
    **over: str,
) -> Fields:
    return ["61", "3", account, *contract(con_id, symbol, **over), quantity, cost]


def execution(
    exec_id: str,
    quantity: str = "100",
    price: str = "201.94",
    *,
    request_id: object = -1,
    side: str = "BOT",
    when: str = "20250415 10:38:31 US/Eastern",
    account: str = "DU1",
    con_id: object = 265598,
    **over: str,
) -> Fields:
    return [
        *("11", str(request_id), "5"),
        *contract(con_id, exchange="IEX", **over),
        *(exec_id, when, account, "IEX", side, quantity, price),
        *("600745656", "100", "0", quantity, price, "ref", "", "", "", "2"),
    ]


def commission(
    exec_id: str, amount: str = "1.0", realized: str = UNSET, currency: str = "USD"
) -> Fields:
    return ["59", "1", exec_id, amount, currency, realized, UNSET, ""]


def error(code: int, text: str, request_id: object = -1) -> Fields:
    return ["4", "2", str(request_id), str(code), text, ""]


POSITION_END: Fields = ["62", "1"]


def details(version: int, request_id: str, con_id: str, magnifier: object) -> Fields:
    """Message 10 up to the price magnifier; what follows is of no use here."""
    is_old = version < 164
    return [
        *(("10", "8") if is_old else ("10",)),
        *(request_id, "AAPL", "STK", "", "0", "", "LSE", "GBP", "AAPL", "SET1", "SET1"),
        *(con_id, "0.01", *(("100",) if is_old else ()), "", "LMT,MKT", "SMART,LSE"),
        *(str(magnifier), "0", "APPLE", "LSE", ""),
    ]


def executions_end(request_id: object) -> Fields:
    return ["55", "1", str(request_id)]


class Client:
    """One client of the scripted TWS."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.requests: list[Fields] = []
        self.client_id = ""

    def send(self, *messages: Fields) -> None:
        """Send messages in one piece, so that they are read in one go."""
        self.send_bytes(b"".join(frame(*fields) for fields in messages))

    def send_bytes(self, chunk: bytes) -> None:
        self._writer.write(chunk)

    def close(self) -> None:
        self._writer.close()

    def end_stream(self) -> None:
        """Send no more; what was sent arrives."""
        self._writer.write_eof()

    def drop(self) -> None:
        self._writer.transport.abort()

    def seen(self, message_id: str) -> list[Fields]:
        return [fields for fields in self.requests if fields[0] == message_id]


Answer = Callable[[Client, Fields], None]


@dataclass
class ScriptedTws:
    """Answers every request with what the test says; silent where it says nothing."""

    version: int = 176
    accounts: str = "DU1,DU2"
    rows: list[Fields] = field(default_factory=list)
    fills: list[Fields] = field(default_factory=list)
    taken_ids: set[str] = field(default_factory=set)
    handshakes: bool = True
    clients: list[Client] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    clock_ahead: float = 0.0
    magnifiers: dict[str, object] = field(default_factory=dict)
    port: int = 0

    async def start(self) -> None:
        self.answers = {**self._usual(), **self.answers}
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for client in self.clients:
            client.drop()
        await asyncio.sleep(0)

    @property
    def client(self) -> Client:
        """The latest client."""
        return self.clients[-1]

    def send(self, *messages: Fields) -> None:
        self.client.send(*messages)

    def requests(self) -> list[Fields]:
        return [fields for client in self.clients for fields in client.requests]

    def _usual(self) -> dict[str, Answer]:
        return {
            START_API: self._log_in,
            POSITIONS: lambda client, _request: client.send(*self.rows, POSITION_END),
            EXECUTIONS: self._answer_executions,
            CURRENT_TIME: self._answer_time,
            DETAILS: self.answer_details,
        }

    def _log_in(self, client: Client, request: Fields) -> None:
        client.client_id = request[2]
        if client.client_id in self.taken_ids:
            text = "Unable to connect as the client id is already in use. Retry with another."
            client.send(error(326, text))
            client.close()
            return
        client.send(["15", "1", self.accounts], ["9", "1", "1"])

    def _answer_executions(self, client: Client, request: Fields) -> None:
        answer = [
            [fields[0], request[2], *fields[2:]] if fields[0] == "11" else fields
            for fields in self.fills
        ]
        client.send(*answer, executions_end(request[2]))

    def answer_details(self, client: Client, request: Fields) -> None:
        magnifier = self.magnifiers.get(request[3], 1)
        client.send(details(self.version, request[2], request[3], magnifier))

    def _answer_time(self, client: Client, _request: Fields) -> None:
        client.send(["49", "1", str(int(time.time() + self.clock_ahead))])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer)
        self.clients.append(client)
        try:
            assert await reader.readexactly(4) == b"API\0"
            await self._read(reader)
            if not self.handshakes:
                return
            client.send([str(self.version), "20250415 10:00:00 US/Eastern"])
            while True:
                request = await self._read(reader)
                client.requests.append(request)
                answer = self.answers.get(request[0])
                if answer is not None:
                    answer(client, request)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Fields:
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        return (await reader.readexactly(size)).decode().split("\0")[:-1]
