"""Every fault of the gateway, through the real session and a real ledger file.

After each: no position closed, no sync past its limit, and the next good sync succeeds.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.port import BrokerUnavailable
from possync_tui.broker.session import IbkrBroker
from possync_tui.demo import (
    DemoGateway,
    Fault,
    FaultField,
    FaultKind,
    GatewayOptions,
    default_desk,
)
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.runs import Outcome
from possync_tui.ledger.port import LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy

LIMIT = 1.5
Quantities = dict[tuple[str, int], object]


@dataclass
class Rig:
    gateway: DemoGateway
    engine: Engine
    broker: IbkrBroker

    async def book(self) -> Quantities:
        views = await self.engine.reads.positions()
        return {(view.account, view.con_id): view.quantity for view in views}

    def truth(self) -> Quantities:
        return {(p.account, p.instrument.con_id): p.quantity for p in self.gateway.desk.positions()}


Start = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    running: list[Rig] = []

    async def make(options: GatewayOptions | None = None) -> Rig:
        gateway = DemoGateway(default_desk(seed=7), options=options)
        await gateway.start()
        broker = IbkrBroker(
            SessionOptions(
                port=gateway.port,
                connect_timeout=2.0,
                heartbeat_interval=0.3,
                heartbeat_timeout=0.3,
                first_retry=0.05,
                longest_retry=0.2,
                recovery_grace=0.3,
            ),
            rng=random.Random(1),
        )

        async def opened() -> LedgerPort:
            return await open_ledger(tmp_path / "ledger.sqlite3", clock=SystemClock())

        policy = SyncPolicy(timeout=LIMIT, grace=0, mark_missing_as_closed=True)
        engine = Engine(broker=broker, open_ledger=opened, policy=policy, clock=SystemClock())
        rig = Rig(gateway, engine, broker)
        running.append(rig)
        await engine.start()
        await engine.connected(5)
        assert (await engine.sync_now()).ok
        assert await rig.book() == rig.truth()
        return rig

    yield make
    for rig in running:
        await rig.engine.stop()
        await rig.gateway.stop()


def value(what: str, field: FaultField = FaultField.QUANTITY) -> Fault:
    return Fault(FaultKind.VALUE, value=what, field=field)


MUST_NOT_COUNT = {
    "drop in the middle": Fault(FaultKind.DROP, after=5),
    "drop at once": Fault(FaultKind.DROP),
    "never end": Fault(FaultKind.NEVER_END),
    "freeze": Fault(FaultKind.FREEZE),
    "1100 in the middle": Fault(FaultKind.NOTICE, code=1100, after=3, text="lost"),
    "2110 in the middle": Fault(FaultKind.NOTICE, code=2110, after=3, text="lost"),
    "a quantity that is no number": Fault(FaultKind.BAD_NUMBER_ROW),
    "a short row": Fault(FaultKind.SHORT_ROW),
    "a blank quantity": Fault(FaultKind.BLANK_QUANTITY),
    "unset quantity": value("unset"),
    "NaN quantity": value("nan"),
    "infinite quantity": value("inf"),
    "absurd quantity": value("absurd"),
    "unset cost": value("unset", FaultField.AVERAGE_COST),
    "NaN cost": value("nan", FaultField.AVERAGE_COST),
    "absurd cost": value("absurd", FaultField.AVERAGE_COST),
    "garbage frame": Fault(FaultKind.GARBAGE_FRAME, after=4),
    "delay beyond the limit": Fault(FaultKind.DELAY, seconds=30),
    "a byte now and then": Fault(FaultKind.SLOW_WRITES, seconds=0.2),
}


@pytest.mark.parametrize("fault", MUST_NOT_COUNT.values(), ids=MUST_NOT_COUNT)
async def test_a_fault_in_the_snapshot_changes_nothing(start: Start, fault: Fault) -> None:
    rig = await start()
    before = await rig.book()
    rig.gateway.inject(fault)
    result = await asyncio.wait_for(rig.engine.sync_now(), 4 * LIMIT)
    assert result.outcome is not Outcome.COMMITTED
    assert result.error
    assert await rig.book() == before
    await recovers(rig)


async def recovers(rig: Rig) -> None:
    """The gateway behaves again: the next good sync succeeds, and the ledger proves itself."""
    rig.gateway.clear_faults()
    rig.gateway.notice(1102, "Connectivity restored, data maintained")
    async with asyncio.timeout(15):
        while True:
            try:
                await rig.engine.connected(5)
            except BrokerUnavailable:
                rig.engine.reconnect_now()
                continue
            if (await rig.engine.sync_now()).ok:
                break
    assert await rig.book() == rig.truth()
    assert (await rig.engine.reads.verify()).problems == ()


async def test_an_empty_answer_closes_nothing_and_is_held(start: Start) -> None:
    rig = await start()
    before = await rig.book()
    rig.gateway.inject(Fault(FaultKind.EMPTY))
    for _ in range(3):
        result = await rig.engine.sync_now()
    assert (result.outcome, result.closed) == (Outcome.COMMITTED, 0)
    assert result.held == len(rig.gateway.desk.accounts)
    assert await rig.book() == before
    await recovers(rig)
    assert await rig.engine.reads.holds() == []


async def test_an_omitted_row_is_missing_not_closed(start: Start) -> None:
    rig = await start()
    gone = rig.gateway.desk.positions()[0]
    fault = Fault(FaultKind.OMIT_ROW, con_id=gone.instrument.con_id, account=gone.account)
    rig.gateway.inject(fault)
    result = await rig.engine.sync_now()
    assert (result.missing, result.closed) == (1, 0)
    await recovers(rig)


async def test_executions_that_never_end_do_not_block(start: Start) -> None:
    rig = await start()
    before = await rig.book()
    rig.gateway.inject(Fault(FaultKind.EXECUTIONS_NEVER_END))
    await asyncio.wait_for(rig.engine.sync_now(), 4 * LIMIT)
    assert await rig.book() == before
    await recovers(rig)


async def test_executions_answered_by_an_error_degrade_only(start: Start) -> None:
    rig = await start()
    before = await rig.book()
    rig.gateway.inject(Fault(FaultKind.EXECUTIONS_ERROR, code=321, text="no"))
    assert (await rig.engine.sync_now()).ok
    assert await rig.book() == before
    await recovers(rig)


async def test_an_account_left_out_is_frozen(start: Start) -> None:
    rig = await start()
    before = await rig.book()
    rig.gateway.inject(Fault(FaultKind.ACCOUNTS, text=rig.gateway.desk.accounts[0]))
    await rig.gateway.drop_clients()
    await asyncio.sleep(0.1)
    await rig.engine.connected(5)
    result = await rig.engine.sync_now()
    assert (result.ok, result.missing, result.closed) == (True, 0, 0)
    assert await rig.book() == before


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.CLOSE_ON_ACCEPT])
async def test_a_gateway_that_is_gone_is_skipped_and_found_again(
    start: Start, kind: FaultKind
) -> None:
    rig = await start()
    before = await rig.book()
    rig.gateway.inject(Fault(kind))
    await rig.gateway.drop_clients()
    await asyncio.sleep(0.1)
    result = await rig.engine.sync_now()
    assert result.outcome is Outcome.SKIPPED
    assert await rig.book() == before
    await recovers(rig)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.DUPLICATE_ROWS),
        Fault(FaultKind.UNKNOWN_MESSAGE, after=2),
        Fault(FaultKind.HOSTILE_TEXT, text="\x1b]0;x\x07[/red]'); DROP TABLE lives;--"),
        Fault(FaultKind.NO_COMMISSION),
        value("nan", FaultField.MARKET_PRICE),
        value("unset", FaultField.PNL_VALUE),
    ],
    ids=lambda fault: fault.kind.value,
)
async def test_what_is_only_odd_does_no_harm(start: Start, fault: Fault) -> None:
    rig = await start()
    rig.gateway.inject(fault)
    result = await rig.engine.sync_now()
    assert result.closed == 0
    assert await rig.book() == rig.truth()
    await recovers(rig)


@pytest.mark.parametrize(
    "field", [FaultField.EXEC_QUANTITY, FaultField.EXEC_PRICE, FaultField.COMMISSION]
)
@pytest.mark.parametrize("text", ["nan", "unset", "absurd", "blank"])
async def test_nonsense_in_fills_never_reaches_the_ledger(
    start: Start, field: FaultField, text: str
) -> None:
    rig = await start()
    rig.gateway.inject(value(text, field))
    desk = rig.gateway.desk
    held = desk.positions()[0]
    desk.trade(held.account, held.instrument.con_id, "BUY", "1", desk.mark(held.instrument.con_id))
    result = await rig.engine.sync_now()
    assert result.closed == 0
    await recovers(rig)
