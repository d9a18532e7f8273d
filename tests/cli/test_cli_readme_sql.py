"""The README's queries of the ledger say what the program says."""

import json
import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Gateway, Home

README = Path(__file__).parents[2] / "README.md"
SHARE, EURO = 265598, 12087792
DESK = {
    "options": {"tick_interval": 0, "trade_interval": "off"},
    "accounts": [{"code": "DU1000001"}],
    "positions": [
        {"account": "DU1000001", "con_id": SHARE, "symbol": "AAPL", "quantity": 0, "price": "150"},
        {
            "account": "DU1000001",
            "con_id": EURO,
            "symbol": "EUR",
            "sec_type": "CASH",
            "local_symbol": "EUR.USD",
            "quantity": 0,
            "price": "1.1",
            "tick": "0.00005",
        },
    ],
}


def queries() -> list[str]:
    return re.findall(r'sqlite3 -readonly ledger.sqlite3 "(.*?)"\n', README.read_text(), re.DOTALL)


def test_they_sum_and_list_what_the_commands_do(home: Home) -> None:
    """A conversion of currencies is in no total."""
    scenario = home.folder / "desk.json"
    scenario.write_text(json.dumps(DESK))
    gateway = Gateway(home, "--scenario", str(scenario))
    usual = {"do": "trade", "account": "DU1000001", "commission": "1", "commission_delay": 0}
    try:
        home.run("sync", "--port", gateway.port)
        for side, share, euro in (("BUY", "150", "1.1"), ("SELL", "151", "1.2")):
            quantity = 100 if side == "BUY" else 60
            gateway.do(**usual, con_id=SHARE, side=side, quantity=quantity, price=share)
            gateway.do(**usual, con_id=EURO, side=side, quantity=20_000, price=euro)
            assert home.run("sync", "--port", gateway.port).code == 0
    finally:
        gateway.stop()
    totals = home.run("pnl", "--by", "currency", "--json").json()["totals"]
    entries = home.run("pnl", "--json").json()["entries"]
    assert {entry["symbol"] for entry in entries} == {"AAPL", "EUR"}
    realized, held = queries()
    with closing(sqlite3.connect(home.ledger)) as db:
        by_currency = {currency: Decimal(str(n)) for currency, n in db.execute(realized)}
        listed = {(symbol, quantity) for _, symbol, quantity, _, _ in db.execute(held)}
    assert by_currency == {total["currency"]: total["realized_pnl"] for total in totals}
    # 60 of 100 at 150, sold at 151, less the fee and 60 % of the other.
    assert by_currency["USD"] == Decimal("58.4")
    positions = home.run("positions", "--json").json()["positions"]
    assert listed == {(p["symbol"], p["quantity"]) for p in positions} == {("AAPL", 40)}
