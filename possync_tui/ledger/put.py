"""Lives and their lots as they are written: many at once, and only what differs."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from possync_tui.domain.observations import PositionRow
from possync_tui.domain.plan import PutLife
from possync_tui.domain.position import Life, Lot
from possync_tui.ledger.at_rest import digits, label, stamp
from possync_tui.ledger.lives import life_columns, shown_amounts
from possync_tui.ledger.parts import encode_fees, encode_row
from possync_tui.ledger.port import LedgerWriteFailed

Column = str | int | None


def put_lives(
    db: sqlite3.Connection,
    changes: Sequence[PutLife],
    row_text: Callable[[PositionRow], str] = encode_row,
) -> list[int]:
    """Write new lives, and make stored ones equal to what they are now; return their ids.

    Raises `LedgerWriteFailed` where the plan does not fit the tables.
    """
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM lives").fetchone()
    ids: list[int] = []
    new: list[tuple[Column, ...]] = []
    moved: list[tuple[Column, ...]] = []
    changed: list[tuple[Column, ...]] = []
    lots = _Lots(db)
    for change in changes:
        life, key, life_id = change.life, change.key, change.life_id
        if life_id is None:
            life_id = last = last + 1
            new.append((*key, *life_columns(db, key, life, row_text).values(), life_id))
        elif change.before is not None and life.row is not None and _has_moved(change.before, life):
            amounts = shown_amounts(life, life.row.instrument)
            moved.append((*amounts, row_text(life.row), life_id, *key))
        else:
            changed.append((*life_columns(db, key, life, row_text).values(), life_id, *key))
        lots.put(life_id, change.before if change.life_id else None, life, change.life_id)
        ids.append(life_id)
    db.executemany(_NEW, new)
    _change(db, _MOVED, moved)
    _change(db, _CHANGED, changed)
    lots.save()
    return ids


def _change(db: sqlite3.Connection, sql: str, rows: list[tuple[Column, ...]]) -> None:
    if rows and db.executemany(sql, rows).rowcount != len(rows):
        raise LedgerWriteFailed(
            "The plan does not fit the ledger (a life that it changes is not of that position); "
            "nothing was written. Sync again."
        )


def _has_moved(was: Life, now: Life) -> bool:
    """Whether only the broker's row and what follows from it differ: most changes are that."""
    if was.row is None or now.row is None:
        return False
    return (
        was.row.instrument == now.row.instrument
        and was.status is now.status
        and was.origin == now.origin
        and was.opened_at == now.opened_at
        and was.closed_at == now.closed_at
        and was.missing_since == now.missing_since
        and was.close_reason == now.close_reason
    )


class _Lots:
    """Lots of many lives: those that stay as they are stay untouched."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._gone: list[tuple[int, int, int]] = []
        self._put: list[tuple[Column, ...]] = []

    def put(self, life_id: int, before: Life | None, life: Life, stored: int | None) -> None:
        if before is None:
            if stored is not None:
                self._gone += [(life_id, 0, 0), (life_id, 1, 0)]
            self._differ(life_id, 0, (), life.lots)
            self._differ(life_id, 1, (), _pool(life))
        elif (before.lots, before.pool) != (life.lots, life.pool):
            self._differ(life_id, 0, before.lots, life.lots)
            self._differ(life_id, 1, _pool(before), _pool(life))

    def _differ(
        self, life_id: int, is_pool: int, before: Sequence[Lot], lots: Sequence[Lot]
    ) -> None:
        same = 0
        for was, now in zip(before, lots, strict=False):
            # Most are the very same: only another one has to be compared, which is dear.
            if was is not now and was != now:
                break
            same += 1
        if len(lots) < len(before):
            self._gone.append((life_id, is_pool, len(lots)))
        for place, lot in enumerate(lots[same:], start=same):
            self._put.append((life_id, is_pool, place, *_columns(lot)))

    def save(self) -> None:
        self._db.executemany(
            "DELETE FROM lots WHERE life_id = ? AND is_pool = ? AND place >= ?", self._gone
        )
        self._db.executemany(_PUT_LOT, self._put)


def _pool(life: Life) -> tuple[Lot, ...]:
    return () if life.pool is None else (life.pool,)


def _columns(lot: Lot) -> Iterable[Column]:
    return (
        digits(lot.quantity),
        lot.value_micros,
        encode_fees(lot.fees),
        stamp(lot.opened_at),
        label(lot.cause),
        int(lot.is_seeded),
        int(lot.is_pending),
    )


_NEW = """
INSERT INTO lives (account, con_id, origin, symbol, description, sec_type, currency, multiplier,
    unit_value, quantity, average_cost, average_price, status, opened_at, closed_at, missing_since,
    close_reason, row, id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_CHANGED = """
UPDATE lives SET origin = ?, symbol = ?, description = ?, sec_type = ?, currency = ?,
    multiplier = ?, unit_value = ?, quantity = ?, average_cost = ?, average_price = ?, status = ?,
    opened_at = ?, closed_at = ?, missing_since = ?, close_reason = ?, row = ?
WHERE id = ? AND account = ? AND con_id = ?
"""

# What is in no index, so that none has to follow.
_MOVED = """
UPDATE lives SET quantity = ?, average_cost = ?, average_price = ?, row = ?
WHERE id = ? AND account = ? AND con_id = ?
"""

_PUT_LOT = """
INSERT INTO lots (life_id, is_pool, place, quantity, value_micros, fees, opened_at, cause,
    is_seeded, is_pending)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (life_id, is_pool, place) DO UPDATE SET
    quantity = excluded.quantity, value_micros = excluded.value_micros, fees = excluded.fees,
    opened_at = excluded.opened_at, cause = excluded.cause, is_seeded = excluded.is_seeded,
    is_pending = excluded.is_pending
"""
