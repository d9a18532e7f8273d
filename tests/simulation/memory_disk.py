"""The machine that the program runs on: its disk can fail, be full, be locked, or stop for good.

Writes fail where the kernel refuses them, in the middle of a page if it comes to that: the size of
a file is limited while SQLite works (RLIMIT_FSIZE), so that what SQLite meets is a real I/O error.

SQLite is real and so is the file. Only aiosqlite's threads are gone: their work runs on the
virtual loop, a chosen time later, so that the order of events is the same on each run.
"""

import asyncio
import resource
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

Job = tuple["asyncio.Future[Any] | None", Callable[[], Any]]

_OPS = 37
"""SQLite instructions between two looks of the progress handler; prime, so that it drifts."""


class Machine:
    """Where one life of the program runs, from its start to its end or its death."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.is_dead = False
        self.slowness = 0.0
        self.databases: list[sqlite3.Connection] = []
        self._abort_after: int | None = None
        self._on_abort: Callable[[], None] = lambda: None
        self._blocker: sqlite3.Connection | None = None
        self._largest_file: int | None = None
        self.jobs_done = 0

    # --- faults ------------------------------------------------------------------------------

    def fail_soon(self, then: Callable[[], None] = lambda: None) -> None:
        """Interrupt SQLite after a random number of its instructions, in whatever it does then."""
        self._abort_after = self.rng.choice((1, 3, 10, 30, 100, 300, 1000))
        self._on_abort = then

    def break_writes(self, path: Path) -> None:
        """Nothing is written to a file behind a certain byte of it: an I/O error, half-way."""
        wal = path.with_name(path.name + "-wal")
        size = wal.stat().st_size if wal.exists() else 0
        self._largest_file = size + self.rng.choice((0, 1, 24, 100, 4096, 5000, 20_000))

    @contextmanager
    def writes_limited(self) -> Iterator[None]:
        if self._largest_file is None:
            yield
            return
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._largest_file, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def lock(self, path: Path) -> None:
        """Another program holds the write lock: every write fails until `unlock`."""
        if self._blocker is None:
            self._blocker = sqlite3.connect(path, timeout=0, isolation_level=None)
            try:
                self._blocker.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                self.unlock()

    def unlock(self) -> None:
        if self._blocker is not None:
            self._blocker.close()
            self._blocker = None

    def fill_up(self) -> None:
        """No page more: what needs one gets SQLITE_FULL."""
        for database in self.databases:
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            database.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        for database in self.databases:
            database.execute("PRAGMA max_page_count = 1073741823")

    def mend(self) -> None:
        """End all faults."""
        self._abort_after = self._largest_file = None
        self.slowness = 0.0
        self.unlock()
        if not self.is_dead:
            self.make_room()

    def die(self) -> None:
        """From here on nothing of this life runs or is written any more."""
        self.is_dead = True
        self.lift_limit()
        self.unlock()

    def lift_limit(self) -> None:
        """Also within a write: what copies the disk of a killed program is not the program."""
        if self._largest_file is not None:
            self._largest_file = None
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    # --- aiosqlite ---------------------------------------------------------------------------

    def admit(self, result: object) -> None:
        if isinstance(result, sqlite3.Connection):
            result.execute("PRAGMA busy_timeout = 0")
            result.set_progress_handler(self._tick, _OPS)
            self.databases.append(result)

    def _tick(self) -> int:
        if self._abort_after is None:
            return 0
        self._abort_after -= 1
        if self._abort_after > 0:
            return 0
        self._abort_after = None
        self._on_abort()
        return 1


@contextmanager
def without_threads(machine: Callable[[], Machine]) -> Iterator[None]:
    """aiosqlite on the virtual loop; connections belong to the machine of their opening."""

    def queue() -> _Queue:
        return _Queue(machine())

    with (
        mock.patch("aiosqlite.core.SimpleQueue", queue),
        mock.patch("aiosqlite.core.Thread", _NoThread),
    ):
        yield


class _NoThread:
    def __init__(self, **_: object) -> None: ...

    def start(self) -> None: ...


class _Queue:
    """Work for one connection, in order."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._jobs: deque[Job] = deque()
        self._is_running = False

    def put_nowait(self, job: Job) -> None:
        if self._machine.is_dead:
            return
        self._jobs.append(job)
        if not self._is_running:
            self._is_running = True
            self._next()

    def _next(self) -> None:
        delay = 0.0002 + self._machine.slowness * self._machine.rng.random()
        asyncio.get_running_loop().call_later(delay, self._run)

    def _run(self) -> None:
        if self._machine.is_dead:
            return
        future, function = self._jobs.popleft()
        self._machine.jobs_done += 1
        try:
            with self._machine.writes_limited():
                result = function()
            self._machine.admit(result)
        except BaseException as error:  # noqa: BLE001 - as aiosqlite's thread does
            self._answer(future, error=error)
        else:
            self._answer(future, result)
        if self._jobs:
            self._next()
        else:
            self._is_running = False

    def _answer(
        self,
        future: "asyncio.Future[Any] | None",
        result: object = None,
        *,
        error: BaseException | None = None,
    ) -> None:
        """Nobody hears of what was done while the program was killed."""
        if self._machine.is_dead or future is None or future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)


def copy_as_a_crash_would(ledger: Path, to: Path) -> None:
    """What the disk holds at this instant, without the shared memory that a crash loses."""
    for suffix in ("", "-wal"):
        source = ledger.with_name(ledger.name + suffix)
        if source.exists():
            shutil.copyfile(source, to.with_name(to.name + suffix))
