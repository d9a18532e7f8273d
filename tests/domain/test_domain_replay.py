"""Whatever comes late, twice or out of order, the same history ends in the same entries."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given, settings

from possync_tui.domain.life import rebuild
from possync_tui.domain.money import from_micros
from possync_tui.domain.position import CostMethod, Entry, Quality, Rebuilt

from .replay import Correct, Look, Split, Step, Trade, play, scripts

# Two ways to count what came late make the first rows: a correction, or a fill that they had not.
# Only the first leaves the split where it was.
TWICE_CORRECTED_AROUND_A_SPLIT: list[Step] = [
    Trade(Decimal(10), Decimal("9.55"), Decimal("-0.05"), "USD", 3, 99, 99, False, True),
    Correct(0, 60, Decimal(11), Decimal("1.77"), 12, 99),
    Trade(Decimal(10), Decimal(11), Decimal("-0.41"), "USD", 1, 99, 99, True, True),
    Trade(Decimal(-30), Decimal(11), Decimal("1.09"), "USD", 1, 99, 99, True, False),
    Look(2, "absent"),
    Split(2, 1),
    Trade(Decimal(10), Decimal("10.17"), Decimal("0.33"), "USD", 1, 0, 99, True, True),
    Correct(0, 30, Decimal(9), Decimal("0.03"), 12, 0),
    Look(-1, "your word"),
]


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
@example(TWICE_CORRECTED_AROUND_A_SPLIT)
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
@example(TWICE_CORRECTED_AROUND_A_SPLIT)
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
