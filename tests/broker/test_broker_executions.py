"""Fills and commissions: a failure is never an empty answer, and no fill that was sent is lost."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from possync_tui.broker.context import SessionContext
from possync_tui.broker.executions import ExecutionReports
from possync_tui.broker.fill_times import FillTimes
from possync_tui.broker.port import BrokerTimeout, BrokerUnavailable, RequestRefused
from possync_tui.broker.pulse import ClockWatch
from possync_tui.broker.quoting import Quoting, Units
from possync_tui.broker.rows import RowReader
from possync_tui.broker.wire import Wire
from possync_tui.cli import compose
from possync_tui.domain.connection import Phase
from possync_tui.domain.observations import Commission, Fill, RowPushed, Side
from possync_tui.settings import load
from tests.broker.conftest import Connect
from tests.broker.scripted import (
    EXECUTIONS,
    UNSET,
    Client,
    Fields,
    ScriptedTws,
    commission,
    error,
    execution,
    executions_end,
    position,
)
from tests.sync.conftest import START, HandClock


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is in Tokyo, TWS is not."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_a_fill_behind_much_else_counts_though_the_socket_ends_with_it(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    rows = [position("1", con_id=n) for n in range(1, 5001)]
    tws.send(*rows, execution("a.01", "100"))
    tws.client.end_stream()
    await session.until(lambda: len(tws.clients) == 2)
    assert [fill.exec_id for fill in session.of(Fill)] == ["a.01"]
    assert len(session.of(RowPushed)) == 5000


@pytest.mark.parametrize("between", [0, 5000])
async def test_a_fill_behind_the_end_of_the_session_counts_and_nothing_else(
    tws: ScriptedTws, connect: Connect, between: int
) -> None:
    """It has come: after midnight TWS would not send it again."""
    session = await connect()
    rows = [position("1", con_id=n) for n in range(1, between + 2)]
    given_up = error(504, "Not connected")
    tws.send(given_up, *rows, execution("a.01", "100"), commission("a.01"))
    await session.until(lambda: len(tws.clients) == 2)
    seen = [(type(e), e.exec_id) for e in session.events if isinstance(e, Fill | Commission)]
    assert seen == [(Fill, "a.01"), (Commission, "a.01")]
    assert session.of(RowPushed) == []


async def test_others_have_their_turn_while_a_session_ends_with_much_unread(
    tws: ScriptedTws, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    read = Wire._read

    def counting(wire: Wire, most: int) -> None:
        before = wire._at
        read(wire, most)
        lengths.append(wire._at - before)

    monkeypatch.setattr(Wire, "_read", counting)
    session = await connect()
    rows = [position("1", con_id=n) for n in range(1, 5001)]
    tws.send(error(504, "Not connected"), *rows, execution("a.01", "100"))
    await session.until(lambda: len(tws.clients) == 2)
    assert [fill.exec_id for fill in session.of(Fill)] == ["a.01"]
    assert sum(lengths) > 200_000
    assert max(lengths) < 20_000


async def test_others_have_their_turn_while_much_is_read(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    rows = [position("1", con_id=n) for n in range(1, 5001)]
    tws.send(*rows)
    seen = set()
    async with asyncio.timeout(5):
        while len(session.of(RowPushed)) < 5000:
            seen.add(len(session.of(RowPushed)))
            await asyncio.sleep(0)
    least = sorted(seen - {0})
    assert max(after - before for before, after in pairwise(least)) < 400


async def test_a_message_of_many_megabytes_does_not_stop_what_comes_behind_it(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    tws.send(["204", "1", "x" * 6_000_000], execution("a.01", "100"))
    await session.until(lambda: [fill.exec_id for fill in session.of(Fill)] == ["a.01"])


async def test_fills_are_the_text_of_the_wire(tws: ScriptedTws, connect: Connect) -> None:
    tws.fills = [
        execution("0000e0d5.67fe667b.01.01", "0.3333", "201.940000001", side="SLD"),
        commission("0000e0d5.67fe667b.01.01", "1.0003", "-68.051912"),
        execution("0000e0d5.67fe667c.01.01", "100", "-0.05"),
        commission("0000e0d5.67fe667c.01.01", "-0.25", UNSET),
    ]
    session = await connect()
    answer = await session.broker.executions(5)
    sold, bought = answer.fills
    assert (sold.side, sold.quantity, sold.price) == (
        Side.SOLD,
        Decimal("0.3333"),
        Decimal("201.940000001"),
    )
    assert (sold.perm_id, sold.client_id, sold.order_id, sold.order_ref) == (
        600745656,
        100,
        5,
        "ref",
    )
    assert (sold.exchange, sold.instrument.symbol) == ("IEX", "AAPL")
    assert sold.time == datetime(2025, 4, 15, 14, 38, 31, tzinfo=UTC)
    assert sold.raw_time == "20250415 10:38:31 US/Eastern"
    assert bought.price == Decimal("-0.05")
    closing, opening = answer.commissions
    assert (closing.amount, closing.broker_realized_pnl) == (
        Decimal("1.0003"),
        Decimal("-68.051912"),
    )
    assert (opening.amount, opening.broker_realized_pnl) == (Decimal("-0.25"), None)
    assert session.of(Fill) == []


async def test_no_fills_today_is_an_empty_answer(connect: Connect) -> None:
    session = await connect()
    answer = await session.broker.executions(5)
    assert (answer.fills, answer.commissions) == ((), ())


async def test_an_answer_that_nobody_waits_for_any_more_is_not_lost() -> None:
    """The wait runs out in the very turn of the event loop in which the answer came to its end."""
    emitted, noon = list[object](), datetime(2025, 4, 15, 16, tzinfo=UTC)
    context = SessionContext(
        "s", emitted.append, lambda: noon, lambda _: None, lambda: None, lambda: True
    )
    reader, is_asked = RowReader(FillTimes(ZoneInfo("UTC"))), asyncio.Event()
    units = Units(context, Quoting(), lambda: 8, lambda *_: None, lambda: 176)
    reports = ExecutionReports(context, reader, lambda: 7, lambda _: is_asked.set(), units)
    asking = asyncio.create_task(reports.executions(5))
    await is_asked.wait()
    reports.on_execution(execution("a.01", request_id=7))
    reports.on_end(executions_end(7))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    (fill,) = emitted
    assert isinstance(fill, Fill)
    assert fill.exec_id == "a.01"


async def test_an_error_is_an_exception(tws: ScriptedTws, connect: Connect) -> None:
    tws.answers[EXECUTIONS] = lambda client, request: client.send(
        error(321, "Error validating request", request[2])
    )
    session = await connect()
    with pytest.raises(RequestRefused, match="321") as refused:
        await session.broker.executions(60)
    assert refused.value.code == 321
    assert session.broker.state.phase is Phase.CONNECTED


async def test_no_end_is_a_timeout_and_what_came_is_not_lost(
    tws: ScriptedTws, connect: Connect
) -> None:
    def never_ends(client: Client, request: Fields) -> None:
        client.send(execution("a.01", request_id=request[2]), commission("a.01"))

    tws.answers[EXECUTIONS] = never_ends
    session = await connect()
    with pytest.raises(BrokerTimeout):
        await session.broker.executions(0.2)
    assert [fill.exec_id for fill in session.of(Fill)] == ["a.01"]
    assert [report.exec_id for report in session.of(Commission)] == ["a.01"]
    await session.until(lambda: len(tws.clients) == 2)


async def test_connectivity_lost_meanwhile_is_no_answer(tws: ScriptedTws, connect: Connect) -> None:
    def loses(client: Client, request: Fields) -> None:
        fill = execution("a.01", request_id=request[2])
        client.send(fill, error(1100, "lost"), executions_end(request[2]))

    tws.answers[EXECUTIONS] = loses
    session = await connect()
    with pytest.raises(BrokerUnavailable, match="1100"):
        await session.broker.executions(5)
    assert len(session.of(Fill)) == 1


async def test_pushes_are_events_in_the_order_of_the_wire(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    tws.send(
        commission("b.01", "2.5"),
        execution("b.01", "10"),
        execution("b.02", "10", "205"),
        commission("c.01"),
    )
    await session.until(lambda: len(session.of(Commission)) == 2)
    seen = [(type(e), e.exec_id) for e in session.events if isinstance(e, Fill | Commission)]
    assert seen == [(Commission, "b.01"), (Fill, "b.01"), (Fill, "b.02"), (Commission, "c.01")]
    first, corrected = session.of(Fill)
    assert first.base_id == corrected.base_id == "b"
    assert (first.revision, corrected.revision) == (1, 2)


async def test_a_push_during_a_request_is_an_event(tws: ScriptedTws, connect: Connect) -> None:
    def answers(client: Client, request: Fields) -> None:
        asked = execution("asked.01", request_id=request[2])
        client.send(asked, execution("pushed.01"), executions_end(request[2]))

    tws.answers[EXECUTIONS] = answers
    session = await connect()
    answer = await session.broker.executions(5)
    assert [fill.exec_id for fill in answer.fills] == ["asked.01"]
    assert [fill.exec_id for fill in session.of(Fill)] == ["pushed.01"]


@pytest.mark.parametrize(
    "bad",
    [
        execution("bad.01", ""),
        execution("bad.01", "NaN"),
        execution("bad.01", "-5"),
        execution("bad.01", "0"),
        execution("bad.01", price="1e300"),
        execution("bad.01", price=UNSET),
        execution("bad.01", side="BUY"),
        execution(""),
        execution("bad.01", account=""),
        execution("bad.01")[:-1],
    ],
)
async def test_an_unreadable_fill_is_told_and_the_others_count(
    tws: ScriptedTws, connect: Connect, bad: Fields
) -> None:
    tws.fills = [execution("good.01"), bad, execution("good.02")]
    session = await connect()
    answer = await session.broker.executions(5)
    assert [fill.exec_id for fill in answer.fills] == ["good.01", "good.02"]
    (problem,) = session.problems()
    assert problem.startswith("A fill cannot be read: execution")


@pytest.mark.parametrize(
    "bad",
    [
        commission("a", ""),
        commission("a", "NaN"),
        commission("", "1"),
        # In no currency it would count as known and be added to nothing: it stays pending.
        commission("a", "1", currency=""),
        commission("a", "1", currency=" "),
    ],
)
async def test_an_unreadable_commission_is_told(
    tws: ScriptedTws, connect: Connect, bad: Fields
) -> None:
    session = await connect()
    tws.send(bad, commission("good.01", "1", "NaN"))
    await session.until(lambda: session.of(Commission))
    (good,) = session.of(Commission)
    assert (good.exec_id, good.broker_realized_pnl, good.realized_text) == ("good.01", None, "NaN")
    assert len(session.problems()) == 2


@pytest.mark.parametrize(
    ("raw", "zone", "expected"),
    [
        ("20250415 10:38:31 US/Eastern", "", "2025-04-15T14:38:31"),
        ("20250415 16:38:31 MET", "", "2025-04-15T14:38:31"),
        ("20250415 23:38:31 JST", "", "2025-04-15T14:38:31"),
        ("20250415-14:38:31", "", "2025-04-15T14:38:31"),
        ("20250415-14:38:31", "US/Eastern", "2025-04-15T14:38:31"),
        ("20250415  10:38:31", "US/Eastern", "2025-04-15T14:38:31"),
        ("20250415 10:38:31", "US/Eastern", "2025-04-15T14:38:31"),
        ("20251215  10:38:31", "US/Eastern", "2025-12-15T15:38:31"),
        # Without a zone and a setting, TWS is taken to run on this machine: in Tokyo.
        ("20250415  10:38:31", "", "2025-04-15T01:38:31"),
    ],
)
@pytest.mark.usefixtures("tokyo")
async def test_times_do_not_follow_the_zone_of_the_machine(
    tws: ScriptedTws, connect: Connect, raw: str, zone: str, expected: str
) -> None:
    tws.fills = [execution("a.01", when=raw)]
    session = await connect(tws_timezone=zone)
    (fill,) = (await session.broker.executions(5)).fills
    assert fill.time == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert fill.raw_time == raw
    assert session.problems() == []


@pytest.mark.parametrize("raw", ["20250415 10:38:31 Mars/Olympus", "yesterday", "", "20251399 1:1"])
async def test_a_pushed_fill_with_an_unreadable_time_has_just_happened(
    tws: ScriptedTws, connect: Connect, raw: str
) -> None:
    session = await connect()
    tws.send(execution("a.01", when=raw))
    await session.until(lambda: session.of(Fill))
    (fill,) = session.of(Fill)
    assert abs(fill.time.timestamp() - time.time()) < 3
    assert fill.raw_time == raw
    assert "a.01" in session.problems()[0]


async def test_an_asked_fill_in_an_unknown_zone_is_read_in_the_usual_one_but_never_in_the_future(
    tws: ScriptedTws, connect: Connect
) -> None:
    tws.fills = [
        execution("a.01", when="20250415 10:38:31 Mars/Olympus"),
        execution("b.01", when="20990415 10:38:31 Mars/Olympus"),
    ]
    session = await connect(tws_timezone="US/Eastern")
    first, second = (await session.broker.executions(5)).fills
    assert first.time == datetime(2025, 4, 15, 14, 38, 31, tzinfo=UTC)
    assert abs(second.time.timestamp() - time.time()) < 3
    assert len(session.problems()) == 2


async def test_the_zone_of_tws_is_a_setting(tws: ScriptedTws, tmp_path: Path) -> None:
    tws.fills = [execution("a.01", when="20250415  10:38:31")]
    ledger = tmp_path / "ledger.sqlite3"
    environ = {"IBKR_PORT": tws.port, "IBKR_TIMEZONE": "Asia/Tokyo", "POSSYNC_LEDGER": ledger}
    engine = compose.engine(load(environ={key: str(value) for key, value in environ.items()}))
    await engine.start()
    await engine.connected(10)
    await engine.sync_now()
    await engine.stop()
    with closing(sqlite3.connect(ledger)) as db:
        (told,) = db.execute("SELECT time FROM fills").fetchone()
    assert datetime.fromisoformat(told) == datetime(2025, 4, 15, 1, 38, 31, tzinfo=UTC)


def test_a_time_yet_to_come_was_written_in_another_zone() -> None:
    """Read as it stands, the fill would be later than each snapshot until then, and count twice."""
    received = datetime(2025, 4, 15, 14, 38, 33, tzinfo=UTC)
    reader = RowReader(FillTimes(ZoneInfo("US/Pacific")))
    told = execution("a.01", when="20250415  10:38:31", request_id=7)
    read = reader.execution(told, received)
    assert read.fill.time == received
    assert read.fill.raw_time == "20250415  10:38:31"
    assert "IBKR_TIMEZONE" in read.doubt
    # Told once, and the same when it is asked for again.
    again = reader.execution(told, received + timedelta(minutes=5))
    assert (again.fill.time, again.doubt) == (received, "")
    # What names its zone is no guess: then it is our clock that is wrong.
    told = execution("b.01", when="20250415 10:38:31 US/Pacific", request_id=7)
    assert reader.execution(told, received).fill.time == received + timedelta(hours=3, seconds=-2)


def test_a_clock_that_is_set_back_does_not_make_a_fill_one_yet_to_come() -> None:
    clock = HandClock()
    watch = ClockWatch(clock)
    clock._now -= timedelta(hours=1)
    assert watch.now() == START
    assert watch.parted() == -3600
    # It ends the session; fills of it that are still to be read are of the same time.
    assert watch.now() == START
    # Ahead is what a machine that slept looks like: then the clock on the wall is right.
    watch = ClockWatch(clock)
    clock._now += timedelta(hours=2)
    assert watch.now() == clock.now()
