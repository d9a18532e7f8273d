"""What the entries of a currency amount to: a column beside the chart, or a few lines over it."""

from collections.abc import Sequence
from decimal import Decimal

from textual.content import Content
from textual.geometry import Size

from possync_tui.domain.performance import Performance
from possync_tui.domain.terms import Quality
from possync_tui.domain.views import EntryView
from possync_tui.tui.entry_cells import QUALITIES, name_of
from possync_tui.tui.format import (
    UNKNOWN,
    clean,
    count,
    fit,
    marked,
    money,
    number,
)
from possync_tui.tui.holdings import pnl_tone
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.remeasured import Remeasured

LABEL_WIDTH = 15
COLUMN_WIDTH = 52
"""Wider than this, facts stand side by side."""
Stat = tuple[str, Content, str]


def percent(value: Decimal | None) -> str:
    return UNKNOWN if value is None else f"{number(value, least=1, most=1)} %"


def factor(total: Performance) -> str:
    """`1.84`; `∞` where something was won and nothing lost."""
    if total.profit_factor is not None:
        return number(total.profit_factor, least=2, most=2)
    return "∞ nothing lost" if total.wins else UNKNOWN


def amount(value: Decimal | None) -> Content:
    return say((marked(value), pnl_tone(value)))


def commissions(total: Performance) -> str:
    """What was paid, by currency: different ones are never added."""
    paid = [f"{money(total.commissions.get(total.currency, Decimal(0)))} {clean(total.currency)}"]
    paid += [
        f"{money(value)} {clean(currency)}"
        for currency, value in total.commissions.items()
        if currency != total.currency
    ]
    return " + ".join(paid)


def qualities(total: Performance) -> Content:
    """`✓ 120  … 2  ~ 3  ✎ 1`."""
    pieces = []
    for quality in Quality:
        found = total.qualities.get(quality.value, 0)
        if found:
            look = QUALITIES[quality.value]
            pieces.append(say((f"{look.text[0]} {count(found)}", look.tone)))
    others = total.entries - sum(total.qualities.get(quality.value, 0) for quality in Quality)
    if others:
        pieces.append(say((f"? {count(others)}", Tone.DIM)))
    return say("  ").join(pieces) if pieces else say((UNKNOWN, Tone.DIM))


def stats_of(total: Performance) -> Sequence[Stat]:
    """Label, value, and a shorter label for where the facts stand side by side."""
    record = say((count(total.wins), Tone.GAIN), " won · ", (count(total.losses), Tone.LOSS))
    record = say(record, " lost", f" · {count(total.flat)} even" if total.flat else "")
    unknown = (f" · {count(total.unknown)} unknown", Tone.WARNING)
    entries = say(count(total.entries), unknown if total.unknown else "")
    return (
        ("realized", say(amount(total.realized), f" {clean(total.currency)}"), "realized"),
        ("entries", entries, "entries"),
        ("won, lost", record, ""),
        ("win rate", say(percent(total.win_rate)), "win rate"),
        ("profit factor", say(factor(total)), "profit factor"),
        ("average win", amount(total.average_win), "avg win"),
        ("average loss", amount(total.average_loss), "avg loss"),
        ("per entry", amount(total.expectancy), "per entry"),
        ("best", _extreme(total.best), "best"),
        ("worst", _extreme(total.worst), "worst"),
        ("commissions", say(commissions(total)), "commissions"),
        ("drawdown", amount(None if total.realized is None else total.drawdown), "drawdown"),
        ("quality", qualities(total), "quality"),
    )


def _extreme(entry: EntryView | None) -> Content:
    if entry is None:
        return say((UNKNOWN, Tone.DIM))
    return say(amount(entry.realized_pnl), (f" {name_of(entry)}", Tone.DIM))


class PnlStats(Remeasured):
    """Draws only when shown or changed."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="pnl-stats")
        self._totals: tuple[Performance, ...] = ()

    def show(self, totals: Sequence[Performance]) -> None:
        """One currency's facts, or a row for each of several."""
        if tuple(totals) != self._totals:
            self._totals = tuple(totals)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Where the height is `auto`: before anything is drawn in this width."""
        if len(self._totals) > 1:
            return len(self._totals) + 1
        return len(stats_of(self._totals[0])) if self._totals and width <= COLUMN_WIDTH else 3

    def render(self) -> Content:
        width, height = self.size.width, self.size.height
        if not self._totals or not width:
            return Content("")
        if len(self._totals) > 1:
            return matrix(self._totals, width)
        stats = stats_of(self._totals[0])
        if width <= COLUMN_WIDTH:
            return lines(*(self._row(label, value, width) for label, value, _ in stats[:height]))
        return self._beside(stats, width, height)

    @staticmethod
    def _row(label: str, value: Content, width: int) -> Content:
        room = width - LABEL_WIDTH
        if value.cell_length > room:
            cut = value.truncate(room, ellipsis=True)
            return say((label.ljust(LABEL_WIDTH), Tone.DIM), cut)
        return say((label.ljust(LABEL_WIDTH), Tone.DIM), value)

    @staticmethod
    def _beside(stats: Sequence[Stat], width: int, height: int) -> Content:
        """As many facts as the lines hold, none of them broken; the total stands elsewhere."""
        rows: list[list[Content]] = [[]]
        for _, value, short in stats[1:]:
            piece = say((f"{short} " if short else "", Tone.DIM), value)
            taken = sum(own.cell_length + 3 for own in rows[-1])
            if rows[-1] and taken + piece.cell_length > width:
                if len(rows) == height:
                    break
                rows.append([])
            rows[-1].append(piece)
        return lines(*(Content("   ").join(row) for row in rows))


HEADS = (
    "",
    "Realized",
    "Entries",
    "Win rate",
    "Factor",
    "Avg win",
    "Avg loss",
    "Commissions",
    "Unknown",
)


def matrix(totals: Sequence[Performance], width: int) -> Content:
    """A row for each currency; columns go from the right where there is no room."""
    cells = [
        (
            say((clean(total.currency)[:4], Tone.STRONG)),
            amount(total.realized),
            say(count(total.entries)),
            say(percent(total.win_rate)),
            say(factor(total).split(" ")[0]),
            amount(total.average_win),
            amount(total.average_loss),
            say((commissions(total), Tone.DIM)),
            say((count(total.unknown) if total.unknown else "", Tone.WARNING)),
        )
        for total in totals
    ]
    widths = [
        max(len(head), *(row[index].cell_length for row in cells))
        for index, head in enumerate(HEADS)
    ]
    shown = len(HEADS)
    while shown > 2 and sum(widths[:shown]) + 3 * (shown - 1) > width:
        shown -= 1
    heading = "   ".join(
        fit(head, widths[index], right=index > 0) for index, head in enumerate(HEADS[:shown])
    )
    rows = [say((heading, Tone.DIM))]
    for row in cells:
        padded = [
            say(" " * (widths[index] - cell.cell_length), cell)
            if index
            else say(cell, " " * (widths[index] - cell.cell_length))
            for index, cell in enumerate(row[:shown])
        ]
        rows.append(Content("   ").join(padded))
    return lines(*rows)
