"""Statements make a seeded history exact, fill gaps, and change nothing that was known."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain.exec_ids import in_doubt_id
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import Side
from possync_tui.domain.plan import HoldKind
from possync_tui.flex.statement import read_flex
from possync_tui.ledger.port import EntryQuery
from tests.flex.build import STOCK, Sheet, trade, write
from tests.flex.conftest import Importer, standing, total
from tests.sync.conftest import ACCOUNT, ScriptedBroker, Start

DAY = 86_400.0
# The rig's first sync is on 2 March 2026, 14:30 UTC.
BOUGHT = (
    trade("60", "10.02", "20260112;101500", "-0.6"),
    trade("40", "10.00", "20260113;093001", "-0.4"),
)


async def test_a_seeded_position_becomes_exact(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "100", "10.022")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.SOLD, "100", "12", "1")
    broker.drop(1)
    await rig.engine.sync_now()
    assert await standing(rig) == [("FILL", Decimal("196.8"), "ESTIMATED")]

    result, plan = await importing(rig, Sheet(BOUGHT))
    # 1,200 - 1 - (601.20 + 0.60 + 400 + 0.40)
    assert await standing(rig) == [("FILL", Decimal("196.8"), "EXACT")]
    assert (result.held, plan.decided) == (0, ())
    entries = await rig.engine.reads.entries(EntryQuery())
    exact = next(e for e in entries if e.quality == "EXACT" and e.kind == "FILL")
    old = next(e for e in entries if e.id == exact.supersedes_id)
    assert (old.kind, old.quality) == ("FILL", "ESTIMATED")
    assert await total(rig) == Decimal("196.8")
    (view,) = await rig.engine.reads.positions(include_closed=True)
    assert view.realized_pnl == Decimal("196.8")
    assert f"{view.opened_at:%Y-%m-%d %H:%M}" == "2026-01-12 15:15", "New York is UTC-5"
    (run, *_) = await rig.engine.reads.runs()
    assert (run.trigger, run.outcome) == ("import", "committed")
    lines = await rig.engine.reads.journal(run_id=run.id)
    assert {line.kind for line in lines} >= {"reversed", "realized"}

    again, plan = await importing(rig, Sheet(BOUGHT))
    assert plan.is_empty
    assert (again.created, again.updated, again.closed) == (0, 0, 0)


async def test_what_was_seen_live_is_known(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "100", "10.022")
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade(1, Side.SOLD, "40", "12", "1.0")
    broker.hold(1, "60", "10.022")
    await rig.engine.sync_now()
    before = rig.engine.ledger.last_seq
    same = trade(
        "-40", "12.00", "20260302;093000", "-1.000", exec_id=fill.exec_id, fifoPnlRealized="78.12"
    )
    _, plan = await importing(rig, Sheet([same]))
    # The one thing that is news: what IBKR says was realized.
    assert rig.engine.ledger.last_seq == before + 1
    ((kind, amount, quality),) = await standing(rig)
    assert (kind, amount, quality) == ("FILL", Decimal("78.12"), "ESTIMATED")
    rounded = same | {"fifoPnlRealized": "78.123", "ibCommission": "-1"}
    _, plan = await importing(rig, Sheet([rounded]))
    assert plan.is_empty
    assert rig.engine.ledger.last_seq == before + 1
    # And TWS tells it once more, as it does at every sync.
    assert (await rig.engine.sync_now()).updated == 0
    assert rig.engine.ledger.last_seq == before + 1


async def test_a_fill_in_an_unknown_unit_becomes_exact_by_a_statement(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """Sold in pence that nothing told to be pence."""
    share = {**STOCK, "currency": "GBP"}
    what = Instrument(1, "XYZ", "STK", "GBP")
    broker.hold(1, "100", "9.4", what=what)
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade_in(what, Side.SOLD, "100", "947.5", None)
    broker.fills[-1] = replace(fill, exec_id=in_doubt_id(fill.exec_id))
    broker.drop(1)
    await rig.engine.sync_now()
    assert [quality for _, _, quality in await standing(rig)] == ["ESTIMATED"]
    opened = trade("100", "9.4", "20260112;101500", "0", what=share)
    sold = trade("-100", "9.475", "20260302;093000", "-1.5", exec_id=fill.exec_id, what=share)
    await importing(rig, Sheet([opened, sold]))
    # 947.50 - 1.50 - 940
    assert await standing(rig) == [("FILL", Decimal("6.0"), "EXACT")]
    assert (await rig.engine.sync_now()).updated == 0


async def test_a_statement_before_the_same_is_told_live(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    bought = trade("10", "10", "20260302;093000", "-1", exec_id="0000e0d5.00000001.01.01")
    await importing(rig, Sheet([bought]))
    before = rig.engine.ledger.last_seq
    broker.trade(1, Side.BOUGHT, "10", "10.0", "1.00")
    broker.hold(1, "10", "10.1")
    await rig.engine.sync_now()
    assert rig.engine.ledger.last_seq == before + 1, "the row alone is news"
    assert (await rig.engine.reads.verify()).ok


async def test_days_when_nothing_ran(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "100", "10.022")
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(10 * DAY)
    broker.hold(1, "60", "10.022")
    broker.hold(2, "5", "20")
    broker.mark(1, "11")
    await rig.engine.sync_now()
    assert await standing(rig) == [("UNEXPLAINED", Decimal("39.12"), "ESTIMATED")]
    missed = (
        trade("-40", "11.05", "20260305;110000", "-0.5"),
        trade("5", "19.8", "20260306;150000", "-1", what={**STOCK, "conid": "2", "symbol": "S2"}),
    )
    await importing(rig, Sheet(missed))
    # 40 x 11.05 - 0.5 - 40 x 10.022: the sale is known, its cost is the broker's average.
    assert await standing(rig) == [("FILL", Decimal("40.62"), "ESTIMATED")]
    assert await total(rig) == Decimal("40.62")
    key = PositionKey(ACCOUNT, 2)
    (other,) = (await rig.engine.ledger.stored_lives([key]))[key]
    assert [lot.is_seeded for lot in other.life.lots] == [False]
    await importing(rig, Sheet(BOUGHT))
    assert await standing(rig) == [("FILL", Decimal("40.62"), "EXACT")]
    assert await total(rig) == Decimal("40.62")


async def test_overlapping_statements_in_any_order(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "50", "11")
    rig = await start()
    await rig.engine.sync_now()
    sold = trade("-50", "12", "20260202;120000", "-1")
    result, _ = await importing(rig, Sheet([BOUGHT[1], sold]))
    assert result.held == 1
    (hold,) = await rig.engine.reads.holds()
    assert hold.kind == HoldKind.STATEMENT_GAP
    assert "60 units short of what was held at the first sync (purchases" in hold.message
    assert await standing(rig) == []

    result, _ = await importing(rig, Sheet([*BOUGHT, sold]))
    assert result.held == 0
    assert await rig.engine.reads.holds() == []
    # Average cost of 100 bought for 1,002.20: 50 x 12 - 1 - 501.10.
    assert await standing(rig) == [("FILL", Decimal("97.9"), "EXACT")]
    _, plan = await importing(rig, Sheet([sold]), Sheet([BOUGHT[0]]))
    assert plan.is_empty
    # One more bought than was held: some sale is not in any of the files.
    await importing(rig, Sheet([trade("1", "9", "20260101;120000")]))
    (hold,) = await rig.engine.reads.holds()
    assert "are 1 units short" in hold.message
    assert "(sales are missing)" in hold.message


async def test_positions_that_were_closed_before_we_came(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    sold = trade("-100", "12", "20260202;120000", "-1")
    result, plan = await importing(rig, Sheet([sold]))
    assert result.held == 1, "a sale of what nobody saw bought is no short position"
    assert [item.key.con_id for item in plan.decided] == [1]
    assert await rig.engine.reads.positions(include_closed=True) == []
    result, _ = await importing(rig, Sheet(BOUGHT))
    assert result.held == 0
    assert await standing(rig) == [("FILL", Decimal("196.8"), "EXACT")]
    synced = await rig.engine.sync_now()
    assert (synced.missing, synced.created, synced.updated) == (0, 0, 0)
    assert (await rig.engine.reads.verify()).ok


async def test_a_partial_past_does_not_spoil_a_position_opened_since(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(DAY)
    broker.trade(1, Side.BOUGHT, "50", "20", "1")
    broker.hold(1, "50", "20.02")
    await rig.engine.sync_now()
    result, _ = await importing(rig, Sheet([trade("-100", "12", "20260202;120000", "-1")]))
    assert result.held == 1
    (view,) = await rig.engine.reads.positions(include_closed=True)
    assert (view.quantity, view.status) == (Decimal(50), "OPEN")
    assert await standing(rig) == []
    await importing(rig, Sheet(BOUGHT))
    assert await standing(rig) == [("FILL", Decimal("196.8"), "EXACT")]
    assert (await rig.engine.sync_now()).missing == 0
    broker.drop(1)
    assert (await rig.engine.sync_now()).missing == 1, "absence now is still seen as such"
    assert (await rig.engine.reads.verify()).ok


async def test_a_crash_between_storing_and_planning(
    start: Start, broker: ScriptedBroker, tmp_path: Path
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    await rig.clock.advance(DAY)
    broker.trade(1, Side.BOUGHT, "50", "20", "1")
    broker.hold(1, "50", "20.02")
    await rig.engine.sync_now()
    sold = [
        trade("-100", "12", "20260202;120000", "-1"),
        trade("-7", "12", "20260202;120000", "-1", what={**STOCK, "conid": "2", "symbol": "S2"}),
    ]
    (statement,) = read_flex(write(tmp_path / "flex.xml", Sheet(sold)))
    await rig.engine.service.record(statement.observations)
    result = await rig.engine.sync_now()
    assert (result.ok, result.held, result.missing) == (True, 2, 0)
    views = await rig.engine.reads.positions(include_closed=True)
    assert [(view.con_id, view.quantity) for view in views] == [(1, Decimal(50))]
    assert (await rig.engine.reads.verify()).ok


async def test_tws_describes_a_contract_better(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(1, "100", "10.022", what=Instrument(1, "XYZ", "STK", "USD", exchange="NYSE"))
    rig = await start()
    await rig.engine.sync_now()
    await importing(rig, Sheet([*BOUGHT, trade("-100", "12", "20260303;100000")]))
    with closing(sqlite3.connect(rig.path)) as ledger:
        ((told,),) = ledger.execute("SELECT instrument FROM instruments").fetchall()
    assert "NYSE" in told


async def test_bought_while_away_and_not_there_at_the_next_sync(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    old = (*BOUGHT, trade("-100", "12", "20260202;120000", "-1"))
    await rig.clock.advance(3 * DAY)
    await importing(rig, Sheet([*old, trade("30", "15", "20260304;120000", "-1")]))
    open_now = {v.con_id: v.status for v in await rig.engine.reads.positions()}
    assert open_now == {1: "OPEN", 9: "OPEN"}
    assert (await rig.engine.sync_now()).missing == 1
    assert (await rig.engine.reads.verify()).ok


@pytest.mark.parametrize("live_first", [True, False])
async def test_a_cancelled_and_corrected_execution(
    start: Start, broker: ScriptedBroker, importing: Importer, *, live_first: bool
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    first, second = "0001938c.6a59af42.01.01", "0001938c.6a59af42.01.02"
    bought = trade("2", "0.73", "20260302;100000", "-1.3666", exec_id=first, tradeID="77")
    if live_first:
        await importing(rig, Sheet([bought]))
    cancel = bought | {
        "quantity": "-2",
        "buySell": "BUY (Ca.)",
        "transactionType": "TradeCancel",
        "ibExecID": "",
        "tradeID": "",
        "origTradeID": "77",
        "ibCommission": "0",
        "transactionID": "900",
    }
    again = bought | {
        "quantity": "1",
        "ibExecID": second,
        "ibCommission": "0.3333",
        "transactionID": "901",
    }
    await importing(rig, Sheet([bought, cancel, again]))
    sold = trade("-1", "1.73", "20260302;110000", "-1")
    await importing(rig, Sheet([sold]))
    # 1.73 - 1 - 0.73 - (1.3666 - 0.3333)
    assert await standing(rig) == [("FILL", Decimal("-1.0333"), "EXACT")]


async def test_a_cancelled_execution_that_was_seen_live(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade(1, Side.BOUGHT, "10", "10", "1")
    broker.hold(1, "10", "10.1")
    await rig.engine.sync_now()
    await rig.clock.advance(DAY)
    bought = trade("10", "10", "20260302;093000", "-1", exec_id=fill.exec_id, tradeID="77")
    cancel = bought | {
        "quantity": "-10",
        "buySell": "BUY (Ca.)",
        "ibExecID": "",
        "origTradeID": "77",
        "tradeID": "",
        "ibCommission": "1",
        "transactionType": "TradeCancel",
    }
    await importing(rig, Sheet([bought, cancel]))
    _, plan = await importing(rig, Sheet([bought, cancel]))
    assert plan.is_empty
    # The snapshot had the execution in it, and then it was cancelled: nothing is left to hold.
    assert await rig.engine.reads.positions() == []
    assert (await rig.engine.reads.verify()).ok
    # TWS still shows ten, which no fill explains any more.
    await rig.engine.sync_now()
    (lot,) = await rig.engine.reads.lots()
    assert (lot.quantity, lot.is_seeded) == (Decimal(10), True)
    assert (await rig.engine.reads.verify()).ok
