"""Rebuild everything from the observations, and compare. Reads only; problems in plain English."""

import sqlite3
from collections import Counter
from collections.abc import Iterator

from possync_tui.domain.life import RULES
from possync_tui.domain.observations import Commission, Fill, Observation, RowPushed
from possync_tui.domain.runs import SyncStats
from possync_tui.ledger.accounts import older_rules
from possync_tui.ledger.at_rest import BadRecord, label
from possync_tui.ledger.audit import audit_entries, audit_positions
from possync_tui.ledger.codec import decode
from possync_tui.ledger.laid_out import commission_columns, execution_columns
from possync_tui.ledger.port import LedgerUnusable, VerifyReport
from possync_tui.ledger.runs import read_stats

# Tables whose rows are numbered without a gap: one that is gone leaves a hole.
_COUNTED = (
    ("inbox", "seq", "observations"),
    ("journal", "id", "journal lines"),
    ("realized_entries", "id", "realized entries"),
    ("sync_runs", "id", "sync runs"),
)


def verify(db: sqlite3.Connection) -> VerifyReport:
    """Compare all tables with the inbox that they rest on, in one state of the ledger."""
    broken = list(_damage(db))
    if broken:
        # What a damaged file says of itself is not worth comparing.
        return VerifyReport(0, 0, 0, tuple(broken))
    older = older_rules(db)
    problems = [
        *_references(db),
        *_gaps(db),
        *_inbox(db),
        # What older rules made of the observations is no damage.
        *(() if older else audit_positions(db)),
        *audit_entries(db),
        *_counters(db),
    ]
    if older and not problems:
        raise LedgerUnusable(
            f"The ledger follows rules {older.version} of an older release, this program has "
            f"{RULES}: run a sync, which brings it up, then verify again."
        )
    return VerifyReport(
        positions=_count(db, "SELECT count(*) FROM lives WHERE close_reason <> 'voided'"),
        entries=_count(db, "SELECT count(*) FROM realized_entries"),
        observations=_count(db, "SELECT count(*) FROM inbox"),
        problems=tuple(problems),
    )


def _damage(db: sqlite3.Connection) -> Iterator[str]:
    for (finding,) in db.execute("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"The file is damaged: {finding}"


def _references(db: sqlite3.Connection) -> Iterator[str]:
    found = Counter(
        (table, parent) for table, _, parent, _ in db.execute("PRAGMA foreign_key_check")
    )
    for (table, parent), count in sorted(found.items()):
        yield f"{count} rows of {table} refer to a row of {parent} that is not there"


def _gaps(db: sqlite3.Connection) -> Iterator[str]:
    for table, column, what in _COUNTED:
        sql = f"SELECT count(*), coalesce(max({column}), 0) FROM {table}"  # noqa: S608 (fixed)
        count, last = db.execute(sql).fetchone()
        if count != last:
            yield f"{what} are missing: {count} of {last} are there"


def _inbox(db: sqlite3.Connection) -> Iterator[str]:
    """Every observation can be read, says what its columns say, and has its row of `fills`."""
    fills = 0
    reports: dict[str, tuple[str | int | None, ...]] = {}
    for record in db.execute("SELECT * FROM inbox ORDER BY seq"):
        seq: int = record["seq"]
        try:
            observation = decode(record["kind"], record["payload"])
        except BadRecord as bad:
            yield f"Observation {seq} cannot be read: {bad}"
            continue
        if _columns_of(observation) != (record["account"], record["con_id"], record["exec_id"]):
            yield f"Observation {seq} is filed under another position than it is about"
        match observation:
            case Fill():
                fills += 1
                yield from _execution(db, seq, observation)
            case Commission():
                columns = commission_columns(seq, observation)
                reports[label(observation.exec_id)] = columns
    extra = _count(db, "SELECT count(*) FROM executions") - fills
    if extra > 0:
        yield f"{extra} fills rest on no observation"
    yield from _commissions(db, reports)


def _columns_of(observation: Observation) -> tuple[str, int | None, str | None]:
    match observation:
        case Fill():
            return (observation.account, observation.key.con_id, label(observation.exec_id))
        case Commission():
            return ("", None, label(observation.exec_id))
        case RowPushed(row=row):
            return (row.account, row.key.con_id, None)
        case _:
            key = getattr(observation, "key", None)
            return (key.account, key.con_id, None) if key else ("", None, None)


def _execution(db: sqlite3.Connection, seq: int, fill: Fill) -> Iterator[str]:
    record = db.execute("SELECT * FROM executions WHERE seq = ?", (seq,)).fetchone()
    if record is None:
        yield f"Fill {fill.exec_id} (observation {seq}) is not in the fills"
    elif tuple(record) != execution_columns(seq, fill):
        yield f"Fill {fill.exec_id} differs from observation {seq}"


def _commissions(
    db: sqlite3.Connection, reports: dict[str, tuple[str | int | None, ...]]
) -> Iterator[str]:
    stored = {record["exec_id"]: tuple(record) for record in db.execute(_COMMISSIONS)}
    for exec_id in sorted(reports.keys() | stored.keys()):
        if stored.get(exec_id) != reports.get(exec_id):
            yield f"The commission of {exec_id} differs from its last report"


def _counters(db: sqlite3.Connection) -> Iterator[str]:
    stats = read_stats(db)
    record = db.execute(_SUMS).fetchone()
    sums = SyncStats(
        total_syncs=record["total"],
        successful_syncs=record["good"],
        failed_syncs=record["total"] - record["good"],
        positions_created=record["created"],
        positions_updated=record["updated"],
        positions_closed=record["closed"],
        last_sync_time=stats.last_sync_time,
        last_error=stats.last_error,
        last_duration_ms=stats.last_duration_ms,
    )
    if sums != stats:
        yield "The sync counters differ from the sums over the sync runs"


def _count(db: sqlite3.Connection, sql: str) -> int:
    (count,) = db.execute(sql).fetchone()
    return int(count)


_COMMISSIONS = "SELECT exec_id, seq, amount, currency, broker_realized_pnl FROM commissions"

_SUMS = """
SELECT
    count(*) AS total,
    coalesce(sum(outcome = 'committed'), 0) AS good,
    coalesce(sum(created), 0) AS created,
    coalesce(sum(updated), 0) AS updated,
    coalesce(sum(closed), 0) AS closed
FROM sync_runs
"""
