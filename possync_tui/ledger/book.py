"""The book: what a sync has to know of the ledger, in proportion to what is open or new."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Anchor, ConnectivityLost, PositionRow
from possync_tui.domain.plan import (
    Book,
    CountAbsence,
    EndedPosition,
    HoldKind,
    KnownAccount,
    KnownPosition,
    OpenHold,
    Plan,
    PutLife,
)
from possync_tui.domain.position import APPEARED, Status
from possync_tui.ledger.at_rest import moment, number, one_of, optional_moment
from possync_tui.ledger.codec import decode
from possync_tui.ledger.keeping import Written
from possync_tui.ledger.parts import decode_instrument, decode_keys, decode_row, encode_row

RowOf = Callable[[PositionKey, str], PositionRow]
# More than enough to see that most of an account went within a day.
_MOST_CLOSED = 1000
_MOST_ENDED = 100


class BookShelf:
    """The book as it was last read: reading it again costs what changed since, not what is held.

    For the one writer, which is told of every change: nobody else may change the tables. Lives on
    the thread of its connection.
    """

    def __init__(self) -> None:
        self._positions: Mapping[PositionKey, KnownPosition] | None = None
        self._stale: set[PositionKey] = set()
        self._rows: dict[PositionKey, tuple[str, PositionRow]] = {}
        self._written: dict[PositionKey, KnownPosition] = {}
        self._learnt: dict[PositionKey, KnownPosition] = {}

    def forget(self, keys: Iterable[PositionKey]) -> None:
        """What the tables say of these positions may be another thing now."""
        for key in keys:
            self._stale.add(key)
            self._learnt.pop(key, None)

    def forget_all(self) -> None:
        self._positions = None
        self._learnt.clear()

    def take_in(self, plan: Plan, row_text: Callable[[PositionRow], str] = encode_row) -> None:
        """A plan is about to be written."""
        told = set(plan.planned)
        for item in plan.decided:
            key = item.key
            told.add(key)
            if isinstance(item, Anchor):
                # Its text will be what the table says: then it need not be decoded.
                self._rows[key] = (row_text(item.row), item.row)
        told.update(c.key for c in plan.changes if isinstance(c, PutLife | CountAbsence))
        self.forget(told)

    def follow(self, plan: Plan, written: Written) -> None:
        """What a plan has written: most of it need not be read again, once it is committed."""
        told = _other_than_rows(plan)
        for item in plan.decided:
            if isinstance(item, Anchor) and item.key not in told and item.key in written.taken_up:
                known = _known_after(item, plan, written)
                if known is not None:
                    self._written[item.key] = known

    def settled(self, is_committed: bool) -> None:
        """The transaction has ended."""
        if is_committed:
            self._learnt.update(self._written)
        self._written = {}

    def read(self, db: sqlite3.Connection) -> Book:
        positions, unread = self._positions, self._stale - self._learnt.keys()
        if positions is None or len(unread) * 2 > len(positions) + len(self._learnt):
            positions = {position.key: position for position in _positions(db, self._row)}
        elif self._stale:
            positions = self._refreshed(db, positions)
        self._positions, self._stale, self._learnt = positions, set(), {}
        return _book(db, positions)

    def _refreshed(
        self, db: sqlite3.Connection, positions: Mapping[PositionKey, KnownPosition]
    ) -> Mapping[PositionKey, KnownPosition]:
        # The book of before may still be in use.
        fresh = dict(positions)
        for key in self._stale:
            known = self._learnt.get(key) or self._read_one(db, key)
            if known is None:
                fresh.pop(key, None)
            else:
                fresh[key] = known
        if all(map(positions.__contains__, fresh)):
            # Each in its place still: to sort thousands would hold up all other threads.
            return fresh
        return dict(sorted(fresh.items()))

    def _read_one(self, db: sqlite3.Connection, key: PositionKey) -> KnownPosition | None:
        record = db.execute(_POSITION, key).fetchone()
        return None if record is None else _position(record, self._row)

    def _row(self, key: PositionKey, text: str) -> PositionRow:
        known = self._rows.get(key)
        if known is None or known[0] != text:
            known = self._rows[key] = (text, decode_row(text))
        return known[1]


def _other_than_rows(plan: Plan) -> set[PositionKey]:
    """Positions of which a plan says more than the row that was shown and an open life."""
    told = {item.key for item in plan.decided if not isinstance(item, Anchor)}
    for change in plan.changes:
        match change:
            case PutLife(key=key, life=life) if life.status is Status.CLOSED:
                told.add(key)
            case CountAbsence(key=key):
                told.add(key)
            case _:
                pass
    return told


def _known_after(anchor: Anchor, plan: Plan, written: Written) -> KnownPosition | None:
    """What the tables will say of a position that was shown: its absences are over."""
    key, standing = anchor.key, written.standings.get(anchor.key)
    footing = plan.footings.get(key)
    life = footing.past.rebuilt.current if footing is not None else None
    if life is None or standing is None:
        return None
    return KnownPosition(
        key=key,
        row=anchor.row,
        status=life.status,
        quantity=life.quantity,
        is_absent=standing.is_absent,
        missing_since=life.missing_since,
        zero_pushed_at=standing.zero_pushed_at,
        zero_pushed_seq=standing.zero_pushed_seq,
        presence_seq=standing.presence_seq,
        appeared_at=life.opened_at if life.origin.startswith(APPEARED) else None,
    )


def read_book(db: sqlite3.Connection) -> Book:
    """The state that the last committed sync left, and what the inbox holds beyond it."""
    return BookShelf().read(db)


def _book(db: sqlite3.Connection, positions: Mapping[PositionKey, KnownPosition]) -> Book:
    touched = frozenset(
        PositionKey(record["account"], record["con_id"])
        for record in db.execute("SELECT account, con_id FROM known WHERE latest_seq > planned_seq")
    )
    return Book(
        accounts={account.code: account for account in _accounts(db)},
        positions=positions,
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


def _positions(db: sqlite3.Connection, row_of: RowOf) -> Iterable[KnownPosition]:
    """Open and missing positions, and closed ones of which something new was observed.

    A closed position that is left alone is not in the book: if it shows up again, it is new.
    """
    return (_position(record, row_of) for record in db.execute(_POSITIONS))


def _position(record: sqlite3.Row, row_of: RowOf) -> KnownPosition:
    key = PositionKey(record["account"], record["con_id"])
    row: str | None = record["anchor_row"]
    return KnownPosition(
        key=key,
        row=None if row is None else row_of(key, row),
        status=one_of(Status, record["status"]),
        quantity=number(record["quantity"]),
        is_absent=bool(record["is_absent"]),
        missing_since=optional_moment(record["missing_since"]),
        confirmations=record["confirmations"],
        confirmed_at=optional_moment(record["confirmed_at"]),
        zero_pushed_at=optional_moment(record["zero_pushed_at"]),
        zero_pushed_seq=record["zero_pushed_seq"],
        presence_seq=record["presence_seq"],
        appeared_at=_appeared_at(record),
        traded=None if record["traded"] is None else decode_instrument(record["traded"]),
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


_COLUMNS = """
SELECT
    known.*,
    coalesce(life.status, 'CLOSED') AS status,
    coalesce(life.quantity, '0') AS quantity,
    life.missing_since,
    life.origin,
    life.opened_at,
    coalesce(absence.confirmations, 0) AS confirmations,
    absence.confirmed_at,
    CASE WHEN known.anchor_row IS NULL THEN (
        SELECT instrument FROM instruments WHERE instruments.con_id = known.con_id
    ) END AS traded
"""

_STANDING = """
LEFT JOIN lives AS life
    ON life.account = known.account AND life.con_id = known.con_id AND life.status <> 'CLOSED'
LEFT JOIN absences AS absence
    ON absence.account = known.account AND absence.con_id = known.con_id
"""

_WANTED = """
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
"""

_IF_WANTED = """
WHERE known.account = ? AND known.con_id = ? AND (
    life.id IS NOT NULL
    OR known.latest_seq > known.planned_seq AND EXISTS (
        SELECT 1 FROM lives WHERE lives.account = known.account AND lives.con_id = known.con_id
    )
)
"""

_POSITIONS = _COLUMNS + _WANTED + _STANDING + "ORDER BY known.account, known.con_id"
_POSITION = _COLUMNS + "FROM known" + _STANDING + _IF_WANTED
