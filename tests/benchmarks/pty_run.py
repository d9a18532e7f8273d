"""A program in a real pseudo-terminal, and when it wrote what."""

import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fcntl import ioctl
from types import TracebackType

COLUMNS, LINES = 160, 50
PATIENCE = 60.0


class DidNotHappen(RuntimeError):
    """The program did not write what it was waited for."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run took: milliseconds of processor time, and MB of memory at most."""

    processor: float
    memory: float


class PtyRun:
    """One run, from exec on. Times are milliseconds since then."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self.written = b""
        self.began = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            try:
                # Inherited by the program: its size from the first moment.
                ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
                os.chdir(cwd)
                os.execvpe(command[0], list(command), dict(env))
            finally:
                os._exit(127)

    def __enter__(self) -> "PtyRun":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def now(self) -> float:
        return (time.perf_counter() - self.began) * 1000

    def press(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def until(self, *texts: bytes, after: int = 0, patience: float = PATIENCE) -> float:
        """Read until all of `texts` were written, `after` so many bytes; when that was."""
        deadline = time.perf_counter() + patience
        while not all(self.written.find(text, after) >= 0 for text in texts):
            left = deadline - time.perf_counter()
            if left <= 0 or not self._read(left):
                missing = [text for text in texts if self.written.find(text, after) < 0]
                raise DidNotHappen(f"{missing!r} was never written: {self.written[-600:]!r}")
        return self.now

    def read_for(self, seconds: float) -> None:
        """Take in what is written meanwhile: a terminal that nobody reads stops its program."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self._read(left)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return False
        try:
            found = os.read(self._terminal, 65536)
        except OSError:  # Linux says so where the other side was closed
            return False
        self.written += found
        return bool(found)

    def end(self) -> Spent:
        """Kill it where it still runs; what it took until now."""
        if self.pid == 0:
            return Spent(0, 0)
        pid, self.pid = self.pid, 0
        os.kill(pid, signal.SIGKILL)
        _, _, usage = os.wait4(pid, 0)
        os.close(self._terminal)
        return Spent((usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024)
