"""What the session may send, what it loads, and what it leaves of an embedding host."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Sized
from functools import partial
from typing import Any

import pytest

from possync_tui.broker.library import load_library
from possync_tui.broker.requests import ALLOWED_REQUESTS, ForbiddenRequest, check_frame
from possync_tui.broker.wire import Wire
from possync_tui.domain.instruments import PositionKey
from tests.broker.conftest import Connect
from tests.broker.scripted import ScriptedTws, error, execution, frame, position


async def open_wire(tws: ScriptedTws) -> Wire:
    await load_library()
    wire = Wire(lambda _text: None, lambda _text: None)
    wire.handle({}, {})
    await wire.connect("127.0.0.1", tws.port, 5)
    return wire


async def test_only_listed_requests_are_on_the_wire(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    key = PositionKey("DU1", 1)
    await session.broker.watch(frozenset({key}))
    tws.fills = [execution("a.01", sec_type="FUT")]
    await session.broker.executions(5)
    await session.broker.snapshot(5)
    await session.until(lambda: {"94", "6", "49"} <= {fields[0] for fields in tws.requests()})
    await session.broker.watch(frozenset())
    # 1102 makes ib_insync itself ask for the account summary; not here.
    tws.send(error(1102, "restored, data maintained"))
    await session.until(lambda: "95" in {fields[0] for fields in tws.requests()})
    sent = {int(fields[0]) for fields in tws.requests()}
    assert sent == set(ALLOWED_REQUESTS)


async def test_an_order_raises_before_a_byte_leaves(tws: ScriptedTws) -> None:
    wire = await open_wire(tws)
    import ib_insync

    library: Any = ib_insync
    ib = wire._ib
    sent = ib.client.conn.numBytesSent
    with pytest.raises(ForbiddenRequest):
        ib.placeOrder(library.Stock("AAPL", "SMART", "USD"), library.MarketOrder("BUY", 1))
    forbidden: list[Callable[[], Any]] = [
        lambda: ib.client.cancelOrder(1),
        lambda: ib.client.reqGlobalCancel(),
        lambda: ib.client.reqAllOpenOrders(),
        lambda: ib.client.sendMsg("3\x00order\x00"),
        lambda: ib.client.conn.sendMsg(frame("3", "order")),
        lambda: ib.client.conn.sendMsg(b""),
    ]
    for call in forbidden:
        with pytest.raises(ForbiddenRequest):
            call()
    await asyncio.sleep(0.05)
    assert ib.client.conn.numBytesSent == sent
    assert {fields[0] for fields in tws.requests()} == {"71"}
    await wire.close()


async def test_a_throttled_order_raises_too_and_does_not_wait_in_the_queue(
    tws: ScriptedTws,
) -> None:
    wire = await open_wire(tws)
    client = wire._ib.client
    for _ in range(client.MaxRequests):
        wire.request_current_time()
    with pytest.raises(ForbiddenRequest):
        client.cancelOrder(1)
    assert {message.partition("\0")[0] for message in client._msgQ} == {"49"}
    await wire.close()


def test_no_order_request_is_on_the_list() -> None:
    assert set(ALLOWED_REQUESTS) == {6, 7, 9, 49, 61, 71, 94, 95}
    check_frame(frame("61", "1"))
    greeting = b"API\0" + frame("v157..176")
    check_frame(greeting)
    for smuggled in (
        frame("3"),
        frame("61x"),
        frame("61") + frame("3"),
        greeting + frame("3"),
        b"",
    ):
        with pytest.raises(ForbiddenRequest):
            check_frame(smuggled)


def test_importing_the_session_loads_no_broker_library() -> None:
    code = (
        "import sys, possync_tui.broker.session, possync_tui.broker.port;"
        "print(sorted({'ib_insync', 'eventkit', 'numpy', 'textual'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_library_is_loaded_with_the_running_loop_and_other_handlers_are_left_alone() -> None:
    code = """
import asyncio, logging, sys
from possync_tui.broker.library import load_library
from possync_tui.broker.wire import Wire

async def main():
    await load_library()
    import eventkit.util
    assert eventkit.util.main_event_loop is asyncio.get_running_loop()
    before = [(n, logging.getLogger(n).handlers, logging.getLogger(n).propagate)
              for n in ("ib_insync", "ib_insync.client", "ib_insync.Decoder", "eventkit")]
    Wire(lambda _: None, lambda _: None)
    assert before == [(n, logging.getLogger(n).handlers, logging.getLogger(n).propagate)
                      for n in ("ib_insync", "ib_insync.client", "ib_insync.Decoder", "eventkit")]

asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_numpy_is_loaded_by_whoever_asks_for_it_only() -> None:
    """eventkit wants it for sums over arrays of events; an embedding host may want it, too."""
    code = """
import asyncio, sys
from possync_tui.broker.library import load_library

path = list(sys.meta_path)

async def main():
    await load_library()
    assert "eventkit.ops.array" in sys.modules
    assert "numpy" not in sys.modules
    assert sys.meta_path == path
    from eventkit import Event
    event, sums = Event(), []
    event.array(2).sum().connect(sums.append)
    event.emit(3)
    event.emit(4)
    assert sums == [3, 7], sums
    import numpy
    assert type(sums[1]) is numpy.int64
    assert __builtins__.__import__.__module__ == "builtins"

asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


async def test_library_errors_do_not_reach_the_terminal_or_the_loggers_of_the_library(
    tws: ScriptedTws, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tws.rows = [["9999", "no such message"], position("1")]
    session = await connect()
    with pytest.raises(Exception, match="refused"):
        await session.broker.snapshot(5)
    await session.broker.connected(5)
    tws.client.drop()
    await session.until(lambda: len(tws.clients) == 3)
    assert {record.name.split(".")[0] for record in caplog.records} <= {"possync_tui", "asyncio"}
    assert not any(
        record.levelno >= logging.ERROR for record in caplog.records if record.name != "asyncio"
    )


async def test_many_sessions_leave_nothing_behind(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect(first_retry=0.0001)
    for number in range(1, 30):
        tws.client.drop()
        await session.until(partial(_more_than, tws.clients, number))
        await session.broker.connected(5)
    await session.until(lambda: len([t for t in asyncio.all_tasks() if _is_ours(t)]) <= 5)


def _more_than(things: Sized, number: int) -> bool:
    return len(things) > number


def _is_ours(task: "asyncio.Task[object]") -> bool:
    return "possync_tui/broker" in repr(task)
