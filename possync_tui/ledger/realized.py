"""Realized entries as they are read."""

import sqlite3
from decimal import Decimal

from possync_tui.domain.money import from_micros
from possync_tui.domain.views import EntryView
from possync_tui.ledger.at_rest import moment, number, optional_number, stamp
from possync_tui.ledger.parts import decode_price
from possync_tui.ledger.port import EntryQuery

Parameters = list[str | int]


def entries(db: sqlite3.Connection, query: EntryQuery) -> list[EntryView]:
    """The newest first."""
    where, parameters = entry_filter(db, query)
    limit = _limit(query, parameters)
    # The texts put together here are fixed ones; what comes from outside is bound.
    sql = (
        "SELECT entry.*, account.id AS account_id FROM realized_entries AS entry"  # noqa: S608
        " JOIN accounts AS account ON account.code = entry.account"
        f" WHERE {where} ORDER BY entry.closed_at DESC, entry.id DESC{limit}"
    )
    return [_entry(record) for record in db.execute(sql, parameters)]


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


def _limit(query: EntryQuery, parameters: Parameters) -> str:
    if query.limit is None:
        return ""
    parameters.append(query.limit)
    return " LIMIT ?"


def _entry(record: sqlite3.Row) -> EntryView:
    return EntryView(
        id=record["id"],
        position_id=record["life_id"],
        account_id=record["account_id"],
        account=record["account"],
        con_id=record["con_id"],
        symbol=record["symbol"],
        description=record["description"],
        sec_type=record["sec_type"],
        currency=record["currency"],
        closed_at=moment(record["closed_at"]),
        recorded_at=moment(record["recorded_at"]),
        quantity_closed=number(record["quantity"]),
        entry_price=optional_number(record["entry_price"]),
        exit_price=optional_number(record["exit_price"]),
        gross_pnl=_money(record["gross_micros"]),
        commission=_money(record["commission_micros"]),
        commission_currency=record["commission_currency"],
        realized_pnl=_money(record["realized_pnl_micros"]),
        broker_realized_pnl=optional_number(record["broker_realized_pnl"]),
        quality=record["quality"],
        kind=record["kind"],
        supersedes_id=record["supersedes_id"],
        exec_id=record["exec_id"],
        is_full_close=bool(record["is_full_close"]),
        price=decode_price(record["price"]),
    )


def _money(micros: int | None) -> Decimal | None:
    return None if micros is None else from_micros(micros)
