"""Lives and their lots in the tables, exact both ways."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import EXACT
from possync_tui.domain.plan import PutLife, StoredLife
from possync_tui.domain.position import CostMethod, Entry, Life, Lot, Status
from possync_tui.ledger.at_rest import (
    digits,
    label,
    moment,
    number,
    one_of,
    optional_digits,
    optional_moment,
    optional_stamp,
    stamp,
)
from possync_tui.ledger.entries import standing_entries
from possync_tui.ledger.parts import (
    decode_fees,
    decode_instrument,
    decode_row,
    encode_fees,
    encode_row,
)
from possync_tui.ledger.port import LedgerWriteFailed

VOIDED = "voided"
"""The close reason of a life that better evidence says never was."""

_PRICE_DIGITS = Decimal("1E-12")


def stored_lives(db: sqlite3.Connection, key: PositionKey) -> tuple[StoredLife, ...]:
    """The lives of a position, oldest first, voided ones too."""
    found = db.execute(
        "SELECT * FROM lives WHERE account = ? AND con_id = ? ORDER BY opened_at, id",
        (key.account, key.con_id),
    ).fetchall()
    return tuple(_stored_life(db, record) for record in found)


def put_life(db: sqlite3.Connection, change: PutLife) -> int:
    """Write a new life, or make the stored one equal to `change.life`; return its id.

    Raises `LedgerWriteFailed` where the plan does not fit the tables.
    """
    columns = life_columns(db, change.key, change.life)
    if change.life_id is None:
        names = ", ".join(["account", "con_id", *columns])
        marks = ", ".join("?" * (len(columns) + 2))
        cursor = db.execute(
            f"INSERT INTO lives ({names}) VALUES ({marks})",  # noqa: S608 (our own names)
            (change.key.account, change.key.con_id, *columns.values()),
        )
        life_id = cursor.lastrowid
        assert life_id is not None
        _put_lots(db, life_id, change.life)
        return life_id
    sets = ", ".join(f"{name} = ?" for name in columns)
    cursor = db.execute(
        f"UPDATE lives SET {sets} WHERE id = ? AND account = ? AND con_id = ?",  # noqa: S608
        (*columns.values(), change.life_id, change.key.account, change.key.con_id),
    )
    if cursor.rowcount != 1:
        raise LedgerWriteFailed(
            f"The plan does not fit the ledger (no life {change.life_id} of this position); "
            "nothing was written. Sync again."
        )
    before = change.before
    if before is None or (before.lots, before.pool) != (change.life.lots, change.life.pool):
        db.execute("DELETE FROM lots WHERE life_id = ?", (change.life_id,))
        _put_lots(db, change.life_id, change.life)
    return change.life_id


def life_named(db: sqlite3.Connection, key: PositionKey, origin: str) -> int:
    """The id of the life that the event `origin` opened. Raises `LedgerWriteFailed`."""
    record = db.execute(
        "SELECT id FROM lives WHERE account = ? AND con_id = ? AND origin = ?"
        " AND close_reason <> ? ORDER BY id DESC LIMIT 1",
        (key.account, key.con_id, label(origin), VOIDED),
    ).fetchone()
    if record is None:
        raise LedgerWriteFailed(
            f"The plan does not fit the ledger (an entry for a life {origin!r} that is not there); "
            "nothing was written. Sync again."
        )
    life_id: int = record["id"]
    return life_id


def instrument_of(db: sqlite3.Connection, con_id: int) -> Instrument | None:
    """The contract as it was last described."""
    record = db.execute("SELECT instrument FROM instruments WHERE con_id = ?", (con_id,)).fetchone()
    return None if record is None else decode_instrument(record["instrument"])


def life_columns(db: sqlite3.Connection, key: PositionKey, life: Life) -> dict[str, str | None]:
    """The columns of `lives` that follow from the life itself."""
    instrument = life.row.instrument if life.row else instrument_of(db, key.con_id)
    if instrument is None:
        raise LedgerWriteFailed(
            f"Nothing was written: contract {key.con_id} of {key.account} was never observed."
        )
    cost = _shown_cost(life, instrument.currency)
    return {
        "origin": label(life.origin),
        "symbol": label(instrument.symbol),
        "description": label(instrument.description),
        "sec_type": label(instrument.sec_type),
        "currency": label(instrument.currency),
        "multiplier": digits(instrument.multiplier_value),
        "unit_value": digits(instrument.unit_value),
        "quantity": digits(life.quantity),
        "average_cost": optional_digits(cost),
        "average_price": optional_digits(_per_unit(cost, instrument.unit_value)),
        "status": life.status.value,
        "opened_at": stamp(life.opened_at),
        "closed_at": optional_stamp(life.closed_at),
        "missing_since": optional_stamp(life.missing_since),
        "close_reason": label(life.close_reason),
        "row": None if life.row is None else encode_row(life.row),
    }


def _shown_cost(life: Life, currency: str) -> Decimal | None:
    """The broker's average cost, or our own where no row of the broker's came yet."""
    if life.row is not None and life.row.quantity:
        return life.row.average_cost
    own = life.own_average_cost(CostMethod.AVERAGE, currency) if life.quantity else None
    return None if own is None else rounded(own)


def _per_unit(cost: Decimal | None, unit_value: Decimal) -> Decimal | None:
    return None if cost is None else rounded(EXACT.divide(cost, unit_value))


def rounded(price: Decimal) -> Decimal:
    """A price with at most 12 places: for show, the exact amounts are elsewhere."""
    exponent = price.as_tuple().exponent
    is_long = isinstance(exponent, int) and exponent < -12
    return price.quantize(_PRICE_DIGITS, context=EXACT) if is_long else price


def _put_lots(db: sqlite3.Connection, life_id: int, life: Life) -> None:
    pool = () if life.pool is None else (life.pool,)
    db.executemany(
        "INSERT INTO lots (life_id, is_pool, place, quantity, value_micros, fees, opened_at, cause,"
        " is_seeded, is_pending) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [*_lot_columns(life_id, 0, life.lots), *_lot_columns(life_id, 1, pool)],
    )


def _lot_columns(
    life_id: int, is_pool: int, lots: Iterable[Lot]
) -> Iterable[tuple[int | str | None, ...]]:
    for place, lot in enumerate(lots):
        yield (
            life_id,
            is_pool,
            place,
            digits(lot.quantity),
            lot.value_micros,
            encode_fees(lot.fees),
            stamp(lot.opened_at),
            label(lot.cause),
            int(lot.is_seeded),
            int(lot.is_pending),
        )


def _stored_life(db: sqlite3.Connection, record: sqlite3.Row) -> StoredLife:
    life_id: int = record["id"]
    entries = standing_entries(db, life_id)
    row: str | None = record["row"]
    lots = db.execute(
        "SELECT * FROM lots WHERE life_id = ? ORDER BY is_pool, place", (life_id,)
    ).fetchall()
    life = Life(
        origin=record["origin"],
        opened_at=moment(record["opened_at"]),
        quantity=number(record["quantity"]),
        status=one_of(Status, record["status"]),
        lots=tuple(lot_of(lot) for lot in lots if not lot["is_pool"]),
        pool=next((lot_of(lot) for lot in lots if lot["is_pool"]), None),
        entries=tuple(entry for _, entry in entries),
        closed_at=optional_moment(record["closed_at"]),
        missing_since=optional_moment(record["missing_since"]),
        close_reason=record["close_reason"],
        row=None if row is None else decode_row(row),
    )
    return StoredLife(life_id, life, entry_ids(entries))


def entry_ids(entries: Sequence[tuple[int, Entry]]) -> dict[tuple[str, CostMethod], int]:
    return {(entry.cause, entry.method): entry_id for entry_id, entry in entries}


def without_entries(life: Life) -> Life:
    return replace(life, entries=())


def lot_of(record: sqlite3.Row) -> Lot:
    return Lot(
        quantity=number(record["quantity"]),
        value_micros=record["value_micros"],
        fees=decode_fees(record["fees"]),
        opened_at=moment(record["opened_at"]),
        cause=record["cause"],
        is_seeded=bool(record["is_seeded"]),
        is_pending=bool(record["is_pending"]),
    )
