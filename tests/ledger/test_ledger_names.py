"""A contract that gets another name: what was summed up under the old one is taken back there."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Side
from possync_tui.domain.views import PnlGrouping
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.store import open_ledger

from .world import ACCOUNT, START, TestClock, commission, fill, row, sync

OLD = Instrument(107113386, "FB", "STK", "USD", local_symbol="FB")
NEW = replace(OLD, symbol="META", local_symbol="META")
MINUTE = timedelta(minutes=1)


async def test_a_reversal_is_named_as_what_it_reverses(tmp_path: Path) -> None:
    ledger = await open_ledger(tmp_path / "ledger.sqlite3", clock=TestClock())
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    await sync(ledger, [], START - MINUTE)
    bought = fill("b.01", Side.BOUGHT, "100", "10", START, OLD)
    sold = fill("s.01", Side.SOLD, "40", "12", START + MINUTE, OLD)
    await ledger.record([bought, sold, commission("b.01"), commission("s.01")])
    await sync(ledger, [row("60", instrument=OLD)], START + 2 * MINUTE)
    await sync(ledger, [row("60", instrument=NEW)], START + timedelta(days=1))
    corrected = fill("s.02", Side.SOLD, "40", "11.90", START + MINUTE, NEW)
    await ledger.record([corrected, commission("s.02")])
    await sync(ledger, [row("60", instrument=NEW)], START + timedelta(days=1, minutes=3))
    totals = await ledger.pnl_totals(EntryQuery(), PnlGrouping.SYMBOL)
    told = {total.label: total.realized_pnl for total in totals}
    # 40 x 1.90 - 0.40 of the purchase - 1
    assert told["META"] == Decimal("74.6")
    assert not told.get("FB")
    await ledger.close()
