"""A process that keeps a ledger, with what it tells to be durable."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

_STOP_LOOKS = 10_000


@dataclass(frozen=True)
class Told:
    """A write that had returned before the process ended."""

    seq: int
    fills: frozenset[str]
    reports: frozenset[str]
    run: int | None
    counts: tuple[int, ...]

    @classmethod
    def read(cls, line: str) -> "Told":
        said = json.loads(line)
        return cls(
            int(said["seq"]),
            frozenset(said.get("fills", ())),
            frozenset(said.get("reports", ())),
            said.get("run"),
            tuple(said.get("counts", ())),
        )


class Process:
    """One life of the program, and what it told."""

    def __init__(self, child: asyncio.subprocess.Process, pipe: asyncio.StreamReader) -> None:
        self.child = child
        self._pipe = pipe
        self.told: list[Told] = []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, environment: dict[str, str], folder: Path) -> "Process":
        reading, writing = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.simulation.telling_watch", str(writing)),
                env=environment,
                pass_fds=(writing,),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=(folder / "stderr.txt").open("ab"),
            )
        finally:
            os.close(writing)
        reader = asyncio.StreamReader(limit=2**24)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
        )
        return cls(child, reader)

    async def _read(self) -> None:
        # A last line without its end was not told.
        while (line := await self._pipe.readline()).endswith(b"\n"):
            self.told.append(Told.read(line.decode()))

    async def stop(self) -> None:
        """Hold it, and return once the kernel says that it stands."""
        self.child.send_signal(signal.SIGSTOP)
        for _ in range(_STOP_LOOKS):
            if _stands(self.child.pid):
                return
            await asyncio.sleep(0.001)
        raise TimeoutError("the process does not stop")

    def go_on(self) -> None:
        self.child.send_signal(signal.SIGCONT)

    async def kill(self) -> list[Told]:
        """End it for good; all that it had told."""
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        await self.child.wait()
        await self._reading
        return self.told


def _stands(pid: int) -> bool:
    """Whether the kernel has stopped a process; one that is gone stands, too."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] in "TZX"
