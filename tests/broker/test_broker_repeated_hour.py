"""The hour that the clock repeats at the end of daylight saving: which of the two a fill was in."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from possync_tui.broker.fill_times import FillTimes
from possync_tui.broker.wire_times import wire_instants
from possync_tui.domain.clock import SystemClock
from tests.broker.conftest import Connect
from tests.broker.scripted import CURRENT_TIME, Fields, ScriptedTws, execution

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


class ShiftedClock(SystemClock):
    """This machine's time, so much later."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead


def on_that_day(tws: ScriptedTws) -> ShiftedClock:
    """Our clock and that of TWS, at two minutes past the second of the two."""
    ahead = SECOND + 2 * MINUTE - datetime.now(UTC)
    tws.clock_ahead = ahead.total_seconds()
    return ShiftedClock(ahead)


def asked(times: FillTimes, received: datetime, exec_id: str = "a") -> tuple[datetime, str]:
    return times.read("DU1", exec_id, HALF_PAST, received, is_pushed=False)


@pytest.mark.parametrize("happened", [FIRST, SECOND])
def test_a_pushed_fill_has_just_happened(happened: datetime) -> None:
    for seconds in (-2, 0, 40):
        received = happened + timedelta(seconds=seconds)
        read = FillTimes().read("DU1", "a", HALF_PAST, received, is_pushed=True)
        assert read == (happened, "")


def test_no_fill_is_later_than_its_receipt() -> None:
    assert asked(FillTimes(), SECOND - 5 * MINUTE) == (FIRST, "")


def test_what_an_earlier_answer_did_not_have_came_after_it() -> None:
    times = FillTimes(asked_at={"DU1": FIRST + 10 * MINUTE})
    assert asked(times, SECOND + MINUTE) == (SECOND, "")
    # One from before the first of the two says nothing, nor one of the same moment.
    for too_early in (-MINUTE, MINUTE / 2):
        times = FillTimes(asked_at={"DU1": FIRST + too_early})
        moment, doubt = asked(times, SECOND + MINUTE)
        assert moment == FIRST
        assert "the first is taken" in doubt


def test_an_answer_of_another_day_or_account_says_nothing() -> None:
    """TWS answers with the fills of the day; set to tell of a week, it has older ones, too."""
    midnight = datetime(2025, 11, 3, 5, tzinfo=UTC)
    for asked_at, known in ((midnight - MINUTE, True), (midnight + MINUTE, False)):
        moment, doubt = asked(FillTimes(asked_at={"DU1": asked_at}), midnight + 5 * MINUTE)
        assert (moment, bool(doubt)) == ((SECOND, False) if known else (FIRST, True))
    _, doubt = asked(FillTimes(asked_at={"DU2": FIRST + 10 * MINUTE}), SECOND + MINUTE)
    assert doubt


def test_what_nothing_decides_is_told_once_and_stays() -> None:
    times = FillTimes()
    received = SECOND + 60 * MINUTE
    moment, doubt = asked(times, received)
    assert (moment, bool(doubt)) == (FIRST, True)
    times.answered(["DU1"], received)
    assert asked(times, received + MINUTE) == (FIRST, "")
    # For as long as TWS can be made to tell of it.
    times.forget_old(received + timedelta(days=7))
    assert asked(times, received + MINUTE) == (FIRST, "")
    times.forget_old(received + timedelta(days=9))
    assert asked(times, received + MINUTE) == (SECOND, "")


def test_a_fill_that_was_pushed_is_read_alike_when_it_is_asked_for() -> None:
    times = FillTimes()
    assert times.read("DU1", "a", HALF_PAST, SECOND, is_pushed=True) == (SECOND, "")
    assert asked(times, SECOND + 90 * MINUTE) == (SECOND, "")


async def test_a_session_knows_what_it_was_told_before(tws: ScriptedTws, connect: Connect) -> None:
    clock = on_that_day(tws)
    tws.fills = [execution("a.01", when="20251102 01:05:00 US/Eastern")]
    session = await connect(clock=clock)
    await session.until(lambda: session.broker.state.clock_skew is not None)
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


async def test_the_next_session_knows_it_too(tws: ScriptedTws, connect: Connect) -> None:
    clock = on_that_day(tws)
    session = await connect(clock=clock)
    await session.until(lambda: session.broker.state.clock_skew is not None)
    await session.broker.executions(5)
    first = session.broker.state.session_id
    tws.fills = [execution("b.01", when="20251102 01:10:00 US/Eastern")]
    session.broker.reconnect_now()
    await session.until(lambda: session.broker.state.session_id not in ("", first))
    (late,) = (await session.broker.executions(5)).fills
    assert late.time == SECOND - 20 * MINUTE
    assert session.problems() == []


@pytest.mark.parametrize(("account", "is_known"), [("DU1", True), ("DU3", False)])
async def test_a_session_goes_on_where_another_run_left_off(
    tws: ScriptedTws, begin: Connect, account: str, is_known: bool
) -> None:
    clock = on_that_day(tws)
    tws.fills = [execution("b.01", when="20251102 01:10:00 US/Eastern")]
    session = await begin(clock=clock, fills_known_until={account: SECOND - 25 * MINUTE})
    await session.broker.connected(5)
    (late,) = (await session.broker.executions(5)).fills
    assert late.time == (SECOND if is_known else FIRST) - 20 * MINUTE
    assert bool(session.problems()) is not is_known


SPOILED = execution("x.01", "NaN", when="20251102 01:05:00 US/Eastern")
UNKNOWN = ["999", "what a message this is"]


@pytest.mark.parametrize("spoiled", [SPOILED, UNKNOWN])
async def test_an_answer_of_which_a_part_could_not_be_read_says_nothing(
    tws: ScriptedTws, connect: Connect, spoiled: Fields
) -> None:
    """What could not be read may have been the very fill that is not there."""
    clock = on_that_day(tws)
    session = await connect(clock=clock)
    await session.until(lambda: session.broker.state.clock_skew is not None)
    tws.fills = [spoiled]
    assert not (await session.broker.executions(5)).is_whole
    tws.fills = [execution("b.01", when="20251102 01:10:00 US/Eastern")]
    answer = await session.broker.executions(5)
    assert answer.fills[0].time == FIRST - 20 * MINUTE
    assert "the first is taken" in session.problems()[-1]
    assert answer.is_whole


async def test_an_answer_that_came_before_the_time_at_the_broker_says_nothing(
    tws: ScriptedTws, connect: Connect
) -> None:
    """Our clock may be an hour ahead."""
    del tws.answers[CURRENT_TIME]
    session = await connect()
    assert not (await session.broker.executions(5)).is_whole
