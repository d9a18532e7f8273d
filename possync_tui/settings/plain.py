"""The short way to read settings: values that can be read in one way only, without pydantic.

Loading pydantic takes a third as long as loading Textual, and most values are as plain as `7497`.
What is not is left to `models`, which knows best and words the errors: here nothing is refused,
only not understood.
"""

from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any, Final

from possync_tui.domain.terms import CostMethod
from possync_tui.settings.convert import account_codes, full_path, key_pairs, zone_name
from possync_tui.settings.values import (
    PREFIXES,
    Given,
    IbkrSettings,
    PositionSyncSettings,
    PossyncSettings,
)

_ON = ("true", "1", "yes", "on")
_OFF = ("false", "0", "no", "off")
_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_LARGEST = 2**31 - 1


def _is_made_of(allowed: Set[str], text: str) -> bool:
    # A sign that is no ASCII letter may turn into one in lower case.
    return text.isascii() and set(text.lower()) <= allowed


class NotPlain(ValueError):
    """Not for here: `models` has to read it."""


def _switch(text: str) -> bool:
    lowered = text.lower()
    if lowered in _ON or lowered in _OFF:
        return lowered in _ON
    raise NotPlain(text)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not set(text) <= _DIGITS or len(text) > 10 or (text[:1] == "0" and text != "0"):
            raise NotPlain(text)
        if not low <= (value := int(text)) <= high:
            raise NotPlain(text)
        return value

    return read


def _seconds(low: int, high: int) -> Callable[[str], float]:
    def read(text: str) -> float:
        whole, point, part = text.partition(".")
        if not set(whole + part) <= _DIGITS or not whole or bool(point) != bool(part):
            raise NotPlain(text)
        if len(text) > 15 or not low <= (value := float(text)) <= high:
            raise NotPlain(text)
        return value

    return read


def _host(text: str) -> str:
    if not _is_made_of(_LETTERS | _DIGITS | set(".-"), text) or len(text) > 255:
        raise NotPlain(text)
    return text


def _accounts(text: str) -> tuple[str, ...]:
    codes = account_codes(text)
    assert isinstance(codes, tuple)
    if not all(_is_made_of(_LETTERS | _DIGITS, c) and len(c) <= 32 for c in codes):
        raise NotPlain(text)
    return codes


def _keys(text: str) -> tuple[tuple[str, str], ...]:
    pairs = key_pairs(text)
    assert isinstance(pairs, tuple)
    return pairs


def _theme(text: str) -> str:
    name = text.lower()
    if not _is_made_of(_LETTERS | _DIGITS | set("_-"), name) or name[:1] in "_-":
        raise NotPlain(text)
    return name


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise NotPlain(text)
    return level


READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "POSITION_SYNC_ENABLED": _switch,
    "POSITION_SYNC_SYNC_INTERVAL": _whole(10, 604_800),
    "POSITION_SYNC_SYNC_ON_TRADE": _switch,
    "POSITION_SYNC_SYNC_ON_POSITION_UPDATE": _switch,
    "POSITION_SYNC_MARK_MISSING_AS_CLOSED": _switch,
    "POSITION_SYNC_CALCULATE_REALIZED_PNL": _switch,
    "POSITION_SYNC_DEFAULT_ACCOUNT_ID": _whole(1, _LARGEST),
    "POSITION_SYNC_INITIAL_DELAY": _seconds(0, 86_400),
    "POSITION_SYNC_TIMEOUT": _seconds(1, 600),
    "POSITION_SYNC_DEBOUNCE": _seconds(0, 60),
    "POSITION_SYNC_MISSING_CONFIRMATIONS": _whole(2, 1_000),
    "POSITION_SYNC_COST_METHOD": lambda text: CostMethod(text.lower()),
    "IBKR_HOST": _host,
    "IBKR_PORT": _whole(1, 65_535),
    "IBKR_CLIENT_ID": _whole(0, _LARGEST),
    "IBKR_CONNECT_TIMEOUT": _seconds(1, 120),
    "IBKR_ACCOUNTS": _accounts,
    "IBKR_TIMEZONE": zone_name,
    "POSSYNC_LEDGER": lambda text: full_path(Path(text)),
    "POSSYNC_EXPORTS": lambda text: full_path(Path(text)),
    "POSSYNC_LOG_LEVEL": _log_level,
    "POSSYNC_THEME": _theme,
    "POSSYNC_MASK_ACCOUNTS": _switch,
    "POSSYNC_KEYS": _keys,
}
"""Every setting, in the order of `models`. What a reader does not understand is a `ValueError`."""


def read(
    given_values: Mapping[str, Given],
) -> tuple[PositionSyncSettings, IbkrSettings, PossyncSettings] | None:
    """All groups, or `None` where any value is not plain. Keys are known and values not empty."""
    values: dict[str, dict[str, Any]] = {}
    for key, given in given_values.items():
        try:
            value = READERS[key](given.text.strip())
        except ValueError:
            return None
        prefix = next(prefix for prefix in PREFIXES if key.startswith(prefix))
        values.setdefault(prefix, {})[key.removeprefix(prefix).lower()] = value
    sync, ibkr, possync = (values.get(prefix, {}) for prefix in PREFIXES)
    return (
        PositionSyncSettings(**sync),
        IbkrSettings(**ibkr),
        PossyncSettings(**possync),
    )
