"""Scenario files, commands of another process, and serving."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.demo import (
    DemoGateway,
    Desk,
    GatewayOptions,
    ManualClock,
    NotLoopbackError,
    Probe,
    ScenarioError,
    TimeForm,
    build_scenario,
    load_scenario,
    run_timeline,
    serve,
)
from possync_tui.demo.actions import perform_line
from possync_tui.demo.scenario import __doc__ as documented

TOML = """
[options]
seed = 4
time_form = "utc"
master_client_id = 7
server_version = 170

[rates]
EUR = 1.0842

[[accounts]]
code = "DU1000001"
cash = { USD = 1000.10 }

[[positions]]
account = "DU1000001"
con_id = 265598
symbol = "AAPL"
primary_exchange = "NASDAQ"
quantity = 100
average_cost = 10.0100001
price = 12

[[positions]]
account = "DU1000001"
con_id = 9
symbol = "T"
sec_type = "BOND"
quantity = 0
price = 99.5

[[executions]]
account = "DU1000001"
con_id = 265598
side = "SELL"
quantity = 40
price = 11
commission = 0.5
time = "09:31:05"

[[timeline]]
at = 20
do = "close"
account = "DU1000001"
con_id = 265598

[[timeline]]
at = 5.5
do = "price"
con_id = 265598
price = 12.75
"""


def _minimal() -> dict[str, object]:
    position = {
        "account": "DU1000001",
        "con_id": 1,
        "symbol": "X",
        "quantity": 1,
        "average_cost": 1,
        "price": 1,
    }
    return {"accounts": [{"code": "DU1000001"}], "positions": [position]}


async def test_a_toml_file_makes_a_desk_options_and_a_timeline(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "day.toml"
    path.write_text(TOML)
    desk, options, steps = load_scenario(path, clock)
    (row,) = desk.positions()
    assert (row.quantity, row.average_cost) == (Decimal(60), Decimal("10.0100001"))
    assert desk.executions_today()[0].time == datetime(2025, 4, 15, 13, 31, 5, tzinfo=UTC)
    assert desk.rates["EUR"] == Decimal("1.0842")
    assert (options.time_form, options.master_client_id) == (TimeForm.UTC, 7)
    assert options.server_version == 170
    assert options.background is not None
    assert options.background.trade_interval is None  # a timeline stands for itself
    gateway = DemoGateway(desk, options=options)
    await gateway.start()
    playing = asyncio.create_task(run_timeline(gateway, steps))
    await clock.advance(6)
    assert desk.mark(265598) == Decimal("12.75")
    assert len(desk.executions) == 1
    await clock.advance(20)
    assert desk.positions() == []
    assert [reply["ok"] for reply in await playing] == [True, True]
    await gateway.stop()


def test_json_has_the_same_structure(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "day.json"
    path.write_text(json.dumps(_minimal()))
    desk, options, steps = load_scenario(path, clock, seed=9)
    assert desk.positions()[0].quantity == 1
    assert options.background is not None
    assert options.background.seed == 9
    assert options.background.trade_interval == (10.0, 25.0)
    assert steps == ()


def test_the_documented_example_is_a_scenario(tmp_path: Path, clock: ManualClock) -> None:
    assert documented is not None
    lines = documented.split("::\n", 1)[1].splitlines()
    path = tmp_path / "documented.toml"
    path.write_text("\n".join(line[4:] for line in lines))
    desk, options, steps = load_scenario(path, clock)
    assert desk.positions()[0].quantity == 110
    assert options.master_client_id == 7
    assert [step.action.do for step in steps] == ["close"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"accounts": []}, "accounts: a desk needs an account"),
        ({"accounts": [{}]}, "accounts[0].code: is missing"),
        ({"accounts": 3}, "accounts: expected a list"),
        ({"speed": 3}, "speed: unknown key"),
        ({"options": {"sed": 3}}, "options.sed: unknown key"),
        ({"options": {"seed": "3"}}, "options.seed: expected a whole number"),
        ({"options": {"seed": True}}, "options.seed: expected a whole number"),
        ({"options": {"tick_interval": -1}}, "options.tick_interval: cannot be negative"),
        ({"options": {"trade_interval": [5, 1]}}, "options.trade_interval: expected 0 <"),
        ({"options": {"trade_interval": "on"}}, "options.trade_interval: expected [shortest"),
        ({"options": {"server_version": 200}}, "options.server_version: 200"),
        ({"options": {"time_form": "local"}}, "options.time_form: 'local' is none of zoned"),
        ({"options": {"time_zone": "Mars/Crater"}}, "options.time_zone: no such zone"),
        ({"options": {"zero_rows": 1}}, "options.zero_rows: expected true or false"),
        ({"rates": {"EUR": "one"}}, "rates.EUR: not a number"),
        ({"positions": [{"account": "DU2"}]}, "positions[0].account: 'DU2' is not among"),
        ({"executions": [{"account": "DU1000001", "con_id": 2}]}, "executions[0].con_id: 2"),
        ({"timeline": [{"do": "close"}]}, "timeline[0].at: is missing"),
        ({"timeline": [{"at": 1, "do": "dance"}]}, "timeline[0].do: 'dance' is none of trade"),
        ({"timeline": [{"at": 1, "do": "drop", "x": 1}]}, "timeline[0].x: unknown key"),
        ({"timeline": [{"at": 1, "do": "fault", "kind": "x"}]}, "timeline[0].kind: 'x'"),
        ({"timeline": [{"at": 1, "do": "fault", "kind": "notice"}]}, "timeline[0].code"),
        ({"timeline": [{"at": 1, "do": "fault", "kind": "value"}]}, "timeline[0].field"),
    ],
)
def test_a_complaint_names_the_key(
    clock: ManualClock, change: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        build_scenario({**_minimal(), **change}, clock)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"quantity": "NaN"}, "positions[0].quantity: not a finite number"),
        ({"quantity": "many"}, "positions[0].quantity: not a number"),
        ({"price": None}, "positions[0].price: expected a number"),
        ({"symbol": 5}, "positions[0].symbol: expected text"),
        ({"con_id": "1"}, "positions[0].con_id: expected a whole number"),
        ({"stike": 5}, "positions[0].stike: unknown key"),
    ],
)
def test_a_complaint_names_the_position(
    clock: ManualClock, change: dict[str, object], complaint: str
) -> None:
    scenario = _minimal()
    positions = scenario["positions"]
    assert isinstance(positions, list)
    with pytest.raises(ScenarioError) as caught:
        build_scenario({**scenario, "positions": [{**positions[0], **change}]}, clock)
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", "= 1"),
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.yaml", ""),
        ("missing.toml", None),
        ("a.toml", b"\xff\xfe"),
    ],
)
def test_a_file_that_is_no_scenario_is_named(
    tmp_path: Path, clock: ManualClock, name: str, content: str | bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ScenarioError, match=name):
        load_scenario(path, clock)


def _command(gateway: DemoGateway, **command: object) -> dict[str, object]:
    reply = json.loads(perform_line(gateway, json.dumps(command)))
    assert isinstance(reply, dict)
    return reply


async def test_commands_do_what_the_desk_can(gateway: DemoGateway, desk: Desk) -> None:
    share = {"account": "DU1000001", "con_id": 265598}
    done = _command(gateway, do="trade", **share, side="SELL", quantity="2.5", price=12)
    assert done == {"ok": True, "exec_id": desk.executions[0].exec_id}
    assert desk.positions()[0].quantity == Decimal("97.5")
    assert _command(gateway, do="correct", **share, price=11)["ok"]
    assert desk.executions[-1].exec_id.endswith(".02")
    assert _command(gateway, do="flip", **share, price=12)["ok"]
    assert desk.positions()[0].quantity == Decimal("-97.5")
    assert _command(gateway, do="close", **share)["ok"]
    hidden = _command(gateway, do="trade", **share, side="BUY", quantity=4, with_execution=False)
    assert _command(gateway, do="reveal", exec_id=hidden["exec_id"])["ok"]
    assert desk.executions[-1].reported
    assert _command(gateway, do="split", con_id=265598, new=2)["ok"]
    assert _command(gateway, do="price", con_id=265598, price=7)["ok"]
    assert _command(gateway, do="push", **share)["ok"]
    assert desk.mark(265598) == 7
    state = _command(gateway, do="state")
    positions = state["positions"]
    assert isinstance(positions, list)
    assert positions[0]["quantity"] == "8"
    renamed = {"to_con_id": 7, "symbol": "ABC", "new": 1, "old": 4}
    assert _command(gateway, do="convert", **share, **renamed)["ok"]
    assert desk.position("DU1000001", 265598) is None
    held = desk.position("DU1000001", 7)
    assert held is not None
    assert (held.instrument.symbol, held.quantity) == ("ABC", Decimal(2))
    share["con_id"] = 7
    again = {"to_con_id": 8, "symbol": "XYZ", "zero_row": True}
    assert _command(gateway, do="convert", **share, **again)["ok"]
    flat = desk.position("DU1000001", 7)
    assert flat is not None
    assert flat.quantity == 0
    share["con_id"] = 8
    assert _command(gateway, do="remove_row", **share)["ok"]
    assert _command(gateway, do="fault", kind="never_end", once=True)["ok"]
    assert [fault.kind for fault in gateway.faults] == ["never_end"]
    assert _command(gateway, do="clear_faults")["ok"]
    assert gateway.faults == ()
    assert _command(gateway, do="notice", code=1100, text="lost")["ok"]
    assert _command(gateway, do="drop")["ok"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("hello", "not JSON"),
        ("[]", "expected a table"),
        ("{}", "do: is missing"),
        ('{"do": "close", "account": "DU1000001"}', "con_id: is missing"),
        ('{"do": "close", "account": "DU1000001", "con_id": 404}', "DU1000001 holds no 404"),
        ('{"do": "price", "con_id": 1, "price": NaN}', "price: expected a number"),
        ('{"do": "split", "con_id": 1, "new": 0}', "new: must be positive"),
        (
            '{"do": "convert", "account": "DU1000001", "con_id": 404, "to_con_id": 1, '
            '"symbol": "A"}',
            "DU1000001 holds no 404",
        ),
        (
            '{"do": "convert", "account": "DU1000001", "con_id": 265598, "to_con_id": 265598, '
            '"symbol": "A"}',
            "DU1000001 has a 265598 already",
        ),
        (
            '{"do": "assign", "account": "DU1000001", "con_id": 265598, "underlying": 1}',
            "DU1000001 holds no option 265598",
        ),
    ],
)
async def test_a_wrong_command_is_answered_and_changes_nothing(
    gateway: DemoGateway, desk: Desk, line: str, error: str
) -> None:
    before = desk.positions()
    reply = json.loads(perform_line(gateway, line))
    assert reply["ok"] is False
    assert error in reply["error"]
    assert desk.positions() == before


async def test_serving_takes_commands_and_ends_with_its_task(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "day.toml"
    path.write_text(TOML)
    control, replies = asyncio.StreamReader(limit=200), list[str]()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            scenario=path,
            announce=port.set_result,
            control=control,
            reply=replies.append,
            clock=clock,
        )
    )
    probe = await Probe.connect(await port)
    await probe.until(4)
    control.feed_data(b'{"do": "notice", "code": 1100, "text": "lost"}\n')
    while (await probe.fields())[3] != "1100":
        pass
    control.feed_data(b"x" * 300 + b'\n{"do": "state"')
    control.feed_data(b"}\n\n")
    control.feed_eof()
    await clock.advance(1)
    assert not serving.done()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert await probe.ended()
    assert [json.loads(reply)["ok"] for reply in replies] == [True, False, True]
    with pytest.raises(ConnectionRefusedError):
        await Probe.connect(port.result())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_it_listens_on_loopback_only(desk: Desk, host: str) -> None:
    with pytest.raises(NotLoopbackError, match="loopback only"):
        DemoGateway(desk, host=host)


async def test_a_gateway_that_was_stopped_starts_again_on_its_port(
    gateway: DemoGateway, desk: Desk
) -> None:
    port = gateway.port
    await gateway.stop()
    await gateway.start()
    assert gateway.port == port
    probe = await Probe.connect(port)
    probe.send(61, 1)
    await probe.until(62)
    desk.push("DU1000001", 265598)
    assert (await probe.fields())[0] == "61"
    assert await probe.silent()  # told once, not once per start


def test_the_gateway_needs_no_client_library() -> None:
    code = "import sys, possync_tui.demo; print({'ib_insync', 'eventkit'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


async def test_a_port_that_is_taken_is_an_os_error(gateway: DemoGateway, desk: Desk) -> None:
    second = DemoGateway(desk, port=gateway.port, options=GatewayOptions())
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
