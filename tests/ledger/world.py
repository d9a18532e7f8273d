"""A small desk in values: what the tests of the ledger observe, plan and commit."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.look import Rules
from possync_tui.domain.observations import (
    Commission,
    Fill,
    PositionRow,
    RowPushed,
    Side,
    Snapshot,
)
from possync_tui.domain.plan import ChangeKind, Plan
from possync_tui.domain.planning import make_plan
from possync_tui.domain.reconcile import keys_in_question
from possync_tui.domain.runs import Outcome, SyncResult, Trigger
from possync_tui.ledger.store import Ledger

START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
ACCOUNT = "DU1000001"
APPLE = Instrument(265598, "AAPL", "STK", "USD", local_symbol="AAPL", trading_class="NMS")
KEY = PositionKey(ACCOUNT, APPLE.con_id)
SPX = Instrument(
    700001, "SPX", "OPT", "USD", expiry="20261219", strike="5000", right="P", multiplier="100"
)
EURUSD = Instrument(12087792, "EUR", "CASH", "USD", local_symbol="EUR.USD")


class TestClock:
    """A clock that stands until it is moved; every look at it is a microsecond later."""

    __test__ = False

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def forward(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


def row(
    quantity: str, cost: str = "10.01", instrument: Instrument = APPLE, account: str = ACCOUNT
) -> PositionRow:
    return PositionRow(account, instrument, Decimal(quantity), Decimal(cost), quantity, cost)


def pushed(quantity: str, at: datetime, cost: str = "10.01") -> RowPushed:
    return RowPushed(row(quantity, cost), "session-1", at)


def fill(
    exec_id: str,
    side: Side,
    quantity: str,
    price: str,
    at: datetime,
    instrument: Instrument = APPLE,
    account: str = ACCOUNT,
) -> Fill:
    return Fill(
        account=account,
        exec_id=exec_id,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        time=at,
        raw_time=f"{at:%Y%m%d %H:%M:%S} UTC",
        quantity_text=quantity,
        price_text=price,
        order_id=7,
        perm_id=1234567,
        client_id=3,
        exchange="ISLAND",
    )


def commission(exec_id: str, amount: str = "1", realized: str | None = None) -> Commission:
    return Commission(
        exec_id=exec_id,
        amount=Decimal(amount),
        currency="USD",
        broker_realized_pnl=None if realized is None else Decimal(realized),
        amount_text=amount,
        realized_text=realized or "1.7976931348623157E308",
    )


def snapshot(rows: Sequence[PositionRow], at: datetime, accounts: Sequence[str]) -> Snapshot:
    return Snapshot("session-1", tuple(accounts), tuple(rows), at, at)


def result_of(plan: Plan | None, at: datetime, outcome: Outcome = Outcome.COMMITTED) -> SyncResult:
    return SyncResult(
        outcome=outcome,
        trigger=Trigger.MANUAL,
        started_at=at,
        duration_ms=12.5,
        positions_seen=plan.positions_seen if plan else 0,
        created=plan.count(ChangeKind.CREATED) if plan else 0,
        updated=plan.count(ChangeKind.UPDATED) if plan else 0,
        closed=plan.count(ChangeKind.CLOSED) if plan else 0,
    )


async def plan_for(
    ledger: Ledger,
    rows: Sequence[PositionRow],
    at: datetime,
    *,
    accounts: Sequence[str] = (ACCOUNT,),
    with_pnl: bool = True,
    all_fills: bool = True,
) -> Plan:
    """What a sync that gets this snapshot would commit."""
    known_seq = ledger.last_seq
    book, seen, rules = await ledger.book(), snapshot(rows, at, accounts), Rules()
    keys = keys_in_question(book, seen, rules)
    draft = make_plan(
        book,
        seen,
        await ledger.ground(keys),
        marks={},
        rules=rules,
        known_seq=known_seq,
        last_seq=ledger.last_seq,
        with_pnl=with_pnl,
        all_fills=all_fills,
    )
    return draft.plan


async def sync(
    ledger: Ledger,
    rows: Sequence[PositionRow],
    at: datetime,
    *,
    accounts: Sequence[str] = (ACCOUNT,),
    with_pnl: bool = True,
) -> SyncResult:
    plan = await plan_for(ledger, rows, at, accounts=accounts, with_pnl=with_pnl)
    return await ledger.commit(plan, result_of(plan, at))
