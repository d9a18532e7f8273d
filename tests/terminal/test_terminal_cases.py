"""The worked cases of realized P&L, with exactly their figures, through gateway and program.

Numbers as in the table of the shared IBKR facts, section 4 (`B100@10 c1`: bought 100 at 10, with a
commission of 1). Every fill is a command to the simulated TWS; figures are what the program prints.
"""

import json
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Desk, Gateway

ACCOUNT = "DU1000001"
STOCK, EURO, OPTION, FUTURE, EXPIRED = 101, 102, 103, 104, 105


def known(con_id: int, symbol: str, **more: object) -> dict[str, object]:
    """A contract that the desk knows and does not hold."""
    usual = {"sec_type": "STK", "currency": "USD", "quantity": 0, "price": 11}
    return {"account": ACCOUNT, "con_id": con_id, "symbol": symbol, **usual, **more}


SCENARIO = {
    "options": {"tick_interval": 0, "trade_interval": "off", "pnl_period": 0.2},
    "accounts": [{"code": ACCOUNT, "cash": {"USD": 100000}}],
    "positions": [
        known(STOCK, "XYZ"),
        known(EURO, "SAP", currency="EUR"),
        known(
            OPTION,
            "XYZ",
            sec_type="OPT",
            expiry="20991218",
            strike=50,
            right="P",
            multiplier="100",
            local_symbol="XYZ   991218P00050000",
        ),
        known(
            FUTURE, "ES", sec_type="FUT", expiry="20991218", multiplier="50", local_symbol="ESZ9"
        ),
        known(
            EXPIRED,
            "XYZ",
            sec_type="OPT",
            expiry="20240119",
            strike=50,
            right="C",
            multiplier="100",
        ),
    ],
}


@dataclass
class Trading:
    """One desk, and the words of the table."""

    desk: Desk
    gateway: Gateway

    def sync(self) -> Any:  # noqa: ANN401 - JSON as it comes
        return self.desk.json("sync")

    def fill(self, text: str, con_id: int = STOCK, **more: object) -> str:
        """`B100@10 c1` as a trade; its execution id."""
        trade, commission = text.split(" c")
        quantity, price = trade[1:].split("@")
        answer = self.gateway.command(
            do="trade",
            account=ACCOUNT,
            con_id=con_id,
            side="BUY" if trade[0] == "B" else "SELL",
            quantity=quantity,
            price=price,
            commission=commission,
            **more,
        )
        return str(answer["exec_id"])

    def fills(self, text: str, con_id: int = STOCK) -> None:
        for one in text.split("; "):
            self.fill(one, con_id)

    def command(self, do: str, con_id: int = STOCK, **more: object) -> None:
        self.gateway.command(do=do, account=ACCOUNT, con_id=con_id, **more)

    def entries(self, *options: str) -> list[dict[str, Any]]:
        """The oldest first."""
        found: list[dict[str, Any]] = self.desk.json("pnl", *options)["entries"]
        return found[::-1]

    def nets(self, *options: str) -> list[Decimal]:
        return [Decimal(entry["realized_pnl"]) for entry in self.entries(*options)]

    def total(self, *options: str) -> Decimal:
        (total,) = self.desk.json("pnl", *options)["totals"]
        return Decimal(total["realized_pnl"])

    def average_cost(self, con_id: int = STOCK, *options: str) -> list[Decimal]:
        """Quantity, and money per contract by our own lots, to six places."""
        lots = [
            lot
            for lot in self.desk.json("positions", "--lots", *options)["lots"]
            if lot["con_id"] == str(con_id)
        ]
        held = sum((Decimal(lot["quantity"]) for lot in lots), Decimal(0))
        cost = sum((Decimal(lot["cost"]) for lot in lots), Decimal(0))
        return [held, (cost / abs(held)).quantize(Decimal("0.000001"))]

    def broker_cost(self, con_id: int = STOCK) -> Decimal:
        """What the broker says it cost, as `positions` shows it."""
        (position,) = [
            position
            for position in self.desk.json("positions")["positions"]
            if position["con_id"] == str(con_id)
        ]
        return Decimal(position["average_cost"])


@pytest.fixture
def trading(desk: Desk) -> Trading:
    scenario = desk.home / "flat.json"
    scenario.write_text(json.dumps(SCENARIO))
    gateway = desk.gateway("--scenario", str(scenario), quiet=False)
    desk.use(gateway)
    made = Trading(desk, gateway)
    made.sync()
    return made


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def is_exact(entries: list[dict[str, Any]]) -> bool:
    return all(entry["quality"] == "EXACT" and entry["difference"] is None for entry in entries)


def test_case_1_long_round_trip(trading: Trading) -> None:
    trading.fill("B100@10 c1")
    trading.sync()
    assert trading.average_cost() == decimals("100", "10.01")
    assert trading.broker_cost() == Decimal("10.01")
    trading.fill("S100@12 c1")
    trading.sync()
    (entry,) = trading.entries()
    assert Decimal(entry["gross_pnl"]) == 200
    assert Decimal(entry["realized_pnl"]) == Decimal("198.00")
    assert Decimal(entry["broker_realized_pnl"]) == 198
    assert is_exact([entry])
    assert entry["is_full_close"] is True
    shown = trading.desk.json("pnl", "--fills", entry["id"])["fills"]
    assert [(fill["side"], fill["is_closing"]) for fill in shown] == [("SLD", True), ("BOT", False)]
    assert trading.desk.run("verify").returncode == 0


def test_case_2_short_round_trip(trading: Trading) -> None:
    trading.fill("S50@20 c1")
    trading.sync()
    assert trading.average_cost() == decimals("-50", "19.98")
    trading.fill("B50@18.5 c1")
    trading.sync()
    assert trading.nets() == decimals("73.00")
    assert is_exact(trading.entries())


def test_case_3_partial_closes(trading: Trading) -> None:
    trading.fills("B100@10 c1; S40@11 c.5")
    trading.sync()
    assert trading.average_cost() == decimals("60", "10.01")
    trading.fill("S60@9 c.6")
    trading.sync()
    assert trading.nets() == decimals("39.10", "-61.20")
    assert trading.total() == Decimal("-22.10")
    assert is_exact(trading.entries())


def test_case_4_average_and_fifo(trading: Trading) -> None:
    trading.fills("B100@10 c1; B100@12 c1; S100@13 c1")
    trading.sync()
    assert trading.average_cost(STOCK, "--method", "fifo") == decimals("100", "12.01")
    trading.fill("S100@13 c1")
    trading.sync()
    assert trading.nets() == trading.nets("--method", "average") == decimals("198", "198")
    assert trading.nets("--method", "fifo") == decimals("298", "98")
    assert trading.total() == trading.total("--method", "fifo") == 396


def test_case_5_flip(trading: Trading) -> None:
    trading.fills("B100@10 c1; S150@12 c1.5")
    trading.sync()
    assert trading.nets() == decimals("198.00")
    assert trading.average_cost() == decimals("-50", "11.99")
    trading.fill("B50@12.2 c.5")
    trading.sync()
    assert trading.nets() == decimals("198.00", "-11.00")
    assert is_exact(trading.entries())


@pytest.mark.parametrize(
    ("con_id", "opening", "cost", "closing", "net"),
    [
        (OPTION, "B2@1.50 c1.30", "150.65", "S2@2.10 c1.30", "117.40"),
        (FUTURE, "B1@5000.25 c2.25", "250014.75", "S1@5010 c2.25", "483.00"),
        (STOCK, "B30@10 c.35; B70@10.02 c.65", "10.024", "S100@10.10 c1", "6.60"),
        (STOCK, "B.3333@300 c.35", "301.050105", "S.1@330 c.35", "2.544989"),
    ],
    ids=["case 6 option", "case 8 future", "case 9 partial fills", "case 12 fractions"],
)
def test_multipliers_and_fractions(
    trading: Trading, con_id: int, opening: str, cost: str, closing: str, net: str
) -> None:
    trading.fills(opening, con_id)
    trading.sync()
    assert trading.average_cost(con_id)[1] == Decimal(cost)
    trading.fill(closing, con_id)
    trading.sync()
    assert trading.nets() == decimals(net)
    assert trading.entries()[0]["quality"] == "EXACT"


def test_case_7_an_option_expires(trading: Trading) -> None:
    trading.fill("S1@.80 c.65", EXPIRED)
    trading.sync()
    assert trading.average_cost(EXPIRED) == decimals("-1", "79.35")
    trading.command("remove_row", EXPIRED)
    trading.sync()
    (entry,) = trading.entries()
    assert entry["kind"] == "EXPIRED"
    assert Decimal(entry["realized_pnl"]) == Decimal("79.35")


def test_case_10_forward_split(trading: Trading) -> None:
    trading.fill("B10@400 c1")
    trading.sync()
    trading.gateway.command(do="split", con_id=STOCK, new=4)
    trading.sync()
    assert trading.entries() == []
    assert trading.average_cost() == decimals("40", "100.025")
    trading.fill("S40@110 c1")
    trading.sync()
    assert trading.nets() == decimals("398.00")
    assert is_exact(trading.entries())


def test_case_11_reverse_split_with_a_fraction_cashed(trading: Trading) -> None:
    trading.fill("B105@1 c1")
    trading.sync()
    trading.gateway.command(do="split", con_id=STOCK, new=1, old=10)
    trading.sync()
    assert trading.average_cost()[0] == Decimal("10.5")
    trading.fill("S.5@11 c0")
    trading.sync()
    assert trading.nets() == decimals("0.452381")
    (lot,) = trading.desk.json("positions", "--lots")["lots"]
    assert [Decimal(lot["quantity"]), Decimal(lot["cost"])] == decimals("10", "100.952381")
    assert trading.entries()[0]["quality"] == "EXACT"


def test_case_13_another_currency(trading: Trading) -> None:
    trading.fills("B100@20 c1.25; S100@22 c1.25", EURO)
    trading.fills("B100@10 c1; S100@12 c1")
    trading.sync()
    totals = {t["currency"]: t["realized_pnl"] for t in trading.desk.json("pnl")["totals"]}
    assert {c: Decimal(amount) for c, amount in totals.items()} == {
        "EUR": Decimal("197.50"),
        "USD": Decimal("198.00"),
    }
    assert Decimal(totals["EUR"]) * Decimal("1.10") == Decimal("217.25")


def test_case_14_shorts_by_both_methods(trading: Trading) -> None:
    trading.fills("S100@10 c0; S100@15 c0; B100@12.5 c0")
    trading.sync()
    assert trading.nets() == decimals("0")
    assert trading.average_cost() == decimals("-100", "12.5")
    assert trading.nets("--method", "fifo") == decimals("-250")
    assert trading.average_cost(STOCK, "--method", "fifo") == decimals("-100", "15")


def test_case_15_a_correction(trading: Trading) -> None:
    trading.fill("B100@10 c1")
    sold = trading.fill("S100@12 c1")
    trading.sync()
    trading.gateway.command(do="correct", exec_id=sold, price="11.90")
    trading.sync()
    entries = {entry["id"]: entry for entry in trading.entries()}
    amounts = [Decimal(entries[key]["realized_pnl"]) for key in sorted(entries, key=int)]
    assert amounts == decimals("198", "-198", "188")
    first, reversal, last = (entries[key] for key in sorted(entries, key=int))
    assert reversal["kind"] == "REVERSAL"
    assert reversal["supersedes_id"] == last["supersedes_id"] == first["id"]
    assert trading.total() == 188


def test_a_corrected_quantity_leaves_nothing_unexplained(trading: Trading) -> None:
    """B100 seen, corrected to 90, partly closed, closed: as if 90 had been bought."""
    bought = trading.fill("B100@10 c1")
    trading.sync()
    trading.fill("S40@12 c1")
    trading.sync()
    assert trading.nets() == decimals("78.60")
    trading.gateway.command(do="correct", exec_id=bought, price="10", quantity="90")
    trading.sync()
    trading.fill("S50@11 c1")
    trading.sync()
    kinds = {entry["kind"] for entry in trading.entries()}
    assert kinds == {"FILL", "REVERSAL"}
    assert trading.total() == 127  # 40 x 12 + 50 x 11 - 90 x 10 - 3
    assert trading.total("--method", "fifo") == 127
    assert trading.desk.json("positions")["positions"] == []
    assert trading.desk.run("verify").returncode == 0


def test_a_quantity_is_corrected_after_the_close(trading: Trading) -> None:
    bought = trading.fill("B100@10 c1")
    trading.fill("S90@12 c1")
    trading.sync()
    trading.gateway.command(do="correct", exec_id=bought, price="10", quantity="90")
    trading.sync()
    assert trading.total() == 178
    assert {entry["kind"] for entry in trading.entries()} == {"FILL", "REVERSAL"}
    assert trading.desk.json("positions")["positions"] == []
    assert trading.desk.run("verify").returncode == 0


def test_case_16_a_missed_fill_turns_up(trading: Trading) -> None:
    trading.fill("B100@10 c1")
    trading.sync()
    missed = trading.fill("S40@11.05 c.5", with_execution=False)
    trading.gateway.command(do="price", con_id=STOCK, price="11")
    trading.sync()
    (estimate,) = trading.entries()
    assert estimate["quality"] == "ESTIMATED"
    assert Decimal(estimate["realized_pnl"]) == Decimal("39.60")
    assert estimate["price_source"]
    assert float(estimate["price_age"]) < 60
    trading.gateway.command(do="reveal", exec_id=missed)
    trading.sync()
    assert trading.total() == Decimal("41.10")
    entries = sorted(trading.entries(), key=lambda entry: int(entry["id"]))
    amounts = [Decimal(entry["realized_pnl"]) for entry in entries]
    assert amounts == decimals("39.60", "-39.60", "41.10")
    assert entries[-1]["quality"] == "EXACT"
    assert entries[-1]["supersedes_id"] == estimate["id"]
    assert trading.desk.run("verify").returncode == 0


def test_case_17_a_late_commission(trading: Trading) -> None:
    trading.fill("B100@10 c1")
    trading.sync()
    due = time.monotonic() + 6
    trading.fill("S100@12 c1", commission_delay=6)
    trading.sync()
    (pending,) = trading.entries()
    assert (pending["quality"], Decimal(pending["realized_pnl"])) == (
        "PENDING_COMMISSION",
        Decimal(199),
    )
    time.sleep(max(0.0, due - time.monotonic()) + 0.2)
    trading.sync()
    assert trading.total() == Decimal("198.00")
    last = max(trading.entries(), key=lambda entry: int(entry["id"]))
    assert (last["quality"], Decimal(last["realized_pnl"])) == ("EXACT", Decimal(198))


def test_case_18_assignment(trading: Trading) -> None:
    trading.fill("S1@2.00 c.65", OPTION)
    trading.sync()
    trading.command("assign", OPTION, underlying=STOCK)
    trading.sync()
    (entry,) = trading.entries()
    assert (entry["kind"], Decimal(entry["realized_pnl"])) == ("ASSIGNED", Decimal(0))
    assert trading.average_cost() == decimals("100", "48.0065")
    assert trading.broker_cost() == Decimal("48.0065")
    assert trading.desk.run("verify").returncode == 0
