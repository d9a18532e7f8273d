"""Charts as text: exactly in their room, on round numbers, at the right hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.performance import Unit, thinned
from possync_tui.tui import plots
from possync_tui.tui.plots import Palette, Story, round_marks

PALETTE = Palette(line=(1, 2, 3), gain="green", loss=(4, 5, 6), quiet="default")
AT = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)


def story(count: int, hours: float = 11.0, sign: int = 1) -> Story:
    moved = tuple(
        (AT - timedelta(hours=hours * (count - n)), sign * Decimal(n * 7919 % 401 - 170))
        for n in range(count)
    )
    return Story(moved, AT)


@pytest.mark.parametrize("count", [1, 2, 5, 4_000])
@pytest.mark.parametrize("size", [(24, 4), (78, 8), (196, 20), (196, 5)])
def test_a_chart_fills_exactly_its_room(count: int, size: tuple[int, int]) -> None:
    width, height = size
    given = story(count)
    stage = plots.stage_of(given, width)
    for drawing in (plots.curve, plots.columns):
        rows = drawing(given, stage, width, height, PALETTE).plain.split("\n")
        assert len(rows) == height
        assert all(len(row) <= width for row in rows)
        assert any(row.strip() for row in rows)


def test_a_curve_of_many_points_is_thinned() -> None:
    given = story(50_000, hours=0.1)
    stage = plots.stage_of(given, 100)
    points = thinned(plots.steps(given, stage), 100)
    assert len(points) <= 200
    assert points[-1][1] == sum(amount for _, amount in given.moved)


def test_a_staircase_stands_still_between_closes() -> None:
    given = Story(((AT, Decimal(10)), (AT + timedelta(hours=2), Decimal(-3))))
    stage = plots.stage_of(given, 80)
    assert stage.unit is Unit.HOUR
    assert [total for _, total in plots.steps(given, stage)] == [0, 0, 10, 10, 7, 7]
    assert "14:00" in plots.curve(given, stage, 80, 8, PALETTE).plain


def test_gains_stand_above_zero_and_losses_hang_below() -> None:
    for sign, above in ((1, True), (-1, False)):
        given = Story(((AT, Decimal(sign * 100)),))
        rows = plots.columns(given, plots.stage_of(given, 60), 60, 9, PALETTE).plain.split("\n")
        zero = next(index for index, row in enumerate(rows) if row.lstrip().startswith("0 "))
        full = [index for index, row in enumerate(rows) if "█" in row]
        assert full
        assert all(index <= zero for index in full) if above else all(i >= zero for i in full)


def test_a_curve_and_bars_share_their_axis() -> None:
    given = story(60)
    stage = plots.stage_of(given, 100)
    label = plots.label_width(given, stage, (10, 6))
    upper = plots.curve(given, stage, 100, 10, PALETTE, label).plain.split("\n")
    lower = plots.columns(given, stage, 100, 6, PALETTE, label).plain.split("\n")
    zeros = [row.index("0 ") for row in (*upper, *lower) if row.lstrip().startswith("0 ")]
    assert len(zeros) == 2
    assert len(set(zeros)) == 1


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (-320, 522_148), (0, 0.004), (-1e12, 3), (-5, 5), (-7.5, 0)]
)
@pytest.mark.parametrize("wanted", [2, 3, 6])
def test_marks_are_round_and_within_the_curve(low: float, high: float, wanted: int) -> None:
    marks = round_marks(low, high, wanted)
    assert 0 in marks
    assert 1 <= len(marks) <= 2 * wanted + 3
    assert len(marks) >= 2 or low == high
    assert all(low - 1e-6 <= mark <= high + 1e-6 for mark in marks)


def test_times_are_named_without_a_needless_zero() -> None:
    given = story(20, hours=24)
    spots, names = plots.time_ticks(plots.stage_of(given, 80), 70)
    assert len(spots) == len(names) >= 3
    assert not any(name.startswith("0") for name in names)
    night = Story(((AT.replace(hour=0), Decimal(1)),))
    assert plots.time_ticks(plots.stage_of(night, 80), 70)[1][0] == "00:00"
