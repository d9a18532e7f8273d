"""Commissions in another currency than the contract: kept, shown, never added to its money."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import Adjusted, AdjustmentKind, AdjustmentSource, Side
from possync_tui.domain.pairing import Vanished, premium_of
from possync_tui.domain.position import CostMethod, Entry, Rebuilt

from .conftest import History

Make = Callable[..., History]


def entries(rebuilt: Rebuilt) -> list[Entry]:
    return [entry for life in rebuilt.lives for entry in life.entries]


def test_a_commission_in_another_currency_is_no_part_of_the_cost(history: Make) -> None:
    h = history(currency="EUR")
    h.fill(Side.BOUGHT, "100", "20", "5", currency="USD")
    held = rebuild(h.recorded).current
    assert held is not None
    for method in CostMethod:
        assert held.own_average_cost(method, "EUR") == 20
        assert held.own_average_cost(method, "USD") == Decimal("20.05")
    h.fill(Side.SOLD, "100", "22", "7", currency="USD")
    (entry, _) = entries(rebuild(h.recorded))
    assert (entry.realized, entry.commission_micros, entry.commission_currency) == (
        Decimal(200),
        12_000_000,
        "USD",
    )


def test_a_seed_is_not_valued_by_a_commission_in_another_currency(history: Make) -> None:
    h = history(currency="EUR")
    h.fill(Side.BOUGHT, "50", "13", "6", currency="USD")
    h.anchor("150", "11", baseline=True)
    held = rebuild(h.recorded).current
    assert held is not None
    # 150 x 11 - 50 x 13 = 1000 for the hundred that were there before, whatever the dollars.
    assert [lot.value_micros for lot in held.lots] == [1_000_000_000, 650_000_000]
    assert held.own_average_cost(CostMethod.FIFO, "EUR") == 11


def test_an_assigned_option_takes_only_its_own_money_along(history: Make) -> None:
    h = history("OPT", "100", currency="EUR")
    h.instrument = replace(h.instrument, strike="50", right="P")
    sold = h.fill(Side.SOLD, "1", "2.00", "0.65", currency="USD")
    (life,) = rebuild(h.recorded).lives
    assert premium_of(Vanished(sold.key, h.instrument, life)) == -200_000_000
    h.add(
        Adjusted(
            key=sold.key,
            kind=AdjustmentKind.ASSIGNMENT,
            instrument=h.instrument,
            as_of=h.tick(),
            quantity=Decimal(1),
            source=AdjustmentSource.PAIRED,
            reference="1",
            evidence="",
            known_seq=len(h.recorded),
        )
    )
    for entry in entries(rebuild(h.recorded)):
        assert entry.realized == 0
        assert (entry.commission_micros, entry.commission_currency) == (650_000, "USD")
