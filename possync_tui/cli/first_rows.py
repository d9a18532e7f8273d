"""Rows of the last known book as they will stand on the dashboard, cell for cell.

The dashboard's own columns take libraries to load. A test holds these against them.
"""

from datetime import UTC, datetime
from decimal import Decimal

from possync_tui.domain.figures import UNKNOWN, age, ago, arrow, money, number, price
from possync_tui.domain.label_order import label_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from possync_tui.ledger.last_known import LastKnown, Record
    from possync_tui.outline import Outline, Run, Slot

Cell = tuple[str, str, str]
"""Text, tone, and the arrow before it."""


class DoesNotFit(ValueError):
    """Drawn into this outline, it would not be what the dashboard shows."""


class FirstRow:
    """A position as far as columns need it."""

    __slots__ = (
        "account", "average", "con_id", "currency", "is_virtual", "label", "last", "marked_at",
        "quantity", "realized", "sec_type", "unrealized", "value",
    )  # fmt: skip

    def __init__(self, record: "Record") -> None:
        (self.account, symbol, description, self.con_id, self.sec_type, self.currency, quantity,
         average, last, value, unrealized, realized, marked_at) = record  # fmt: skip
        self.label = description or symbol
        self.is_virtual = self.sec_type == "CASH"
        self.quantity = Decimal(quantity)
        self.average = None if average is None else Decimal(average)
        self.last = None if last is None else Decimal(last)
        self.value = _amount(value)
        self.unrealized = _amount(unrealized)
        self.realized = _amount(realized)
        self.marked_at = None if marked_at is None else datetime.fromisoformat(marked_at)


def _amount(micros: int | None) -> Decimal | None:
    return None if micros is None else Decimal(micros).scaleb(-6)


def _pnl_tone(value: Decimal | None) -> str:
    if value is None:
        return "dim"
    if not arrow(value):
        return "plain"
    return "gain" if value > 0 else "loss"


def _quiet(row: FirstRow, tone: str = "plain") -> str:
    return "dim" if row.is_virtual else tone


def _stale(row: FirstRow) -> str:
    return "dim" if row.is_virtual else "stale"


def _label(row: FirstRow) -> Cell:
    return _clean(row.label) or str(row.con_id), _quiet(row, "strong"), ""


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable() and len(text) <= 4_000:
        return text
    # Few have any of these, and only they wait for what it takes to tell how wide they are.
    from possync_tui.tui.format import clean

    return clean(text)


def _fitted(text: str, width: int) -> str:
    if text.isascii() and len(text) <= width:
        return text.ljust(width)
    from possync_tui.tui.format import fit

    return fit(text, width)


CELLS: "Mapping[str, Callable[[FirstRow], Cell]]" = {
    "symbol": _label,
    "type": lambda row: (_clean(row.sec_type), "dim", ""),
    "currency": lambda row: (_clean(row.currency), "dim", ""),
    "quantity": lambda row: (number(row.quantity), _quiet(row), ""),
    "average": lambda row: (price(row.average, fine=row.is_virtual), _quiet(row), ""),
    "last": lambda row: (price(row.last, fine=row.is_virtual), _stale(row), ""),
    "value": lambda row: (money(row.value), _stale(row), ""),
    "unrealized": lambda row: (money(row.unrealized), _stale(row), arrow(row.unrealized)),
    "day": lambda row: (UNKNOWN, _stale(row), ""),
    "realized": lambda row: (
        money(row.realized),
        _quiet(row, _pnl_tone(row.realized)),
        arrow(row.realized),
    ),
    "contract": lambda row: (str(row.con_id), "dim", ""),
}
"""All but the account and the price's age, for which more has to be known."""
NAMES = frozenset({*CELLS, "account", "age"})
_BY_TEXT: "Mapping[str, Callable[[FirstRow], str]]" = {
    "symbol": lambda row: label_order(row.label),
    "account": lambda row: row.account,
    "type": lambda row: row.sec_type,
    "currency": lambda row: row.currency,
}
_BY_NUMBER: "Mapping[str, Callable[[FirstRow], Decimal | None]]" = {
    "quantity": lambda row: row.quantity,
    "average": lambda row: row.average,
    "last": lambda row: row.last,
    "value": lambda row: row.value,
    "unrealized": lambda row: row.unrealized,
    "day": lambda row: None,
    "realized": lambda row: row.realized,
    "contract": lambda row: Decimal(row.con_id),
    "age": lambda row: None if row.marked_at is None else Decimal(row.marked_at.timestamp()),
}
SORTS = frozenset({"", *_BY_TEXT, *_BY_NUMBER})
_AMOUNTS = frozenset({"value", "unrealized", "day", "realized"})
"""Of these, no two currencies are compared: rates are told only once there is a link."""


def in_order(rows: "Sequence[FirstRow]", sort: str, down: bool) -> list[FirstRow]:
    """Those with nothing to sort by go last, whichever way it goes."""
    if sort in _BY_TEXT:
        text = _BY_TEXT[sort]
        return sorted(rows, key=lambda row: text(row).casefold(), reverse=down)
    if sort not in _BY_NUMBER:
        return list(rows)
    of = _BY_NUMBER[sort]
    known = [(value, row) for row in rows if (value := of(row)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=down)
    if sort in _AMOUNTS:
        known.sort(key=lambda pair: pair[1].currency)
    return [row for _, row in known] + [row for row in rows if of(row) is None]


MEASURED = 500
"""So many rows the dashboard measures before its first frame."""
_FULLEST = 120
_ON_POINT = frozenset({"quantity", "average", "last", "value", "unrealized", "day", "realized"})


def _telling(name: str, rows: "Sequence[FirstRow]") -> "Sequence[FirstRow]":
    """The rows that say how wide a column is: no amount takes more than the greatest or least."""
    if name in ("day", "age"):
        return rows[:1]
    if name not in _AMOUNTS:
        return rows
    of = _BY_NUMBER[name]
    known = [(value, place) for place, row in enumerate(rows) if (value := of(row)) is not None]
    unknown = [row for row in rows if of(row) is None][:1]
    ends = (min(known), max(known)) if known else ()
    return [*(rows[place] for _, place in ends), *unknown]


def _wide(text: str) -> int:
    # What we write ourselves for an unknown figure takes a cell, too.
    if text.isascii() or text == UNKNOWN:
        return len(text)
    from possync_tui.tui.columns import Align, Measure
    from possync_tui.tui.columns import Cell as ScreenCell

    measure = Measure(Align.LEFT)
    measure.take(ScreenCell(text))
    return measure.full


class Drawing:
    """Draws the book into an outline, as of `now`."""

    def __init__(self, outline: "Outline", now: datetime, *, masks: bool) -> None:
        self._outline = outline
        self._now = now
        self._masks = masks

    def check_room(self, rows: "Sequence[FirstRow]") -> None:
        """Whether the columns stand as wide, and as far to the right, as for these rows.

        Raises `DoesNotFit`.
        """
        for need in self._outline.needs:
            lead = whole = part = full = 0
            is_point = need.id in _ON_POINT
            for row in _telling(need.id, rows[:MEASURED]):
                text, _, mark = self._cell(need.id, row)
                if mark:
                    lead = 2
                if is_point:
                    front, point, rest = text.partition(".")
                    whole, part = max(whole, len(front)), max(part, len(point + rest))
                else:
                    full = max(full, min(_wide(text), _FULLEST))
            if need.full:
                if max(need.title, full) != need.full:
                    raise DoesNotFit(need.id)
            elif max(need.title, lead + (whole + part if is_point else full)) != need.room:
                raise DoesNotFit(need.id)
            if part != need.part:
                raise DoesNotFit(need.id)

    def title(self, book: "LastKnown") -> "list[Run]":
        """The heading of the pane: how many, how old, and that it is not live."""
        outline = self._outline
        tones, width = outline.tones, outline.title[2]
        synced = f"last synced {ago(self._seconds(book.synced_at))}, not live"
        parts = [(tones["dim"], f"{book.count} open"), (tones["dim"], " · ")]
        if outline.sort:
            way = "↓" if outline.sort_down else "↑"
            is_parted = outline.sort in _AMOUNTS and book.currencies > 1
            first = "currency, " if is_parted else ""
            parts += [(tones["dim"], f"by {first}{outline.sort} {way}"), (tones["dim"], " · ")]
        offline = synced if book.synced_at else "never synced, not live"
        parts.append((tones["warning"], offline))
        name = "Positions"
        room = width - len(name) - 1 - 7
        plain = "".join(text for _, text in parts)
        if len(plain) > room:
            parts = [(tones["title-plain"], _cut(plain, max(0, room)))]
        said = [(tones["title"], name), (tones["title-plain"], "  "), *parts]
        rule = width - sum(len(text) for _, text in said) - 2 - len(outline.hint)
        said += [
            (tones["title-plain"], " "),
            (tones["rule"], "━" * max(0, rule)),
            (tones["dim"], f" {outline.hint}"),
        ]
        return said

    def _seconds(self, stamp: str) -> float:
        if not stamp:
            return 0.0
        return max(0.0, (self._now - datetime.fromisoformat(stamp)).total_seconds())

    def row(self, row: FirstRow, *, is_cursor: bool) -> "list[Run]":
        """One line of the table. Raises `DoesNotFit`."""
        outline = self._outline
        tones = outline.cursor_tones if is_cursor else outline.tones
        runs: list[Run] = []

        def say(text: str, tone: str) -> None:
            look = tones[tone if text.strip() else "plain"]
            if runs and runs[-1][0] == look:
                runs[-1] = (look, runs[-1][1] + text)
            elif text:
                runs.append((look, text))

        say("▸" if is_cursor else " ", "accent")
        say(" " * (outline.start - 3), "plain")
        say(" " if row.is_virtual else "○", "dim")
        x = outline.start - 1
        for slot in outline.slots:
            say(" " * (slot.x - x), "plain")
            text, tone, mark = self._cell(slot.id, row)
            say(_placed(text, mark, slot), tone)
            x = slot.x + slot.width
        say(" " * (outline.table[2] - x), "plain")
        return runs

    def _cell(self, name: str, row: FirstRow) -> Cell:
        if name == "age":
            seconds = None if row.marked_at is None else (self._now - row.marked_at).total_seconds()
            return UNKNOWN if seconds is None else age(max(0.0, seconds)), "stale", ""
        if name == "account":
            code = _clean(row.account)
            if self._masks:
                from possync_tui.domain.text import mask_account

                code = mask_account(code)
            return code, "dim", ""
        return CELLS[name](row)


def _cut(text: str, width: int) -> str:
    return (text[: width - 1].rstrip() + "…").ljust(width).rstrip() if width else ""


def _placed(text: str, mark: str, slot: "Slot") -> str:
    """The cell in exactly its width: what is cut of a name is no loss, of a number it is."""
    if slot.way == "left":
        return _fitted(text, slot.width)
    if slot.way == "point":
        whole, point, part = text.partition(".")
        if len(point + part) > slot.part:
            raise DoesNotFit(slot.id)
        text = whole + (point + part).ljust(slot.part)
    if mark and not slot.lead:
        raise DoesNotFit(slot.id)
    if len(text) > slot.width - slot.lead:
        raise DoesNotFit(slot.id)
    return mark.ljust(slot.lead) + text.rjust(slot.width - slot.lead)


def painted(
    outline: "Outline", book: "LastKnown", at: datetime, *, masks: bool
) -> "list[tuple[int, int, Sequence[Run]]]":
    """The frame as lines, and where each begins.

    Raises `DoesNotFit`, and what numbers and times that are none raise.
    """
    if (book.accounts > 1, book.currencies > 1) != outline.is_several:
        raise DoesNotFit("other columns")
    drawing = Drawing(outline, at, masks=masks)
    rows = in_order([FirstRow(record) for record in book.rows], outline.sort, outline.sort_down)
    drawing.check_room(rows)
    lines: list[tuple[int, int, Sequence[Run]]] = [
        (0, y, runs) for y, runs in enumerate(outline.lines)
    ]
    x, y, _, height = outline.table
    lines.append((outline.title[0], outline.title[1], drawing.title(book)))
    lines += [
        (x, y + place, drawing.row(row, is_cursor=place == 1))
        for place, row in enumerate(rows[: height - 1], 1)
    ]
    return lines


def now() -> datetime:
    return datetime.now(UTC)
