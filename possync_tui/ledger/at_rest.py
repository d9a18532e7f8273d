"""How values stand in the tables: one spelling for each, so that text order is the right order."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from possync_tui.domain.money import plain

Choice = TypeVar("Choice", bound=StrEnum)


class BadRecord(ValueError):
    """Something in the tables that this room did not write so."""


@lru_cache(maxsize=1024)
def stamp(at: datetime) -> str:
    """The instant in UTC, always 32 characters, so that text order is time order.

    A transaction writes the same few again and again, and equal instants have one text. Raises
    `ValueError` for a naive time: without a zone it is no instant.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def optional_stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def moment(text: str) -> datetime:
    """The instant that `stamp` wrote. Raises `BadRecord`."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadRecord(f"not a time: {text!r}") from None
    if at.tzinfo is None:
        raise BadRecord(f"a time without a zone: {text!r}")
    return at


def optional_moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def digits(number: Decimal) -> str:
    """Canonical decimal text. Raises `ValueError` for NaN and infinity: they never get in."""
    if not number.is_finite():
        raise ValueError(f"not a finite number: {number}")
    return plain(number)


def optional_digits(number: Decimal | None) -> str | None:
    return None if number is None else digits(number)


def number(text: str) -> Decimal:
    """The decimal that `digits` wrote. Raises `BadRecord`."""
    try:
        value = Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        raise BadRecord(f"not a number: {text!r}") from None
    if not value.is_finite():
        raise BadRecord(f"not a finite number: {text!r}")
    return value


def optional_number(text: str | None) -> Decimal | None:
    return None if text is None else number(text)


def one_of(choices: type[Choice], text: str | None) -> Choice:
    """The choice that `text` names. Raises `BadRecord`."""
    try:
        return choices(text or "")
    except ValueError:
        raise BadRecord(f"not a {choices.__name__}: {text!r}") from None


def label(text: str) -> str:
    """Text from outside for a column: a lone surrogate has no UTF-8, so it is spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
