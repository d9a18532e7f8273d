"""A glance at the ledger: what a full opening would read, or nothing at all."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.ledger.glance import glance
from possync_tui.ledger.schema import migrations, newest, newest_by_name
from possync_tui.ledger.store import Ledger
from tests.ledger.world import EURUSD, SPX, TestClock, row, sync


def test_it_knows_the_newest_version() -> None:
    assert newest_by_name() == newest(migrations())


async def test_it_sees_what_the_port_reads(ledger: Ledger, path: Path, clock: TestClock) -> None:
    await sync(ledger, [row("100"), row("-3", "9", SPX), row("7", "1", EURUSD)], clock.now())
    seen = glance(path, 50)
    assert seen is not None
    assert seen.environment is Environment.PAPER
    assert list(seen.positions) == await ledger.positions()
    assert list(seen.accounts) == await ledger.accounts()
    assert list(seen.holds) == await ledger.holds()
    assert list(seen.runs) == await ledger.runs(50)
    assert seen.stats == await ledger.stats()
    assert len(seen.positions) == 3


async def test_it_waits_for_nobody(ledger: Ledger, path: Path, clock: TestClock) -> None:
    await sync(ledger, [row("100")], clock.now())
    await ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert glance(path, 50) is None


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 7")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {newest_by_name() + 1}")


def _text(path: Path) -> None:
    path.write_text("a shopping list")


def _unknown_word(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = 'moon' WHERE name = 'environment'")
        db.commit()


@pytest.mark.parametrize("spoil", [_cut, _other_program, _newer, _text, _unknown_word])
async def test_what_is_unusual_is_left_to_others(
    ledger: Ledger, path: Path, clock: TestClock, spoil: Callable[[Path], None]
) -> None:
    await sync(ledger, [row("100")], clock.now())
    await ledger.close()
    assert glance(path, 50) is not None
    spoil(path)
    assert glance(path, 50) is None


def test_it_makes_nothing(tmp_path: Path) -> None:
    assert glance(tmp_path / "none" / "ledger.db", 50) is None
    assert glance(tmp_path, 50) is None
    assert list(tmp_path.iterdir()) == []
