"""What has to be true of the ledger, whatever happened, held against the broker's own truth."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from possync_tui.demo.book import COST_STEP
from possync_tui.domain.exec_ids import in_doubt_id
from possync_tui.ledger.verify import verify
from tests.simulation.broken import InvariantBroken
from tests.simulation.ends import Key
from tests.simulation.every_step import check_nothing_piles_up, check_runs_are_whole
from tests.simulation.memory_disk import copy_as_a_crash_would
from tests.simulation.realized import is_repeated
from tests.simulation.world import World

# A snapshot that leaves out a row takes away what fills are held against, too.
_KNOWN_FILLS = "SELECT exec_id FROM executions"
_BY_ABSENCE = ("confirmed_missing", "fills")
_PLANNED = "SELECT account, con_id FROM known WHERE latest_seq <= planned_seq"
# A statement's clock follows a semicolon; TWS writes none.
_TOLD_TIMES = """
SELECT exec_id, time FROM executions WHERE account = ? AND con_id = ? AND raw_time LIKE '%;%'
"""
_ENTRIES = """
SELECT entry.kind, entry.quality, entry.quantity, entry.realized_pnl_micros AS micros
FROM standing_entries AS standing JOIN realized_entries AS entry ON entry.id = standing.entry_id
WHERE account = ? AND con_id = ? AND method = ?
"""


def _reader(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    return db


def check_at_any_time(world: World, *, is_full: bool = False) -> None:
    """True in every state, also in the midst of faults."""
    _no_surprise_in_the_log(world)
    check_nothing_piles_up(world)
    stored: set[str] = set()
    if world.ledger_path.exists():
        with closing(_reader(world.ledger_path)) as db:
            _no_false_close(world, db)
            stored = {exec_id for (exec_id,) in db.execute(_KNOWN_FILLS)}
            if is_full:
                _report(verify(db).problems)
                check_runs_are_whole(db)
                _realized_equals_the_oracle(world, db, is_at_rest=False)
    if world.engine is not None:
        world.heard.hold_against(world.engine, stored)


async def check_what_is_left(world: World) -> None:
    """What a killed program leaves behind rebuilds to what it says: no plan is there by half."""
    if not world.ledger_path.exists():
        return
    copied = world.folder / "looked at" / "ledger.sqlite3"
    copied.parent.mkdir(exist_ok=True)
    copy_as_a_crash_would(world.ledger_path, copied)
    with closing(sqlite3.connect(copied)) as db:
        if not db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            return
        db.row_factory = sqlite3.Row
        _report(verify(db).problems)
        check_runs_are_whole(db)


def _report(problems: Sequence[str]) -> None:
    if problems:
        raise InvariantBroken("verify:\n" + "\n".join(problems[:5]))


def _no_false_close(world: World, db: sqlite3.Connection) -> None:
    """A life that ended at the broker's is what a closed life is; nothing else closes one.

    Left out is what the user accepted, and an armed close after the broker said twice that the
    position is gone; also an option whose day is over, which this broker lists still, and leaves
    out once: IBKR lists none for long, and to its date absence is what was to be expected.
    """
    closed: Counter[Key] = Counter()
    misled: set[Key] = set()
    sql = (
        "SELECT account, con_id, close_reason FROM lives"
        " WHERE status = 'CLOSED' AND close_reason <> 'voided'"
    )
    for account, con_id, reason in db.execute(sql):
        key = (account, con_id)
        is_by_date = reason == "expired" and _is_overdue(world, con_id)
        if (reason == "confirmed_missing" or is_by_date) and world.is_lying:
            # What comes after such a close has to begin from nothing.
            misled.add(key)
        if not (reason in _BY_ABSENCE and world.is_lying):
            closed[key] += 1
    for key, count in closed.items():
        if key in misled:
            continue
        allowed = world.ends.allowed(key)
        if count > allowed:
            known = {exec_id for (exec_id,) in db.execute(_KNOWN_FILLS)}
            allowed += world.ends.allowed_without(key, _made_fills(world, key) - known)
        if count > allowed:
            raise InvariantBroken(
                f"{key}: {count} lives are closed, but it ended {allowed} times at the broker"
            )


def _no_surprise_in_the_log(world: World) -> None:
    seen = world.errors.seen + world.loop.errors
    if seen:
        raise InvariantBroken("unexpected errors:\n" + "\n".join(seen[:5]))


async def check_at_rest(world: World) -> None:
    """True once everything works again and two good syncs have passed."""
    check_at_any_time(world)
    engine = world.running()
    _report((await engine.reads.verify()).problems)
    with closing(_reader(world.ledger_path)) as db:
        check_runs_are_whole(db)
        _book_equals_the_desk(world, db)
        _no_fill_is_lost(world, db)
        _realized_equals_the_oracle(world, db, is_at_rest=True)


def _waiting(db: sqlite3.Connection) -> set[str]:
    return {code for (code,) in db.execute("SELECT code FROM accounts WHERE status <> 'accepted'")}


def _book_equals_the_desk(world: World, db: sqlite3.Connection) -> None:
    waiting = _waiting(db)
    truth = {key: quantity for key, quantity in world.truth().items() if key[0] not in waiting}
    truth |= {key: units for key, units in _converted(world, db).items() if key[0] not in waiting}
    book: dict[Key, Decimal] = {}
    sql = "SELECT account, con_id, quantity FROM lives WHERE status = 'OPEN'"
    for account, con_id, quantity in db.execute(sql):
        if (account, con_id) in book:
            raise InvariantBroken(f"{account} {con_id} is open twice")
        if world.desk._has_row(con_id) or (account, con_id) in truth:
            book[account, con_id] = Decimal(quantity)
    if book != truth:
        wrong = {
            key: (book.get(key), truth.get(key))
            for key in book.keys() | truth.keys()
            if book.get(key) != truth.get(key)
        }
        raise InvariantBroken(f"the book is not the desk's (ledger, desk): {wrong}")


def _converted(world: World, db: sqlite3.Connection) -> dict[Key, Decimal]:
    """What conversions without rows have come to, where the ledger was told of all of them."""
    known = {exec_id for (exec_id,) in db.execute(_KNOWN_FILLS)}
    return {
        key: holding.quantity
        for key, holding in world.desk._holdings.items()
        if not world.desk._has_row(key[1])
        and holding.quantity
        and {e.exec_id for e in world.realized.executions(key)} <= known
    }


def _is_overdue(world: World, con_id: int) -> bool:
    expiry = world.desk.instruments[con_id].expiry
    return bool(expiry) and expiry < f"{world.broker_clock.now():%Y%m%d}"


def _no_fill_is_lost(world: World, db: sqlite3.Connection) -> None:
    if world.spoils_fills:
        return
    known = {exec_id for (exec_id,) in db.execute(_KNOWN_FILLS)}
    # One in a unit that TWS had not told is kept as such until it is told again.
    lost = {exec_id for exec_id in world.delivered.executions if in_doubt_id(exec_id) not in known}
    if lost := lost - known:
        raise InvariantBroken(f"fills that came are not in the ledger: {sorted(lost)}")


def _realized_equals_the_oracle(world: World, db: sqlite3.Connection, *, is_at_rest: bool) -> None:
    """Where every fill and commission is known, every entry is exact and the sum is the desk's.

    In the midst of things, that is so where the last plan has taken up all that is stored.
    """
    if world.spoils_fills or world.spoils_commissions:
        return
    known, waiting = _known_fills(db), _waiting(db)
    planned = {(account, con_id) for account, con_id in db.execute(_PLANNED)}
    for key in world.realized.known_keys():
        if key[0] in waiting or not (is_at_rest or key in planned):
            continue
        if not {e.exec_id for e in world.realized.executions(key)} <= known:
            continue
        if _is_misread(world, db, key):
            continue
        is_told = world.realized.has_been_told(key)
        world.compared["with statements" if is_told else "by executions alone"] += 1
        desk = world.realized.of(key)
        for method in ("average", "fifo"):
            entries = db.execute(_ENTRIES, (*key, method)).fetchall()
            by_lie = {"CONFIRMED_MISSING"} | ({"EXPIRED"} if _is_overdue(world, key[1]) else set())
            if world.is_lying and any(row["kind"] in by_lie for row in entries):
                # Armed by the user, or by its date, it closed what the broker left out.
                continue
            # What was transferred out realized nothing here: its entry says so, without an amount.
            gone = [row for row in entries if row["kind"] == "TRANSFERRED"]
            entries = [row for row in entries if row not in gone]
            inexact = [tuple(row) for row in entries if row["quality"] != "EXACT"]
            inexact += [tuple(row) for row in gone if row["micros"] is not None]
            if inexact:
                raise InvariantBroken(f"{key}: all is known, but {method} has {inexact}")
            total = sum((Decimal(row["micros"]) for row in entries), Decimal(0)) / 1_000_000
            slack = Decimal(len(entries) + 1) / 1_000_000
            if is_told:
                # What a statement says of a cost is the average cost, rounded, of each unit.
                slack += COST_STEP * sum(abs(Decimal(row["quantity"])) for row in entries)
            is_comparable = method == "average" or world.realized.is_same_by_any_method(key)
            if is_comparable and abs(total - desk) > slack:
                raise InvariantBroken(f"{key}: realized by {method} {total}, the desk {desk}")


def _known_fills(db: sqlite3.Connection) -> set[str]:
    """Executions that the ledger holds with their commission."""
    sql = "SELECT exec_id FROM executions JOIN commissions USING (exec_id)"
    return {exec_id for (exec_id,) in db.execute(sql)}


def _is_misread(world: World, db: sqlite3.Connection, key: Key) -> bool:
    """Whether a statement alone told of a fill, in the second time of an hour that is repeated.

    Its text names two instants (see `Realized`); one that TWS told has to have the right time.
    """
    times = {
        exec_id: datetime.fromisoformat(time) for exec_id, time in db.execute(_TOLD_TIMES, key)
    }
    return any(
        is_repeated(e.time) and times.get(e.exec_id) == e.time - timedelta(hours=1)
        for e in world.realized.executions(key)
    )


def _made_fills(world: World, key: Key) -> set[str]:
    return {e.exec_id for e in world.desk.executions if (e.account, e.con_id) == key}
