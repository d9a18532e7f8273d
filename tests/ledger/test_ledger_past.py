"""Open lots, the book at a past instant, and the fills behind an entry."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Side
from possync_tui.domain.position import CostMethod
from possync_tui.domain.views import LotView, PositionView
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.peek import everything_in
from tests.ledger.world import ACCOUNT, START, TestClock, commission, fill, row, sync

FUTURE = Instrument(900001, "ES", "FUT", "USD", multiplier="50", local_symbol="ESZ6")
AVERAGE, FIFO = CostMethod.AVERAGE, CostMethod.FIFO


def minute(n: float) -> datetime:
    return START + timedelta(minutes=n)


def shown(views: list[PositionView]) -> list[tuple[str, str, str, str | None]]:
    """Symbol, quantity, status, realized so far."""
    return [
        (
            v.symbol,
            f"{v.quantity:f}",
            v.status,
            None if v.realized_pnl is None else str(v.realized_pnl),
        )
        for v in views
    ]


def lot_texts(lots: list[LotView]) -> list[tuple[str, ...]]:
    """Quantity, price, cost, and marks."""
    return [
        (
            *(f"{n.normalize():f}" for n in (lot.quantity, lot.price, lot.cost) if n is not None),
            " ".join(["seeded"] * lot.is_seeded + ["pending"] * lot.is_pending),
        )
        for lot in lots
    ]


# --- lots ----------------------------------------------------------------------------------------


async def test_lots_by_either_method(ledger: Ledger) -> None:
    await sync(ledger, [], START)
    first = fill("a.01", Side.BOUGHT, "100", "10", minute(1))
    second = fill("b.01", Side.BOUGHT, "50", "12", minute(2))
    short = fill("c.01", Side.SOLD, "2", "5000.25", minute(1), FUTURE)
    await ledger.record([first, second, short, commission("a.01", "1"), commission("c.01", "4.5")])
    await sync(ledger, [row("150"), row("-2", "250010.25", FUTURE)], minute(3))
    by_fifo = await ledger.lots(method=FIFO)
    assert lot_texts(by_fifo) == [
        ("100", "10", "1001", ""),
        ("50", "12", "600", "pending"),
        ("-2", "5000.25", "500020.5", ""),
    ]
    assert [(lot.symbol, lot.place, lot.cause) for lot in by_fifo] == [
        ("AAPL", 1, "fill:a"),
        ("AAPL", 2, "fill:b"),
        ("ES", 1, "fill:c"),
    ]
    assert by_fifo[1].opened_at == minute(2)
    assert by_fifo[0].commission == 1
    pooled, _ = await ledger.lots()
    assert (pooled.quantity, pooled.method) == (Decimal(150), "average")
    assert pooled.cost == 1601
    assert pooled.is_pending
    assert await ledger.lots(account_id=7) == []


async def test_a_seeded_lot_is_marked_and_a_foreign_commission_stays_apart(ledger: Ledger) -> None:
    sap = Instrument(14204, "SAP", "STK", "EUR")
    await sync(ledger, [row("100", "10.01")], START)
    bought = fill("s.01", Side.BOUGHT, "3", "100", minute(1), sap)
    await ledger.record([bought, commission("s.01", "2")])
    await sync(ledger, [row("100", "10.01"), row("3", "100", sap)], minute(2))
    seeded, foreign = await ledger.lots(method=FIFO)
    assert lot_texts([seeded]) == [("100", "10.01", "1001", "seeded")]
    assert (foreign.cost, foreign.currency) == (Decimal(300), "EUR")
    assert (foreign.commission, foreign.commission_currency) == (Decimal(2), "USD")


# --- the book at a past instant ------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """What was known at an instant, when it was now."""

    at: datetime
    positions: list[PositionView]
    lots: list[LotView]


@pytest.fixture
async def sequence(ledger: Ledger, clock: TestClock) -> list[Recorded]:
    """Days of trading, and what the ledger said at the end of each step."""
    told: list[Recorded] = []

    async def step(quantity: str | None, n: int, cost: str = "10.01") -> None:
        rows = [] if quantity is None else [row(quantity, cost)]
        clock.at = minute(n)
        await sync(ledger, rows, minute(n))
        told.append(
            Recorded(
                clock.now(),
                await ledger.positions(include_closed=True),
                await ledger.lots(method=FIFO),
            )
        )
        clock.forward(30)

    await step(None, 0)
    await ledger.record([fill("a.01", Side.BOUGHT, "100", "10", minute(9)), commission("a.01")])
    await step("100", 10)
    # Forty are gone and nothing says why: an estimate without a price.
    await step("60", 20)
    # The fill turns up later. What was known before stays what was known before.
    missed = fill("m.01", Side.SOLD, "40", "11.05", minute(19))
    await ledger.record([missed, commission("m.01", "0.5")])
    await step("60", 30)
    # Sixty closed and fifty short in one fill, its commission late; then covered.
    await ledger.record([fill("f.01", Side.SOLD, "110", "12", minute(39))])
    await step("-50", 40, "12")
    await ledger.record([commission("f.01", "1.1")])
    await step("-50", 50, "11.99")
    await step(None, 60)  # missing
    await step("-50", 70, "11.99")  # back
    await ledger.record([fill("g.01", Side.BOUGHT, "50", "11", minute(79)), commission("g.01")])
    await step(None, 80)
    return told


def without_marks(views: list[PositionView]) -> list[PositionView]:
    cleared = [replace(v, last_synced_at=None, id=0) for v in views]
    return sorted(cleared, key=lambda v: (v.opened_at, v.closed_at or v.opened_at))


async def test_the_book_is_rebuilt_as_it_was_known(
    ledger: Ledger, sequence: list[Recorded]
) -> None:
    for recorded in sequence:
        found = await ledger.positions_at(recorded.at, include_closed=True)
        assert without_marks(found) == without_marks(recorded.positions), recorded.at
        lots = await ledger.lots(at=recorded.at, method=FIFO)
        assert lots == recorded.lots, recorded.at
    assert [shown(await ledger.positions_at(r.at)) for r in sequence] == [
        [],
        [("AAPL", "100", "OPEN", None)],
        [("AAPL", "60", "OPEN", None)],
        [("AAPL", "60", "OPEN", "41.100000")],
        [("AAPL", "-50", "OPEN", None)],
        [("AAPL", "-50", "OPEN", None)],
        [("AAPL", "-50", "MISSING", None)],
        [("AAPL", "-50", "OPEN", None)],
        [],
    ]


async def test_before_the_first_look_nothing_was_known(
    ledger: Ledger, sequence: list[Recorded]
) -> None:
    assert sequence
    assert await ledger.positions_at(START - timedelta(days=1), include_closed=True) == []
    assert await ledger.positions_at(sequence[1].at, account_id=7) == []


async def test_a_fill_that_no_sync_had_booked_counts(ledger: Ledger, clock: TestClock) -> None:
    await sync(ledger, [], START)
    await ledger.record([fill("a.01", Side.BOUGHT, "100", "10", minute(1)), commission("a.01")])
    await sync(ledger, [row("100")], minute(2))
    clock.at = minute(3)
    await ledger.record([fill("b.01", Side.BOUGHT, "100", "12", minute(3)), commission("b.01")])
    (position,) = await ledger.positions_at(minute(4))
    assert position.quantity == 200
    # The broker's average cost is still that of the hundred: our own stands in for it.
    assert position.average_cost == Decimal("11.01")
    assert position.id == (await ledger.positions())[0].id


async def test_reading_the_past_writes_nothing(
    ledger: Ledger, sequence: list[Recorded], path: Path
) -> None:
    before = everything_in(path)
    for recorded in sequence:
        await ledger.positions_at(recorded.at, method=FIFO)
        await ledger.lots(at=recorded.at)
    assert everything_in(path) == before


@pytest.mark.parametrize("method", list(CostMethod))
async def test_another_cost_method_rewrites_nothing(
    ledger: Ledger, sequence: list[Recorded], path: Path, clock: TestClock, method: CostMethod
) -> None:
    assert sequence
    await ledger.close()
    before = everything_in(path)
    other = await open_ledger(path, clock=clock, cost_method=method)
    amounts = [entry.realized_pnl for entry in await other.entries(EntryQuery())]
    assert amounts
    assert (await other.verify()).problems == ()
    await other.close()
    after = everything_in(path)
    assert ("cost_method", method.value) in after["meta"]
    changed = {name for name in before if before[name] != after[name]} - {"meta"}
    assert changed <= {"journal"}, "the switch itself is in the journal, nothing else moves"


# --- fills behind an entry -----------------------------------------------------------------------


async def test_an_entry_leads_to_its_fills(ledger: Ledger, sequence: list[Recorded]) -> None:
    assert sequence
    by_exec: dict[str | None, list[str]] = {}
    for entry in await ledger.entries(EntryQuery()):
        fills = await ledger.fills_of(entry.id)
        by_exec[entry.exec_id] = [fill.exec_id for fill in fills]
        assert [fill.exec_id for fill in fills if fill.is_closing] == (
            [] if entry.exec_id is None else [entry.exec_id]
        )
    # A flip closes one life and opens the next; the estimate had the fills before it.
    assert by_exec == {
        "m.01": ["m.01", "a.01"],
        "f.01": ["f.01", "m.01", "a.01"],
        "g.01": ["g.01", "f.01"],
        None: ["m.01", "a.01"],
    }
    assert await ledger.fills_of(10_000) == []


async def test_a_corrected_fill_is_there_once_as_corrected(ledger: Ledger) -> None:
    await sync(ledger, [], START)
    at = minute(1)
    wrong = fill("0000e0d5.65a1.01.01", Side.BOUGHT, "100", "12", at)
    right = fill("0000e0d5.65a1.01.02", Side.BOUGHT, "100", "11.9", at)
    # In the same second: the id says what came first.
    sold = fill("0000e0d5.65a1.02.01", Side.SOLD, "100", "13", at)
    await ledger.record([wrong, commission(wrong.exec_id, "1"), right, sold])
    await ledger.record([commission(sold.exec_id, "1", "108")])
    await sync(ledger, [], minute(2))
    (entry,) = await ledger.entries(EntryQuery())
    closing, opening = await ledger.fills_of(entry.id)
    assert (opening.exec_id, opening.price) == (right.exec_id, Decimal("11.9"))
    assert opening.commission == 1
    assert (closing.side, closing.is_closing) == ("SLD", True)
    assert closing.broker_realized_pnl == 108
    assert closing.account == ACCOUNT
    assert closing.source == "wire"


async def test_fills_in_the_second_of_the_first_look_are_found(ledger: Ledger) -> None:
    """Execution times are cut to seconds: this fill seems to come ahead of the look it followed."""
    await sync(ledger, [row("100", "10.01")], START + timedelta(seconds=0.9))
    sold = fill("a.01", Side.SOLD, "100", "11", START)
    await ledger.record([sold, commission("a.01")])
    await sync(ledger, [], minute(1))
    # A second life, begun by a row that no fill explains, has none of the fills of the first.
    await sync(ledger, [row("5", "10")], START + timedelta(seconds=2))
    await sync(ledger, [row("3", "10")], minute(3))
    entries = await ledger.entries(EntryQuery())
    found = [[f.exec_id for f in await ledger.fills_of(entry.id)] for entry in entries]
    assert found == [[], ["a.01"]]


async def test_the_first_look_counts_though_the_brokers_clock_is_ahead(
    ledger: Ledger, clock: TestClock
) -> None:
    await sync(ledger, [row("100", "10.01")], clock.at + timedelta(seconds=3))
    (position,) = await ledger.positions_at(clock.now())
    assert position.quantity == 100


async def test_an_entry_without_a_fill_has_those_before_it(ledger: Ledger) -> None:
    await sync(ledger, [], START)
    await ledger.record([fill("a.01", Side.BOUGHT, "100", "10", minute(1)), commission("a.01")])
    await sync(ledger, [row("100")], minute(2))
    await sync(ledger, [row("70")], minute(3))
    late = fill("z.01", Side.BOUGHT, "5", "10", minute(4))
    await ledger.record([late])
    await sync(ledger, [row("75")], minute(5))
    (entry,) = await ledger.entries(EntryQuery())
    assert entry.exec_id is None
    assert [f.exec_id for f in await ledger.fills_of(entry.id)] == ["a.01"]
