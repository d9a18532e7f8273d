"""The filter of the Positions pane: every word has to fit."""

import operator
import re
from collections.abc import Callable
from decimal import Decimal

from possync_tui.tui.holdings import Holding

HINT = "symbol, account, currency, stock, option, long, short, missing, held, pnl<0, value>5000"
HELP = (
    "All words of a filter have to fit: a part of a symbol, account, currency or type; what the "
    "type is called (stock, option, future, forex, bond, bill, fund, index, warrant, crypto, cfd, "
    "commodity; three letters do); long, short, missing, held, stale; and bounds on pnl, day, "
    "value, qty or realized, such as pnl<0."
)

_BOUND = re.compile(r"(pnl|day|value|qty|realized)(<=|>=|<|>)([-−]?\d+(?:\.\d+)?)")
_AMOUNTS: dict[str, Callable[[Holding], Decimal | None]] = {
    "pnl": lambda holding: holding.unrealized,
    "day": lambda holding: holding.day,
    "value": lambda holding: holding.value,
    "qty": lambda holding: holding.view.quantity,
    "realized": lambda holding: holding.view.realized_pnl,
}
_TYPE_NAMES: dict[str, tuple[str, ...]] = {
    "STK": ("stocks", "shares", "equities", "equity"),
    "OPT": ("options",),
    "FOP": ("options",),
    "FUT": ("futures",),
    "CASH": ("forex", "fx", "currencies", "currency"),
    "BOND": ("bonds",),
    "BILL": ("bills",),
    "FUND": ("funds",),
    "IND": ("indexes", "indices", "index"),
    "WAR": ("warrants",),
    "IOPT": ("warrants",),
    "CRYPTO": ("cryptos",),
    "CFD": ("cfds",),
    "CMDTY": ("commodities", "commodity"),
}
"""What IBKR's asset classes are usually called; the beginning of a name is enough."""
_LEAST_OF_NAME = 3
_COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_STATES: dict[str, Callable[[Holding], bool]] = {
    "long": lambda holding: holding.view.quantity > 0,
    "short": lambda holding: holding.view.quantity < 0,
    "missing": lambda holding: holding.is_missing,
    "held": lambda holding: holding.held is not None,
    "stale": lambda holding: holding.is_stale,
}


def matches(holding: Holding, words: str) -> bool:
    """Whether every word fits: part of a label, a state, or a bound such as `pnl<0`."""
    return all(_matches_word(holding, word) for word in words.casefold().split())


def _matches_word(holding: Holding, word: str) -> bool:
    state = _STATES.get(word)
    if state is not None:
        return state(holding)
    bound = _BOUND.fullmatch(word)
    if bound is not None:
        name, comparison, limit = bound.groups()
        amount = _AMOUNTS[name](holding)
        # What is not known is neither above nor below anything.
        return amount is not None and _COMPARISONS[comparison](
            amount, Decimal(limit.replace("−", "-"))
        )
    view = holding.view
    fields = (view.symbol, view.description, view.sec_type, view.account, view.currency)
    return any(word in field.casefold() for field in fields) or _names_type(word, view.sec_type)


def _names_type(word: str, sec_type: str) -> bool:
    names = _TYPE_NAMES.get(sec_type, ())
    return word in names or (
        len(word) >= _LEAST_OF_NAME and any(name.startswith(word) for name in names)
    )
