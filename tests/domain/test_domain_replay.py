"""Whatever comes late, twice or out of order, the same history ends in the same entries."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings

from possync_tui.domain.life import rebuild
from possync_tui.domain.money import from_micros
from possync_tui.domain.position import CostMethod, Entry, Quality, Rebuilt

from .replay import Step, Trade, play, scripts


def entries(rebuilt: Rebuilt) -> list[Entry]:
    return [entry for life in rebuilt.lives for entry in life.entries]


def realized(rebuilt: Rebuilt, method: CostMethod) -> int:
    return sum(e.realized_micros or 0 for e in entries(rebuilt) if e.method is method)


def open_cost(rebuilt: Rebuilt, method: CostMethod) -> int:
    """Micro-dollars that were paid for what is open (received for it, below zero)."""
    life = rebuilt.current
    lots = () if life is None else life.lots if method is CostMethod.FIFO else (life.pool,)
    paid = 0
    for lot in lots:
        assert lot is not None
        assert lot.value_micros is not None
        direction = 1 if rebuilt.quantity > 0 else -1
        paid += direction * lot.value_micros + dict(lot.fees).get("USD", 0)
    return paid


@settings(max_examples=400, deadline=None)
@given(scripts)
def test_whatever_was_seen_when_ends_as_if_seen_perfectly(script: list[Step]) -> None:
    desk, recorded = play(script)
    seen, perfect = rebuild(recorded), rebuild(desk.history)
    assert seen.unexplained == ()
    assert seen.quantity == perfect.quantity == desk.row().quantity
    assert entries(seen) == entries(perfect)
    assert {entry.quality for entry in entries(seen)} <= {Quality.EXACT}
    assert [life.lots for life in seen.lives] == [life.lots for life in perfect.lives]
    assert [life.pool for life in seen.lives] == [life.pool for life in perfect.lives]


@settings(max_examples=200, deadline=None)
@given(scripts)
def test_realized_and_open_cost_equal_the_cash_that_moved(script: list[Step]) -> None:
    desk, recorded = play(script)
    rebuilt = rebuild(recorded)
    for method in CostMethod:
        kept = realized(rebuilt, method) - open_cost(rebuilt, method)
        assert Fraction(from_micros(kept)) == desk.cash


@settings(max_examples=200, deadline=None)
@given(scripts)
def test_both_methods_agree_when_flat(script: list[Step]) -> None:
    desk, _ = play(script)
    held = desk.row().quantity
    if held:
        desk.trade(Trade(-held, Decimal(10), Decimal(0), "USD", 40, 0, 0, False, False))
    done = rebuild(desk.history)
    assert done.quantity == 0
    assert realized(done, CostMethod.AVERAGE) == realized(done, CostMethod.FIFO)
