"""Client libraries as they are, against the desk's truth: ib_insync and the official ibapi.

ib_insync is imported inside the tests: eventkit takes the running loop when it is imported.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, TypeAlias

import pytest

from possync_tui.demo import (
    DemoGateway,
    Desk,
    Fault,
    FaultKind,
    GatewayOptions,
    ManualClock,
    default_desk,
)

#: An ``ib_insync.IB``: the library is typed in part only.
IB: TypeAlias = Any

Row = tuple[str, int, float, float]


@pytest.fixture
async def busy(clock: ManualClock) -> AsyncIterator[DemoGateway]:
    """The default desk behind a gateway whose master client is 7."""
    desk = default_desk(seed=3, clock=clock)
    gateway = DemoGateway(desk, options=GatewayOptions(master_client_id=7))
    await gateway.start()
    yield gateway
    await gateway.stop()


def _truth(desk: Desk) -> list[Row]:
    return sorted(
        (row.account, row.con_id, float(row.quantity), float(row.average_cost))
        for row in desk.positions()
    )


def _session() -> IB:
    import ib_insync

    return ib_insync.IB()  # type: ignore[no-untyped-call]


async def _connect(ib: IB, port: int, client_id: int, timeout: float = 2) -> None:
    ib.wrapper.clientId = client_id
    await ib.client.connectAsync("127.0.0.1", port, client_id, timeout)


async def _bare(gateway: DemoGateway, client_id: int) -> IB:
    """A session as it must be driven: connected, nothing asked."""
    ib = _session()
    ib.RaiseRequestErrors = True
    await _connect(ib, gateway.port, client_id)
    return ib


async def test_ib_insync_reads_the_desk_s_positions(busy: DemoGateway) -> None:
    ib = await _bare(busy, 1)
    rows = await ib.reqPositionsAsync()
    found = sorted((r.account, r.contract.conId, r.position, r.avgCost) for r in rows)
    assert found == _truth(busy.desk)
    assert ib.client.serverVersion() == 176
    assert ib.client.getAccounts() == list(busy.desk.accounts)
    ib.disconnect()


async def test_ib_insync_connects_in_full_without_a_timeout(
    busy: DemoGateway, caplog: pytest.LogCaptureFixture
) -> None:
    ib = _session()
    await ib.connectAsync("127.0.0.1", busy.port, 0, timeout=2)
    assert len(ib.positions()) == len(busy.desk.positions())
    assert len(ib.fills()) == len(busy.desk.executions) == 8
    assert all(fill.commissionReport.execId for fill in ib.fills())
    assert {v.account for v in ib.accountValues()} == set(busy.desk.accounts)
    ib.disconnect()
    assert [r for r in caplog.records if r.levelname in {"ERROR", "CRITICAL"}] == []
    asked = {request.name for request in busy.requests_seen}
    assert {"reqOpenOrders", "reqCompletedOrders", "reqAutoOpenOrders"} <= asked
    assert busy.orders_refused == 0


async def test_ib_insync_reads_fills_with_zoned_times_and_commissions(busy: DemoGateway) -> None:
    ib = await _bare(busy, 1)
    await ib.reqExecutionsAsync()
    found = {
        (f.execution.execId, f.time, f.execution.shares, f.execution.price) for f in ib.fills()
    }
    truth = busy.desk.executions_today()
    assert found == {(e.exec_id, e.time, float(e.quantity), float(e.price)) for e in truth}
    reports = {f.execution.execId: f.commissionReport for f in ib.fills()}
    for execution in truth:
        report = reports[execution.exec_id]
        assert execution.commission == Decimal(str(report.commission))
        assert report.realizedPNL == pytest.approx(float(execution.realized or 0))
    ib.disconnect()


async def test_ib_insync_reads_the_details_of_every_contract(busy: DemoGateway) -> None:
    import ib_insync

    ib = await _bare(busy, 1)
    for instrument in busy.desk.instruments.values():
        (details,) = await ib.reqContractDetailsAsync(ib_insync.Contract(conId=instrument.con_id))
        assert details.contract.conId == instrument.con_id
        assert Decimal(str(details.minTick)) == instrument.tick
        if instrument.sec_type != "BOND":
            assert details.contract.multiplier == instrument.multiplier
            assert details.contract.lastTradeDateOrContractMonth == instrument.expiry
    with pytest.raises(Exception, match="No security definition"):
        await ib.reqContractDetailsAsync(ib_insync.Stock("NONE", "SMART", "USD"))
    (by_symbol,) = await ib.reqContractDetailsAsync(ib_insync.Stock("MSFT", "SMART", "USD"))
    assert by_symbol.contract.conId == 272093
    ib.disconnect()


async def test_ib_insync_gets_marks_without_market_data(busy: DemoGateway) -> None:
    ib = await _bare(busy, 1)
    account = busy.desk.accounts[0]
    await ib.reqAccountUpdatesAsync(account)
    marks = {item.contract.conId: item.marketPrice for item in ib.portfolio()}
    for row in busy.desk.positions(account):
        assert marks[row.con_id] == float(row.price)
    single = ib.reqPnLSingle(account, "", 265598)
    await ib.reqCurrentTimeAsync()
    truth = busy.desk.position(account, 265598)
    assert truth is not None
    assert single.value == float(truth.value)
    ib.disconnect()


async def test_ib_insync_hears_of_a_trade_in_order(busy: DemoGateway) -> None:
    ib = await _bare(busy, 7)
    heard: list[str] = []
    done = asyncio.Event()
    for name in ("position", "execDetails", "commissionReport", "updatePortfolio"):
        original = getattr(ib.wrapper, name)

        def record(
            *args: object, _name: str = name, _original: Callable[..., object] = original
        ) -> None:
            heard.append(_name)
            _original(*args)
            if _name == "updatePortfolio":
                done.set()

        setattr(ib.wrapper, name, record)
    account = busy.desk.accounts[0]
    await ib.reqPositionsAsync()
    await ib.reqAccountUpdatesAsync(account)
    heard.clear()
    done.clear()
    busy.desk.close(account, 265598)
    await asyncio.wait_for(done.wait(), 2)
    assert heard == ["position", "execDetails", "commissionReport", "updatePortfolio"]
    assert 265598 not in {p.contract.conId for p in ib.positions(account)}
    ib.disconnect()


async def test_ib_insync_cannot_place_or_cancel_an_order(busy: DemoGateway) -> None:
    import ib_insync

    ib = await _bare(busy, 1)
    errors: list[int] = []
    refused = asyncio.Event()

    def on_error(req_id: int, code: int, text: str, contract: object) -> None:
        errors.append(code)
        refused.set()

    ib.errorEvent += on_error
    contract = ib_insync.Stock("AAPL", "SMART", "USD")
    ib.placeOrder(contract, ib_insync.MarketOrder("BUY", 1))
    await asyncio.wait_for(refused.wait(), 2)
    assert errors[-1] == 321
    ib.client.cancelOrder(1)
    ib.client.reqGlobalCancel()
    await ib.reqCurrentTimeAsync()
    assert busy.orders_refused == 3
    assert not busy.desk.executions[8:]
    ib.disconnect()


async def test_ib_insync_is_told_that_its_id_is_taken_or_the_server_too_old(
    busy: DemoGateway,
) -> None:
    first = await _bare(busy, 5)
    second = _session()
    with pytest.raises((TimeoutError, ConnectionError)):
        await _connect(second, busy.port, 5, 0.3)
    busy.inject(Fault(FaultKind.SERVER_VERSION, once=True, code=100))
    with pytest.raises((TimeoutError, ConnectionError)):
        await _connect(second, busy.port, 6, 0.3)
    first.disconnect()


class _Official:
    """The official client in threads of its own; what it hears is kept."""

    def __init__(self, port: int) -> None:
        from ibapi.client import EClient
        from ibapi.wrapper import EWrapper

        heard = self
        self.calls: list[tuple[Any, ...]] = []
        self.ended = {name: threading.Event() for name in _ENDS}

        class Wrapper(EWrapper):  # type: ignore[misc]
            def __getattribute__(self, name: str) -> object:
                if name in _KEPT or name in _ENDS:
                    return lambda *args: heard.hear(name, args)
                return super().__getattribute__(name)

        self.client = EClient(Wrapper())
        self.client.connect("127.0.0.1", port, 21)
        self._thread = threading.Thread(target=self.client.run, daemon=True)
        self._thread.start()

    def hear(self, name: str, args: tuple[Any, ...]) -> None:
        self.calls.append((name, *args))
        if name in _ENDS:
            self.ended[name].set()

    def wait(self, name: str) -> None:
        assert self.ended[name].wait(5), f"no {name}; heard {self.calls[-3:]}"
        self.ended[name].clear()

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def close(self) -> None:
        self.client.disconnect()
        self._thread.join(5)


_KEPT = frozenset(
    {
        *("position", "execDetails", "commissionReport", "contractDetails", "error"),
        *("bondContractDetails", "updatePortfolio", "updateAccountValue", "managedAccounts"),
    }
)
_ENDS = frozenset(
    {
        *("nextValidId", "positionEnd", "execDetailsEnd", "contractDetailsEnd", "currentTime"),
        *("accountDownloadEnd", "openOrderEnd", "completedOrdersEnd", "accountSummaryEnd", "pnl"),
    }
)


@pytest.fixture
async def official(busy: DemoGateway) -> AsyncIterator[_Official]:
    """The official client, ready."""
    client = await asyncio.to_thread(_Official, busy.port)
    await asyncio.to_thread(client.wait, "nextValidId")
    yield client
    await asyncio.to_thread(client.close)


async def test_the_official_client_reads_the_desk_s_positions(
    busy: DemoGateway, official: _Official
) -> None:
    official.client.reqPositions()
    await asyncio.to_thread(official.wait, "positionEnd")
    rows = official.of("position")
    assert sorted((a, c.conId, q, cost) for a, c, q, cost in rows) == _truth(busy.desk)
    assert official.client.serverVersion() == 157
    assert official.of("managedAccounts") == [(",".join(busy.desk.accounts),)]
    assert [e[1] for e in official.of("error")] == [2104, 2106, 2158]


async def test_the_official_client_reads_the_desk_s_executions(
    busy: DemoGateway, official: _Official
) -> None:
    from ibapi.execution import ExecutionFilter

    official.client.reqExecutions(4, ExecutionFilter())
    await asyncio.to_thread(official.wait, "execDetailsEnd")
    found = [
        (c.conId, e.execId, e.acctNumber, e.side, e.shares, e.price)
        for _, c, e in official.of("execDetails")
    ]
    truth = busy.desk.executions_today()
    assert found == [
        (e.con_id, e.exec_id, e.account, e.side.wire, float(e.quantity), float(e.price))
        for e in truth
    ]
    unset = 1.7976931348623157e308
    assert [
        (r.execId, r.commission, r.realizedPNL) for (r,) in official.of("commissionReport")
    ] == [
        (
            e.exec_id,
            float(e.commission or 0),
            unset if e.realized is None else float(e.realized),
        )
        for e in truth
    ]


async def test_the_official_client_reads_every_contract(
    busy: DemoGateway, official: _Official
) -> None:
    from ibapi.contract import Contract

    for instrument in busy.desk.instruments.values():
        contract = Contract()
        contract.conId = instrument.con_id
        official.client.reqContractDetails(instrument.con_id, contract)
        await asyncio.to_thread(official.wait, "contractDetailsEnd")
    found = official.of("contractDetails") + official.of("bondContractDetails")
    assert {d.contract.conId for _, d in found} == set(busy.desk.instruments)
    assert all(
        Decimal(str(d.minTick)) == busy.desk.instruments[d.contract.conId].tick for _, d in found
    )
    assert all(d.longName == busy.desk.instruments[d.contract.conId].name for _, d in found)


async def test_the_official_client_reads_an_account(busy: DemoGateway, official: _Official) -> None:
    account = busy.desk.accounts[1]
    official.client.reqAccountUpdates(True, account)
    await asyncio.to_thread(official.wait, "accountDownloadEnd")
    rows = {call[0].conId: call[1:] for call in official.of("updatePortfolio")}
    for row in busy.desk.positions(account):
        quantity, price, _, cost, _, _, owner = rows[row.con_id]
        assert (quantity, price, cost) == tuple(
            float(n) for n in (row.quantity, row.price, row.average_cost)
        )
        assert owner == account
    assert ("AccountCode", account, "", account) in official.of("updateAccountValue")


async def test_the_official_client_gets_its_small_answers(
    busy: DemoGateway, official: _Official
) -> None:
    client = official.client
    for ask, end in (
        (client.reqCurrentTime, "currentTime"),
        (client.reqOpenOrders, "openOrderEnd"),
        (client.reqAllOpenOrders, "openOrderEnd"),
        (lambda: client.reqCompletedOrders(False), "completedOrdersEnd"),
        (lambda: client.reqAccountSummary(1, "All", "NetLiquidation"), "accountSummaryEnd"),
        (lambda: client.reqPnL(2, busy.desk.accounts[0], ""), "pnl"),
        (lambda: client.reqIds(1), "nextValidId"),
    ):
        ask()
        await asyncio.to_thread(official.wait, end)
