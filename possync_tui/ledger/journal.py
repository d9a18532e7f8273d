"""The audit journal: one line per change of a plan and per word of the user, in plain English."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from possync_tui.domain.absence import snapshots
from possync_tui.domain.instruments import Instrument, PositionKey
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
from possync_tui.domain.values import dataclass
from possync_tui.ledger.at_rest import label, stamp
from possync_tui.ledger.sets import by_number


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


class Contracts:
    """What the contracts of some changes are called: those not just `met` are read together."""

    def __init__(
        self, db: sqlite3.Connection, changes: Sequence[Change], met: Mapping[int, Instrument]
    ) -> None:
        self.db = db
        self._met = met
        numbers = {key.con_id for c in changes if (key := getattr(c, "key", None)) is not None}
        select = "SELECT con_id, description, currency FROM instruments WHERE con_id IN"
        found = by_number(db, select, [*(numbers - met.keys())])
        self._named = {number: (str(name), str(currency)) for number, name, currency in found}

    def name(self, key: PositionKey) -> str:
        return self._of(key)[0]

    def currency(self, key: PositionKey) -> str:
        return self._of(key)[1]

    def _of(self, key: PositionKey) -> tuple[str, str]:
        met = self._met.get(key.con_id)
        if met is not None:
            return met.description, met.currency
        return self._named.get(key.con_id, (f"contract {key.con_id}", ""))


def line_of(contracts: Contracts, change: Change) -> Line:
    """What a change did, to be written before or after it was applied."""
    match change:
        case PutLife(key=key):
            return _about(key, change.kind.value, _life_text(contracts, change), change.evidence)
        case AddEntry(key=key, entry=entry):
            text = f"{contracts.name(key)}: realized {_amount(contracts, key, entry)}"
            return _about(key, "realized", text, change.evidence, entry.method)
        case ReverseEntry(key=key, entry=entry):
            amount = _amount(contracts, key, entry)
            text = f"{contracts.name(key)}: entry {change.entry_id} reversed, it was {amount}"
            return _about(key, "reversed", text, change.evidence, entry.method)
        case CountAbsence(key=key):
            text = f"{contracts.name(key)}: absent from {snapshots(change.confirmations)}"
            seen = f"the last one at {stamp(change.confirmed_at)}"
            return _about(key, "absent", text, seen)
        case RaiseHold():
            held = change
            return Line(held.account, held.con_id, "held", held.message, held.evidence)
        case ClearHold():
            return _cleared(contracts.db, change)
        case Remark(key=None):
            return Line("", None, "remark", change.text, "")
        case Remark(key=PositionKey() as key):
            return _about(key, "remark", f"{contracts.name(key)}: {change.text}", "")
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


def _life_text(contracts: Contracts, change: PutLife) -> str:
    life, before, name = change.life, change.before, contracts.name(change.key)
    quantity = plain(life.quantity)
    match change.kind:
        case ChangeKind.CREATED:
            return f"{name}: opened, quantity {quantity}, {life.status}"
        case ChangeKind.UPDATED if before is not None and before.quantity != life.quantity:
            return f"{name}: quantity {plain(before.quantity)} -> {quantity}"
        case ChangeKind.UPDATED:
            return f"{name}: quantity {quantity}, details changed"
        case ChangeKind.CLOSED:
            # Why is the evidence of the line.
            return f"{name}: quantity {plain(before.quantity) if before else '?'} -> 0"
        case ChangeKind.MISSING:
            return f"{name}: missing at the broker, quantity {quantity} kept on the books"
        case ChangeKind.RETURNED:
            return f"{name}: back at the broker, quantity {quantity}"
        case ChangeKind.VOIDED:
            return f"{name}: voided, it never was"


def _amount(contracts: Contracts, key: PositionKey, entry: Entry) -> str:
    currency = contracts.currency(key)
    if entry.realized_micros is None:
        money = "an unknown amount"
    else:
        money = f"{plain(from_micros(entry.realized_micros))} {currency}".rstrip()
    return f"{money} on {plain(entry.quantity)} ({entry.method}, {entry.quality})"
