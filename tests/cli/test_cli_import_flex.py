"""`import-flex` as a user runs it: every file or none, offline, one writer."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import Gateway, Home
from tests.flex.build import STOCK, Sheet, trade, write

AAPL = {**STOCK, "conid": "265598", "symbol": "AAPL", "description": "APPLE INC"}
BOUGHT = trade("100", "150.24", "20260105;100000", "-1", what=AAPL, openCloseIndicator="O")


@pytest.fixture
def synced(home: Home, gateway: Gateway) -> Home:
    """A home whose ledger has synced once; TWS is not asked again."""
    assert home.run("sync", "--port", gateway.port).code == 0
    gateway.do(do="trade", account="DU1000001", con_id=265598, side="SELL", quantity=100, price=161)
    assert home.run("sync", "--port", gateway.port).code == 0
    return home


def test_history_becomes_exact_offline(synced: Home) -> None:
    (before,) = synced.run("pnl", "--json").json()["entries"]
    assert before["quality"] == "ESTIMATED"
    path = write(synced.folder / "history.xml", Sheet([BOUGHT]))
    ran = synced.run("import-flex", "--json", str(path))
    assert (ran.code, ran.err) == (0, "")
    told = ran.json()
    (row,) = told["statements"]
    assert (row["account"], row["from_date"], row["to_date"]) == (
        "DU1000001",
        "2026-01-01",
        "2026-03-31",
    )
    assert (row["fills_new"], row["fills_known"], row["adjustments_new"]) == (1, 0, 0)
    assert (told["entries_added"], told["entries_reversed"], told["held"]) == (1, 1, 0)
    entries = synced.run("pnl", "--json").json()["entries"]
    total = sum((entry["realized_pnl"] for entry in entries), Decimal(0))
    (exact,) = [entry for entry in entries if entry["quality"] == "EXACT"]
    assert exact["supersedes_id"] == before["id"]
    assert total == exact["realized_pnl"]
    (run, *_) = synced.run("runs", "--json").json()["runs"]
    assert run["trigger"] == "import"

    again = synced.run("import-flex", str(path), str(path))
    assert again.code == 0
    assert "0 positions changed; realized entries: 0 added, 0 reversed." in again.out
    assert synced.run("verify").code == 0
    csv = synced.run("import-flex", "--format", "csv", str(path))
    assert csv.out.startswith("path,account,from_date,to_date,")


def test_what_does_not_add_up_is_held(synced: Home) -> None:
    partial = trade("60", "150.24", "20260105;100000", "-1", what=AAPL)
    ran = synced.run("import-flex", str(write(synced.folder / "part.xml", Sheet([partial]))))
    assert ran.code == 6
    assert "40 units short" in ran.out
    assert "possync-tui review" in ran.out
    assert synced.run("review", "--json").json()["holds"][0]["kind"] == "STATEMENT_GAP"
    assert (
        synced.run("import-flex", str(write(synced.folder / "all.xml", Sheet([BOUGHT])))).code == 6
    )
    assert synced.run("verify").code == 0


def test_one_bad_file_and_nothing_is_written(synced: Home) -> None:
    good = write(synced.folder / "good.xml", Sheet([BOUGHT]))
    stranger = write(
        synced.folder / "stranger.xml", Sheet([BOUGHT]), Sheet([BOUGHT], account="U7777777")
    )
    cut = synced.folder / "cut.xml"
    cut.write_text(good.read_text()[:-80])
    evil = synced.folder / "evil\u202e\n.xml"
    evil.write_text("<html/>")
    observed = synced.run("verify", "--json").json()["observations"]
    for bad, words in (
        (stranger, "of account U7777777, and the ledger has DU1000001, DU1000002"),
        (cut, "damaged or cut short"),
        (evil, "begins with <html>"),
        (synced.folder / "none.xml", "no such file"),
        (synced.folder, "not a file"),
    ):
        line = synced.run("import-flex", str(good), str(bad)).complaint(2)
        assert words in line, line
        assert "nothing was imported" in line
        assert "\u202e" not in line
    assert synced.run("verify", "--json").json()["observations"] == observed


def test_an_account_that_waits_for_the_users_word(home: Home, gateway: Gateway) -> None:
    scenario = home.folder / "desk.json"
    one = home.folder / "one.json"
    one.write_text(scenario.read_text().replace(', {"code": "DU1000002"}', "").split(
        ', {"account": "DU1000002"')[0] + "]}")  # fmt: skip
    first = Gateway(home, "--scenario", str(one))
    try:
        assert home.run("sync", "--port", first.port).code == 0
    finally:
        first.stop()
    assert home.run("sync", "--port", gateway.port).code == 6
    path = write(home.folder / "other.xml", Sheet([BOUGHT], account="DU1000002"))
    assert "waits for your word" in home.run("import-flex", str(path)).complaint(2)


def test_without_a_ledger_none_is_made(home: Home) -> None:
    path = write(home.folder / "history.xml", Sheet([BOUGHT]))
    assert "run a sync first" in home.run("import-flex", str(path)).complaint(5)
    assert not home.ledger.exists()
    assert "FILE" in home.run("import-flex").complaint(2)


def test_while_another_instance_writes(synced: Home, gateway: Gateway) -> None:
    path = write(synced.folder / "history.xml", Sheet([BOUGHT]))
    watching = synced.start("watch", "--json", "--port", gateway.port)
    assert watching.stdout is not None
    watching.stdout.readline()
    assert "Another instance" in synced.run("import-flex", str(path)).complaint(5)
    watching.terminate()
    watching.communicate(timeout=30)


def test_masked_accounts(synced: Home) -> None:
    path = write(synced.folder / "history.xml", Sheet([BOUGHT]))
    shown = synced.run("import-flex", "--mask-accounts", str(path)).out
    assert "DU1000001" not in shown
    other = write(synced.folder / "other.xml", Sheet([BOUGHT], account="U7777777"))
    line = synced.run("import-flex", "--mask-accounts", str(other)).complaint(2)
    assert "U7777777" not in line
    assert "DU1000001" not in line


def many(count: int, folder: Path) -> Path:
    rows = []
    for number in range(count):
        con_id = str(1000 + number % 50)
        what = {**STOCK, "conid": con_id, "symbol": f"S{con_id}"}
        at = f"2025{1 + number % 12:02d}{1 + number % 28:02d};{10 + number % 6}{number % 60:02d}00"
        quantity = "10" if number // 50 % 2 == 0 else "-10"
        rows.append(trade(quantity, "10.5", at, what=what, exec_id=f"0000f1e0.{number:08x}.01.01"))
    return write(folder / "many.xml", Sheet(rows, since="20250101", until="20251231"))


def test_a_large_file(synced: Home) -> None:
    """A year of a busy trader; a time that would say something is wrong, not a benchmark."""
    path = many(10_000, synced.folder)
    told = synced.run("import-flex", "--json", str(path)).json()
    assert told["statements"][0]["fills_new"] == 10_000
    assert synced.run("verify").code == 0
