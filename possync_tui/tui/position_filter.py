"""The filter of the Positions pane: every word has to fit."""

import operator
import re
from collections.abc import Callable
from decimal import Decimal

from possync_tui.tui.holdings import Holding

HINT = "symbol, type, account, currency, long, short, missing, held, stale, pnl<0, value>5000"

_BOUND = re.compile(r"(pnl|day|value|qty|realized)(<=|>=|<|>)([-−]?\d+(?:\.\d+)?)")
_AMOUNTS: dict[str, Callable[[Holding], Decimal | None]] = {
    "pnl": lambda holding: holding.unrealized,
    "day": lambda holding: holding.day,
    "value": lambda holding: holding.value,
    "qty": lambda holding: holding.view.quantity,
    "realized": lambda holding: holding.view.realized_pnl,
}
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
    return any(word in field.casefold() for field in fields)
