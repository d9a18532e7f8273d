"""A plan becomes tables: one transaction, in which nothing is decided any more."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.plan import (
    AddEntry,
    ClearHold,
    CountAbsence,
    Plan,
    PutLife,
    RaiseHold,
    Remark,
    ReverseEntry,
)
from possync_tui.domain.position import Status
from possync_tui.domain.runs import SyncResult
from possync_tui.ledger.accounts import add_accounts, doubt_fills, put_rules
from possync_tui.ledger.at_rest import label, stamp
from possync_tui.ledger.entries import Appending
from possync_tui.ledger.inbox import Arrival
from possync_tui.ledger.journal import Contracts, line_of, write_lines
from possync_tui.ledger.keeping import Written, ids_by_life
from possync_tui.ledger.known import Standings
from possync_tui.ledger.lives import life_named
from possync_tui.ledger.named import NamedLife
from possync_tui.ledger.parts import RowTexts, encode_keys
from possync_tui.ledger.payload import dump
from possync_tui.ledger.port import LedgerWriteFailed
from possync_tui.ledger.put import put_lives
from possync_tui.ledger.rollups import Rollups
from possync_tui.ledger.runs import add_run

Seen = Mapping[PositionKey, int]
"""How far in the inbox a plan has looked, by position."""
LifeIds = dict[tuple[PositionKey, str], int]


@dataclass
class _Committing:
    db: sqlite3.Connection
    plan: Plan
    run_id: int
    now: datetime
    seen: Seen
    row_text: RowTexts
    decided_at: dict[PositionKey, tuple[int, int]] = field(default_factory=dict)
    met: Mapping[int, Instrument] = field(default_factory=dict)


def apply_plan(
    db: sqlite3.Connection,
    plan: Plan,
    result: SyncResult,
    seen: Seen,
    now: datetime,
    row_text: RowTexts | None = None,
) -> tuple[SyncResult, Written]:
    """Write the plan, its journal and its run. Runs inside a transaction.

    Raises `LedgerWriteFailed` where the plan does not fit the tables it was made from.
    """
    done = add_run(db, result)
    assert done.run_id is not None
    committing = _Committing(db, plan, done.run_id, now, seen, row_text or RowTexts())
    if plan.new_accounts:
        add_accounts(db, plan.new_accounts, now, accepted=False)
    standings, taken_up = _append_decided(committing)
    lives, entries = _apply_changes(committing)
    _cover_accounts(committing)
    if plan.rules is not None:
        put_rules(db, plan.rules)
    _keep_snapshot(committing)
    return done, Written(standings, lives, ids_by_life(entries), taken_up)


def _append_decided(committing: _Committing) -> tuple[Standings, frozenset[PositionKey]]:
    """Put the decisions behind what the inbox holds, and count as taken up what the plan saw.

    Returns where positions stand now, and those of which the plan saw everything.
    """
    plan, seen = committing.plan, committing.seen
    arrival = Arrival(committing.db, committing.now, row_text=committing.row_text)
    keys = plan.planned | {item.key for item in plan.decided}
    arrival.standings.load(keys)
    here = [arrival.standings[key] for key in keys]
    before = [standing.latest_seq for standing in here]
    places = arrival.take_plan(plan.decided)
    if places is None:
        raise LedgerWriteFailed("This plan was committed before; nothing was written. Sync again.")
    for item, seq in zip(plan.decided, places, strict=True):
        first, _ = committing.decided_at.get(item.key, (seq, seq))
        committing.decided_at[item.key] = (first, seq)
    saw_all: set[PositionKey] = set()
    for standing, latest in zip(here, before, strict=True):
        key = standing.key
        standing.plan(seen[key], latest, committing.decided_at.get(key))
        standing.without_pnl = key in plan.without_pnl
        if latest <= seen[key]:
            saw_all.add(key)
    arrival.finish()
    committing.met = arrival.met
    return arrival.standings, frozenset(saw_all)


def _apply_changes(committing: _Committing) -> tuple[LifeIds, list[tuple[AddEntry, int]]]:
    """Lives before their entries, reversals before what replaces them; the journal in order.

    Returns the ids that lives and entries got.
    """
    db, run_id, now = committing.db, committing.run_id, committing.now
    changes = committing.plan.changes
    puts = [change for change in changes if isinstance(change, PutLife)]
    ids = put_lives(db, puts, committing.row_text)
    # A zero row that was pushed for a life that is closed says nothing of the next one.
    db.executemany(
        "UPDATE known SET zero_pushed_at = NULL, zero_pushed_seq = 0"
        " WHERE account = ? AND con_id = ?",
        [put.key for put in puts if put.life.status is Status.CLOSED],
    )
    entries = _append_entries(committing)
    for change in changes:
        match change:
            case CountAbsence():
                _count_absence(db, change)
            case RaiseHold():
                _raise_hold(db, change, now)
            case ClearHold():
                _clear_hold(db, change, now)
            case PutLife() | AddEntry() | ReverseEntry() | Remark():
                pass
    contracts = Contracts(db, changes, committing.met)
    write_lines(db, [line_of(contracts, change) for change in changes], run_id, now)
    lives = {(p.key, p.life.origin): life_id for p, life_id in zip(puts, ids, strict=True)}
    return lives, entries


def _append_entries(committing: _Committing) -> list[tuple[AddEntry, int]]:
    """Reversals before what replaces them; returns what was added, with its id."""
    db, changes = committing.db, committing.plan.changes
    appending = Appending(db, committing.run_id, committing.now, Rollups(db))
    for change in changes:
        if isinstance(change, ReverseEntry):
            appending.reverse(change)
    lives: dict[tuple[PositionKey, str], NamedLife] = {}
    added: list[tuple[AddEntry, int]] = []
    for change in changes:
        if isinstance(change, AddEntry):
            name = (change.key, change.origin)
            if name not in lives:
                lives[name] = life_named(db, *name)
            added.append((change, appending.add(change, lives[name])))
    appending.save()
    return added


def _count_absence(db: sqlite3.Connection, change: CountAbsence) -> None:
    db.execute(
        "INSERT INTO absences (account, con_id, confirmations, confirmed_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, con_id) DO UPDATE SET"
        " confirmations = excluded.confirmations, confirmed_at = excluded.confirmed_at",
        (
            change.key.account,
            change.key.con_id,
            change.confirmations,
            stamp(change.confirmed_at),
        ),
    )


def _raise_hold(db: sqlite3.Connection, change: RaiseHold, now: datetime) -> None:
    record = db.execute(
        "SELECT symbol FROM instruments WHERE con_id = ?", (change.con_id,)
    ).fetchone()
    db.execute(
        "INSERT INTO holds (kind, status, account, con_id, symbol, keys, message, evidence,"
        " raised_at, note) VALUES (?, 'held', ?, ?, ?, ?, ?, ?, ?, '')",
        (
            change.kind.value,
            change.account,
            change.con_id,
            record["symbol"] if record else "",
            encode_keys(change.keys),
            label(change.message),
            label(change.evidence),
            stamp(now),
        ),
    )


def _clear_hold(db: sqlite3.Connection, change: ClearHold, now: datetime) -> None:
    """A hold that the user decided meanwhile stays as decided."""
    db.execute(
        "UPDATE holds SET status = 'cleared', decided_at = ?, note = ?"
        " WHERE id = ? AND status IN ('held', 'kept')",
        (stamp(now), label(change.why), change.hold_id),
    )


def _cover_accounts(committing: _Committing) -> None:
    as_of = stamp(committing.plan.as_of)
    committing.db.executemany(
        "UPDATE accounts SET last_synced_at = ?, baseline_at = coalesce(baseline_at, ?)"
        " WHERE code = ?",
        [(as_of, as_of, code) for code in committing.plan.accounts],
    )
    if committing.plan.accounts and not committing.plan.all_fills:
        doubt_fills(committing.db, committing.plan.as_of)


def _keep_snapshot(committing: _Committing) -> None:
    """Keep a snapshot's digest where it differs from the last one, or decided something."""
    db, plan = committing.db, committing.plan
    if not plan.accounts:
        return
    accounts = dump(sorted(plan.accounts))
    last = db.execute("SELECT accounts, digest FROM snapshots ORDER BY id DESC LIMIT 1").fetchone()
    is_same = last is not None and (last["accounts"], last["digest"]) == (accounts, plan.digest)
    if is_same and not plan.decided:
        return
    places = [place for pair in committing.decided_at.values() for place in pair]
    db.execute(
        "INSERT INTO snapshots (run_id, as_of, accounts, digest, positions_seen, decided,"
        " decided_from, decided_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            committing.run_id,
            stamp(plan.as_of),
            accounts,
            label(plan.digest),
            plan.positions_seen,
            len(plan.decided),
            min(places, default=None),
            max(places, default=None),
        ),
    )
