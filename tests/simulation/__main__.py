"""`python -m tests.simulation 0:100000`: any range of seeds, on all cores, resumable.

A failing seed is printed with its story and how to run it again; `--shrink` also looks for a
shorter story. `--full` checks after every step of every world what the ordinary run checks in one
of eight. `--real` runs the worlds over real sockets and in real time, hurried.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from possync_tui.demo import FaultKind
from tests.simulation.actions import BY_NAME
from tests.simulation.run import Report, run_seed_for_real, run_seed_once, shrunk

_SEEDS_OF_A_POOL = 2000


@dataclass
class Totals:
    """What all seeds so far did, over every run that a state file has seen."""

    upcoming: int
    seeds: int = 0
    seconds: float = 0.0
    syncs: int = 0
    took: float = 0.0
    deeds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path | None, first: int) -> "Totals":
        if path is None or not path.exists():
            return cls(first)
        stored = json.loads(path.read_text())
        for name in ("deeds", "faults", "compared"):
            stored[name] = Counter(stored.get(name, {}))
        totals = cls(**stored)
        totals.upcoming = max(first, totals.upcoming)
        return totals

    def write(self, path: Path) -> None:
        """Whole or not at all: a run may be ended at any moment."""
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(vars(self)))
        fresh.replace(path)

    def add(self, report: Report) -> None:
        self.upcoming = report.seed + 1
        self.seeds += 1
        self.seconds += report.seconds
        self.syncs += report.syncs
        self.deeds += report.deeds
        self.faults += report.faults
        self.compared += report.compared
        if not report.ok:
            self.failed.append(report.seed)

    def lines(self) -> Iterator[str]:
        yield f"{self.seeds} seeds, {len(self.failed)} failed, {self.took:.0f} s"
        yield f"{self.seconds / 86_400:.0f} simulated days, {self.syncs} syncs in the last ledgers"
        told = ", ".join(f"{times} {how}" for how, times in sorted(self.compared.items()))
        yield f"realized P&L of positions held against the desk: {told}"
        for title, counted, names in (
            ("deeds", self.deeds, list(BY_NAME)),
            ("faults of the gateway", self.faults, [kind.value for kind in FaultKind]),
        ):
            occurred = sum(bool(counted[name]) for name in names)
            yield f"{title}: {occurred} kinds of {len(names)}"
            yield from (f"  {name:24}{counted[name]:>10}" for name in sorted(names))
        for seed in self.failed:
            yield f"failed: python -m tests.simulation {seed}:{seed + 1} --shrink"


def main() -> int:
    arguments = _parser().parse_args()
    first, last = (int(part) for part in arguments.seeds.split(":"))
    totals, began = Totals.read(arguments.resume, first), time.monotonic()
    earlier = totals.took
    run: Callable[[int], Report] = partial(run_seed_once, full=arguments.full)
    if arguments.real:
        run = run_seed_for_real
    for report in _reports(run, range(totals.upcoming, last), arguments.jobs):
        totals.add(report)
        totals.took = earlier + time.monotonic() - began
        if not report.ok:
            _tell(report, shrink=arguments.shrink and not arguments.real, full=arguments.full)
        if arguments.resume is not None:
            totals.write(arguments.resume)
    print("\n".join(totals.lines()))
    return 1 if totals.failed else 0


def _reports(run: Callable[[int], Report], seeds: range, jobs: int) -> Iterator[Report]:
    """In order. Processes are begun anew now and then, so that nothing adds up in them.

    Not by `max_tasks_per_child`: a pool of one that replaces its process waits for ever.
    """
    for first in range(seeds.start, seeds.stop, _SEEDS_OF_A_POOL):
        with ProcessPoolExecutor(jobs) as pool:
            some = range(first, min(first + _SEEDS_OF_A_POOL, seeds.stop))
            yield from pool.map(run, some, chunksize=4)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", help="FIRST:LAST, the last one not included")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", type=Path, help="a file that remembers where to go on")
    parser.add_argument("--shrink", action="store_true", help="look for a shorter story")
    parser.add_argument("--full", action="store_true", help="every check after every step")
    parser.add_argument("--real", action="store_true", help="over real sockets, in real time")
    return parser


def _tell(report: Report, *, shrink: bool, full: bool) -> None:
    if shrink:
        shorter = shrunk(report.seed, report.failure, full=full)
        report = run_seed_once(report.seed, shorter, full=full)
    print(f"seed {report.seed}: {report.failure}")
    for line in report.story:
        print(f"    {line}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
