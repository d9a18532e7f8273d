"""What absence of a row is worth by itself, and what an end without a fill is booked at."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.look import Rules
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Absent, CloseDecided
from possync_tui.domain.plan import HoldKind

from .conftest import ACCOUNT, START
from .test_domain_reconcile import (
    ARMED,
    OTHER,
    book,
    instrument,
    judge,
    known,
    missing,
    row,
    snapshot,
)

OVER = "20260227"


@pytest.mark.parametrize(
    ("sec_type", "seen_at", "price"),
    [
        ("OPT", None, "0"),
        ("FOP", None, "0"),
        ("WAR", None, "0"),
        ("OPT", "0", "0"),
        ("OPT", "0.05", "0"),
        # Settled in cash, or delivered, at a price that nobody told.
        ("OPT", "0.06", None),
        ("FUT", None, None),
        ("FUT", "5000", None),
    ],
)
def test_what_expired_is_worthless_unless_it_was_worth_something(
    sec_type: str, seen_at: str | None, price: str | None
) -> None:
    held, other = row(1, what=instrument(1, sec_type, OVER)), row(2)
    day = held.instrument.expiry_date
    assert day is not None
    in_time = datetime.combine(day, time(20), UTC)
    marks = [Mark(held.key, in_time, "portfolio", "s1", Decimal(seen_at))] if seen_at else []
    verdict = judge(book(known(held), known(other)), snapshot(other), marks=marks)
    (close,) = verdict.findings.decided
    assert isinstance(close, CloseDecided)
    booked = close.price.price if close.price else None
    assert booked == (None if price is None else Decimal(price))


def test_a_price_told_long_after_the_expiry_is_no_markets() -> None:
    held, other = row(1, what=instrument(1, "OPT", OVER)), row(2)
    mark = Mark(held.key, START - timedelta(minutes=1), "portfolio", "s1", Decimal("0.80"))
    verdict = judge(book(known(held), known(other)), snapshot(other), marks=[mark])
    (close,) = verdict.findings.decided
    assert isinstance(close, CloseDecided)
    assert close.price is not None
    assert close.price.price == 0


def test_a_mark_without_a_price_says_nothing_of_what_expired() -> None:
    held, other = row(1, what=instrument(1, "OPT", OVER)), row(2)
    mark = Mark(held.key, START, "pnl", "s1", daily_pnl=Decimal(1))
    verdict = judge(book(known(held), known(other)), snapshot(other), marks=[mark])
    (close,) = verdict.findings.decided
    assert isinstance(close, CloseDecided)
    assert close.price is not None
    assert close.price.price == 0


def test_what_was_known_is_absent_not_new() -> None:
    """A baseline would make what came before it unknown."""
    held, other = row(1), row(2)
    (absent,) = judge(book(known(held), known(other)), snapshot(other)).findings.decided
    assert isinstance(absent, Absent)
    assert not absent.baseline


def test_confirmations_are_counted_no_further_than_they_are_needed() -> None:
    """Else each sync of a position that stays missing would write."""
    gone, other = row(1), row(2)
    rules = Rules()
    state = book(missing(gone, count=rules.confirmations), known(other))
    assert judge(state, snapshot(other), rules).counts() == {}
    assert judge(state, snapshot(other), ARMED).closed() != {}


@pytest.mark.parametrize(
    ("account", "days_ago", "is_bulk"),
    [(ACCOUNT, 0.5, True), (OTHER, 0.5, False), (ACCOUNT, 1.5, False)],
)
def test_closings_of_this_account_within_a_day_count_towards_bulk(
    account: str, days_ago: float, is_bulk: bool
) -> None:
    gone, shown = row(1), [row(2), row(3)]
    closed_at = START - timedelta(days=days_ago)
    state = replace(
        book(known(gone), *map(known, shown)), closed_as_missing=((account, closed_at),) * 2
    )
    verdict = judge(state, snapshot(*shown))
    assert (verdict.raised() == [HoldKind.BULK_MISSING]) is is_bulk
