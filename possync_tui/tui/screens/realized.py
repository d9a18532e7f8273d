"""Realized P&L: a stretch of time, what it brought in each currency, and every entry behind it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from possync_tui import paths
from possync_tui.domain.performance import (
    EntryRow,
    Performance,
    chain_of,
    counts,
    linked,
    moves,
    performances,
)
from possync_tui.domain.periods import Period, Span, calendar
from possync_tui.domain.views import AccountView, EntryView
from possync_tui.ledger.port import EntryQuery
from possync_tui.tui import export
from possync_tui.tui.actions import REALIZED_DEEDS, bindings
from possync_tui.tui.desk import Desk, Reading
from possync_tui.tui.entry_cells import EntryTable
from possync_tui.tui.format import clean, count, counted, marked, shown_path
from possync_tui.tui.holdings import pnl_tone
from possync_tui.tui.plots import Story
from possync_tui.tui.screens.base import SideScreen
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.export_dialog import Answer, ExportDialog
from possync_tui.tui.screens.period_dialog import PeriodDialog
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.pane import PaneTitle
from possync_tui.tui.widgets.period_tabs import SPANS, PeriodTabs
from possync_tui.tui.widgets.pnl_chart import PnlChart
from possync_tui.tui.widgets.pnl_stats import PnlStats
from possync_tui.tui.widgets.remeasured import Passage

MOST_READ = 50_000
"""A stretch with more entries than this shows the newest of them, and says so."""
EMPTY = "Nothing was realized yet. The first position that is closed or reduced shows up here."
MOST_TOTAL_ROWS = 2
SORTS: tuple[str | None, ...] = (None, "realized", "symbol", "quality", "how")


class RealizedScreen(SideScreen):
    """Newest first. A chart shows one currency, because different ones are never added."""

    about = (
        "What closing brought, a line to each entry; currencies stand side by side and are never "
        "added up. Conversions of currencies (CASH) are listed, and stay out of every total and of "
        "the win rate. Each entry says how good it is: {fills} opens the fills and lots that it "
        "rests on. A repair reverses an entry and writes it anew; {undone} shows those too."
    )
    own_deeds = REALIZED_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(REALIZED_DEEDS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.heading = PaneTitle("Realized P&L")
        self.spans = PeriodTabs(desk.keymap)
        self.totals = Passage("", id="pnl-totals", markup=False)
        self.stats = PnlStats()
        self.chart = PnlChart()
        self.table = EntryTable(desk, id="entries")
        self.period = Period(Span.ALL)
        self.currency: str | None = ""
        """The currency that is looked at; `None` for all, empty for that of most entries."""
        self.shows_undone = False
        self.is_cut = False
        self._rows: tuple[EntryRow, ...] = ()
        # Of which stretch and account the rows are: another may be chosen before it is read.
        self._read_of: tuple[Period, AccountView | None] = (self.period, desk.account)
        self._totals: tuple[Performance, ...] = ()
        self._goes_to_top = False
        self._reading = Reading(desk.start_work, self._read, "reading realized P&L")

    def body(self) -> Iterable[Widget]:
        picture = Container(self.stats, self.chart, id="pnl-picture")
        yield Vertical(self.heading, self.spans, self.totals, picture, self.table, id="realized")

    @property
    def place(self) -> str:
        return self.heading.title

    def on_mount(self) -> None:
        self.heading.is_lit = True
        self.spans.show(self.period.span)
        self.table.focus()
        self._reading.ask()

    # --- reading -----------------------------------------------------------------------------

    def show_ledger(self) -> None:
        super().show_ledger()
        self.start_reading()

    async def _read(self) -> None:
        read_of = (self.period, self.desk.account)
        since, until = self.period.bounds()
        query = EntryQuery(
            account_id=self.desk.account_id, since=since, until=until, limit=MOST_READ + 1
        )
        entries: Sequence[EntryView] = await self.desk.engine.reads.entries(query)
        is_cut = len(entries) > MOST_READ
        if is_cut:
            # A reversal has the time of what it reverses: both go, or both stay.
            last = entries[-1].closed_at
            entries = [entry for entry in entries if entry.closed_at > last]
        rows, totals = await asyncio.to_thread(_reckoned, entries)
        if not self.is_attached:
            return
        self._rows, self._totals, self.is_cut = rows, totals, is_cut
        self._read_of = read_of
        self._show()

    # --- showing -----------------------------------------------------------------------------

    @property
    def total(self) -> Performance | None:
        """The totals of the currency that is charted."""
        if self.currency is None:
            return None
        return next((t for t in self._totals if t.currency == self.currency), None)

    @property
    def entries(self) -> tuple[EntryView, ...]:
        """What the table shows, in its order."""
        return tuple(row.entry for row in self.table.rows)

    def _show(self) -> None:
        currencies = [total.currency for total in self._totals]
        if self.currency is None and len(currencies) < 2:
            self.currency = ""
        if self.currency is not None and self.currency not in currencies:
            self.currency = currencies[0] if currencies else ""
        self._show_table()
        self._show_picture()
        self._show_heading()

    def _show_table(self) -> None:
        rows = [row for row in self._rows if self.shows_undone or row.stands]
        if self.currency:
            rows = [row for row in rows if row.entry.currency == self.currency]
        self.table.placeholder = self._placeholder()
        self.table.show(rows)
        if self._goes_to_top:
            self._goes_to_top = False
            self.table.action_first()

    def _placeholder(self) -> str:
        if self.period.span is Span.ALL:
            return EMPTY
        earlier, everything = (self.desk.key_of(name) for name in ("earlier", "span-6"))
        ways = f"{earlier.split()[0]} looks earlier, {everything} at all there is."
        return f"Nothing was realized: {self.period.name}. {ways}"

    def _show_picture(self) -> None:
        total = self.total
        chosen = (total,) if total else self._totals
        self.stats.show(chosen)
        story = Story()
        if total:
            own = (row.entry for row in self._rows if row.entry.currency == total.currency)
            now = self.desk.clock.now()
            until = now if self.period.holds(now.astimezone().date()) else None
            story = Story(moves(own), until)
        self.chart.show(story)
        picture = self.query_one("#pnl-picture")
        picture.set_class(not chosen, "-empty")
        picture.set_class(not story.moved, "-no-chart")
        self.totals.update(self._totals_text())
        self.totals.set_class(not self._totals, "-empty")

    def _show_heading(self) -> None:
        period, account = self._read_of
        whose = "all accounts" if account is None else self.desk.shown.account(account.code)
        shown = self.table.rows
        standing = [row for row in shown if row.stands]
        aside = sum(1 for row in standing if not counts(row.entry))
        said = counted(len(standing) - aside, "entry", "entries")
        parts = [period.name, whose, said]
        if aside:
            parts.append(f"{counted(aside, 'conversion')} not counted")
        hidden = sum(1 for row in self._rows if not row.stands and self._is_chosen(row))
        pieces = [say((" · ".join(parts), Tone.DIM))]
        if hidden:
            verb = "shown" if self.shows_undone else "hidden"
            pieces.append(say((f"{count(hidden)} undone {verb}", Tone.DIM)))
        if self.is_cut:
            pieces.append(say((f"the newest {count(len(self._rows))} only", Tone.WARNING)))
        self.heading.subtitle = say((" · ", Tone.DIM)).join(pieces)

    def _is_chosen(self, row: EntryRow) -> bool:
        return not self.currency or row.entry.currency == self.currency

    def on_resize(self) -> None:
        self.totals.update(self._totals_text())

    def _totals_text(self) -> Content:
        """Every currency with what it brought: amounts side by side, never added."""
        pieces = []
        for total in self._totals:
            is_chosen = total.currency == self.currency
            unknown = f" +{count(total.unknown)} unknown" if total.unknown else ""
            pieces.append(
                say(
                    ("▸ " if is_chosen else "  ", Tone.ACCENT),
                    (clean(total.currency)[:8], Tone.STRONG),
                    " ",
                    (marked(total.realized), pnl_tone(total.realized)),
                    (unknown, Tone.DIM),
                )
            )
        rows: list[list[Content]] = [[]]
        for piece in pieces:
            taken = sum(own.cell_length + 3 for own in rows[-1])
            if rows[-1] and taken + piece.cell_length > self.size.width - 4:
                rows.append([])
            rows[-1].append(piece)
        most = 1 if self.has_class("-low") else MOST_TOTAL_ROWS
        hidden = sum(map(len, rows[most:]))
        rows = rows[:most]
        if hidden:
            more = say((f"+{hidden}", Tone.DIM))
            if sum(own.cell_length + 3 for own in (*rows[-1], more)) > self.size.width - 1:
                rows[-1].pop()
                more = say((f"+{hidden + 1}", Tone.DIM))
            rows[-1].append(more)
        return lines(*(Content("   ").join(row) for row in rows))

    # --- what the user does ------------------------------------------------------------------

    def _look_at(self, period: Period) -> None:
        self.period = period
        self.spans.show(period.span)
        self._goes_to_top = True
        self._reading.ask()

    def action_span(self, number: int) -> None:
        """Look at a day, a week, … with today in it; the last one asks for its ends."""
        span = SPANS[number - 1][0]
        today = self.desk.clock.now().astimezone().date()
        if span is not Span.CUSTOM:
            self._look_at(calendar(span, today))
            return

        def answered(period: Period | None) -> None:
            if period is not None:
                self._look_at(period)

        shown = self.period
        if shown.first is None:
            shown = Period(Span.CUSTOM, calendar(Span.MONTH, today).first, today)
        self.app.push_screen(PeriodDialog(shown), answered)

    def action_next_span(self, by: int) -> None:
        """The next longer stretch; the one of one's own choice is asked for with its key."""
        spans = [span for span, _ in SPANS if span is not Span.CUSTOM]
        here = spans.index(self.period.span) if self.period.span in spans else -1
        self.action_span((here + by) % len(spans) + 1)

    def action_step(self, by: int) -> None:
        """The stretch of the same length before or after this one."""
        period = self.period.shifted(by)
        if period == self.period:
            self._tell("This stretch has no other beside it; a day, week, month, … has.")
            return
        self._look_at(period)

    def on_period_tabs_chosen(self, event: PeriodTabs.Chosen) -> None:
        self.action_span([span for span, _ in SPANS].index(event.span) + 1)

    def on_period_tabs_stepped(self, event: PeriodTabs.Stepped) -> None:
        self.action_step(event.by)

    def action_next_currency(self) -> None:
        """The next currency; after the last one all of them, side by side."""
        choices: list[str | None] = [total.currency for total in self._totals]
        if len(choices) < 2:
            self._tell("There is no other currency among these entries.")
            return
        choices.append(None)
        here = choices.index(self.currency) if self.currency in choices else -1
        self.currency = choices[(here + 1) % len(choices)]
        self._goes_to_top = True
        self._show()

    def action_turn_chart(self) -> None:
        if not self.chart.story.moved:
            self._tell("A chart shows one currency, and more than one entry of it.")
        elif not self.chart.is_on_screen:
            self._tell("There is no room for the chart: it takes a window of 22 lines.")
        else:
            self.chart.turn()

    def _tell(self, why: str) -> None:
        """Why a key did nothing."""
        self.notify(why, markup=False, timeout=4)

    def action_toggle_undone(self) -> None:
        """Show or hide what was reversed, and the reversals."""
        if not self.shows_undone and all(row.stands for row in self._rows if self._is_chosen(row)):
            self._tell("Nothing was reversed among these entries.")
            return
        self.shows_undone = not self.shows_undone
        self._show_table()
        self._show_heading()

    def action_sort(self) -> None:
        current = self.table.sort_id
        wanted = SORTS[(SORTS.index(current) + 1) % len(SORTS) if current in SORTS else 0]
        self.table.sort_by(wanted, down=wanted == "realized")
        self._show_table()
        self.table.refresh()

    def action_turn_sort(self) -> None:
        self.table.sort_by(self.table.sort_id or "closed", down=not self.table.sort_down)
        self._show_table()
        self.table.refresh()

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        self.action_open_entry()

    def action_open_entry(self) -> None:
        """Down to the fills of the entry under the cursor."""
        row = self.table.cursor_row
        if row is not None:
            self.app.push_screen(EntryScreen(self.desk, row, chain_of(row, self._rows)))

    # --- export ------------------------------------------------------------------------------

    def action_export(self) -> None:
        """Write the shown entries to a file."""
        entries = self.entries
        if not entries:
            self.notify("There are no entries to export.", markup=False, timeout=3)
            return
        which = clean(self.currency) if self.currency else "all-currencies"
        period, account = self._read_of
        whose = "" if account is None else self.desk.shown.account(account.code)
        what = f"{period.name}, {clean(self.currency) if self.currency else 'all currencies'}"
        what += f", {whose or 'all accounts'}"
        name = f"possync-pnl-{period.file_name}{_in_name(which)}{_in_name(whose)}.csv"

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                self.desk.start_work(self._export(entries, answer), "export")

        self.app.push_screen(
            ExportDialog(len(entries), what, name, self.desk.export_folder), answered
        )

    async def _export(self, entries: Sequence[EntryView], answer: Answer) -> None:
        path, replace = answer
        text = await asyncio.to_thread(export.entries_text, entries, self.desk.shown)
        await asyncio.to_thread(paths.make_private_folder, path.parent)
        await asyncio.to_thread(export.write, path, text, replace=replace)
        said = clean(shown_path(path))
        wrote = counted(len(entries), "entry", "entries")
        self.app.notify(f"Wrote {wrote} to {said}", markup=False, timeout=8)


def _in_name(text: str) -> str:
    """A part of a file's name; empty where nothing of it may stand in one."""
    safe = "".join(char for char in text if char.isalnum() or char == "-")[:20]
    return f"-{safe}" if safe else ""


def _reckoned(
    entries: Sequence[EntryView],
) -> tuple[tuple[EntryRow, ...], tuple[Performance, ...]]:
    """Years of entries take a while: not on the loop that draws."""
    rows = linked(entries)
    return rows, performances(rows)
