"""Fills, lots and repaired entries for the fake engine's desk."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from possync_tui.domain.observations import PriceEvidence
from possync_tui.domain.views import EntryView, FillView, JournalView, LotView
from tests.tui import desk_book
from tests.tui.desk_book import CODES, NOW

AAPL = 265598


def entry(number: int, realized: str | None, **changes: object) -> EntryView:
    """An exact close of AAPL in dollars, with what a test wants otherwise."""
    amount = None if realized is None else Decimal(realized)
    made = EntryView(
        id=number,
        position_id=1,
        account_id=1,
        account=CODES[0],
        con_id=AAPL,
        symbol="AAPL",
        description="AAPL",
        sec_type="STK",
        currency="USD",
        closed_at=NOW - timedelta(hours=number),
        recorded_at=NOW - timedelta(hours=number),
        quantity_closed=Decimal(100),
        entry_price=Decimal("194.14"),
        exit_price=Decimal("231.50"),
        gross_pnl=None if amount is None else amount + Decimal("1.05"),
        commission=Decimal("1.05"),
        commission_currency="USD",
        realized_pnl=amount,
        broker_realized_pnl=None,
        quality="EXACT",
        kind="FILL",
        supersedes_id=None,
        exec_id=f"0000e0d5.{number:08x}.01.01",
        is_full_close=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def repaired(first: int, at: datetime = NOW) -> list[EntryView]:
    """An estimate, its reversal, and the exact entry that took its place."""
    estimate = entry(
        first,
        "3700",
        closed_at=at,
        recorded_at=at,
        quality="ESTIMATED",
        kind="UNEXPLAINED",
        exec_id=None,
        commission=None,
        gross_pnl=Decimal(3700),
        price=PriceEvidence(Decimal("231.14"), "portfolio", 12.0),
    )
    reversal = replace(
        estimate,
        id=first + 1,
        kind="REVERSAL",
        supersedes_id=first,
        quantity_closed=-estimate.quantity_closed,
        gross_pnl=Decimal(-3700),
        realized_pnl=Decimal(-3700),
        recorded_at=at + timedelta(minutes=9),
    )
    exact = entry(
        first + 2,
        "3734.95",
        closed_at=at - timedelta(seconds=20),
        recorded_at=at + timedelta(minutes=9),
        supersedes_id=first,
        broker_realized_pnl=Decimal("3721.44"),
    )
    return [estimate, reversal, exact]


def fill(number: int, side: str, quantity: str, price: str, **changes: object) -> FillView:
    made = FillView(
        exec_id=f"0000e0d5.{number:08x}.01.01",
        account=CODES[0],
        con_id=AAPL,
        symbol="AAPL",
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        currency="USD",
        time=NOW - timedelta(days=number),
        commission=Decimal("1.05"),
        commission_currency="USD",
        broker_realized_pnl=None,
        order_id=number,
        perm_id=1_000 + number,
        client_id=17,
        exchange="ISLAND",
        source="wire",
        is_closing=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def fills() -> list[FillView]:
    """What closed, then what opened; one commission is still to come."""
    return [
        fill(1, "SLD", "100", "231.5", is_closing=True),
        fill(9, "BOT", "300", "189.10"),
        fill(5, "BOT", "200", "201.02", commission=None, source="flex"),
        fill(3, "SLD", "50", "205.00"),
    ]


def lots() -> list[LotView]:
    """Two open lots of AAPL: one from a fill, one that was held before we came."""
    seeded = LotView(
        position_id=1,
        account_id=1,
        account=CODES[0],
        con_id=AAPL,
        symbol="AAPL",
        description="AAPL",
        sec_type="STK",
        currency="USD",
        method="fifo",
        place=0,
        quantity=Decimal(200),
        price=Decimal("189.1"),
        cost=Decimal(37820),
        commission=Decimal(0),
        commission_currency="USD",
        opened_at=None,
        is_seeded=True,
        is_pending=False,
        cause="anchor:2026-10-29T14:30:12Z",
        opened_before=NOW - timedelta(days=20),
    )
    return [
        seeded,
        replace(
            seeded,
            place=1,
            price=Decimal("201.02"),
            cost=Decimal("40205.05"),
            commission=Decimal("1.05"),
            opened_at=NOW - timedelta(days=5),
            opened_before=None,
            is_seeded=False,
            cause="fill:0000e0d5.66f0c11b.01",
        ),
    ]


def long_journal() -> list[JournalView]:
    """The desk's journal with the lines of a repair in it."""
    base = desk_book.journal()[0]
    told = (
        (
            "realized",
            "AAPL: realized 3700 USD on 100 (average, ESTIMATED)",
            "portfolio mark 231.14",
        ),
        ("reversed", "AAPL: entry 900 reversed, it was 3700 USD", "ESTIMATED -> EXACT"),
    )
    lines = [
        replace(base, id=100 + place, kind=kind, text=text, evidence=evidence, at=NOW)
        for place, (kind, text, evidence) in enumerate(told)
    ]
    return [*reversed(lines), *desk_book.journal()]
