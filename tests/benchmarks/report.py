"""Results as a table for people and as JSON for programs."""

import json
import platform
from collections.abc import Iterable, Iterator, Sequence

from tests.benchmarks.harness import Line, Result, Verdict


def table(result: Result) -> str:
    """The figures of one benchmark as Markdown, the floor's first, and the goals below."""
    rows = [
        ("contestant", "figure", "median", "least-most", "x floor"),
        *(_cells(line) for line in result.lines),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    body = [_row(row, widths) for row in rows]
    body.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    head = f"### {result.benchmark.name}: {result.benchmark.title} ({result.rounds} rounds)"
    return "\n".join([head, "", *body, "", *map(_verdict, result.verdicts)])


def as_json(results: Iterable[Result]) -> str:
    """The same figures, one object per benchmark."""
    return json.dumps(
        {
            "python": platform.python_version(),
            "benchmarks": [_object(result) for result in results],
        },
        indent=2,
    )


def missed(results: Sequence[Result]) -> int:
    """How many goals were not met."""
    return sum(not verdict.met for result in results for verdict in result.verdicts)


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.contestant,
        line.figure,
        f"{_number(line.middle)} {line.unit}".rstrip(),
        f"{_number(line.least)}-{_number(line.most)}",
        "" if line.ratio is None else f"{line.ratio:.2f}",
    )


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"


def _number(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _verdict(verdict: Verdict) -> str:
    goal = verdict.goal
    over = "" if goal.over is None else f" over {goal.over}"
    sign = "met   " if verdict.met else "MISSED"
    return f"- {sign} {goal.of}{over}, {goal.figure}: {verdict.value:.3g} (goal {goal.wanted})"


def _object(result: Result) -> dict[str, object]:
    return {
        "name": result.benchmark.name,
        "title": result.benchmark.title,
        "rounds": result.rounds,
        "figures": list(_figures(result.lines)),
        "goals": [
            {
                "of": verdict.goal.of,
                "over": verdict.goal.over,
                "figure": verdict.goal.figure,
                "goal": verdict.goal.wanted,
                "value": verdict.value,
                "met": verdict.met,
            }
            for verdict in result.verdicts
        ],
    }


def _figures(lines: Iterable[Line]) -> Iterator[dict[str, object]]:
    for line in lines:
        yield {
            "contestant": line.contestant,
            "figure": line.figure,
            "unit": line.unit,
            "median": line.middle,
            "least": line.least,
            "most": line.most,
            "ratio": line.ratio,
        }
