"""The part of `verify` that is about positions: lives and entries against their observations."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import fields

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import rebuild
from possync_tui.domain.money import plain
from possync_tui.domain.observations import (
    Absent,
    Anchor,
    CloseDecided,
    PositionRow,
    Recorded,
    RowPushed,
)
from possync_tui.domain.position import CostMethod, Entry, Life
from possync_tui.ledger import rollups
from possync_tui.ledger.at_rest import BadRecord
from possync_tui.ledger.entries import entry_of, reversed_entry
from possync_tui.ledger.inbox import history
from possync_tui.ledger.known import SELECT_STANDINGS, Standing, standing_of
from possync_tui.ledger.lives import VOIDED, life_columns, stored_lives, without_entries


def audit_positions(db: sqlite3.Connection) -> Iterator[str]:
    """Rebuild every position from what plans have taken up of its observations, and compare."""
    for record in db.execute(SELECT_STANDINGS + "ORDER BY account, con_id").fetchall():
        name = _name(db, record["account"], record["con_id"])
        try:
            standing = standing_of(record)
            everything = history(db, standing.key)
            yield from _standing(name, standing, everything)
            yield from _lives(db, name, standing, _taken_up(standing, everything))
        except BadRecord as bad:
            yield f"{name}: cannot be read: {bad}"
    for record in db.execute(_UNKNOWN):
        name = _name(db, record["account"], record["con_id"])
        yield f"{name}: life {record['id']} rests on no observation"


def audit_entries(db: sqlite3.Connection) -> Iterator[str]:
    """Every entry stands or is undone by exactly its negative, and the sums are the sums."""
    for record in db.execute(_UNACCOUNTED):
        what = f"entry {record['id']}: stands {record['stands']} times, "
        yield f"{what}reversed {record['reversals']} times"
    for record in db.execute("SELECT * FROM realized_entries WHERE kind = 'REVERSAL'").fetchall():
        undone = db.execute(
            "SELECT * FROM realized_entries WHERE id = ?", (record["supersedes_id"],)
        ).fetchone()
        try:
            is_negative = undone is not None and entry_of(record) == reversed_entry(
                entry_of(undone)
            )
        except BadRecord as bad:
            yield f"entry {record['id']}: cannot be read: {bad}"
            continue
        if not is_negative:
            yield f"entry {record['id']}: is not the negative of what it reverses"
    for record in db.execute(_WRONG_SUMS):
        method = record["method"]
        yield f"life {record['life_id']}: the {method} total is not the sum of its entries"
    yield from rollups.differing(db)


def _taken_up(standing: Standing, everything: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """What the last plan knew: observations that came since are for the next one."""
    first, last = standing.decided_from, standing.decided_to
    return tuple(
        recorded
        for recorded in everything
        if recorded.seq <= standing.planned_seq
        or (first is not None and last is not None and first <= recorded.seq <= last)
    )


def _standing(name: str, standing: Standing, everything: Sequence[Recorded]) -> Iterator[str]:
    row: PositionRow | None = None
    is_absent = False
    for recorded in everything:
        match recorded.observation:
            case Anchor(row=shown):
                row, is_absent = shown, False
            case Absent(is_hindsight=True):
                pass
            case Absent() | CloseDecided():
                is_absent = True
            case RowPushed(row=pushed) if pushed.quantity:
                is_absent = False
    latest = everything[-1].seq if everything else 0
    if (standing.latest_seq, standing.anchor_row, standing.is_absent) != (latest, row, is_absent):
        yield f"{name}: what is known of it differs from its observations"


def _lives(
    db: sqlite3.Connection, name: str, standing: Standing, taken_up: Sequence[Recorded]
) -> Iterator[str]:
    stored = {
        kept.life.origin: kept
        for kept in stored_lives(db, standing.key)
        if kept.life.close_reason != VOIDED or kept.life.entries
    }
    rebuilt = {life.origin: life for life in rebuild(taken_up).lives}
    for origin in [*rebuilt, *(o for o in stored if o not in rebuilt)]:
        kept, life = stored.get(origin), rebuilt.get(origin)
        if life is None:
            yield f"{name}: a life opened by {origin} is stored, its observations make none"
        elif kept is None:
            yield f"{name}: a life opened by {origin} is not stored"
        else:
            yield from _life(name, kept.life, life)
            yield from _shown(db, name, standing.key, kept.life_id, kept.life)
            if not standing.without_pnl:
                yield from _entries(name, kept.life.entries, life.entries)


def _life(name: str, stored: Life, rebuilt: Life) -> Iterator[str]:
    was, now = without_entries(stored), without_entries(rebuilt)
    if was == now:
        return
    differing = [f.name for f in fields(Life) if getattr(was, f.name) != getattr(now, f.name)]
    yield (
        f"{name}: stored as {was.status} {plain(was.quantity)}, its observations make it "
        f"{now.status} {plain(now.quantity)} (differing: {', '.join(differing)})"
    )


def _shown(
    db: sqlite3.Connection, name: str, key: PositionKey, life_id: int, life: Life
) -> Iterator[str]:
    """What the views show of a life is what its row says."""
    if life.row is None:
        return
    record = db.execute("SELECT * FROM lives WHERE id = ?", (life_id,)).fetchone()
    for column, value in life_columns(db, key, life).items():
        if record[column] != value:
            yield f"{name}: {column} is shown as {record[column]}, it is {value}"


def _entries(name: str, stored: Sequence[Entry], rebuilt: Sequence[Entry]) -> Iterator[str]:
    kept = _by_identity(stored)
    wanted = _by_identity(rebuilt)
    for cause, method in sorted(kept.keys() | wanted.keys()):
        was, now = kept.get((cause, method)), wanted.get((cause, method))
        if was is None:
            yield f"{name}: the {method} entry of {cause} is not stored"
        elif now is None:
            yield f"{name}: the {method} entry of {cause} rests on no observation"
        elif was != now:
            yield f"{name}: the {method} entry of {cause} differs from its observations"


def _by_identity(entries: Sequence[Entry]) -> dict[tuple[str, CostMethod], Entry]:
    return {(entry.cause, entry.method): entry for entry in entries}


def _name(db: sqlite3.Connection, account: str, con_id: int) -> str:
    record = db.execute(
        "SELECT description FROM instruments WHERE con_id = ?", (con_id,)
    ).fetchone()
    return f"{account} {record['description'] if record else 'contract'} ({con_id})"


_UNKNOWN = """
SELECT life.id, life.account, life.con_id FROM lives AS life
WHERE NOT EXISTS (
    SELECT 1 FROM known WHERE known.account = life.account AND known.con_id = life.con_id
)
"""

# An entry stands once or is reversed once; a reversal does neither.
_UNACCOUNTED = """
SELECT * FROM (
    SELECT
        entry.id,
        entry.kind,
        (SELECT count(*) FROM standing_entries AS s WHERE s.entry_id = entry.id) AS stands,
        coalesce(undone.times, 0) AS reversals
    FROM realized_entries AS entry
    LEFT JOIN (
        SELECT supersedes_id, count(*) AS times FROM realized_entries
        WHERE kind = 'REVERSAL' GROUP BY supersedes_id
    ) AS undone ON undone.supersedes_id = entry.id
)
WHERE stands + reversals <> iif(kind = 'REVERSAL', 0, 1)
"""

_WRONG_SUMS = """
SELECT * FROM (
    SELECT life_id, method, sum(realized_pnl_micros) AS total,
        sum(iif(realized_pnl_micros IS NULL, 0, iif(kind = 'REVERSAL', -1, 1))) AS counted
    FROM realized_entries GROUP BY life_id, method
) AS sums
LEFT JOIN life_totals USING (life_id, method)
WHERE coalesce(sums.total, 0) <> coalesce(life_totals.realized_pnl_micros, 0)
    OR sums.counted <> coalesce(life_totals.known, 0)
"""
