"""Reading JSON that this room wrote, without trusting that it did."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring_ascii

from possync_tui.ledger.at_rest import BadRecord, Choice, moment, number, one_of

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def dump(value: Json) -> str:
    """Compact ASCII JSON. Raises `ValueError` for a NaN or an infinite float."""
    return quote(value) if isinstance(value, str) else _ENCODER.encode(value)


def quote(text: str) -> str:
    """The same of a text: what most fields are."""
    return encode_basestring_ascii(text)


def encode_object(**encoded: str) -> str:
    """An object of values that are JSON already."""
    return "{" + ",".join([f'"{name}":{value}' for name, value in encoded.items()]) + "}"


def parse(text: str) -> object:
    """The JSON value. Raises `BadRecord`."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise BadRecord(f"not JSON: {text[:60]!r}") from None


class Payload:
    """A JSON object whose fields are read by the type they must have; `BadRecord` otherwise."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise BadRecord(f"not a JSON object: {value!r}")
        self._fields: dict[object, object] = value

    def text(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str):
            raise BadRecord(f"{name} is not a text: {value!r}")
        return value

    def has(self, name: str) -> bool:
        """Whether a field is there that older payloads have not."""
        return name in self._fields

    def whole(self, name: str) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadRecord(f"{name} is not a whole number: {value!r}")
        return value

    def optional_whole(self, name: str) -> int | None:
        return None if self._get(name) is None else self.whole(name)

    def several(self, name: str) -> list["Payload"]:
        value = self._get(name)
        if not isinstance(value, list):
            raise BadRecord(f"{name} is not a list: {value!r}")
        return [Payload(item) for item in value]

    def flag(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise BadRecord(f"{name} is neither true nor false: {value!r}")
        return value

    def pair(self, name: str) -> tuple[int, int]:
        match self._get(name):
            case [int(first), int(second)]:
                return first, second
            case value:
                raise BadRecord(f"{name} is not a pair of whole numbers: {value!r}")

    def seconds(self, name: str) -> float:
        value = self._get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadRecord(f"{name} is not a number of seconds: {value!r}")
        return float(value)

    def number(self, name: str) -> Decimal:
        return number(self.text(name))

    def optional_number(self, name: str) -> Decimal | None:
        return None if self._get(name) is None else self.number(name)

    def moment(self, name: str) -> datetime:
        return moment(self.text(name))

    def one_of(self, name: str, choices: type[Choice]) -> Choice:
        return one_of(choices, self.text(name))

    def nested(self, name: str) -> "Payload":
        return Payload(self._get(name))

    def optional_nested(self, name: str) -> "Payload | None":
        return None if self._get(name) is None else self.nested(name)

    def _get(self, name: str) -> object:
        try:
            return self._fields[name]
        except KeyError:
            raise BadRecord(f"{name} is not there") from None
