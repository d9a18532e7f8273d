"""Numbers and ages as a trader reads them. Loads nothing: the first look is drawn with it, too."""

from decimal import Decimal

UNKNOWN = "–"
_HALF_A_CENT = Decimal("0.005")
MINUS = "−"
UP = "▲"
DOWN = "▼"


def number(value: Decimal | None, *, least: int = 0, most: int = 8) -> str:
    """Thousands separated; between `least` and `most` decimals, no needless zeros; `–` unknown."""
    if value is None or not value.is_finite():
        return UNKNOWN
    text = f"{value:,.{most}f}"
    if most > least and "." in text:
        whole, _, part = text.partition(".")
        part = part.rstrip("0").ljust(least, "0")
        text = f"{whole}.{part}" if part else whole
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else MINUS + text[1:]
    return text


def money(value: Decimal | None) -> str:
    """An amount, two decimals."""
    return number(value, least=2, most=2)


def price(value: Decimal | None, *, fine: bool = False) -> str:
    """A price as a trader writes it: more decimals the smaller it is; `fine` for FX."""
    if value is None:
        return UNKNOWN
    size = abs(value)
    if fine:
        return number(value, least=2, most=5)
    if size >= 10:
        # A quoted quarter tick or 98.125 stays; 194.1412871 from an average does not.
        return number(value, least=2, most=4 if value == round(value, 4) and size < 10_000 else 2)
    if size >= 1:
        # Quoted to a tenth of a pip, as currencies are; an average is not.
        return number(value, least=2, most=5 if value == round(value, 5) else 4)
    return number(value, least=2, most=6)


def arrow(value: Decimal | None) -> str:
    """Direction as a symbol, so that it never hangs on colour alone."""
    if value is None or not value.is_finite():
        return ""
    if -_HALF_A_CENT <= value <= _HALF_A_CENT:  # rounds to even
        return ""
    return UP if value > 0 else DOWN


def age(seconds: float) -> str:
    """How long ago, in one unit: coarse on purpose, so that a fresh row need not be redrawn."""
    if seconds < 10:
        return "now"
    if seconds < 60:
        return f"{int(seconds) // 10 * 10} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} m"
    if seconds < 2 * 86400:
        return f"{int(seconds) // 3600} h"
    return f"{int(seconds) // 86400} d"


def ago(seconds: float) -> str:
    """`12 s ago`, to the second below a minute."""
    if seconds < 1:
        return "just now"
    return f"{int(seconds)} s ago" if seconds < 60 else f"{age(seconds)} ago"
