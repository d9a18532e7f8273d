"""A glance at the ledger before the engine is there: the last known book, for the first frame.

It only reads, waits for nobody and says nothing: where anything is unusual the engine, which opens
the ledger in earnest right afterwards, is the one to tell.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from possync_tui.domain.connection import Environment
from possync_tui.domain.money import from_micros
from possync_tui.domain.runs import SyncStats
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import AccountView, HoldView, PositionView, RunView
from possync_tui.ledger import reads
from possync_tui.ledger.files import connect_to_read
from possync_tui.ledger.runs import read_stats
from possync_tui.ledger.schema import APPLICATION_ID, newest_by_name, version_of

_QUARTER = 900
"""Seconds: kept sums are those of quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the ledger held at one moment."""

    environment: Environment | None
    stats: SyncStats
    positions: tuple[PositionView, ...]
    accounts: tuple[AccountView, ...]
    holds: tuple[HoldView, ...]
    runs: tuple[RunView, ...]
    realized: Mapping[str, Decimal | None]


def glance(path: Path, runs: int, since: datetime) -> Glance | None:
    """The book, with so many of the latest syncs and what was realized `since` a midnight.

    `None` where there is none to be had at once.
    """
    try:
        if not path.is_file():
            return None
        with closing(connect_to_read(path)) as db:
            db.execute("PRAGMA busy_timeout = 0")
            return _read(db, runs, since)
    except (sqlite3.Error, OSError, ValueError):
        # `ValueError`: a record that cannot be understood.
        return None


def _read(db: sqlite3.Connection, runs: int, since: datetime) -> Glance | None:
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
        realized=_realized(db, since),
    )


def _realized(db: sqlite3.Connection, since: datetime) -> dict[str, Decimal | None]:
    """What was realized in each currency by the kept sums; `None` where no amount is known.

    A midnight lies between two quarters of an hour in every zone. The queries that know about all
    other stretches of time take longer to load than the first frame may wait.
    """
    sums = db.execute(
        "SELECT currency, sum(realized_micros), sum(entries), sum(unknown) FROM realized_quarters"
        " WHERE method = (SELECT value FROM meta WHERE name = 'cost_method') AND quarter >= ?"
        " GROUP BY currency",
        (-(-int(since.timestamp()) // _QUARTER),),
    )
    return {
        currency: None if entries == unknown and not micros else from_micros(micros)
        for currency, micros, entries, unknown in sums
        if entries or micros
    }
