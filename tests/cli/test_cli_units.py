"""What is quoted in cents, pence or per cent, from the wire to what `pnl` prints."""

import json

from tests.cli.conftest import Gateway, Home

CORN, SHARE, BILL = 1001, 1002, 1003
WHAT: tuple[dict[str, object], ...] = (
    {
        "con_id": CORN,
        "symbol": "ZC",
        "sec_type": "FUT",
        "exchange": "CBOT",
        "multiplier": "5000",
        "expiry": "20271214",
        "price": "450.25",
        "tick": "0.25",
    },
    {
        "con_id": SHARE,
        "symbol": "STAN",
        "primary_exchange": "LSE",
        "currency": "GBP",
        "price": "947.5",
    },
    {"con_id": BILL, "symbol": "912797FL6", "sec_type": "BILL", "price": "98.65"},
)
DESK = {
    "options": {"tick_interval": 0, "trade_interval": "off"},
    "accounts": [{"code": "DU1000001"}],
    "positions": [
        {"account": "DU1000001", "quantity": 0, "price_factor": 0.01, **what} for what in WHAT
    ],
}
BOUGHT = {CORN: ("450.25", 1), SHARE: ("947.5", 200), BILL: ("98.65", 18_000)}
SOLD = {CORN: ("452.25", 1), SHARE: ("950", 200), BILL: ("99.5", 18_000)}


def test_realized_pnl_is_money_whatever_the_quotes_are_in(home: Home) -> None:
    """2 cents for 5000 bushels, 2.5 pence for 200 shares, 0.85 % of 18,000; less the fees."""
    scenario = home.folder / "desk.json"
    scenario.write_text(json.dumps(DESK))
    gateway = Gateway(home, "--scenario", str(scenario))
    usual = {"do": "trade", "account": "DU1000001", "commission": "2", "commission_delay": 0}
    try:
        assert home.run("sync", "--port", gateway.port).code == 0
        for side, trades in (("BUY", BOUGHT), ("SELL", SOLD)):
            for con_id, (price, quantity) in trades.items():
                gateway.do(**usual, con_id=con_id, side=side, quantity=quantity, price=price)
            assert home.run("sync", "--port", gateway.port).code == 0
    finally:
        gateway.stop()
    entries = home.run("pnl", "--json").json()["entries"]
    realized = {entry["symbol"]: (entry["realized_pnl"], entry["quality"]) for entry in entries}
    assert realized == {
        "ZC": (100 - 4, "EXACT"),
        "STAN": (5 - 4, "EXACT"),
        "912797FL6": (153 - 4, "EXACT"),
    }
    assert {entry["difference"] for entry in entries} == {None}
