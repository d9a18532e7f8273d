"""The book at a past instant: rebuilt from what the inbox held then, whatever came later."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.label_order import label_order
from possync_tui.domain.life import rebuild
from possync_tui.domain.money import from_micros
from possync_tui.domain.position import CostMethod, Life, Status
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import LotView, PositionView
from possync_tui.ledger.at_rest import moment, number, optional_number, stamp
from possync_tui.ledger.inbox import history
from possync_tui.ledger.lives import VOIDED, life_columns
from possync_tui.ledger.lots import Holder, lots_in, selected_method
from possync_tui.ledger.reads import Parameters


@dataclass(frozen=True, slots=True)
class Asked:
    """Which past to show: at what instant, of which account, by which cost method."""

    at: datetime
    account_id: int | None
    method: CostMethod


def positions_at(
    db: sqlite3.Connection,
    at: datetime,
    account_id: int | None,
    method: CostMethod | None,
    *,
    include_closed: bool,
) -> list[PositionView]:
    """Positions as they were known at `at`, without marks: those are no history.

    Reported fills that the next sync was yet to book count too. `id` is 0 for a life that better
    evidence has undone since.
    """
    asked = Asked(at, account_id, method or selected_method(db))
    views = [
        _position(holder, life, columns, asked.method)
        for holder, life, columns in _lives(db, asked)
        if include_closed or life.status is not Status.CLOSED
    ]
    return sorted(views, key=lambda v: (v.account_id, _order(v), v.con_id))


def lots_at(
    db: sqlite3.Connection, at: datetime, account_id: int | None, method: CostMethod | None
) -> list[LotView]:
    """The open lots of that book."""
    asked = Asked(at, account_id, method or selected_method(db))
    found = [
        lot
        for holder, life, _ in _lives(db, asked)
        if life.status is not Status.CLOSED
        for lot in lots_in(life, holder, asked.method)
    ]
    return sorted(found, key=lambda v: (v.account_id, _order(v), v.con_id, v.place))


def _order(view: PositionView | LotView) -> str:
    return label_order(view.description or view.symbol)


_Columns = dict[str, str | None]


def _lives(db: sqlite3.Connection, asked: Asked) -> Iterator[tuple[Holder, Life, _Columns]]:
    last = last_seq(db, asked.at)
    for account_id, key in _keys(db, asked, last):
        for life in rebuild(history(db, key, last)).lives:
            columns = life_columns(db, key, _with_fitting_row(life))
            yield _holder(db, account_id, key, life, columns), life, columns


def _with_fitting_row(life: Life) -> Life:
    """The broker's average cost is that of the quantity which it came with."""
    if life.row is None or not life.quantity or life.row.quantity == life.quantity:
        return life
    return replace(life, row=None)


def last_seq(db: sqlite3.Connection, at: datetime) -> int:
    """How far the inbox had come. The clock may have been set back: order of arrival counts."""
    record = db.execute(
        "SELECT seq FROM inbox WHERE received_at <= ? ORDER BY seq DESC LIMIT 1", (stamp(at),)
    ).fetchone()
    return 0 if record is None else int(record["seq"])


def _keys(db: sqlite3.Connection, asked: Asked, last: int) -> list[tuple[int, PositionKey]]:
    """Positions that were observed by then, of accounts whose first snapshot had come.

    That snapshot has the broker's time, which may be a little ahead of ours: what it decided tells
    as well that it had come.
    """
    sql = (
        "SELECT DISTINCT account.id, observed.account, observed.con_id FROM inbox AS observed"
        " JOIN accounts AS account ON account.code = observed.account"
        " WHERE observed.con_id > 0 AND observed.seq <= ? AND account.status = 'accepted'"
        " AND (account.baseline_at IS NULL OR account.baseline_at <= ? OR EXISTS ("
        "SELECT 1 FROM inbox AS decided WHERE decided.account = account.code"
        " AND decided.con_id > 0 AND decided.seq <= ? AND decided.kind IN ('anchor', 'absent')))"
    )
    parameters: Parameters = [last, stamp(asked.at), last]
    if asked.account_id is not None:
        sql += " AND account.id = ?"
        parameters.append(asked.account_id)
    return [
        (record["id"], PositionKey(record["account"], record["con_id"]))
        for record in db.execute(sql, parameters)
    ]


def _holder(
    db: sqlite3.Connection, account_id: int, key: PositionKey, life: Life, columns: _Columns
) -> Holder:
    record = db.execute(
        "SELECT id FROM lives WHERE account = ? AND con_id = ? AND origin = ?"
        " AND close_reason <> ? ORDER BY id DESC LIMIT 1",
        (key.account, key.con_id, columns["origin"], VOIDED),
    ).fetchone()
    return Holder(
        position_id=0 if record is None else record["id"],
        account_id=account_id,
        key=key,
        symbol=columns["symbol"] or "",
        description=columns["description"] or "",
        sec_type=columns["sec_type"] or "",
        currency=columns["currency"] or "",
        unit_value=number(columns["unit_value"] or ""),
        quantity=life.quantity,
    )


def _position(holder: Holder, life: Life, columns: _Columns, method: CostMethod) -> PositionView:
    amounts = [
        entry.realized_micros
        for entry in life.entries
        if entry.method is method and entry.realized_micros is not None
    ]
    return PositionView(
        id=holder.position_id,
        account_id=holder.account_id,
        account=holder.key.account,
        con_id=holder.key.con_id,
        symbol=holder.symbol,
        description=holder.description,
        sec_type=holder.sec_type,
        currency=holder.currency,
        multiplier=number(columns["multiplier"] or ""),
        quantity=life.quantity,
        average_cost=optional_number(columns["average_cost"]),
        average_price=optional_number(columns["average_price"]),
        current_price=None,
        market_value=None,
        unrealized_pnl=None,
        status=life.status.value,
        opened_at=moment(columns["opened_at"] or ""),
        closed_at=life.closed_at,
        last_synced_at=None,
        realized_pnl=from_micros(sum(amounts)) if amounts else None,
        missing_since=life.missing_since,
    )
