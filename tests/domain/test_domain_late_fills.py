"""Fills that TWS tells only after a snapshot that did not have them, though they came before it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import (
    CloseDecided,
    CloseReason,
    Fill,
    FillSource,
    Side,
)
from possync_tui.domain.position import Quality

from .conftest import History
from .test_domain_corrections import Make, entries, nets, perfect


def told_late(h: History, side: Side, quantity: str, price: str, seconds_ago: float) -> Fill:
    return h.fill(side, quantity, price, "1", at=h.now - timedelta(seconds=seconds_ago))


@pytest.mark.parametrize("seconds_ago", [72, 5 * 3600])
def test_a_row_without_a_fill_of_before_it_says_so(history: Make, seconds_ago: float) -> None:
    """Executed ahead of the other sale, told after the snapshot that had the other one alone."""
    h = history()
    h.buy("100", "10", "1")
    h.tick(6 * 3600)
    h.anchor("100", "10.01")
    h.sell("40", "12", "1")
    h.anchor("60", "10.01")
    told_late(h, Side.SOLD, "60", "12.5", seconds_ago)
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(0), ())
    # By average cost, the earlier one first: 60 x (12.5 - 10.01) - 1, 40 x (12 - 10.01) - 1.
    assert nets(done) == [Decimal("148.40"), Decimal("78.60")]
    assert {entry.quality for entry in entries(done)} == {Quality.EXACT}
    assert entries(done) == entries(perfect(h))


@pytest.mark.parametrize(("next_row", "unexplained"), [("30", []), ("60", [Decimal(30)])])
def test_a_row_after_it_was_told_has_it(
    history: Make, next_row: str, unexplained: list[Decimal]
) -> None:
    h = history()
    h.buy("60", "10", "1")
    h.tick(600)
    h.anchor("60", "10.01")
    told_late(h, Side.SOLD, "30", "12", 72)
    assert (rebuild(h.recorded).quantity, rebuild(h.recorded).unexplained) == (Decimal(30), ())
    h.anchor(next_row, "10.01")
    done = rebuild(h.recorded)
    assert done.quantity == Decimal(next_row)
    assert [units for _, units in done.unexplained] == unexplained


def test_a_row_that_has_a_fill_told_after_it_needs_no_other_explanation(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.tick(600)
    h.anchor("60", "10.01")
    told_late(h, Side.SOLD, "40", "12", 72)
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(60), ())


def test_what_a_statement_tells_of_days_before_a_row_is_in_it(history: Make) -> None:
    h = history()
    h.buy("60", "10", "1")
    h.tick(600)
    h.anchor("60", "10.01")
    late = told_late(h, Side.SOLD, "30", "12", 72)
    place = next(n for n, r in enumerate(h.recorded) if r.observation is late)
    of_statement = replace(late, source=FillSource.FLEX)
    h.recorded[place] = replace(h.recorded[place], observation=of_statement)
    done = rebuild(h.recorded)
    assert done.quantity == 60
    assert [units for _, units in done.unexplained] == [Decimal(30)]


def test_a_fill_told_after_a_close_on_evidence_opens_nothing(history: Make) -> None:
    h = history()
    bought = h.buy("100", "10", "1")
    h.tick(600)
    h.anchor("100", "10.01")
    close = CloseDecided(bought.key, CloseReason.ZERO_ROW, h.tick(), "", None, len(h.recorded))
    h.add(close)
    told_late(h, Side.BOUGHT, "50", "11", 30)
    assert rebuild(h.recorded).quantity == 0


def test_a_fill_that_the_first_look_lacked_is_found_out_by_the_next(history: Make) -> None:
    h = history()
    h.anchor("100", "10", baseline=True)
    told_late(h, Side.SOLD, "40", "12", 5 * 3600)
    h.anchor("60", "10")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(60), ())
    assert nets(done) == [Decimal(79)]
