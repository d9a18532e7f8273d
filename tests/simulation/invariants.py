"""What has to be true of the ledger, whatever happened, held against the broker's own truth."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from possync_tui.ledger.verify import verify
from tests.simulation.ends import Key
from tests.simulation.memory_disk import copy_as_a_crash_would
from tests.simulation.world import InvariantBroken, World

# A snapshot that leaves out a row takes away what fills are held against, too.
_KNOWN_FILLS = "SELECT exec_id FROM executions"
_BY_ABSENCE = ("confirmed_missing", "fills")


def _rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def check_at_any_time(world: World) -> None:
    """True in every state, also in the midst of faults."""
    _no_false_close(world)
    _no_surprise_in_the_log(world)


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


def _report(problems: Sequence[str]) -> None:
    if problems:
        raise InvariantBroken("verify:\n" + "\n".join(problems[:5]))


def _no_false_close(world: World) -> None:
    """A life that ended at the broker's is what a closed life is; nothing else closes one.

    Left out is what the user accepted, and an armed close after the broker said twice that the
    position is gone.
    """
    if not world.ledger_path.exists():
        return
    closed: Counter[Key] = Counter()
    misled: set[Key] = set()
    sql = (
        "SELECT account, con_id, close_reason FROM lives"
        " WHERE status = 'CLOSED' AND close_reason <> 'voided'"
    )
    for account, con_id, reason in _rows(world.ledger_path, sql):
        key = (str(account), int(str(con_id)))
        if reason == "confirmed_missing" and world.is_lying:
            # What comes after such a close has to begin from nothing.
            misled.add(key)
        if not (reason in _BY_ABSENCE and world.is_lying):
            closed[key] += 1
    for key, count in closed.items():
        if key in misled:
            continue
        allowed = world.ends.allowed(key)
        if count > allowed:
            # A fill that was never sent can leave a position seemingly flat for a moment.
            known = {str(row[0]) for row in _rows(world.ledger_path, _KNOWN_FILLS)}
            allowed += len(_made_fills(world, key) - known)
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
    waiting = {
        str(account)
        for (account,) in _rows(
            world.ledger_path, "SELECT code FROM accounts WHERE status <> 'accepted'"
        )
    }
    _book_equals_the_desk(world, waiting)
    _no_fill_is_lost(world)
    _realized_equals_the_oracle(world, waiting)


def _book_equals_the_desk(world: World, waiting: set[str]) -> None:
    truth = {key: quantity for key, quantity in world.truth().items() if key[0] not in waiting}
    book: dict[Key, Decimal] = {}
    sql = "SELECT account, con_id, quantity FROM lives WHERE status = 'OPEN'"
    for account, con_id, quantity in _rows(world.ledger_path, sql):
        key = (str(account), int(str(con_id)))
        if key in book:
            raise InvariantBroken(f"{key} is open twice")
        book[key] = Decimal(str(quantity))
    if book != truth:
        wrong = {
            key: (book.get(key), truth.get(key))
            for key in book.keys() | truth.keys()
            if book.get(key) != truth.get(key)
        }
        raise InvariantBroken(f"the book is not the desk's (ledger, desk): {wrong}")


def _no_fill_is_lost(world: World) -> None:
    if world.spoils_fills:
        return
    known = {str(row[0]) for row in _rows(world.ledger_path, _KNOWN_FILLS)}
    lost = world.delivered.executions - known
    if lost:
        raise InvariantBroken(f"fills that came are not in the ledger: {sorted(lost)}")


def _realized_equals_the_oracle(world: World, waiting: set[str]) -> None:
    """Where every fill and commission is known, every entry is exact and the sum is the desk's."""
    if world.spoils_fills or world.spoils_commissions:
        return
    fills = _known_fills(world)
    for key, holding in world.desk._holdings.items():
        if key in world.muddy or key[0] in waiting:
            continue
        made = _made_fills(world, key)
        if fills.get(key, set()) != made:
            continue
        for method in ("average", "fifo"):
            entries = _rows(
                world.ledger_path,
                "SELECT entry.quality, entry.realized_pnl_micros FROM standing_entries AS standing"
                " JOIN realized_entries AS entry ON entry.id = standing.entry_id"
                f" WHERE account = '{key[0]}' AND con_id = {key[1]} AND method = '{method}'",
            )
            inexact = [row for row in entries if row[0] != "EXACT"]
            if inexact:
                raise InvariantBroken(f"{key}: all is known, but {method} has {inexact}")
            total = sum((Decimal(int(str(row[1]))) for row in entries), Decimal(0)) / 1_000_000
            is_flat = not holding.quantity
            slack = Decimal(len(entries) + 1) / 1_000_000
            if (method == "average" or is_flat) and abs(total - holding.realized) > slack:
                raise InvariantBroken(
                    f"{key}: realized by {method} {total}, the desk {holding.realized}"
                )


def _known_fills(world: World) -> dict[Key, set[str]]:
    """Executions that the ledger holds with their commission, by position."""
    found: dict[Key, set[str]] = {}
    sql = (
        "SELECT account, con_id, execution.exec_id FROM executions AS execution"
        " JOIN commissions AS report ON report.exec_id = execution.exec_id"
    )
    for account, con_id, exec_id in _rows(world.ledger_path, sql):
        found.setdefault((str(account), int(str(con_id))), set()).add(str(exec_id))
    return found


def _made_fills(world: World, key: Key) -> set[str]:
    return {e.exec_id for e in world.desk.executions if (e.account, e.con_id) == key}
