"""The Sync stats pane: how often, how well, how fast."""

from collections import deque
from collections.abc import Iterable, Sequence

from textual.content import Content

from possync_tui.domain.runs import Outcome, SyncResult
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import (
    UNKNOWN,
    ago,
    count,
    countdown,
    counted,
    milliseconds,
    moment,
    span,
)
from possync_tui.tui.tones import Tone, say
from possync_tui.tui.widgets.facts import COLUMN_WIDTH, Fact, Facts, percentile, sparkline

DURATIONS_KEPT = 60
ROWS_ALONE = 16
"""So high is the pane where it is zoomed, or the terminal large."""
OUTCOMES = {
    Outcome.COMMITTED: ("✓", Tone.GAIN),
    Outcome.REFUSED: ("!", Tone.WARNING),
    Outcome.FAILED: ("✗", Tone.ERROR),
    Outcome.SKIPPED: ("·", Tone.DIM),
}


def success_rate(good: int, total: int) -> str:
    """`99.6 %`; 100 and 0 only where they are meant."""
    share = 100 * good / total
    if good != total:
        share = min(share, 99.9)
    if good:
        share = max(share, 0.1)
    return f"{share:.1f} %"


def outcome_look(outcome: str) -> tuple[str, Tone]:
    """Symbol and tone of an outcome, of an unknown one too."""
    return (
        OUTCOMES.get(Outcome(outcome), ("·", Tone.DIM))
        if outcome in set(Outcome)
        else ("·", Tone.DIM)
    )


class SyncStatsPane(Facts):
    """Counters over the whole life of the ledger, and the latest durations."""

    spare = ("missing",)

    def __init__(self, desk: Desk) -> None:
        super().__init__(id="sync-stats-facts")
        self._desk = desk
        self._durations: deque[float] = deque(maxlen=DURATIONS_KEPT)
        self._last: SyncResult | None = None
        self._knows_runs = False

    def show_ledger(self) -> None:
        """Start from the runs that the ledger remembers."""
        is_followed = self._desk.engine.is_read_only
        if self._desk.picture.is_read and (is_followed or not self._knows_runs):
            self._knows_runs = True
            newest_first = self._desk.picture.runs
            if is_followed:
                # Another instance tells of its syncs in the ledger alone.
                self._durations.clear()
            self._durations.extendleft(
                run.duration_ms for run in newest_first if run.outcome == Outcome.COMMITTED
            )
        self.refresh()

    def take_results(self, results: Iterable[SyncResult]) -> None:
        for result in results:
            if result.outcome is not Outcome.SKIPPED:
                self._last = result
                if result.ok:
                    # A failed one lasts as long as its time limit, which says nothing of speed.
                    self._durations.append(result.duration_ms)
        self.refresh()

    def facts(self) -> Sequence[Fact]:
        # Alone on the screen there is room for all bars, else for those of one column.
        widest = self.size.width if self.size.height >= ROWS_ALONE else COLUMN_WIDTH
        width = max(10, min(self.size.width, widest) - 1)
        missing = [self._missing()] if self._desk.picture.missing else []
        return [
            self._totals(),
            *([self._error()] if self._just_failed else []),
            self._changes(),
            *missing,
            self._last_run(),
            self._last_good(),
            ("median", self._durations_text()),
            ("", self._bars(width)),
            ("next", self._next()),
            *([] if self._just_failed else [self._error()]),
        ]

    @property
    def _just_failed(self) -> bool:
        runs = self._desk.picture.runs
        if self._last is None and self._desk.engine.is_read_only and runs:
            return runs[0].outcome != Outcome.COMMITTED
        return self._last is not None and not self._last.ok

    def _totals(self) -> Fact:
        stats = self._desk.engine.stats
        total, good, bad = stats.total_syncs, stats.successful_syncs, stats.failed_syncs
        if not total:
            return ("", say("no sync yet"))
        noun = "sync" if total == 1 else "syncs"
        rate = f"{success_rate(good, total)} ok"
        failed = say((f"  {count(bad)} failed", Tone.ERROR if bad else Tone.DIM))
        return ("", say((count(total), Tone.STRONG), f" {noun}  {rate}", failed))

    def _changes(self) -> Fact:
        stats = self._desk.engine.stats
        return (
            "",
            say(
                f"+{count(stats.positions_created)} new  ",
                f"~{count(stats.positions_updated)} updated  ",
                f"−{count(stats.positions_closed)} closed",
            ),
        )

    def _missing(self) -> Fact:
        missing = self._desk.picture.missing
        review = f"{self._desk.key_of('review')} to review"
        return ("missing", say((f"{counted(missing, 'position')}, {review}", Tone.WARNING)))

    def _last_run(self) -> Fact:
        if self._last is not None:
            last = self._last
            outcome, trigger = last.outcome.value, last.trigger.value
        elif self._desk.picture.runs:
            run = self._desk.picture.runs[0]
            outcome, trigger = run.outcome, run.trigger
        else:
            return ("last", say((UNKNOWN, Tone.DIM)))
        symbol, tone = outcome_look(outcome)
        return ("last", say((f"{symbol} {outcome}", tone), f"  {trigger}"))

    def _last_good(self) -> Fact:
        """When the ledger was last known to be right, and how often it was."""
        stats, now = self._desk.engine.stats, self._desk.clock.now()
        at = "never" if stats.last_sync_time is None else moment(stats.last_sync_time, now)
        good = f"  {count(stats.successful_syncs)} in all"
        return ("committed", say(at, (good, Tone.DIM)))

    def _durations_text(self) -> Content:
        values = tuple(self._durations)
        if not values:
            return say((UNKNOWN, Tone.DIM))
        half, most = percentile(values, 0.5), percentile(values, 0.95)
        return say(milliseconds(half), (f"  p95 {milliseconds(most)}", Tone.DIM))

    def _bars(self, width: int) -> Content:
        """The latest durations, the last one in figures at its bar."""
        last = self._desk.engine.stats.last_duration_ms
        spent = "" if last is None else f" {milliseconds(last)}"
        bars = sparkline(tuple(self._durations), width - len(spent))
        return say((bars, Tone.ACCENT), (spent, Tone.DIM))

    def _next(self) -> Content:
        engine = self._desk.engine
        every = f"every {span(engine.sync_interval).removesuffix(' 0 s')}"
        if engine.is_read_only:
            follows = ("the other instance syncs", Tone.DIM)
            return say(follows if engine.has_writer else ("nobody syncs now", Tone.WARNING))
        if not engine.is_enabled:
            sync = self._desk.key_of("sync")
            return say((f"periodic sync is off; {sync} still syncs", Tone.WARNING))
        wait = self._desk.next_sync_in
        if wait is None:
            return say(("not planned", Tone.WARNING), (f" · {every}", Tone.DIM))
        return say(countdown(wait), (f"  {every}", Tone.DIM))

    def _error(self) -> Fact:
        error = self._desk.engine.stats.last_error
        if not error:
            return ("last error", say(("none", Tone.DIM)))
        is_past = not self._just_failed
        said = (self._desk.shown.text(error), Tone.DIM if is_past else Tone.ERROR)
        return ("last error", say((self._error_time(), Tone.PLAIN), said))

    def _error_time(self) -> str:
        """`14:03, 12 m ago: `; of a time long past only what it was before."""
        desk = self._desk
        if self._last is not None and not self._last.ok:
            at, is_certain = self._last.started_at, True
        elif desk.last_error_at is not None:
            at, is_certain = desk.last_error_at
        else:
            return ""
        when = moment(at, desk.clock.now())
        return f"{when}, {ago(desk.seconds_since(at))}: " if is_certain else f"before {when}: "
