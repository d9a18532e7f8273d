"""Opening: whose file it is, who may read it, and that what is refused stays as it was."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.domain.position import CostMethod
from possync_tui.ledger.port import (
    LedgerForeign,
    LedgerMissing,
    LedgerPort,
    LedgerReadOnly,
    LedgerUnusable,
    LedgerWriteFailed,
)
from possync_tui.ledger.schema import APPLICATION_ID
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.peek import content_of, everything_in, names_in, put_content, rows_of, tamper
from tests.ledger.world import ACCOUNT, KEY, START, TestClock, pushed, result_of, row, sync


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def make_ledger(path: Path, clock: TestClock) -> None:
    ledger = await open_ledger(path, clock=clock)
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    await sync(ledger, [row("100")], clock.now())
    await ledger.close()


@pytest.mark.usefixtures("no_umask")
async def test_only_the_owner_may_read_whatever_the_umask_says(
    tmp_path: Path, clock: TestClock
) -> None:
    path = tmp_path / "new" / "folder" / "ledger.db"
    ledger = await open_ledger(path, clock=clock)
    await ledger.bind(Environment.PAPER, [ACCOUNT])
    await ledger.record([pushed("1", START)])
    files = sorted(names_in(path.parent))
    assert files == ["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.lock"]
    assert {mode_of(file) for file in path.parent.iterdir()} == {0o600}
    assert mode_of(path.parent) == mode_of(path.parent.parent) == 0o700
    await ledger.close()


async def test_a_ledger_that_others_could_read_is_closed_to_them(
    path: Path, clock: TestClock
) -> None:
    await make_ledger(path, clock)
    os.chmod(path, 0o644)
    await (await open_ledger(path, clock=clock)).close()
    assert mode_of(path) == 0o600


async def test_settings_of_the_connection(ledger: Ledger) -> None:
    def ask(db: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "application_id")
        return {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert ledger._writer is not None
    assert await ledger._writer.read(ask) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "application_id": APPLICATION_ID,
    }


async def test_a_reader_of_nothing_says_so_and_makes_nothing(
    tmp_path: Path, clock: TestClock
) -> None:
    with pytest.raises(LedgerMissing, match="run a sync first"):
        await open_ledger(tmp_path / "deep" / "ledger.db", clock=clock, read_only=True)
    assert names_in(tmp_path) == set()


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"account,symbol,quantity\n" * 50)


def short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00")


def another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")


def another_program_with_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE bookmarks (url TEXT)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 99")
        db.execute("CREATE TABLE of_tomorrow (x)")


def named_like_ours_but_empty_inside(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.execute("CREATE TABLE something_else (x)")


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (not_sqlite, "not an SQLite file"),
        (short, "not an SQLite file"),
        (another_program, "another program"),
        (another_program_with_wal, "another program"),
        (newer, "update possync-tui"),
        (named_like_ours_but_empty_inside, "damaged"),
    ],
)
async def test_what_is_not_a_ledger_is_refused_and_untouched(
    path: Path, clock: TestClock, make: Callable[[Path], None], says: str, read_only: bool
) -> None:
    make(path)
    before = content_of(path)
    with pytest.raises(LedgerUnusable, match=says) as caught:
        await open_ledger(path, clock=clock, read_only=read_only)
    assert content_of(path) == before
    assert "\n" not in str(caught.value)
    left = names_in(path.parent)
    assert left <= {"ledger.db", "ledger.db.lock"}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("where", ["schema", "middle", "cut"])
async def test_a_damaged_ledger_is_refused_and_untouched(
    path: Path, clock: TestClock, read_only: bool, where: str
) -> None:
    await make_ledger(path, clock)
    content = bytearray(content_of(path))
    match where:
        case "schema":
            content[100:1100] = b"\xa5" * 1000
        case "middle":
            content[4096 * 3 : 4096 * 20] = b"\xa5" * (4096 * 17)
        case "cut":
            del content[4096 * 5 :]
    put_content(path, content)
    with pytest.raises(LedgerUnusable, match="damaged"):
        await open_ledger(path, clock=clock, read_only=read_only)
    assert content_of(path) == bytes(content)


async def test_damage_that_shows_later_is_told_in_our_words(path: Path, clock: TestClock) -> None:
    await make_ledger(path, clock)
    ledger = await open_ledger(path, clock=clock)
    try:
        content = bytearray(content_of(path))
        content[4096:] = b"\xa5" * (len(content) - 4096)
        put_content(path, content)
        with pytest.raises((LedgerUnusable, LedgerWriteFailed)):
            await ledger.record([pushed("7", START)])
        with pytest.raises(LedgerUnusable):
            await ledger.verify()
    finally:
        await ledger.close()


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_folder_is_refused(tmp_path: Path, clock: TestClock, read_only: bool) -> None:
    with pytest.raises(LedgerUnusable, match="is a folder"):
        await open_ledger(tmp_path, clock=clock, read_only=read_only)
    assert names_in(tmp_path) == set()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, clock: TestClock) -> None:
    put_content(tmp_path / "file", b"")
    with pytest.raises(LedgerUnusable, match="cannot be made"):
        await open_ledger(tmp_path / "file" / "ledger.db", clock=clock)


async def test_a_pipe_is_refused_without_waiting_for_it(path: Path, clock: TestClock) -> None:
    os.mkfifo(path)
    with pytest.raises(LedgerUnusable, match="not a regular file"):
        await open_ledger(path, clock=clock)


async def test_an_empty_file_becomes_a_ledger(path: Path, clock: TestClock) -> None:
    put_content(path, b"")
    with pytest.raises(LedgerMissing):
        await open_ledger(path, clock=clock, read_only=True)
    await (await open_ledger(path, clock=clock)).close()
    assert mode_of(path) == 0o600


async def test_a_creation_that_was_killed_is_begun_again(path: Path, clock: TestClock) -> None:
    put_content(path.with_name("ledger.db.new"), b"half a ledger")
    await (await open_ledger(path, clock=clock)).close()
    assert "ledger.db.new" not in names_in(path.parent)


async def test_a_log_without_its_ledger_is_not_played_into_a_new_one(
    path: Path, clock: TestClock
) -> None:
    put_content(path.with_name("ledger.db-wal"), b"the last hour of trading")
    with pytest.raises(LedgerUnusable, match="move the log away"):
        await open_ledger(path, clock=clock)
    assert content_of(path.with_name("ledger.db-wal")) == b"the last hour of trading"
    assert "ledger.db" not in names_in(path.parent)


async def test_another_environment_is_refused_with_nothing_written(
    path: Path, clock: TestClock
) -> None:
    await make_ledger(path, clock)
    before = everything_in(path)
    ledger = await open_ledger(path, clock=clock)
    assert ledger.environment is Environment.PAPER
    for environment in (Environment.LIVE, Environment.DEMO):
        with pytest.raises(LedgerForeign, match="another ledger file"):
            await ledger.bind(environment, ["U0000001"])
    await ledger.close()
    assert everything_in(path) == before


async def test_accounts_get_their_ids_in_the_order_of_first_meeting(
    path: Path, clock: TestClock
) -> None:
    ledger = await open_ledger(path, clock=clock)
    assert ledger.environment is None
    await ledger.bind(Environment.PAPER, ["DU3", "DU1", "DU3"])
    await ledger.bind(Environment.PAPER, ["DU2", "DU1", "DU3"])
    found = [(view.id, view.code, view.status) for view in await ledger.accounts()]
    assert found == [(1, "DU3", "accepted"), (2, "DU1", "accepted"), (3, "DU2", "waiting")]
    assert {view.environment for view in await ledger.accounts()} == {"paper"}
    book = await ledger.book()
    assert [account.is_accepted for account in book.accounts.values()] == [True, True, False]
    await ledger.close()


async def test_a_reader_reads_and_refuses_to_write(path: Path, clock: TestClock) -> None:
    await make_ledger(path, clock)
    before = content_of(path)
    reader = await open_ledger(path, clock=clock, read_only=True, cost_method=CostMethod.FIFO)
    try:
        assert reader.is_read_only
        assert reader.environment is Environment.PAPER
        assert [view.quantity for view in await reader.positions()] == [100]
        assert (await reader.verify()).ok
        assert KEY in (await reader.book()).positions
        await reader.bind(Environment.PAPER, [ACCOUNT])
        with pytest.raises(LedgerForeign):
            await reader.bind(Environment.LIVE, [ACCOUNT])
        with pytest.raises(LedgerReadOnly):
            await reader.bind(Environment.PAPER, ["DU9"])
        with pytest.raises(LedgerReadOnly):
            await reader.record([pushed("1", START)])
        with pytest.raises(LedgerReadOnly):
            await reader.record_run(result_of(None, START))
    finally:
        await reader.close()
    assert content_of(path) == before


async def test_a_closed_ledger_says_that_it_is_closed(ledger: Ledger) -> None:
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerUnusable, match="closed"):
        await ledger.positions()
    with pytest.raises(LedgerUnusable, match="closed"):
        await ledger.record([pushed("1", START)])


async def test_the_cost_method_is_kept_until_another_is_chosen(
    path: Path, clock: TestClock
) -> None:
    async def method_after(chosen: CostMethod | None) -> object:
        await (await open_ledger(path, clock=clock, cost_method=chosen)).close()
        return rows_of(path, "SELECT value FROM meta WHERE name = 'cost_method'")[0][0]

    assert await method_after(None) == "average"
    assert await method_after(CostMethod.FIFO) == "fifo"
    assert await method_after(None) == "fifo"
    assert await method_after(CostMethod.AVERAGE) == "average"
    lines = rows_of(path, "SELECT text FROM journal WHERE kind = 'setting'")
    assert lines == [("cost method average -> fifo",), ("cost method fifo -> average",)]


@pytest.mark.parametrize("name", ["odd ?name#1 50%.db", "grüße.db", "file:x?mode=memory"])
async def test_any_file_name_will_do(tmp_path: Path, clock: TestClock, name: str) -> None:
    await make_ledger(tmp_path / name, clock)
    assert names_in(tmp_path) == {name, f"{name}.lock"}
    reader = await open_ledger(tmp_path / name, clock=clock, read_only=True)
    assert len(await reader.positions()) == 1
    await reader.close()


async def test_the_ledger_is_what_the_port_says(ledger: Ledger) -> None:
    port: LedgerPort = ledger
    await port.journal_remark("missing -> closed armed by key", at=START)
    line = (await port.journal(limit=1))[0]
    assert (line.kind, line.text, line.at) == ("remark", "missing -> closed armed by key", START)


async def test_a_reader_learns_how_far_the_writer_has_come(
    ledger: Ledger, path: Path, clock: TestClock
) -> None:
    reader = await open_ledger(path, clock=clock, read_only=True)
    await ledger.record([pushed("1", START)])
    assert (await reader.book()).touched == {KEY}
    assert reader.last_seq == ledger.last_seq == 1
    await reader.close()


async def test_a_ledger_with_a_strange_environment_is_called_damaged(
    path: Path, clock: TestClock
) -> None:
    await make_ledger(path, clock)
    tamper(path, "UPDATE meta SET value = 'moon' WHERE name = 'environment'")
    with pytest.raises(LedgerUnusable, match="damaged"):
        await open_ledger(path, clock=clock)
