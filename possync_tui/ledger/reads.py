"""Queries for panes, tables and exports: rows of the tables as read models, exact."""

import sqlite3
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.label_order import label_order
from possync_tui.domain.money import from_micros
from possync_tui.domain.terms import CostMethod
from possync_tui.domain.views import (
    AccountView,
    HoldView,
    JournalView,
    PositionView,
    RunView,
)
from possync_tui.ledger.at_rest import (
    moment,
    number,
    optional_moment,
    optional_number,
)

Parameters = list[str | int]
_POSITION = """id, account_id, account, con_id, symbol, description, sec_type, currency,
multiplier, quantity, average_cost, average_price, current_price,
market_value_micros, unrealized_pnl_micros, status, opened_at, closed_at, last_synced_at,
realized_pnl_micros, missing_since, marked_at"""


def positions(
    db: sqlite3.Connection,
    account_id: int | None,
    *,
    include_closed: bool,
    method: CostMethod | None = None,
) -> list[PositionView]:
    """Lives with their latest marks; `realized_pnl` by `method`, or by the ledger's own."""
    where, parameters = ["1"], Parameters()
    if account_id is not None:
        where.append("account_id = ?")
        parameters.append(account_id)
    if not include_closed:
        where.append("status <> 'CLOSED'")
    found = db.execute(
        f"SELECT {_POSITION} FROM position_rows WHERE {' AND '.join(where)}",  # noqa: S608 (fixed)
        parameters,
    )
    views = sorted(map(_position, found), key=_by_label)
    return views if method is None else _realized_by(db, method, views)


def _by_label(view: PositionView) -> tuple[int, str, int, datetime, int]:
    order = label_order(view.description or view.symbol)
    return view.account_id, order, view.con_id, view.opened_at, view.id


def runs(db: sqlite3.Connection, limit: int) -> list[RunView]:
    found = db.execute("SELECT * FROM sync_runs ORDER BY id DESC LIMIT ?", (limit,))
    return [
        RunView(
            id=record["id"],
            trigger=record["trigger"],
            started_at=moment(record["started_at"]),
            duration_ms=record["duration_ms"],
            outcome=record["outcome"],
            error=record["error"],
            positions_seen=record["positions_seen"],
            created=record["created"],
            updated=record["updated"],
            closed=record["closed"],
            missing=record["missing"],
        )
        for record in found
    ]


def holds(db: sqlite3.Connection, *, include_decided: bool) -> list[HoldView]:
    where = "1" if include_decided else "status IN ('held', 'kept')"
    found = db.execute(f"SELECT * FROM holds WHERE {where} ORDER BY id")  # noqa: S608 (fixed)
    return [
        HoldView(
            id=record["id"],
            kind=record["kind"],
            status=record["status"],
            account=record["account"],
            con_id=record["con_id"],
            symbol=record["symbol"],
            message=record["message"],
            evidence=record["evidence"],
            raised_at=moment(record["raised_at"]),
            decided_at=optional_moment(record["decided_at"]),
            note=record["note"],
            con_ids=_con_ids(record["keys"]),
        )
        for record in found
    ]


def _con_ids(keys: str) -> tuple[int, ...]:
    # Only here: most ledgers hold nothing, and what keys are made of takes a while to load.
    from possync_tui.ledger.parts import decode_keys

    return tuple(key.con_id for key in decode_keys(keys))


def accounts(db: sqlite3.Connection) -> list[AccountView]:
    found = db.execute("SELECT * FROM accounts ORDER BY id")
    return [
        AccountView(
            id=record["id"],
            code=record["code"],
            environment=record["environment"],
            status=record["status"],
            last_synced_at=optional_moment(record["last_synced_at"]),
        )
        for record in found
    ]


def journal(
    db: sqlite3.Connection,
    key: PositionKey | None,
    run_id: int | None,
    limit: int,
    *,
    both_methods: bool,
) -> list[JournalView]:
    """Lines of the journal, newest first."""
    where, parameters = ["1"], Parameters()
    if key is not None:
        where.append("account = ? AND con_id = ?")
        parameters += [key.account, key.con_id]
    if run_id is not None:
        where.append("run_id = ?")
        parameters.append(run_id)
    if not both_methods:
        selected = "(SELECT value FROM meta WHERE name = 'cost_method')"
        where.append(f"(method IS NULL OR method = {selected})")
    found = db.execute(
        f"SELECT * FROM journal WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",  # noqa: S608
        [*parameters, limit],
    )
    return [
        JournalView(
            id=record["id"],
            at=moment(record["at"]),
            run_id=record["run_id"],
            account=record["account"],
            con_id=record["con_id"],
            kind=record["kind"],
            text=record["text"],
            evidence=record["evidence"],
            method=record["method"],
        )
        for record in found
    ]


def _realized_by(
    db: sqlite3.Connection, method: CostMethod, views: list[PositionView]
) -> list[PositionView]:
    found = db.execute(
        "SELECT life_id, realized_pnl_micros FROM life_totals WHERE method = ? AND known > 0",
        (method.value,),
    )
    micros = {record["life_id"]: record["realized_pnl_micros"] for record in found}
    return [replace(view, realized_pnl=_money(micros.get(view.id))) for view in views]


def _position(record: sqlite3.Row) -> PositionView:
    # By place: to look up each of so many by its name takes three times as long.
    (
        id_, account_id, account, con_id, symbol, description, sec_type, currency,
        multiplier, quantity, average_cost, average_price, current_price,
        market_value, unrealized_pnl, status, opened_at, closed_at, last_synced_at,
        realized_pnl, missing_since, marked_at,
    ) = record  # fmt: skip
    return PositionView(
        id=id_,
        account_id=account_id,
        account=account,
        con_id=con_id,
        symbol=symbol,
        description=description,
        sec_type=sec_type,
        currency=currency,
        multiplier=number(multiplier),
        quantity=number(quantity),
        average_cost=optional_number(average_cost),
        average_price=optional_number(average_price),
        current_price=optional_number(current_price),
        market_value=_money(market_value),
        unrealized_pnl=_money(unrealized_pnl),
        status=status,
        opened_at=moment(opened_at),
        closed_at=optional_moment(closed_at),
        last_synced_at=optional_moment(last_synced_at),
        realized_pnl=_money(realized_pnl),
        missing_since=optional_moment(missing_since),
        marked_at=optional_moment(marked_at),
    )


def _money(micros: int | None) -> Decimal | None:
    return None if micros is None else from_micros(micros)
