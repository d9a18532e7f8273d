"""Realized entries: appended, reversed, never edited. Their sums are kept along with them."""

import sqlite3
from dataclasses import dataclass, field, replace
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.plan import AddEntry, ReverseEntry
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Quality
from possync_tui.ledger.at_rest import (
    digits,
    label,
    moment,
    number,
    one_of,
    optional_digits,
    optional_number,
    stamp,
)
from possync_tui.ledger.named import NamedLife
from possync_tui.ledger.parts import decode_price, encode_price
from possync_tui.ledger.port import LedgerWriteFailed
from possync_tui.ledger.rollups import Appended, Rollups


def standing_entries(db: sqlite3.Connection, life_id: int) -> list[tuple[int, Entry]]:
    """The entries of a life that no reversal has undone, by id, in the order of their events."""
    found = db.execute(
        "SELECT entry.* FROM standing_entries AS standing"
        " JOIN realized_entries AS entry ON entry.id = standing.entry_id"
        " WHERE standing.life_id = ? ORDER BY entry.closed_at, entry.id",
        (life_id,),
    )
    return [(record["id"], entry_of(record)) for record in found]


@dataclass
class Appending:
    """Entries on their way into one run, and the sums that follow them; `save` writes them all."""

    db: sqlite3.Connection
    run_id: int
    now: datetime
    rollups: Rollups
    _entries: list[tuple[str | int | None, ...]] = field(default_factory=list)
    _standing: list[tuple[int, int]] = field(default_factory=list)
    _totals: list[tuple[int, str, int, int]] = field(default_factory=list)
    _last: int | None = None

    def add(self, change: AddEntry, life: NamedLife) -> int:
        """Append an entry to a life; return its id."""
        entry_id = self._append(life, change.key, change.entry, change.supersedes_id)
        self._standing.append((entry_id, life.life_id))
        self._sum_up(life.life_id, change.entry, 1)
        return entry_id

    def reverse(self, change: ReverseEntry) -> int:
        """Append the negative of a standing entry, at the time of what it reverses; return its id.

        Raises `LedgerWriteFailed` where the entry does not stand (any more).
        """
        record = self.db.execute(
            "SELECT entry.* FROM standing_entries AS standing"
            " JOIN realized_entries AS entry ON entry.id = standing.entry_id"
            " WHERE standing.entry_id = ? AND entry.account = ? AND entry.con_id = ?",
            (change.entry_id, *change.key),
        ).fetchone()
        if record is None:
            raise LedgerWriteFailed(
                f"The plan does not fit the ledger (entry {change.entry_id} does not stand); "
                "nothing was written. Sync again."
            )
        # Under the name that it was summed up under: the contract may have another one by now.
        named = (record[name] for name in NamedLife._fields[1:])
        life = NamedLife(record["life_id"], *named)
        reversal = reversed_entry(entry_of(record))
        entry_id = self._append(life, change.key, reversal, change.entry_id)
        # At once: one that is reversed twice has to be found out.
        self.db.execute("DELETE FROM standing_entries WHERE entry_id = ?", (change.entry_id,))
        self._sum_up(life.life_id, reversal, -1)
        return entry_id

    def save(self) -> None:
        self.db.executemany(_APPEND, self._entries)
        self.db.executemany(
            "INSERT INTO standing_entries (entry_id, life_id) VALUES (?, ?)", self._standing
        )
        self.db.executemany(_SUM_UP, self._totals)
        self.rollups.save()
        self._entries, self._standing, self._totals = [], [], []

    def _append(
        self, life: NamedLife, key: PositionKey, entry: Entry, supersedes_id: int | None
    ) -> int:
        if self._last is None:
            found = self.db.execute("SELECT coalesce(max(id), 0) FROM realized_entries")
            (self._last,) = found.fetchone()
        entry_id = self._last = self._last + 1
        self._entries.append(
            (
                entry_id,
                life.life_id,
                key.account,
                key.con_id,
                *life[1:],
                entry.method.value,
                label(entry.cause),
                entry.kind.value,
                entry.quality.value,
                stamp(entry.closed_at),
                stamp(self.now),
                digits(entry.quantity),
                optional_digits(entry.entry_price),
                optional_digits(entry.exit_price),
                entry.gross_micros,
                entry.commission_micros,
                label(entry.commission_currency),
                entry.realized_micros,
                optional_digits(entry.broker_realized),
                None if entry.exec_id is None else label(entry.exec_id),
                int(entry.is_full_close),
                encode_price(entry.price),
                supersedes_id,
                self.run_id,
            )
        )
        self.rollups.add(Appended(entry, key.account, key.con_id, *life[1:]))
        return entry_id

    def _sum_up(self, life_id: int, entry: Entry, count: int) -> None:
        if entry.realized_micros is not None:
            self._totals.append((life_id, entry.method.value, entry.realized_micros, count))


def reversed_entry(entry: Entry) -> Entry:
    """What, added to `entry`, leaves nothing."""
    return replace(
        entry,
        kind=EntryKind.REVERSAL,
        quantity=-entry.quantity,
        gross_micros=_negative(entry.gross_micros),
        commission_micros=_negative(entry.commission_micros),
        realized_micros=_negative(entry.realized_micros),
        broker_realized=None if entry.broker_realized is None else -entry.broker_realized,
    )


def entry_of(record: sqlite3.Row) -> Entry:
    return Entry(
        cause=record["cause"],
        method=one_of(CostMethod, record["method"]),
        kind=one_of(EntryKind, record["kind"]),
        quality=one_of(Quality, record["quality"]),
        closed_at=moment(record["closed_at"]),
        quantity=number(record["quantity"]),
        entry_price=optional_number(record["entry_price"]),
        exit_price=optional_number(record["exit_price"]),
        gross_micros=record["gross_micros"],
        commission_micros=record["commission_micros"],
        commission_currency=record["commission_currency"],
        realized_micros=record["realized_pnl_micros"],
        broker_realized=optional_number(record["broker_realized_pnl"]),
        exec_id=record["exec_id"],
        is_full_close=bool(record["is_full_close"]),
        price=decode_price(record["price"]),
    )


def _negative(micros: int | None) -> int | None:
    return None if micros is None else -micros


_SUM_UP = """
INSERT INTO life_totals (life_id, method, realized_pnl_micros, known)
VALUES (?, ?, ?, ?)
ON CONFLICT (life_id, method) DO UPDATE SET
    realized_pnl_micros = realized_pnl_micros + excluded.realized_pnl_micros,
    known = known + excluded.known
"""

_APPEND = """
INSERT INTO realized_entries (id, life_id, account, con_id, symbol, description, sec_type, currency,
    method, cause, kind, quality, closed_at, recorded_at, quantity, entry_price, exit_price,
    gross_micros, commission_micros, commission_currency, realized_pnl_micros, broker_realized_pnl,
    exec_id, is_full_close, price, supersedes_id, run_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
