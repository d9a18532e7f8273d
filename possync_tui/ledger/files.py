"""The ledger as a file: whose it is, who may read it, how it comes into being.

Every look at a file that may not be ours only reads: what is refused stays as it was, byte by byte.
"""

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from enum import Enum, auto
from pathlib import Path
from urllib.parse import quote

from possync_tui.domain.terms import CostMethod
from possync_tui.ledger.port import LedgerMissing, LedgerUnusable
from possync_tui.ledger.schema import APPLICATION_ID, Migration, migrate, newest, version_of

BUSY_SECONDS = 5.0
"""How long a statement waits for a lock that another program holds on the file."""

OWNER_ONLY = 0o600
CHECKED_IN_FULL = 8 * 1024 * 1024
"""Bytes up to which opening reads the whole file for damage: some 20 ms."""

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100


class Found(Enum):
    """What is at the ledger's path, where it is usable."""

    NOTHING = auto()
    OURS = auto()


def look_at(path: Path, steps: Sequence[Migration]) -> Found:
    """Judge the file by its first bytes. Raises `LedgerUnusable`."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Found.NOTHING
    except OSError as error:
        raise LedgerUnusable(f"The ledger {path} cannot be reached: {error.strerror}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise LedgerUnusable(f"The ledger {path} is a folder: name a file in it instead.")
    if not stat.S_ISREG(status.st_mode):
        raise LedgerUnusable(f"The ledger {path} is not a regular file: name another one.")
    if status.st_size == 0:
        return Found.NOTHING
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as error:
        raise LedgerUnusable(f"The ledger {path} cannot be read: {error.strerror}.") from error
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise LedgerUnusable(f"{path} is not a ledger (not an SQLite file): name another file.")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise LedgerUnusable(f"{path} is the SQLite file of another program: name another file.")
    refuse_newer(path, int.from_bytes(header[60:64], "big"), steps)
    return Found.OURS


def refuse_newer(path: Path, version: int, steps: Sequence[Migration]) -> None:
    """Raise `LedgerUnusable` for a version that this program does not know."""
    if version > newest(steps):
        raise LedgerUnusable(
            f"The ledger {path} is of version {version}, this program knows {newest(steps)}: "
            "update possync-tui."
        )


def make_folder(folder: Path) -> None:
    """Create what is missing of `folder`, for its owner only. Raises `LedgerUnusable`."""
    missing = [part for part in (folder, *folder.parents) if not part.is_dir()]
    try:
        for part in reversed(missing):
            part.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LedgerUnusable(f"The folder {folder} cannot be made: {error.strerror}.") from error


def create(path: Path, steps: Sequence[Migration], cost_method: CostMethod, now: str) -> None:
    """Make an empty ledger, beside its place first: at `path` it is whole or not there at all.

    The caller holds the writer lock. Raises `LedgerUnusable`, `OSError` or `sqlite3.Error`.
    """
    wal = beside(path, "-wal")
    if wal.exists() and wal.stat().st_size:
        # SQLite would play the old log back into the new file.
        raise LedgerUnusable(
            f"The ledger {path} is gone but its log {wal.name} is still there: put the ledger back "
            "or move the log away."
        )
    for suffix in ("-wal", "-shm", "-journal"):
        beside(path, suffix).unlink(missing_ok=True)
    # Only here: readers of a ledger need no rules, and those take a while to load.
    from possync_tui.domain.life import RULES

    fresh = beside(path, ".new")
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside(fresh, suffix).unlink(missing_ok=True)
    touch_private(fresh)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        migrate(db, steps)
        db.executemany(
            "INSERT INTO meta (name, value) VALUES (?, ?)",
            [("cost_method", cost_method.value), ("created_at", now), ("rules", str(RULES))],
        )
        db.execute("PRAGMA journal_mode = WAL")
    os.replace(fresh, path)
    sync_folder(path.parent)


def check(path: Path, db: sqlite3.Connection, steps: Sequence[Migration]) -> int:
    """Whether an open connection reads a ledger of ours, undamaged; return its version.

    The first bytes may be older than what the log has, so this asks SQLite. Raises
    `LedgerUnusable`.
    """
    try:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        version = version_of(db)
        if application != APPLICATION_ID:
            raise LedgerUnusable(f"{path} is another program's file: name another file.")
        refuse_newer(path, version, steps)
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        db.execute("SELECT value FROM meta").fetchall()
        if path.stat().st_size <= CHECKED_IN_FULL:
            (finding,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if finding != "ok":
                raise damaged(path, finding)
    except sqlite3.OperationalError as error:
        if "malformed" not in str(error) and "no such table" not in str(error):
            raise LedgerUnusable(f"The ledger {path} cannot be read: {error}.") from error
        raise damaged(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from error
    return version


def damaged(path: Path, finding: str) -> LedgerUnusable:
    first = finding.splitlines()[0] if finding else "unreadable"
    return LedgerUnusable(
        f"The ledger {path} is damaged ({first}): put a backup in its place, or move it away to "
        "start a new one."
    )


def check_untouched(path: Path, steps: Sequence[Migration]) -> int:
    """`check` without leaving a trace beside the file. The caller holds the writer lock."""
    wal = beside(path, "-wal")
    has_log = wal.exists() and wal.stat().st_size > 0
    # Without a log nobody is writing, and `immutable` reads without making one.
    options = "mode=ro" if has_log else "mode=ro&immutable=1"
    with closing(_connect(path, options)) as db:
        return check(path, db, steps)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor create. Raises `sqlite3.Error`."""
    db = _connect(path, "mode=ro")
    db.execute("PRAGMA query_only = ON")
    return db


def connect_to_write(path: Path) -> sqlite3.Connection:
    """A connection to an existing ledger, every commit on the disk before it returns."""
    db = _connect(path, "mode=rw")
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        db.close()
        raise
    return db


def keep_private(path: Path) -> None:
    """Take back what others may do with an existing ledger: it holds account numbers."""
    for file in (path, *(beside(path, end) for end in ("-wal", "-shm", ".lock"))):
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            file.chmod(OWNER_ONLY)


def touch_private(path: Path) -> None:
    """Create an empty file that was never open to others. Raises `OSError` where it exists."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))


def require(path: Path, found: Found) -> None:
    """Raise `LedgerMissing` where there is nothing to read."""
    if found is Found.NOTHING:
        raise LedgerMissing(
            f"There is no ledger at {path} yet: run a sync first, or check the path."
        )


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _connect(path: Path, options: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"file:{quote(path.as_posix())}?{options}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
    )
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
