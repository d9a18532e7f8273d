"""The lots behind an entry: what a close took of each, by the entry's own cost method."""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Side
from possync_tui.domain.position import CostMethod
from possync_tui.domain.views import EntryView, LotView
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.world import ACCOUNT, START, TestClock, commission, fill, row, sync

FUTURE = Instrument(900001, "ES", "FUT", "USD", multiplier="50", local_symbol="ESZ6")
AVERAGE, FIFO = CostMethod.AVERAGE, CostMethod.FIFO
OPENED = (("a.01", "3", "10", "1.5"), ("b.01", "4", "12.25", "1"), ("c.01", "5", "11", "0"))


def minute(n: float) -> datetime:
    return START + timedelta(minutes=n)


async def behind(ledger: Ledger, entry: EntryView) -> list[LotView]:
    lots = await ledger.lots_of(entry.id)
    assert lots is not None
    return lots


def texts(lots: list[LotView]) -> list[tuple[str, ...]]:
    """Quantity, cost, commission, and how many minutes after the start it was opened."""
    return [
        (
            f"{lot.quantity.normalize():f}",
            "–" if lot.cost is None else f"{lot.cost.normalize():f}",
            f"{lot.commission.normalize():f}",
            "–" if lot.opened_at is None else f"{(lot.opened_at - START).total_seconds() / 60:g}",
        )
        for lot in lots
    ]


async def test_each_close_takes_the_oldest_lots_or_its_part_of_the_pool(ledger: Ledger) -> None:
    await sync(ledger, [], START)
    for place, (name, quantity, price, fee) in enumerate(OPENED):
        await ledger.record([fill(name, Side.BOUGHT, quantity, price, minute(place + 1))])
        await ledger.record([commission(name, fee)])
    await ledger.record([fill("x.01", Side.SOLD, "5", "13", minute(10)), commission("x.01", "2")])
    await ledger.record([fill("y.01", Side.SOLD, "7", "9", minute(11)), commission("y.01", "0")])
    await sync(ledger, [], minute(12))
    late, early = await ledger.entries(EntryQuery(method=FIFO))
    # 3 at 10 with all of its commission, 2 of the 4 at 12.25 with half of theirs; then the rest.
    assert texts(await behind(ledger, early)) == [
        ("3", "31.5", "1.5", "1"),
        ("2", "25", "0.5", "2"),
    ]
    assert texts(await behind(ledger, late)) == [("2", "25", "0.5", "2"), ("5", "55", "0", "3")]
    late, early = await ledger.entries(EntryQuery(method=AVERAGE))
    # All 12 cost 30 + 49 + 55 = 134 and 2.5 of commission.
    its_cost, its_fee = Fraction("136.5") * 5 / 12, Fraction("2.5") * 5 / 12
    (pool,) = await behind(ledger, early)
    assert (f"{pool.quantity}", pool.opened_at) == ("5", minute(1))
    assert pool.cost is not None
    assert abs(Fraction(pool.cost) - its_cost) <= Fraction(1, 10**6)
    assert abs(Fraction(pool.commission) - its_fee) <= Fraction(1, 10**6)
    (rest,) = await behind(ledger, late)
    assert rest.cost is not None
    assert rest.cost + pool.cost == Decimal("136.5")


async def test_a_short_was_received_for_and_a_flip_takes_all_that_was_held(ledger: Ledger) -> None:
    await sync(ledger, [], START)
    sold = fill("a.01", Side.SOLD, "2", "5000.25", minute(1), FUTURE)
    bought = fill("b.01", Side.BOUGHT, "5", "4990", minute(2), FUTURE)
    await ledger.record([sold, commission("a.01", "4.5"), bought, commission("b.01", "5")])
    await sync(ledger, [row("3", "249501", FUTURE)], minute(3))
    (entry,) = await ledger.entries(EntryQuery(method=FIFO))
    (lot,) = await behind(ledger, entry)
    # Received: 2 x 5000.25 x 50 less the commission.
    assert texts([lot]) == [("-2", "500020.5", "4.5", "1")]
    assert lot.price == Decimal("5000.25")


async def test_an_entry_that_was_undone_keeps_its_own_lots(ledger: Ledger) -> None:
    await sync(ledger, [row("10", "10")], START)
    await ledger.record([fill("x.01", Side.SOLD, "4", "13", minute(1)), commission("x.01")])
    await sync(ledger, [row("6", "10")], minute(2))
    (estimate,) = await ledger.entries(EntryQuery(method=FIFO))
    before = await behind(ledger, estimate)
    assert [lot.is_seeded for lot in before] == [True]
    assert texts(before)[0][:2] == ("4", "40")
    corrected = fill("x.02", Side.SOLD, "4", "12.5", minute(1))
    await ledger.record([corrected, commission("x.02")])
    await sync(ledger, [row("6", "10")], minute(4))
    by_id = {entry.id: entry for entry in await ledger.entries(EntryQuery(method=FIFO))}
    assert len(by_id) == 3
    for entry in by_id.values():
        taken = sum((lot.quantity for lot in await behind(ledger, entry)), Decimal(0))
        # A reversal has the lots of what it takes back.
        assert taken == abs(entry.quantity_closed)
    assert await behind(ledger, by_id[estimate.id]) == before


async def test_there_is_no_such_entry(ledger: Ledger) -> None:
    assert await ledger.lots_of(4711) is None


fills_of_a_year = st.lists(
    st.tuples(
        st.integers(-9, 9).filter(bool), st.integers(1, 40_000_000), st.integers(-300, 3_000_000)
    ),
    min_size=2,
    max_size=12,
)


@given(fills_of_a_year)
def test_lots_and_amount_of_an_entry_are_one_story(
    many: list[tuple[int, int, int]],
) -> None:
    """Proceeds less the cost of the lots less the closing commission is what was realized."""

    async def tried() -> None:
        with tempfile.TemporaryDirectory() as folder:
            ledger = await open_ledger(Path(folder) / "l.sqlite3", clock=TestClock())
            try:
                await ledger.bind(Environment.PAPER, [ACCOUNT])
                await told(ledger)
            finally:
                await ledger.close()

    async def told(ledger: Ledger) -> None:
        await sync(ledger, [], START)
        fees: dict[str, tuple[Fraction, int]] = {}
        held = closings = 0
        for place, (signed, price, fee) in enumerate(many):
            name, side = f"e{place}.01", Side.BOUGHT if signed > 0 else Side.SOLD
            at = minute(place + 1)
            money = Decimal(price).scaleb(-4)
            await ledger.record([fill(name, side, str(abs(signed)), f"{money}", at, FUTURE)])
            await ledger.record([commission(name, f"{Decimal(fee).scaleb(-6)}")])
            fees[name] = (Fraction(fee, 10**6), abs(signed))
            closings += held * signed < 0
            held += signed
        rows = [row(str(held), "1", FUTURE)] if held else []
        await sync(ledger, rows, minute(100))
        for method in CostMethod:
            entries = await ledger.entries(EntryQuery(method=method))
            assert len(entries) == closings
            for entry in entries:
                check(entry, await behind(ledger, entry), fees)

    asyncio.run(tried())


def check(entry: EntryView, lots: list[LotView], fees: Mapping[str, tuple[Fraction, int]]) -> None:
    assert entry.exec_id is not None
    assert entry.exit_price is not None
    assert entry.realized_pnl is not None
    units = sum((lot.quantity for lot in lots), Decimal(0))
    assert abs(units) == entry.quantity_closed
    costs = [lot.cost for lot in lots if lot.cost is not None]
    assert len(costs) == len(lots)
    direction = 1 if units > 0 else -1
    fee, whole = fees[entry.exec_id]
    proceeds = Fraction(entry.exit_price) * Fraction(abs(units)) * 50
    closing_fee = fee * Fraction(abs(units)) / whole
    expected = direction * (proceeds - Fraction(sum(costs))) - closing_fee
    # Value and commission of the closing fill are each rounded once to a millionth.
    assert abs(Fraction(entry.realized_pnl) - expected) <= Fraction(2, 10**6)


async def test_the_journal_tells_an_amount_by_the_method_in_use_or_by_both(ledger: Ledger) -> None:
    await sync(ledger, [], START)
    bought, sold = (
        fill("a.01", Side.BOUGHT, "2", "10", minute(1)),
        fill("b.01", Side.SOLD, "2", "12", minute(2)),
    )
    await ledger.record([bought, commission("a.01"), sold, commission("b.01")])
    await sync(ledger, [], minute(3))
    chosen = await ledger.journal(both_methods=False)
    everything = await ledger.journal()
    assert [line.method for line in chosen if line.kind == "realized"] == [AVERAGE]
    assert {line.method for line in everything if line.kind == "realized"} == {AVERAGE, FIFO}
    assert [line for line in everything if line.kind != "realized"] == [
        line for line in chosen if line.kind != "realized"
    ]
