"""Sums under the positions: a currency by itself, and all together at rates that IBKR told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.money import EXACT
from possync_tui.domain.rates import Rate, Rates
from possync_tui.tui.format import ago, clean, counted, number
from possync_tui.tui.holdings import Holding

TWO_BASES = "no total in one currency: the accounts have different base currencies"


@dataclass(frozen=True, slots=True)
class Total:
    """Sums of one currency; different currencies are never added. `unknown` rows are not in it."""

    currency: str
    positions: int
    value: Decimal | None
    unrealized: Decimal | None
    day: Decimal | None
    realized_today: Decimal | None
    unknown: int


@dataclass(frozen=True, slots=True)
class BaseTotal:
    """The totals of several currencies in one, at the `rates` told.

    What is held in a currency `without` a rate is not in the sums.
    """

    total: Total
    rates: tuple[Rate, ...]
    without: tuple[str, ...]


def totals(holdings: Iterable[Holding], realized_today: Mapping[str, Decimal]) -> tuple[Total, ...]:
    """One total a currency, the one with the most positions first."""
    groups: dict[str, list[Holding]] = {}
    for holding in holdings:
        if not holding.is_outside_totals:
            groups.setdefault(holding.view.currency, []).append(holding)
    for currency in realized_today:
        groups.setdefault(currency, [])
    found = [
        total_of(currency, group, realized_today.get(currency))
        for currency, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda total: (-total.positions, total.currency)))


def total_of(
    currency: str, holdings: Iterable[Holding], realized_today: Decimal | None = None
) -> Total:
    """The sums of holdings of one currency; virtual FX among them is left out."""
    counted = [holding for holding in holdings if not holding.is_outside_totals]
    return Total(
        currency,
        len(counted),
        _sum(holding.value for holding in counted),
        _sum(holding.unrealized for holding in counted),
        _sum(holding.day for holding in counted),
        realized_today,
        sum(1 for holding in counted if holding.value is None),
    )


def base_total(
    sums: Iterable[Total], accounts: Iterable[str], rates: Rates
) -> BaseTotal | str | None:
    """The sums in the base currency of `accounts`, or a sentence why there are none.

    `None` where there is nothing to convert.
    """
    sums, watched = tuple(sums), set(accounts)
    bases = {rate.account: rate.base for rate in rates.values() if rate.account in watched}
    if len({total.currency for total in sums}) < 2 and len(set(bases.values())) != 1:
        return None
    if set(bases) != watched:
        lacking = len(watched - set(bases))
        of = f"{lacking} of {counted(len(watched), 'account')}"
        return f"no total in one currency: no exchange rates told yet for {of}"
    if len(set(bases.values())) != 1:
        return TWO_BASES
    (base,) = set(bases.values())
    if all(total.currency == base for total in sums):
        return None
    latest: dict[str, Rate] = {}
    for rate in rates.values():
        known = latest.get(rate.currency)
        if rate.base == base and (known is None or rate.at > known.at):
            latest[rate.currency] = rate
    known_sums = [total for total in sums if total.currency == base or total.currency in latest]

    def converted(amounts: Iterable[tuple[str, Decimal | None]]) -> Decimal | None:
        return _sum(
            amount
            if amount is None or currency == base
            else EXACT.multiply(amount, latest[currency].value)
            for currency, amount in amounts
        )

    total = Total(
        base,
        sum(total.positions for total in known_sums),
        converted((total.currency, total.value) for total in known_sums),
        converted((total.currency, total.unrealized) for total in known_sums),
        converted((total.currency, total.day) for total in known_sums),
        converted((total.currency, total.realized_today) for total in known_sums),
        sum(total.unknown for total in known_sums),
    )
    others = [total.currency for total in sums if total.currency != base]
    return BaseTotal(
        total,
        tuple(latest[currency] for currency in others if currency in latest),
        tuple(currency for currency in others if currency not in latest),
    )


def rates_text(base: BaseTotal, now: datetime) -> str:
    """`EUR 1.0843, JPY 0.00668, told 12 s ago; CHF has no rate`."""
    told = ", ".join(f"{clean(rate.currency)} {_rate(rate.value)}" for rate in base.rates)
    if base.rates:
        oldest = min(rate.at for rate in base.rates)
        told = f"at {told}, told {ago(max(0.0, (now - oldest).total_seconds()))}"
    if base.without:
        lacking = ", ".join(clean(currency) for currency in base.without)
        verb = "has" if len(base.without) == 1 else "have"
        told = "; ".join(filter(None, (told, f"{lacking} {verb} no rate and no part in it")))
    return told


def _rate(value: Decimal) -> str:
    """Six digits that count, as rates are quoted."""
    return number(value, most=min(8, max(0, 5 - value.adjusted())))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
