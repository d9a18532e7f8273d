"""Open lots as they are read, by either cost method."""

import sqlite3
from collections.abc import Iterable
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.inventory import shown_commission
from possync_tui.domain.label_order import label_order
from possync_tui.domain.money import EXACT, from_micros
from possync_tui.domain.position import CostMethod, Life, Lot
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import LotView
from possync_tui.ledger.at_rest import number, one_of
from possync_tui.ledger.lives import lot_of, rounded


@dataclass(frozen=True, slots=True)
class Holder:
    """The position that lots belong to, as the tables name it."""

    position_id: int
    account_id: int
    key: PositionKey
    symbol: str
    description: str
    sec_type: str
    currency: str
    unit_value: Decimal
    quantity: Decimal


def lots(
    db: sqlite3.Connection, account_id: int | None, method: CostMethod | None
) -> list[LotView]:
    """The lots of what is open or missing, oldest first; one pooled lot each by average cost."""
    chosen = method or selected_method(db)
    found = db.execute(
        "SELECT lot.*, life.id AS position_id, life.account, life.con_id, life.symbol,"
        " life.description, life.sec_type, life.currency, life.unit_value,"
        " life.quantity AS held, account.id AS account_id"
        " FROM lives AS life JOIN accounts AS account ON account.code = life.account"
        " JOIN lots AS lot ON lot.life_id = life.id AND lot.is_pool = ?"
        " WHERE life.status <> 'CLOSED' AND (? IS NULL OR account.id = ?)",
        (int(chosen is CostMethod.AVERAGE), account_id, account_id),
    )
    views = (lot_view(_holder(record), lot_of(record), record["place"], chosen) for record in found)
    return sorted(views, key=_by_label)


def _by_label(lot: LotView) -> tuple[int, str, int, int]:
    return lot.account_id, label_order(lot.description or lot.symbol), lot.con_id, lot.place


def lots_in(life: Life, holder: Holder, method: CostMethod) -> Iterable[LotView]:
    """The same of a life that was rebuilt."""
    pool = () if life.pool is None else (life.pool,)
    for place, lot in enumerate(pool if method is CostMethod.AVERAGE else life.lots):
        yield lot_view(holder, lot, place, method)


def selected_method(db: sqlite3.Connection) -> CostMethod:
    """The cost method that the ledger's views show."""
    (value,) = db.execute("SELECT value FROM meta WHERE name = 'cost_method'").fetchone()
    return one_of(CostMethod, value)


def lot_view(holder: Holder, lot: Lot, place: int, method: CostMethod) -> LotView:
    direction = 1 if holder.quantity > 0 else -1
    commission, charged_in = shown_commission(lot.fees, holder.currency)
    own = dict(lot.fees).get(holder.currency, 0)
    value = lot.value_micros
    price = None
    if value is not None:
        per_unit = EXACT.multiply(lot.quantity, holder.unit_value)
        price = rounded(EXACT.divide(from_micros(value), per_unit))
    return LotView(
        position_id=holder.position_id,
        account_id=holder.account_id,
        account=holder.key.account,
        con_id=holder.key.con_id,
        symbol=holder.symbol,
        description=holder.description,
        sec_type=holder.sec_type,
        currency=holder.currency,
        method=method.value,
        place=place + 1,
        quantity=lot.quantity * direction,
        price=price,
        cost=None if value is None else from_micros(value + direction * own),
        commission=from_micros(commission),
        commission_currency=charged_in,
        opened_at=lot.opened_at if lot.is_opening_known else None,
        is_seeded=lot.is_seeded,
        is_pending=lot.is_pending,
        cause=lot.cause,
        opened_before=None if lot.is_opening_known else lot.opened_at,
    )


def _holder(record: sqlite3.Row) -> Holder:
    return Holder(
        position_id=record["position_id"],
        account_id=record["account_id"],
        key=PositionKey(record["account"], record["con_id"]),
        symbol=record["symbol"],
        description=record["description"],
        sec_type=record["sec_type"],
        currency=record["currency"],
        unit_value=number(record["unit_value"]),
        quantity=number(record["held"]),
    )
