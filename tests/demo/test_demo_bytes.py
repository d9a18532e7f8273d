"""Bytes on the wire, field by field.

Layouts are those of recorded sessions of TWS (server version 173) and IB Gateway (200); the
values here are our own.
"""

from decimal import Decimal

import pytest

from possync_tui.demo import DemoGateway, Desk, GatewayOptions, Probe, TimeForm
from possync_tui.demo.wire import double, plain, rounded

UNSET = "1.7976931348623157E308"


async def _ask(gateway: DemoGateway, end: int, *request: str | int, top: int = 176) -> list[str]:
    """What the gateway answers, each message as text with | for NUL, welcome left out."""
    probe = await Probe.connect(gateway.port, client_id=9, versions=(100, top))
    await _welcomed(probe)
    probe.send(*request)
    answer = ["|".join(fields) + "|" for fields in await probe.until(end, 4)]
    await probe.close()
    return answer


async def _welcomed(probe: Probe) -> list[list[str]]:
    seen = await probe.until(4)
    return [*seen, *await probe.until(4), *await probe.until(4)]


async def test_frames_have_a_big_endian_length_and_fields_end_with_nul(
    gateway: DemoGateway,
) -> None:
    probe = await Probe.connect(gateway.port)
    assert await probe.payload() == b"15\x001\x00DU1000001,DU1000002\x00"
    assert await probe.payload() == b"9\x001\x001\x00"


async def test_the_welcome_names_accounts_order_id_and_farms(gateway: DemoGateway) -> None:
    welcome = await _welcomed(await Probe.connect(gateway.port))
    assert [fields[0] for fields in welcome] == ["15", "9", "4", "4", "4"]
    farm = ["4", "2", "-1", "2104", "Market data farm connection is OK:usfarm", ""]
    assert welcome[2] == farm
    assert [fields[3] for fields in welcome[2:]] == ["2104", "2106", "2158"]


@pytest.mark.parametrize(("top", "fields"), [(157, 5), (165, 5), (166, 6), (176, 6)])
async def test_an_error_has_the_reject_field_from_version_166(
    gateway: DemoGateway, top: int, fields: int
) -> None:
    probe = await Probe.connect(gateway.port, versions=(157, top))
    assert probe.version == top
    assert len((await _welcomed(probe))[-1]) == fields


@pytest.mark.parametrize(
    ("own", "top", "agreed"), [(176, 178, 176), (176, 157, 157), (163, 176, 163)]
)
async def test_the_version_is_the_smaller_of_both(
    desk: Desk, own: int, top: int, agreed: int
) -> None:
    gateway = DemoGateway(desk, options=GatewayOptions(server_version=own))
    await gateway.start()
    probe = await Probe.connect(gateway.port, versions=(100, top))
    await gateway.stop()
    assert probe.version == agreed


async def test_position_rows(gateway: DemoGateway) -> None:
    assert await _ask(gateway, 62, 61, 1) == [
        # version 3; strike 0.0 for what has none, exchange for shares only, quantity without zeros
        "61|3|DU1000001|265598|AAPL|STK||0.0|||NASDAQ|USD|AAPL|NMS|100|10.01|",
        "61|3|DU1000001|700001|AAPL|OPT|20250620|230.0|C|100||USD|AAPL  250620C00230000|AAPL"
        "|-2|149.35|",
        "61|3|DU1000001|700002|ES|FUT|20250620|0.0||50||USD|ESM5|ES|-1|250014.75|",
        "61|3|DU1000002|14204|SAP|STK||0.0|||IBIS|EUR|SAP|NMS|0.3333|301.050105|",
        "61|3|DU1000002|127128131|AAPL|BOND||0.0||||USD|IBCID127128131|AAPL|10000|0.9845|",
        "62|1|",
    ]


async def test_a_close_pushes_a_row_of_literal_zero(gateway: DemoGateway, desk: Desk) -> None:
    probe = await Probe.connect(gateway.port)
    probe.send(61, 1)
    await probe.until(62)
    desk.close("DU1000001", 265598)
    assert (await probe.fields())[-2:] == ["0", "0.0"]
    probe.send(61, 1)
    assert (await probe.fields())[3] == "700001"


@pytest.mark.parametrize(
    ("form", "time"),
    [
        (TimeForm.ZONED, "20250415 12:00:00 US/Eastern"),
        (TimeForm.ZONELESS, "20250415  12:00:00"),
        (TimeForm.UTC, "20250415-16:00:00"),
    ],
)
async def test_executions_and_their_commissions(desk: Desk, form: TimeForm, time: str) -> None:
    gateway = DemoGateway(desk, options=GatewayOptions(time_form=form))
    await gateway.start()
    first = desk.trade("DU1000001", 265598, "BUY", 50, "12.5", 1)
    second = desk.trade("DU1000001", 700001, "BUY", 1, "1.2", "0.65")
    answer = await _ask(gateway, 55, 7, 3, 44, 0, "", "", "", "", "", "")
    await gateway.stop()
    assert first.exec_id == "0000e0d5.67fe8280.01.01"  # seconds since 1970 in hex, a counter
    assert answer == [
        f"11|44|0|265598|AAPL|STK||0.0|||NASDAQ|USD|AAPL|NMS|{first.exec_id}|{time}|DU1000001"
        "|NASDAQ|BOT|50|12.5|600745001|0|0|50|12.5|||||2|",
        # opening: realized unset; yield unset and its date blank, always
        f"59|1|{first.exec_id}|1.0|USD|{UNSET}|{UNSET}||",
        f"11|44|0|700001|AAPL|OPT|20250620|230.0|C|100|CBOE|USD|AAPL  250620C00230000|AAPL"
        f"|{second.exec_id}|{time}|DU1000001|CBOE|BOT|1|1.2|600745002|0|0|1|1.2|||||2|",
        # closing: (149.35 - 120) - 0.65, net of both commissions
        f"59|1|{second.exec_id}|0.65|USD|28.7|{UNSET}||",
        "55|1|44|",
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((0, "DU1000002", "", "", "", "", ""), ["14204"]),
        ((0, "", "", "SAP", "", "", ""), ["14204"]),
        ((0, "", "", "", "FUT", "", ""), ["700002"]),
        ((0, "", "", "", "", "CME", ""), ["700002"]),
        ((0, "", "", "", "", "", "SELL"), ["700002"]),
        ((5, "", "", "", "", "", ""), ["265598"]),
        ((0, "", "20250415 11:00:00 US/Eastern", "", "", "", ""), ["14204", "700002"]),
        ((0, "", "20250415-15:00:00", "", "", "", ""), ["14204", "700002"]),
    ],
)
async def test_an_execution_filter_is_obeyed(
    gateway: DemoGateway, desk: Desk, asked: tuple[str | int, ...], found: list[str]
) -> None:
    early = desk.midnight().replace(hour=9)
    desk.trade("DU1000001", 265598, "BUY", 1, 12, time=early, client_id=5)
    desk.trade("DU1000002", 14204, "BUY", 1, 330)
    desk.trade("DU1000001", 700002, "SELL", 1, 5010)
    answer = await _ask(gateway, 55, 7, 3, 1, *asked)
    assert [line.split("|")[3] for line in answer if line.startswith("11|")] == found


async def test_account_updates(gateway: DemoGateway, desk: Desk) -> None:
    answer = await _ask(gateway, 54, 6, 2, 1, "DU1000001")
    assert "6|2|AccountCode|DU1000001||DU1000001|" in answer
    assert "6|2|CashBalance|5000.50|USD|DU1000001|" in answer
    rows = [line for line in answer if line.startswith("7|")]
    assert rows[:2] == [
        # version 8; strike and right 0 for what has none; value and P&L in cents
        "7|8|265598|AAPL|STK||0|0||NASDAQ|USD|AAPL|NMS|100|12|1200.00|10.01|199.00|0.00|DU1000001|",
        "7|8|700001|AAPL|OPT|20250620|230|C|100||USD|AAPL  250620C00230000|AAPL|-2|1.25|-250.00"
        "|149.35|48.70|0.00|DU1000001|",
    ]
    assert len(rows) == 3  # one account at a time
    assert answer[-2:] == ["8|1|12:00|", "54|1|DU1000001|"]


async def test_pnl_of_one_position_is_doubles_with_realized_unset(
    gateway: DemoGateway, desk: Desk
) -> None:
    desk.set_mark(265598, "12.5")
    assert await _ask(gateway, 95, 94, 3, "DU1000001", "", 265598) == [
        f"95|3|100|50.0|249.0|{UNSET}|1250.0|"
    ]
    assert await _ask(gateway, 95, 94, 3, "DU1000002", "", 265598) == [
        f"95|3|0|{'|'.join([UNSET] * 4)}|"
    ]


async def test_pnl_of_an_account_is_in_the_base_currency(gateway: DemoGateway, desk: Desk) -> None:
    desk.set_mark(14204, 340)
    assert (await _ask(gateway, 94, 92, 3, "DU1000002", ""))[0].startswith("94|3|3.6663|")


@pytest.mark.parametrize("top", [157, 163, 164, 176])
async def test_contract_details_of_a_share_by_version(gateway: DemoGateway, top: int) -> None:
    request = (9, 8, 5, 265598, "", "", "", "0.0", "", "", "", "", "", "", "", 0, "", "")
    details, end = await _ask(gateway, 52, *request, top=top)
    old = top < 164
    head = "10|8|5|" if old else "10|5|"
    assert details.startswith(f"{head}AAPL|STK||0||SMART|USD|AAPL|NMS|NMS|265598|0.01|")
    tail = {157: "COMMON|", 163: "COMMON|1|"}.get(top, "COMMON|1|1|1|")
    assert details.endswith(tail)
    # below 164: message version, mdSizeMultiplier; from 164: three sizes
    assert details.count("|") == {157: 39}.get(top, 40)
    assert end == "52|1|5|"


@pytest.mark.parametrize("top", [157, 176])
async def test_a_bond_has_its_own_details(gateway: DemoGateway, top: int) -> None:
    request = (9, 8, 5, 127128131, "", "", "", "0.0", "", "", "", "", "", "", "", 0, "", "")
    details, _ = await _ask(gateway, 52, *request, top=top)
    head = "18|6|5" if top < 164 else "18|5"
    assert details.startswith(
        f"{head}||BOND|IBCID127128131|||||||0|0|0|AAPL 3.85 05/04/43|SMART|USD|AAPL|AAPL"
        "|127128131|0.001|"
    )


async def test_small_answers(gateway: DemoGateway) -> None:
    assert await _ask(gateway, 49, 49, 1) == ["49|1|1744732800|"]
    assert await _ask(gateway, 53, 5, 1) == ["53|1|"]
    assert await _ask(gateway, 53, 16, 1) == ["53|1|"]
    assert await _ask(gateway, 102, 99, 0) == ["102|"]
    assert await _ask(gateway, 9, 8, 1, 1) == ["9|1|1|"]
    assert await _ask(gateway, 15, 17, 1) == ["15|1|DU1000001,DU1000002|"]
    assert await _ask(gateway, 78, 80) == ["78|1|*||"]
    assert await _ask(gateway, 64, 62, 1, 2, "All", "TotalCashValue") == [
        "63|1|2|DU1000001|TotalCashValue|5000.50|USD|",
        "63|1|2|DU1000002|TotalCashValue|110.00|USD|",
        "64|1|2|",
    ]
    assert (await _ask(gateway, 74, 76, 1, 4, "DU1000001", "", 0))[-1] == "74|1|4|"
    multi = await _ask(gateway, 72, 74, 1, 4, "DU1000002", "")
    assert multi[0] == "71|1|4|DU1000002|14204|SAP|STK||0.0|||IBIS|EUR|SAP|NMS|0.3333|301.050105||"
    assert await _ask(gateway, 79, 81, 6, "aap") == [
        "79|6|1|265598|AAPL|STK|NASDAQ|USD|0|AAPL INC||"
    ]
    assert await _ask(gateway, 79, 81, 6, "aap", top=157) == [
        "79|6|1|265598|AAPL|STK|NASDAQ|USD|0|"
    ]


@pytest.mark.parametrize(
    ("request_fields", "req_id", "code"),
    [
        ((9, 8, 5, 404, "", "", "", "0.0", "", "", "", "", "", "", "", 0, "", ""), "5", "200"),
        ((1, 11, 6, 265598, "AAPL"), "6", "354"),
        ((3, 77, 265598, "AAPL", "STK"), "77", "321"),
        ((4, 1, 78, ""), "78", "321"),
        ((58, 1), "-1", "321"),
        ((20, 8, 265598), "8", "321"),
        ((6, 2, 1, "DU404"), "-1", "321"),
        ((94, 9, "DU404", "", 1), "9", "321"),
        ((7, 3, 10, "x", "", "", "", "", "", ""), "10", "321"),
        ((7, 3, 10, 0, "", "noon", "", "", "", ""), "10", "321"),
        ((777, 1), "-1", "320"),
    ],
)
async def test_what_cannot_be_answered_gets_an_error(
    gateway: DemoGateway, request_fields: tuple[str | int, ...], req_id: str, code: str
) -> None:
    error = (await _ask(gateway, 4, *request_fields))[-1].split("|")
    assert (error[0], error[2], error[3]) == ("4", req_id, code)
    assert gateway.orders_refused == (request_fields[0] in {3, 4, 58})


async def test_requests_are_kept_as_they_came(gateway: DemoGateway) -> None:
    await _ask(gateway, 62, 61, 1)
    seen = [(r.client_id, r.name, r.fields) for r in gateway.requests_seen]
    assert seen == [(None, "startApi", ("71", "2", "9", "")), (9, "reqPositions", ("61", "1"))]


def test_number_texts() -> None:
    assert [plain(Decimal(t)) for t in ("100", "1E+2", "0.50", "-0", "-110.0", "0.00000001")] == [
        *("100", "100", "0.5", "0", "-110", "0.00000001")
    ]
    assert [double(Decimal(t)) for t in ("0", "450", "-1.25")] == ["0.0", "450.0", "-1.25"]
    assert rounded(Decimal("291.26608125"), 7) == "291.2660812"
