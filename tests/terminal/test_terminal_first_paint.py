"""The first look in a real terminal: the last known book, until Textual has it over."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyte
import pytest

from .conftest import PATIENCE, PROGRAM, Desk, Terminal, clean_environment

pytestmark = pytest.mark.tty

SIZE = (140, 40)
TEXTUAL = b"\x1b[?1000h"
"""Textual turns the mouse on right after it has entered the alternate screen."""
FORBIDDEN = {
    "asyncio", "argparse", "dataclasses", "email", "enum", "inspect", "json", "logging", "pathlib",
    "platformdirs", "re", "rich", "textual", "tempfile", "typing", "urllib", "zoneinfo",
    "ib_insync", "aiosqlite", "pydantic", "plotext", "numpy",
}  # fmt: skip
"""What the first look must not wait for."""
LOADED = """
import sys
from possync_tui.cli import main
from possync_tui.cli.first_paint import NoOutline, frame_of
try:
    drawn = "drawn" if b"AAPL" in frame_of([], (140, 40))[1] else "blank"
except NoOutline as none:
    drawn = str(none).replace(" ", "_")
sys.stdout.write(" ".join([drawn, *sys.modules]))
"""
HELD_UP = """
import sys, time
from possync_tui.cli import main, reporting
def make_call(*_):
    {deed}
reporting.make_call = make_call
sys.exit(main([]))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A ledger, and the dashboard opened and left: its marks are in there by now."""
    folder = tmp_path_factory.mktemp("home")
    desk = Desk(folder, clean_environment(folder))
    gateway = desk.gateway()
    desk.use(gateway)
    assert desk.run("sync").returncode == 0
    gateway.stop()
    opened_and_left(desk)
    yield desk
    desk.close()


@pytest.fixture
def started_before(home: Desk) -> Iterator[Desk]:
    """Each test leaves it as it was, but for what it has in its own environment."""
    desk = Desk(home.home, dict(home.env))
    yield desk
    desk.close()


def opened_and_left(desk: Desk, *words: str) -> bytes:
    """One start, until it has said that nothing answers; all that it wrote."""
    screen = desk.terminal(*words)
    screen.until_text("AAPL")
    screen.until_text("Sync log")
    screen.until_text("tries")
    screen.press("q")
    assert screen.ended() == 0
    return screen.raw


def first_paint_of(written: bytes) -> bytes:
    """What was written before Textual had its first word."""
    return written.partition(TEXTUAL)[0]


def screen_of(written: bytes) -> list[str]:
    screen = pyte.Screen(*SIZE)
    pyte.ByteStream(screen).feed(written)
    return list(screen.display)


def test_the_book_is_there_first_and_never_goes(started_before: Desk) -> None:
    written = opened_and_left(started_before)
    first = first_paint_of(written)
    shown = "\n".join(screen_of(first))
    for text in ("AAPL", "MSFT", "TSLA", "3 open", "not live", "Symbol", "Sync log"):
        assert text in shown
    assert written.count(b"\x1b[?1049h") == 1
    assert b"\x1b[2J" not in written
    screen = pyte.Screen(*SIZE)
    stream = pyte.ByteStream(screen)
    stream.feed(first)
    rows = screen.display[3:6]
    textuals = written[len(first) :].partition(b"\x1b[?1049l")[0]
    for piece in re.split(rb"(?=\x1b\[\d+;\d+H)", textuals):
        stream.feed(piece)
        table = "\n".join(screen.display)
        assert all(name in table for name in ("AAPL", "MSFT", "TSLA")), table
    assert [row[:60] for row in screen.display[3:6]] == [row[:60] for row in rows]


def test_it_loads_next_to_nothing(started_before: Desk) -> None:
    drawn, *loaded = printed(started_before, LOADED).split()
    assert drawn == "drawn"
    assert not FORBIDDEN & set(loaded)
    ours = {name for name in loaded if name.startswith("possync_tui.")}
    assert ours == {
        "possync_tui.cli", "possync_tui.cli.first_paint", "possync_tui.cli.first_rows",
        "possync_tui.domain", "possync_tui.domain.figures", "possync_tui.domain.label_order",
        "possync_tui.ledger", "possync_tui.ledger.identity", "possync_tui.ledger.last_known",
        "possync_tui.outline",
    }  # fmt: skip


def printed(desk: Desk, script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=desk.env, cwd=desk.home, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 7")


def no_number(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE lives SET quantity = 'plenty'")
        db.commit()


def missing_position(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE lives SET status = 'MISSING' WHERE symbol = 'AAPL'")
        db.commit()


SPOILT: dict[str, Callable[[Path], object]] = {
    "none": lambda path: path.unlink(),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "newer": newer,
    "another program's": another_programs,
    "no database": lambda path: path.write_text("a shopping list"),
    "not a number": no_number,
    "something to explain": missing_position,
}


def test_what_is_unusual_is_left_to_the_dashboard(started_before: Desk) -> None:
    ledger = started_before.ledger
    whole = ledger.read_bytes()
    drawn = LOADED.replace("*sys.modules", "'.'")
    assert printed(started_before, drawn) == "drawn ."
    for what, spoil in SPOILT.items():
        spoil(ledger)
        assert printed(started_before, drawn) in NOTHING, what
        for beside in started_before.home.glob("ledger.sqlite3*"):
            beside.unlink()
        ledger.write_bytes(whole)
    with closing(sqlite3.connect(ledger, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert printed(started_before, drawn) == "no_book_to_fill_in .", "locked"


NOTHING = ("no_book_to_fill_in .", "the_book_does_not_fit_in .")
OTHERS = (
    {"POSSYNC_THEME": "possync-day"},
    {"NO_COLOR": "1"},
    {"POSSYNC_MASK_ACCOUNTS": "true"},
    {"POSSYNC_LEDGER": "/nowhere/ledger.sqlite3"},
    {"TERM": "xterm"},
)


def test_other_settings_wait_for_an_outline_of_their_own(started_before: Desk) -> None:
    drawn = LOADED.replace("*sys.modules", "'.'")
    own = dict(started_before.env)
    for change in OTHERS:
        started_before.env = own | change
        assert printed(started_before, drawn) == "drawn_from_something_else .", change
    started_before.env = own
    settings = started_before.home / ".env"
    settings.write_text("POSSYNC_MASK_ACCOUNTS=true\n")
    assert printed(started_before, drawn) == "drawn_from_something_else ."
    settings.unlink()
    assert printed(started_before, drawn) == "drawn ."
    themes = Path(own["HOME"]) / ".config" / "possync-tui" / "themes"
    themes.mkdir(parents=True)
    (themes / "mine.toml").write_text("")
    assert printed(started_before, drawn) == "drawn_from_something_else ."
    (themes / "mine.toml").unlink()
    themes.rmdir()
    assert printed(started_before, drawn) == "drawn ."


def held_up(desk: Desk, deed: str) -> Terminal:
    """The program in the moment between the first look and Textual."""
    script = desk.home / "held_up.py"
    script.write_text(HELD_UP.format(deed=deed))
    screen = Terminal([str(script)], desk.env, desk.home, *SIZE, program=sys.executable)
    desk._running.append(screen)
    screen.until_text("AAPL")
    return screen


def echoes(screen: Terminal) -> bool:
    return bool(termios.tcgetattr(screen.child.child_fd)[3] & termios.ECHO)


def is_given_back(screen: Terminal) -> bool:
    left = screen.raw.rfind(b"\x1b[?1049l") > screen.raw.rfind(b"\x1b[?1049h") >= 0
    return left and screen.raw.rfind(b"\x1b[?25h") > screen.raw.rfind(b"\x1b[?25l")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_before_textual_restores_the_terminal(
    started_before: Desk, number: signal.Signals, code: int
) -> None:
    screen = held_up(started_before, "time.sleep(30)")
    wait_until(lambda: not echoes(screen))
    time.sleep(0.2)
    screen.child.kill(number)
    assert screen.ended() == code
    assert is_given_back(screen)


def test_ctrl_c_before_textual_restores_the_terminal(started_before: Desk) -> None:
    screen = held_up(started_before, "time.sleep(30)")
    wait_until(lambda: not echoes(screen))
    screen.press("\x03")
    assert screen.ended() == 130
    assert is_given_back(screen)


def test_a_bug_before_textual_is_told_on_the_screen_of_before(started_before: Desk) -> None:
    screen = held_up(started_before, "time.sleep(0.3); raise RuntimeError('a bug')")
    assert screen.ended() == 1
    assert is_given_back(screen)
    assert b"unexpected RuntimeError" in screen.raw.rpartition(b"\x1b[?1049l")[2]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_keys_before_textual_are_neither_lost_nor_echoed(started_before: Desk) -> None:
    screen = started_before.terminal()
    screen.until_text("AAPL")
    screen.press("/aa")
    screen.until_text("1 match “aa”")
    first, _, _ = screen.raw.partition(TEXTUAL)
    assert b"/aa" not in first
    screen.press("\x1b")
    screen.until_text("3 open · last synced")
    screen.press("q")
    assert screen.ended() == 0
    assert screen.is_restored()


def test_the_shell_gets_its_terminal_back_as_it_was(started_before: Desk) -> None:
    shell = started_before.shell(*SIZE)
    shell.until_text("prompt>")
    shell.press(f"PS1='again> '; stty -a > before; {PROGRAM}; stty -a > after\r")

    shell.until_text("AAPL")
    shell.until_text("tries")
    shell.press("q")
    after = started_before.home / "after"
    shell.until(lambda _: after.is_file() and after.stat().st_size > 0, "the prompt")
    assert after.read_text() == (started_before.home / "before").read_text()


def test_a_pipe_gets_no_first_look(started_before: Desk) -> None:
    shell = started_before.shell(*SIZE)
    shell.until_text("prompt>")
    shell.press(f"{PROGRAM} | cat\r")
    shell.until_text("needs a terminal")
    assert b"\x1b[?1049h" not in shell.raw
    assert "AAPL" not in shell.text
