"""One aiosqlite connection on which whole functions run, and its errors in the user's words."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import aiosqlite

from possync_tui.ledger.at_rest import BadRecord
from possync_tui.ledger.files import damaged
from possync_tui.ledger.port import LedgerError, LedgerUnusable, LedgerWriteFailed

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_log = logging.getLogger(__name__)


class Connection(aiosqlite.Connection):
    """aiosqlite, with one thing added: a function that has the connection to itself.

    aiosqlite's own calls each run one statement on its thread, with an await between them. A
    transaction made of those can be cancelled between two statements and stay open. Here all of it,
    BEGIN to COMMIT or ROLLBACK, is one function on that thread: it cannot be interrupted half-way,
    and nothing else on this connection comes in between. aiosqlite has no public name for this;
    `_execute` is what every public method of it is made of, and the tests pin its behaviour.
    """

    def __init__(self, path: Path, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._path = path
        self._unfinished: set[asyncio.Task[object]] = set()

    @classmethod
    async def open(cls, path: Path, connector: Callable[[], sqlite3.Connection]) -> "Connection":
        """Connect on a thread of its own; raises what `connector` raises."""
        task = asyncio.ensure_future(cls._open(path, connector))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # One that did not open has nothing to close.
            with suppress(LedgerError):
                await (await task).finish()
            raise

    @classmethod
    async def _open(cls, path: Path, connector: Callable[[], sqlite3.Connection]) -> "Connection":
        # aiosqlite does not wait for its thread when connecting fails, and a thread that outlives
        # the event loop ends in a traceback. So connecting never fails; a failure is kept for us.
        failures: list[BaseException] = []

        def connect() -> sqlite3.Connection:
            try:
                return connector()
            except Exception as error:  # noqa: BLE001 (raised again below)
                failures.append(error)
                return sqlite3.connect(":memory:")

        connection = cls(path, connect)
        await connection
        for failure in failures:
            await connection.close()
            raise failure
        return connection

    async def read(self, work: Work[T]) -> T:
        """Run `work` in one read transaction: all its queries see the same state.

        Raises `LedgerUnusable`.
        """
        with _translated(self._path, writing=False):
            return await self._run(lambda db: _reading(db, work))

    async def write(
        self, work: Work[T], kept: Callable[[T], None], ended: Callable[[bool], None]
    ) -> T:
        """Run `work` as one transaction; nothing of it stays if it raises.

        `kept` is told the result once it is on the disk; before that, and before anything else runs
        on the connection, `ended` is told on its thread whether it was committed. A cancelled
        caller leaves all that to finish by itself: it is committed or rolled back either way.
        Raises `LedgerWriteFailed` or `LedgerUnusable`.
        """
        task = asyncio.ensure_future(self._write(work, kept, ended))
        tracked = cast("asyncio.Task[object]", task)
        self._unfinished.add(tracked)
        task.add_done_callback(lambda _: self._unfinished.discard(tracked))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_orphan)
            raise

    async def finish(self) -> None:
        """Wait for what was begun, then close. May be called again."""
        while self._unfinished:
            await asyncio.wait(self._unfinished)
        if self._connection is not None:
            with _translated(self._path, writing=False):
                await self.close()

    async def _write(
        self, work: Work[T], kept: Callable[[T], None], ended: Callable[[bool], None]
    ) -> T:
        with _translated(self._path, writing=True):
            result = await self._run(lambda db: _writing(db, work, ended))
        kept(result)
        return result

    async def _run(self, work: Work[T]) -> T:
        database = self._connection
        if database is None or not self._running:
            raise LedgerUnusable(f"The ledger {self._path} is closed.")
        execute = cast("Callable[..., asyncio.Future[T]]", self._execute)
        return await execute(_ending(work), database)


def _ending(work: Work[T]) -> Work[T]:
    """The same with a bug that no future takes as another one: who waited for it would for ever."""

    def run(db: sqlite3.Connection) -> T:
        try:
            return work(db)
        except StopIteration as bug:
            raise RuntimeError("nothing was there where something had to be") from bug

    return run


def _begin(db: sqlite3.Connection, how: str) -> None:
    """Begin a transaction, also where the end of the one before has failed (an I/O error)."""
    if db.in_transaction:
        db.execute("ROLLBACK")
    db.execute(how)


def _reading(db: sqlite3.Connection, work: Work[T]) -> T:
    _begin(db, "BEGIN")
    try:
        return work(db)
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _writing(db: sqlite3.Connection, work: Work[T], ended: Callable[[bool], None]) -> T:
    is_committed = False
    try:
        _begin(db, "BEGIN IMMEDIATE")
        try:
            result = work(db)
            db.execute("COMMIT")
            is_committed = True
        except BaseException:
            # After some errors (disk full, I/O) SQLite has rolled back by itself.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    finally:
        ended(is_committed)
    return result


@contextmanager
def _translated(path: Path, *, writing: bool) -> Iterator[None]:
    """No sqlite error leaves this room raw."""
    try:
        yield
    except LedgerError:
        raise
    except sqlite3.Error as error:
        raise translated(path, error, writing=writing) from error
    except BadRecord as error:
        raise damaged(path, str(error)) from error
    except (OverflowError, ValueError) as error:
        if not writing:
            raise
        raise LedgerWriteFailed(f"Nothing was written to {path}: {error}.") from error


def translated(path: Path, error: sqlite3.Error, *, writing: bool) -> LedgerError:
    """What an sqlite error means to the user."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    if writing:
        return LedgerWriteFailed(f"Nothing was written to {path}: {error}.")
    return LedgerUnusable(f"The ledger {path} cannot be read: {error}.")


def _log_orphan(task: "asyncio.Task[T]") -> None:
    """Nobody waits for this transaction any more: its failure is told in the log."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a ledger write failed after its caller had gone: %s", error)
