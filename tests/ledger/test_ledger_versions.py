"""Ledgers of older releases: kept in a copy, brought up whole or not at all, told in words."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from possync_tui.cli.compose import offline_service
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.life import RULES
from possync_tui.domain.position import CostMethod
from possync_tui.ledger import store
from possync_tui.ledger.port import LedgerReadOnly, LedgerUnusable
from possync_tui.ledger.schema import Migration, migrations, newest
from possync_tui.ledger.store import open_ledger
from possync_tui.ledger.upgrade import backups
from possync_tui.settings import load
from tests.ledger.peek import content_of, everything_in, put_content, rows_of
from tests.ledger.versions import kept, unpack
from tests.ledger.world import TestClock

TO_COME = 9999
NOW = newest(migrations())
GOOD = Migration(
    TO_COME,
    """
    CREATE TABLE of_tomorrow AS SELECT id, symbol FROM lives;
    ALTER TABLE journal ADD COLUMN mood TEXT;
    """,
)
FAILING = Migration(
    TO_COME, "CREATE TABLE half (x); INSERT INTO half SELECT 1; INSERT INTO no VALUES (1);"
)
DANGLING = Migration(TO_COME, "DELETE FROM lots; DELETE FROM life_totals; DELETE FROM lives;")
# Long enough to be killed, and to be met, in the middle.
SLOW = Migration(
    TO_COME,
    """
    CREATE TABLE of_tomorrow (id INTEGER PRIMARY KEY, x);
    INSERT INTO of_tomorrow (x)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
        SELECT hex(i) FROM n;
    """,
)
# What users and their scripts see of positions and money.
SAID = (
    "SELECT * FROM accounts",
    "SELECT * FROM positions ORDER BY id",
    "SELECT * FROM realized_pnl ORDER BY id",
    "SELECT currency, quality, sum(realized_pnl_micros) FROM realized_pnl GROUP BY 1, 2",
    "SELECT * FROM fills ORDER BY account_id, exec_id",
    "SELECT * FROM holds ORDER BY id",
    "SELECT * FROM sync_runs ORDER BY id",
)


def said_by(path: Path) -> list[list[tuple[object, ...]]]:
    return [rows_of(path, sql) for sql in SAID]


def _rules_of(path: Path) -> int:
    return int(str(rows_of(path, "SELECT value FROM meta WHERE name = 'rules'")[0][0]))


def version_of(path: Path) -> object:
    return rows_of(path, "PRAGMA user_version")[0][0]


@pytest.fixture
async def old(path: Path, clock: TestClock) -> Path:
    """A ledger as this release leaves it, for the ones to come."""
    await (await open_ledger(unpack(1, path), clock=clock)).close()
    for backup in backups(path):
        backup.unlink()
    return path


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> "Steps":
    return Steps(monkeypatch)


class Steps:
    """What this program's migrations are said to be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def end_with(self, *more: Migration) -> None:
        self._patch.setattr(store, "migrations", lambda: (*migrations(), *more))


def test_every_past_version_is_kept() -> None:
    past = set(range(1, newest(migrations())))
    assert past <= set(kept()), (
        "on the commit before the new migration, run: python -m tests.ledger.versions"
    )


def test_the_steps_are_numbered_without_a_gap() -> None:
    versions = [step.version for step in migrations()]
    assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("version", kept())
@pytest.mark.parametrize("more", [(), (GOOD,)], ids=["this release", "one to come"])
async def test_a_ledger_of_any_version_says_the_same_when_brought_up(
    path: Path, clock: TestClock, steps: Steps, version: int, more: tuple[Migration, ...]
) -> None:
    unpack(version, path)
    before, everything = said_by(path), everything_in(path)
    assert all(before), "the kept ledger has something of all that is compared"
    content = content_of(path)
    steps.end_with(*more)

    reader = await open_ledger(path, clock=clock, read_only=True)
    read = [await reader.positions(include_closed=True), await reader.lots()]
    if _rules_of(path) == RULES:
        report = await reader.verify()
        assert (report.problems, report.positions > 5, report.entries > 10) == ((), True, True)
    await reader.close()
    assert content_of(path) == content, "a reader leaves it as it is"

    ledger = await open_ledger(path, clock=clock)
    assert [await ledger.positions(include_closed=True), await ledger.lots()] == read
    await ledger.close()
    assert said_by(path) == before
    is_older = version < newest((*migrations(), *more))
    assert version_of(path) == newest((*migrations(), *more))
    assert len(backups(path)) == is_older
    for backup in backups(path):
        assert everything_in(backup) == everything
    ends = rows_of(path, "SELECT text FROM journal ORDER BY id DESC LIMIT 1")
    assert str(ends[0][0]).startswith("ledger brought up from version") == is_older
    ledger = await open_ledger(path, clock=clock)
    # Where the rules are newer, too, this plans everything again.
    await offline_service(load(environ={}), ledger).load()
    assert (await ledger.verify()).problems == ()
    await ledger.close()


async def test_the_backup_is_named_by_version_and_time_and_is_the_owners(
    old: Path, clock: TestClock, steps: Steps
) -> None:
    steps.end_with(GOOD)
    before = os.umask(0)
    try:
        await (await open_ledger(old, clock=clock)).close()
        await (await open_ledger(old, clock=clock)).close()
    finally:
        os.umask(before)
    (backup,) = backups(old)
    assert backup.name == f"ledger.db.v{NOW}-20260302T143000Z.bak"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(file.name for file in old.parent.iterdir()) == [
        "ledger.db",
        "ledger.db.lock",
        backup.name,
    ]
    said = rows_of(old, "SELECT text FROM journal ORDER BY id DESC LIMIT 1")[0][0]
    assert said == f"ledger brought up from version {NOW} to 9999, the one before is {backup.name}"


@pytest.mark.parametrize(
    ("step", "why"),
    [(FAILING, "no such table: no"), (DANGLING, "would refer to no row")],
    ids=["failing", "dangling"],
)
async def test_a_failing_migration_leaves_the_original(
    old: Path, clock: TestClock, steps: Steps, step: Migration, why: str
) -> None:
    content = content_of(old)
    steps.end_with(Migration(TO_COME - 1, "CREATE TABLE good (x);"), step)
    for _ in range(3):
        words = f"could not be brought up from version {NOW} to 9999"
        with pytest.raises(LedgerUnusable, match=words) as told:
            await open_ledger(old, clock=clock)
        assert why in str(told.value)
        assert "it is as it was" in str(told.value)
        assert content_of(old) == content
        # A reader says so, too, and there is one backup however often it is tried.
        with pytest.raises(LedgerUnusable, match="it is as it was"):
            await open_ledger(old, clock=clock, read_only=True)
        (backup,) = backups(old)
        assert backup.name in str(told.value)
    assert everything_in(backup) == everything_in(old)
    steps.end_with(GOOD)
    await (await open_ledger(old, clock=clock)).close()
    assert backups(old) == [backup]


async def test_another_ledger_gets_another_backup(
    old: Path, clock: TestClock, steps: Steps
) -> None:
    """Of the older release again, once the user went back to the backup and on with it."""
    steps.end_with(GOOD)
    await (await open_ledger(old, clock=clock)).close()
    (first,) = backups(old)
    put_content(old, content_of(first))
    steps.end_with()
    ledger = await open_ledger(old, clock=SystemClock())
    await ledger.journal_remark("went on", at=clock.now())
    await ledger.close()
    clock.at = clock.at.replace(microsecond=0)
    steps.end_with(GOOD)
    await (await open_ledger(old, clock=clock)).close()
    assert len(backups(old)) == 2
    assert first in backups(old)


async def test_a_newer_ledger_is_refused(old: Path, clock: TestClock, steps: Steps) -> None:
    steps.end_with(GOOD)
    await (await open_ledger(old, clock=clock)).close()
    content = content_of(old)
    steps.end_with()
    words = f"of version 9999, this program knows {NOW}: update possync-tui"
    for read_only in (False, True):
        with pytest.raises(LedgerUnusable, match=words):
            await open_ledger(old, clock=clock, read_only=read_only)
    assert content_of(old) == content


async def test_no_room_for_a_backup(
    old: Path, clock: TestClock, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(old)
    steps.end_with(GOOD)
    connect = sqlite3.connect

    def small_disk(where: object, *args: object, **options: object) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(where, *args, **options)  # type: ignore[call-overload]
        if str(where).endswith(".bak.new"):
            db.execute("PRAGMA max_page_count = 3")
        return db

    monkeypatch.setattr(sqlite3, "connect", small_disk)
    with pytest.raises(LedgerUnusable, match="no backup of it could be made") as told:
        await open_ledger(old, clock=clock)
    assert "full" in str(told.value)
    assert "nothing was changed" in str(told.value)
    assert content_of(old) == content
    assert sorted(file.name for file in old.parent.iterdir()) == ["ledger.db", "ledger.db.lock"]


async def test_beside_a_writer_of_an_older_release(
    old: Path, clock: TestClock, steps: Steps
) -> None:
    """Nothing is brought up under its hands; commands read, a dashboard says why it cannot."""
    steps.end_with()
    older = await open_ledger(old, clock=clock)
    steps.end_with(GOOD)
    reader = await open_ledger(old, clock=clock, read_only=True)
    assert await reader.positions()
    await reader.close()
    with pytest.raises(LedgerReadOnly):
        await open_ledger(old, clock=clock)
    with pytest.raises(LedgerUnusable, match="close that one, then start again"):
        await open_ledger(old, clock=clock, fallback_read_only=True)
    await older.journal_remark("still the only writer", at=clock.now())
    await older.close()
    assert (version_of(old), backups(old)) == (NOW, [])


UPGRADING = """
import asyncio, sys
from pathlib import Path
from possync_tui.domain.clock import SystemClock
from possync_tui.ledger import store
from possync_tui.ledger.schema import migrations
from tests.ledger.test_ledger_versions import SLOW

async def main():
    print("begun", flush=True)
    ledger = await store.open_ledger(Path(sys.argv[1]), clock=SystemClock())
    print("open", flush=True)
    await asyncio.sleep(60)

store.migrations = lambda: (*migrations(), SLOW)
asyncio.run(main())
"""


def upgrading(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", UPGRADING, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_two_processes_bring_up_one_ledger(old: Path) -> None:
    before = said_by(old)
    both = [upgrading(old), upgrading(old)]
    try:
        while not (ended := [process for process in both if process.poll() is not None]):
            time.sleep(0.02)
        (refused,) = ended
        assert "LedgerReadOnly" in refused.communicate()[1]
        (other,) = [process for process in both if process is not refused]
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
    finally:
        for process in both:
            kill(process)
    assert version_of(old) == TO_COME
    assert said_by(old) == before
    assert len(backups(old)) == 1


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1, 0.3])
async def test_killed_while_bringing_up(
    old: Path, clock: TestClock, steps: Steps, after: float
) -> None:
    before = said_by(old)
    process = upgrading(old)
    time.sleep(after)  # noqa: ASYNC251 (nothing else runs here)
    kill(process)
    assert version_of(old) in (NOW, TO_COME)
    steps.end_with(SLOW)
    await (await open_ledger(old, clock=clock, cost_method=CostMethod.AVERAGE)).close()
    assert version_of(old) == TO_COME
    assert said_by(old) == before
    assert len(backups(old)) == 1, "what was begun is not left behind"
    with closing(sqlite3.connect(backups(old)[0])) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
