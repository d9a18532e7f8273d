"""Live values of positions. They are not history: the latest one is all that is kept."""

from datetime import datetime
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.values import dataclass

PORTFOLIO = "portfolio"
"""The source of a mark that came as a portfolio value."""

FRESH_SECONDS = 60.0
"""A mark older than this is no price for an estimate (design promise 5)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the broker says a position is worth; a `None` amount is unknown, never zero."""

    key: PositionKey
    at: datetime
    source: str
    session_id: str
    price: Decimal | None = None
    market_value: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    daily_pnl: Decimal | None = None
    realized_today: Decimal | None = None
    quantity: Decimal | None = None
    """The units that its amounts are of: after a trade the broker's are ahead of the ledger's."""

    def is_of(self, held: Decimal) -> bool:
        """Whether its amounts are those of so many units, as far as it says.

        TWS may tell a P&L value of whole units where a fraction is held too.
        """
        return self.quantity is None or abs(self.quantity - held) < 1

    @property
    def is_delayed(self) -> bool:
        """Whether the value may be older than `at`, which is when it came.

        TWS sends portfolio values, asked for or not, as it last computed them: every 3 minutes.
        """
        return self.source == PORTFOLIO

    def age_seconds(self, now: datetime) -> float:
        return max(0.0, (now - self.at).total_seconds())
