"""The latest live values, for offline views and for what ended meanwhile. They are not history."""

import sqlite3
from collections.abc import Iterable
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.money import to_micros
from possync_tui.ledger.at_rest import label, moment, number, optional_digits, stamp


def save_marks(db: sqlite3.Connection, marks: Iterable[Mark]) -> None:
    """Keep the latest mark of each position; an older one never replaces a newer.

    Amounts of another quantity than the ledger's are left out: they would stand beside it.
    """
    kept = list(marks)
    held = {
        (account, con_id): number(quantity)
        for account, con_id, quantity in db.execute(_HELD).fetchall()
    }
    db.executemany(_SAVE, [_columns(mark, held.get(mark.key)) for mark in kept])


def read_prices(db: sqlite3.Connection, keys: Iterable[PositionKey]) -> dict[PositionKey, Mark]:
    """The latest mark of each of these positions that has a price, with that alone."""
    found: dict[PositionKey, Mark] = {}
    for key in keys:
        row = db.execute(_PRICE, (key.account, key.con_id)).fetchone()
        if row is not None:
            at, source, session_id, price = row
            found[key] = Mark(key, moment(at), source, session_id, number(price))
    return found


def _columns(mark: Mark, held: Decimal | None) -> tuple[str | int | None, ...]:
    fits = held is None or mark.is_of(held)
    return (
        mark.key.account,
        mark.key.con_id,
        stamp(mark.at),
        label(mark.source),
        label(mark.session_id),
        optional_digits(mark.price),
        _micros(mark.market_value if fits else None),
        _micros(mark.unrealized_pnl if fits else None),
        _micros(mark.daily_pnl),
        _micros(mark.realized_today),
    )


def _micros(amount: Decimal | None) -> int | None:
    return None if amount is None else to_micros(amount)


_HELD = "SELECT account, con_id, quantity FROM lives WHERE status <> 'CLOSED'"

_PRICE = (
    "SELECT at, source, session_id, price FROM marks"
    " WHERE account = ? AND con_id = ? AND price IS NOT NULL"
)

_SAVE = """
INSERT INTO marks (account, con_id, at, source, session_id, price, market_value_micros,
    unrealized_pnl_micros, daily_pnl_micros, realized_today_micros)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account, con_id) DO UPDATE SET
    at = excluded.at, source = excluded.source, session_id = excluded.session_id,
    price = excluded.price, market_value_micros = excluded.market_value_micros,
    unrealized_pnl_micros = excluded.unrealized_pnl_micros,
    daily_pnl_micros = excluded.daily_pnl_micros,
    realized_today_micros = excluded.realized_today_micros
WHERE excluded.at >= marks.at
"""
