"""Live values of positions without market data subscriptions.

Two sources: P&L per position (about once a second, 400 positions at most) and portfolio values, for
one account at a time, each request replacing the account before it. Both end in one `Mark` per
position. What TWS does not know stays `None`, never zero.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from possync_tui.broker.rates import RateBook
from possync_tui.broker.rows import PnlValue, PortfolioValue
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import PORTFOLIO, Mark
from possync_tui.domain.money import EXACT
from possync_tui.domain.observations import PositionRow

SOURCE_PNL: Final = "pnl_single"
SOURCE_PORTFOLIO: Final = PORTFOLIO

_COST_TOLERANCE: Final = Decimal("0.02")
_SCALE_TOLERANCE: Final = Decimal("0.02")
_MAGNIFIERS: Final = (Decimal(100), Decimal(1_000), Decimal(10_000))
_PRICE_TOLERANCE: Final = Decimal("0.25")
_PRICE_PLACES: Final = Decimal("1E-8")


class MarkBook:
    """The latest mark of every watched position, over sessions.

    `at` and `source` are those of the price: an amount that comes without one does not make an old
    price look young (design promise 5).
    """

    def __init__(self) -> None:
        self.rate_book = RateBook()
        self._marks: dict[PositionKey, Mark] = {}
        self._portfolio_prices: dict[PositionKey, Decimal] = {}
        self._session_id = ""

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        return self._marks

    def begin_session(self, session_id: str) -> None:
        """From here on, marks of earlier sessions are replaced, not added to."""
        self._session_id = session_id
        self._portfolio_prices.clear()

    def keep_only(self, keys: frozenset[PositionKey]) -> None:
        """Forget what is no longer watched."""
        for key in self._marks.keys() - keys:
            del self._marks[key]
            self._portfolio_prices.pop(key, None)

    def take_portfolio(self, value: PortfolioValue, at: datetime) -> Mark:
        """Merge a portfolio value. Its day's profit counts where no P&L subscription told one."""
        if value.price is not None:
            self._portfolio_prices[value.key] = value.price
        before = self._mark(value.key, at)
        # The two sources reset at different hours; the subscription's word is kept.
        is_told = before.daily_pnl is not None
        return self._keep(
            before,
            (value.price, SOURCE_PORTFOLIO, at),
            value.market_value,
            value.unrealized_pnl,
            before.daily_pnl,
            before.realized_today if is_told else value.realized_pnl,
            value.quantity,
        )

    def take_pnl(
        self, key: PositionKey, value: PnlValue, row: PositionRow | None, at: datetime
    ) -> Mark:
        """Merge a P&L value. `row` is the position's last row, which tells what the value is of."""
        return self._keep(
            self._mark(key, at),
            (derived_price(value, row, self._portfolio_prices.get(key)), SOURCE_PNL, at),
            value.market_value,
            value.unrealized_pnl,
            value.daily_pnl,
            value.realized_pnl,
            value.quantity,
        )

    def _mark(self, key: PositionKey, at: datetime) -> Mark:
        known = self._marks.get(key)
        if known is not None and known.session_id == self._session_id:
            return known
        return Mark(key, at, "", self._session_id)

    def _keep(
        self,
        before: Mark,
        told: tuple[Decimal | None, str, datetime],
        *amounts: Decimal | None,
    ) -> Mark:
        """The mark with these amounts; the price that was `told` counts where there is one."""
        price, source, at = told
        if price is None and before.price is not None:
            price, source, at = before.price, before.source, before.at
        mark = Mark(before.key, at, source, before.session_id, price, *amounts)
        self._marks[mark.key] = mark
        return mark


def derived_price(
    value: PnlValue, row: PositionRow | None, portfolio_price: Decimal | None
) -> Decimal | None:
    """The price behind the value of a P&L message, `None` where that is not certain.

    IBKR does not document the currency of these values, so one counts only when it agrees with the
    position's own cost in its own currency, or with the price that the portfolio showed.
    """
    quantity, worth = value.quantity, value.market_value
    if row is None or worth is None or not quantity or quantity != row.quantity:
        return None
    units = EXACT.multiply(quantity, row.instrument.unit_value)
    price = EXACT.divide(worth, units)
    if portfolio_price:
        agrees = abs(price - portfolio_price) <= abs(portfolio_price) * _PRICE_TOLERANCE
    else:
        cost = EXACT.multiply(quantity, row.average_cost)
        gain = value.unrealized_pnl
        agrees = gain is not None and abs(worth - gain - cost) <= abs(cost) * _COST_TOLERANCE
    return price.quantize(_PRICE_PLACES, context=EXACT).normalize(EXACT) if agrees else None


def in_money(value: PortfolioValue, row: PositionRow | None) -> PortfolioValue:
    """The value with its price in the currency, where TWS quotes it in cents or pence.

    What the position is worth is told in the currency always.
    """
    worth, price = value.market_value, value.price
    ours = _by_its_price(value, row)
    if worth is None or price is None or ours is None:
        return value
    for magnifier in _MAGNIFIERS:
        magnified = EXACT.multiply(worth, magnifier)
        if abs(ours - magnified) <= abs(magnified) * _SCALE_TOLERANCE:
            return replace(value, price=EXACT.divide(price, magnifier))
    return value


def scale_doubt(value: PortfolioValue, row: PositionRow) -> str:
    """What to tell the user if TWS's value is not quantity x price x unit value; else nothing.

    Bonds are quoted in per cent: a wrong unit would make every amount wrong by the same factor.
    """
    worth, ours = value.market_value, _by_its_price(value, row)
    if worth is None or ours is None or abs(ours - worth) <= abs(worth) * _SCALE_TOLERANCE:
        return ""
    return (
        f"{row.instrument.description}: TWS values it at {worth:,.2f}, but its quantity, price and"
        f" multiplier make {ours:,.2f}. Its P&L here may be wrong by that factor: compare it with"
        " your statement."
    )


def _by_its_price(value: PortfolioValue, row: PositionRow | None) -> Decimal | None:
    """What quantity, price and unit make of the position; `None` where a part is not told."""
    worth, price, quantity = value.market_value, value.price, value.quantity
    if row is None or not (worth and price and quantity):
        return None
    return EXACT.multiply(EXACT.multiply(quantity, price), row.instrument.unit_value)


def same_amounts(one: Mark | None, other: Mark) -> bool:
    """Whether nothing moved but the time."""
    return one is not None and _amounts(one) == _amounts(other)


def _amounts(mark: Mark) -> tuple[object, ...]:
    return (
        mark.price,
        mark.market_value,
        mark.unrealized_pnl,
        mark.daily_pnl,
        mark.realized_today,
        mark.session_id,
        mark.key,
    )
