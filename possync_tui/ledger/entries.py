"""Realized entries: appended, reversed, never edited. Their sums are kept along with them."""

import sqlite3
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Appending:
    """The run that entries are appended in, and the sums that follow them."""

    db: sqlite3.Connection
    run_id: int
    now: datetime
    rollups: Rollups


def add_entry(appending: Appending, change: AddEntry, life_id: int) -> int:
    """Append an entry to a life; return its id."""
    db = appending.db
    entry_id = _append(appending, life_id, change.key, change.entry, change.supersedes_id)
    db.execute(
        "INSERT INTO standing_entries (entry_id, life_id) VALUES (?, ?)", (entry_id, life_id)
    )
    _sum_up(db, life_id, change.entry, 1)
    return entry_id


def reverse_entry(appending: Appending, change: ReverseEntry) -> int:
    """Append the negative of a standing entry, at the time of what it reverses; return its id.

    Raises `LedgerWriteFailed` where the entry does not stand (any more).
    """
    db = appending.db
    record = db.execute(
        "SELECT entry.* FROM standing_entries AS standing"
        " JOIN realized_entries AS entry ON entry.id = standing.entry_id"
        " WHERE standing.entry_id = ? AND entry.account = ? AND entry.con_id = ?",
        (change.entry_id, change.key.account, change.key.con_id),
    ).fetchone()
    if record is None:
        raise LedgerWriteFailed(
            f"The plan does not fit the ledger (entry {change.entry_id} does not stand); "
            "nothing was written. Sync again."
        )
    life_id: int = record["life_id"]
    reversal = reversed_entry(entry_of(record))
    entry_id = _append(appending, life_id, change.key, reversal, change.entry_id)
    db.execute("DELETE FROM standing_entries WHERE entry_id = ?", (change.entry_id,))
    _sum_up(db, life_id, reversal, -1)
    return entry_id


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


def _append(
    appending: Appending,
    life_id: int,
    key: PositionKey,
    entry: Entry,
    supersedes_id: int | None,
) -> int:
    life = appending.db.execute(
        "SELECT symbol, description, sec_type, currency FROM lives WHERE id = ?", (life_id,)
    ).fetchone()
    cursor = appending.db.execute(
        _APPEND,
        (
            life_id,
            key.account,
            key.con_id,
            *life,
            entry.method.value,
            label(entry.cause),
            entry.kind.value,
            entry.quality.value,
            stamp(entry.closed_at),
            stamp(appending.now),
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
            appending.run_id,
        ),
    )
    appending.rollups.add(Appended(entry, key.account, key.con_id, *life))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _sum_up(db: sqlite3.Connection, life_id: int, entry: Entry, count: int) -> None:
    if entry.realized_micros is None:
        return
    db.execute(
        "INSERT INTO life_totals (life_id, method, realized_pnl_micros, known)"
        " VALUES (?, ?, ?, ?) ON CONFLICT (life_id, method) DO UPDATE SET"
        " realized_pnl_micros = realized_pnl_micros + excluded.realized_pnl_micros,"
        " known = known + excluded.known",
        (life_id, entry.method.value, entry.realized_micros, count),
    )


_APPEND = """
INSERT INTO realized_entries (life_id, account, con_id, symbol, description, sec_type, currency,
    method, cause, kind, quality, closed_at, recorded_at, quantity, entry_price, exit_price,
    gross_micros, commission_micros, commission_currency, realized_pnl_micros, broker_realized_pnl,
    exec_id, is_full_close, price, supersedes_id, run_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
