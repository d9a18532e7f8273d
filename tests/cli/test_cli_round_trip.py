"""A sync over the real wire into a real ledger, and what the other commands then say."""

import csv
import io
import json
import signal
import sqlite3
import stat
import time
from contextlib import closing
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.cli.conftest import Gateway, Home

SYNC = ("sync", "--json", "--port")
UNCOUNTED = {"last_sync_time", "last_duration_ms", "last_error"}


def test_a_sync_and_what_reads_say_of_it(home: Home, gateway: Gateway) -> None:
    ran = home.run(*SYNC, gateway.port)
    assert (ran.code, ran.err) == (0, "")
    result = ran.json()
    assert (result["outcome"], result["created"], result["positions_seen"]) == ("committed", 5, 5)

    positions = home.run("positions", "--json").json()
    held = {p["symbol"]: (p["account"], p["quantity"]) for p in positions["positions"]}
    assert held == {
        "AAPL": ("DU1000001", 100),
        "TSLA": ("DU1000001", -40),
        "MSFT": ("DU1000001", 10),
        "GOOGL": ("DU1000001", 3),
        "SAP": ("DU1000002", Decimal("0.3333")),
    }
    assert [total["currency"] for total in positions["totals"]] == ["EUR", "USD"]

    status = home.run("status", "--json").json()
    assert status["position_sync"]["enabled"] is True
    assert status["position_sync"]["sync_interval"] == 300
    stats = status["position_sync"]["stats"]
    assert {key: value for key, value in stats.items() if key not in UNCOUNTED} == {
        "total_syncs": 1,
        "successful_syncs": 1,
        "failed_syncs": 0,
        "positions_created": 5,
        "positions_updated": 0,
        "positions_closed": 0,
    }
    assert stats["last_sync_time"].endswith("+00:00")
    assert status["ledger"]["environment"] == "paper"
    assert [account["code"] for account in status["accounts"]] == ["DU1000001", "DU1000002"]

    (run,) = home.run("runs", "--json").json()["runs"]
    assert (run["trigger"], run["outcome"], run["created"]) == ("manual", "committed", 5)
    verified = home.run("verify", "--json").json()
    assert verified["ok"] is True
    assert verified["positions"] == 5
    for command in ("status", "positions", "pnl", "runs", "review", "verify", "doctor"):
        table = home.run(command, "--port", gateway.port)
        assert (table.code, table.err) == (0, ""), command
        assert table.out


def test_realized_pnl_by_entry_and_by_group(home: Home, gateway: Gateway) -> None:
    home.run(*SYNC, gateway.port)
    gateway.do(do="trade", account="DU1000001", con_id=265598, side="SELL", quantity=40, price=161)
    gateway.do(do="close", account="DU1000001", con_id=76792991)
    result = home.run(*SYNC, gateway.port).json()
    assert (result["updated"], result["closed"]) == (1, 1)

    pnl = home.run("pnl", "--json").json()
    entries = {entry["symbol"]: entry for entry in pnl["entries"]}
    assert set(entries) == {"AAPL", "TSLA"}
    assert entries["AAPL"]["quantity_closed"] == 40
    assert entries["AAPL"]["exit_price"] == 161
    total = sum((entry["realized_pnl"] for entry in pnl["entries"]), Decimal(0))
    commission = sum((entry["commission"] for entry in pnl["entries"]), Decimal(0))
    assert pnl["totals"] == [
        {
            "currency": "USD",
            "realized_pnl": total,
            "commission": commission,
            "entries": 2,
            "unknown": 0,
        }
    ]
    by_symbol = home.run("pnl", "--json", "--by", "symbol").json()["groups"]
    assert {group["symbol"]: group["realized_pnl"] for group in by_symbol} == {
        symbol: entry["realized_pnl"] for symbol, entry in entries.items()
    }
    assert len(home.run("pnl", "--json", "--symbol", "aapl").json()["entries"]) == 1
    assert len(home.run("pnl", "--json", "--limit", "1").json()["entries"]) == 1
    assert home.run("pnl", "--json", "--account", "2").json()["entries"] == []
    assert home.run("pnl", "--json", "--to", "2020-01-01").json()["entries"] == []
    assert len(home.run("pnl", "--json", "--from", "2020-01-01").json()["entries"]) == 2

    with closing(sqlite3.connect(f"file:{home.ledger}?mode=ro", uri=True)) as ledger:
        (micros,) = ledger.execute("SELECT sum(realized_pnl_micros) FROM realized_pnl").fetchone()
    assert Decimal(micros).scaleb(-6) == total
    everything = home.run("positions", "--all", "--json").json()["positions"]
    assert [p["symbol"] for p in everything if p["status"] == "CLOSED"] == ["TSLA"]
    assert "TSLA" not in home.run("positions").out


def test_csv_is_for_spreadsheets(home: Home, gateway: Gateway) -> None:
    fault = {"kind": "hostile_text", "field": "symbol", "con_id": 265598, "text": "=1+1"}
    gateway.do(do="fault", **fault)
    home.run(*SYNC, gateway.port)
    rows = {row["con_id"]: row for row in _csv(home, "positions")}
    assert rows["265598"]["symbol"] == "'=1+1"
    assert rows["14204"]["quantity"] == "0.3333"
    assert rows["76792991"]["quantity"] == "-40"
    assert rows["14204"]["closed_at"] == ""
    assert rows["14204"]["opened_at"].endswith("+00:00")


def _csv(home: Home, command: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(home.run(command, "--format", "csv").out)))


def test_masked_accounts_are_masked_everywhere(home: Home, gateway: Gateway) -> None:
    ran = home.run(*SYNC, gateway.port, POSSYNC_MASK_ACCOUNTS="true")
    assert ran.code == 0
    assert "DU1000001" not in home.log.read_text()
    for command in ("status", "positions", "positions --format csv", "doctor"):
        shown = home.run(*command.split(), "--mask-accounts").out
        assert "DU1000001" not in shown, command
        assert "DU•••••01" in shown, command
    assert home.run("positions", "--json", "--mask-accounts").json()["positions"][0]["account"] == (
        "DU•••••01"
    )
    one = home.run("positions", "--json", "--mask-accounts", "--account", "DU1000002").json()
    assert len(one["positions"]) == 1


def test_files_are_the_owners_alone(home: Home, gateway: Gateway) -> None:
    home.run(*SYNC, gateway.port)
    for path in (home.ledger, home.log):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path


def test_account_chosen_for_a_sync(home: Home, gateway: Gateway) -> None:
    result = home.run(*SYNC, gateway.port, "--account", "DU1000002").json()
    assert result["created"] == 1


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_watch_tells_syncs_as_lines_and_stops_on_a_signal(
    home: Home, gateway: Gateway, ending: signal.Signals
) -> None:
    watching = home.start("watch", "--json", "--port", gateway.port, "--initial-delay", "1")
    assert watching.stdout is not None
    events: list[dict[str, object]] = []
    while not any(event["event"] == "sync" and event["created"] for event in events):
        events.append(json.loads(watching.stdout.readline()))
    assert any(e["event"] == "connection" and e["phase"] == "connected" for e in events)
    assert "Another instance" in home.run(*SYNC, gateway.port).complaint(5)
    assert home.run("positions", "--json").json()["positions"], "reads work meanwhile"
    watching.send_signal(ending)
    _, errors = watching.communicate(timeout=30)
    assert watching.returncode == 128 + ending
    assert "Traceback" not in errors
    assert home.run("verify").code == 0


def test_watch_tells_a_connection_once(home: Home, gateway: Gateway) -> None:
    """Round trips and data farms, which the lines do not have, change the state beneath them."""
    watching = home.start("watch", "--json", "--port", gateway.port, "--initial-delay", "0")
    assert watching.stdout is not None
    told: list[dict[str, object]] = []
    while not told or told[-1]["event"] != "sync":
        told.append(json.loads(watching.stdout.readline()))
    for code in (2106, 2104, 2103, 2104):
        gateway.do(do="notice", code=code, text="data farm connection is OK:usfarm")
    gateway.do(do="trade", account="DU1000001", con_id=265598, side="BUY", quantity=1, price=150)
    told.append({})
    while told[-1].get("event") != "sync":
        told.append(json.loads(watching.stdout.readline()))
    watching.send_signal(signal.SIGTERM)
    watching.communicate(timeout=30)
    links = [event for event in told if event.get("event") == "connection"]
    assert links
    assert all(one != other for one, other in pairwise(links))


def test_watch_ends_when_nobody_reads(home: Home, gateway: Gateway) -> None:
    watching = home.start("watch", "--port", gateway.port, "--initial-delay", "1")
    assert watching.stdout is not None
    assert watching.stderr is not None
    watching.stdout.readline()
    watching.stdout.close()
    assert watching.wait(timeout=30) == 0
    assert "Traceback" not in watching.stderr.read()


def test_a_reader_that_goes_away_is_no_error(home: Home, gateway: Gateway) -> None:
    home.run(*SYNC, gateway.port)
    reading = home.start("positions", "--json")
    assert reading.stdout is not None
    assert reading.stderr is not None
    reading.stdout.close()
    assert reading.wait(timeout=30) == 0
    assert reading.stderr.read() == ""


def test_gateway_says_its_port_and_ends_on_sigterm(home: Home) -> None:
    running = home.start("gateway", "--json")
    assert running.stdout is not None
    place = json.loads(running.stdout.readline())
    assert place["host"] == "127.0.0.1"
    assert place["port"] > 1023
    running.terminate()
    assert running.communicate(timeout=30)[1] == ""
    assert running.returncode == 143


def test_gateway_of_a_dashboard_does_not_outlive_it(home: Home) -> None:
    running = home.start("gateway", "--until-stdin-ends")
    assert running.stdout is not None
    assert running.stdout.readline().startswith("listening on 127.0.0.1:")
    time.sleep(0.2)
    assert running.poll() is None
    running.communicate(timeout=30)
    assert running.returncode == 0


def test_a_ledger_of_older_rules_is_brought_up_by_the_next_sync(
    home: Home, gateway: Gateway
) -> None:
    assert home.run(*SYNC, gateway.port).code == 0
    with closing(sqlite3.connect(home.ledger)) as db, db:
        db.execute("UPDATE meta SET value = '0' WHERE name = 'rules'")
    assert home.run("positions").code == 0
    complaint = home.run("verify").complaint(5)
    assert "rules 0 of an older release" in complaint
    assert "run a sync" in complaint
    assert home.run(*SYNC, gateway.port).code == 0
    triggers = [run["trigger"] for run in home.run("runs", "--json").json()["runs"]]
    assert triggers == ["manual", "rules", "manual"]
    assert home.run("verify").code == 0
