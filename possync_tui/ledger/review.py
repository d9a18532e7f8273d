"""The user's word on what is held."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Adjusted, CloseDecided, CloseReason
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.word import CannotBook, Word, linked, transferred, why_unfit
from possync_tui.ledger.at_rest import label, one_of, stamp
from possync_tui.ledger.inbox import Arrival, history, last_seq
from possync_tui.ledger.journal import Line, write_lines
from possync_tui.ledger.lives import instrument_of
from possync_tui.ledger.parts import decode_keys
from possync_tui.ledger.port import LedgerError, WordRefused

_NEVER_BOOKED = frozenset(
    {
        HoldKind.COMBINATION,
        HoldKind.NO_CONTRACT_ID,
        HoldKind.STATEMENT_GAP,
        HoldKind.CORPORATE_ACTION,
    }
)


def decide(
    db: sqlite3.Connection, hold_id: int, word: Word, at: datetime, now: datetime
) -> tuple[PositionKey, ...]:
    """Carry the user's word into the ledger; return the positions that a sync has to look at.

    Runs inside a transaction. Raises `LedgerError` for a hold that is not open, `WordRefused` for a
    word that does not fit it.
    """
    hold = db.execute("SELECT * FROM holds WHERE id = ?", (hold_id,)).fetchone()
    if hold is None:
        raise LedgerError(f"There is no hold {hold_id}: `review` lists what is held.")
    if hold["status"] not in ("held", "kept"):
        raise LedgerError(f"Hold {hold_id} is {hold['status']} already.")
    kind = one_of(HoldKind, hold["kind"])
    instrument = None if hold["con_id"] is None else instrument_of(db, hold["con_id"])
    unfit = why_unfit(word, kind, instrument.sec_type if instrument else "")
    if unfit is not None:
        raise WordRefused(f"Hold {hold_id}: {unfit}.")
    # What is never booked stays for as long as it is there: the most that the user can say of it is
    # that it was seen.
    status = "accepted" if word.accept and kind not in _NEVER_BOOKED else "kept"
    db.execute(
        "UPDATE holds SET status = ?, decided_at = ?, note = ? WHERE id = ?",
        (status, stamp(at), label(word.note), hold_id),
    )
    touched = _accept(db, hold, word, at, now) if word.accept else ()
    text = f"hold {hold_id} ({kind}) {status} by the user"
    is_plain = word.price is None and not word.is_transfer
    evidence = word.note if is_plain else word.evidence
    lines = [Line(hold["account"], hold["con_id"], status, text, evidence)]
    if kind is HoldKind.SAME_HOLDING:
        # The other side of it has a journal of its own.
        _, new = decode_keys(hold["keys"])
        lines.append(Line(new.account, new.con_id, status, text, evidence))
    write_lines(db, lines, None, now)
    return touched


def _accept(
    db: sqlite3.Connection, hold: sqlite3.Row, word: Word, at: datetime, now: datetime
) -> tuple[PositionKey, ...]:
    keys = decode_keys(hold["keys"])
    match one_of(HoldKind, hold["kind"]):
        case HoldKind.MISSING | HoldKind.BULK_MISSING:
            return _end_absent(db, keys, word, at, now)
        case HoldKind.SAME_HOLDING:
            return _link(db, keys, word, now)
        case HoldKind.NEW_ACCOUNT:
            db.execute("UPDATE accounts SET status = 'accepted' WHERE code = ?", (hold["account"],))
            return ()
        case (
            HoldKind.COMBINATION
            | HoldKind.NO_CONTRACT_ID
            | HoldKind.STATEMENT_GAP
            | HoldKind.CORPORATE_ACTION
        ):
            return ()


def _end_absent(
    db: sqlite3.Connection, keys: Iterable[PositionKey], word: Word, at: datetime, now: datetime
) -> tuple[PositionKey, ...]:
    """Decide as flat those of `keys` that are still missing: one that came back is not closed."""
    arrival = Arrival(db, now)
    known_seq = last_seq(db)
    touched: list[PositionKey] = []
    for key in keys:
        if not arrival.standings[key].is_absent or not _is_held(db, key):
            continue
        end = _end_of(db, key, word, at, known_seq)
        if arrival.take(end) is not None:
            touched.append(key)
    arrival.finish()
    return tuple(touched)


def _end_of(
    db: sqlite3.Connection, key: PositionKey, word: Word, at: datetime, known_seq: int
) -> CloseDecided | Adjusted:
    if not word.is_transfer:
        price = word.price_evidence
        return CloseDecided(key, CloseReason.USER, at, word.evidence, price, known_seq)
    try:
        return transferred(key, history(db, key), word)
    except CannotBook as why:
        raise WordRefused(f"It cannot be booked as a transfer: {why}.") from None


def _link(
    db: sqlite3.Connection, keys: tuple[PositionKey, ...], word: Word, now: datetime
) -> tuple[PositionKey, ...]:
    """Book two positions as one holding, as far as both are still unexplained."""
    old, new = keys
    try:
        sides = linked(old, new, history(db, old), history(db, new), word)
    except CannotBook as why:
        raise WordRefused(f"They cannot be booked as one holding: {why}. Sync again.") from None
    arrival = Arrival(db, now)
    touched = tuple(side.key for side in sides if arrival.take(side) is not None)
    arrival.finish()
    return touched


def _is_held(db: sqlite3.Connection, key: PositionKey) -> bool:
    record = db.execute(
        "SELECT 1 FROM lives WHERE account = ? AND con_id = ? AND status <> 'CLOSED'",
        (key.account, key.con_id),
    ).fetchone()
    return record is not None
