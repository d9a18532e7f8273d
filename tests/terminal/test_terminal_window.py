"""The window around the dashboard: pulled larger and smaller, stopped and taken up again."""

import os
import signal
import socket
import termios

import pytest

from .conftest import PROGRAM, Desk, Terminal

pytestmark = pytest.mark.tty


@pytest.fixture(autouse=True)
def soon(desk: Desk) -> None:
    """The first sync does not wait."""
    desk.env["POSITION_SYNC_INITIAL_DELAY"] = "0.2"


def fills_the_window(terminal: Terminal, columns: int, lines: int) -> bool:
    """The header is at the top, the keys are on the last line, and both are as wide as it is."""
    shown = terminal.screen.display
    return (
        len(shown) == lines
        and "connected" in shown[0]
        and shown[0].rstrip()[-20:].strip() != ""
        and len(shown[0].rstrip()) >= columns - 3
        and "Quit" in shown[-1]
    )


def test_a_window_that_is_pulled_at_is_filled_again(desk: Desk) -> None:
    desk.use(desk.gateway())
    screen = desk.terminal(columns=140, lines=40)
    screen.until_text("AAPL")
    screen.until(lambda _: fills_the_window(screen, 140, 40), "a full window")
    for size in ((80, 24), (200, 60), (61, 16), (120, 30)):
        screen.resize(*size)
        screen.until(lambda _: fills_the_window(screen, *screen.size), f"a window of {size}")
        assert screen.size == size
        assert "AAPL" in screen.text
    screen.press("q")
    assert screen.ended() == 0
    assert screen.is_restored()


def test_a_window_that_is_too_small_says_so_and_recovers(desk: Desk) -> None:
    desk.use(desk.gateway())
    screen = desk.terminal(columns=100, lines=30)
    screen.until_text("AAPL")
    screen.resize(44, 10)
    screen.until_text("60 × 15")
    assert "AAPL" not in screen.text
    screen.press("s")
    screen.resize(100, 30)
    screen.until(lambda text: "AAPL" in text and "manual" in text, "the dashboard, synced")
    screen.resize(10, 3)
    screen.until(lambda text: "AAPL" not in text, "next to nothing")
    screen.press("q")
    assert screen.ended() == 0
    assert screen.is_restored()


@pytest.mark.parametrize("size", [(0, 0), (80, 0), (0, 24)])
def test_a_terminal_that_does_not_know_its_size_has_the_usual_one(
    desk: Desk, size: tuple[int, int]
) -> None:
    """A serial console, `docker exec -t` and `ssh -tt` give none."""
    desk.use(desk.gateway())
    screen = desk.shell(columns=80, lines=24)
    screen.until_text("prompt>")
    screen.child.setwinsize(size[1], size[0])
    screen.press(f"unset COLUMNS LINES; exec {PROGRAM}\n")
    screen.until(lambda _: fills_the_window(screen, 80, 24), "a full window")
    screen.resize(100, 30)
    screen.until(lambda _: fills_the_window(screen, 100, 30), "a full window")
    screen.screen.resize(24, 80)
    screen.child.setwinsize(size[1] and 24, size[0] and 80)
    screen.until(lambda _: fills_the_window(screen, 80, 24), "a full window again")
    os.kill(screen.child.pid, signal.SIGTERM)
    assert screen.ended() == 143
    assert screen.is_restored()


def test_ctrl_z_gives_the_shell_its_terminal_and_fg_comes_back(desk: Desk) -> None:
    """Three times over: each return starts readers anew, and none may stay behind."""
    desk.use(desk.gateway())
    screen = desk.shell()
    screen.until_text("prompt>")
    before = termios.tcgetattr(screen.child.child_fd)[:4]
    screen.press(f"{PROGRAM}\n")
    screen.until_text("AAPL")
    for turn in range(3):
        mark = len(screen.raw)
        screen.press("\x1a")
        screen.until_written("prompt>", mark)
        assert b"Stopped" in screen.raw[mark:]
        assert screen.is_restored()
        assert termios.tcgetattr(screen.child.child_fd)[:4] == before
        # The shell has the keyboard to itself: nothing of it goes to the dashboard.
        screen.press(f"echo turn-{turn}-$((6*7))\n")
        screen.until_text(f"turn-{turn}-42")
        mark = len(screen.raw)
        screen.press("fg\n")
        screen.until_written("AAPL", mark)
        screen.until_written("Quit", mark)
        # What has no reason to change is painted again, too.
        for title in ("Positions", "Symbol", "Sync log"):
            screen.until_written(title, mark)
        screen.press("?")
        screen.until_text("Keys and symbols")
        screen.press("\x1b")
        screen.until(lambda text: "Keys and symbols" not in text, "no help")
    mark = len(screen.raw)
    screen.press("q")
    screen.until_written("prompt>", mark)
    assert screen.is_restored()
    screen.press("echo code-$?\n")
    screen.until_written("code-0", mark)


def test_a_window_that_changed_while_stopped_is_filled(desk: Desk) -> None:
    desk.use(desk.gateway())
    screen = desk.shell(columns=140, lines=40)
    screen.until_text("prompt>")
    screen.press(f"{PROGRAM}\n")
    screen.until_text("AAPL")
    mark = len(screen.raw)
    screen.press("\x1a")
    screen.until_written("Stopped", mark)
    screen.resize(90, 26)
    screen.press("fg\n")
    screen.until(lambda _: fills_the_window(screen, 90, 26), "a full window")
    mark = len(screen.raw)
    screen.press("q")
    screen.until_written("prompt>", mark)


def test_the_first_minute_finds_nothing_and_starts_the_demo(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    desk.env["IBKR_PORT"] = str(port)
    screen = desk.terminal(columns=80, lines=24)
    screen.until_text("Find TWS")
    screen.until_text("Read-Only API")
    assert str(port) in screen.text
    screen.press("D")
    screen.until(lambda text: "DEMO" in text and "AAPL" in text, "the demo")
    assert not desk.ledger.exists()
    os.kill(screen.child.pid, signal.SIGTERM)
    assert screen.ended() == 143
    assert screen.is_restored()


def test_the_first_minute_ends_when_tws_comes(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    desk.env |= {"IBKR_PORT": str(port), "POSSYNC_LEDGER": str(desk.ledger)}
    screen = desk.terminal()
    screen.until_text("Find TWS")
    desk.gateway("--port", str(port))
    screen.press("R")
    screen.until(lambda text: "AAPL" in text and "Usually" not in text, "the positions")
    screen.press("q")
    assert screen.ended() == 0
