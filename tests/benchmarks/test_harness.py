"""The arithmetic of the benchmarks: the figures stand in the README."""

from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured, run
from tests.benchmarks.summary import summary


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


def test_a_later_file_replaces_a_benchmark_in_the_table_of_the_readme(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(report.as_json([run(_benchmark(Goal("time", "ours", at_most=7)))]))
    goals = Goal("time", "ours", "floor", at_most=3), Goal("time", "ours", at_least=21)
    second.write_text(report.as_json([run(_benchmark(*goals))]))

    assert summary([first, second]).splitlines()[2:] == [
        "| `sums` | ours, time | 2 × | floor | ≤ 3 × | met |",
        "| `sums` | ours, time | 20 ms |  | ≥ 21 ms | **missed** |",
    ]
