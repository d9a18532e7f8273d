"""Realized entries as tables show them: how good each is, and what became of it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

from textual.binding import Binding, BindingType

from possync_tui.domain.performance import EntryRow
from possync_tui.domain.terms import EntryKind, Quality
from possync_tui.domain.views import EntryView
from possync_tui.tui.columns import Align, Cell, Column, by_label, by_number, by_text
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import (
    arrow,
    clean,
    minute,
    money,
    number,
    price,
    seconds,
    signed,
)
from possync_tui.tui.holdings import pnl_tone
from possync_tui.tui.tones import Tone
from possync_tui.tui.widgets.plain_table import PlainTable

QUALITIES = {
    Quality.EXACT.value: Cell("✓ EXACT", Tone.GAIN),
    Quality.PENDING_COMMISSION.value: Cell("… PENDING", Tone.WARNING),
    Quality.ESTIMATED.value: Cell("~ ESTIMATED", Tone.WARNING),
    Quality.MANUAL.value: Cell("✎ MANUAL", Tone.ACCENT),
}
QUALITY_SENTENCES = {
    Quality.EXACT.value: "opening and closing fills are known, and their commissions",
    Quality.PENDING_COMMISSION.value: "the fills are known; a commission is still to come",
    Quality.ESTIMATED.value: "not from fills: an exact entry replaces it when they turn up",
    Quality.MANUAL.value: "booked by your word",
}
HOW = {
    EntryKind.FILL.value: "fill",
    EntryKind.UNEXPLAINED.value: "unexplained",
    EntryKind.FRACTION.value: "cashed fraction",
    EntryKind.ZERO_ROW.value: "broker says zero",
    EntryKind.EXPIRED.value: "expired",
    EntryKind.CONFIRMED_MISSING.value: "gone at broker",
    EntryKind.USER.value: "your word",
    EntryKind.ASSIGNED.value: "assigned",
    EntryKind.EXERCISED.value: "exercised",
    EntryKind.DELIVERED.value: "delivered",
    EntryKind.TRANSFERRED.value: "transferred",
    EntryKind.CONVERTED.value: "converted",
    EntryKind.CASHED.value: "paid out in cash",
    EntryKind.REVERSAL.value: "reversal",
}


UNAGED = {"user": "your word", "flex": "the statement", "expired": "it expired worthless"}
"""Sources of a price that no time makes older."""
CONVERSION = "⇄"
"""A conversion of currencies: listed, and in no total (design promise 4)."""


def quality_cell(entry: EntryView) -> Cell:
    """The mark and the word of an entry's quality."""
    return QUALITIES.get(entry.quality, Cell(clean(entry.quality), Tone.DIM))


def is_conversion(entry: EntryView) -> bool:
    """Whether currencies were exchanged: that is in no total, and neither won nor lost."""
    return entry.sec_type == "CASH"


def _quality(row: EntryRow) -> Cell:
    cell = quality_cell(row.entry)
    text = f"{cell.text} FX" if is_conversion(row.entry) else cell.text
    return Cell(text, _quiet(row, cell.tone))


def is_of_fill(entry: EntryView) -> bool:
    """Whether a closing fill is known: then no price had to be guessed."""
    return entry.kind == EntryKind.FILL


def quality_sentence(entry: EntryView) -> str:
    """What an entry's quality means for it."""
    if entry.quality == Quality.ESTIMATED and is_of_fill(entry):
        return "the closing fill is known, what opened the position is not: its older fills are due"
    return QUALITY_SENTENCES.get(entry.quality, "")


def price_words(entry: EntryView) -> str:
    """Where a price that is no fill's came from and how old it was: `portfolio, 12 s old`."""
    if entry.price is None:
        return ""
    source = clean(entry.price.source)
    return UNAGED.get(source) or f"{source}, {seconds(entry.price.age_seconds)} old"


def how(entry: EntryView) -> str:
    return HOW.get(entry.kind, clean(entry.kind).lower().replace("_", " "))


def _how(row: EntryRow) -> Cell:
    """How it ended, and behind it from where the price of an estimate is."""
    entry = row.entry
    is_guess = entry.quality == Quality.ESTIMATED and not is_of_fill(entry)
    source = price_words(entry) if is_guess else ""
    return Cell(f"{how(entry)}, {source}" if source else how(entry), Tone.DIM)


def name_of(entry: EntryView) -> str:
    """What the contract is called."""
    return clean(entry.description or entry.symbol) or f"contract {entry.con_id}"


def links_cell(row: EntryRow) -> Cell:
    """What the row undid or replaced, and what undid or replaced it."""
    other = row.entry.supersedes_id
    if row.is_reversal:
        return Cell(f"reverses #{other}", Tone.DIM)
    parts = []
    if row.undone_by is not None:
        parts.append(f"undone by #{row.undone_by}")
        if row.replaced_by is not None:
            parts.append(f"now #{row.replaced_by}")
    if other is not None:
        parts.append(f"replaces #{other}")
    return Cell(", ".join(parts), Tone.DIM if row.undone_by is not None else Tone.ACCENT)


def flag_of(row: EntryRow) -> Cell:
    """A symbol before the row: undone, a reversal, unlike the broker's, a replacement, FX."""
    if row.is_reversal:
        return Cell("↩", Tone.DIM)
    if row.undone_by is not None:
        return Cell("×", Tone.DIM)
    if row.entry.difference is not None:
        return Cell("≠", Tone.WARNING)
    if row.entry.supersedes_id is not None:
        return Cell("↻", Tone.ACCENT)
    return Cell(CONVERSION, Tone.DIM) if is_conversion(row.entry) else Cell(" ")


def _quiet(row: EntryRow, tone: Tone = Tone.PLAIN) -> Tone:
    return tone if row.stands and not is_conversion(row.entry) else Tone.DIM


def _moved(row: EntryRow, amount: Decimal | None) -> Cell:
    return Cell(money(amount), _quiet(row, pnl_tone(amount)), arrow(amount))


def _broker(row: EntryRow) -> Cell:
    if row.entry.difference is None:
        return Cell("", Tone.DIM)
    return Cell(money(row.entry.broker_realized_pnl), _quiet(row))


def _difference(row: EntryRow) -> Cell:
    difference = row.entry.difference
    return Cell("" if difference is None else signed(difference), _quiet(row, Tone.WARNING))


def _commission(row: EntryRow) -> Cell:
    entry = row.entry
    text = money(entry.commission)
    if entry.commission and entry.commission_currency not in ("", entry.currency):
        text += f" {clean(entry.commission_currency)}"
    return Cell(text, Tone.DIM)


def entry_columns(desk: Desk) -> tuple[Column[EntryRow], ...]:
    """The columns of the history; those of the highest rank go first where room is short."""
    return (
        Column("id", "#", lambda r: Cell(f"#{r.entry.id}", Tone.DIM), Align.RIGHT, rank=1),
        Column(
            "closed",
            "Closed",
            lambda r: Cell(minute(r.entry.closed_at), Tone.DIM),
            order=lambda r: by_number(Decimal(r.entry.closed_at.timestamp())),
            wants_high_first=True,
        ),
        Column(
            "symbol",
            "Symbol",
            lambda r: Cell(name_of(r.entry), _quiet(r, Tone.STRONG)),
            least=20,
            most=26,
            order=lambda r: by_label(r.entry.description or r.entry.symbol),
        ),
        Column(
            "account",
            "Account",
            lambda r: Cell(desk.shown.account(r.entry.account), Tone.DIM),
            rank=8,
            most=12,
            order=lambda r: by_text(r.entry.account),
        ),
        Column(
            "quantity",
            "Qty",
            lambda r: Cell(number(r.entry.quantity_closed), _quiet(r)),
            Align.POINT,
            rank=3,
        ),
        Column(
            "entry",
            "Entry",
            lambda r: Cell(price(r.entry.entry_price), _quiet(r)),
            Align.POINT,
            rank=5,
        ),
        Column(
            "exit",
            "Exit",
            lambda r: Cell(price(r.entry.exit_price), _quiet(r)),
            Align.POINT,
            rank=4,
        ),
        Column("gross", "Gross", lambda r: _moved(r, r.entry.gross_pnl), Align.POINT, rank=10),
        Column("commission", "Commission", _commission, Align.POINT, rank=7),
        Column(
            "realized",
            "Realized",
            lambda r: _moved(r, r.entry.realized_pnl),
            Align.POINT,
            order=lambda r: by_number(r.entry.realized_pnl),
            wants_high_first=True,
        ),
        Column("currency", "Ccy", lambda r: Cell(clean(r.entry.currency), Tone.DIM), most=4),
        Column("broker", "Broker says", _broker, Align.POINT, rank=9),
        Column("difference", "Differs by", _difference, Align.POINT, rank=6),
        Column(
            "quality",
            "Quality",
            _quality,
            rank=2,
            least=11,
            most=12,
            order=lambda r: by_text(r.entry.quality),
        ),
        Column(
            "how",
            "How",
            _how,
            rank=9,
            most=18,
            order=lambda r: by_text(r.entry.kind),
        ),
        Column("links", "Linked", links_cell, rank=3, least=24, most=30),
    )


class EntryTable(PlainTable[EntryRow]):
    """Entries, newest first; columns that would say nothing stay away."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Fills", id="fills")]

    def __init__(self, desk: Desk, *, id: str, one_position: bool = False) -> None:  # noqa: A002
        super().__init__(
            entry_columns(desk),
            id=id,
            key=lambda row: row.entry.id,
            flag=flag_of,
            placeholder="Reading…",
        )
        self._desk = desk
        self._one_position = one_position
        self._shown: frozenset[str] = frozenset()

    def show(self, rows: Iterable[EntryRow]) -> None:
        """Show these rows, in the columns that have something to say about them."""
        self.set_rows(rows)
        shown = frozenset(column.id for column in self.shown_columns())
        if shown != self._shown:
            self._shown = shown
            self.remeasure()
            self.refresh()

    def shown_columns(self) -> Iterable[Column[EntryRow]]:
        hidden = set()
        rows = self.rows
        if self._one_position:
            hidden |= {"symbol", "account", "currency"}
        if self._desk.account is not None or len({row.entry.account for row in rows}) < 2:
            hidden.add("account")
        if len({row.entry.currency for row in rows}) < 2:
            hidden.add("currency")
        if all(row.stands for row in rows):
            # A replacement by itself has its flag; the ids matter beside what they name.
            hidden |= {"links", "id"}
        if all(row.entry.difference is None for row in rows):
            hidden |= {"broker", "difference"}
        return [column for column in self._columns if column.id not in hidden]
