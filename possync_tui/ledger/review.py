"""The user's word on what is held."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import CloseDecided, CloseReason
from possync_tui.domain.plan import HoldKind
from possync_tui.ledger.at_rest import label, one_of, stamp
from possync_tui.ledger.inbox import Arrival, last_seq
from possync_tui.ledger.journal import Line, write_lines
from possync_tui.ledger.parts import decode_keys
from possync_tui.ledger.port import LedgerError

_NEVER_BOOKED = frozenset({HoldKind.COMBINATION, HoldKind.NO_CONTRACT_ID, HoldKind.STATEMENT_GAP})


@dataclass(frozen=True, slots=True)
class Word:
    """What the user said to a hold, and when."""

    hold_id: int
    accept: bool
    note: str
    at: datetime


def decide(db: sqlite3.Connection, word: Word, now: datetime) -> tuple[PositionKey, ...]:
    """Carry the user's word into the ledger; return the positions that a sync has to look at.

    Runs inside a transaction. Raises `LedgerError` for a hold that is not open.
    """
    hold = db.execute("SELECT * FROM holds WHERE id = ?", (word.hold_id,)).fetchone()
    if hold is None:
        raise LedgerError(f"There is no hold {word.hold_id}: `review` lists what is held.")
    if hold["status"] not in ("held", "kept"):
        raise LedgerError(f"Hold {word.hold_id} is {hold['status']} already.")
    # What is never booked stays for as long as it is there: the most that the user can say of it is
    # that it was seen.
    is_closable = one_of(HoldKind, hold["kind"]) not in _NEVER_BOOKED
    status = "accepted" if word.accept and is_closable else "kept"
    db.execute(
        "UPDATE holds SET status = ?, decided_at = ?, note = ? WHERE id = ?",
        (status, stamp(word.at), label(word.note), word.hold_id),
    )
    touched = _accept(db, hold, word, now) if word.accept else ()
    text = f"hold {word.hold_id} ({hold['kind']}) {status} by the user"
    line = Line(hold["account"], hold["con_id"], status, text, word.note)
    write_lines(db, [line], None, now)
    return touched


def _accept(
    db: sqlite3.Connection, hold: sqlite3.Row, word: Word, now: datetime
) -> tuple[PositionKey, ...]:
    match one_of(HoldKind, hold["kind"]):
        case HoldKind.MISSING | HoldKind.BULK_MISSING:
            return _close_absent(db, decode_keys(hold["keys"]), word, now)
        case HoldKind.NEW_ACCOUNT:
            db.execute("UPDATE accounts SET status = 'accepted' WHERE code = ?", (hold["account"],))
            return ()
        case HoldKind.COMBINATION | HoldKind.NO_CONTRACT_ID | HoldKind.STATEMENT_GAP:
            return ()


def _close_absent(
    db: sqlite3.Connection, keys: Iterable[PositionKey], word: Word, now: datetime
) -> tuple[PositionKey, ...]:
    """Decide as flat those of `keys` that are still missing: one that came back is not closed."""
    arrival = Arrival(db, now)
    known_seq = last_seq(db)
    evidence = "accepted by the user" + (f": {word.note}" if word.note else "")
    touched: list[PositionKey] = []
    for key in keys:
        if not arrival.standings[key].is_absent or not _is_held(db, key):
            continue
        close = CloseDecided(key, CloseReason.USER, word.at, evidence, known_seq=known_seq)
        if arrival.take(close) is not None:
            touched.append(key)
    arrival.finish()
    return tuple(touched)


def _is_held(db: sqlite3.Connection, key: PositionKey) -> bool:
    record = db.execute(
        "SELECT 1 FROM lives WHERE account = ? AND con_id = ? AND status <> 'CLOSED'",
        (key.account, key.con_id),
    ).fetchone()
    return record is not None
