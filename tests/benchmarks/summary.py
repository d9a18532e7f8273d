"""`python -m tests.benchmarks.summary FILE ...`: what `--json` wrote, as the README's table."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_HEAD = ("benchmark", "figure", "measured", "beside", "goal", "")


def summary(files: Sequence[Path]) -> str:
    """A line for each goal; a benchmark that stands in several files counts as in the last."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in files:
        for benchmark in json.loads(file.read_text(encoding="utf-8"))["benchmarks"]:
            found[benchmark["name"]] = benchmark
    rows = [_HEAD, *(row for benchmark in found.values() for row in _rows(benchmark))]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(_HEAD) + "|")
    return "\n".join(lines)


def _rows(benchmark: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for goal in benchmark["goals"]:
        is_ratio = goal["over"] is not None
        unit = "×" if is_ratio else _unit(benchmark, goal)
        yield (
            f"`{benchmark['name']}`",
            f"{goal['of']}, {goal['figure']}",
            f"{_number(goal['value'])} {unit}".rstrip(),
            goal["over"] or "",
            f"{_signed(goal['goal'])} {unit}".rstrip(),
            "met" if goal["met"] else "**missed**",
        )


def _signed(wanted: str) -> str:
    return wanted.removesuffix(" x").replace("<=", "≤").replace(">=", "≥")


def _unit(benchmark: Mapping[str, Any], goal: Mapping[str, Any]) -> str:
    units = (
        str(figure["unit"])
        for figure in benchmark["figures"]
        if (figure["contestant"], figure["figure"]) == (goal["of"], goal["figure"])
    )
    return next(units)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    print(summary([Path(name) for name in sys.argv[1:]]))
