"""Each fault of the gateway does to the bytes what it says."""

import asyncio
import contextlib
import math

import pytest

from possync_tui.demo import (
    HOSTILE_TEXTS,
    DemoGateway,
    Desk,
    Fault,
    FaultField,
    FaultKind,
    GatewayOptions,
    ManualClock,
    Probe,
)


async def _ready(gateway: DemoGateway) -> Probe:
    """A client that has been welcomed."""
    probe = await Probe.connect(gateway.port)
    probe.send(49, 1)
    await probe.until(49)
    return probe


async def _snapshot(gateway: DemoGateway) -> list[list[str]]:
    probe = await _ready(gateway)
    probe.send(61, 1)
    found = await probe.until(62)
    await gateway.drop_clients()
    return found


async def _is_good(gateway: DemoGateway, desk: Desk) -> bool:
    """Whether the next snapshot is the desk's truth again."""
    rows = [(f[2], f[3], f[-2]) for f in await _snapshot(gateway) if f[0] == "61"]
    return rows == [(p.account, str(p.con_id), str(p.quantity)) for p in desk.positions()]


async def test_drop_closes_the_socket_after_so_many_rows(gateway: DemoGateway, desk: Desk) -> None:
    gateway.inject(Fault(FaultKind.DROP, once=True, after=2))
    probe = await _ready(gateway)
    probe.send(61, 1)
    assert [(await probe.fields())[0] for _ in range(2)] == ["61", "61"]
    with pytest.raises(asyncio.IncompleteReadError):
        await probe.fields()
    assert await _is_good(gateway, desk)


async def test_never_end_sends_all_rows_but_no_end(gateway: DemoGateway, desk: Desk) -> None:
    gateway.inject(Fault(FaultKind.NEVER_END, once=True))
    probe = await _ready(gateway)
    probe.send(61, 1)
    assert {(await probe.fields())[0] for _ in range(5)} == {"61"}
    assert await probe.silent()
    await probe.close()
    assert await _is_good(gateway, desk)


async def test_empty_has_an_end_and_no_rows_until_cleared(gateway: DemoGateway, desk: Desk) -> None:
    gateway.inject(Fault(FaultKind.EMPTY))
    assert await _snapshot(gateway) == [["62", "1"]]
    assert await _snapshot(gateway) == [["62", "1"]]
    gateway.clear_faults()
    assert await _is_good(gateway, desk)


async def test_freeze_keeps_the_socket_open_and_says_nothing(
    gateway: DemoGateway, desk: Desk, clock: ManualClock
) -> None:
    probe = await _ready(gateway)
    probe.send(61, 1)
    await probe.until(62)
    gateway.inject(Fault(FaultKind.FREEZE))
    probe.send(49, 1)
    desk.close("DU1000001", 265598)
    gateway.notice(1100, "lost")
    await clock.advance(500)
    assert await probe.silent()
    gateway.clear_faults()
    probe.send(49, 1)
    assert (await probe.fields())[0] == "49"


async def test_refuse_closes_the_port_and_the_same_port_comes_back(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.REFUSE))
    with pytest.raises(ConnectionRefusedError):
        await Probe.connect(gateway.port)
    gateway.clear_faults()
    assert (await Probe.connect(gateway.port)).version == 176


async def test_close_on_accept(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.CLOSE_ON_ACCEPT, once=True))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await Probe.connect(gateway.port)
    assert (await Probe.connect(gateway.port)).version == 176


@pytest.mark.parametrize("code", [1100, 1101, 1102, 2110])
async def test_notices_come_in_the_middle_of_a_snapshot_or_at_any_time(
    gateway: DemoGateway, code: int
) -> None:
    gateway.inject(Fault(FaultKind.NOTICE, once=True, after=2, code=code, text="[red]lost"))
    found = await _snapshot(gateway)
    assert [f[0] for f in found] == ["61", "61", "4", "61", "61", "61", "62"]
    assert found[2][2:5] == ["-1", str(code), "[red]lost"]
    probe = await _ready(gateway)
    gateway.notice(code, "again")
    assert (await probe.fields())[3] == str(code)


async def test_rows_that_cannot_be_decoded(gateway: DemoGateway, desk: Desk) -> None:
    gateway.inject(Fault(FaultKind.BAD_NUMBER_ROW, once=True, con_id=265598))
    gateway.inject(Fault(FaultKind.BLANK_QUANTITY, once=True, con_id=700001))
    gateway.inject(Fault(FaultKind.SHORT_ROW, once=True, con_id=700002))
    by_id = {f[3]: f for f in await _snapshot(gateway) if f[0] == "61"}
    assert by_id["265598"][-2] == "1.2.3"
    assert by_id["700001"][-2] == ""
    assert len(by_id["700002"]) == 14
    assert by_id["14204"][-2] == "0.3333"
    assert await _is_good(gateway, desk)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("unset", "1.7976931348623157E308"),
        ("nan", "NaN"),
        ("inf", "Infinity"),
        ("absurd", "1e300"),
        ("blank", ""),
        ("-7.5", "-7.5"),
    ],
)
async def test_numbers_that_must_not_get_in(
    gateway: DemoGateway, desk: Desk, value: str, text: str
) -> None:
    desk.trade("DU1000001", 265598, "SELL", 10, 12, 1)
    for field in FaultField:
        if field not in {FaultField.SYMBOL, FaultField.LOCAL_SYMBOL}:
            gateway.inject(Fault(FaultKind.VALUE, value=value, field=field, con_id=265598))
    probe = await _ready(gateway)
    probe.send(61, 1)
    assert (await probe.until(62))[0][-2:] == [text, text]
    probe.send(7, 3, 1, 0, "", "", "", "", "", "")
    fill, commission, _ = await probe.until(55)
    assert (fill[19], fill[20], commission[3], commission[5]) == (text, text, text, text)
    probe.send(6, 2, 1, "DU1000001")
    assert next(f for f in await probe.until(54) if f[0] == "7")[14] == text
    probe.send(94, 2, "DU1000001", "", 265598)
    assert (await probe.fields())[-1] == text
    assert not text or text == "-7.5" or not 0 <= abs(float(text)) < 1e15 or math.isnan(float(text))


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
async def test_hostile_strings_arrive_as_they_are(gateway: DemoGateway, text: str) -> None:
    for field in (FaultField.SYMBOL, FaultField.LOCAL_SYMBOL):
        gateway.inject(Fault(FaultKind.HOSTILE_TEXT, text=text, field=field, con_id=265598))
    gateway.inject(Fault(FaultKind.NOTICE, code=2103, text=text))
    notice, row, *_ = await _snapshot(gateway)
    assert notice[4] == text
    assert (row[4], row[12]) == (text, text)


async def test_executions_without_an_end_or_with_an_error(gateway: DemoGateway, desk: Desk) -> None:
    desk.trade("DU1000001", 265598, "SELL", 10, 12, 1)
    gateway.inject(Fault(FaultKind.EXECUTIONS_ERROR, once=True, code=322, text="busy"))
    gateway.inject(Fault(FaultKind.EXECUTIONS_NEVER_END, once=True))
    gateway.inject(Fault(FaultKind.NO_COMMISSION, once=True))
    probe = await _ready(gateway)
    ask = (7, 3, 6, 0, "", "", "", "", "", "")
    probe.send(*ask)
    assert (await probe.fields())[2:5] == ["6", "322", "busy"]
    probe.send(*ask)
    assert (await probe.fields())[0] == "11"
    assert await probe.silent()
    probe.send(*ask)
    assert [f[0] for f in await probe.until(55)] == ["11", "59", "55"]


async def test_delayed_answers(gateway: DemoGateway, clock: ManualClock) -> None:
    probe = await _ready(gateway)
    gateway.inject(Fault(FaultKind.DELAY, seconds=30))
    probe.send(49, 1)
    assert await probe.silent()
    await clock.advance(30)
    assert (await probe.fields())[0] == "49"


async def test_duplicate_rows_and_a_push_in_the_middle(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.DUPLICATE_ROWS, once=True))
    push = Fault(FaultKind.PUSH_MID_SNAPSHOT, once=True, after=1, con_id=265598, value="55")
    gateway.inject(push)
    rows = [(f[3], f[-2]) for f in await _snapshot(gateway) if f[0] == "61"]
    assert rows[:4] == [("265598", "100"), ("265598", "100"), ("265598", "55"), ("700001", "-2")]
    assert len(rows) == 11


async def test_an_omitted_row(gateway: DemoGateway, desk: Desk) -> None:
    gateway.inject(Fault(FaultKind.OMIT_ROW, once=True, con_id=265598, account="DU1000001"))
    assert (await _snapshot(gateway))[0][3] == "700001"
    assert await _is_good(gateway, desk)


async def test_another_list_of_accounts(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.ACCOUNTS, text="DU1000001,DU8888888"))
    probe = await Probe.connect(gateway.port)
    assert (await probe.fields())[2] == "DU1000001,DU8888888"


async def test_slow_writes_come_a_byte_at_a_time(gateway: DemoGateway, clock: ManualClock) -> None:
    probe = await _ready(gateway)
    gateway.inject(Fault(FaultKind.SLOW_WRITES, seconds=1))
    probe.send(49, 1)
    reading = asyncio.create_task(probe.fields())
    await asyncio.sleep(0.05)
    assert not reading.done()
    await clock.advance(100)
    assert (await reading)[0] == "49"


async def test_a_frame_length_of_garbage(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.GARBAGE_FRAME, once=True, after=1))
    probe = await _ready(gateway)
    probe.send(61, 1)
    await probe.fields()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await probe.payload()


async def test_an_old_server_version(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.SERVER_VERSION, once=True, code=100))
    assert (await Probe.connect(gateway.port)).version == 100


async def test_an_unknown_message(gateway: DemoGateway) -> None:
    gateway.inject(Fault(FaultKind.UNKNOWN_MESSAGE, once=True))
    assert (await _snapshot(gateway))[0][0] == "999"


async def test_zero_rows_of_what_was_closed_today(desk: Desk) -> None:
    gateway = DemoGateway(desk, options=GatewayOptions(zero_rows=True))
    await gateway.start()
    desk.close("DU1000001", 265598)
    rows = await _snapshot(gateway)
    await gateway.stop()
    assert rows[0][-2:] == ["0", "0.0"]


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"API\0\x7f\xff\xff\xff", b"API\0\0\0\0\1x"]
)
async def test_what_is_no_client_is_closed_and_harms_nobody(
    gateway: DemoGateway, desk: Desk, garbage: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(garbage)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    assert await _is_good(gateway, desk)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": FaultKind.VALUE},
        {"kind": FaultKind.VALUE, "field": FaultField.SYMBOL},
        {"kind": FaultKind.HOSTILE_TEXT, "field": FaultField.QUANTITY},
        {"kind": FaultKind.NOTICE},
        {"kind": FaultKind.DELAY},
        {"kind": FaultKind.DROP, "after": -1},
    ],
)
def test_a_fault_that_could_not_be_applied_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"field|code|seconds|negative"):
        Fault(**wrong)  # type: ignore[arg-type]
