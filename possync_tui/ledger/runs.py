"""Sync runs, and the counters over all of them."""

import sqlite3
from dataclasses import replace

from possync_tui.domain.runs import SyncResult, SyncStats
from possync_tui.ledger.at_rest import label, optional_moment, optional_stamp, stamp


def add_run(db: sqlite3.Connection, result: SyncResult) -> SyncResult:
    """Append a run and count it; return it with its id."""
    cursor = db.execute(
        'INSERT INTO sync_runs ("trigger", started_at, duration_ms, outcome, error, positions_seen,'
        " created, updated, closed, missing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            result.trigger.value,
            stamp(result.started_at),
            result.duration_ms,
            result.outcome.value,
            None if result.error is None else label(result.error),
            result.positions_seen,
            result.created,
            result.updated,
            result.closed,
            result.missing,
        ),
    )
    _save_stats(db, read_stats(db).after(result))
    return replace(result, run_id=cursor.lastrowid)


def read_stats(db: sqlite3.Connection) -> SyncStats:
    record = db.execute("SELECT * FROM sync_stats WHERE id = 1").fetchone()
    return SyncStats(
        total_syncs=record["total_syncs"],
        successful_syncs=record["successful_syncs"],
        failed_syncs=record["failed_syncs"],
        positions_created=record["positions_created"],
        positions_updated=record["positions_updated"],
        positions_closed=record["positions_closed"],
        last_sync_time=optional_moment(record["last_sync_time"]),
        last_error=record["last_error"],
        last_duration_ms=record["last_duration_ms"],
    )


def _save_stats(db: sqlite3.Connection, stats: SyncStats) -> None:
    db.execute(
        "UPDATE sync_stats SET total_syncs = ?, successful_syncs = ?, failed_syncs = ?,"
        " positions_created = ?, positions_updated = ?, positions_closed = ?, last_sync_time = ?,"
        " last_error = ?, last_duration_ms = ? WHERE id = 1",
        (
            stats.total_syncs,
            stats.successful_syncs,
            stats.failed_syncs,
            stats.positions_created,
            stats.positions_updated,
            stats.positions_closed,
            optional_stamp(stats.last_sync_time),
            None if stats.last_error is None else label(stats.last_error),
            stats.last_duration_ms,
        ),
    )
