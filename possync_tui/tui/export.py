"""Tables as a file that a spreadsheet opens right and a program reads exactly.

RFC 4180: commas, CRLF, quotes where needed. Numbers are plain decimals, times ISO 8601 in UTC, and
no text begins like a formula.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

from possync_tui.domain.money import plain
from possync_tui.domain.views import EntryView
from possync_tui.tui.format import Redaction, clean

# A cell that begins so is a formula to a spreadsheet, in full width too.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "|", "%")
COLUMNS = (
    *(field.name for field in fields(EntryView) if field.name != "price"),
    "price_source",
    "price_age_seconds",
)


def csv_text(entries: Iterable[EntryView], shown: Redaction) -> str:
    """The entries as CSV, with the names of the ledger's columns."""

    def row(entry: EntryView) -> list[object]:
        values = {name: getattr(entry, name, None) for name in COLUMNS}
        values["account"] = shown.account(entry.account)
        if entry.price is not None:
            values["price_source"] = entry.price.source
            values["price_age_seconds"] = entry.price.age_seconds
        return [values[name] for name in COLUMNS]

    return csv_of(COLUMNS, map(row, entries))


def csv_of(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A heading and rows of values as CSV."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(titles)
    for row in rows:
        writer.writerow(cell(value) for value in row)
    return text.getvalue()


def cell(value: object) -> str:
    """One value; empty where it is unknown."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value) if value.is_finite() else ""
        case int() | float():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case _:
            text = clean(str(value))
            return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def destination(typed: str, default_name: str) -> Path:
    """Where to write: a path from the current folder; of a folder, the default name in it.

    Raises `ValueError` for what no path can be.
    """
    if not typed.isprintable():
        raise ValueError("a path has no control characters")
    path = Path(typed.strip() or default_name).expanduser()
    return path / default_name if path.is_dir() else path


def write(path: Path, text: str, *, replace: bool) -> None:
    """Write the file, readable by its owner alone (design promise 14).

    Raises `FileExistsError` for one that is there already, unless it may be replaced.
    """
    # Excel takes UTF-8 for what it is only with this mark; plain ASCII needs none.
    encoded = text.encode("utf-8" if text.isascii() else "utf-8-sig", errors="replace")
    flags = os.O_WRONLY | os.O_CREAT | (0 if replace else os.O_EXCL)
    partial = path.with_name(f"{path.name}.part") if replace else path
    with os.fdopen(os.open(partial, flags | os.O_TRUNC, 0o600), "wb") as file:
        file.write(encoded)
    if partial is not path:
        partial.replace(path)
