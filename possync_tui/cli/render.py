"""How commands print: tables for people, JSON and CSV for programs, all from the same rows."""

import os
import sys
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from io import TextIOWrapper

from possync_tui.cli.json_text import nested_json, to_json
from possync_tui.domain.exports import csv_lines, csv_text
from possync_tui.domain.money import plain
from possync_tui.domain.text import mask_account, mask_accounts, printable
from possync_tui.domain.values import dataclass

Row = Mapping[str, object]

_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a printed table. `places` fixes the decimals of an amount."""

    key: str
    title: str
    places: int | None = None


class Output:
    """Standard output in the format that was asked for."""

    def __init__(self, form: str, *, mask: bool) -> None:
        self.form = form
        self.masks_accounts = mask
        self.is_gone = False
        """Nobody reads any more (`| head`)."""

    def line(self, text: str = "") -> None:
        """One line of text for people; no markup, no controls."""
        shown = mask_accounts(text) if self.masks_accounts else text
        self._write(printable(shown) + "\n")

    def json(self, value: object, *, indent: int | None = 2) -> None:
        self._write(to_json(self._masked(value), indent=indent) + "\n")

    async def json_pages(
        self, name: str, pages: AsyncIterator[Sequence[Row]], rest: Mapping[str, object]
    ) -> None:
        """An object of a list, written as its items come, and of the rest."""
        self._write(f"{{\n  {to_json(name)}: [")
        separator = "\n    "
        async for rows in pages:
            items = [nested_json(self._masked(row), 2) for row in rows]
            if items:
                self._write(separator + ",\n    ".join(items))
                separator = ",\n    "
            if self.is_gone:
                break
        others = [
            f",\n  {to_json(key)}: {nested_json(self._masked(value), 1)}"
            for key, value in rest.items()
        ]
        end = "]" if separator == "\n    " else "\n  ]"
        self._write(end + "".join(others) + "\n}\n")

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        shown = [self._masked_row(row) for row in rows]
        if self.masks_accounts:
            # For people, a path hides them as well; a program has to open it.
            shown = [{key: self._masked(value) for key, value in row.items()} for row in shown]
        self._write("".join(line.rstrip() + "\n" for line in _table_lines(columns, shown)))

    def csv(self, keys: Sequence[str], rows: Sequence[Row]) -> None:
        """As RFC 4180 has it: a header, lines that end in CR LF; UTF-8 whatever the terminal's."""
        _as_utf8()
        self._write(csv_text(keys, map(self._masked_row, rows)))

    async def csv_pages(self, keys: Sequence[str], pages: AsyncIterator[Sequence[Row]]) -> None:
        """The same, written as rows come."""
        self.csv(keys, ())
        async for rows in pages:
            self._write(csv_lines(keys, map(self._masked_row, rows)))
            if self.is_gone:
                break

    def _write(self, text: str) -> None:
        if self.is_gone:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self.is_gone = True
            # The interpreter flushes stdout once more at exit, which must not fail again.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)

    def _masked_row(self, row: Row) -> Row:
        if not self.masks_accounts:
            return row
        return {key: self._masked(value, key) for key, value in row.items()}

    def _masked(self, value: object, key: str = "") -> object:
        if not self.masks_accounts:
            return value
        match value:
            case str():
                # A path stays one that can be opened.
                if key == "path":
                    return value
                is_account = key in ("account", "accounts", "code")
                return mask_account(value) if is_account else mask_accounts(value)
            case Mapping():
                return {name: self._masked(item, str(name)) for name, item in value.items()}
            case list() | tuple():
                return [self._masked(item, key) for item in value]
            case _:
                return value


def _as_utf8() -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")


def _table_lines(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    titles = [column.title for column in columns]
    cells = [[_cell(row.get(column.key), column.places) for column in columns] for row in rows]
    widths = [max(map(_width, column)) for column in zip(titles, *cells, strict=True)]
    rights = [
        any(isinstance(row.get(column.key), int | Decimal | float) for row in rows)
        for column in columns
    ]
    lines = []
    for cell_row in (titles, *cells):
        padded = (
            " " * (width - _width(cell)) + cell if right else cell + " " * (width - _width(cell))
            for cell, width, right in zip(cell_row, widths, rights, strict=True)
        )
        lines.append("  ".join(padded))
    return lines


def _width(text: str) -> int:
    """Cells on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def time_text(at: datetime) -> str:
    """In the user's own time zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: object, places: int | None) -> str:
    match value:
        case None:
            return _UNKNOWN
        case bool():
            return "yes" if value else "no"
        case Decimal() if places is not None:
            return f"{value:,.{places}f}"
        case Decimal():
            return f"{Decimal(plain(value)):,f}"
        case float():
            return f"{value:,.1f}"
        case datetime():
            return time_text(value)
        case _:
            return printable(str(value))
