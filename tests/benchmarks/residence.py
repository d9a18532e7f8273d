"""What a dashboard takes while it stands there: memory, processor, the ledger's disk, stalls."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured
from tests.benchmarks.place import PROGRAM, Place
from tests.benchmarks.pty_run import PtyRun

_CONTESTANTS = Path(__file__).with_name("contestants")
_SETTLED = 30.0
"""Long enough for 400 P&L subscriptions, 20 a second; an idle dashboard asks for nothing."""
_WATCHED = 20.0
PLACE = Place()


def benchmarks() -> Sequence[Benchmark]:
    return [_idle(), _stall()]


def _idle() -> Benchmark:
    return Benchmark(
        "idle",
        f"connected, 1,000 positions, nothing moves, {_WATCHED:g} s",
        {"processor": "%", "memory": "MB", "growth": "MB", "written": "bytes"},
        [
            Contestant("bare Textual", lambda: _watch([*_BARE], b"nothing but")),
            Contestant("possync-tui", lambda: _watch([PROGRAM], b"connected")),
        ],
        [
            Goal("processor", "possync-tui", at_most=0.6),
            Goal("memory", "possync-tui", at_most=75),
            Goal("growth", "possync-tui", at_most=1),
            Goal("written", "possync-tui", at_most=0),
        ],
        rounds=3,
    )


def _stall() -> Benchmark:
    return Benchmark(
        "stall",
        "longest gap of the event loop while the broker's library loads",
        {"gap": "ms"},
        [
            Contestant("nothing loads", lambda: _gap("nothing")),
            Contestant("loaded on the loop", lambda: _gap("on the loop")),
            Contestant("possync-tui", lambda: _gap("as the program does")),
        ],
        [Goal("gap", "possync-tui", at_most=25)],
        rounds=7,
    )


_BARE = (sys.executable, str(_CONTESTANTS / "bare_textual.py"))


def _watch(command: Sequence[str], ready: bytes) -> Measured:
    env = PLACE.environment(PLACE.ledger, POSITION_SYNC_ENABLED="false")
    with PtyRun(command, env, str(PLACE.home)) as run:
        run.until(ready)
        run.read_for(_SETTLED)
        before, size = _spent(run.pid), _ledger_bytes()
        began = time.perf_counter()
        run.read_for(_WATCHED)
        seconds = time.perf_counter() - began
        after, written = _spent(run.pid), _ledger_bytes() - size
        run.press(b"q")
        run.until(b"\x1b[?1049l")
        run.read_for(0.5)
    return {
        "processor": (after[0] - before[0]) / seconds * 100,
        "memory": after[1],
        "growth": after[1] - before[1],
        "written": abs(written),
    }


def _spent(pid: int) -> tuple[float, float]:
    """Seconds of processor time so far, and MB of resident memory, as Linux tells them."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(words[11]) + int(words[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _ledger_bytes() -> int:
    """The size of the ledger and its log: they grow with every write."""
    files = (PLACE.ledger, PLACE.ledger.with_name(PLACE.ledger.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _gap(how: str) -> Measured:
    done = subprocess.run(
        [sys.executable, str(_CONTESTANTS / "loading.py"), how],
        env=PLACE.environment(PLACE.ledger),
        cwd=PLACE.home,
        capture_output=True,
        text=True,
        check=True,
    )
    return {"gap": float(done.stdout)}
