"""Sync runs: how each went, and what it changed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from possync_tui.domain.runs import Outcome
from possync_tui.domain.views import JournalView, RunView
from possync_tui.tui.columns import Align, Cell, Column, by_number, by_text
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import clean, count, counted, fit, milliseconds, stamp, wrap
from possync_tui.tui.journal_text import KINDS
from possync_tui.tui.screens.table_screen import TableScreen
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.facts import percentile, sparkline
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.sync_stats import outcome_look

RUNS_SHOWN = 500
KIND_WIDTH = 17
MOST_ROWS = 4


def _counter(value: int, sign: str) -> Cell:
    return Cell(f"{sign}{count(value)}" if value else "·", Tone.PLAIN if value else Tone.DIM)


def _outcome(run: RunView) -> Cell:
    symbol, tone = outcome_look(run.outcome)
    return Cell(f"{symbol} {clean(run.outcome)}", tone)


def run_columns(desk: Desk) -> tuple[Column[RunView], ...]:
    """The columns of the run table."""
    return (
        Column("id", "#", lambda r: Cell(str(r.id), Tone.DIM), Align.RIGHT, rank=9),
        Column("started", "Started", lambda r: Cell(stamp(r.started_at), Tone.DIM)),
        Column(
            "trigger",
            "Trigger",
            lambda r: Cell(clean(r.trigger)),
            most=10,
            order=lambda r: by_text(r.trigger),
        ),
        Column("outcome", "Outcome", _outcome, most=12, order=lambda r: by_text(r.outcome)),
        Column(
            "duration",
            "Took",
            lambda r: Cell(milliseconds(r.duration_ms)),
            Align.RIGHT,
            order=lambda r: by_number(Decimal(r.duration_ms)),
            wants_high_first=True,
        ),
        Column(
            "seen", "Seen", lambda r: Cell(count(r.positions_seen), Tone.DIM), Align.RIGHT, rank=6
        ),
        Column("created", "New", lambda r: _counter(r.created, "+"), Align.RIGHT, rank=2),
        Column("updated", "Upd", lambda r: _counter(r.updated, "~"), Align.RIGHT, rank=3),
        Column("closed", "Closed", lambda r: _counter(r.closed, "−"), Align.RIGHT, rank=1),
        Column("missing", "Missing", lambda r: _counter(r.missing, "?"), Align.RIGHT, rank=4),
        Column(
            "error",
            "Error",
            lambda r: Cell(desk.shown.text(r.error or ""), Tone.ERROR),
            rank=7,
            least=6,
            most=60,
        ),
    )


class RunsScreen(TableScreen[RunView]):
    """The newest run on top; the lines that a run journaled stand below."""

    name_of_reading = "reading sync runs"
    about = (
        "Past syncs: what asked for each, how it ended, how long it took, and below what it "
        "changed, with the evidence. A bar is a committed sync; ✗ one that wrote nothing."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "Sync runs", run_columns(desk), key=lambda run: run.id)
        self.durations = Static("", id="durations", markup=False)
        self._journal: tuple[int, tuple[JournalView, ...]] | None = None

    def above_table(self) -> Iterable[Widget]:
        yield self.durations

    async def read(self) -> Sequence[RunView]:
        return await self.desk.engine.reads.runs(RUNS_SHOWN)

    def show_ledger(self) -> None:
        super().show_ledger()
        self.start_reading()

    def empty_text(self) -> str:
        return f"No sync ran yet. {self.desk.key_of('sync')} runs one now."

    def subtitle(self, rows: Sequence[RunView]) -> Content:
        self.durations.update(self._durations_text(rows))
        counts = Counter(run.outcome for run in rows)
        pieces = [say((counted(len(rows), "run"), Tone.DIM))]
        for outcome, number in counts.items():
            symbol, tone = outcome_look(outcome)
            pieces.append(say((f"{symbol} {number} {clean(outcome)}", tone)))
        return say("  ").join(pieces)

    def _durations_text(self, newest_first: Sequence[RunView]) -> Content:
        """Percentiles of what was committed, and a bar or a ✗ for each run, the newest last."""
        spent = [run.duration_ms for run in newest_first if run.outcome == Outcome.COMMITTED]
        if not newest_first:
            return say("")
        words = f"p50 {milliseconds(percentile(spent, 0.5))}  "
        words += f"p95 {milliseconds(percentile(spent, 0.95))}"
        shown = newest_first[: max(10, self.size.width - len(words) - 8)][::-1]
        good = [run.duration_ms for run in shown if run.outcome == Outcome.COMMITTED]
        bars = iter(sparkline(good, len(good)))
        marks = [
            say((next(bars), Tone.ACCENT))
            if run.outcome == Outcome.COMMITTED
            else say(("✗", outcome_look(run.outcome)[1]))
            for run in shown
        ]
        return say("  ", (words, Tone.DIM), "  ", *marks)

    def detail_of(self, row: RunView) -> Content:
        if self._journal is None or self._journal[0] != row.id:
            return say(("Reading the journal…", Tone.DIM))
        head = say((f"{counted(len(self._journal[1]), 'line')} in the journal", Tone.DIM))
        if row.error:
            head = say((self.desk.shown.text(row.error), Tone.ERROR))
        elif not self._journal[1]:
            head = say(("This run changed nothing.", Tone.DIM))
        return lines(head, *(self._journal_line(line) for line in self._journal[1]))

    def _journal_line(self, line: JournalView) -> Content:
        """Kind, text and evidence on one line where that has room, else under each other."""
        shown, room = self.desk.shown, max(20, self.size.width - 8 - KIND_WIDTH)
        text, evidence = shown.story(line.text), shown.story(line.evidence)
        sign, tone = KINDS.get(line.kind, ("·", Tone.DIM))
        kind = f"{sign} {fit(clean(line.kind), KIND_WIDTH - 3)} "
        if cell_len(text) + cell_len(evidence) + 2 <= room:
            return say((kind, tone), text, (f"  {evidence}" if evidence else "", Tone.DIM))
        first, *others = wrap(text, room, MOST_ROWS)
        hang = " " * KIND_WIDTH
        rows = [say((kind, tone), first), *(say(hang, other) for other in others)]
        rows += [say(hang, (row, Tone.DIM)) for row in wrap(evidence, room, MOST_ROWS) if row]
        return lines(*rows)

    def on_line_table_highlighted(self, event: LineTable.Highlighted) -> None:
        row = self.table.cursor_row
        if row is not None and (self._journal is None or self._journal[0] != row.id):
            self.desk.start_work(self._read_journal(row.id), "reading the journal")
        self.show_detail()

    async def _read_journal(self, run_id: int) -> None:
        journal = await self.desk.engine.reads.journal(run_id=run_id, both_methods=False)
        row = self.table.cursor_row
        # Slower than the cursor: only the run that is looked at now counts.
        if row is not None and row.id == run_id:
            self._journal = (run_id, tuple(journal))
            self.show_detail()
