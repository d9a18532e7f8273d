"""What needs the user's word, through the simulated TWS, the program and its screen.

Amounts are worked out by hand: B60@10 c1 and B40@20 c1 cost 1,402 in all.
"""

import csv
import io
import json
import sqlite3
import time
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Desk
from .test_terminal_cases import ACCOUNT, EURO, FUTURE, STOCK, Trading, decimals, trading

__all__ = ["trading"]
NEW = 201


def sync(desk: Desk, code: int) -> None:
    done = desk.run("sync")
    assert done.returncode == code, (done.stdout, done.stderr)


def holds(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.json("review")["holds"]
    return found


def statuses(desk: Desk) -> dict[str, str]:
    shown = desk.json("positions", "--all")["positions"]
    return {position["con_id"]: position["status"] for position in shown}


@pytest.fixture
def converted(trading: Trading, request: pytest.FixtureRequest) -> Trading:
    """100 of one contract, one of another, and then 10 for the 100 under a new contract."""
    trading.fills("B60@10 c1; B40@20 c1")
    trading.fill("B1@20 c1", EURO)
    trading.sync()
    zero_row = getattr(request, "param", False)
    trading.command("convert", to_con_id=NEW, symbol="ABC", new=1, old=10, zero_row=zero_row)
    sync(trading.desk, 6)
    return trading


@pytest.mark.parametrize("converted", [False, True], indirect=True, ids=["silent", "zero row"])
def test_a_merger_is_held_and_booked_by_word_alone(converted: Trading) -> None:
    desk = converted.desk
    (hold,) = holds(desk)
    assert hold["kind"] == "SAME_HOLDING"
    for told in (f"contract {STOCK}", f"contract {NEW}", "14.02", "140.2", "1402", "for 10 old"):
        assert told in hold["evidence"]
    sync(desk, 6)
    assert converted.entries() == []
    assert statuses(desk)[str(STOCK)] == "MISSING"

    assert desk.run("review", "accept", hold["id"], "--note", "merger").returncode == 0
    sync(desk, 0)
    assert holds(desk) == []
    assert statuses(desk) == {str(STOCK): "CLOSED", str(EURO): "OPEN", str(NEW): "OPEN"}
    (ended,) = converted.entries()
    assert (ended["kind"], ended["quality"]) == ("CONVERTED", "MANUAL")
    assert Decimal(ended["realized_pnl"]) == 0
    assert converted.average_cost(NEW) == decimals("10", "140.2")
    assert converted.average_cost(NEW, "--method", "fifo") == decimals("10", "140.2")

    converted.fill("S6@200 c1", NEW)
    converted.sync()
    # By average 6 x 200 - 1 - 6/10 of 1,402; the oldest first they are the 6 of B60@10 c1.
    assert converted.nets() == decimals("0", "357.8")
    assert converted.nets("--method", "fifo") == decimals("0", "598")
    assert desk.run("verify").returncode == 0


def test_keeping_leaves_two_holdings(converted: Trading) -> None:
    desk = converted.desk
    (hold,) = holds(desk)
    assert desk.run("review", "keep", hold["id"]).returncode == 0
    sync(desk, 0)
    assert {h["kind"]: h["status"] for h in holds(desk)} == {
        "SAME_HOLDING": "kept",
        "MISSING": "held",
    }
    assert converted.entries() == []
    assert desk.run("verify").returncode == 0


@pytest.fixture
def gone(trading: Trading) -> Trading:
    """100 of one contract gone without a word, beside another that is there."""
    trading.fills("B60@10 c1; B40@20 c1")
    trading.fill("B1@20 c1", EURO)
    trading.sync()
    trading.command("remove_row")
    trading.sync()
    (hold,) = holds(trading.desk)
    assert "or transferred to another account" in hold["message"]
    return trading


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["accept", "1", "--price", "abc"], "not a number"),
        (["accept", "1", "--price", "nan"], "not finite"),
        (["accept", "1", "--price=-1"], "cannot be negative"),
        (["accept", "1", "--price", ""], "blank"),
        (["accept", "1", "--price", "1", "--transfer"], "a transfer has no price"),
        (["accept", "1", "2", "--price", "1"], "give one ID"),
        (["keep", "1", "--price", "1"], "goes with accepting"),
        (["list", "--transfer"], "review accept ID"),
    ],
)
def test_a_word_that_does_not_fit_is_refused(
    gone: Trading, words: list[str], complaint: str
) -> None:
    done = gone.desk.run("review", *words)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert [hold["status"] for hold in holds(gone.desk)] == ["held"]


def test_a_price_by_the_users_word(gone: Trading) -> None:
    said = gone.desk.json("review", "accept", "1", "--price", "15.005", "--note", "by phone")
    assert (said["price"], said["transfer"]) == ("15.005", False)
    gone.sync()
    (entry,) = gone.entries()
    assert (entry["kind"], entry["quality"], entry["price_source"]) == ("USER", "MANUAL", "user")
    # 100 x 15.005 - 1,402
    assert gone.nets() == decimals("98.5")
    assert gone.desk.run("verify").returncode == 0


@pytest.mark.parametrize("words", [["--transfer"], []], ids=["transfer", "no price"])
def test_totals_of_unknown_amounts_are_not_nothing(gone: Trading, words: list[str]) -> None:
    desk = gone.desk
    assert desk.run("review", "accept", "1", *words).returncode == 0
    gone.sync()
    ((entry,), (total,)) = desk.json("pnl").values()
    kind = "TRANSFERRED" if words else "USER"
    assert (entry["kind"], entry["realized_pnl"], entry["quality"]) == (kind, None, "MANUAL")
    assert (total["realized_pnl"], total["entries"], total["unknown"]) == (None, "1", "1")
    for by in ("day", "symbol", "quality"):
        (group,) = desk.json("pnl", "--by", by)["groups"]
        assert (group["realized_pnl"], group["unknown"]) == (None, "1")
        (cells,) = csv.DictReader(io.StringIO(desk.run("pnl", "--by", by, "--format=csv").stdout))
        assert (cells["realized_pnl"], cells["unknown"]) == ("", "1")
    *_, last = desk.run("pnl").stdout.splitlines()
    assert last.split()[:2] == ["USD", "–"]
    assert last.split()[-1] == "1"
    assert desk.run("verify").returncode == 0


@pytest.mark.tty
def test_a_price_on_the_screen(gone: Trading) -> None:
    screen = gone.desk.terminal()
    screen.until_text("missing since")
    screen.press("v")
    screen.until_text("book it as a transfer")
    screen.press("A")
    screen.until_text("price it closed at")
    screen.press("by phone")
    screen.until_text("by phone")
    screen.press("\t")
    screen.read(0.5)
    # The focus has to move first, as it does for a hand.
    screen.press("15")
    screen.until(lambda text: "price 15 " in text, "the price that was typed")
    screen.press("\r")
    screen.until_text("accepted")
    _until_booked(gone.desk, Decimal(98))
    screen.press("p")
    screen.until_text("your word")
    screen.press("q")
    assert screen.ended() == 0


@pytest.mark.tty
def test_all_that_is_held_is_decided_with_one_note_and_journaled(gone: Trading) -> None:
    desk = gone.desk
    gone.fill("B1@30 c1", FUTURE)
    gone.sync()
    gone.command("remove_row", EURO)
    gone.sync()
    held = {hold["id"] for hold in holds(desk) if hold["status"] == "held"}
    assert len(held) == 2
    screen = desk.terminal()
    screen.until_text("2 missing")
    screen.press("v")
    screen.until_text("K keep ")
    screen.press("U")
    screen.until_text("for the journal")
    screen.press("asked the desk")
    screen.until_text("asked the desk")
    screen.press("\r")
    screen.until(lambda text: text.count("kept") >= 2, "both kept")
    screen.press("q")
    assert screen.ended() == 0
    with closing(sqlite3.connect(desk.ledger)) as db:
        sql = "SELECT text, evidence FROM journal WHERE kind = 'kept' ORDER BY id"
        told = db.execute(sql).fetchall()
    assert {note for _, note in told} == {"asked the desk"}
    assert {int(text.split()[1]) for text, _ in told} == {int(number) for number in held}
    assert len(told) == 2
    assert desk.run("verify").returncode == 0


def _until_booked(desk: Desk, amount: Decimal) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = json.loads(desk.run("pnl", "--json").stdout)["entries"]
        if [Decimal(str(entry["realized_pnl"])) for entry in found] == [amount]:
            return
        time.sleep(0.2)
    pytest.fail(f"never booked {amount} in {ACCOUNT}")
