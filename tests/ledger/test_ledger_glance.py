"""A glance at the ledger: what a full opening would read, or nothing at all."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.domain.observations import PositionRow, Side
from possync_tui.ledger.glance import glance
from possync_tui.ledger.last_known import last_known
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.schema import migrations, newest, newest_by_name
from possync_tui.ledger.store import Ledger
from tests.ledger.world import (
    EURUSD,
    SPX,
    START,
    TestClock,
    commission,
    fill,
    row,
    sync,
)

TODAY = START.replace(hour=0, minute=0)


def test_it_knows_the_newest_version() -> None:
    assert newest_by_name() == newest(migrations())


async def test_it_sees_what_the_port_reads(ledger: Ledger, path: Path, clock: TestClock) -> None:
    await sync(ledger, [row("100"), row("-3", "9", SPX), row("7", "1", EURUSD)], clock.now())
    seen = glance(path, 50, TODAY)
    assert seen is not None
    assert seen.environment is Environment.PAPER
    assert list(seen.positions) == await ledger.positions()
    assert list(seen.accounts) == await ledger.accounts()
    assert list(seen.holds) == await ledger.holds()
    assert list(seen.runs) == await ledger.runs(50)
    assert seen.stats == await ledger.stats()
    assert len(seen.positions) == 3


async def test_it_sees_what_was_realized_since_midnight(
    ledger: Ledger, path: Path, clock: TestClock
) -> None:
    await sync(ledger, [row("100"), row("7", "1", EURUSD)], clock.now())
    for number, hours in enumerate((1, 20)):
        at = clock.forward(hours * 3600)
        name, currency = f"a{number}.01", f"b{number}.01"
        sold = fill(name, Side.SOLD, "10", "12.5", at)
        await ledger.record([sold, commission(name, "0.25")])
        # Virtual FX is in no total.
        changed = fill(currency, Side.SOLD, "1", "3", at, EURUSD)
        await ledger.record([changed, commission(currency)])
        rows = [row(str(90 - 10 * number)), row(str(6 - number), "1", EURUSD)]
        await sync(ledger, rows, clock.forward(60))
    tomorrow = TODAY + timedelta(days=1)
    found = []
    for since in (TODAY, tomorrow, tomorrow + timedelta(days=1)):
        seen = glance(path, 50, since)
        assert seen is not None
        found.append(seen.realized)
    assert found == [{"USD": Decimal("49.30")}, {"USD": Decimal("24.65")}, {}]
    asked = await ledger.daily_pnl(EntryQuery(since=tomorrow))
    assert {bucket.currency: bucket.realized_pnl for bucket in asked} == found[1]


async def test_it_waits_for_nobody(ledger: Ledger, path: Path, clock: TestClock) -> None:
    await sync(ledger, [row("100")], clock.now())
    await ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert glance(path, 50, TODAY) is None


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
    assert glance(path, 50, TODAY) is not None
    spoil(path)
    assert glance(path, 50, TODAY) is None


def test_it_makes_nothing(tmp_path: Path) -> None:
    assert glance(tmp_path / "none" / "ledger.db", 50, TODAY) is None
    assert glance(tmp_path, 50, TODAY) is None
    assert list(tmp_path.iterdir()) == []


async def test_all_that_read_it_name_contracts_in_one_order(
    ledger: Ledger, path: Path, clock: TestClock
) -> None:
    def option(con_id: int, expiry: str, strike: str, right: str) -> PositionRow:
        instrument = replace(
            SPX, con_id=con_id, expiry=expiry, strike=strike, right=right, local_symbol=""
        )
        return row("1", "9", instrument)

    rows = [
        option(601, "20270115", "900", "P"),
        option(602, "20270115", "5000", "C"),
        option(603, "20261219", "5000", "P"),
        option(604, "20261219", "5000", "C"),
        option(605, "20270115", "900", "C"),
        row("7", "1", EURUSD),
    ]
    await sync(ledger, rows, clock.now())
    names = [view.description for view in await ledger.positions()]
    options = ["19DEC26 5000 C", "19DEC26 5000 P", "15JAN27 900 C", "15JAN27 900 P"]
    assert names[1:] == [f"SPX {each}" for each in (*options, "15JAN27 5000 C")]
    known, seen = last_known(str(path), 4), glance(path, 1, TODAY)
    assert known is not None
    assert seen is not None
    assert [record[2] for record in known.rows] == names[:4]
    assert [view.description for view in seen.positions] == names
    assert [lot.description for lot in await ledger.lots()] == names
    assert [view.description for view in await ledger.positions_at(clock.now())] == names
