"""From exec to what the user waits for: a first look, a key answered, a sync committed."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from possync_tui.tui.position_filter import HINT
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured
from tests.benchmarks.place import PROGRAM, Place, symbol
from tests.benchmarks.pty_run import PtyRun

_CONTESTANTS = Path(__file__).with_name("contestants")
_ROW = symbol(0).encode()
_STANDING = 4.0
PLACE = Place()


def benchmarks() -> Sequence[Benchmark]:
    return [_first_look(), _first_frame(), _first_sync(), _commands()]


def _first_look() -> Benchmark:
    return Benchmark(
        "first-look",
        "exec to the ledger's positions on screen, 160x50",
        {"seen": "ms"},
        [
            Contestant("python -c pass", _pass),
            Contestant("raw frame", lambda: _seen(_script("raw_frame.py", PLACE.ledger))),
            Contestant("bare Textual, no positions", lambda: _seen(_BARE, b"nothing but")),
            Contestant("all imported at the top", lambda: _seen(_all_at_once())),
            Contestant("possync-tui", _seen_again),
        ],
        [Goal("seen", "possync-tui", "python -c pass", at_most=3)],
        rounds=9,
    )


def _first_frame() -> Benchmark:
    return Benchmark(
        "first-frame",
        "exec to a key answered, 1,000 positions, 160x50",
        {"answered": "ms", "processor": "ms", "memory": "MB"},
        [
            Contestant("bare Textual", lambda: _answered(_BARE, b"nothing but", b"was answered")),
            Contestant(
                "all imported at the top",
                lambda: _answered(_all_at_once(), _ROW, b"was answered"),
            ),
            Contestant("possync-tui", lambda: _answered([PROGRAM], _ROW, _PROMPT, _PANES)),
        ],
        [Goal("answered", "possync-tui", "bare Textual", at_most=1.5)],
        rounds=9,
    )


def _first_sync() -> Benchmark:
    return Benchmark(
        "first-sync",
        "exec to 1,000 positions synced and committed, on loopback",
        {"committed": "ms"},
        [
            Contestant("bare Textual", lambda: {"committed": _seen(_BARE, b"nothing but")["seen"]}),
            Contestant("possync-tui", _dashboard_sync),
            Contestant("possync-tui sync", _command_sync),
        ],
        [Goal("committed", "possync-tui", "bare Textual", at_most=2.6)],
        rounds=7,
    )


def _commands() -> Benchmark:
    def ours(*words: str) -> Callable[[], Measured]:
        return lambda: _command([PROGRAM, *words])

    return Benchmark(
        "commands",
        "commands that need no broker, exec to exit",
        {"time": "ms"},
        [
            Contestant("python -c pass", lambda: _command(_PASS)),
            Contestant("--version", ours("--version")),
            Contestant("--help", ours("--help")),
            Contestant("status --json", ours("status", "--json")),
            Contestant("positions --json", ours("positions", "--json")),
        ],
        [
            Goal("time", "--version", "python -c pass", at_most=8),
            Goal("time", "--help", "python -c pass", at_most=8),
            Goal("time", "status --json", "python -c pass", at_most=30),
        ],
        rounds=9,
    )


_PASS = [sys.executable, "-c", "pass"]
_BARE = [sys.executable, str(_CONTESTANTS / "bare_textual.py")]
_PANES = (b"Sync log", b"Sync stats")
# On its first letter stands the cursor, or not.
_PROMPT = HINT[1:20].encode()


def _script(name: str, *words: object) -> list[str]:
    return [sys.executable, str(_CONTESTANTS / name), *map(str, words)]


def _all_at_once() -> list[str]:
    return _script("all_at_once.py", PLACE.ledger)


def _pass() -> Measured:
    return {"seen": _command(_PASS)["time"]}


def _command(command: Sequence[str]) -> Measured:
    env = PLACE.environment(PLACE.ledger)
    began = time.perf_counter()
    subprocess.run(
        command,
        env=env,
        cwd=PLACE.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return {"time": (time.perf_counter() - began) * 1000}


def _run(command: Sequence[str], ledger: Path | None = None, **more: str) -> PtyRun:
    env = PLACE.environment(ledger or PLACE.ledger, **more)
    return PtyRun(command, env, str(PLACE.home))


def _seen_again() -> Measured:
    """After a start that stood for a while: one that is left at once may leave no outline."""
    _stand()
    return _seen([PROGRAM])


@cache
def _stand() -> None:
    with _run([PROGRAM]) as run:
        run.until(_ROW)
        run.read_for(_STANDING)
        _leave(run)


def _seen(command: Sequence[str], text: bytes = _ROW) -> Measured:
    with _run(command) as run:
        seen = run.until(text)
        _leave(run)
    return {"seen": seen}


def _answered(
    command: Sequence[str], first: bytes, answer: bytes, panes: Sequence[bytes] = ()
) -> Measured:
    """The key is pressed as soon as anything is seen; all the panes are there by the answer."""
    with _run(command) as run:
        run.until(first)
        run.press(b"/")
        answered = run.until(answer, *panes)
        spent = run.end()
    return {"answered": answered, "processor": spent.processor, "memory": spent.memory}


def _dashboard_sync() -> Measured:
    with _run([PROGRAM], PLACE.fresh_ledger(), POSITION_SYNC_INITIAL_DELAY="0") as run:
        committed = run.until(b"1000 seen")
        _leave(run)
    return {"committed": committed}


def _command_sync() -> Measured:
    with _run([PROGRAM, "sync"], PLACE.fresh_ledger()) as run:
        committed = run.until(b"1000 seen")
        run.read_for(0.05)
    return {"committed": committed}


def _leave(run: PtyRun) -> None:
    """As a user does, so that ledger and lock are whole for the next run."""
    run.press(b"q")
    run.until(b"\x1b[?1049l")
    run.read_for(0.2)
