"""What bad input gets: an exit code, one line that says what to do, and no traceback."""

import csv
import io
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Gateway, Home

SYNC = ("sync", "--timeout", "5", "--port")
READS = ("status", "positions", "pnl", "runs", "review", "verify")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_port_closed(home: Home, closed_port: str) -> None:
    line = home.run(*SYNC, closed_port).complaint(3)
    assert f"127.0.0.1:{closed_port}" in line
    assert "TWS" in line


def test_broker_that_never_answers(home: Home, gateway: Gateway) -> None:
    gateway.do(do="fault", kind="freeze")
    home.run(*SYNC, gateway.port, "--connect-timeout", "2").complaint(3)


def test_broker_that_drops_in_the_middle(home: Home, gateway: Gateway) -> None:
    gateway.do(do="fault", kind="drop", after=2)
    home.run(*SYNC, gateway.port).complaint(3)
    gateway.do(do="clear_faults")
    assert home.run(*SYNC, gateway.port).code == 0


@pytest.mark.parametrize("value", ["unset", "nan", "absurd", "blank"])
def test_a_row_with_a_number_that_cannot_be(home: Home, gateway: Gateway, value: str) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    before = home.run("positions", "--json").json()
    gateway.do(do="fault", kind="value", field="quantity", con_id=265598, value=value)
    home.run(*SYNC, gateway.port).complaint(4)
    assert "AAPL" in home.log.read_text()
    after = home.run("positions", "--json").json()
    assert [p["quantity"] for p in after["positions"]] == [
        p["quantity"] for p in before["positions"]
    ]
    assert after["positions"][0]["last_synced_at"] == before["positions"][0]["last_synced_at"]


def test_a_refused_sync_is_told_as_json_too(home: Home, gateway: Gateway) -> None:
    gateway.do(do="fault", kind="bad_number_row", con_id=265598)
    ran = home.run("sync", "--json", "--port", gateway.port)
    assert ran.code == 4
    assert ran.json()["outcome"] == "refused"


def failed(home: Home, code: int, *options: str) -> None:
    """The object of a sync that could not begin, with what stderr says."""
    ran = home.run("sync", "--json", *options)
    told = json.loads(ran.out)
    line = ran.err.strip()
    assert (ran.code, told["outcome"], told["run_id"]) == (code, "failed", None)
    assert told["error"] in line
    assert len(line.splitlines()) == 1
    assert told["positions_seen"] == told["created"] == 0


def test_a_sync_that_cannot_begin_is_told_as_json_too(
    home: Home, gateway: Gateway, closed_port: str
) -> None:
    failed(home, 3, "--port", closed_port)
    failed(home, 5, "--port", gateway.port, "--ledger", str(home.folder))


@pytest.mark.parametrize("command", READS)
def test_a_ledger_that_is_a_folder(home: Home, command: str) -> None:
    assert str(home.folder) in home.run(command, "--ledger", str(home.folder)).complaint(5)


@pytest.mark.parametrize("command", [*READS, "sync"])
def test_a_ledger_that_is_no_ledger(home: Home, closed_port: str, command: str) -> None:
    place = home.folder / "files"
    place.mkdir()
    (place / "notes.sqlite3").write_text("not a database at all, but a text that is long enough")
    before = content(place)
    ran = home.run(command, "--ledger", str(place / "notes.sqlite3"), "--port", closed_port)
    assert "notes.sqlite3" in ran.complaint(5)
    assert content(place) == before


def test_an_sqlite_file_of_another_program(home: Home, closed_port: str) -> None:
    path = home.folder / "contacts.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE positions (id INTEGER PRIMARY KEY)")
        other.commit()
    before = path.read_bytes()
    home.run("positions", "--ledger", str(path)).complaint(5)
    home.run("sync", "--ledger", str(path), "--port", closed_port).complaint(5)
    assert path.read_bytes() == before


def test_a_ledger_of_a_newer_version(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    with closing(sqlite3.connect(home.ledger)) as ledger:
        ledger.execute("PRAGMA user_version = 4711")
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = home.ledger.read_bytes()
    assert "4711" in home.run("positions").complaint(5)
    home.run(*SYNC, gateway.port).complaint(5)
    assert home.ledger.read_bytes() == before


def test_a_damaged_ledger(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    whole = home.ledger.read_bytes()
    home.ledger.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    for command in READS:
        home.run(command).complaint(5)
    home.run(*SYNC, gateway.port).complaint(5)


def test_a_ledger_of_another_environment(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    live = home.folder / "live.json"
    desk = {
        "accounts": [{"code": "U0000001"}],
        "positions": [
            {
                "account": "U0000001",
                "con_id": 265598,
                "symbol": "AAPL",
                "quantity": 5,
                "price": 100,
                "average_cost": 90,
            }
        ],
    }
    live.write_text(json.dumps(desk))
    other = Gateway(home, "--scenario", str(live))
    try:
        for command in ("sync", "watch"):
            assert "paper" in home.run(command, "--port", other.port).complaint(5)
    finally:
        other.stop()
    assert [a["code"] for a in home.run("status", "--json").json()["accounts"]] == [
        "DU1000001",
        "DU1000002",
    ]


def test_something_is_held(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    for con_id in (265598, 76792991, 272093, 208813719):
        gateway.do(do="fault", kind="omit_row", con_id=con_id)
    ran = home.run("sync", "--json", "--port", gateway.port)
    assert (ran.code, ran.err) == (6, "")
    assert ran.json()["held"] > 0
    holds = home.run("review", "--json").json()["holds"]
    bulk = [hold for hold in holds if hold["kind"] == "BULK_MISSING"]
    assert bulk
    assert sorted(bulk[0]["con_ids"]) == [265598, 272093, 76792991, 208813719]
    listed = home.run("review", "--format", "csv").out
    assert "265598" in listed.splitlines()[1]
    hold_id = str(bulk[0]["id"])
    assert home.run("review", "keep", hold_id, "--note", "weekend").code == 0
    (kept,) = [h for h in home.run("review", "--json").json()["holds"] if h["id"] == bulk[0]["id"]]
    assert (kept["status"], kept["note"]) == ("kept", "weekend")
    assert home.run("review", "accept", hold_id).code == 0
    decided = home.run("review", "--all", "--json").json()["holds"]
    assert [h["message"] for h in decided if h["id"] == bulk[0]["id"]] == [bulk[0]["message"]]
    home.run("sync", "--port", gateway.port)
    assert "4 closed" in home.run("runs").out or home.run("positions", "--all").out.count("CLOSED")
    home.run("review", "accept", hold_id).complaint(2)


def test_a_word_on_several_decides_all_or_none_and_each_once(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    gateway.do(do="fault", kind="omit_row", con_id=265598)
    gateway.do(do="fault", kind="omit_row", con_id=14204)
    home.run("sync", "--port", gateway.port)
    by_kind = {
        hold["kind"]: str(hold["id"]) for hold in home.run("review", "--json").json()["holds"]
    }
    missing, bulk = by_kind["MISSING"], by_kind["BULK_MISSING"]

    def undecided() -> list[str]:
        holds = home.run("review", "--json").json()["holds"]
        return sorted(str(hold["id"]) for hold in holds if hold["status"] == "held")

    assert undecided() == sorted((missing, bulk))
    assert "99" in home.run("review", "accept", missing, "99").complaint(2)
    assert "keeping" in home.run("review", "keep", missing, "--transfer").complaint(2)
    assert undecided() == sorted((missing, bulk))
    said = home.run("review", "accept", missing, missing, "--json").json()
    assert (said["decided"], said["accepted"], said["kept"]) == ([int(missing)], True, [])
    assert undecided() == [bulk]
    lines = home.run("review", "keep", bulk, bulk).out.splitlines()
    assert lines == [f"{bulk}: kept as it is."]


def test_what_verify_finds_is_a_table_for_programs(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    assert home.run("verify", "--format", "csv").out == "problem\r\n"
    with closing(sqlite3.connect(home.ledger)) as db, db:
        db.execute("UPDATE lives SET quantity = '7' WHERE con_id = 265598")
    ran = home.run("verify", "--format", "csv")
    ran.complaint(5)
    problems = [row["problem"] for row in csv.DictReader(io.StringIO(ran.out))]
    assert problems == home.run("verify", "--json").json()["problems"]
    assert any("265598" in problem for problem in problems)


def test_what_was_only_seen_stays_on_the_list(home: Home) -> None:
    """A row that can never be booked is there for as long as TWS sends it."""
    desk = home.folder / "combination.json"
    held = {"account": "DU1000001", "con_id": 28812380, "symbol": "XYZ", "sec_type": "BAG"}
    amounts = {"quantity": 1, "average_cost": "12", "price": "12"}
    scenario = {
        "options": {"tick_interval": 0, "trade_interval": "off"},
        "accounts": [{"code": "DU1000001"}],
        "positions": [{**held, **amounts}],
    }
    desk.write_text(json.dumps(scenario))
    gateway = Gateway(home, "--scenario", str(desk))
    try:
        assert home.run("sync", "--port", gateway.port).code == 6
        (hold,) = home.run("review", "--json").json()["holds"]
        assert hold["kind"] == "COMBINATION"
        accepted = home.run("review", "accept", str(hold["id"]))
        assert "stays on the list" in accepted.out
        said = home.run("review", "accept", str(hold["id"]), "--json").json()
        assert said["kept"] == [hold["id"]]
    finally:
        gateway.stop()


def test_what_came_back_is_no_longer_spoken_of_as_gone(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    for con_id in (265598, 76792991, 272093, 208813719):
        gateway.do(do="fault", kind="omit_row", con_id=con_id)
    home.run("sync", "--port", gateway.port)
    gateway.do(do="clear_faults")
    for con_id in (265598, 76792991, 272093):
        gateway.do(do="fault", kind="omit_row", con_id=con_id)
    home.run("sync", "--port", gateway.port)
    (bulk,) = [
        hold
        for hold in home.run("review", "--json").json()["holds"]
        if hold["kind"] == "BULK_MISSING"
    ]
    assert "4 positions were gone at once; 3 still are" in bulk["message"]
    assert "3 still are" in home.run("review").out


def test_a_position_that_is_only_missing_is_no_alarm(home: Home, gateway: Gateway) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    gateway.do(do="fault", kind="omit_row", con_id=265598)
    ran = home.run("sync", "--json", "--port", gateway.port)
    assert ran.code == 0
    assert ran.json()["missing"] == 1


def test_a_home_where_nothing_can_be_written(home: Home, gateway: Gateway) -> None:
    (home.folder / "state").write_text("a file in the way of the log folder")
    assert home.run(*SYNC, gateway.port).code == 0, "a log is no condition for a sync"
    shutil.rmtree(home.ledger.parent)
    home.ledger.parent.write_text("a file in the way of the ledger")
    home.run(*SYNC, gateway.port).complaint(5)


def test_hostile_text_reaches_no_terminal(home: Home, gateway: Gateway) -> None:
    text = "\x1b]0;title\x07[/red]\u202eX\n"
    gateway.do(do="fault", kind="hostile_text", con_id=265598, text=text)
    assert home.run(*SYNC, gateway.port).code == 0
    for shown in (home.run("positions").out, home.log.read_text()):
        assert all(char.isprintable() or char == "\n" for char in shown)
    symbols = [p["symbol"] for p in home.run("positions", "--json").json()["positions"]]
    assert any("[/red]" in symbol for symbol in symbols)
