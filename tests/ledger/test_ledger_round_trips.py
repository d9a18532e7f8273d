"""What goes in comes out: observations as JSON, lives as rows, times and numbers as text."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from possync_tui.domain.observations import Observation, PositionRow, RowPushed
from possync_tui.domain.plan import AddEntry, ChangeKind, PutLife
from possync_tui.domain.position import Life
from possync_tui.ledger.at_rest import BadRecord, digits, moment, number, stamp
from possync_tui.ledger.codec import decode, encode, kind_of
from possync_tui.ledger.entries import Appending
from possync_tui.ledger.inbox import record
from possync_tui.ledger.laid_out import instrument_columns
from possync_tui.ledger.lives import life_named, stored_lives
from possync_tui.ledger.put import put_lives
from possync_tui.ledger.rollups import Rollups
from possync_tui.ledger.schema import migrate, migrations
from tests.ledger import strategies
from tests.ledger.world import ACCOUNT, APPLE, KEY, START, row


@contextmanager
def empty_tables() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        migrate(db, migrations())
        db.execute(
            "INSERT INTO accounts (code, environment, status, first_seen_at)"
            " VALUES (?, 'paper', 'accepted', '')",
            (ACCOUNT,),
        )
        db.execute(
            "INSERT INTO instruments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", instrument_columns(APPLE)
        )
        db.execute(
            "INSERT INTO sync_runs VALUES (1, 'manual', '', 0, 'committed', NULL, 0, 0, 0, 0, 0)"
        )
        yield db


@given(strategies.observations)
def test_an_observation_comes_back_as_it_was(observation: Observation) -> None:
    assert decode(kind_of(observation), encode(observation)) == observation


@given(st.lists(strategies.observations, max_size=5))
def test_the_inbox_takes_whatever_the_wire_may_say(observations: list[Observation]) -> None:
    with empty_tables() as db:
        new = record(db, observations, START).new
        stored = db.execute("SELECT kind, payload FROM inbox ORDER BY seq").fetchall()
        assert len(stored) == new
        for kind, payload in stored:
            assert decode(kind, payload) in observations


@given(strategies.lives)
def test_a_life_comes_back_as_it_was(life: Life) -> None:
    # Stored entries come in the order of their events.
    ordered = tuple(sorted(life.entries, key=lambda entry: entry.closed_at))
    life = replace(life, entries=ordered)
    with empty_tables() as db:
        (life_id,) = put_lives(db, [PutLife(KEY, ChangeKind.CREATED, life, None, None, "")])
        named = life_named(db, KEY, life.origin)
        appending = Appending(db, 1, START, Rollups(db))
        ids = {
            (entry.cause, entry.method): appending.add(
                AddEntry(KEY, life.origin, entry, None, ""), named
            )
            for entry in life.entries
        }
        appending.save()
        (stored,) = stored_lives(db, KEY)
        assert stored.life == life
        assert stored.life_id == life_id
        assert stored.entry_ids == ids


@given(strategies.lives, strategies.lives)
def test_a_life_that_is_put_again_is_the_new_one(before: Life, after: Life) -> None:
    before, after = replace(before, entries=()), replace(after, entries=())
    with empty_tables() as db:
        (life_id,) = put_lives(db, [PutLife(KEY, ChangeKind.CREATED, before, None, None, "")])
        put_lives(db, [PutLife(KEY, ChangeKind.UPDATED, after, life_id, before, "")])
        assert [stored.life for stored in stored_lives(db, KEY)] == [after]


@given(strategies.moments, strategies.moments)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    assert moment(stamp(one)) == one
    assert (stamp(one) < stamp(other)) == (one < other)
    assert len(stamp(one)) == len(stamp(other)) == 32


@given(strategies.numbers)
def test_a_number_keeps_every_digit(value: Decimal) -> None:
    assert number(digits(value)) == value


def test_what_must_not_get_in_does_not() -> None:
    with pytest.raises(ValueError, match="finite"):
        digits(Decimal("NaN"))
    with pytest.raises(ValueError, match="zone"):
        stamp(datetime(2026, 3, 2))  # noqa: DTZ001 (that is the point)
    endless = PositionRow(ACCOUNT, APPLE, Decimal("Infinity"), Decimal(1), "inf", "1")
    with pytest.raises(ValueError, match="finite"):
        encode(RowPushed(endless, "s", START))


@pytest.mark.parametrize(
    "payload",
    ["", "[]", "null", "{}", '{"row": 3}', '{"code": "x", "at": "", "session_id": ""}'],
)
def test_a_payload_of_another_shape_is_called_bad(payload: str) -> None:
    for kind in ("row_pushed", "fill", "commission", "connectivity_lost", "anchor", "absent"):
        with pytest.raises(BadRecord):
            decode(kind, payload)
    with pytest.raises(BadRecord):
        decode("rumour", "{}")


def test_the_texts_of_the_wire_are_kept() -> None:
    observation = RowPushed(row("100.0", "10.0100"), "s", START)
    back = decode(kind_of(observation), encode(observation))
    assert isinstance(back, RowPushed)
    assert (back.row.quantity_text, back.row.average_cost_text) == ("100.0", "10.0100")
