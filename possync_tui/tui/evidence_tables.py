"""What an entry rests on, as aligned text: its fills, and what it took of which lots."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from textual.content import Content

from possync_tui.domain.terms import CostMethod
from possync_tui.domain.views import FillView, LotView
from possync_tui.tui.columns import Align, Cell, Measure
from possync_tui.tui.format import clean, money, number, price, stamp
from possync_tui.tui.tones import Tone, say

Row = Sequence[Cell]
Heads = Sequence[tuple[str, Align]]
FILL_HEADS: Heads = (
    ("", Align.LEFT),
    ("Time", Align.LEFT),
    ("Side", Align.LEFT),
    ("Qty", Align.POINT),
    ("Price", Align.POINT),
    ("Commission", Align.POINT),
    ("Where", Align.LEFT),
    ("Execution", Align.LEFT),
)
LOT_HEADS: Heads = (
    ("Opened", Align.LEFT),
    ("Qty", Align.POINT),
    ("Price", Align.POINT),
    ("Cost", Align.POINT),
    ("Commission", Align.POINT),
    ("Known from", Align.LEFT),
)


def fill_table(fills: Iterable[tuple[str, FillView]], room: int) -> list[Content]:
    """Fills, each with what it did."""
    return _table(FILL_HEADS, [_fill_row(role, fill) for role, fill in fills], room, least=5)


def taken_lots(lots: Iterable[LotView], room: int) -> list[Content]:
    """What was taken of each lot."""
    return _table(LOT_HEADS, [_lot_row(lot) for lot in lots], room, least=4)


def lot_opened(lot: LotView, written: Callable[[datetime], str]) -> str:
    """When a lot was opened; of what was held before anybody looked, until when at the latest."""
    if lot.opened_at is not None:
        return written(lot.opened_at)
    return "not known" if lot.opened_before is None else f"before {written(lot.opened_before)}"


def lot_source(lot: LotView) -> Cell:
    """How a lot's cost is known."""
    is_pool = lot.method == CostMethod.AVERAGE
    if lot.is_seeded:
        part = "in whole or part " if is_pool else ""
        return Cell(f"{part}held before the first sync, at the broker's cost", Tone.WARNING)
    if lot.is_pending:
        what = "fills; a" if is_pool else "a fill; its"
        return Cell(f"{what} commission is to come", Tone.WARNING)
    if is_pool:
        return Cell("fills, the first of them then", Tone.DIM)
    return Cell(clean(lot.cause).replace("fill:", "fill ", 1), Tone.DIM)


def lot_commission(lot: LotView) -> Cell:
    return Cell(f"{money(lot.commission)} {clean(lot.commission_currency)}".rstrip(), Tone.DIM)


def _lot_row(lot: LotView) -> Row:
    return (
        Cell(lot_opened(lot, stamp)),
        Cell(number(lot.quantity)),
        Cell(price(lot.price)),
        Cell(money(lot.cost), Tone.STRONG),
        lot_commission(lot),
        lot_source(lot),
    )


def _fill_row(role: str, fill: FillView) -> Row:
    fee = "–" if fill.commission is None else money(fill.commission)
    if fill.commission and fill.commission_currency not in (None, "", fill.currency):
        fee += f" {clean(fill.commission_currency or '')}"
    where = clean(fill.exchange)
    if fill.source.lower() != "wire":
        where = f"{where} {clean(fill.source)}".strip()
    return (
        Cell(role, Tone.DIM),
        Cell(stamp(fill.time)),
        Cell(clean(fill.side)),
        Cell(number(fill.quantity)),
        Cell(price(fill.price), Tone.STRONG),
        Cell(fee, Tone.WARNING if fill.commission is None else Tone.DIM),
        Cell(where, Tone.DIM),
        Cell(clean(fill.exec_id), Tone.DIM),
    )


def _table(heads: Heads, rows: Sequence[Row], room: int, *, least: int) -> list[Content]:
    """Aligned rows under their headings; columns from the right go where there is no room."""
    measures = [Measure(align) for _, align in heads]
    for row in rows:
        for measure, cell in zip(measures, row, strict=True):
            measure.take(cell)
    widths = [
        max(len(head), measure.width) for (head, _), measure in zip(heads, measures, strict=True)
    ]
    shown = len(heads)
    while shown > least and 2 + sum(widths[:shown]) + 2 * (shown - 1) > room:
        shown -= 1
    heading = "  ".join(
        head.rjust(width) if align is Align.POINT else head.ljust(width)
        for (head, align), width in zip(heads[:shown], widths, strict=False)
    )
    found = [say(("  " + heading, Tone.DIM))]
    for row in rows:
        pieces = [
            say((measure.text(cell, width), cell.tone))
            for cell, width, measure in zip(row[:shown], widths, measures, strict=False)
        ]
        found.append(say("  ", Content("  ").join(pieces)))
    return found
