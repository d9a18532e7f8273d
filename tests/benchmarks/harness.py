"""Contestants measured in turn, and what is said of them: medians, spread, ratios."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Measured = Mapping[str, float]
"""Figures of one round, by name: `{"paint": 25.5, "memory": 11.0}`."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the thing that is measured. `measure` is one round of it."""

    name: str
    measure: Callable[[], Measured]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure of `of` has to be, alone or as a multiple of the same figure of `over`."""

    figure: str
    of: str
    over: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    def met_by(self, value: float) -> bool:
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )

    @property
    def wanted(self) -> str:
        times = " x" if self.over is not None else ""
        if self.at_most is not None:
            return f"<= {self.at_most:g}{times}"
        return f">= {self.at_least:g}{times}"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A question, those who answer it (the floor first), and the goals of the answer."""

    name: str
    """A short word to ask for it by, as in `python -m tests.benchmarks startup`."""
    title: str
    units: Mapping[str, str]
    """The unit of each figure: `{"paint": "ms"}`."""
    contestants: Sequence[Contestant]
    goals: Sequence[Goal] = ()
    rounds: int = 5


@dataclass(frozen=True, slots=True)
class Line:
    """What one contestant came to in one figure. A ratio is the median of those of each round."""

    contestant: str
    figure: str
    unit: str
    middle: float
    least: float
    most: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal beside what was measured."""

    goal: Goal
    value: float
    met: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark, run."""

    benchmark: Benchmark
    rounds: int
    lines: tuple[Line, ...]
    verdicts: tuple[Verdict, ...]


def run(benchmark: Benchmark, *, rounds: int | None = None) -> Result:
    """All contestants in turn, round after round, so that a slow minute is slow for all.

    The first round warms caches and is thrown away.
    """
    count = rounds or benchmark.rounds
    taken = [_round(benchmark, turn) for turn in range(count + 1)][1:]
    return Result(
        benchmark, count, tuple(_lines(benchmark, taken)), tuple(_verdicts(benchmark, taken))
    )


def _round(benchmark: Benchmark, turn: int) -> dict[str, Measured]:
    """One measurement of each, begun by another contestant each time."""
    shift = turn % len(benchmark.contestants)
    order = [*benchmark.contestants[shift:], *benchmark.contestants[:shift]]
    return {contestant.name: contestant.measure() for contestant in order}


def _lines(benchmark: Benchmark, taken: Sequence[Mapping[str, Measured]]) -> Iterator[Line]:
    floor = benchmark.contestants[0].name
    for contestant in benchmark.contestants:
        for figure, unit in benchmark.units.items():
            values = [a_round[contestant.name].get(figure) for a_round in taken]
            known = [value for value in values if value is not None]
            if not known:
                continue
            yield Line(
                contestant.name,
                figure,
                unit,
                median(known),
                min(known),
                max(known),
                _ratio(taken, figure, contestant.name, floor),
            )


def _ratio(
    taken: Sequence[Mapping[str, Measured]], figure: str, of: str, over: str
) -> float | None:
    pairs = [(a_round[of].get(figure), a_round[over].get(figure)) for a_round in taken]
    ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
    return median(ratios) if ratios else None


def _verdicts(benchmark: Benchmark, taken: Sequence[Mapping[str, Measured]]) -> Iterator[Verdict]:
    for goal in benchmark.goals:
        if goal.over is None:
            value: float | None = median(a_round[goal.of][goal.figure] for a_round in taken)
        else:
            value = _ratio(taken, goal.figure, goal.of, goal.over)
        if value is not None:
            yield Verdict(goal, value, goal.met_by(value))
