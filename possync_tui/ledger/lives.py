"""Lives and their lots as the tables have them, exact both ways; `put` writes them."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import EXACT
from possync_tui.domain.observations import PositionRow
from possync_tui.domain.plan import StoredLife
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
from possync_tui.ledger.named import NamedLife
from possync_tui.ledger.parts import (
    decode_fees,
    decode_instrument,
    decode_row,
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


def life_named(db: sqlite3.Connection, key: PositionKey, origin: str) -> NamedLife:
    """The life that the event `origin` opened. Raises `LedgerWriteFailed`."""
    record = db.execute(
        "SELECT id, symbol, description, sec_type, currency FROM lives"
        " WHERE account = ? AND con_id = ? AND origin = ? AND close_reason <> ?"
        " ORDER BY id DESC LIMIT 1",
        (key.account, key.con_id, label(origin), VOIDED),
    ).fetchone()
    if record is None:
        raise LedgerWriteFailed(
            f"The plan does not fit the ledger (an entry for a life {origin!r} that is not there); "
            "nothing was written. Sync again."
        )
    return NamedLife(*record)


def instrument_of(db: sqlite3.Connection, con_id: int) -> Instrument | None:
    """The contract as it was last described."""
    record = db.execute("SELECT instrument FROM instruments WHERE con_id = ?", (con_id,)).fetchone()
    return None if record is None else decode_instrument(record["instrument"])


def life_columns(
    db: sqlite3.Connection,
    key: PositionKey,
    life: Life,
    row_text: Callable[[PositionRow], str] = encode_row,
) -> dict[str, str | None]:
    """The columns of `lives` that follow from the life itself."""
    instrument = life.row.instrument if life.row else instrument_of(db, key.con_id)
    if instrument is None:
        raise LedgerWriteFailed(
            f"Nothing was written: contract {key.con_id} of {key.account} was never observed."
        )
    quantity, cost, price = shown_amounts(life, instrument)
    return {
        "origin": label(life.origin),
        "symbol": label(instrument.symbol),
        "description": label(instrument.description),
        "sec_type": label(instrument.sec_type),
        "currency": label(instrument.currency),
        "multiplier": digits(instrument.multiplier_value),
        "unit_value": digits(instrument.unit_value),
        "quantity": quantity,
        "average_cost": cost,
        "average_price": price,
        "status": life.status.value,
        "opened_at": stamp(life.opened_at),
        "closed_at": optional_stamp(life.closed_at),
        "missing_since": optional_stamp(life.missing_since),
        "close_reason": label(life.close_reason),
        "row": None if life.row is None else row_text(life.row),
    }


def shown_amounts(life: Life, instrument: Instrument) -> tuple[str, str | None, str | None]:
    """Quantity, average cost and average price, as the tables show them."""
    cost = _shown_cost(life, instrument.currency)
    price = _per_unit(cost, instrument.unit_value)
    return digits(life.quantity), optional_digits(cost), optional_digits(price)


def _shown_cost(life: Life, currency: str) -> Decimal | None:
    """The broker's average cost, or our own where no row of the broker's came yet."""
    if life.row is not None and life.row.quantity:
        return life.row.average_cost
    own = life.own_average_cost(CostMethod.AVERAGE, currency) if life.quantity else None
    return None if own is None else rounded(own)


def _per_unit(cost: Decimal | None, unit_value: Decimal) -> Decimal | None:
    if cost is None or unit_value == 1:
        return cost if cost is None else rounded(cost)
    return rounded(EXACT.divide(cost, unit_value))


def rounded(price: Decimal) -> Decimal:
    """A price with at most 12 places: for show, the exact amounts are elsewhere."""
    exponent = price.as_tuple().exponent
    is_long = isinstance(exponent, int) and exponent < -12
    return price.quantize(_PRICE_DIGITS, context=EXACT) if is_long else price


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
