"""How the dashboard ends when something is wrong: the terminal whole, one line, an exit code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import PROGRAM, Gateway, Home

pytestmark = pytest.mark.tty

CRASHING = """
import sys
from possync_tui.tui.app import PossyncApp
def fail(self): raise RuntimeError("a bug about DU1000001")
PossyncApp.action_sync_now = fail
from possync_tui.cli import main
sys.exit(main(sys.argv[1:]))
"""


def in_terminal(home: Home, program: str, *arguments: str) -> "pexpect.spawn[bytes]":
    return pexpect.spawn(
        program,
        list(arguments),
        cwd=str(home.folder),
        env={**home.environ, "TERM": "xterm-256color"},
        dimensions=(30, 120),
        timeout=30,
    )


def after_the_screen(child: "pexpect.spawn[bytes]") -> str:
    """What stands on the terminal once the dashboard has gone."""
    child.expect(pexpect.EOF)
    child.close()
    painted = child.before or b""
    return bytes(painted.rpartition(b"\x1b[?1049l")[2]).decode()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def packet(kind: bytes, payload: bytes) -> bytes:
    """As Textual's driver for browsers writes and reads them."""
    return kind + len(payload).to_bytes(4, "big") + payload


def test_it_draws_for_a_browser_over_pipes(home: Home, closed_port: str) -> None:
    """The way in which textual-serve starts it."""
    driver = {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}
    size = {"COLUMNS": "140", "ROWS": "40"}
    process = subprocess.Popen(
        [PROGRAM, "--port", closed_port],
        cwd=home.folder,
        env={**home.environ, **driver, **size},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"__GANGLION__\n"
        drawn = b""
        while b"Sync log" not in drawn:
            kind, length = process.stdout.read(1), process.stdout.read(4)
            assert kind in (b"D", b"M")
            drawn += process.stdout.read(int.from_bytes(length, "big"))
        process.stdin.write(packet(b"M", b'{"type": "quit"}'))
        process.stdin.flush()
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()


def test_a_bug_in_a_screen_is_one_line_and_a_traceback_in_the_log(
    home: Home, gateway: Gateway
) -> None:
    script = home.folder / "crashing.py"
    script.write_text(CRASHING)
    child = in_terminal(home, sys.executable, str(script), "--port", gateway.port)
    child.expect(b"connected")
    child.send(b"s")
    left = after_the_screen(child)
    assert child.exitstatus == 1
    assert "Traceback" not in left
    assert "RuntimeError" not in left
    assert f"possync-tui: the dashboard failed unexpectedly; see {home.log}" in left
    assert "RuntimeError: a bug about DU1000001" in home.log.read_text()
    assert home.run("sync", "--port", gateway.port).code == 0, "the ledger was closed"


def test_a_ledger_of_another_environment(home: Home, gateway: Gateway) -> None:
    assert home.run("sync", "--port", gateway.port).code == 0
    child = in_terminal(home, str(PROGRAM), "demo", "--ledger", str(home.ledger))
    left = after_the_screen(child)
    assert child.exitstatus == 5
    assert left.count("possync-tui: ") == 1
    assert "paper" in left
    assert "Traceback" not in left


def test_a_ledger_that_cannot_be_used(home: Home, gateway: Gateway) -> None:
    home.ledger.parent.mkdir(parents=True)
    home.ledger.write_text("a shopping list, longer than the head of a database file" * 4)
    child = in_terminal(home, str(PROGRAM), "--port", gateway.port)
    left = after_the_screen(child)
    assert child.exitstatus == 5
    assert left.count("possync-tui: ") == 1
    assert "is not a ledger" in left
    assert "Traceback" not in left


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_the_simulated_tws_ends_with_a_dashboard_that_is_killed(home: Home) -> None:
    child = in_terminal(home, str(PROGRAM), "demo")
    child.expect(b"connected")
    (gateway_id,) = _children(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    child.close(force=True)
    until(lambda: not Path(f"/proc/{gateway_id}").exists())


def _children(parent: int) -> list[int]:
    threads = Path(f"/proc/{parent}/task").iterdir()
    return [int(word) for t in threads for word in (t / "children").read_text().split()]
