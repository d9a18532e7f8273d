"""What the program says agrees, position by position, with the official client's reading."""

import threading
from decimal import Decimal
from typing import Any

from ibapi.client import EClient
from ibapi.wrapper import EWrapper

from .conftest import Desk

Row = tuple[str, int, float, float]


class OfficialClient(EWrapper, EClient):  # type: ignore[misc]
    """IBKR's own client, reading positions and executions once."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.ready = threading.Event()
        self.positions_done = threading.Event()
        self.executions_done = threading.Event()
        self.rows: list[Row] = []
        self.exec_ids: set[str] = set()
        self.commissions: dict[str, float] = {}

    def nextValidId(self, orderId: int) -> None:  # noqa: N802, N803
        self.ready.set()

    def position(self, account: str, contract: Any, position: float, avgCost: float) -> None:  # noqa: ANN401, N803
        self.rows.append((account, contract.conId, float(position), float(avgCost)))

    def positionEnd(self) -> None:  # noqa: N802
        self.positions_done.set()

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:  # noqa: ANN401, N802, N803
        self.exec_ids.add(execution.execId)

    def commissionReport(self, commissionReport: Any) -> None:  # noqa: ANN401, N802, N803
        self.commissions[commissionReport.execId] = commissionReport.commission

    def execDetailsEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self.executions_done.set()


def read_officially(port: int) -> OfficialClient:
    from ibapi.execution import ExecutionFilter

    client = OfficialClient()
    client.connect("127.0.0.1", port, 5)
    thread = threading.Thread(target=client.run, daemon=True)
    thread.start()
    assert client.ready.wait(10)
    client.reqPositions()
    assert client.positions_done.wait(10)
    client.reqExecutions(1, ExecutionFilter())
    assert client.executions_done.wait(10)
    client.disconnect()
    thread.join(5)
    return client


def test_every_command_agrees_with_the_official_client(desk: Desk) -> None:
    gateway = desk.gateway("--seed", "11", quiet=False)
    desk.use(gateway)
    result = desk.json("sync")
    assert result["outcome"] == "committed"
    official = read_officially(gateway.port)
    shown = desk.json("positions")["positions"]
    ours: list[Row] = sorted(
        (p["account"], int(p["con_id"]), float(p["quantity"]), float(p["average_cost"]))
        for p in shown
    )
    # Background fills go on; one between the two readings is synced and read once more.
    for _ in range(5):
        if ours == sorted(official.rows):
            break
        desk.json("sync")
        official = read_officially(gateway.port)
        ours = sorted(
            (p["account"], int(p["con_id"]), float(p["quantity"]), float(p["average_cost"]))
            for p in desk.json("positions")["positions"]
        )
    assert ours == sorted(official.rows)
    assert len(ours) >= 20

    entries = desk.json("pnl")["entries"]
    assert {entry["exec_id"] for entry in entries} <= official.exec_ids
    status = desk.json("status")
    assert status["position_sync"]["stats"]["failed_syncs"] == "0"
    assert desk.run("verify").returncode == 0


def test_a_round_trip_is_exact_to_the_cent(desk: Desk) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    desk.json("sync")
    trade = {"do": "trade", "account": "DU1000001", "con_id": 265598}
    gateway.command(**trade, side="SELL", quantity=100, price="201.50", commission="1")
    gateway.command(**trade, side="SELL", quantity=40, price="202", commission="1")
    gateway.command(**trade, side="BUY", quantity=40, price="200", commission="0.40")
    result = desk.json("sync")
    assert (result["closed"], result["held"]) == ("2", "0")
    entries = {entry["quality"]: entry for entry in desk.json("pnl")["entries"]}
    # The 100 were held before we came: 100 x (201.50 - 190.01) - 1 is no better than the seed.
    assert Decimal(entries["ESTIMATED"]["realized_pnl"]) == Decimal(1148)
    # The short was opened and closed under our eyes: 40 x (202 - 200) - 1 - 0.40.
    assert Decimal(entries["EXACT"]["realized_pnl"]) == Decimal("78.6")
    assert desk.run("verify").returncode == 0
