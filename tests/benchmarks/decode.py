"""Messages of TWS, from bytes to values: the floor, ib_insync as it comes, and ours."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from possync_tui.broker.rows import RowReader, pnl_value, portfolio_value
from possync_tui.broker.wire import Wire
from tests.benchmarks.canned import ACCOUNT, contract, frame, portfolio, position
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured

_MANY = 5_000
_PIECE = 1 << 16
_SERVER = 176
_NOW = datetime(2026, 11, 20, tzinfo=UTC)
FLOOR, STOCK, OURS = "split alone", "stock ib_insync", "possync-tui"
CHANGED, AGAIN = "possync-tui, changed rows", "possync-tui, unchanged rows"


def benchmarks() -> Sequence[Benchmark]:
    return [
        Benchmark(
            f"decode-{kind}",
            f"bytes to values, {_MANY:,} messages of {what}",
            {"each": "µs"},
            [
                Contestant(FLOOR, partial(_split, messages)),
                Contestant(STOCK, partial(_run, _stock, messages)),
                Contestant(OURS, partial(_run, _ours, messages)),
                *(
                    [
                        Contestant(CHANGED, partial(_run, _changed, messages)),
                        Contestant(AGAIN, partial(_run, _again, messages)),
                    ]
                    if kind == "61"
                    else []
                ),
            ],
            [Goal("each", STOCK, CHANGED, at_least=6)] if kind == "61" else [],
        )
        for kind, what, messages in (
            ("61", "position rows", _rows(0)),
            ("7", "portfolio values", [portfolio(n, n, "1.5", "2.5", "3.5") for n in range(_MANY)]),
            ("95", "P&L of positions", [_pnl(n) for n in range(_MANY)]),
            ("11", "executions", [_execution(n) for n in range(_MANY)]),
            ("59", "commissions", [_commission(n) for n in range(_MANY)]),
        )
    ]


def _rows(more: int) -> list[bytes]:
    return [position(n, n + more, f"{n}.25") for n in range(_MANY)]


def _pnl(n: int) -> bytes:
    return frame("95", f"{n}", f"{n}", "12.5", "-340.25", "0.0", "20194.5")


def _execution(n: int) -> bytes:
    what = contract(n)
    tail = ["1", "100", "0", "75", "212.94", "", "", "", "", "2"]
    when = "20251115 10:38:31 US/Eastern"
    return frame(
        *("11", "-1", "9", *what, f"0000e0d5.{n:08x}.01.01", when, ACCOUNT, "IEX", "SLD"),
        *("75", "212.94", *tail),
    )


def _commission(n: int) -> bytes:
    unset = "1.7976931348623157E308"
    return frame("59", "1", f"0000e0d5.{n:08x}.01.01", "1.0", "USD", unset, unset, "")


def _split(messages: Sequence[bytes]) -> Measured:
    data = b"".join(messages)
    began = time.process_time()
    at, found = 0, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        found.append(data[at + 4 : end].decode().split("\0"))
        at = end
    return _each(began)


def _each(began: float) -> Measured:
    return {"each": (time.process_time() - began) / _MANY * 1e6}


def _run(measure: Callable[[bytes], Measured], messages: Sequence[bytes]) -> Measured:
    async def inside() -> Measured:
        return measure(b"".join(messages))

    return asyncio.run(inside())


def _stock(data: bytes) -> Measured:
    import ib_insync  # only inside a running loop

    library: Any = ib_insync
    client = library.IB().client
    client._serverVersion = client.decoder.serverVersion = _SERVER
    client._apiReady = True
    began = time.process_time()
    for start in range(0, len(data), _PIECE):
        client._onSocketHasData(data[start : start + _PIECE])
    return _each(began)


def _ours(data: bytes) -> Measured:
    wire = _wire()
    began = time.process_time()
    _feed(wire, data)
    return _each(began)


def _changed(data: bytes) -> Measured:
    wire = _wire()
    _feed(wire, data)
    other = b"".join(_rows(1))
    began = time.process_time()
    _feed(wire, other)
    return _each(began)


def _again(data: bytes) -> Measured:
    wire = _wire()
    _feed(wire, data)
    began = time.process_time()
    _feed(wire, data)
    return _each(began)


def _wire() -> Wire:
    reader = RowReader()
    wire = Wire(_fail, _fail)
    wire.handle(
        {
            7: lambda fields: _take(portfolio_value(fields)),
            11: lambda fields: _take(reader.execution(fields, _NOW)),
            59: lambda fields: _take(reader.commission(fields)),
            95: lambda fields: _take(pnl_value(fields)),
        },
        {61: lambda message: _take(reader.position(message))},
    )
    wire._client._apiReady = True
    return wire


def _feed(wire: Wire, data: bytes) -> None:
    for start in range(0, len(data), _PIECE):
        wire._data = wire._data[wire._at :] + data[start : start + _PIECE]
        wire._at = 0
        wire._read(_PIECE)


def _take(_value: object) -> None:
    pass


def _fail(text: str) -> None:
    raise AssertionError(text)
