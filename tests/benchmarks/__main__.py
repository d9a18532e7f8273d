"""`python -m tests.benchmarks [NAME ...] [--rounds N] [--json FILE] [--list]`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.harness import Benchmark, Result, run

TOPICS: tuple[str, ...] = ("startup", "residence", "sync", "history", "decode", "live", "log_lines")
"""The modules of this package that have a `benchmarks()` to tell of theirs."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", help="benchmarks or topics; all without one")
    parser.add_argument("--rounds", type=int, help="rounds of each, instead of its own number")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and stop")
    arguments = parser.parse_args(argv)
    chosen = list(_chosen(arguments.names))
    if arguments.list:
        print("\n".join(f"{benchmark.name}: {benchmark.title}" for benchmark in chosen))
        return 0
    results: list[Result] = []
    for benchmark in chosen:
        results.append(run(benchmark, rounds=arguments.rounds))
        print(report.table(results[-1]), end="\n\n", flush=True)
        if arguments.json:
            arguments.json.write_text(report.as_json(results), encoding="utf-8")
    goals = sum(len(result.verdicts) for result in results)
    print(f"{goals - report.missed(results)} of {goals} goals met")
    return 0


def _chosen(names: Sequence[str]) -> Iterator[Benchmark]:
    for topic in TOPICS:
        module = import_module(f"tests.benchmarks.{topic}")
        found: Sequence[Benchmark] = module.benchmarks()
        for benchmark in found:
            if not names or topic in names or benchmark.name in names:
                yield benchmark


if __name__ == "__main__":
    sys.exit(main())
