"""The session against the embedded gateway: every fault is survived, and the next snapshot good."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from possync_tui.broker.port import BrokerError, BrokerTimeout
from possync_tui.broker.requests import ALLOWED_REQUESTS
from possync_tui.broker.session import IbkrBroker
from possync_tui.demo import DemoGateway, Desk, Fault, FaultField, FaultKind, default_desk
from possync_tui.domain.connection import Phase
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Commission, Fill, RowPushed, Snapshot
from tests.broker.conftest import QUICK, Session

APPLE = PositionKey("DU1000001", 265598)


@pytest.fixture
async def gateway() -> AsyncIterator[DemoGateway]:
    gateway = DemoGateway(default_desk(seed=3))
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def session(gateway: DemoGateway) -> AsyncIterator[Session]:
    options = replace(QUICK, port=gateway.port, connect_timeout=0.5, heartbeat_timeout=0.5)
    session = Session(IbkrBroker(options))
    await session.broker.start()
    await session.broker.connected(5)
    yield session
    await session.broker.stop()


def assert_true(snapshot: Snapshot, gateway: DemoGateway) -> None:
    """The snapshot is what the desk holds, to the last digit."""
    ours = {(row.account, row.instrument.con_id): row.quantity for row in snapshot.rows}
    desk = {(p.account, p.instrument.con_id): p.quantity for p in gateway.desk.positions()}
    assert {key: quantity for key, quantity in ours.items() if quantity} == desk


async def test_the_desk_arrives_whole(gateway: DemoGateway, session: Session) -> None:
    assert_true(await session.broker.snapshot(5), gateway)
    answer = await session.broker.executions(5)
    today = gateway.desk.executions_today()
    assert [fill.exec_id for fill in answer.fills] == [execution.exec_id for execution in today]
    assert [fill.time for fill in answer.fills] == [execution.time for execution in today]
    names = {request.message_id for request in gateway.requests_seen}
    assert names <= set(ALLOWED_REQUESTS)


async def test_a_close_pushes_a_zero_row_and_its_fill_can_be_asked_for(
    gateway: DemoGateway, session: Session
) -> None:
    await session.broker.snapshot(5)
    gateway.desk.close(APPLE.account, APPLE.con_id)
    await session.until(lambda: session.of(RowPushed))
    (pushed,) = session.of(RowPushed)
    assert (pushed.row.key, pushed.row.quantity_text) == (APPLE, "0")
    answer = await session.broker.executions(5)
    fill = answer.fills[-1]
    assert fill.key == APPLE
    reports = [*answer.commissions, *session.of(Commission)]
    assert fill.exec_id in {report.exec_id for report in reports}
    assert session.of(Fill) == []


SPOILED = [
    Fault(FaultKind.DROP, once=True, after=7),
    Fault(FaultKind.NEVER_END, once=True),
    Fault(FaultKind.NOTICE, once=True, after=3, code=1100, text="lost"),
    Fault(FaultKind.NOTICE, once=True, after=3, code=2110, text="broken"),
    Fault(FaultKind.NOTICE, once=True, after=3, code=1101, text="restored"),
    Fault(FaultKind.BAD_NUMBER_ROW, once=True),
    Fault(FaultKind.SHORT_ROW, once=True),
    Fault(FaultKind.BLANK_QUANTITY, once=True),
    Fault(FaultKind.GARBAGE_FRAME, once=True, after=2),
    Fault(FaultKind.UNKNOWN_MESSAGE, once=True, after=2),
    *(
        Fault(FaultKind.VALUE, once=True, value=value, field=field)
        for value in ("unset", "nan", "inf", "-inf", "absurd", "blank")
        for field in (FaultField.QUANTITY, FaultField.AVERAGE_COST)
    ),
]


@pytest.mark.parametrize("fault", SPOILED, ids=lambda f: f"{f.kind}-{f.value or f.code}-{f.field}")
async def test_a_spoiled_snapshot_does_not_count_and_the_next_is_good(
    gateway: DemoGateway, session: Session, fault: Fault
) -> None:
    gateway.inject(fault)
    with pytest.raises(BrokerError):
        await session.broker.snapshot(0.4)
    gateway.clear_faults()
    if session.broker.state.phase is Phase.STALE:
        gateway.notice(1102, "Connectivity has been restored - data maintained.")
    await session.broker.connected(5)
    assert_true(await session.broker.snapshot(5), gateway)


HARMLESS = [
    Fault(FaultKind.DUPLICATE_ROWS, once=True),
    Fault(FaultKind.HOSTILE_TEXT, once=True, text="\x1b[2J[red]'); DROP TABLE positions;--"),
    Fault(FaultKind.DELAY, once=True, seconds=0.1),
    Fault(FaultKind.NOTICE, once=True, after=3, code=2103, text="farm is broken:usfarm"),
]


@pytest.mark.parametrize("fault", HARMLESS, ids=lambda fault: str(fault.kind))
async def test_what_is_only_strange_is_taken(
    gateway: DemoGateway, session: Session, fault: Fault
) -> None:
    gateway.inject(fault)
    assert_true(await session.broker.snapshot(5), gateway)
    assert session.broker.state.phase is Phase.CONNECTED


@pytest.mark.parametrize("kind", [FaultKind.EXECUTIONS_NEVER_END, FaultKind.EXECUTIONS_ERROR])
async def test_failed_executions_are_an_exception(
    gateway: DemoGateway, session: Session, kind: FaultKind
) -> None:
    gateway.inject(Fault(kind, once=True, code=321))
    with pytest.raises(BrokerError):
        await session.broker.executions(0.4)
    gateway.clear_faults()
    await session.broker.connected(5)
    assert (await session.broker.executions(5)).fills


@pytest.mark.parametrize("kind", [FaultKind.FREEZE, FaultKind.REFUSE, FaultKind.CLOSE_ON_ACCEPT])
async def test_a_gateway_that_is_gone_for_a_while_is_found_again(
    gateway: DemoGateway, session: Session, kind: FaultKind
) -> None:
    gateway.inject(Fault(kind))
    if kind is not FaultKind.FREEZE:
        gateway.abort_clients()
    await session.until(lambda: Phase.RECONNECTING in session.phases)
    gateway.clear_faults()
    await session.broker.connected(5)
    assert_true(await session.broker.snapshot(5), gateway)


@pytest.mark.parametrize("version", [157, 163, 170, 176, 187])
async def test_every_server_version_that_the_library_takes(version: int) -> None:
    gateway = DemoGateway(default_desk(seed=3))
    gateway.inject(Fault(FaultKind.SERVER_VERSION, code=version))
    await gateway.start()
    session = Session(IbkrBroker(replace(QUICK, port=gateway.port)))
    await session.broker.start()
    await session.broker.connected(5)
    assert_true(await session.broker.snapshot(5), gateway)
    assert (await session.broker.executions(5)).fills
    await session.broker.stop()
    await gateway.stop()


async def test_a_login_of_more_accounts_than_tws_answers_for_is_told_so() -> None:
    desk = Desk([f"DU{2_000_000 + number}" for number in range(51)])
    gateway = DemoGateway(desk)
    await gateway.start()
    session = Session(IbkrBroker(replace(QUICK, port=gateway.port)))
    await session.broker.start()
    try:
        await session.broker.connected(5)
        await session.until(session.problems)
        assert session.problems()[0].startswith("This login has 51 accounts. IBKR sends")
        gateway.inject(Fault(FaultKind.NEVER_END, once=True))
        with pytest.raises(BrokerTimeout, match=r"did not send all positions .* up to 50 accounts"):
            await session.broker.snapshot(0.3)
        await session.until_phase(Phase.CONNECTED)
        gateway.clear_faults()
        assert (await session.broker.snapshot(5)).rows == ()
    finally:
        await session.broker.stop()
        await gateway.stop()
