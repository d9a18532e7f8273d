"""JSON whose numbers are exactly the ledger's: a `Decimal` never passes through a binary float."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from possync_tui.domain.money import plain


def utc_text(moment: datetime) -> str:
    """`2026-01-31T21:00:00+00:00`, the form of `get_status()` too."""
    return moment.astimezone(UTC).isoformat()


def to_json(value: object, *, indent: int | None = 2) -> str:
    """`value` as JSON text; on one line with `indent=None`."""
    return _text(value, indent, 0)


def nested_json(value: object, depth: int) -> str:
    """`value` as it stands within `depth` others of an indented text."""
    return _text(value, 2, depth)


def _text(value: object, indent: int | None, depth: int) -> str:
    match value:
        case None | bool() | int() | float():
            return json.dumps(value, allow_nan=False)
        case Decimal():
            return plain(value) if value.is_finite() else "null"
        case datetime():
            return json.dumps(utc_text(value))
        case str() | Path():
            return json.dumps(str(value))
        case Mapping():
            items = [
                f"{json.dumps(str(key))}: {_text(item, indent, depth + 1)}"
                for key, item in value.items()
            ]
            return _enclosed("{", items, "}", indent, depth)
        case list() | tuple():
            items = [_text(item, indent, depth + 1) for item in value]
            return _enclosed("[", items, "]", indent, depth)
        case _:
            raise TypeError(f"no JSON for {type(value).__name__}")


def _enclosed(opening: str, items: list[str], closing: str, indent: int | None, depth: int) -> str:
    if not items:
        return opening + closing
    if indent is None:
        return opening + ", ".join(items) + closing
    inner = "\n" + " " * (indent * (depth + 1))
    outer = "\n" + " " * (indent * depth)
    return opening + inner + f",{inner}".join(items) + outer + closing
