"""Numbers from the wire, and money at rest.

Money is `Decimal` in code and whole micro-units (1e-6 of the currency) at rest, so that sums are
exact in Python and in SQL alike (design promise 6).
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

MICROS_PER_UNIT = 1_000_000
LARGEST_AMOUNT = Decimal(4 * 10**12)
"""The difference of two such fits into SQLite's whole numbers as micro-units."""

ABSURD = Decimal(10) ** 15
"""No position, price or amount of a trader reaches this (shared IBKR facts, section 1)."""

# The API's "no value" sentinels: the largest double, and the largest 32-bit integer.
_UNSET_DOUBLE = Decimal("1.7976931348623157E+308")
_UNSET_INTEGER = Decimal(2147483647)

_MOST_DECIMALS = 40
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MOST_PLAIN = 16
_ZERO = Decimal(0)

# Wide enough that quantity x price x multiplier is never rounded before we round it ourselves.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class BadNumber(ValueError):
    """A number field of the wire that must not reach the ledger."""

    def __init__(self, field: str, text: str, why: str) -> None:
        shown = text if len(text) <= 40 else text[:37] + "..."
        super().__init__(f"{field} is {why}: {shown!r}")
        self.field = field
        self.text = text
        self.why = why


def parse_number(field: str, text: str) -> Decimal:
    """The exact decimal that the wire's text says.

    Raises `BadNumber` for a blank, unset, non-finite, absurd or unreadable field: a blank quantity
    is not a zero.
    """
    if len(text) < _MOST_PLAIN and _PLAIN.fullmatch(text):
        # Nearly all of them: nothing that is wrong below can be wrong with these but one value.
        number = Decimal(text)
        if number != _UNSET_INTEGER:
            return number or _ZERO
    return _parse_any(field, text)


def _parse_any(field: str, text: str) -> Decimal:
    stripped = text.strip(" ")
    if not stripped:
        raise BadNumber(field, text, "blank")
    # `Decimal` also takes `1_000`, the digits of other scripts, and control characters around
    # them, which no TWS writes.
    if not stripped.isascii() or not stripped.isprintable() or "_" in stripped:
        raise BadNumber(field, text, "not a number")
    try:
        number = Decimal(stripped)
    except InvalidOperation:
        raise BadNumber(field, text, "not a number") from None
    if not number.is_finite():
        raise BadNumber(field, text, "not finite")
    if number in (_UNSET_DOUBLE, _UNSET_INTEGER):
        raise BadNumber(field, text, "unset")
    # Compared without arithmetic, which an exponent of millions would overflow.
    if number.copy_abs() > ABSURD:
        raise BadNumber(field, text, "absurdly large")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_MOST_DECIMALS:
        raise BadNumber(field, text, "absurdly small")
    # `0E+9999999` is a zero that would be written with ten million digits.
    return number or _ZERO


def to_micros(amount: Decimal) -> int:
    """Micro-units of `amount`, rounded half to even."""
    return int(EXACT.multiply(amount, Decimal(MICROS_PER_UNIT)).to_integral_value(ROUND_HALF_EVEN))


def from_micros(micros: int) -> Decimal:
    """The amount of `micros`, exact."""
    return Decimal(micros).scaleb(-6, EXACT)


def plain(number: Decimal) -> str:
    """Canonical text at rest: no exponent, no trailing zeros, never `-0`."""
    if not number:
        return "0"
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
