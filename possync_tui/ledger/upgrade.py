"""A ledger of an older release: kept as it is in a copy, then brought up whole or not at all."""

import filecmp
import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from possync_tui.ledger.files import beside, sync_folder, touch_private
from possync_tui.ledger.journal import Line, write_lines
from possync_tui.ledger.port import LedgerUnusable
from possync_tui.ledger.schema import Migration, migrate, newest

_SUFFIX = ".bak"
_log = logging.getLogger(__name__)


def bring_up(
    path: Path, db: sqlite3.Connection, version: int, steps: Sequence[Migration], now: datetime
) -> None:
    """Back the ledger up, then migrate it. The caller holds the writer lock.

    Raises `LedgerUnusable`; the ledger is as it was then.
    """
    to = newest(steps)
    try:
        backup = _back_up(path, db, version, now)
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnusable(
            f"The ledger {path} has to be brought up from version {version} to {to}, and no backup "
            f"of it could be made ({_reason(error)}): nothing was changed."
        ) from error
    text = f"ledger brought up from version {version} to {to}, the one before is {backup.name}"
    line = Line("", None, "remark", text, "")
    try:
        migrate(db, steps, lambda db: write_lines(db, [line], None, now))
    except sqlite3.Error as error:
        raise LedgerUnusable(
            f"The ledger {path} could not be brought up from version {version} to {to} ({error}): "
            f"it is as it was, and {backup.name} beside it is a copy."
        ) from error
    _log.info("%s", text)


def brought_up_copy(
    path: Path, db: sqlite3.Connection, version: int, steps: Sequence[Migration]
) -> sqlite3.Connection:
    """A private copy of an older ledger, brought up, to read from; the ledger stays as it is.

    SQLite keeps it in memory and, where it is large, in a file without a name. Closes `db`.
    Raises `LedgerUnusable`.
    """
    copy = sqlite3.connect("", isolation_level=None)
    try:
        copy.row_factory = sqlite3.Row
        copy.execute("PRAGMA trusted_schema = OFF")
        with closing(db):
            db.backup(copy)
        migrate(copy, steps)
        copy.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        copy.close()
        raise LedgerUnusable(
            f"The ledger {path} is of the older version {version} and could not be read as one of "
            f"version {newest(steps)} ({error}): it is as it was."
        ) from error
    except BaseException:
        copy.close()
        raise
    return copy


def backups(path: Path) -> list[Path]:
    """The copies that were made before the ledger was brought up, oldest first by name."""
    start = path.name + ".v"
    return sorted(
        file
        for file in path.parent.iterdir()
        if file.name.startswith(start) and file.name.endswith(_SUFFIX)
    )


def _back_up(path: Path, db: sqlite3.Connection, version: int, now: datetime) -> Path:
    """Copy the ledger to `<name>.v<version>-<time>.bak`; return where it is.

    A migration that fails is tried again at every start: a copy that says the same is enough.
    """
    fresh = beside(path, _SUFFIX + ".new")
    _forget(fresh)
    try:
        touch_private(fresh)
        with closing(sqlite3.connect(fresh)) as copy:
            db.backup(copy)
        for known in backups(path):
            if filecmp.cmp(known, fresh, shallow=False):
                return known
        target = _free_name(path, version, now)
        os.replace(fresh, target)
        sync_folder(path.parent)
        return target
    finally:
        _forget(fresh)


def _free_name(path: Path, version: int, now: datetime) -> Path:
    """Named by the time, and by a number where another one has that name."""
    at = f".v{version}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    target, number = beside(path, at + _SUFFIX), 1
    while target.exists():
        number += 1
        target = beside(path, f"{at}-{number}{_SUFFIX}")
    return target


def _forget(fresh: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside(fresh, suffix).unlink(missing_ok=True)


def _reason(error: OSError | sqlite3.Error) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
