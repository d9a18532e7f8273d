"""A release whose rules make other lives of the same observations plans every position again."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain import life, planning, settling
from possync_tui.domain.observations import Recorded, Side
from possync_tui.domain.runs import Outcome
from possync_tui.ledger.port import EntryQuery, LedgerUnusable
from possync_tui.ledger.store import open_ledger

from .conftest import HandClock, Rig, ScriptedBroker, Start

KNOWN_TO_NOBODY = life.RULES + 1


def by_older_rules(history: Sequence[Recorded], past: object = None) -> life.Told:
    """Rules with a mistake in them: every entry realizes a dollar more."""
    assert past is None
    rebuilt = life.rebuild(history)
    told = replace(
        rebuilt,
        lives=tuple(
            replace(
                one,
                entries=tuple(
                    replace(entry, realized_micros=(entry.realized_micros or 0) + 1_000_000)
                    for entry in one.entries
                ),
            )
            for one in rebuilt.lives
        ),
    )
    return life.Told(told)


def stamp(path: Path, version: int | None) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM meta WHERE name = 'rules'")
        if version is not None:
            db.execute("INSERT INTO meta (name, value) VALUES ('rules', ?)", (str(version),))


def rows_of(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


@pytest.fixture
async def older(start: Start, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A closed ledger of an older release: a position closed for 198, and one that is open."""
    with monkeypatch.context() as patched:
        for module in (planning, settling):
            patched.setattr(module, "tell", by_older_rules)
        rig = await start()
        await rig.engine.sync_now()
        broker.trade(1, Side.BOUGHT, "100", "10", "1")
        broker.hold(1, "100")
        broker.trade(2, Side.BOUGHT, "7", "3", "1")
        broker.hold(2, "7")
        await rig.engine.sync_now()
        await rig.clock.advance(60)
        broker.trade(1, Side.SOLD, "100", "12", "1")
        broker.drop(1)
        await rig.engine.sync_now()
        await rig.engine.stop()
    stamp(rig.path, None)
    return rig


async def realized(rig: Rig) -> list[tuple[str, Decimal | None]]:
    entries = await rig.engine.reads.entries(EntryQuery())
    return [(e.kind, e.realized_pnl) for e in sorted(entries, key=lambda e: e.id)]


async def test_opening_plans_every_position_again(older: Rig, start: Start) -> None:
    rig = await start()
    # Nothing was asked of the broker yet.
    assert await realized(rig) == [
        ("FILL", Decimal(199)),
        ("REVERSAL", Decimal(-199)),
        ("FILL", Decimal(198)),
    ]
    (run, *_) = await rig.engine.reads.runs()
    assert (run.trigger, run.outcome) == ("rules", Outcome.COMMITTED)
    assert run.id is not None
    lines = [line.text for line in await rig.engine.reads.journal(run_id=run.id)]
    assert f"rules 0 -> {life.RULES} of this release: 2 positions planned again, 1 changed" in lines
    assert any("reversed, it was 199 USD" in line for line in lines)
    assert (await rig.engine.reads.verify()).problems == ()
    assert (await rig.engine.sync_now()).ok
    assert (await rig.engine.reads.verify()).problems == ()
    assert rig.engine.stats.total_syncs == len(await rig.engine.reads.runs())


async def test_it_is_done_once(older: Rig, start: Start) -> None:
    await (await start()).engine.stop()
    rig = await start()
    assert [run.trigger for run in await rig.engine.reads.runs()].count("rules") == 1
    assert rows_of(rig.path, "SELECT value FROM meta WHERE name = 'rules'") == [(str(life.RULES),)]


async def test_what_the_settings_leave_out_follows_the_rules_where_it_is_there(
    older: Rig, start: Start
) -> None:
    rig = await start(calculate_realized_pnl=False)
    assert [amount for _, amount in await realized(rig)] == [199, -199, 198]
    assert (await rig.engine.reads.verify()).problems == ()


async def test_all_of_it_is_one_transaction(
    older: Rig, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        # The last thing that the transaction does fails.
        patched.setattr("possync_tui.ledger.commit._keep_snapshot", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await start()
    assert rows_of(older.path, "SELECT count(*) FROM realized_entries WHERE kind = 'REVERSAL'") == [
        (0,)
    ]
    assert rows_of(older.path, "SELECT count(*) FROM meta WHERE name = 'rules'") == [(0,)]
    rig = await start()
    assert (await rig.engine.reads.verify()).problems == ()


async def test_a_reader_and_verify_of_older_rules(older: Rig, clock: HandClock) -> None:
    reader = await open_ledger(older.path, clock=clock, read_only=True)
    try:
        assert len(await reader.positions(include_closed=True)) == 2
        with pytest.raises(LedgerUnusable, match=r"rules 0 of an older release.*run a sync"):
            await reader.verify()
    finally:
        await reader.close()


async def test_damage_is_still_told_of_a_ledger_of_older_rules(
    older: Rig, clock: HandClock
) -> None:
    with closing(sqlite3.connect(older.path)) as db, db:
        db.execute("UPDATE executions SET price = '99' WHERE con_id = 2")
    reader = await open_ledger(older.path, clock=clock, read_only=True)
    try:
        (problem,) = (await reader.verify()).problems
        assert "differs from observation" in problem
    finally:
        await reader.close()


@pytest.mark.parametrize("read_only", [True, False])
async def test_newer_rules_are_refused(older: Rig, clock: HandClock, *, read_only: bool) -> None:
    stamp(older.path, KNOWN_TO_NOBODY)
    with pytest.raises(LedgerUnusable, match="update possync-tui"):
        await open_ledger(older.path, clock=clock, read_only=read_only)
    stamp(older.path, None)
    # The refused writer has let go of the lock.
    await (await open_ledger(older.path, clock=clock)).close()


async def test_a_new_ledger_has_nothing_to_plan_again(start: Start) -> None:
    rig = await start()
    assert await rig.engine.reads.runs() == []
    assert rows_of(rig.path, "SELECT value FROM meta WHERE name = 'rules'") == [(str(life.RULES),)]
