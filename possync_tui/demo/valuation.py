"""Values of an account, in the desk's base currency and by currency."""

from decimal import Decimal

from possync_tui.demo.book import ZERO
from possync_tui.demo.desk import Desk
from possync_tui.demo.wire import cents, double
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class AccountValue:
    """A value as account messages carry it; texts have no currency."""

    key: str
    value: str
    currency: str = ""


@dataclass(frozen=True, slots=True)
class AccountPnl:
    """P&L of an account in the desk's base currency."""

    daily: Decimal
    unrealized: Decimal
    realized: Decimal


def account_pnl(desk: Desk, account: str) -> AccountPnl:
    """P&L over all positions, those closed today included, converted at the desk's rates."""
    daily = unrealized = realized = ZERO
    for row in desk.positions(account, flat=True):
        rate = desk.rates.get(row.instrument.currency, Decimal(1))
        daily += row.daily * rate
        unrealized += row.unrealized * rate
        realized += row.realized * rate
    return AccountPnl(daily, unrealized, realized)


def account_values(desk: Desk, account: str) -> list[AccountValue]:
    """What reqAccountUpdates sends before the portfolio rows."""
    base, rates = desk.base_currency, desk.rates
    # Futures are margined: they add what they have gained, not what they are worth.
    worth = gross = ZERO
    for row in desk.positions(account):
        rate = rates.get(row.instrument.currency, Decimal(1))
        futures = row.instrument.sec_type in {"FUT", "CASH"}
        worth += (row.unrealized if futures else row.value) * rate
        gross += ZERO if futures else abs(row.value) * rate
    cash = sum(
        (
            amount * rates.get(currency, Decimal(1))
            for currency, amount in desk.cash[account].items()
        ),
        ZERO,
    )
    pnl = account_pnl(desk, account)
    totals = {
        "NetLiquidation": cash + worth,
        "TotalCashValue": cash,
        "GrossPositionValue": gross,
        "UnrealizedPnL": pnl.unrealized,
        "RealizedPnL": pnl.realized,
    }
    return [
        AccountValue("AccountCode", account),
        AccountValue("AccountReady", "true"),
        AccountValue("AccountType", "INDIVIDUAL"),
        *(AccountValue(key, cents(value), base) for key, value in totals.items()),
        *(
            AccountValue("CashBalance", cents(amount), currency)
            for currency, amount in desk.cash[account].items()
        ),
        *(
            AccountValue("ExchangeRate", double(rates.get(currency, Decimal(1))), currency)
            for currency in desk.cash[account]
        ),
    ]
