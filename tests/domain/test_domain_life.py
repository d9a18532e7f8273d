"""Lives rebuilt from observations, against the worked P&L cases of the shared IBKR facts."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import Absent, Side
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Quality, Rebuilt, Status

from .conftest import History

AVG, FIFO = CostMethod.AVERAGE, CostMethod.FIFO
Make = Callable[..., History]


def entries(rebuilt: Rebuilt, method: CostMethod = AVG) -> list[Entry]:
    return [e for life in rebuilt.lives for e in life.entries if e.method is method]


def nets(rebuilt: Rebuilt, method: CostMethod = AVG) -> list[Decimal | None]:
    return [entry.realized for entry in entries(rebuilt, method)]


def cents(rebuilt: Rebuilt, method: CostMethod = AVG) -> list[str]:
    return [f"{net:.2f}" if net is not None else "-" for net in nets(rebuilt, method)]


def average_cost(rebuilt: Rebuilt, method: CostMethod = AVG) -> Decimal | None:
    assert rebuilt.current is not None
    return rebuilt.current.own_average_cost(method, "USD")


def test_case_1_long_round_trip(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    assert average_cost(rebuild(h.recorded)) == Decimal("10.01")
    h.sell("100", "12", "1")
    done = rebuild(h.recorded)
    assert nets(done) == nets(done, FIFO) == [Decimal(198)]
    (entry,) = entries(done)
    assert entry.gross_micros == 200_000_000
    assert entry.quality is Quality.EXACT
    assert entry.is_full_close
    assert done.lives[0].status is Status.CLOSED


def test_case_2_short_round_trip(history: Make) -> None:
    h = history()
    h.sell("50", "20", "1")
    open_short = rebuild(h.recorded)
    assert open_short.quantity == -50
    assert average_cost(open_short) == Decimal("19.98")
    h.buy("50", "18.5", "1")
    assert nets(rebuild(h.recorded)) == [Decimal(73)]


def test_case_3_partial_closes(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.sell("40", "11", ".5")
    assert average_cost(rebuild(h.recorded)) == Decimal("10.01")
    h.sell("60", "9", ".6")
    assert cents(rebuild(h.recorded)) == ["39.10", "-61.20"]


def test_case_4_average_and_fifo_differ_and_sum_alike(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.buy("100", "12", "1")
    h.sell("100", "13", "1")
    half = rebuild(h.recorded)
    assert average_cost(half, FIFO) == Decimal("12.01")
    h.sell("100", "13", "1")
    done = rebuild(h.recorded)
    assert nets(done) == [Decimal(198), Decimal(198)]
    assert nets(done, FIFO) == [Decimal(298), Decimal(98)]


def test_case_5_flip_closes_one_life_and_opens_the_next(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.sell("150", "12", "1.5")
    flipped = rebuild(h.recorded)
    assert [life.status for life in flipped.lives] == [Status.CLOSED, Status.OPEN]
    assert flipped.quantity == -50
    assert average_cost(flipped) == Decimal("11.99")
    h.buy("50", "12.2", ".5")
    assert cents(rebuild(h.recorded)) == ["198.00", "-11.00"]


@pytest.mark.parametrize(
    ("sec_type", "multiplier", "fills", "cost", "net"),
    [
        ("OPT", "100", [("B", "2", "1.50", "1.30"), ("S", "2", "2.10", "1.30")], "150.65", "117.4"),
        (
            "FUT",
            "50",
            [("B", "1", "5000.25", "2.25"), ("S", "1", "5010", "2.25")],
            "250014.75",
            "483",
        ),
        (
            "STK",
            "",
            [("B", "30", "10", ".35"), ("B", "70", "10.02", ".65"), ("S", "100", "10.10", "1")],
            "10.024",
            "6.60",
        ),
        (
            "STK",
            "",
            [("B", ".3333", "300", ".35"), ("S", ".1", "330", ".35")],
            "301.050105",
            "2.544989",
        ),
    ],
    ids=["case 6 option", "case 8 future", "case 9 partial fills", "case 12 fractions"],
)
def test_multipliers_and_fractions(
    history: Make,
    sec_type: str,
    multiplier: str,
    fills: list[tuple[str, str, str, str]],
    cost: str,
    net: str,
) -> None:
    h = history(sec_type, multiplier)
    for side, quantity, price, fee in fills[:-1]:
        (h.buy if side == "B" else h.sell)(quantity, price, fee)
    before = average_cost(rebuild(h.recorded))
    assert before is not None
    assert round(before, 6) == Decimal(cost)
    side, quantity, price, fee = fills[-1]
    (h.buy if side == "B" else h.sell)(quantity, price, fee)
    assert nets(rebuild(h.recorded)) == [Decimal(net)]


def test_case_10_forward_split_realizes_nothing(history: Make) -> None:
    h = history()
    h.buy("10", "400", "1")
    h.anchor("10", "400.10")
    h.anchor("40", "100.025")
    split = rebuild(h.recorded)
    assert nets(split) == []
    assert split.quantity == 40
    assert average_cost(split) == Decimal("100.025")
    h.sell("40", "110", "1")
    assert nets(rebuild(h.recorded)) == [Decimal(398)]
    assert entries(rebuild(h.recorded))[0].quality is Quality.EXACT


@pytest.mark.parametrize("through_a_row", [True, False])
def test_case_11_reverse_split_with_a_fraction_cashed(history: Make, through_a_row: bool) -> None:
    h = history()
    h.buy("105", "1", "1")
    h.anchor("105", "1.00952381")
    if through_a_row:
        h.anchor("10.5", "10.0952381")
    h.sell("0.5", "11.00", "0")
    h.anchor("10", "10.0952381")
    done = rebuild(h.recorded)
    assert done.quantity == 10
    (net,) = nets(done)
    assert net == Decimal("0.452381")
    assert done.current is not None
    assert done.current.pool is not None
    left = done.current.pool
    assert (left.value_micros or 0) + sum(fee for _, fee in left.fees) == 100_952_381
    assert done.unexplained == ()


def test_a_fraction_cashed_without_a_fill_is_an_estimate(history: Make) -> None:
    h = history()
    h.buy("105", "1", "1")
    h.anchor("105", "1.00952381")
    h.anchor("10", "10.0952381")
    done = rebuild(h.recorded)
    assert done.quantity == 10
    (entry,) = entries(done)
    assert (entry.kind, entry.quantity, entry.realized) == (
        EntryKind.FRACTION,
        Decimal("0.5"),
        None,
    )


def test_a_reverse_split_by_three_leaves_no_dust(history: Make) -> None:
    h = history()
    h.buy("100", "3")
    h.buy("101", "3")
    h.anchor("201", "3")
    h.anchor("67", "9")
    h.sell("67", "10", "1")
    done = rebuild(h.recorded)
    assert done.quantity == 0
    for method in CostMethod:
        (entry,) = entries(done, method)
        assert (entry.realized, entry.quality) == (Decimal(66), Quality.EXACT)


def test_fills_before_a_reverse_split_of_one_gap_do_not_turn_the_position(history: Make) -> None:
    h = history()
    h.sell("2", "36.75")
    h.anchor("-2", "36.75")
    h.buy("1", "37.12")
    h.anchor("-0.25", "147")
    done = rebuild(h.recorded)
    assert len(done.lives) == 1
    assert (done.quantity, done.unexplained) == (Decimal("-0.25"), ())
    assert nets(done) == [Decimal("-0.37")]


def test_fills_before_a_forward_split_of_one_gap_count_in_old_units(history: Make) -> None:
    h = history()
    h.buy("10", "400")
    h.anchor("10", "400")
    h.sell("4", "410")
    h.anchor("24", "100")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(24), ())
    assert nets(done) == [Decimal(40)]
    assert average_cost(done) == Decimal(100)


def test_case_13_other_currency(history: Make) -> None:
    h = history(currency="EUR")
    h.buy("100", "20", "1.25")
    h.sell("100", "22", "1.25")
    assert nets(rebuild(h.recorded)) == [Decimal("197.5")]


def test_case_14_shorts_by_both_methods(history: Make) -> None:
    h = history()
    h.sell("100", "10")
    h.sell("100", "15")
    h.buy("100", "12.5")
    after = rebuild(h.recorded)
    assert nets(after) == [Decimal(0)]
    assert average_cost(after) == Decimal("12.5")
    assert nets(after, FIFO) == [Decimal(-250)]
    assert average_cost(after, FIFO) == Decimal(15)


def test_case_15_correction_replaces_the_execution(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    sold = h.sell("100", "12", "1")
    corrected = sold.exec_id[:-2] + "02"
    h.fill(sold.side, "100", "11.90", None, exec_id=corrected)
    done = rebuild(h.recorded)
    assert nets(done) == [Decimal(188)]
    assert entries(done)[0].exec_id == corrected


def test_case_17_a_late_commission(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    sold = h.sell("100", "12", None)
    pending = entries(rebuild(h.recorded))[0]
    assert (pending.realized, pending.quality) == (Decimal(199), Quality.PENDING_COMMISSION)
    h.commission(sold.exec_id, "1")
    exact = entries(rebuild(h.recorded))[0]
    assert (exact.realized, exact.quality) == (Decimal(198), Quality.EXACT)


def test_first_look_counts_todays_fills_once(history: Make) -> None:
    h = history()
    h.sell("40", "12", "1")
    h.anchor("60", "10.01", baseline=True)
    seen = rebuild(h.recorded)
    assert seen.quantity == 60
    assert average_cost(seen) == Decimal("10.01")
    (entry,) = entries(seen)
    assert entry.quality is Quality.ESTIMATED
    assert entry.realized == Decimal("78.60")  # 40 x (12 - 10.01) - 1


def test_first_look_solves_the_opening_cost_through_an_add(history: Make) -> None:
    h = history()
    h.buy("50", "13", "1")
    h.anchor("150", "11.01", baseline=True)  # (100 x 10.0050 + 651) / 150 rounds to 11.01
    assert average_cost(rebuild(h.recorded)) == Decimal("11.01")


def test_a_fill_in_the_second_of_the_first_look_came_after_it(history: Make) -> None:
    h = history()
    h.anchor("100", "10", baseline=True)
    h.fill(Side.SOLD, "100", "12", "1", at=h.now.replace(microsecond=0))
    done = rebuild(h.recorded)
    assert done.quantity == 0
    (entry,) = entries(done)
    assert entry.realized == Decimal(199)


def test_closed_today_before_we_came_has_no_amount(history: Make) -> None:
    h = history()
    sold = h.sell("100", "12", "1")
    h.add(Absent(sold.key, h.tick(), True, "digest", len(h.recorded)))
    done = rebuild(h.recorded)
    assert done.quantity == 0
    (entry,) = entries(done)
    assert (entry.realized, entry.quality) == (None, Quality.ESTIMATED)
