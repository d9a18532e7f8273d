"""The hour that the clock repeats at the end of daylight saving: which of the two a fill was in."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from possync_tui.broker.fill_times import FillTimes
from possync_tui.broker.wire_times import wire_instants
from tests.broker.conftest import Connect
from tests.broker.scripted import ScriptedTws, execution

# 2 November 2025, New York: 01:30 is at 05:30 UTC and again at 06:30 UTC.
HALF_PAST = "20251102 01:30:00 US/Eastern"
FIRST = datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
SECOND = FIRST + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_of_that_hour_names_two_instants() -> None:
    assert wire_instants(HALF_PAST, None) == (FIRST, SECOND)
    assert wire_instants("20251102 00:59:59 US/Eastern", None) == (
        FIRST - 30 * MINUTE - MINUTE / 60,
    )
    assert wire_instants("20251102 02:00:00 US/Eastern", None) == (SECOND + 30 * MINUTE,)
    assert wire_instants("20251102-05:30:00", ZoneInfo("US/Eastern")) == (FIRST,)
    assert wire_instants("20251102  01:30:00", ZoneInfo("US/Eastern")) == (FIRST, SECOND)
    # The hour that is left out in spring is none that a clock shows.
    assert len(wire_instants("20250309 02:30:00 US/Eastern", None)) == 1


@pytest.mark.usefixtures("new_york")
def test_so_it_is_in_the_zone_of_this_machine() -> None:
    assert wire_instants("20251102  01:30:00", None) == (FIRST, SECOND)


@pytest.mark.parametrize("happened", [FIRST, SECOND])
def test_a_pushed_fill_has_just_happened(happened: datetime) -> None:
    for seconds in (-2, 0, 40):
        received = happened + timedelta(seconds=seconds)
        assert FillTimes().read("a", HALF_PAST, received, is_pushed=True) == (happened, "")


def test_no_fill_is_later_than_its_receipt() -> None:
    received = SECOND - 5 * MINUTE
    assert FillTimes().read("a", HALF_PAST, received, is_pushed=False) == (FIRST, "")


def test_what_an_earlier_answer_did_not_have_came_after_it() -> None:
    times = FillTimes(asked_at=FIRST + 10 * MINUTE)
    assert times.read("a", HALF_PAST, SECOND + MINUTE, is_pushed=False) == (SECOND, "")
    # An answer from before the first of the two says nothing.
    times = FillTimes(asked_at=FIRST - MINUTE)
    moment, doubt = times.read("a", HALF_PAST, SECOND + MINUTE, is_pushed=False)
    assert moment == FIRST
    assert "the first is taken" in doubt


def test_what_nothing_decides_is_told_once_and_stays() -> None:
    times = FillTimes()
    received = SECOND + 60 * MINUTE
    moment, doubt = times.read("a", HALF_PAST, received, is_pushed=False)
    assert (moment, bool(doubt)) == (FIRST, True)
    times.asked_at = received
    assert times.read("a", HALF_PAST, received + MINUTE, is_pushed=False) == (FIRST, "")


def test_a_fill_that_was_pushed_is_read_alike_when_it_is_asked_for() -> None:
    times = FillTimes()
    assert times.read("a", HALF_PAST, SECOND, is_pushed=True) == (SECOND, "")
    assert times.read("a", HALF_PAST, SECOND + 90 * MINUTE, is_pushed=False) == (SECOND, "")


async def test_a_session_knows_what_it_was_told_before(tws: ScriptedTws, connect: Connect) -> None:
    tws.clock_ahead = (SECOND + 2 * MINUTE).timestamp() - time.time()
    tws.fills = [execution("a.01", when="20251102 01:05:00 US/Eastern")]
    session = await connect()
    (old,) = (await session.broker.executions(5)).fills
    # 01:05 may be either, and is said to be; 01:31:30 was not there when asked at 01:32.
    assert old.time == FIRST - 25 * MINUTE
    (doubt,) = session.problems()
    assert "a.01" in doubt
    tws.fills.append(execution("b.01", when="20251102 01:10:00 US/Eastern"))
    tws.fills.append(execution("c.01", when="20251102 01:31:30 US/Eastern"))
    known, late, new = (await session.broker.executions(5)).fills
    assert known.time == old.time
    assert late.time == SECOND - 20 * MINUTE
    assert new.time == SECOND + 1.5 * MINUTE
    assert len(session.problems()) == 1
