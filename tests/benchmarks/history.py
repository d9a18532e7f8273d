"""What was realized in four years: a million closes, read as the panes and `pnl` read them.

The floor is a plain rollup in the user's days, made once and never kept, read on a bare connection
and turned into the same exact values. All of them ask on the thread that measures: how long a
thread of its own takes to wake is a matter of what else the machine does.
"""

import gc
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.money import from_micros
from possync_tui.domain.performance import NOTHING
from possync_tui.domain.plan import AddEntry
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Quality
from possync_tui.domain.views import PnlGrouping, PnlTotal
from possync_tui.ledger.at_rest import moment, number
from possync_tui.ledger.entries import Appending
from possync_tui.ledger.files import connect_to_read, create
from possync_tui.ledger.named import NamedLife
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.realized import entries as entries_found
from possync_tui.ledger.rollups import Appended, Rollups
from possync_tui.ledger.schema import migrations
from possync_tui.ledger.totals import pnl_totals
from tests.benchmarks.entries import ACCOUNT, SYMBOLS, ledger_of, sessions, symbol
from tests.benchmarks.harness import Benchmark, Contestant, Goal, Measured

MANY, FEW = 1_000_000, 100_000
NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
YEAR = EntryQuery(
    since=datetime(2024, 1, 1, 5, tzinfo=UTC), until=datetime(2025, 1, 1, 5, tzinfo=UTC)
)
FIRST, AFTER = "2024-01-01T05", "2025-01-01T05"
BATCH = 1_000
"""Entries in one transaction: a day trader's day, or a statement."""

_OURS = "possync-tui"
_DAYS = """
    SELECT substr(closed_at, 1, 10) AS day, currency, sum(realized_pnl_micros),
        sum(commission_micros), count(*), sum(realized_pnl_micros IS NULL)
    FROM {table} WHERE method = 'average' AND closed_at >= ? AND closed_at < ? GROUP BY 1, 2
"""
_SYMBOLS = """
    SELECT symbol, currency, sum(realized_pnl_micros), sum(commission_micros), count(*),
        sum(realized_pnl_micros IS NULL)
    FROM {table} WHERE method = 'average' GROUP BY 1, 2
"""
_LAST = """
    SELECT * FROM {table} WHERE method = 'average' ORDER BY closed_at DESC, id DESC LIMIT 200
"""
Rows = list[tuple[Any, ...]]


def benchmarks() -> Sequence[Benchmark]:
    figures = {"last": "ms", "days": "ms", "cumulative": "ms", "symbols": "ms"}
    ours = _ours(_OURS, MANY, NEW_YORK)
    return (
        Benchmark(
            "history",
            f"{MANY:,} closes of four years: the last 200; days of a year; their running total; "
            "all by symbol",
            figures,
            [
                _bare("plain rollup", "floor", _read_rollup),
                ours,
                _ours("the same, 100,000 closes", FEW, NEW_YORK),
                _ours("midnight inside the session", MANY, TOKYO),
                _bare("best index", "indexed", _read_indexed),
                _bare("no index", "bare", _read_bare),
                *_duckdb(),
            ],
            [
                *(Goal(name, _OURS, "plain rollup", at_most=3) for name in figures),
                *(Goal(name, _OURS, "the same, 100,000 closes", at_most=1.2) for name in figures),
            ],
            rounds=7,
        ),
        Benchmark(
            "upkeep",
            f"{BATCH:,} entries appended in one transaction, each by both cost methods",
            {"rows": "us/entry"},
            [Contestant("plain insert", _plain_insert), Contestant(_OURS, _kept_insert)],
            [Goal("rows", _OURS, "plain insert", at_most=1.5)],
            rounds=7,
        ),
    )


# --- the files -----------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    """Where the ledgers are made; kept for the next run where the environment names a folder."""
    named = os.environ.get("BENCHMARKS_FOLDER")
    if named:
        return Path(named)
    _folder_of_this_run.append(tempfile.TemporaryDirectory(prefix="possync-history-"))
    return Path(_folder_of_this_run[0].name)


_folder_of_this_run: list[tempfile.TemporaryDirectory[str]] = []


@cache
def _ledger_file(closes: int) -> Path:
    path = _folder() / f"history-{closes}.sqlite3"
    if not path.exists():
        ledger_of(path, closes)
    return path


@cache
def _other_file(kind: str) -> Path:
    """The same entries as others would keep them: without an index, with the best, summed up."""
    path = _folder() / f"history-{kind}.sqlite3"
    if path.exists():
        return path
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("ATTACH ? AS ledger", (str(_ledger_file(MANY)),))
        db.execute("CREATE TABLE entries AS SELECT * FROM ledger.realized_entries")
        if kind != "bare":
            db.execute(
                "CREATE INDEX by_time ON entries"
                " (method, closed_at, id, currency, realized_pnl_micros, commission_micros)"
            )
            db.execute(
                "CREATE INDEX by_symbol ON entries"
                " (method, symbol, currency, realized_pnl_micros, commission_micros)"
            )
        if kind == "floor":
            _sum_up(db)
        db.execute("ANALYZE")
    return path


def _sum_up(db: sqlite3.Connection) -> None:
    """Sums by day of New York, whose sessions are on one UTC day, and by symbol."""
    sums = "currency, micros, commission, entries, unknown"
    db.execute(f"CREATE TABLE days (day, {sums}, PRIMARY KEY (day, currency)) WITHOUT ROWID")
    db.execute(f"CREATE TABLE symbols (symbol, {sums}, PRIMARY KEY (symbol, currency))")
    db.execute("INSERT INTO days " + _DAYS.format(table="entries"), ("2000", "3000"))
    db.execute("INSERT INTO symbols " + _SYMBOLS.format(table="entries"))


# --- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """The four questions, as one contestant asks them."""

    last: Callable[[], object]
    days: Callable[[], object]
    cumulative: Callable[[], object]
    symbols: Callable[[], object]

    def measured(self) -> Measured:
        return {
            name: _milliseconds(getattr(self, name))
            for name in ("last", "days", "cumulative", "symbols")
        }


def _milliseconds(ask: Callable[[], object]) -> float:
    """The middle one of three, without the garbage of others."""
    taken = []
    gc.collect()
    for _ in range(3):
        begun = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)[1]


def _bare(name: str, kind: str, read: Callable[[sqlite3.Connection], Reading]) -> Contestant:
    @cache
    def reading() -> Reading:
        return read(sqlite3.connect(_other_file(kind), isolation_level=None))

    return Contestant(name, lambda: reading().measured())


def _read_rollup(db: sqlite3.Connection) -> Reading:
    days = "SELECT * FROM days WHERE day >= '2024' AND day < '2025'"
    return Reading(
        last=lambda: _entries_in(db.execute(_LAST.format(table="entries")).fetchall()),
        days=lambda: _totals_in(db.execute(days).fetchall()),
        cumulative=lambda: _running(_totals_in(db.execute(days).fetchall())),
        symbols=lambda: _totals_in(db.execute("SELECT * FROM symbols").fetchall()),
    )


def _read_indexed(db: sqlite3.Connection) -> Reading:
    return _read_entries(db)


def _read_bare(db: sqlite3.Connection) -> Reading:
    return _read_entries(db)


def _read_entries(db: sqlite3.Connection) -> Reading:
    by_day, by_symbol = _DAYS.format(table="entries"), _SYMBOLS.format(table="entries")
    return Reading(
        last=lambda: _entries_in(db.execute(_LAST.format(table="entries")).fetchall()),
        days=lambda: _totals_in(db.execute(by_day, (FIRST, AFTER)).fetchall()),
        cumulative=lambda: _running(_totals_in(db.execute(by_day, (FIRST, AFTER)).fetchall())),
        symbols=lambda: _totals_in(db.execute(by_symbol).fetchall()),
    )


def _totals_in(rows: Rows) -> list[tuple[str, str, Decimal, Decimal, int, int]]:
    return [
        (label, currency, from_micros(micros), from_micros(commission), entries_, unknown)
        for label, currency, micros, commission, entries_, unknown in rows
    ]


def _running(totals: list[tuple[str, str, Decimal, Decimal, int, int]]) -> list[Decimal]:
    return list(accumulate(total[2] for total in totals))


def _entries_in(rows: Rows) -> list[tuple[Any, ...]]:
    """The columns of an entry as exact values: times, numbers, amounts."""
    return [
        (
            *row[:12],
            *(moment(row[12]), moment(row[13]), number(row[14]), number(row[15]), number(row[16])),
            *(from_micros(row[17]), from_micros(row[18]), row[19], from_micros(row[20])),
            *row[21:],
        )
        for row in rows
    ]


# --- ours ----------------------------------------------------------------------------------------


def _ours(name: str, closes: int, zone: ZoneInfo) -> Contestant:
    @cache
    def db() -> sqlite3.Connection:
        return connect_to_read(_ledger_file(closes))

    def days() -> list[PnlTotal]:
        return pnl_totals(db(), YEAR, PnlGrouping.DAY, zone)

    reading = Reading(
        last=lambda: entries_found(db(), EntryQuery(limit=200)),
        days=days,
        cumulative=lambda: list(accumulate(total.realized_pnl or NOTHING for total in days())),
        symbols=lambda: pnl_totals(db(), EntryQuery(), PnlGrouping.SYMBOL, None),
    )
    return Contestant(name, reading.measured)


def _duckdb() -> Sequence[Contestant]:
    """Its own copy of the data, where it is installed."""
    try:
        import duckdb  # type: ignore[import-not-found,unused-ignore]
    except ModuleNotFoundError:
        return ()

    @cache
    def reading() -> Reading:
        db = duckdb.connect()
        db.execute(
            f"CREATE TABLE entries AS SELECT * FROM sqlite_scan('{_ledger_file(MANY)}',"
            " 'realized_entries')"
        )
        return _read_entries(db)

    return (Contestant("DuckDB", lambda: reading().measured()),)


# --- upkeep --------------------------------------------------------------------------------------


def _plain_insert() -> Measured:
    """The entries alone, with the indexes of their table."""
    return _appended(keeps_sums=False)


def _kept_insert() -> Measured:
    return _appended(keeps_sums=True)


@cache
def _batch() -> tuple[Entry, ...]:
    """A session's closes, as a plan has them."""
    start = next(sessions())
    return tuple(
        Entry(
            cause=f"fill:{n:07d}.01",
            method=method,
            kind=EntryKind.FILL,
            quality=Quality.EXACT,
            closed_at=start + timedelta(seconds=20 * n),
            quantity=Decimal(10),
            entry_price=Decimal("101.25"),
            exit_price=Decimal("102.5"),
            gross_micros=12_500_000,
            commission_micros=1_000_000,
            commission_currency="USD",
            realized_micros=11_500_000,
            exec_id=f"{n:07d}.01",
        )
        for n in range(BATCH)
        for method in CostMethod
    )


class _NoSums(Rollups):
    def add(self, appended: Appended) -> None:
        pass


def _appended(*, keeps_sums: bool) -> Measured:
    """Entries as a plan's commit appends them, with the totals of lives and the write to disk."""
    path = _folder() / "upkeep.sqlite3"
    path.unlink(missing_ok=True)
    create(path, migrations(), CostMethod.AVERAGE, "2022-01-01T00:00:00.000000+00:00")
    now = datetime(2022, 1, 3, tzinfo=UTC)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = FULL")
        for n in range(1, SYMBOLS + 1):
            db.execute(
                "INSERT INTO lives (id, account, con_id, origin, symbol, description, sec_type,"
                " currency, multiplier, unit_value, quantity, status, opened_at, close_reason)"
                " VALUES (?, ?, ?, 'seed', ?, ?, 'STK', 'USD', '1', '1', '100', 'OPEN', '', '')",
                (n, ACCOUNT, n, symbol(n), symbol(n)),
            )
        batch = _batch()
        gc.collect()
        begun = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        rollups = Rollups(db) if keeps_sums else _NoSums(db)
        appending = Appending(db, 1, now, rollups)
        for n, entry in enumerate(batch):
            life = n // 2 % SYMBOLS + 1
            key = PositionKey(ACCOUNT, life)
            held = NamedLife(life, symbol(life), symbol(life), "STK", "USD")
            appending.add(AddEntry(key, "seed", entry, None, ""), held)
        appending.save()
        db.execute("COMMIT")
        taken = time.perf_counter() - begun
    return {"rows": taken / len(batch) * 1_000_000}
