"""Where benchmarks run the program: a home of its own, a simulated TWS, a ledger that is filled."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(sys.executable).with_name("possync-tui"))
POSITIONS = 1_000
ACCOUNT = "DU1000001"
_HEAD = f"""
[options]
trade_interval = "off"
tick_interval = 0
account_period = 3600
pnl_period = 3600
[[accounts]]
code = "{ACCOUNT}"
cash = {{ USD = 100000 }}
"""
_POSITION = """
[[positions]]
account = "{account}"
con_id = {con_id}
symbol = "{symbol}"
sec_type = "STK"
currency = "USD"
quantity = {quantity}
average_cost = {cost}
price = {price}
"""


def symbol(number: int) -> str:
    return f"ZQ{number:05d}"


def scenario(positions: int, head: str = _HEAD) -> str:
    """A desk that holds so many stocks and does nothing by itself."""
    return head + "".join(
        _POSITION.format(
            account=ACCOUNT,
            con_id=100_000 + number,
            symbol=symbol(number),
            quantity=100 + number % 7 * 25,
            cost=f"{20 + number % 300}.37",
            price=f"{21 + number % 300}.12",
        )
        for number in range(positions)
    )


class Place:
    """A home with a gateway of so many positions, and a ledger that has them; made when used."""

    def __init__(self, positions: int = POSITIONS, head: str = _HEAD) -> None:
        self._positions = positions
        self._head = head

    @cached_property
    def home(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="possync-benchmark-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def port(self) -> int:
        """Of the gateway, which ends with this program."""
        file = self.home / "scenario.toml"
        file.write_text(scenario(self._positions, self._head), encoding="utf-8")
        process = subprocess.Popen(
            [PROGRAM, "gateway", "--port", "0", "--json", "--scenario", str(file)],
            env=self._bare_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(process.kill)
        assert process.stdout is not None
        return int(json.loads(process.stdout.readline())["port"])

    @cached_property
    def ledger(self) -> Path:
        """A ledger with all positions, as one sync left it."""
        path = self.home / "filled.sqlite3"
        self._sync(path)
        return path

    def fresh_ledger(self) -> Path:
        """The path of a ledger that is not there yet."""
        path = self.home / "fresh.sqlite3"
        for suffix in ("", "-wal", "-shm", ".lock"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return path

    def environment(self, ledger: Path, **more: str) -> dict[str, str]:
        """That of a user who has set up no more than the port and the ledger."""
        return {
            **self._bare_environment,
            "IBKR_PORT": str(self.port),
            "POSSYNC_LEDGER": str(ledger),
            **more,
        }

    @cached_property
    def _bare_environment(self) -> dict[str, str]:
        # Python's own switches too: without its compiled files every start would compile.
        ours = ("POSITION_SYNC_", "IBKR_", "POSSYNC_", "XDG_", "TEXTUAL", "PYTHON", "COLUMNS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **kept,
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }

    def _sync(self, ledger: Path) -> None:
        subprocess.run(
            [PROGRAM, "sync"],
            env=self.environment(ledger),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
