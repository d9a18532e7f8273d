"""Sums under the positions: a currency by itself, and all together at rates that IBKR told."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.money import EXACT
from possync_tui.domain.rates import Rate, Rates
from possync_tui.domain.values import dataclass
from possync_tui.tui.format import ago, clean, counted, number
from possync_tui.tui.holdings import Holding

TWO_BASES = "no total in one currency: the accounts have different base currencies"


@dataclass(frozen=True, slots=True)
class Total:
    """Sums of one currency; different currencies are never added.

    Of `unknown` positions an amount is missing.
    """

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


class Sum:
    """The sum of what is known, kept up as amounts come and go; exact, so nothing drifts."""

    __slots__ = ("_known", "_sum")

    def __init__(self) -> None:
        self._sum = Decimal(0)
        self._known = 0

    @property
    def value(self) -> Decimal | None:
        """`None` where no amount is known."""
        return self._sum if self._known else None

    def move(self, before: Decimal | None, after: Decimal | None) -> None:
        """An amount is another one now; `None` is not known, or was not there."""
        if before is not None:
            self._sum = EXACT.subtract(self._sum, before)
            self._known -= 1
        if after is not None:
            self._sum = EXACT.add(self._sum, after)
            self._known += 1
        if not self._known:
            # Digits of what is gone do not stay.
            self._sum = Decimal(0)


class Amounts:
    """The sums of holdings of one currency, kept up as they move. Virtual FX never gets here."""

    def __init__(self) -> None:
        self.positions = self.unknown = 0
        self.value, self.unrealized, self.day = Sum(), Sum(), Sum()

    def move(self, before: Holding | None, after: Holding) -> None:
        self.positions += before is None
        self.unknown += _is_unknown(after)
        if before is None:
            self.value.move(None, after.value)
            self.unrealized.move(None, after.unrealized)
            self.day.move(None, after.day)
            return
        self.unknown -= _is_unknown(before)
        self.value.move(before.value, after.value)
        self.unrealized.move(before.unrealized, after.unrealized)
        self.day.move(before.day, after.day)

    def total(self, currency: str, realized_today: Decimal | None = None) -> Total:
        """What they come to now."""
        amounts = self.value.value, self.unrealized.value, self.day.value
        return Total(currency, self.positions, *amounts, realized_today, self.unknown)


def _is_unknown(holding: Holding) -> bool:
    return holding.value is None or holding.unrealized is None


class RunningTotals:
    """The totals of what is shown: a live value that moves changes its own part of them only."""

    def __init__(self, holdings: Iterable[Holding] = ()) -> None:
        self._by_currency: dict[str, Amounts] = {}
        for holding in holdings:
            if not holding.is_outside_totals:
                sums = self._by_currency.setdefault(holding.view.currency, Amounts())
                sums.move(None, holding)

    def move(self, before: Holding, after: Holding) -> None:
        """The live value of a position, or its place in the ledger, is another one."""
        if not after.is_outside_totals:
            self._by_currency[after.view.currency].move(before, after)

    def now(
        self, realized_today: Mapping[str, Decimal | None], elsewhere: Decimal | None = None
    ) -> tuple[Total, ...]:
        """One total a currency, the one with the most positions first.

        `elsewhere` is what was realized in currencies that `realized_today` does not name: nothing,
        or `None` where that is not known.
        """
        none = Amounts()
        found = []
        for currency in dict.fromkeys([*self._by_currency, *realized_today]):
            today = realized_today.get(currency, elsewhere)
            found.append(self._by_currency.get(currency, none).total(currency, today))
        return tuple(sorted(found, key=_most_positions_first))


def _most_positions_first(total: Total) -> tuple[int, str]:
    return (-total.positions, total.currency)


@dataclass(frozen=True, slots=True)
class Base:
    """The base currency of some accounts, and what others are worth in it as last told."""

    currency: str
    rates: Mapping[str, Rate]


def common_base(accounts: Iterable[str], rates: Rates) -> Base | None:
    """The currency that all of these accounts have as their base; `None` while that is unknown."""
    watched = set(accounts)
    bases = {rate.account: rate.base for rate in rates.values() if rate.account in watched}
    if set(bases) != watched or len(set(bases.values())) != 1:
        return None
    (base,) = set(bases.values())
    latest: dict[str, Rate] = {}
    for rate in rates.values():
        known = latest.get(rate.currency)
        if rate.base == base and (known is None or rate.at > known.at):
            latest[rate.currency] = rate
    return Base(base, latest)


def base_total(
    sums: Iterable[Total], accounts: Iterable[str], rates: Rates
) -> BaseTotal | str | None:
    """The sums in the base currency of `accounts`, or a sentence why there are none.

    `None` where there is nothing to convert.
    """
    sums, watched = tuple(sums), set(accounts)
    if not watched:
        return None
    bases = {rate.account: rate.base for rate in rates.values() if rate.account in watched}
    if len({total.currency for total in sums}) < 2 and len(set(bases.values())) != 1:
        return None
    if set(bases) != watched:
        lacking = len(watched - set(bases))
        of = f"{lacking} of {counted(len(watched), 'account')}"
        return f"no total in one currency: no exchange rates told yet for {of}"
    common = common_base(watched, rates)
    if common is None:
        return TWO_BASES
    base, latest = common.currency, common.rates
    if all(total.currency == base for total in sums):
        return None
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
