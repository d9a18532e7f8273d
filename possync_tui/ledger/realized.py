"""Realized entries as they are read."""

import sqlite3
from collections.abc import AsyncIterator
from functools import partial

from possync_tui.domain.money import from_micros
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import EntryView
from possync_tui.ledger.at_rest import moment, number, optional_number, stamp
from possync_tui.ledger.connection import Connection
from possync_tui.ledger.parts import decode_price
from possync_tui.ledger.port import EntryQuery

Parameters = list[str | int]


PAGE = 1_000
"""Entries read at once where there may be any number of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the next one goes on below it, among entries up to `last_id`."""

    closed_at: str
    entry_id: int
    last_id: int


def entries(db: sqlite3.Connection, query: EntryQuery) -> list[EntryView]:
    """The newest first."""
    where, parameters = entry_filter(db, query)
    return _read(db, where, parameters, query.limit)


def first_place(db: sqlite3.Connection) -> Place:
    """Above all entries that there are: later ones, and the reversals among them, stay out."""
    (last_id,) = db.execute("SELECT coalesce(max(id), 0) FROM realized_entries").fetchone()
    return Place("A", 0, last_id)


def page(
    db: sqlite3.Connection, query: EntryQuery, below: Place, size: int
) -> tuple[list[EntryView], Place]:
    """The next entries, the newest first, and where they end. By an index, however far down."""
    where, parameters = entry_filter(db, query)
    where += " AND (entry.closed_at, entry.id) < (?, ?) AND entry.id <= ?"
    parameters += [below.closed_at, below.entry_id, below.last_id]
    found = _read(db, where, parameters, size)
    if found:
        below = Place(stamp(found[-1].closed_at), found[-1].id, below.last_id)
    return found, below


def _read(
    db: sqlite3.Connection, where: str, parameters: Parameters, limit: int | None
) -> list[EntryView]:
    # The texts put together here are fixed ones; what comes from outside is bound.
    sql = (
        f"SELECT {_COLUMNS} FROM realized_entries AS entry"  # noqa: S608
        " JOIN accounts AS account ON account.code = entry.account"
        f" WHERE {where} ORDER BY entry.closed_at DESC, entry.id DESC LIMIT ?"
    )
    cursor = db.cursor()
    # Plain tuples: names would be looked up 25 times an entry.
    cursor.row_factory = None
    found = cursor.execute(sql, [*parameters, -1 if limit is None else limit])
    return [_entry(*columns) for columns in found]


def entry_filter(db: sqlite3.Connection, query: EntryQuery) -> tuple[str, Parameters]:
    """Which entries a query finds, as SQL."""
    # Of one symbol there are few: the way by contract is shorter then than that by time.
    by_name = query.symbol is not None
    where, parameters = sums_filter(query, "+entry." if by_name else "entry.")
    if query.symbol is not None:
        name = named(db, query.symbol)
        where += (
            f" AND entry.{name} = ? COLLATE NOCASE AND (entry.account, entry.con_id) IN"  # noqa: S608
            f" (SELECT account, con_id FROM realized_contracts WHERE {name} = ? COLLATE NOCASE)"
        )
        parameters += [query.symbol] * 2
    column = "+entry.closed_at" if by_name else "entry.closed_at"
    if query.since is not None:
        where += f" AND {column} >= ?"
        parameters.append(stamp(query.since))
    if query.until is not None:
        where += f" AND {column} < ?"
        parameters.append(stamp(query.until))
    return where, parameters


def named(db: sqlite3.Connection, name: str) -> str:
    """The column that a name is of: a symbol comes first, so that what a total by symbol has is
    what its name finds; else it is what a contract is called.
    """
    found = db.execute(
        "SELECT 1 FROM realized_contracts WHERE symbol = ? COLLATE NOCASE LIMIT 1", (name,)
    ).fetchone()
    return "symbol" if found else "description"


def sums_filter(query: EntryQuery, prefix: str = "") -> tuple[str, Parameters]:
    """The part of a query that entries and sums over them have in common, as SQL."""
    parameters = Parameters()
    if query.method is None:
        where = [f"{prefix}method = (SELECT value FROM meta WHERE name = 'cost_method')"]  # noqa: S608
    else:
        where = [f"{prefix}method = ?"]
        parameters.append(query.method.value)
    if query.account_id is not None:
        where.append(f"{prefix}account = (SELECT code FROM accounts WHERE id = ?)")  # noqa: S608
        parameters.append(query.account_id)
    if query.account_ids is not None:
        marks = ", ".join("?" * len(query.account_ids))
        chosen = f"SELECT code FROM accounts WHERE id IN ({marks})"  # noqa: S608
        where.append(f"{prefix}account IN ({chosen})")
        parameters += sorted(query.account_ids)
    if query.currency is not None:
        where.append(f"{prefix}currency = ? COLLATE NOCASE")
        parameters.append(query.currency)
    if query.quality is not None:
        where.append(f"{prefix}quality = ?")
        parameters.append(query.quality.value)
    return " AND ".join(where), parameters


_COLUMNS = (
    "entry.id, entry.life_id, account.id, entry.account, entry.con_id, entry.symbol,"
    " entry.description, entry.sec_type, entry.currency, entry.closed_at, entry.recorded_at,"
    " entry.quantity, entry.entry_price, entry.exit_price, entry.gross_micros,"
    " entry.commission_micros, entry.commission_currency, entry.realized_pnl_micros,"
    " entry.broker_realized_pnl, entry.quality, entry.kind, entry.supersedes_id, entry.exec_id,"
    " entry.is_full_close, entry.price"
)


def _entry(
    entry_id: int,
    life_id: int,
    account_id: int,
    account: str,
    con_id: int,
    symbol: str,
    description: str,
    sec_type: str,
    currency: str,
    closed_at: str,
    recorded_at: str,
    quantity: str,
    entry_price: str | None,
    exit_price: str | None,
    gross: int | None,
    commission: int | None,
    commission_currency: str,
    realized: int | None,
    broker: str | None,
    quality: str,
    kind: str,
    supersedes_id: int | None,
    exec_id: str | None,
    is_full_close: int,
    price: str | None,
) -> EntryView:
    return EntryView(
        entry_id,
        life_id,
        account_id,
        account,
        con_id,
        symbol,
        description,
        sec_type,
        currency,
        moment(closed_at),
        moment(recorded_at),
        number(quantity),
        optional_number(entry_price),
        optional_number(exit_price),
        None if gross is None else from_micros(gross),
        None if commission is None else from_micros(commission),
        commission_currency,
        None if realized is None else from_micros(realized),
        optional_number(broker),
        quality,
        kind,
        supersedes_id,
        exec_id,
        bool(is_full_close),
        decode_price(price),
    )


async def pages(
    reader: Connection, query: EntryQuery, size: int = PAGE
) -> AsyncIterator[list[EntryView]]:
    """The entries of a query, the newest first, some at a time."""
    if query.symbol is not None:
        # What is of one name is found by it, not page by page.
        yield await reader.read(lambda db: entries(db, query))
        return
    below, left = await reader.read(first_place), query.limit
    while left is None or left > 0:
        wanted = size if left is None else min(size, left)
        found, below = await reader.read(partial(page, query=query, below=below, size=wanted))
        yield found
        if len(found) < wanted:
            return
        left = left if left is None else left - wanted
