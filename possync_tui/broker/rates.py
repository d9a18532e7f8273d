"""Exchange rates out of the account values that come with every portfolio (message 6).

IBKR sends `ExchangeRate` once a currency: one unit of it in the account's base currency, which is
the currency of `NetLiquidation`. Nothing is asked for on top, and nothing is made up.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from possync_tui.broker.rows import known_or_none
from possync_tui.domain.rates import Rate

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MOST_CURRENCIES: Final = 64


class RateBook:
    """The latest rates of every account, over sessions; their age tells how good they are."""

    def __init__(self) -> None:
        self._bases: dict[str, str] = {}
        self._told: dict[str, dict[str, tuple[Decimal, datetime]]] = {}

    def take(self, account: str, name: str, value: str, currency: str, at: datetime) -> None:
        """One account value; all but the two that matter here are passed over."""
        # `BASE` stands for the account's own currency without naming it.
        if not _CURRENCY.fullmatch(currency):
            return
        if name == "NetLiquidation":
            self._bases[account] = currency
        elif name == "ExchangeRate":
            told = self._told.setdefault(account, {})
            rate = known_or_none(value)
            if rate is None or rate <= 0:
                # What the broker no longer knows, we do not know either.
                told.pop(currency, None)
            elif currency in told or len(told) < _MOST_CURRENCIES:
                told[currency] = (rate, at)

    def rates(self) -> dict[tuple[str, str], Rate]:
        """By account and currency; nothing of an account whose base currency is in doubt."""
        found: dict[tuple[str, str], Rate] = {}
        for account, told in self._told.items():
            base = self._bases.get(account)
            if base is None or (base in told and told[base][0] != 1):
                continue
            for currency, (value, at) in told.items():
                found[account, currency] = Rate(account, currency, base, value, at)
        return found
