"""Columns of a table: what a cell says, how wide it must be, and which columns fit."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Generic, TypeVar

from rich.cells import cell_len

from possync_tui.domain.label_order import label_order
from possync_tui.domain.values import dataclass
from possync_tui.tui.format import MINUS, UNKNOWN, fit
from possync_tui.tui.tones import Tone

FULLEST = 120
"""No column takes more cells than this, however long its text is."""
Row = TypeVar("Row")
SortKey = tuple[Decimal, str]


class Align(StrEnum):
    """How cells of a column stand under each other. `POINT`: on their decimal point."""

    LEFT = "left"
    RIGHT = "right"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Cell:
    """Finished text for one cell; `mark` is a symbol (an arrow) that leads a number.

    `briefer` are for a note whose text has no room, the longest first.
    """

    text: str
    tone: Tone = Tone.PLAIN
    mark: str = ""
    briefer: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column. Those of the highest `rank` are the first to go when room is short.

    `most` caps a text column and `least` is how far it may shrink; `order` is what it sorts by
    (`None` from it goes last in either direction). `raw` is the value that a file gets, where that
    is neither what is sorted by nor the text.
    """

    id: str
    title: str
    cell: Callable[[Row], Cell]
    align: Align = Align.LEFT
    rank: int = 0
    least: int = 0
    most: int = 0
    order: Callable[[Row], SortKey | None] | None = None
    wants_high_first: bool = False
    raw: Callable[[Row], object] | None = None
    is_whole: bool = False
    """Others go before its text is cut."""
    written: str = ""
    """Its title in a file, where the value there is another one than on the screen."""
    still: Callable[[Row], object] | None = None
    """What the cell is made of, where that is one thing: while that stays, so does the cell."""
    is_amount: bool = False
    """Always of as many decimals: no cell is wider than those of the greatest and the least."""

    def widest(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows with the widest cells of these, and perhaps others."""
        if not self.is_amount or self.order is None:
            return rows
        found, known = [], []
        for place, row in enumerate(rows):
            key = self.order(row)
            if key is None:
                found.append(row)
            else:
                known.append((key, place))
        ends = (min(known), max(known)) if known else ()
        return [*found, *(rows[place] for _, place in ends)]

    def exact(self, row: Row) -> object:
        """What a file gets: of numbers all digits, of what is unknown nothing."""
        if self.raw is not None:
            return self.raw(row)
        text = self.cell(row).text
        if self.align is Align.LEFT:
            return None if text == UNKNOWN else text
        if self.order is not None:
            key = self.order(row)
            return None if key is None else key[1] or key[0]
        return plain_number(text)


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


class Measure:
    """How much room the cells of one column take; it only grows, so that nothing jitters.

    `full` is what they would take without the cap of `most`.
    """

    __slots__ = ("align", "full", "lead", "most", "part", "whole")

    def __init__(self, align: Align, most: int = 0) -> None:
        self.align = align
        self.most = most
        self.lead = self.whole = self.part = self.full = 0

    def take(self, cell: Cell) -> bool:
        """Make room for `cell`; whether that changed anything."""
        # A thousand rows are measured at the start, and each cell that moves.
        has_grown = False
        if self.align is Align.POINT:
            whole, point, part = cell.text.partition(".")
            wide, fine = _cells(whole), len(point) + _cells(part)
            if fine > self.part:
                self.part, has_grown = fine, True
        else:
            wide = _cells(cell.text)
            if self.full < wide and self.full < FULLEST:
                self.full, has_grown = min(wide, FULLEST), True
            if self.most and wide > self.most:
                wide = self.most
        if wide > self.whole:
            self.whole, has_grown = wide, True
        if cell.mark and not self.lead:
            self.lead, has_grown = 2, True
        return has_grown

    @property
    def width(self) -> int:
        return self.lead + self.whole + self.part

    def text(self, cell: Cell, width: int) -> str:
        """The cell in exactly `width` cells."""
        body = cell.text
        if self.align is Align.LEFT:
            return fit(f"{cell.mark} {body}" if self.lead else body, width)
        if self.align is Align.POINT:
            whole, point, part = body.partition(".")
            body = whole + (point + part).ljust(self.part)
        if self.lead:
            return fit(cell.mark.ljust(2) + fit(body, width - 2, right=True), width)
        return fit(body, width, right=True)


class Widths(Generic[Row]):
    """How wide the cells of columns are: of those that were ever shown, and of no others."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Column[Row], Measure]] = {}

    def of(self, columns: Iterable[Column[Row]], rows: Sequence[Row]) -> list[Measure]:
        """Those of `columns`; of one that comes new, for these rows."""
        found = []
        for column in columns:
            if column.id not in self._known:
                self._known[column.id] = (column, Measure(column.align, column.most))
                self._take(rows, *self._known[column.id])
            found.append(self._known[column.id][1])
        return found

    def take(self, rows: Sequence[Row]) -> bool:
        """Make room for these rows; whether that changed anything."""
        return True in [self._take(rows, *known) for known in self._known.values()]

    def _take(self, rows: Sequence[Row], column: Column[Row], measure: Measure) -> bool:
        return True in [measure.take(column.cell(row)) for row in column.widest(rows)]


@dataclass(frozen=True)
class Placed(Generic[Row]):
    """A column that is shown: from `x`, `width` cells wide."""

    column: Column[Row]
    measure: Measure
    x: int
    width: int


def natural_width(column: Column[Row], measure: Measure) -> int:
    return max(cell_len(column.title), measure.width)


def place(
    columns: Sequence[Column[Row]], measures: Sequence[Measure], width: int, start: int
) -> tuple[Placed[Row], ...]:
    """Choose the columns that fit `width`, from `start` on.

    What is left over shows long text in full, then widens the gaps.
    """
    chosen = list(zip(columns, measures, strict=True))
    widths = {column.id: natural_width(column, measure) for column, measure in chosen}

    def spare() -> int:
        taken = sum(widths[column.id] for column, _ in chosen) + 2 * max(0, len(chosen) - 1)
        return width - start - taken

    while spare() < 0 and any(column.rank for column, _ in chosen):
        short = -spare()
        slack = [c for c, _ in chosen if c.least and not c.is_whole and widths[c.id] > c.least]
        if sum(widths[c.id] - c.least for c in slack) >= short:
            break
        chosen.remove(max(chosen, key=lambda pair: pair[0].rank))
    # Text gives way, the longest first; not even enough, it goes below its least width too.
    _shorten(widths, {c.id: c.least for c, _ in chosen if c.least}, -spare())
    _shorten(widths, {c.id: min(8, c.least) for c, _ in chosen if c.least}, -spare())
    for column, measure in chosen:
        wanted = measure.full - widths[column.id]
        if column.most and wanted > 0:
            widths[column.id] += min(wanted, max(0, spare()))
    gap = 2 + min(2, max(0, spare()) // max(1, len(chosen) - 1))
    placed = []
    x = start
    for column, measure in chosen:
        room = min(widths[column.id], max(0, width - x))
        placed.append(Placed(column, measure, x, room))
        x += room + gap
    return tuple(placed)


def _shorten(widths: dict[str, int], least: dict[str, int], short: int) -> None:
    """Take `short` cells from the columns that have most to give."""
    for _ in range(short):
        name = max(least, key=lambda name: widths[name] - least[name], default="")
        if not name or widths[name] <= least[name]:
            return
        widths[name] -= 1


def plain_number(text: str) -> Decimal | str | None:
    """A shown number without its separators; text that is none stays as it is."""
    if text in ("", UNKNOWN):
        return None
    try:
        number = Decimal(text.replace(",", "").replace(MINUS, "-"))
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def by_number(value: Decimal | None) -> SortKey | None:
    return None if value is None else (value, "")


def by_text(value: str) -> SortKey:
    return (Decimal(0), value.casefold())


def by_label(value: str) -> SortKey:
    """By the name of a contract: its strike and its dates count as such."""
    return (Decimal(0), label_order(value))


def ordered(rows: Iterable[Row], column: Column[Row] | None, *, down: bool) -> list[Row]:
    """The rows by a column; those with nothing to sort by go last, whichever way it goes."""
    given = list(rows)
    if column is None or column.order is None:
        return given
    order = column.order
    known = [(key, row) for row in given if (key := order(row)) is not None]
    unknown = [row for row in given if order(row) is None]
    known.sort(key=lambda pair: pair[0], reverse=down)
    return [row for _, row in known] + unknown
