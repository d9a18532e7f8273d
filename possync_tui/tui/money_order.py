"""Amounts of several currencies in order: at the broker's rates, else a currency at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from decimal import Decimal

from possync_tui.domain.money import EXACT
from possync_tui.domain.rates import Rates
from possync_tui.domain.values import dataclass
from possync_tui.tui.columns import Column, SortKey
from possync_tui.tui.holdings import Holding
from possync_tui.tui.position_groups import PositionLine
from possync_tui.tui.position_totals import common_base

AMOUNTS = frozenset({"value", "unrealized", "day", "realized", "cost"})
"""The columns of money: 1,000,000 JPY are not more than 50,000 USD."""


@dataclass(frozen=True, slots=True)
class MoneyOrder:
    """What amounts are compared in.

    `rates` say what a unit of each currency is worth in `base`; without a base, amounts are only
    compared with those of their own currency.
    """

    base: str = ""
    rates: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def is_by_currency(self) -> bool:
        return not self.base


def money_order(
    currencies: Iterable[str], accounts: Iterable[str], rates: Rates
) -> MoneyOrder | None:
    """How amounts in these currencies are to be compared; `None` where there is one currency."""
    held = {*currencies}
    if len(held) < 2:
        return None
    base = common_base(accounts, rates)
    if base is None:
        return MoneyOrder()
    worth = {
        currency: Decimal(1) if currency == base.currency else base.rates[currency].value
        for currency in held
        if currency == base.currency or currency in base.rates
    }
    return MoneyOrder(base.currency, worth) if worth.keys() == held else MoneyOrder()


def in_money_order(
    rows: Iterable[Holding], column: Column[PositionLine], order: MoneyOrder, *, down: bool
) -> list[Holding]:
    """The rows by a column of money; those whose amount is unknown go last, either way.

    Equal amounts stay in the order in which they were given.
    """
    given = list(rows)
    of = column.order
    assert of is not None, "amounts have an order"
    keyed: list[tuple[SortKey, Holding]] = []
    unknown: list[Holding] = []
    for row in given:
        key = of(row)
        if key is None:
            unknown.append(row)
        elif order.is_by_currency:
            keyed.append((key, row))
        else:
            keyed.append(((EXACT.multiply(key[0], order.rates[row.view.currency]), ""), row))
    keyed.sort(key=_amount, reverse=down)
    if order.is_by_currency:
        keyed.sort(key=_currency)
    return [row for _, row in keyed] + unknown


def _amount(keyed: tuple[SortKey, Holding]) -> Decimal:
    return keyed[0][0]


def _currency(keyed: tuple[SortKey, Holding]) -> str:
    return keyed[1].view.currency
