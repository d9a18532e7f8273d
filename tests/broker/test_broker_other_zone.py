"""Fill times without a zone, written by a TWS that is in another one than it is taken to be in."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from possync_tui.broker.fill_times import FillTimes
from possync_tui.broker.options import SessionOptions
from possync_tui.broker.session import IbkrBroker
from possync_tui.domain.clock import SystemClock
from possync_tui.ledger.port import EntryQuery, LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.events import LogLine, SyncEvent
from possync_tui.sync.policy import SyncPolicy
from tests.broker.scripted import ScriptedTws, commission, execution, position

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2025, 4, 15, 16, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def written(moment: datetime) -> str:
    """As a TWS in New York writes it."""
    return f"{moment.astimezone(NEW_YORK):%Y%m%d  %H:%M:%S}"


class Reader:
    """Reads what a TWS in New York tells."""

    def __init__(self, zone: str = "UTC") -> None:
        self.times = FillTimes(ZoneInfo(zone))
        self.count = 0

    def pushed(
        self, moment: datetime, after: timedelta = SECOND, *, knows_clock: bool = True
    ) -> tuple[datetime, str]:
        self.count += 1
        name, told = f"pushed {self.count}", written(moment)
        return self.times.read(
            "DU1", name, told, moment + after, is_pushed=True, knows_clock=knows_clock
        )

    def asked(
        self, moment: datetime, name: str = "asked", received: datetime = NOON + 5 * HOUR
    ) -> tuple[datetime, str]:
        return self.times.read("DU1", name, written(moment), received, is_pushed=False)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "US/Pacific"])
def test_pushed_fills_show_the_zone_which_is_told_once(zone: str) -> None:
    reader = Reader(zone)
    moment, told = reader.pushed(NOON)
    assert moment == NOON
    assert "IBKR_TIMEZONE" in told
    assert reader.pushed(NOON + HOUR, 40 * SECOND) == (NOON + HOUR, "")
    # The same fill when it is asked for, and one that was never pushed, of another client.
    assert reader.asked(NOON, "pushed 1") == (NOON, "")
    assert reader.asked(NOON - HOUR) == (NOON - HOUR, "")


def test_what_was_read_before_that_is_read_alike_after_it() -> None:
    reader = Reader()
    early, _ = reader.asked(NOON - HOUR)
    assert early == NOON - 5 * HOUR
    reader.pushed(NOON)
    assert reader.asked(NOON - HOUR) == (early, "")


def test_a_fill_that_is_pushed_late_is_an_old_one() -> None:
    for late in (7 * MINUTE, 3 * HOUR + 10 * MINUTE):
        assert Reader("America/New_York").pushed(NOON, late) == (NOON, "")
    # Also by whole hours, where another fill has shown that the zone is right,
    reader = Reader("America/New_York")
    reader.pushed(NOON)
    assert reader.pushed(NOON + MINUTE, 3 * HOUR) == (NOON + MINUTE, "")
    # and by what lies between no two zones: 04:15 behind UTC.
    assert Reader("America/New_York").pushed(NOON, 15 * MINUTE) == (NOON, "")


def test_a_zone_that_is_right_again_is_read_as_it_stands() -> None:
    reader = Reader()
    reader.pushed(NOON)
    reader.times.default_zone = NEW_YORK
    assert reader.pushed(NOON + MINUTE) == (NOON + MINUTE, "")
    assert reader.asked(NOON + 2 * MINUTE) == (NOON + 2 * MINUTE, "")


def test_a_clock_is_put_forward_on_another_day_than_here() -> None:
    """New York does on 9 March 2025, London three weeks later."""
    reader = Reader("Europe/London")
    friday = datetime(2025, 3, 7, 20, tzinfo=UTC)
    assert reader.pushed(friday)[0] == friday
    monday = friday + timedelta(days=3)
    moment, told = reader.pushed(monday)
    assert moment == monday
    assert "4 h earlier" in told


def test_nothing_is_learned_before_the_time_at_the_broker_is_known() -> None:
    """Our clock may be hours ahead."""
    reader = Reader("America/New_York")
    assert reader.pushed(NOON, 3 * HOUR, knows_clock=False) == (NOON, "")
    assert reader.asked(NOON - HOUR) == (NOON - HOUR, "")


@pytest.mark.usefixtures("utc")
async def test_a_position_sold_at_a_tws_in_another_zone_is_closed_by_its_fills(
    tws: ScriptedTws, tmp_path: Path
) -> None:
    tws.rows = [position("100", "10"), position("5", con_id=7, symbol="B")]
    clock, lines = SystemClock(), list[str]()

    async def opened() -> LedgerPort:
        return await open_ledger(tmp_path / "ledger.sqlite3", clock=clock)

    def heard(event: SyncEvent) -> None:
        if isinstance(event, LogLine):
            lines.append(event.text)

    engine = Engine(
        broker=IbkrBroker(SessionOptions(port=tws.port)),
        open_ledger=opened,
        policy=SyncPolicy(grace=0.1),
        clock=clock,
    )
    engine.bus.subscribe(heard)
    await engine.start()
    await engine.connected(5)
    async with asyncio.timeout(5):
        while engine.connection.clock_skew is None:  # noqa: ASYNC110 - any state at all
            await asyncio.sleep(0.01)
    assert (await engine.sync_now()).ok
    # Fills of the very second of a snapshot may be in it or not.
    await asyncio.sleep(1.1)
    sold = [
        execution(f"000{n}.01", units, "12", side="SLD", when=written(clock.now()))
        for n, units in ((1, "40"), (2, "60"))
    ]
    reports = [commission(f"000{n}.01") for n in (1, 2)]
    for fill, report, left in zip(sold, reports, ("60", "0"), strict=True):
        tws.fills += [fill, report]
        tws.rows[0] = position(left, "10" if left != "0" else "0")
        tws.send(fill, report, tws.rows[0])
    await asyncio.sleep(0.1)
    del tws.rows[0]
    assert (await engine.sync_now()).ok
    entries = await engine.reads.entries(EntryQuery())
    assert [(e.kind, e.quantity_closed) for e in entries] == [
        ("FILL", Decimal(60)),
        ("FILL", Decimal(40)),
    ]
    views = await engine.reads.positions(include_closed=True)
    assert {view.con_id: view.status for view in views} == {265598: "CLOSED", 7: "OPEN"}
    assert len([line for line in lines if "IBKR_TIMEZONE" in line]) == 1
    await engine.stop()
