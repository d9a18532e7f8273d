"""`python -m tests.simulation.fuzz wire 0:10000`: nonsense from the broker and in files.

What is spoilt is `wire`, `flex` or `settings`. A failing seed prints what went wrong and runs again
alone: `fuzz wire 17:18`. `--recording FILE` spoils what real sessions said (see
tests/simulation/replay.py), instead of the simulated TWS.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.simulation import fuzz_files, fuzz_wire
from tests.simulation.replay import Recording, read_recordings
from tests.simulation.run import Report

_SETTLED = 200
"""After so many seeds in a process everything that is loaded once is loaded."""


def measured(
    kind: str, folder: Path, recordings: Sequence[Recording], seed: int
) -> tuple[Report, int, int]:
    """Run a seed: its report, the process, and the memory that it then holds, in KB."""
    templates = fuzz_files.Templates(folder)
    match kind:
        case "wire":
            report = fuzz_wire.run_seed(seed, recordings)
        case "flex":
            report = fuzz_files.run_flex_seed(seed, templates)
        case _:
            report = fuzz_files.run_settings_seed(seed)
    return report, os.getpid(), _resident()


def main() -> int:
    arguments = _parser().parse_args()
    first, last = (int(part) for part in arguments.seeds.split(":"))
    recordings = read_recordings(arguments.recording) if arguments.recording else []
    done, failed, began = Counter[str](), 0, time.monotonic()
    memory: dict[int, list[int]] = {}
    with tempfile.TemporaryDirectory(prefix="possync-fuzz-") as name:
        asyncio.run(fuzz_files.Templates(Path(name)).make())
        with ProcessPoolExecutor(arguments.jobs) as pool:
            work = partial(measured, arguments.what, Path(name), recordings)
            for report, process, resident in pool.map(work, range(first, last), chunksize=8):
                done += report.deeds
                memory.setdefault(process, []).append(resident)
                if not report.ok:
                    failed += 1
                    print(f"seed {report.seed}: {report.failure}", flush=True)
                    print("".join(f"    {line}\n" for line in report.story), end="", flush=True)
    print(f"{last - first} seeds, {failed} failed, {time.monotonic() - began:.0f} s")
    for what, times in sorted(done.items()):
        print(f"  {what:24}{times:>10}")
    for sizes in memory.values():
        early = max(sizes[:_SETTLED])
        print(f"  memory, MB: {early // 1024} at seed {_SETTLED}, {sizes[-1] // 1024} at the end")
    return 1 if failed else 0


def _resident() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    found = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(found.split()[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.fuzz", description=__doc__)
    parser.add_argument("what", choices=("wire", "flex", "settings"))
    parser.add_argument("seeds", help="FIRST:LAST, the last one not included")
    parser.add_argument("--recording", type=Path, metavar="FILE", help="what real sessions said")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
