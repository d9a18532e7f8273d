"""What the simulated desk can hold."""

from decimal import Decimal

from possync_tui.domain.values import dataclass

#: Rows of these types carry an exchange in a position message; derivatives come with a blank one
#: (IBKR's own documentation of reqPositions, and every recorded futures row).
_ROWS_WITH_EXCHANGE = frozenset({"STK", "CASH", "CRYPTO"})


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract, with the fields that TWS sends for it.

    ``multiplier`` is the wire's text, blank where TWS leaves it blank. ``price_factor`` turns a
    quoted price into money: 0.01 for bonds, which are quoted in per cent of par, and for what is
    quoted in cents or pence, where it shows as a price magnifier. The desk holds bonds as IBKR's
    statements do: the quantity is face value (10000 means ten bonds of 1000), the multiplier is
    blank, and money = face x price x 0.01. The average cost of a bond is therefore money per unit
    of face, 0.9845 for one bought at 98.45.
    """

    con_id: int
    symbol: str
    sec_type: str
    currency: str = "USD"
    exchange: str = "SMART"
    primary_exchange: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    expiry: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    price_factor: Decimal = Decimal(1)
    tick: Decimal = Decimal("0.01")
    size_step: Decimal = Decimal(1)
    name: str = ""
    under_con_id: int = 0
    under_symbol: str = ""
    under_sec_type: str = ""
    zone: str = "US/Eastern"
    volatility: Decimal = Decimal("0.0004")
    """Typical relative move of the simulated price per tick of the desk."""

    @property
    def unit(self) -> Decimal:
        """Money that one contract moves when the quoted price moves by 1."""
        return Decimal(self.multiplier or 1) * self.price_factor

    @property
    def magnifier(self) -> int:
        """`priceMagnifier`: 100 for what is quoted in cents or pence."""
        return 1 if self.sec_type == "BOND" else int(1 / self.price_factor)

    @property
    def row_exchange(self) -> str:
        """The exchange as a position or portfolio row carries it."""
        if self.sec_type not in _ROWS_WITH_EXCHANGE:
            return ""
        return self.primary_exchange or self.exchange

    @property
    def trade_exchange(self) -> str:
        """Where its fills happen: never SMART, which only routes."""
        if self.primary_exchange or self.exchange != "SMART":
            return self.primary_exchange or self.exchange
        return "CBOE" if self.sec_type == "OPT" else "IBKRATS"

    def round_price(self, price: Decimal) -> Decimal:
        """The nearest price on the tick grid, at least one tick."""
        steps = (price / self.tick).to_integral_value()
        return max(steps, Decimal(1)) * self.tick
