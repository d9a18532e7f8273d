"""Amounts that a ledger can work with.

Money at rest is a whole number of micro-units that SQLite can hold. One absurd number that was
taken for true would make every plan that follows from it impossible to commit, and so it is
refused where it comes in: with room for sums and differences of several of the largest.
"""

from decimal import Decimal
from typing import Final

from possync_tui.domain.money import EXACT
from possync_tui.domain.observations import Fill

LARGEST_TRADE: Final = Decimal(10**12)
"""What one fill, commission or booking may be worth: 700 million dollars, in won."""


def is_workable(amount: Decimal | None) -> bool:
    """Whether an amount of money, where there is one, is of a size that is met."""
    return amount is None or amount.copy_abs() <= LARGEST_TRADE


def turnover(fill: Fill) -> Decimal:
    """What changed hands, in money."""
    return worth(fill.quantity, fill.price, fill.instrument.unit_value)


def worth(quantity: Decimal, price: Decimal, unit_value: Decimal) -> Decimal:
    return EXACT.multiply(EXACT.multiply(quantity, price), unit_value)
