"""What programs and spreadsheets get: the columns of an entry, and cells of a CSV file.

One form for `pnl --format csv` and for the export of the screen (README, JSON): plain decimals,
times ISO 8601 in UTC, and no text that begins like a formula.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

from possync_tui.domain.money import plain
from possync_tui.domain.text import printable
from possync_tui.domain.views import EntryView

# A cell that begins so is a formula to some spreadsheet, in full width too.
FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n", "＝", "＋", "－", "＠")
ENTRY_KEYS = (
    *("id", "position_id", "account_id", "account", "con_id", "symbol", "description", "sec_type"),
    *("currency", "closed_at", "recorded_at", "quantity_closed", "entry_price", "exit_price"),
    *("gross_pnl", "commission", "commission_currency", "realized_pnl", "broker_realized_pnl"),
    *("difference", "quality", "kind", "supersedes_id", "exec_id", "is_full_close"),
    *("price_source", "price_age"),
)


def entry_row(entry: EntryView) -> dict[str, object]:
    """An entry; its price of an estimate as where it came from and how many seconds old it was."""
    price = entry.price
    shown = {field.name: getattr(entry, field.name) for field in fields(entry)}
    del shown["price"]
    return {
        **shown,
        "difference": entry.difference,
        "price_source": price.source if price else None,
        "price_age": price.age_seconds if price else None,
    }


def csv_text(keys: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """As RFC 4180 has it: a header, lines that end in CR LF."""
    return csv_of(keys, ([row.get(key) for key in keys] for row in rows))


def csv_lines(keys: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """The same without the header: more lines of a file that is written piece by piece."""
    return _written([row.get(key) for key in keys] for row in rows)


def csv_of(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """The same of rows of values."""
    header = StringIO(newline="")
    csv.writer(header, lineterminator="\r\n").writerow(titles)
    return header.getvalue() + _written(rows)


def _written(rows: Iterable[Iterable[object]]) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])
    return text.getvalue()


def csv_cell(value: object) -> str:
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
            return value.astimezone(UTC).isoformat()
        case tuple():
            return " ".join(map(csv_cell, value))
        case _:
            text = printable(str(value))
            return f"'{text}" if text.lstrip().startswith(FORMULA) else text
