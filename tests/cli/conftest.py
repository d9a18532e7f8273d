"""The real console script, in a home of its own, against the real simulated TWS."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from possync_tui.broker.requests import ALLOWED_REQUESTS
from possync_tui.settings import PREFIXES

PROGRAM = Path(sys.executable).with_name("possync-tui")
LONGEST = 60.0


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - this is the JSON edge
        return json.loads(self.out, parse_float=Decimal, parse_int=Decimal)

    def complaint(self, code: int) -> str:
        """The one line on stderr of a command that failed with `code`."""
        assert self.code == code, self
        assert "Traceback" not in self.err
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("possync-tui"), self.err
        return self.err


class Home:
    """A user's folders, and the program run in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(PREFIXES)}
        self.environ = {
            **kept,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "TZ": "UTC",
        }
        self.ledger = folder / "data" / "possync-tui" / "ledger.sqlite3"
        self.log = folder / "state" / "possync-tui" / "possync-tui.log"

    def run(self, *arguments: str, **environ: str) -> Ran:
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Gateway:
    """`possync-tui gateway` in another process, commanded over its standard input."""

    def __init__(self, home: Home, *arguments: str) -> None:
        self._process = home.start("gateway", "--port", "0", *arguments)
        self.port = self._line().rpartition(":")[2].strip()

    def do(self, **command: object) -> dict[str, Any]:
        """Give a command and wait until it is carried out; what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._line())
        assert reply["ok"], reply
        return reply

    def stop(self) -> int:
        asked = self.do(do="state")["requests"]
        assert set(asked) <= set(ALLOWED_REQUESTS.values()), "every test is one of the wire, too"
        self._process.send_signal(signal.SIGTERM)
        _, errors = self._process.communicate(timeout=LONGEST)
        assert not errors
        return self._process.returncode

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def gateway(home: Home) -> Iterator[Gateway]:
    """One whose desk does not move by itself."""
    scenario = home.folder / "desk.json"
    scenario.write_text(json.dumps(QUIET_DESK))
    running = Gateway(home, "--scenario", str(scenario))
    yield running
    running.stop()


@pytest.fixture
def closed_port() -> Iterator[str]:
    """Taken, so that nobody else listens there meanwhile; who connects is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield str(taken.getsockname()[1])


def _held(account: str, con_id: int, symbol: str, **more: object) -> dict[str, object]:
    usual = {"quantity": 100, "average_cost": "150.25", "price": "160.5"}
    return {"account": account, "con_id": con_id, "symbol": symbol, **usual, **more}


QUIET_DESK = {
    "options": {"tick_interval": 0, "trade_interval": "off"},
    "accounts": [{"code": "DU1000001"}, {"code": "DU1000002"}],
    "positions": [
        _held("DU1000001", 265598, "AAPL"),
        _held("DU1000001", 76792991, "TSLA", quantity=-40, average_cost="249.1"),
        _held("DU1000001", 272093, "MSFT", quantity=10, average_cost="402.55"),
        _held("DU1000001", 208813719, "GOOGL", quantity=3),
        _held("DU1000002", 14204, "SAP", currency="EUR", quantity="0.3333"),
    ],
}
