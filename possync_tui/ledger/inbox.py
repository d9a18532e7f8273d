"""The append-only inbox: every observation once, in order of arrival, and what follows from it."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentSource,
    Anchor,
    BasisCarried,
    Charge,
    CloseDecided,
    Commission,
    ConnectivityLost,
    Decided,
    Fill,
    FillSource,
    Observation,
    Recorded,
    RowPushed,
)
from possync_tui.domain.values import dataclass
from possync_tui.ledger.at_rest import (
    label,
    number,
    optional_number,
    stamp,
)
from possync_tui.ledger.codec import decode, encode, kind_of
from possync_tui.ledger.known import Standings
from possync_tui.ledger.laid_out import (
    PUT_COMMISSION,
    PUT_EXECUTION,
    PUT_INSTRUMENT,
    PUT_INSTRUMENT_IF_NONE,
    commission_columns,
    execution_columns,
    instrument_columns,
)
from possync_tui.ledger.parts import RowTexts, row_content

_LARGEST = 2**63 - 1
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Taken:
    """How many observations were new, and what is news of which position."""

    new: int
    news: tuple[tuple[PositionKey, Recorded], ...]


@dataclass
class Arrival:
    """Observations on their way in, within one transaction.

    The inbox row of each is written at once, what follows from it (fills, instruments, standings)
    together in `finish`.
    """

    db: sqlite3.Connection
    now: datetime
    standings: Standings = field(init=False)
    _executions: list[tuple[str | int, ...]] = field(default_factory=list)
    _commissions: list[tuple[str | int | None, ...]] = field(default_factory=list)
    met: dict[int, Instrument] = field(default_factory=dict)
    _told: dict[int, Instrument] = field(default_factory=dict)
    _keys_by_exec: dict[str, list[PositionKey]] = field(default_factory=dict)
    _present: list[PositionKey] = field(default_factory=list)
    news: list[tuple[PositionKey, Recorded]] = field(default_factory=list)
    row_text: RowTexts = field(default_factory=RowTexts)

    def __post_init__(self) -> None:
        self.standings = Standings(self.db)

    def take(self, observation: Observation) -> int | None:
        """Append one; return its place, or `None` where the inbox holds it already."""
        match observation:
            case Fill():
                return self._take_fill(observation)
            case Commission():
                return self._take_commission(observation)
            case RowPushed():
                return self._take_pushed(observation)
            case ConnectivityLost():
                lost = observation
                identity = f"lost|{lost.code}|{stamp(lost.at)}|{label(lost.session_id)}"
                return self._append(observation, identity, None)
            case Anchor() | Absent() | CloseDecided() | Adjusted() | BasisCarried():
                return self._take_decided(observation)

    def take_plan(self, decided: Sequence[Decided]) -> list[int] | None:
        """Append all that a plan decided; `None` where the inbox holds some of it already."""
        first = last_seq(self.db) + 1
        numbered = list(enumerate(decided, start=first))
        rows = [(seq, *self._columns(item, *self._named(item))) for seq, item in numbered]
        try:
            self.db.executemany(_APPEND_AT, rows)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
                raise
            return None
        for seq, item in numbered:
            self._follow(item, seq)
        return [seq for seq, _ in numbered]

    def finish(self) -> None:
        self.db.executemany(PUT_EXECUTION, self._executions)
        self.db.executemany(PUT_COMMISSION, self._commissions)
        self.db.executemany(PUT_INSTRUMENT, [instrument_columns(i) for i in self.met.values()])
        self.db.executemany(
            PUT_INSTRUMENT_IF_NONE, [instrument_columns(i) for i in self._told.values()]
        )
        if self.db.execute("SELECT 1 FROM absences LIMIT 1").fetchone():
            self.db.executemany(
                "DELETE FROM absences WHERE account = ? AND con_id = ?", self._present
            )
        self.standings.save()

    def _append(
        self,
        observation: Observation,
        identity: str,
        key: PositionKey | None,
        exec_id: str | None = None,
        payload: str | None = None,
    ) -> int | None:
        if payload is None:
            payload = encode(observation, self.row_text)
        cursor = self.db.execute(
            _APPEND, self._columns(observation, identity, key, payload, exec_id)
        )
        return cursor.lastrowid if cursor.rowcount == 1 else None

    def _columns(
        self,
        observation: Observation,
        identity: str,
        key: PositionKey | None,
        payload: str,
        exec_id: str | None = None,
    ) -> tuple[str | int | None, ...]:
        return (
            kind_of(observation).value,
            key.account if key else "",
            key.con_id if key else None,
            exec_id,
            identity,
            payload,
            stamp(self.now),
        )

    def _take_fill(self, fill: Fill) -> int | None:
        exec_id = label(fill.exec_id)
        seq = self._append(fill, f"fill|{fill.account}|{exec_id}", fill.key, exec_id)
        if seq is not None:
            self._executions.append(execution_columns(seq, fill))
            self._keys_by_exec.setdefault(exec_id, []).append(fill.key)
            self._meet(fill.instrument, is_told=fill.source is FillSource.FLEX)
            if _is_bookable(fill.key):
                self.standings[fill.key].touch(seq)
                self.news.append((fill.key, Recorded(seq, fill)))
        return seq

    def _take_commission(self, report: Commission) -> int | None:
        exec_id, payload = label(report.exec_id), encode(report)
        if report.charge is Charge.TOTAL and self._is_known(exec_id, report):
            return None
        identity = f"commission|{exec_id}|{_digest(payload)}"
        seq = self._append(report, identity, None, exec_id, payload)
        if seq is not None:
            self._commissions.append(commission_columns(seq, report))
            for key in self._keys_of(exec_id):
                self.standings[key].touch(seq)
                self.news.append((key, Recorded(seq, report)))
        return seq

    def _is_known(self, exec_id: str, report: Commission) -> bool:
        """Whether the last report of an execution says the same in other digits.

        A statement writes `-1` where TWS wrote `1.0`, and rounds the profit.
        """
        record = self.db.execute(
            "SELECT amount, currency, broker_realized_pnl FROM commissions WHERE exec_id = ?",
            (exec_id,),
        ).fetchone()
        if record is None or record["currency"] != label(report.currency):
            return False
        if number(record["amount"]) != report.amount:
            return False
        was, now = optional_number(record["broker_realized_pnl"]), report.broker_realized_pnl
        return now is None or (was is not None and abs(was - now) < _CENT)

    def _take_pushed(self, pushed: RowPushed) -> int | None:
        row = pushed.row
        content = _digest(row_content(row))
        if not _is_bookable(row.key):
            identity = f"pushed|{row.account}|{stamp(pushed.received_at)}|{content}"
            return self._append(pushed, identity, row.key)
        standing = self.standings[row.key]
        if standing.last_push == content:
            return None
        # The same row may come again after other news of the position: it is news then.
        identity = f"pushed|{row.account}|{row.key.con_id}|{standing.latest_seq}|{content}"
        seq = self._append(pushed, identity, row.key)
        if seq is not None:
            self._meet(row.instrument)
            standing.push(seq, content, pushed.received_at, is_zero=row.quantity == 0)
            self.news.append((row.key, Recorded(seq, pushed)))
        return seq

    def _take_decided(self, decided: Decided) -> int | None:
        identity, key, payload = self._named(decided)
        seq = self._append(decided, identity, key, None, payload)
        if seq is not None:
            self._follow(decided, seq)
        return seq

    def _named(self, decided: Decided) -> tuple[str, PositionKey, str]:
        """What identifies a decision, the position that it is about, and its text."""
        key, payload = decided.key, encode(decided, self.row_text)
        kind = kind_of(decided).value
        what = _digest(payload)
        if isinstance(decided, Adjusted):
            # The same event in two statements is one.
            what = f"{decided.source}|{decided.kind}|{label(decided.reference)}"
        return f"{kind}|{key.account}|{key.con_id}|{what}", key, payload

    def _follow(self, decided: Decided, seq: int) -> None:
        self.news.append((decided.key, Recorded(seq, decided)))
        standing = self.standings[decided.key]
        match decided:
            case Anchor():
                self._meet(decided.row.instrument)
                standing.anchor(seq, self.row_text(decided.row), decided.as_of)
            case Absent(is_hindsight=True):
                standing.touch(seq)
            case Absent():
                standing.absent(seq)
            case CloseDecided():
                standing.close(seq, decided.as_of)
            case Adjusted():
                is_told = decided.source is AdjustmentSource.FLEX
                self._meet(decided.instrument, is_told=is_told)
                standing.touch(seq)
            case BasisCarried():
                standing.touch(seq)
        if not isinstance(decided, Absent):
            self._present.append(decided.key)

    def _keys_of(self, exec_id: str) -> set[PositionKey]:
        stored = self.db.execute(
            "SELECT account, con_id FROM executions WHERE exec_id = ?", (exec_id,)
        )
        keys = {PositionKey(record["account"], record["con_id"]) for record in stored}
        keys.update(self._keys_by_exec.get(exec_id, ()))
        return {key for key in keys if _is_bookable(key)}

    def _meet(self, instrument: Instrument, *, is_told: bool = False) -> None:
        """Keep how TWS describes a contract; what a statement makes of it is for want of better."""
        if instrument.con_id > 0:
            known = self._told if is_told else self.met
            known[instrument.con_id] = instrument


def record(
    db: sqlite3.Connection,
    observations: Sequence[Observation],
    now: datetime,
) -> Taken:
    """Append what is not there yet. Runs inside a transaction."""
    arrival = Arrival(db, now)
    new = sum(arrival.take(observation) is not None for observation in observations)
    if new:
        arrival.finish()
    return Taken(new, tuple(arrival.news))


def last_seq(db: sqlite3.Connection) -> int:
    (seq,) = db.execute("SELECT coalesce(max(seq), 0) FROM inbox").fetchone()
    return int(seq)


def history(db: sqlite3.Connection, key: PositionKey, last: int = _LARGEST) -> tuple[Recorded, ...]:
    """Every observation of a position in order of arrival, with its commissions, up to `last`."""
    found = db.execute(_HISTORY, (key.account, key.con_id, key.account, key.con_id, last))
    return tuple(
        Recorded(record["seq"], decode(record["kind"], record["payload"])) for record in found
    )


def histories(
    db: sqlite3.Connection, keys: Iterable[PositionKey]
) -> dict[PositionKey, tuple[Recorded, ...]]:
    return {key: history(db, key) for key in keys}


def _is_bookable(key: PositionKey) -> bool:
    """Without a contract id there is no position that an observation could be about."""
    return key.con_id > 0


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:32]


_HISTORY = """
SELECT seq, kind, payload FROM inbox WHERE seq IN (
    SELECT seq FROM inbox WHERE account = ? AND con_id = ?
    UNION
    SELECT report.seq FROM executions AS execution
    JOIN inbox AS report ON report.exec_id = execution.exec_id AND report.kind = 'commission'
    WHERE execution.account = ? AND execution.con_id = ?
) AND seq <= ?
ORDER BY seq
"""

_APPEND = """
INSERT INTO inbox (kind, account, con_id, exec_id, identity, payload, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identity) DO NOTHING
"""

_APPEND_AT = """
INSERT INTO inbox (seq, kind, account, con_id, exec_id, identity, payload, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
