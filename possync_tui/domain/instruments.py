"""What a position is in."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from possync_tui.domain.money import BadNumber, parse_number
from possync_tui.domain.values import dataclass


class PositionKey(NamedTuple):
    """The identity of a position; symbols are only labels (design promise 4).

    A tuple, since every sync compares and looks up all of them: that is C code then.
    """

    account: str
    con_id: int


@dataclass(frozen=True)
class Instrument:
    """A contract as the wire described it. All fields are the wire's text, but for `con_id`."""

    con_id: int
    symbol: str
    sec_type: str
    currency: str
    expiry: str = ""
    strike: str = ""
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    def __hash__(self) -> int:
        # What is kept by contract is looked up with every row; eleven texts take a while.
        fields = self.__dict__
        known: int | None = fields.get("_hash")
        if known is None:
            known = fields["_hash"] = hash(
                (self.con_id, self.symbol, self.sec_type, self.currency, self.local_symbol)
            )
        return known

    @cached_property
    def multiplier_value(self) -> Decimal:
        """Units per contract; 1 where the wire leaves the field blank or zero, as for shares."""
        try:
            value = parse_number("multiplier", self.multiplier)
        except BadNumber:
            return Decimal(1)
        return value if value > 0 else Decimal(1)

    @cached_property
    def unit_value(self) -> Decimal:
        """Money per contract for a price of 1: multiplier x price factor.

        The price of a bond, and of a bill of the treasury, is in per cent of its face value.
        """
        factor = Decimal("0.01") if self.sec_type in ("BOND", "BILL") else Decimal(1)
        return self.multiplier_value * factor

    @property
    def is_combination(self) -> bool:
        """A `BAG` row describes an order, not a holding."""
        return self.sec_type == "BAG"

    @property
    def is_virtual_cash(self) -> bool:
        """A virtual FX position: shown, but outside totals and outside missing -> closed."""
        return self.sec_type == "CASH"

    @cached_property
    def expiry_date(self) -> date | None:
        """The last trading day, where the wire names a full date."""
        if self.sec_type not in ("OPT", "FUT", "FOP", "WAR", "IOPT") or len(self.expiry) < 8:
            return None
        try:
            return datetime.strptime(self.expiry[:8], "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            return None

    def is_expired(self, at: datetime) -> bool:
        """Whether the expiry day is over at every exchange of the world, with a day's grace."""
        day = self.expiry_date
        if day is None:
            return False
        # Midnight at UTC-12 is the last end of a day anywhere.
        over = datetime.combine(day, time(0), UTC) + timedelta(days=1, hours=12)
        return at >= over + timedelta(days=1)

    @cached_property
    def description(self) -> str:
        """A label a trader recognises: `SPX 19DEC26 5000 P`, `ESZ6`, `AAPL`, `EUR.USD`."""
        if self.sec_type in ("OPT", "FOP", "WAR") and self.expiry_date and self.strike:
            day = self.expiry_date.strftime("%d%b%y").upper()
            strike = self.strike.rstrip("0").rstrip(".") if "." in self.strike else self.strike
            return f"{self.symbol} {day} {strike} {self.right[:1]}".rstrip()
        if self.sec_type in ("FUT", "CASH", "BOND") and self.local_symbol:
            return self.local_symbol
        if self.sec_type == "CASH":
            return f"{self.symbol}.{self.currency}"
        return self.symbol
