"""Totals under the positions: a line to each currency, and one at the rates of the broker."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.cells import cell_len
from textual.content import Content

from possync_tui.tui.columns import Align, Cell, Measure
from possync_tui.tui.format import arrow, clean, fit, money
from possync_tui.tui.holdings import pnl_tone
from possync_tui.tui.position_totals import Total
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.remeasured import Remeasured
from possync_tui.tui.widgets.written import Written

NO_DAY = (
    "  day P&L is live: told only where it is synced",
    "  day P&L only where synced",
    "  no day P&L",
    "",
)
LONG = ("value", "unrealized", "day", "realized today")
SHORT = ("value", "unreal.", "day", "realized")
TINY = ("val", "unr", "day", "rlz")
REALIZED_IN_ALL: Mapping[tuple[str, ...], str] = {
    LONG: "realized today, all",
    SHORT: "all realized",
    TINY: "all rlz",
}
"""Where a filter picks rows, what was realized is not that of these alone."""


class TotalsFoot(Written, Remeasured):
    """Amounts stand under each other; what does not fit is counted, and a key turns to it."""

    def __init__(self, key: str) -> None:
        """`key` turns to what has no room."""
        super().__init__()
        self._key = key
        self._place, self._places = 0, 1
        self._shows_hidden = self._has_hidden = False
        self._totals: tuple[Total, ...] = ()
        self._said = ""
        self._has_base = False
        self._is_part = False
        self._knows_day = True
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
        knows_day: bool = True,
    ) -> None:
        """Show these sums; greyed where nothing keeps them up to date.

        `base` has them all in one currency; `said` is at which rates, or why there is none. They
        may be those of a part of the book: what was realized is always that of all of it.
        Without `knows_day`, the day's amounts are told to another instance alone.
        """
        totals = totals if base is None else (base, *totals)
        has_base = base is not None
        kind = (is_part, knows_day)
        before = (self._totals, self._said, self._has_base, self.is_live, *self._kind)
        if before == (totals, said, has_base, is_live, *kind):
            return
        self._is_part, self._knows_day = kind
        rows = self._rows
        self._totals, self._said, self._has_base, self.is_live = totals, said, has_base, is_live
        if rows != self._rows:
            self.refresh(layout=True)
        else:
            self.follow_text()

    @property
    def _kind(self) -> tuple[bool, bool]:
        return self._is_part, self._knows_day

    @property
    def _rows(self) -> int:
        return len(self._totals) + bool(self._said)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return self._rows

    def turn(self) -> bool:
        """Show the amounts that had no room, then the next totals; whether there are any."""
        if self._has_hidden and not self._shows_hidden:
            self._shows_hidden = True
        else:
            self._shows_hidden = False
            self._place = (self._place + 1) % self._places
        self.refresh()
        return self._has_hidden or self._places > 1

    def render(self) -> Content:
        height = max(0, self.size.height)
        # Two lines or fewer are for amounts.
        says = bool(self._said) and height >= min(3, self._rows)
        start, shown = self._in_place(height - says)
        rest = len(self._totals) - len(shown)
        # No amount goes for the sake of the key, but words for what was left out do.
        *_, with_key, alone = self._more(rest)
        behind = cell_len(with_key) if rest else 0
        left_out = max((len(f"  ?{t.unknown}") for t in shown if t.unknown), default=0)
        cells = [self._cells(total) for total in shown]
        told = left_out + (cell_len(alone) if rest else 0)
        self._measure(cells, told, tuple(total.currency for total in shown))
        labels = self._labels()
        self._has_hidden = "" in labels
        if self._has_hidden and self._shows_hidden:
            labels = self._hidden_labels(labels)
        rows = []
        for index, (total, row) in enumerate(zip(shown, cells, strict=True)):
            is_base = self._has_base and start + index == 0
            room = self.size.width - (behind if index == len(shown) - 1 else 0)
            is_first = index == 0
            line = self._line(total, row, labels, is_base=is_base, is_first=is_first, room=room)
            rows.append(line)
        if rows and (rest or self._has_hidden):
            last = rows[-1].rstrip()
            room, forms = self.size.width - last.cell_length, self._more(rest)
            more = next((form for form in forms if cell_len(form) <= room), forms[-1])
            rows[-1] = say(last, (more, Tone.DIM))
        if says:
            indent = 6 if self.size.width < 100 else 8
            text = say((fit(self._said, max(0, self.size.width - indent)), Tone.DIM))
            is_under_base = self._has_base and start == 0
            rows.insert(1 if is_under_base else len(rows), say(" " * indent, text))
        return lines(*rows)

    def _in_place(self, room: int) -> tuple[int, Sequence[Total]]:
        """The totals turned to, and which of all is their first; the last are as many as others."""
        if room <= 0:
            return 0, ()
        self._places = max(1, -(-len(self._totals) // room))
        self._place %= self._places
        start = min(self._place * room, max(0, len(self._totals) - room))
        return start, self._totals[start : start + room]

    def _measure(
        self, cells: Sequence[Sequence[Cell]], told_behind: int, currencies: Sequence[str]
    ) -> None:
        """Make room for the widest amounts since the form was another one, and a digit more: what
        they are called does not change to and fro with their digits.
        """
        form = (self.size, currencies, self._has_base, *self._kind)
        if form != self._form:
            self._form, self._told_behind = form, 0
            self._measures = tuple(Measure(Align.POINT) for _ in self._named(LONG))
            self._reserved = [0 for _ in self._measures]
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

    def _hidden_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Of the amounts that those labels leave out, as many as there is room for."""
        room, names = self.size.width - 7 - self._told_behind, self._named(TINY)
        kept: list[str] = []
        for index, label in enumerate(labels):
            room -= len(names[index]) + self._measures[index].width + 3
            kept.append(names[index] if not label and (room >= 0 or index == 0) else "")
        return tuple(kept)

    def _more(self, rest: int) -> tuple[str, ...]:
        """That there is more, and the key that shows it: the longest form first."""
        if not rest:
            return (f"  more: {self._key}", f" +:{self._key}", " +")
        return (f"  +{rest} more: {self._key}", f" +{rest}:{self._key}", f" +{rest}")

    def _named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        value, unrealized, day, realized = names
        if self._is_part:
            realized = REALIZED_IN_ALL[names]
        return value, unrealized, *((day,) if self._knows_day else ()), realized

    def _cells(self, total: Total) -> list[Cell]:
        today = total.realized_today

        def moved(amount: Decimal | None) -> Cell:
            return Cell(money(amount), self._live(pnl_tone(amount)), arrow(amount))

        return [
            Cell(money(total.value), self._live(Tone.PLAIN)),
            moved(total.unrealized),
            *((moved(total.day),) if self._knows_day else ()),
            # What was realized is in the ledger: it does not go stale.
            Cell(money(today), pnl_tone(today), arrow(today)),
        ]

    def _live(self, tone: Tone) -> Tone:
        return tone if self.is_live else Tone.STALE

    def _line(
        self,
        total: Total,
        cells: Sequence[Cell],
        labels: Sequence[str],
        *,
        is_base: bool,
        is_first: bool,
        room: int,
    ) -> Content:
        indent = " " if self.size.width < 100 else "   "
        # `≈`: the sum of several currencies at rates of their own moment.
        currency = f"{indent[1:]}≈" if is_base else indent
        pieces = [say(currency, (clean(total.currency)[:4].ljust(4), Tone.STRONG))]
        for label, cell, measure in zip(labels, cells, self._measures, strict=True):
            if label:
                text = measure.text(cell, measure.width)
                pieces.append(say((f"{label} ", Tone.DIM), (text, cell.tone)))
        line = Content("  ").join(pieces)
        if total.unknown:
            # In words where there is room: the number alone has to be looked up in the help.
            space = room - line.cell_length
            texts = (f"  {total.unknown} without a price, left out", f"  {total.unknown} left out")
            short = f"  ?{total.unknown}"
            line = say(line, (next((t for t in texts if len(t) <= space), short), Tone.DIM))
        if is_first and not self._knows_day:
            space = room - line.cell_length
            line = say(line, (next(t for t in NO_DAY if len(t) <= max(0, space)), Tone.DIM))
        return line
