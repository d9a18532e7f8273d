"""Ledgers with years of realized entries, made at once: four years of sessions, 500 symbols."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from possync_tui.domain.position import CostMethod
from possync_tui.ledger.at_rest import stamp
from possync_tui.ledger.files import create
from possync_tui.ledger.schema import migrate, migrations

SYMBOLS = 500
FIRST_DAY, LAST_DAY = date(2022, 1, 3), date(2025, 12, 31)
SESSION = timedelta(hours=6, minutes=30)
ACCOUNT = "DU1000001"
COLUMNS = (
    *("life_id", "account", "con_id", "symbol", "description", "sec_type", "currency", "method"),
    *("cause", "kind", "quality", "closed_at", "recorded_at", "quantity", "entry_price"),
    *("exit_price", "gross_micros", "commission_micros", "commission_currency"),
    *("realized_pnl_micros", "exec_id", "is_full_close", "run_id"),
)
_APPEND = (
    f"INSERT INTO realized_entries ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
)
Columns = tuple[str | int | None, ...]


def ledger_of(path: Path, closes: int) -> None:
    """A ledger in which `closes` closing fills were realized, each by both cost methods.

    Made as version 1 of the schema and then brought up, as one of an older release is.
    """
    path.unlink(missing_ok=True)
    steps = migrations()
    create(path, steps[:1], CostMethod.AVERAGE, stamp(datetime(2022, 1, 1, tzinfo=UTC)))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        _frame(db)
        db.executemany(_APPEND, entries(closes))
        db.execute("INSERT INTO standing_entries SELECT id, life_id FROM realized_entries")
        db.execute(
            "INSERT INTO life_totals SELECT life_id, method, sum(realized_pnl_micros),"
            " count(realized_pnl_micros) FROM realized_entries GROUP BY life_id, method"
        )
        db.execute("COMMIT")
        migrate(db, steps)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _frame(db: sqlite3.Connection) -> None:
    """What entries refer to: an account, a run, and a life of each symbol."""
    start = stamp(datetime(2022, 1, 1, tzinfo=UTC))
    db.execute(
        "INSERT INTO accounts (id, code, environment, status, first_seen_at)"
        " VALUES (1, ?, 'paper', 'accepted', ?)",
        (ACCOUNT, start),
    )
    db.execute("INSERT INTO meta (name, value) VALUES ('environment', 'paper')")
    db.execute(
        "INSERT INTO sync_runs VALUES (1, 'start', ?, 1.0, 'committed', NULL, 0, 0, 0, 0, 0)",
        (start,),
    )
    db.executemany(
        "INSERT INTO lives (id, account, con_id, origin, symbol, description, sec_type, currency,"
        " multiplier, unit_value, quantity, status, opened_at, close_reason)"
        " VALUES (?, ?, ?, 'seed', ?, ?, 'STK', 'USD', '1', '1', '100', 'OPEN', ?, '')",
        [(n, ACCOUNT, n, symbol(n), symbol(n), start) for n in range(1, SYMBOLS + 1)],
    )


def symbol(number: int) -> str:
    return f"S{number:03d}"


def entries(closes: int, seed: int = 1) -> Iterator[Columns]:
    """The columns of the entries, in order of time, the methods in turn."""
    drawn = random.Random(seed)
    days = list(sessions())
    for n in range(closes):
        at = stamp(days[n * len(days) // closes] + SESSION * drawn.random())
        life = drawn.randint(1, SYMBOLS)
        for method, difference in (("average", 0), ("fifo", 17)):
            gross = drawn.randint(-90_000_000, 100_000_000) + difference
            yield (
                *(life, ACCOUNT, life, symbol(life), symbol(life), "STK", "USD", method),
                *(f"fill:{n:07d}.01", "FILL", "EXACT", at, at, "10", "101.25"),
                *("102.5", gross, 1_000_000, "USD"),
                *(gross - 1_000_000, f"{n:07d}.01", 0, 1),
            )


def sessions() -> Iterator[datetime]:
    """When the days' trading begins, in UTC; holidays are few enough to leave out."""
    day = FIRST_DAY
    while day <= LAST_DAY:
        if day.weekday() < 5:
            yield datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC)
        day += timedelta(days=1)
