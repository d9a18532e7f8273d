"""Totals under the positions: a line to each currency, and one at the rates of the broker."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from textual.content import Content

from possync_tui.tui.columns import Align, Cell, Measure
from possync_tui.tui.format import arrow, clean, fit, money
from possync_tui.tui.holdings import pnl_tone
from possync_tui.tui.position_totals import Total
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.written import Written

LONG = ("value", "unrealized", "day", "realized today")
SHORT = ("value", "unreal.", "day", "realized")
TINY = ("val", "unr", "day", "rlz")
REALIZED_IN_ALL: Mapping[tuple[str, ...], str] = {
    LONG: "realized today, all",
    SHORT: "all realized",
    TINY: "all rlz",
}
"""Where a filter picks rows, what was realized is not that of these alone."""


class TotalsFoot(Written):
    """Amounts stand under each other; what does not fit is counted, not dropped in silence."""

    def __init__(self) -> None:
        super().__init__()
        self._totals: tuple[Total, ...] = ()
        self._said = ""
        self._has_base = False
        self._is_part = False
        self.is_live = False
        self._form: tuple[object, ...] = ()
        self._measures: tuple[Measure, ...] = ()
        self._reserved: list[int] = []
        self._told_behind = 0

    @property
    def totals(self) -> tuple[Total, ...]:
        """The sums shown, a currency each, under that of all in one where there is one."""
        return self._totals

    @property
    def said(self) -> str:
        """At which rates that one was made, or why there is none."""
        return self._said

    def show(
        self,
        totals: tuple[Total, ...],
        base: Total | None = None,
        said: str = "",
        *,
        is_live: bool,
        is_part: bool = False,
    ) -> None:
        """Show these sums; greyed where nothing keeps them up to date.

        `base` has them all in one currency; `said` is at which rates, or why there is none. They
        may be those of a part of the book: what was realized is always that of all of it.
        """
        totals = totals if base is None else (base, *totals)
        has_base = base is not None
        before = (self._totals, self._said, self._has_base, self.is_live, self._is_part)
        if before == (totals, said, has_base, is_live, is_part):
            return
        self._is_part = is_part
        rows = self._rows
        self._totals, self._said, self._has_base, self.is_live = totals, said, has_base, is_live
        if rows != self._rows:
            self.refresh(layout=True)
        else:
            self.follow_text()

    @property
    def _rows(self) -> int:
        return len(self._totals) + bool(self._said)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return self._rows

    def render(self) -> Content:
        height = max(0, self.size.height)
        # Two lines or fewer are for amounts; `z` shows the rest.
        says = bool(self._said) and height >= min(3, self._rows)
        shown = self._totals[: height - says]
        rest = len(self._totals) - len(shown)
        cells = [self._cells(total) for total in shown]
        left_out = max((len(f"  ?{t.unknown}") for t in shown if t.unknown), default=0)
        told_behind = left_out + (len(f" +{rest}") if rest else 0)
        self._measure(cells, told_behind, tuple(total.currency for total in shown))
        measures = self._measures
        labels = self._labels()
        rows = [
            self._line(total, row, measures, labels, is_base=self._has_base and index == 0)
            for index, (total, row) in enumerate(zip(shown, cells, strict=True))
        ]
        if rest and rows:
            last = rows[-1].rstrip()
            room = self.size.width - last.cell_length
            more = f"  +{rest} more"
            rows[-1] = say(last, (more if len(more) <= room else f" +{rest}", Tone.DIM))
        if says:
            indent = 6 if self.size.width < 100 else 8
            text = say((fit(self._said, max(0, self.size.width - indent)), Tone.DIM))
            rows.insert(1 if self._has_base else len(rows), say(" " * indent, text))
        return lines(*rows)

    def _measure(
        self, cells: Sequence[Sequence[Cell]], told_behind: int, currencies: Sequence[str]
    ) -> None:
        """Make room for the widest amounts since the form was another one, and a digit more: what
        they are called does not change to and fro with their digits.
        """
        form = (self.size, currencies, self._has_base, self._is_part)
        if form != self._form:
            self._form, self._told_behind = form, 0
            self._measures = tuple(Measure(Align.POINT) for _ in LONG)
            self._reserved = [0 for _ in LONG]
        self._told_behind = max(self._told_behind, told_behind)
        for row in cells:
            for measure, cell in zip(self._measures, row, strict=True):
                measure.take(cell)
        for index, measure in enumerate(self._measures):
            if measure.width > self._reserved[index]:
                self._reserved[index] = measure.width + 1

    def _labels(self) -> tuple[str, ...]:
        """What the amounts are called. An amount without a name says nothing: where there is no
        room for all of them with one, those to the left go, and have none.
        """
        room, names = self.size.width - 7 - self._told_behind, self._named(TINY)
        widest = [measure.width for measure in self._measures]
        for left_out in range(len(widest)):
            # No amount goes for the sake of a digit that may come.
            forms = (LONG, self._reserved), (SHORT, self._reserved), (TINY, widest)
            for form, widths in forms:
                names = self._named(form)
                kept = list(zip(names, widths, strict=True))[left_out:]
                if sum(len(name) + width + 3 for name, width in kept) <= room:
                    return ("",) * left_out + names[left_out:]
        return ("",) * (len(widest) - 1) + names[-1:]

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return (*names[:-1], REALIZED_IN_ALL[names]) if self._is_part else names

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
        *,
        is_base: bool,
    ) -> Content:
        indent = " " if self.size.width < 100 else "   "
        # `≈`: the sum of several currencies at rates of their own moment.
        currency = f"{indent[1:]}≈" if is_base else indent
        pieces = [say(currency, (clean(total.currency)[:4].ljust(4), Tone.STRONG))]
        for label, cell, measure in zip(labels, cells, measures, strict=True):
            if label:
                text = measure.text(cell, measure.width)
                pieces.append(say((f"{label} ", Tone.DIM), (text, cell.tone)))
        line = Content("  ").join(pieces)
        if total.unknown:
            # In words where there is room: the number alone has to be looked up in the help.
            room = self.size.width - line.cell_length
            texts = (f"  {total.unknown} without a price, left out", f"  {total.unknown} left out")
            short = f"  ?{total.unknown}"
            line = say(line, (next((t for t in texts if len(t) <= room), short), Tone.DIM))
        return line
