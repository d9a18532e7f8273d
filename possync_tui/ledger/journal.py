"""The audit journal: one line per change of a plan and per word of the user, in plain English."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.money import from_micros, plain
from possync_tui.domain.plan import (
    AddEntry,
    Change,
    ChangeKind,
    ClearHold,
    CountAbsence,
    PutLife,
    RaiseHold,
    Remark,
    ReverseEntry,
)
from possync_tui.domain.position import CostMethod, Entry
from possync_tui.ledger.at_rest import label, stamp


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the journal before it has a time and a run."""

    account: str
    con_id: int | None
    kind: str
    text: str
    evidence: str
    method: CostMethod | None = None


def write_lines(
    db: sqlite3.Connection, lines: list[Line], run_id: int | None, now: datetime
) -> None:
    at = stamp(now)
    db.executemany(
        "INSERT INTO journal (at, run_id, account, con_id, kind, text, evidence, method)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                at,
                run_id,
                line.account,
                line.con_id,
                line.kind,
                label(line.text),
                label(line.evidence),
                line.method and line.method.value,
            )
            for line in lines
        ],
    )


def line_of(db: sqlite3.Connection, change: Change) -> Line:
    """What a change did, to be written before or after it was applied."""
    match change:
        case PutLife(key=key):
            return _about(key, change.kind.value, _life_text(db, change), change.evidence)
        case AddEntry(key=key, entry=entry):
            text = f"{_name(db, key)}: realized {_amount(db, key, entry)}"
            return _about(key, "realized", text, change.evidence, entry.method)
        case ReverseEntry(key=key, entry=entry):
            amount = _amount(db, key, entry)
            text = f"{_name(db, key)}: entry {change.entry_id} reversed, it was {amount}"
            return _about(key, "reversed", text, change.evidence, entry.method)
        case CountAbsence(key=key):
            text = f"{_name(db, key)}: absent from {change.confirmations} complete snapshots"
            seen = f"the last one at {stamp(change.confirmed_at)}"
            return _about(key, "absent", text, seen)
        case RaiseHold():
            held = change
            return Line(held.account, held.con_id, "held", held.message, held.evidence)
        case ClearHold():
            return _cleared(db, change)
        case Remark(key=None):
            return Line("", None, "remark", change.text, "")
        case Remark(key=PositionKey() as key):
            return _about(key, "remark", f"{_name(db, key)}: {change.text}", "")
        case _:
            raise ValueError(f"not a change: {change!r}")


def _about(
    key: PositionKey, kind: str, text: str, evidence: str, method: CostMethod | None = None
) -> Line:
    return Line(key.account, key.con_id, kind, text, evidence, method)


def _cleared(db: sqlite3.Connection, change: ClearHold) -> Line:
    record = db.execute(
        "SELECT account, con_id FROM holds WHERE id = ?", (change.hold_id,)
    ).fetchone()
    account, con_id = (record["account"], record["con_id"]) if record else ("", None)
    return Line(account, con_id, "cleared", f"hold {change.hold_id} cleared: {change.why}", "")


def _life_text(db: sqlite3.Connection, change: PutLife) -> str:
    life, before, name = change.life, change.before, _name(db, change.key)
    quantity = plain(life.quantity)
    match change.kind:
        case ChangeKind.CREATED:
            return f"{name}: opened, quantity {quantity}, {life.status}"
        case ChangeKind.UPDATED if before is not None and before.quantity != life.quantity:
            return f"{name}: quantity {plain(before.quantity)} -> {quantity}"
        case ChangeKind.UPDATED:
            return f"{name}: quantity {quantity}, details changed"
        case ChangeKind.CLOSED:
            return f"{name}: closed ({life.close_reason})"
        case ChangeKind.MISSING:
            return f"{name}: missing at the broker, quantity {quantity} kept on the books"
        case ChangeKind.RETURNED:
            return f"{name}: back at the broker, quantity {quantity}"
        case ChangeKind.VOIDED:
            return f"{name}: voided, it never was"


def _amount(db: sqlite3.Connection, key: PositionKey, entry: Entry) -> str:
    record = db.execute(
        "SELECT currency FROM instruments WHERE con_id = ?", (key.con_id,)
    ).fetchone()
    currency = record["currency"] if record else ""
    if entry.realized_micros is None:
        money = "an unknown amount"
    else:
        money = f"{plain(from_micros(entry.realized_micros))} {currency}".rstrip()
    return f"{money} on {plain(entry.quantity)} ({entry.method}, {entry.quality})"


def _name(db: sqlite3.Connection, key: PositionKey) -> str:
    record = db.execute(
        "SELECT description FROM instruments WHERE con_id = ?", (key.con_id,)
    ).fetchone()
    return str(record["description"]) if record else f"contract {key.con_id}"
