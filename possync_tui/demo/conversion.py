"""A holding that goes on under another contract: a merger, a new symbol, a split with a new id."""

from dataclasses import replace
from decimal import Decimal

from possync_tui.demo.desk import Desk
from possync_tui.demo.records import DeskError
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Conversion:
    """``new`` units of contract ``to_con_id`` for every ``old`` of ``con_id``; the cost stays."""

    con_id: int
    to_con_id: int
    symbol: str
    new: Decimal = Decimal(1)
    old: Decimal = Decimal(1)


def convert(desk: Desk, account: str, conversion: Conversion, *, zero_row: bool) -> None:
    """Carry it out for one account: no fill. The old row ends with a zero or without a word."""
    change = conversion
    held = desk.position(account, change.con_id)
    if held is None or not held.quantity:
        raise DeskError(f"{account} holds no {change.con_id}")
    if change.to_con_id == change.con_id or desk.position(account, change.to_con_id):
        raise DeskError(f"{account} has a {change.to_con_id} already")
    ratio = change.new / change.old
    renamed = replace(
        held.instrument, con_id=change.to_con_id, symbol=change.symbol, local_symbol=change.symbol
    )
    desk.vanish(account, change.con_id, zero_row=zero_row, is_over=True)
    quantity, cost = held.quantity * ratio, held.average_cost / ratio
    desk.add_position(account, renamed, quantity, cost, renamed.round_price(held.price / ratio))
    desk.push(account, change.to_con_id)
