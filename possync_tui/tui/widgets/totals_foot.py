"""Totals under the positions, a line to each currency: different currencies are never added."""

from collections.abc import Sequence
from decimal import Decimal

from textual.content import Content
from textual.widget import Widget

from possync_tui.tui.columns import Align, Cell, Measure
from possync_tui.tui.format import arrow, clean, money
from possync_tui.tui.holdings import Total, pnl_tone
from possync_tui.tui.tones import Tone, lines, say

LONG = ("value", "unrealized", "day", "realized today")
SHORT = ("value", "unreal.", "day", "realized")
TINY = ("val", "unr", "day", "rlz")


class TotalsFoot(Widget):
    """Amounts stand under each other; what does not fit is counted, not dropped in silence."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._totals: tuple[Total, ...] = ()
        self.is_live = False

    def show(self, totals: tuple[Total, ...], *, is_live: bool) -> None:
        """Show these sums; greyed where nothing keeps them up to date."""
        if totals == self._totals and is_live is self.is_live:
            return
        self.is_live = is_live
        grew = len(totals) != len(self._totals)
        self._totals = totals
        self.refresh(layout=grew)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._totals)

    def render(self) -> Content:
        shown = self._totals[: max(0, self.size.height)]
        rest = len(self._totals) - len(shown)
        cells = [self._cells(total) for total in self._totals]
        measures = [Measure(Align.POINT) for _ in LONG]
        for row in cells:
            for measure, cell in zip(measures, row, strict=True):
                measure.take(cell)
        taken = 7 + sum(m.width + 3 for m in measures)
        labels = next(
            (
                names
                for names in (LONG, SHORT, TINY)
                if taken + sum(map(len, names)) <= self.size.width
            ),
            ("", "", "", ""),
        )
        rows = [
            self._line(total, row, measures, labels)
            for total, row in zip(shown, cells, strict=False)
        ]
        if rest and rows:
            last = rows[-1].rstrip()
            room = self.size.width - last.cell_length
            more = f"  +{rest} more"
            rows[-1] = say(last, (more if len(more) <= room else f" +{rest}", Tone.DIM))
        return lines(*rows)

    def _cells(self, total: Total) -> list[Cell]:
        today = total.realized_today

        def moved(amount: Decimal | None) -> Cell:
            return Cell(money(amount), self._live(pnl_tone(amount)), arrow(amount))

        return [
            Cell(money(total.value), self._live(Tone.PLAIN)),
            moved(total.unrealized),
            moved(total.day),
            # What was realized is in the ledger: it does not go stale.
            Cell(money(today), pnl_tone(today), arrow(today)),
        ]

    def _live(self, tone: Tone) -> Tone:
        return tone if self.is_live else Tone.STALE

    def _line(
        self,
        total: Total,
        cells: Sequence[Cell],
        measures: Sequence[Measure],
        labels: Sequence[str],
    ) -> Content:
        pieces = [
            say(
                " " if self.size.width < 100 else "   ",
                (clean(total.currency)[:4].ljust(4), Tone.STRONG),
            )
        ]
        for label, cell, measure in zip(labels, cells, measures, strict=True):
            text = measure.text(cell, measure.width)
            pieces.append(say((f"{label} " if label else "", Tone.DIM), (text, cell.tone)))
        line = Content("  ").join(pieces)
        if total.unknown:
            # In words where there is room: the number alone has to be looked up in the help.
            room = self.size.width - line.cell_length
            texts = (f"  {total.unknown} without a price, left out", f"  {total.unknown} left out")
            short = f"  ?{total.unknown}"
            line = say(line, (next((t for t in texts if len(t) <= room), short), Tone.DIM))
        return line
