"""An option that ends by delivery at its strike."""

from decimal import Decimal

from possync_tui.demo.desk import Desk
from possync_tui.demo.records import DeskError


def assign(
    desk: Desk, account: str, con_id: int, underlying: int, *, contracts: Decimal | None = None
) -> None:
    """End an option overnight, or so many contracts of it: no fill, no zero row.

    A short one is assigned, a long one exercised. Nothing is realized on it: its premium, with
    commission, moves into the cost of the units that come or the proceeds of those that go.
    """
    held = desk.position(account, con_id)
    if held is None or not held.quantity or not held.instrument.right:
        raise DeskError(f"{account} holds no option {con_id}")
    desk.mark(underlying)
    option, basis = held.instrument, desk.basis(account, con_id)
    ended = held.quantity if contracts is None else contracts.copy_sign(held.quantity)
    if not ended or abs(ended) > abs(held.quantity):
        raise DeskError(f"{account} holds {held.quantity} of option {con_id}, not {contracts}")
    each = basis / abs(held.quantity)
    units = ended * Decimal(option.multiplier or 1)
    # As a commission would: a premium paid makes it dearer, one received cheaper.
    paid = ended * each
    delivered = -units if option.right.startswith("P") else units
    desk.deliver(account, underlying, delivered, option.strike, paid)
    if ended == held.quantity:
        desk.vanish(account, con_id, is_over=True)
    else:
        desk.deliver(account, con_id, -ended, each / option.unit, Decimal(0))
        desk.push(account, con_id)
    desk.push(account, underlying)
