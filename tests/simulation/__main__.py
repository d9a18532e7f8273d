"""`python -m tests.simulation 0:100000`: any range of seeds, on all cores, resumable.

A failing seed is printed with its story; `--shrink` also looks for a shorter one.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.run import Report, run_seed_once, shrunk


def main() -> int:
    arguments = _parser().parse_args()
    first, last = (int(part) for part in arguments.seeds.split(":"))
    if arguments.resume is not None and arguments.resume.exists():
        first = max(first, int(arguments.resume.read_text()))
    total, failed, began = Counter[str](), list[Report](), time.monotonic()
    simulated, syncs = 0.0, 0
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for report in pool.map(run_seed_once, range(first, last), chunksize=16):
            total += report.deeds
            simulated += report.seconds
            syncs += report.syncs
            if not report.ok:
                failed.append(report)
                _tell(report, shrink=arguments.shrink)
            if arguments.resume is not None:
                arguments.resume.write_text(str(report.seed + 1))
    count = max(0, last - first)
    print(f"{count} seeds, {len(failed)} failed, {time.monotonic() - began:.0f} s")
    print(f"{simulated / 86_400:.0f} simulated days, {syncs} syncs counted by the ledgers")
    for name, times in sorted(total.items()):
        print(f"  {name:24}{times:>10}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", help="FIRST:LAST, the last one not included")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", type=Path, help="a file that remembers where to go on")
    parser.add_argument("--shrink", action="store_true", help="look for a shorter story")
    return parser


def _tell(report: Report, *, shrink: bool) -> None:
    if shrink:
        report = run_seed_once(report.seed, shrunk(report.seed, report.failure))
    print(f"seed {report.seed}: {report.failure}")
    for line in report.story:
        print(f"    {line}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
