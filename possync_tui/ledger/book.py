"""The book: what a sync has to know of the ledger, in proportion to what is open or new."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import ConnectivityLost
from possync_tui.domain.plan import (
    Book,
    EndedPosition,
    HoldKind,
    KnownAccount,
    KnownPosition,
    OpenHold,
)
from possync_tui.domain.position import APPEARED, Status
from possync_tui.ledger.at_rest import moment, number, one_of, optional_moment
from possync_tui.ledger.codec import decode
from possync_tui.ledger.known import standing_of
from possync_tui.ledger.parts import decode_keys, decode_row

# More than enough to see that most of an account went within a day.
_MOST_CLOSED = 1000
_MOST_ENDED = 100


def read_book(db: sqlite3.Connection) -> Book:
    """The state that the last committed sync left, and what the inbox holds beyond it."""
    touched = frozenset(
        PositionKey(record["account"], record["con_id"])
        for record in db.execute("SELECT account, con_id FROM known WHERE latest_seq > planned_seq")
    )
    return Book(
        accounts={account.code: account for account in _accounts(db)},
        positions={position.key: position for position in _positions(db)},
        holds=tuple(_holds(db)),
        touched=touched,
        closed_as_missing=tuple(_closed_as_missing(db)),
        ended_without_fills=tuple(_ended_without_fills(db)),
        connectivity_lost_at=_connectivity_lost(db),
    )


def _accounts(db: sqlite3.Connection) -> Iterable[KnownAccount]:
    for record in db.execute("SELECT * FROM accounts ORDER BY id"):
        yield KnownAccount(
            account_id=record["id"],
            code=record["code"],
            is_accepted=record["status"] == "accepted",
            has_baseline=record["baseline_at"] is not None,
            last_synced_at=optional_moment(record["last_synced_at"]),
            baseline_at=optional_moment(record["baseline_at"]),
        )


def _positions(db: sqlite3.Connection) -> Iterable[KnownPosition]:
    """Open and missing positions, and closed ones of which something new was observed.

    A closed position that is left alone is not in the book: if it shows up again, it is new.
    """
    for record in db.execute(_POSITIONS):
        standing = standing_of(record)
        yield KnownPosition(
            key=standing.key,
            row=standing.anchor_row,
            status=one_of(Status, record["status"]),
            quantity=number(record["quantity"]),
            is_absent=standing.is_absent,
            missing_since=optional_moment(record["missing_since"]),
            confirmations=record["confirmations"],
            confirmed_at=optional_moment(record["confirmed_at"]),
            zero_pushed_at=standing.zero_pushed_at,
            zero_pushed_seq=standing.zero_pushed_seq,
            presence_seq=standing.presence_seq,
            appeared_at=_appeared_at(record),
        )


def _holds(db: sqlite3.Connection) -> Iterable[OpenHold]:
    for record in db.execute("SELECT * FROM holds WHERE status IN ('held', 'kept') ORDER BY id"):
        yield OpenHold(
            hold_id=record["id"],
            kind=one_of(HoldKind, record["kind"]),
            account=record["account"],
            con_id=record["con_id"],
            keys=decode_keys(record["keys"]),
            is_kept=record["status"] == "kept",
            evidence=record["evidence"],
        )


def _closed_as_missing(db: sqlite3.Connection) -> Iterable[tuple[str, datetime]]:
    found = db.execute(
        "SELECT account, closed_at FROM lives WHERE close_reason = 'confirmed_missing'"
        " ORDER BY closed_at DESC LIMIT ?",
        (_MOST_CLOSED,),
    )
    return [(record["account"], moment(record["closed_at"])) for record in found]


def _ended_without_fills(db: sqlite3.Connection) -> Iterable[EndedPosition]:
    found = db.execute(
        "SELECT row, closed_at FROM lives WHERE close_reason IN ('zero_row', 'confirmed_missing')"
        " AND row IS NOT NULL ORDER BY closed_at DESC LIMIT ?",
        (_MOST_ENDED,),
    )
    return [EndedPosition(decode_row(r["row"]), moment(r["closed_at"])) for r in found]


def _appeared_at(record: sqlite3.Row) -> datetime | None:
    origin: str = record["origin"] or ""
    return moment(record["opened_at"]) if origin.startswith(APPEARED) else None


def _connectivity_lost(db: sqlite3.Connection) -> datetime | None:
    record = db.execute(
        "SELECT kind, payload FROM inbox WHERE kind = 'connectivity_lost' ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    if record is None:
        return None
    lost = decode(record["kind"], record["payload"])
    return lost.at if isinstance(lost, ConnectivityLost) else None


_POSITIONS = """
SELECT
    known.*,
    coalesce(life.status, 'CLOSED') AS status,
    coalesce(life.quantity, '0') AS quantity,
    life.missing_since,
    life.origin,
    life.opened_at,
    coalesce(absence.confirmations, 0) AS confirmations,
    absence.confirmed_at
FROM (
    SELECT account, con_id FROM lives WHERE status <> 'CLOSED'
    UNION
    SELECT touched.account, touched.con_id FROM known AS touched
    WHERE touched.latest_seq > touched.planned_seq AND EXISTS (
        SELECT 1 FROM lives
        WHERE lives.account = touched.account AND lives.con_id = touched.con_id
    )
) AS wanted
JOIN known ON known.account = wanted.account AND known.con_id = wanted.con_id
LEFT JOIN lives AS life
    ON life.account = wanted.account AND life.con_id = wanted.con_id AND life.status <> 'CLOSED'
LEFT JOIN absences AS absence
    ON absence.account = wanted.account AND absence.con_id = wanted.con_id
ORDER BY known.account, known.con_id
"""
