"""An option that ends by delivery at its strike."""

from decimal import Decimal

from possync_tui.demo.desk import Desk
from possync_tui.demo.records import DeskError


def assign(desk: Desk, account: str, con_id: int, underlying: int) -> None:
    """End an option overnight: no fill, no zero row.

    A short one is assigned, a long one exercised. Nothing is realized on it: its premium, with
    commission, moves into the cost of the units that come or the proceeds of those that go.
    """
    held = desk.position(account, con_id)
    if held is None or not held.quantity or not held.instrument.right:
        raise DeskError(f"{account} holds no option {con_id}")
    desk.mark(underlying)
    option, basis = held.instrument, desk.basis(account, con_id)
    units = held.quantity * Decimal(option.multiplier or 1)
    # As a commission would: a premium paid makes it dearer, one received cheaper.
    paid = basis if held.quantity > 0 else -basis
    delivered = -units if option.right.startswith("P") else units
    desk.deliver(account, underlying, delivered, option.strike, paid)
    desk.vanish(account, con_id, is_over=True)
    desk.push(account, underlying)
