"""Strict reading of scenario files and commands: every complaint names the key."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

_Choice = TypeVar("_Choice", bound=StrEnum)


class ScenarioError(ValueError):
    """A scenario file or command that cannot be followed; the message names the key."""


class Table:
    """One table of a file, read key by key; what nobody asked for is an error."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise ScenarioError(f"{where or 'scenario'}: expected a table")
        self._values: dict[str, object] = {str(key): item for key, item in value.items()}
        self._where = where
        self._asked: set[str] = set()

    def path(self, key: str) -> str:
        """The key with what it stands in, for complaints."""
        return f"{self._where}.{key}" if self._where else key

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def wrong(self, key: str, why: str) -> ScenarioError:
        """A complaint about a key."""
        return ScenarioError(f"{self.path(key)}: {why}")

    def finish(self) -> None:
        """Complain about keys that mean nothing."""
        for key in self._values:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise self.wrong(key, f"unknown key (known: {known})")

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, f"expected text, not {value!r}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """A boolean."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"expected true or false, not {value!r}")
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, f"expected a whole number, not {value!r}")
        return value

    def whole_or_none(self, key: str) -> int | None:
        """A whole number, None when it is not there."""
        self._asked.add(key)
        return self.whole(key) if self.has(key) else None

    def number(self, key: str, default: Decimal | int | None = None) -> Decimal:
        """A finite number; text of one is accepted, so that no digit is lost."""
        return self._number(key, self._get(key, default))

    def number_or_none(self, key: str) -> Decimal | None:
        """A finite number, None when it is not there."""
        self._asked.add(key)
        return self.number(key) if self.has(key) else None

    def seconds(self, key: str, default: float | None = None) -> float:
        """A duration in seconds, not negative."""
        value = self._number(key, self._get(key, None if default is None else Decimal(default)))
        if value < 0:
            raise self.wrong(key, f"cannot be negative: {value}")
        return float(value)

    def pair(self, key: str) -> tuple[float, float]:
        """Two durations, the shorter first."""
        value = self._get(key, None)
        if not isinstance(value, list) or len(value) != 2:
            raise self.wrong(key, "expected [shortest, longest]")
        low, high = (float(self._number(key, item)) for item in value)
        if not 0 < low <= high:
            raise self.wrong(key, "expected 0 < shortest <= longest")
        return low, high

    def choice(self, key: str, kind: type[_Choice], default: _Choice | None = None) -> _Choice:
        """One of the values of an enumeration."""
        text = self.text(key, default)
        try:
            return kind(text)
        except ValueError:
            allowed = ", ".join(kind)
            raise self.wrong(key, f"{text!r} is none of {allowed}") from None

    def choice_or_none(self, key: str, kind: type[_Choice]) -> _Choice | None:
        """One of the values of an enumeration, None when it is not there."""
        self._asked.add(key)
        return self.choice(key, kind) if self.has(key) else None

    def moment(self, key: str, midnight: datetime) -> datetime:
        """A time: ``HH:MM:SS`` of the day that begins at ``midnight``, or a date with zone."""
        value = self._get(key, None)
        try:
            if isinstance(value, datetime):
                found = value
            elif isinstance(value, str) and len(value) == 8:
                clock = datetime.strptime(value, "%H:%M:%S").time()  # noqa: DTZ007 - gets a zone
                found = datetime.combine(midnight.date(), clock, midnight.tzinfo)
            else:
                found = datetime.fromisoformat(str(value))
        except ValueError:
            raise self.wrong(key, f"not a time: {value!r}") from None
        if found.tzinfo is None:
            raise self.wrong(key, "a date needs a zone")
        return found

    def table(self, key: str) -> "Table":
        """A table inside this one, empty when it is not there."""
        return Table(self._get(key, {}), self.path(key))

    def tables(self, key: str) -> list["Table"]:
        """A list of tables, empty when it is not there."""
        value = self._get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "expected a list of tables")
        return [Table(item, f"{self.path(key)}[{index}]") for index, item in enumerate(value)]

    def numbers(self) -> Iterator[tuple[str, Decimal]]:
        """Every key of this table with its number."""
        for key in self._values:
            yield key, self.number(key)

    def _get(self, key: str, default: object) -> object:
        self._asked.add(key)
        if key in self._values:
            return self._values[key]
        if default is None:
            raise self.wrong(key, "is missing")
        return default

    def _number(self, key: str, value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
            raise self.wrong(key, f"expected a number, not {value!r}")
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise self.wrong(key, f"not a number: {value!r}") from None
        if not number.is_finite():
            raise self.wrong(key, f"not a finite number: {value!r}")
        return number
