"""A snapshot is complete and exact, or an exception that changes nothing (promises 1, 2, 6)."""

import asyncio
import time
from decimal import Decimal

import pytest

from possync_tui.broker.port import BrokerTimeout, BrokerUnavailable, Notice, SnapshotRefused
from possync_tui.domain.connection import Phase
from possync_tui.domain.observations import ConnectivityLost, RowPushed, Snapshot
from tests.broker.conftest import Connect, Session
from tests.broker.scripted import (
    POSITION_END,
    POSITIONS,
    UNSET,
    Client,
    Fields,
    ScriptedTws,
    contract,
    error,
    frame,
    position,
)


def quantities(snapshot: Snapshot) -> dict[tuple[str, int], Decimal]:
    return {(row.account, row.instrument.con_id): row.quantity for row in snapshot.rows}


async def test_numbers_are_the_text_of_the_wire(tws: ScriptedTws, connect: Connect) -> None:
    tws.rows = [
        position("0.1", "301.050105000000000000001"),
        position("-110", "201.8829709", con_id=14204, symbol="SAP", account="DU2"),
        position("33333333333.3333333", "1e-7", con_id=3),
    ]
    session = await connect()
    snapshot = await session.broker.snapshot(5)
    first, second, third = snapshot.rows
    assert (first.quantity, first.average_cost) == (
        Decimal("0.1"),
        Decimal("301.050105000000000000001"),
    )
    assert (second.key.account, second.quantity) == ("DU2", Decimal(-110))
    assert (third.quantity, third.average_cost) == (Decimal("33333333333.3333333"), Decimal("1e-7"))
    assert third.average_cost_text == "1e-7"
    assert snapshot.accounts == ("DU1", "DU2")
    assert snapshot.session_id == session.broker.state.session_id
    assert session.of(RowPushed) == []


async def test_a_contract_is_the_text_of_the_wire(tws: ScriptedTws, connect: Connect) -> None:
    texts = contract(
        *(700, "SPX"),
        sec_type="OPT",
        expiry="20261218",
        strike="5000.0",
        right="P",
        multiplier="100",
        exchange="",
        local="SPX   261218P05000000",
        trading_class="SPXW",
    )
    tws.rows = [["61", "3", "DU1", *texts, "-2", "149.35"]]
    session = await connect()
    (row,) = (await session.broker.snapshot(5)).rows
    assert row.instrument.description == "SPX 18DEC26 5000 P"
    assert row.instrument.multiplier_value == 100
    assert (row.instrument.strike, row.instrument.right) == ("5000.0", "P")
    assert (row.instrument.local_symbol, row.instrument.trading_class) == (
        "SPX   261218P05000000",
        "SPXW",
    )


async def test_the_last_row_of_a_position_wins(tws: ScriptedTws, connect: Connect) -> None:
    tws.rows = [position("100"), position("5", con_id=2), position("0", "0.0")]
    session = await connect()
    snapshot = await session.broker.snapshot(5)
    assert quantities(snapshot) == {("DU1", 265598): 0, ("DU1", 2): 5}


async def test_rows_without_a_contract_id_are_kept_apart(
    tws: ScriptedTws, connect: Connect
) -> None:
    tws.rows = [position("1", con_id=0, symbol="A"), position("2", con_id="", symbol="B")]
    session = await connect()
    rows = (await session.broker.snapshot(5)).rows
    assert [(row.instrument.con_id, row.instrument.symbol) for row in rows] == [(0, "A"), (0, "B")]


async def test_an_empty_login_is_a_snapshot_of_no_rows(connect: Connect) -> None:
    session = await connect()
    assert (await session.broker.snapshot(5)).rows == ()


async def test_an_aggregate_account_holds_nothing(tws: ScriptedTws, connect: Connect) -> None:
    tws.rows = [position("100", account="All"), position("1", account="All"), position("7")]
    session = await connect()
    snapshot = await session.broker.snapshot(5)
    assert quantities(snapshot) == {("DU1", 265598): 7}
    assert len([n for n in session.of(Notice) if "'All'" in n.text]) == 1


HOSTILE_NUMBERS = ["", "NaN", "Infinity", "-inf", UNSET, "1e300", "12abc", "2147483647", "１２"]


@pytest.mark.parametrize("text", HOSTILE_NUMBERS)
async def test_a_bad_quantity_refuses_the_snapshot(
    tws: ScriptedTws, connect: Connect, text: str
) -> None:
    tws.rows = [position("5", con_id=2), position(text, symbol="TSLA")]
    session = await connect()
    with pytest.raises(SnapshotRefused, match=r"DU1 TSLA \(265598\): quantity is "):
        await session.broker.snapshot(5)
    assert any("TSLA" in text for text in session.problems())
    assert session.of(RowPushed) == []


@pytest.mark.parametrize(
    "row",
    [
        position("5", ""),
        position("5", "NaN"),
        position("5")[:-2],
        [*position("5"), "more"],
        position("5", account=""),
        position("5", con_id="abc"),
        position("5", con_id="-1"),
        position("5", multiplier="1oo"),
        position("5", multiplier="-100"),
        position("5", con_id="99999999999999999999"),
        ["61x", "3"],
        ["9999", "1", "no such message"],
        [],
    ],
)
async def test_an_unreadable_row_refuses_the_snapshot(
    tws: ScriptedTws, connect: Connect, row: Fields
) -> None:
    tws.rows = [position("1", con_id=2), row]
    session = await connect()
    with pytest.raises(SnapshotRefused):
        await session.broker.snapshot(5)
    assert session.problems()
    assert session.broker.state.phase is Phase.RECONNECTING
    tws.rows = [position("1", con_id=2)]
    await session.broker.connected(5)
    assert quantities(await session.broker.snapshot(5)) == {("DU1", 2): 1}


async def test_many_bad_rows_are_few_lines(tws: ScriptedTws, connect: Connect) -> None:
    tws.rows = [position("", con_id=number) for number in range(1, 200)]
    session = await connect()
    with pytest.raises(SnapshotRefused, match="and 198 more"):
        await session.broker.snapshot(5)
    assert len(session.problems()) < 10


async def test_a_snapshot_without_an_end_is_a_timeout_and_leaves_nothing_behind(
    tws: ScriptedTws, connect: Connect
) -> None:
    def never_ends(client: Client, _request: Fields) -> None:
        client.send(position("1", con_id=1), position("2", con_id=2))

    usual = tws.answers[POSITIONS]
    tws.answers[POSITIONS] = never_ends
    session = await connect()
    began = time.monotonic()
    with pytest.raises(BrokerTimeout):
        await session.broker.snapshot(0.2)
    assert time.monotonic() - began < 1
    stale = tws.client
    tws.answers[POSITIONS] = usual
    tws.rows = [position("7", con_id=3)]
    # The tail of the first answer, which must not end or fill the second.
    stale.send(position("9", con_id=9), POSITION_END)
    await session.until(lambda: len(tws.clients) == 2)
    state = await session.broker.connected(5)
    snapshot = await session.broker.snapshot(5)
    assert quantities(snapshot) == {("DU1", 3): 7}
    assert snapshot.session_id == state.session_id
    assert session.of(RowPushed) == []


async def test_a_cancelled_request_ends_the_session(tws: ScriptedTws, connect: Connect) -> None:
    usual = tws.answers[POSITIONS]
    tws.answers[POSITIONS] = lambda client, _request: client.send(position("1"))
    session = await connect()
    waiting = asyncio.create_task(session.broker.snapshot(5))
    await session.until(lambda: tws.client.seen(POSITIONS))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    tws.answers[POSITIONS] = usual
    await session.until(lambda: len(tws.clients) == 2)
    await session.broker.connected(5)
    assert (await session.broker.snapshot(5)).rows == ()


async def test_a_drop_in_the_middle_is_an_error(tws: ScriptedTws, connect: Connect) -> None:
    def drops(client: Client, _request: Fields) -> None:
        client.send(position("1"))
        client.drop()

    tws.answers[POSITIONS] = drops
    session = await connect()
    with pytest.raises(BrokerUnavailable):
        await session.broker.snapshot(5)
    await session.until(lambda: len(tws.clients) == 2)


async def test_nonsense_instead_of_a_frame_ends_the_session_at_once(
    tws: ScriptedTws, connect: Connect
) -> None:
    def garbles(client: Client, _request: Fields) -> None:
        client.send_bytes(frame(*position("1")) + b"\xff\xff\xff\xf0garbage")

    tws.answers[POSITIONS] = garbles
    session = await connect()
    with pytest.raises(BrokerUnavailable, match="announced"):
        await session.broker.snapshot(5)


async def test_a_row_after_the_end_is_a_push(tws: ScriptedTws, connect: Connect) -> None:
    def pushes(client: Client, _request: Fields) -> None:
        client.send(position("1"), POSITION_END, position("0", "0.0"), position("4", con_id=2))

    tws.answers[POSITIONS] = pushes
    session = await connect()
    snapshot = await session.broker.snapshot(5)
    assert quantities(snapshot) == {("DU1", 265598): 1}
    zero, other = session.of(RowPushed)
    assert (zero.row.quantity, zero.row.quantity_text) == (Decimal(0), "0")
    assert other.row.quantity == 4
    assert {zero.session_id, other.session_id} == {snapshot.session_id}


async def test_an_unreadable_push_is_a_notice_and_the_session_goes_on(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    tws.send(position("", symbol="MSFT"))
    await session.until(session.problems)
    assert "MSFT" in session.problems()[0]
    assert session.of(RowPushed) == []
    assert (await session.broker.snapshot(5)).rows == ()
    assert len(tws.clients) == 1


async def test_requests_at_the_same_time_wait_for_each_other(
    tws: ScriptedTws, connect: Connect
) -> None:
    def answers_slowly(client: Client, _request: Fields) -> None:
        number = len(client.seen(POSITIONS))
        client.send(position(str(number)))
        asyncio.get_running_loop().call_later(0.05, client.send, POSITION_END)

    tws.answers[POSITIONS] = answers_slowly
    session = await connect()
    snapshots = await asyncio.gather(*(session.broker.snapshot(5) for _ in range(3)))
    assert [snapshot.rows[0].quantity for snapshot in snapshots] == [1, 2, 3]


@pytest.mark.parametrize("code", [1100, 1101, 1102, 2110])
async def test_connectivity_lost_meanwhile_refuses_the_snapshot(
    tws: ScriptedTws, connect: Connect, code: int
) -> None:
    def loses(client: Client, _request: Fields) -> None:
        client.send(position("1"), error(code, "connectivity"), POSITION_END)

    tws.answers[POSITIONS] = loses
    session = await connect()
    with pytest.raises(SnapshotRefused, match=str(code)):
        await session.broker.snapshot(5)
    assert session.of(ConnectivityLost)


@pytest.mark.parametrize("code", [321, 322, 541, 553])
async def test_an_error_instead_of_positions_does_not_wait_for_the_limit(
    tws: ScriptedTws, connect: Connect, code: int
) -> None:
    tws.answers[POSITIONS] = lambda client, _request: client.send(error(code, "no"))
    session = await connect()
    with pytest.raises(SnapshotRefused, match=str(code)):
        await session.broker.snapshot(60)


async def test_an_unknown_error_in_the_middle_refuses_but_a_farm_notice_does_not(
    tws: ScriptedTws, connect: Connect
) -> None:
    notice = error(2103, "Market data farm connection is broken:usfarm")
    tws.rows = [position("1"), notice]
    session = await connect()
    assert len((await session.broker.snapshot(5)).rows) == 1
    tws.rows = [position("1"), error(9876, "never heard of")]
    with pytest.raises(SnapshotRefused, match="9876"):
        await session.broker.snapshot(5)


async def test_as_of_is_on_the_clock_of_the_broker(tws: ScriptedTws, connect: Connect) -> None:
    tws.clock_ahead = 3600
    session = await connect()
    await session.until(lambda: session.broker.state.clock_skew is not None)
    snapshot = await session.broker.snapshot(5)
    assert abs(snapshot.as_of.timestamp() - time.time() - 3600) < 2
    assert snapshot.started_at <= snapshot.as_of


async def test_nothing_can_be_asked_without_a_session(begin: Connect) -> None:
    session: Session = await begin(port=1)
    with pytest.raises(BrokerUnavailable):
        await session.broker.snapshot(1)
    with pytest.raises(BrokerUnavailable):
        await session.broker.executions(1)
