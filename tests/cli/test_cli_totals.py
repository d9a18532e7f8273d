"""The totals under `positions`: of what is known, with how much is not."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from possync_tui.cli.shapes import position_totals
from possync_tui.domain.terms import Status
from possync_tui.domain.views import PositionView
from tests.tui import desk_book


def held(currency: str, value: str | None, gain: str | None, **more: object) -> PositionView:
    changed = {
        "currency": currency,
        "market_value": None if value is None else Decimal(value),
        "unrealized_pnl": None if gain is None else Decimal(gain),
        "sec_type": "STK",
        "status": Status.OPEN,
    }
    return replace(desk_book.positions()[0], **{**changed, **more})  # type: ignore[arg-type]


def totals(*views: PositionView) -> Iterator[tuple[object, ...]]:
    for row in position_totals(views):
        yield tuple(row[key] for key in ("currency", "positions", "market_value", "unrealized_pnl"))
        assert row["unknown"] == sum(
            v.market_value is None or v.unrealized_pnl is None
            for v in views
            if v.currency == row["currency"]
        )


def test_each_column_adds_what_it_knows() -> None:
    found = totals(
        held("USD", "100", "7"),
        held("USD", "50", None),
        held("USD", None, "1.5"),
        held("EUR", "3", "1"),
    )
    assert list(found) == [
        ("EUR", 1, Decimal(3), Decimal(1)),
        ("USD", 3, Decimal(150), Decimal("8.5")),
    ]


def test_nothing_known_is_no_zero() -> None:
    assert list(totals(held("USD", None, None))) == [("USD", 1, None, None)]


def test_what_is_closed_and_rows_of_cash_are_outside() -> None:
    closed, cash = (
        held("USD", "1", "1", status=Status.CLOSED),
        held("USD", "1", "1", sec_type="CASH"),
    )
    assert position_totals([closed, cash]) == []
