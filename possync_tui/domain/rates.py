"""Exchange rates as the broker tells them: what one unit of a currency is worth in another."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of `currency` in the base currency of `account`, as last told at `at`."""

    account: str
    currency: str
    base: str
    value: Decimal
    at: datetime


Rates = Mapping[tuple[str, str], Rate]
"""By account and currency. A pair that is not there is unknown, never 1."""
