"""Contract months that are always ahead, with the symbols that exchanges give them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from possync_tui.domain.values import dataclass

_MONTH_CODES: Final = "FGHJKMNQUVXZ"
_FRIDAY: Final = 4


@dataclass(frozen=True, slots=True)
class Expiry:
    """A last trading day."""

    day: date

    @property
    def wire(self) -> str:
        """YYYYMMDD."""
        return self.day.strftime("%Y%m%d")

    @property
    def future_suffix(self) -> str:
        """Month code and last digit of the year, ``Z5`` for December 2025."""
        return f"{_MONTH_CODES[self.day.month - 1]}{self.day.year % 10}"

    @property
    def month_number(self) -> int:
        """Months since year 0; keeps contract ids of different months apart."""
        return self.day.year * 12 + self.day.month


def third_friday(today: date, min_days: int, *, quarterly: bool = False) -> Expiry:
    """The first third Friday at least ``min_days`` ahead, of a quarter's last month if asked."""
    year, month = today.year, today.month
    while True:
        first = date(year, month, 1)
        friday = first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)
        if (friday - today).days >= min_days and (not quarterly or month % 3 == 0):
            return Expiry(friday)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def option_symbol(root: str, expiry: Expiry, right: str, strike: Decimal) -> str:
    """The 21-character OCC symbol, ``AAPL  251219C00230000``."""
    return f"{root:<6}{expiry.day.strftime('%y%m%d')}{right}{int(strike * 1000):08d}"
