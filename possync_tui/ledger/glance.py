"""A glance at the ledger before the engine is there: the last known book, for the first frame.

It only reads, waits for nobody and says nothing: where anything is unusual the engine, which opens
the ledger in earnest right afterwards, is the one to tell.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from possync_tui.domain.connection import Environment
from possync_tui.domain.runs import SyncStats
from possync_tui.domain.views import AccountView, HoldView, PositionView, RunView
from possync_tui.ledger import reads
from possync_tui.ledger.files import connect_to_read
from possync_tui.ledger.runs import read_stats
from possync_tui.ledger.schema import APPLICATION_ID, newest_by_name, version_of


@dataclass(frozen=True, slots=True)
class Glance:
    """What the ledger held at one moment."""

    environment: Environment | None
    stats: SyncStats
    positions: tuple[PositionView, ...]
    accounts: tuple[AccountView, ...]
    holds: tuple[HoldView, ...]
    runs: tuple[RunView, ...]


def glance(path: Path, runs: int) -> Glance | None:
    """The book, with so many of the latest syncs; `None` where there is none to be had at once."""
    try:
        if not path.is_file():
            return None
        with closing(connect_to_read(path)) as db:
            db.execute("PRAGMA busy_timeout = 0")
            return _read(db, runs)
    except (sqlite3.Error, OSError, ValueError):
        # `ValueError`: a record that cannot be understood.
        return None


def _read(db: sqlite3.Connection, runs: int) -> Glance | None:
    db.execute("BEGIN")
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID or version_of(db) != newest_by_name():
        return None
    met = db.execute("SELECT value FROM meta WHERE name = 'environment'").fetchone()
    return Glance(
        environment=None if met is None else Environment(met["value"]),
        stats=read_stats(db),
        positions=tuple(reads.positions(db, None, include_closed=False)),
        accounts=tuple(reads.accounts(db)),
        holds=tuple(reads.holds(db, include_decided=False)),
        runs=tuple(reads.runs(db, runs)),
    )
