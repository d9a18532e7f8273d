"""The arithmetic of the benchmarks: the figures stand in the README."""

from tests.benchmarks import report
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured, run


def _contestant(name: str, *figures: float) -> Contestant:
    left = iter((999.0, *figures))

    def measure() -> Measured:
        return {"time": next(left)}

    return Contestant(name, measure)


def _benchmark(*goals: Goal) -> Benchmark:
    return Benchmark(
        "sums",
        "adding",
        {"time": "ms"},
        [_contestant("floor", 10, 20, 40), _contestant("ours", 20, 40, 20)],
        goals,
        rounds=3,
    )


def test_the_first_round_does_not_count_and_ratios_are_taken_within_a_round() -> None:
    floor, ours = run(_benchmark()).lines

    assert (floor.middle, floor.least, floor.most, floor.ratio) == (20, 10, 40, 1)
    assert (ours.middle, ours.ratio) == (20, 2)


def test_a_goal_is_met_or_missed_by_the_ratio_or_by_the_figure() -> None:
    result = run(
        _benchmark(
            Goal("time", "ours", "floor", at_most=2),
            Goal("time", "ours", "floor", at_most=1.9),
            Goal("time", "ours", at_least=21),
        )
    )

    assert [verdict.met for verdict in result.verdicts] == [True, False, False]
    assert report.missed([result]) == 2
    assert "MISSED ours, time: 20 (goal >= 21)" in report.table(result)
