"""The installed program as a trader meets it: processes, real terminals, a gateway to talk to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

PROGRAM = str(Path(sys.executable).with_name("possync-tui"))
PATIENCE = 30.0


def clean_environment(home: Path) -> dict[str, str]:
    """An environment in which no setting of the machine can be seen."""
    ours = ("POSITION_SYNC_", "IBKR_", "POSSYNC_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}


@dataclass
class Gateway:
    """`possync-tui gateway` in a process of its own; commands go in by its standard input."""

    process: "subprocess.Popen[str]"
    port: int

    def command(self, **words: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer["ok"], answer
        return answer

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Terminal:
    """A program in a pseudo-terminal, with the screen that an emulator makes of its bytes."""

    def __init__(
        self,
        arguments: list[str],
        env: Mapping[str, str],
        cwd: Path,
        columns: int,
        lines: int,
        program: str = PROGRAM,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.child = pexpect.spawn(
            program,
            arguments,
            env={**env, "COLUMNS": str(columns), "LINES": str(lines)},
            cwd=str(cwd),
            dimensions=(lines, columns),
            timeout=PATIENCE,
            # As in a shell: what runs the tests in the background has it ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    @property
    def size(self) -> tuple[int, int]:
        return self.screen.columns, self.screen.lines

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def read(self, seconds: float = 0.05) -> None:
        """Take in what the program has painted."""
        try:
            data = self.child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            return
        self.raw += data
        self._stream.feed(data)

    def until(self, seen: Callable[[str], bool], what: str, patience: float = PATIENCE) -> None:
        """Read until the screen shows it."""
        deadline = time.monotonic() + patience
        while not seen(self.text):
            assert time.monotonic() < deadline, f"never saw {what}:\n{self.text}"
            assert self.child.isalive() or seen(self.text), f"ended before {what}:\n{self.text}"
            self.read()

    def until_text(self, text: str, patience: float = PATIENCE) -> None:
        self.until(lambda shown: text in shown, repr(text), patience)

    def until_written(self, text: str, after: int) -> None:
        """Read until the program wrote it, `after` so many bytes.

        The emulator has one screen only, on which the shell's lines and ours mix.
        """
        self.until(lambda _: self.raw.find(text.encode(), after) >= 0, f"{text!r} written")

    def press(self, keys: str) -> None:
        self.child.send(keys)

    def resize(self, columns: int, lines: int) -> None:
        """As a window does that is pulled at: the kernel sends SIGWINCH."""
        self.screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def ended(self) -> int:
        """Wait for the end; the exit code, or 128 + the signal."""
        deadline = time.monotonic() + PATIENCE
        while self.child.isalive():
            assert time.monotonic() < deadline, f"did not end:\n{self.text}"
            self.read()
        self.read(0.2)
        if self.child.signalstatus is not None:
            return 128 + int(self.child.signalstatus)
        return int(self.child.exitstatus or 0)

    def is_restored(self) -> bool:
        """Left the alternate screen, gave the cursor back, and switched the mouse off, last."""
        pairs = ((b"?1049h", b"?1049l"), (b"?25l", b"?25h"), (b"?1000h", b"?1000l"))
        return all(self.raw.rfind(off) > self.raw.rfind(on) >= 0 for on, off in pairs)

    def close(self) -> None:
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
        self.child.close(force=True)


@dataclass
class Desk:
    """A home of its own, with what a test starts in it."""

    home: Path
    env: dict[str, str]
    _running: list[Gateway | Terminal] = field(default_factory=list)

    @property
    def ledger(self) -> Path:
        return self.home / "ledger.sqlite3"

    def gateway(self, *arguments: str, quiet: bool = True) -> Gateway:
        """A gateway; `quiet` ones move only on command."""
        more = list(arguments)
        if quiet:
            scenario = self.home / "quiet.toml"
            scenario.write_text(QUIET)
            more += ["--scenario", str(scenario)]
        process = subprocess.Popen(
            [PROGRAM, "gateway", "--port", "0", "--json", *more],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["port"])
        gateway = Gateway(process, port)
        self._running.append(gateway)
        return gateway

    def use(self, gateway: Gateway) -> None:
        """Point every later command at this gateway and at one ledger."""
        self.env["IBKR_PORT"] = str(gateway.port)
        self.env["POSSYNC_LEDGER"] = str(self.ledger)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.env,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON as it comes
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout, parse_float=str, parse_int=str)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [PROGRAM, *arguments],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def terminal(self, *arguments: str, columns: int = 140, lines: int = 40) -> Terminal:
        terminal = Terminal(list(arguments), self.env, self.home, columns, lines)
        self._running.append(terminal)
        return terminal

    def shell(self, columns: int = 100, lines: int = 30) -> Terminal:
        """An interactive shell with job control, as the program is usually started from."""
        env = {**self.env, "PS1": "prompt> ", "BASH_SILENCE_DEPRECATION_WARNING": "1"}
        arguments = ["--noprofile", "--norc", "-i"]
        terminal = Terminal(arguments, env, self.home, columns, lines, program="bash")
        self._running.append(terminal)
        return terminal

    def close(self) -> None:
        for started in reversed(self._running):
            started.close() if isinstance(started, Terminal) else started.stop()


QUIET = """
[options]
trade_interval = "off"
tick_interval = 0

[[accounts]]
code = "DU1000001"
cash = { USD = 100000 }

[[positions]]
account = "DU1000001"
con_id = 265598
symbol = "AAPL"
sec_type = "STK"
currency = "USD"
quantity = 100
average_cost = 190.01
price = 200

[[positions]]
account = "DU1000001"
con_id = 272093
symbol = "MSFT"
sec_type = "STK"
currency = "USD"
quantity = -50
average_cost = 400.5
price = 410

[[positions]]
account = "DU1000001"
con_id = 76792991
symbol = "TSLA"
sec_type = "STK"
currency = "USD"
quantity = 12.5
average_cost = 250
price = 240
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = tmp_path / "home"
    home.mkdir()
    made = Desk(home, clean_environment(home))
    yield made
    made.close()
