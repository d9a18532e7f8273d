"""`pnl` and `positions` as scripts and spreadsheets meet them."""

import csv
import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Gateway, Home

APPLE = {"account": "DU1000001", "con_id": 265598}
EAST, WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # a day apart, whatever the hour


@pytest.fixture
def traded(home: Home, gateway: Gateway) -> Home:
    """A ledger that saw 40 of the 100 sold, 10 bought back and all sold, and SAP sold in euros."""
    sync = ("sync", "--json", "--port", gateway.port)
    assert home.run(*sync).code == 0
    gateway.do(do="trade", **APPLE, side="SELL", quantity=40, price=161, commission="1")
    gateway.do(do="trade", **APPLE, side="BUY", quantity=10, price=162, commission="0.5")
    assert home.run(*sync).code == 0
    sap = {"account": "DU1000002", "con_id": 14204}
    gateway.do(do="trade", **sap, side="SELL", quantity="0.3333", price=170, commission="0.1")
    gateway.do(do="trade", **APPLE, side="SELL", quantity=30, price=163, commission="0.3")
    assert home.run(*sync).code == 0
    return home


def entries(home: Home, *options: str, **environ: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.run("pnl", "--json", *options, **environ).json()["entries"]
    return found


def amount(found: list[dict[str, Any]]) -> Decimal:
    return sum((entry["realized_pnl"] for entry in found), Decimal(0))


def test_every_total_leads_to_its_entries(traded: Home) -> None:
    everything = entries(traded)
    assert len(everything) == 3
    for by in ("day", "week", "month", "year", "symbol", "account", "currency", "quality"):
        ran = traded.run("pnl", "--json", "--by", by, TZ=EAST).json()
        assert {group["currency"] for group in ran["groups"]} == {"EUR", "USD"}
        for group in ran["groups"]:
            behind = ["--currency", group["currency"]]
            if by in ("symbol", "account", "quality"):
                behind += [f"--{by}", group[by]]
            elif by != "currency":
                behind += ["--from", group["from"], "--to", group["to"]]
            found = entries(traded, *behind)
            assert (len(found), amount(found)) == (group["entries"], group["realized_pnl"]), group
        assert sum(group["entries"] for group in ran["groups"]) == 3
        totals = {total["currency"]: total["realized_pnl"] for total in ran["totals"]}
        assert totals["USD"] == amount([e for e in everything if e["currency"] == "USD"])


def test_days_are_those_of_the_users_zone_and_the_ledger_does_not_move(traded: Home) -> None:
    before = stored(traded.ledger)
    days = {}
    for zone in (EAST, WEST):
        today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
        groups = traded.run("pnl", "--json", "--by", "day", TZ=zone).json()["groups"]
        (days[zone],) = {group["day"] for group in groups}
        assert days[zone] in {f"{today - timedelta(days=1)}", f"{today}"}
        assert len(entries(traded, "--from", days[zone], "--to", days[zone], TZ=zone)) == 3
        other = f"{today + timedelta(days=2)}"
        assert entries(traded, "--from", other, TZ=zone) == []
        midnight = datetime.fromisoformat(groups[0]["from"]).astimezone(ZoneInfo(zone))
        assert (f"{midnight.date()}", midnight.hour, midnight.minute) == (days[zone], 0, 0)
    assert days[EAST] > days[WEST]
    for method in ("average", "fifo"):
        traded.run("pnl", "--method", method)
        traded.run("positions", "--lots", "--method", method, TZ=EAST)
        traded.run("positions", "--as-of", "2020-01-01", TZ=WEST)
    assert stored(traded.ledger) == before


def stored(ledger: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        return list(db.iterdump())


def test_bounds_clip_the_periods_that_they_cut(traded: Home) -> None:
    since, until = "2024-02-10T12:00+00:00", "2100-03-01T00:00+00:00"
    groups = traded.run(
        *("pnl", "--json", "--by", "year", "--from", since, "--to", until), TZ="UTC"
    ).json()["groups"]
    year = groups[0]["year"]
    assert groups[0]["from"] == f"{year}-01-01T00:00:00+00:00"
    latest = max(entries(traded), key=lambda entry: str(entry["closed_at"]))["closed_at"]
    assert len(entries(traded, "--to", latest)) < 3
    cut = traded.run("pnl", "--json", "--by", "year", "--from", latest, TZ="UTC").json()["groups"]
    assert cut[0]["from"] == latest


def test_the_list_may_be_short_but_totals_are_whole(traded: Home) -> None:
    ran = traded.run("pnl", "--json", "--limit", "1").json()
    assert len(ran["entries"]) == 1
    assert sum(total["entries"] for total in ran["totals"]) == 3


@pytest.mark.parametrize("by", ["day", "month", "symbol"])
def test_a_limit_is_one_of_entries_and_refused_where_there_are_none(traded: Home, by: str) -> None:
    assert "--limit" in traded.run("pnl", "--by", by, "--limit", "1").complaint(2)


def test_readers_heed_the_cost_method_that_is_set(traded: Home) -> None:
    """The ledger shows average cost: it was made so, and a reader does not change it."""

    def amounts(*arguments: str, **environ: str) -> list[Decimal]:
        return [e["realized_pnl"] for e in entries(traded, *arguments, **environ)]

    by_average, by_fifo = amounts("--method", "average"), amounts("--method", "fifo")
    assert by_average != by_fifo
    assert amounts() == by_average
    assert amounts(POSITION_SYNC_COST_METHOD="fifo") == by_fifo
    assert amounts("--method", "average", POSITION_SYNC_COST_METHOD="fifo") == by_average
    assert amounts(POSITION_SYNC_COST_METHOD="average") == by_average


def test_entries_tell_what_the_broker_says_where_it_differs(traded: Home) -> None:
    by_average = {e["id"]: e for e in entries(traded, "--symbol", "AAPL")}
    by_fifo = {e["id"]: e for e in entries(traded, "--symbol", "AAPL", "--method", "fifo")}
    # The desk counts by average cost, as TWS does within a day.
    assert {entry["difference"] for entry in by_average.values()} == {None}
    last = max(by_fifo.values(), key=lambda entry: int(entry["id"]))
    assert last["difference"] == last["realized_pnl"] - round(last["broker_realized_pnl"], 6)
    assert abs(last["difference"]) > 1
    table = traded.run("pnl", "--symbol", "AAPL", "--method", "fifo").out
    assert "Broker says" in table
    assert "Difference" in table
    assert "Replaces" not in table


def test_fills_behind_an_entry(traded: Home) -> None:
    last = max(entries(traded, "--symbol", "AAPL"), key=lambda entry: int(entry["id"]))
    told = traded.run("pnl", "--fills", str(last["id"]), "--json").json()
    assert told["entry"] == last["id"]
    assert [(f["side"], f["quantity"], f["is_closing"]) for f in told["fills"]] == [
        ("SLD", 30, True),
        ("BOT", 10, False),
        ("SLD", 40, False),
    ]
    assert told["fills"][0]["exec_id"] == last["exec_id"]
    assert "SLD" in traded.run("pnl", "--fills", str(last["id"])).out
    for form in ("table", "json", "csv"):
        ran = traded.run("pnl", "--fills", "4711", "--format", form)
        assert "no entry 4711" in ran.complaint(2)


def test_lots_behind_an_entry(traded: Home) -> None:
    """100 held at 150.25; 40 sold, 10 bought at 162 for 0.5, 30 sold."""
    taken = {}
    for method in ("average", "fifo"):
        chosen = entries(traded, "--symbol", "AAPL", "--method", method)
        last = max(chosen, key=lambda entry: int(entry["id"]))
        told = traded.run("pnl", "--fills", str(last["id"]), "--json").json()
        (lot,) = told["lots"]
        taken[method] = (lot["quantity"], lot["cost"], lot["is_seeded"])
        assert lot["method"] == method
        assert f"(by {method}" in traded.run("pnl", "--fills", str(last["id"])).out
    assert taken["fifo"] == (30, Decimal("4507.5"), True)
    pool = Fraction("150.25") * 60 + Fraction("1620.5")
    assert taken["average"] == (30, Decimal(f"{float(pool * 30 / 70):.6f}"), True)


def test_a_csv_opens_right_in_a_spreadsheet(traded: Home) -> None:
    for command in (
        ("pnl",),
        ("pnl", "--by", "month"),
        ("positions",),
        ("positions", "--lots"),
        ("positions", "--as-of", "2100-01-01"),
        ("runs",),
    ):
        # Whatever the terminal's encoding, the file is UTF-8.
        ran = traded.run(*command, "--format", "csv", PYTHONIOENCODING="ascii")
        assert (ran.code, ran.err) == (0, ""), command
        raw = ran.out
        assert raw.endswith("\r\n")
        assert raw.count("\n") == raw.count("\r\n")
        head, *rows = csv.reader(io.StringIO(raw, newline=""), strict=True)
        assert rows
        assert all(len(line) == len(head) for line in rows)
        assert len(set(head)) == len(head)
    (first, *_) = csv.DictReader(io.StringIO(traded.run("pnl", "--format", "csv").out))
    assert Decimal(first["realized_pnl"]) == entries(traded)[0]["realized_pnl"]
    assert "E" not in first["realized_pnl"]
    assert datetime.fromisoformat(first["closed_at"]).tzinfo == UTC
    assert set(first) == set(entries(traded)[0])


def test_signs_of_other_scripts_survive_a_csv(home: Home, gateway: Gateway) -> None:
    gateway.do(do="fault", kind="hostile_text", field="symbol", con_id=265598, text='ＡＢ株,"x"')
    home.run("sync", "--port", gateway.port)
    ran = home.run("positions", "--format", "csv", PYTHONIOENCODING="ascii")
    symbols = {line["symbol"] for line in csv.DictReader(io.StringIO(ran.out, newline=""))}
    assert 'ＡＢ株,"x"' in symbols


def test_lots(traded: Home) -> None:
    told = traded.run("positions", "--lots", "--json", "--method", "fifo").json()["lots"]
    ours = [(lot["quantity"], lot["price"], lot["cost"]) for lot in told if lot["symbol"] == "AAPL"]
    assert ours == [(30, Decimal("150.25"), Decimal("4507.5")), (10, 162, Decimal("1620.5"))]
    seeds = [lot["is_seeded"] for lot in told if lot["symbol"] == "AAPL"]
    assert seeds == [True, False]
    # Nobody saw the first one opened: all that is known is that it was held by then.
    (first, bought) = (lot for lot in told if lot["symbol"] == "AAPL")
    assert first["opened_at"] is None
    assert datetime.fromisoformat(first["opened_before"]).tzinfo == UTC
    assert datetime.fromisoformat(bought["opened_at"]).tzinfo == UTC
    assert bought["opened_before"] is None
    options = ("positions", "--lots", "--method", "fifo", "--format")
    in_file = [
        (row["opened_at"], row["opened_before"])
        for row in csv.DictReader(io.StringIO(traded.run(*options, "csv").out, newline=""))
        if row["symbol"] == "AAPL"
    ]
    assert in_file == [("", first["opened_before"]), (bought["opened_at"], "")]
    printed = [r for r in traded.run(*options, "table").out.splitlines() if " AAPL " in r]
    assert [" before " in line for line in printed] == [True, False]
    (pooled,) = traded.run(
        "positions", "--lots", "--json", "--account", "1", "--method", "average"
    ).json()["lots"][:1]
    assert (pooled["quantity"], pooled["is_seeded"]) == (40, True)
    table = traded.run("positions", "--lots").out
    assert "seeded" in table
    assert traded.run("positions", "--lots", "--account", "DU1000002").out == "No open lots.\n"
    assert "--all" in traded.run("positions", "--lots", "--all").complaint(2)


def test_the_book_as_it_was(home: Home, gateway: Gateway) -> None:
    sync = ("sync", "--port", gateway.port)
    home.run(*sync)
    first = datetime.now(UTC)
    gateway.do(do="trade", **APPLE, side="SELL", quantity=100, price=161, commission="1")
    home.run(*sync)
    options = ("positions", "--json")
    then = home.run(*options, "--as-of", first.isoformat()).json()
    held = {p["symbol"]: p["quantity"] for p in then["positions"]}
    assert held["AAPL"] == 100
    assert then["as_of"] == first.isoformat()
    assert "AAPL" not in {p["symbol"] for p in home.run(*options).json()["positions"]}
    at = ("--as-of", "2100-01-01")
    now = home.run(*options, *at, "--all").json()["positions"]
    assert {p["symbol"]: p["status"] for p in now}["AAPL"] == "CLOSED"
    assert "AAPL" in home.run("positions", "--as-of", first.isoformat()).out
    assert home.run("positions", "--as-of", "2020-01-01").out.startswith("No positions were known")
    assert home.run(*options, "--as-of", "2020-01-01").json()["positions"] == []
    lots = home.run(*options, "--lots", "--as-of", first.isoformat()).json()["lots"]
    assert {lot["symbol"]: lot["quantity"] for lot in lots}["AAPL"] == 100


@pytest.mark.parametrize(
    "arguments",
    [
        ("positions", "--as-of", "yesterday"),
        ("positions", "--method", "lifo"),
        ("pnl", "--by", "hour"),
        ("pnl", "--quality", "good"),
        ("pnl", "--fills", "0"),
        ("pnl", "--fills", "1", "--by", "day"),
        ("pnl", "--fills", "1", "--from", "2026-01-01"),
        ("pnl", "--fills", "1", "--account", "DU1000001"),
        ("pnl", "--fills", "1", "--method", "fifo"),
        ("pnl", "--from", "2026-03-02", "--to", "2026-03-01"),
        ("pnl", "--to", "20260301"),
        ("pnl", "--to", "2026-W09"),
        ("positions", "--as-of", "20260301"),
    ],
)
def test_nonsense_is_one_line(home: Home, arguments: tuple[str, ...]) -> None:
    home.run(*arguments).complaint(2)
