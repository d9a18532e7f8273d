"""Opening a ledger: as its one writer, or to read. Runs on the connection's own thread."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from possync_tui.domain.connection import Environment
from possync_tui.domain.life import RULES
from possync_tui.domain.position import CostMethod
from possync_tui.domain.values import dataclass
from possync_tui.ledger import files
from possync_tui.ledger.accounts import read_environment, read_rules, select_cost_method
from possync_tui.ledger.at_rest import BadRecord, stamp
from possync_tui.ledger.connection import translated
from possync_tui.ledger.inbox import last_seq
from possync_tui.ledger.lock import WriterLock, is_held
from possync_tui.ledger.port import LedgerReadOnly, LedgerUnusable
from possync_tui.ledger.schema import Migration, newest
from possync_tui.ledger.upgrade import bring_up, brought_up_copy


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open: `cost_method` is what the views are to show, `None` leaves that as it is."""

    path: Path
    now: Callable[[], datetime]
    cost_method: CostMethod | None
    steps: Sequence[Migration]


@dataclass
class Opened:
    """What opening found, for the ledger to start with."""

    lock: WriterLock | None = None
    environment: Environment | None = None
    last_seq: int = 0


def open_writer(opening: Opening, opened: Opened) -> sqlite3.Connection:
    """A connection that may write, with the lock in `opened`.

    Raises `LedgerReadOnly` where another instance writes, `LedgerUnusable` where the file is not a
    ledger that this program can use; the file is as it was then.
    """
    path = opening.path
    files.look_at(path, opening.steps)
    files.make_folder(path.parent)
    try:
        lock = WriterLock.acquire(path)
    except OSError as error:
        raise LedgerUnusable(f"The ledger {path} cannot be locked: {error.strerror}.") from error
    if lock is None:
        raise LedgerReadOnly(
            f"Another instance has the ledger {path} open to write, so it is read-only here: close"
            " that one first."
        )
    try:
        db = _open_locked(opening)
        try:
            _begin(opening, opened, db)
        except BaseException:
            db.close()
            raise
    except BaseException:
        lock.release()
        raise
    opened.lock = lock
    return db


def has_writer(path: Path, _: sqlite3.Connection) -> bool:
    """Whether some instance has the ledger open to write. Raises `LedgerUnusable`."""
    try:
        return is_held(path)
    except OSError as error:
        raise LedgerUnusable(f"The lock of {path} cannot be read: {error.strerror}.") from error


def open_reader(
    opening: Opening, opened: Opened, *, beside_writer: bool = False
) -> sqlite3.Connection:
    """A connection that cannot write. Raises `LedgerMissing` or `LedgerUnusable`.

    An older ledger is read in a copy, which is brought up. `beside_writer` refuses that: a copy
    does not follow what another instance writes.
    """
    path = opening.path
    files.require(path, files.look_at(path, opening.steps))
    try:
        db = files.connect_to_read(path)
    except sqlite3.Error as error:
        raise translated(path, error, writing=False) from error
    try:
        version = files.check(path, db, opening.steps)
        if version < newest(opening.steps):
            if beside_writer:
                raise LedgerUnusable(
                    f"The ledger {path} is of the older version {version}, and another instance "
                    "has it open to write: close that one, then start again."
                )
            db = brought_up_copy(path, db, version, opening.steps)
        _look_around(opening, opened, db)
    except BaseException:
        db.close()
        raise
    return db


def _open_locked(opening: Opening) -> sqlite3.Connection:
    path, steps = opening.path, opening.steps
    try:
        # Looked at again: until now another instance may have been at work on it.
        if files.look_at(path, steps) is files.Found.NOTHING:
            method = opening.cost_method or CostMethod.AVERAGE
            files.create(path, steps, method, stamp(opening.now()))
        version = files.check_untouched(path, steps)
        files.keep_private(path)
        db = files.connect_to_write(path)
        try:
            if version < newest(steps):
                bring_up(path, db, version, steps, opening.now())
        except BaseException:
            db.close()
            raise
    except OSError as error:
        raise LedgerUnusable(f"The ledger {path} cannot be opened: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise translated(path, error, writing=False) from error
    return db


def _begin(opening: Opening, opened: Opened, db: sqlite3.Connection) -> None:
    try:
        if opening.cost_method is not None:
            db.execute("BEGIN IMMEDIATE")
            select_cost_method(db, opening.cost_method, opening.now())
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise translated(opening.path, error, writing=True) from error
    _look_around(opening, opened, db)


def _look_around(opening: Opening, opened: Opened, db: sqlite3.Connection) -> None:
    try:
        opened.environment = read_environment(db)
        opened.last_seq = last_seq(db)
        rules = read_rules(db)
    except BadRecord as error:
        raise files.damaged(opening.path, str(error)) from error
    except sqlite3.Error as error:
        raise translated(opening.path, error, writing=False) from error
    if rules > RULES:
        raise LedgerUnusable(
            f"The ledger {opening.path} follows rules {rules} of a newer release, this program has "
            f"{RULES}: update possync-tui."
        )
