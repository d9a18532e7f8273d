"""A hundred thousand lines into the Sync log, and into Textual's own logs."""

import asyncio
import gc
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured

LINES, BATCH = 100_000, 100
FLOOR, OURS, RICH, RICH_KEPT = "Log, batches", "possync-tui", "RichLog, 1,000 lines", "RichLog"
START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def benchmarks() -> Sequence[Benchmark]:
    return (
        Benchmark(
            "log",
            f"{LINES:,} lines, {BATCH} a frame, drawn as they come",
            {"line": "us", "memory": "MB"},
            [Contestant(name, partial(_alone, name)) for name in (FLOOR, OURS, RICH, RICH_KEPT)],
            [
                Goal("line", OURS, at_most=12),
                Goal("memory", OURS, at_most=5),
                Goal("line", OURS, FLOOR, at_most=1.5),
            ],
            rounds=3,
        ),
    )


def _alone(name: str) -> Measured:
    """In a process of its own, so that memory is that of this contestant."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.log_lines", name],
        check=True,
        capture_output=True,
        text=True,
    )
    line, memory = done.stdout.split()
    return {"line": float(line), "memory": float(memory)}


def _memory() -> float:
    """Megabytes: the most that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(name: str) -> None:
    from textual.app import App, ComposeResult
    from textual.widget import Widget
    from textual.widgets import Log, RichLog

    from possync_tui.sync.events import LogLine
    from possync_tui.tui.format import Redaction
    from possync_tui.tui.keymap import keymap_of
    from possync_tui.tui.widgets.sync_log import SyncLogPane

    def line(n: int) -> LogLine:
        text = f"AAPL {n % 977} -> {n % 983}, average cost 150.25, explained by {n % 3} fills"
        return LogLine(START + timedelta(seconds=n), 20, "sync", text)

    def widget() -> tuple[Widget, Callable[[list[LogLine]], object]]:
        if name == OURS:
            pane = SyncLogPane(Redaction(mask_accounts=False), keymap_of(()))
            return pane, pane.take
        if name == FLOOR:
            log = Log()
            return log, lambda lines: log.write_lines([f"{one.at} {one.text}" for one in lines])
        rich = RichLog(max_lines=1_000 if name == RICH else None)

        def write(lines: list[LogLine]) -> None:
            for one in lines:
                rich.write(f"{one.at} {one.text}")

        return rich, write

    class Lines(App[None]):
        def compose(self) -> ComposeResult:
            self.shown, self.take = widget()
            yield self.shown

    async def run() -> None:
        app = Lines()
        async with app.run_test(size=(160, 50)) as pilot:
            app.take([line(n) for n in range(1_000)])
            await pilot.pause()
            gc.collect()
            before, begun = _memory(), time.process_time()
            for start in range(0, LINES, BATCH):
                app.take([line(start + n) for n in range(BATCH)])
                if start % (10 * BATCH) == 0:
                    await pilot.pause()
            await pilot.pause()
            taken = (time.process_time() - begun) / LINES * 1_000_000
            print(taken, _memory() - before)

    asyncio.run(run())


if __name__ == "__main__":
    _measure(sys.argv[1])
