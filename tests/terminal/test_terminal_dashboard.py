"""The dashboard in a real terminal, from the first frame to the shell's prompt."""

import os
import signal
import sqlite3
import termios
import time

import pytest

from .conftest import PATIENCE, Desk, Terminal

pytestmark = pytest.mark.tty


def synced(terminal: Terminal) -> None:
    terminal.until_text("AAPL")
    terminal.until_text("synced")


def test_the_demo_from_start_to_quit(desk: Desk) -> None:
    screen = desk.terminal("demo", "--seed", "3")
    synced(screen)
    for title in ("Positions", "Sync stats", "Connection", "Sync log", "DEMO", "connected"):
        assert title in screen.text
    ledger = next(desk.home.rglob("demo*.sqlite3"))

    def runs() -> int:
        with sqlite3.connect(ledger) as db:
            return int(db.execute("SELECT count(*) FROM sync_runs").fetchone()[0])

    before = runs()
    screen.press("s")
    screen.until_text("manual")
    assert runs() > before

    screen.press("m")
    screen.until_text("arm", 10)
    assert "ARMED" not in screen.text.splitlines()[0]
    screen.press("y")
    screen.until(lambda text: "ARMED" in text.splitlines()[0], "the badge")
    screen.press("m")
    screen.until(lambda text: "ARMED" not in text.splitlines()[0], "no badge")

    screen.press("p")
    screen.until_text("Realized P&L")
    screen.until_text("ESTIMATED")
    screen.press("\x1b")
    screen.until_text("Sync stats")

    screen.press("q")
    assert screen.ended() == 0
    assert screen.is_restored()


def test_positions_move_by_themselves(desk: Desk) -> None:
    screen = desk.terminal("demo", "--seed", "3")
    synced(screen)
    screen.until(lambda text: "▲" in text or "▼" in text, "a live value")
    first = screen.text
    screen.until(lambda text: text != first and "AAPL" in text, "a tick")
    screen.press("q")
    assert screen.ended() == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_restores_the_terminal(desk: Desk, number: signal.Signals, code: int) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    screen = desk.terminal()
    screen.until_text("AAPL")
    os.kill(screen.child.pid, number)
    assert screen.ended() == code
    assert screen.is_restored()
    assert "Traceback" not in screen.text
    assert desk.run("verify").returncode == 0


def test_a_closed_terminal_ends_the_program_cleanly(desk: Desk) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    screen = desk.terminal()
    screen.until_text("AAPL")
    # As an emulator's window does: the terminal is gone, and the kernel sends SIGHUP.
    screen.child.ptyproc.fileobj.close()
    deadline = time.monotonic() + PATIENCE
    while screen.child.isalive():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = desk.run("sync")
    assert done.returncode == 0, done.stderr
    assert desk.run("verify").returncode == 0


def test_the_gateway_going_away_is_said_and_the_ledger_stays(desk: Desk) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    screen = desk.terminal()
    screen.until_text("AAPL")
    gateway.stop()
    screen.until_text("reconnecting")
    assert "AAPL" in screen.text
    screen.press("q")
    assert screen.ended() == 0
    assert "Traceback" not in screen.text


def test_nothing_listening_shows_the_ledger_with_its_age(desk: Desk) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    assert desk.run("sync").returncode == 0
    gateway.stop()
    screen = desk.terminal()
    screen.until_text("AAPL")
    screen.until_text("reconnecting")
    assert "synced" in screen.text.splitlines()[0]
    screen.press("q")
    assert screen.ended() == 0


def test_a_second_instance_opens_read_only_and_says_so(desk: Desk) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    first = desk.terminal()
    first.until_text("AAPL")
    second = desk.terminal()
    second.until(lambda text: "READ" in text.upper() and "AAPL" in text, "read-only and the book")
    second.press("q")
    assert second.ended() == 0
    assert desk.run("sync").returncode == 5
    follower = desk.terminal(columns=140, lines=40)
    follower.until_text("follows the ledger")
    first.press("q")
    assert first.ended() == 0
    follower.until_text("nobody syncs this ledger now")
    follower.until_text("quits; start again")
    assert desk.run("sync").returncode == 0
    third = desk.terminal()
    third.until_text("connected")
    follower.until_text("follows the ledger")
    for screen in (third, follower):
        screen.press("q")
        assert screen.ended() == 0


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 60)])
def test_other_sizes(desk: Desk, columns: int, lines: int) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    screen = desk.terminal(columns=columns, lines=lines)
    screen.until_text("AAPL")
    for row in screen.text.splitlines():
        assert len(row.rstrip()) <= columns
    screen.press("q")
    assert screen.ended() == 0


def test_hostile_names_do_not_reach_the_terminal(desk: Desk) -> None:
    gateway = desk.gateway()
    desk.use(gateway)
    gateway.command(
        do="fault", kind="hostile_text", field="symbol", text="\x1b]0;owned\x07[red]x[/red]"
    )
    screen = desk.terminal()
    screen.until_text("[red]x[/red]")
    assert b"\x1b]0;owned" not in screen.raw
    screen.press("q")
    assert screen.ended() == 0


def test_a_stop_from_outside_leaves_keys_and_terminal_in_order(desk: Desk) -> None:
    """SIGCONT without a suspend: a second reader would take keys, and raw mode would stay."""
    gateway = desk.gateway()
    desk.use(gateway)
    screen = desk.terminal()
    screen.until_text("AAPL")
    before = termios.tcgetattr(screen.child.child_fd)
    for _ in range(3):
        os.kill(screen.child.pid, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(screen.child.pid, signal.SIGCONT)
        time.sleep(0.5)
        screen.read()
    assert termios.tcgetattr(screen.child.child_fd) == before
    screen.press("?")
    screen.until_text("Sync now")
    screen.press("\x1b")
    screen.until(lambda text: "Keys and symbols" not in text, "the dashboard again")
    screen.press("q")
    assert screen.ended() == 0
    assert screen.is_restored()
    assert termios.tcgetattr(screen.child.child_fd)[3] & termios.ECHO
