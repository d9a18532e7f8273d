"""Keys in the moment before the engine is loaded: kept for it and told, never lost in silence."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import pytest

from possync_tui.cli import coming
from possync_tui.cli.coming import EngineToCome, Standing
from possync_tui.domain.connection import ConnectionState, Phase
from possync_tui.domain.runs import SyncStats
from possync_tui.sync.events import Arming, LogLine, SyncEvent
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock

if TYPE_CHECKING:
    from possync_tui.sync.engine import Engine


class Startable(FakeEngine):
    """An engine that notes what it was asked, in order."""

    def __init__(self) -> None:
        super().__init__(FixedClock())
        self.asked: list[str] = []
        self.has_session = False

    async def start(self) -> None:
        self.asked.append("start")

    async def stop(self) -> None:  # type: ignore[override]
        self.asked.append("stop")

    def arm(self, armed: bool) -> Arming:
        self.asked.append(f"arm {armed}")
        return super().arm(armed)

    def reconnect_now(self) -> None:
        self.asked.append("reconnect")

    def pause_reconnecting(self) -> bool:
        self.asked.append("pause")
        return not self.has_session


class Start:
    """A start that is held until `go`, and the lines that the log would show."""

    def __init__(self) -> None:
        self.engine = Startable()
        self.lines: list[str] = []
        self.loading = threading.Event()
        state = ConnectionState(Phase.DISCONNECTED, "127.0.0.1", 7497, 71, NOW)
        standing = Standing(state, None, SyncStats(), Arming(False, False), True, 300)
        self.to_come = EngineToCome(lambda bus: cast("Engine", self.engine), standing)
        self.to_come.bus.subscribe(self._take)

    def _take(self, event: SyncEvent) -> None:
        if isinstance(event, LogLine):
            self.lines.append(event.text)

    async def go(self) -> list[str]:
        self.loading.set()
        await self.to_come.there()
        return self.engine.asked


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    start = Start()
    monkeypatch.setattr(coming, "_load", lambda: start.loading.wait(10))
    yield start
    start.loading.set()
    await start.to_come.stop()


async def test_arming_waits_for_the_engine_and_is_not_shown_before(start: Start) -> None:
    waiting = asyncio.ensure_future(start.to_come.there())
    assert not start.to_come.arm(True).armed
    assert not start.to_come.arming.armed
    assert start.lines == ["missing→closed is armed as soon as the program is loaded"]
    assert await start.go() == ["start", "arm True"]
    await waiting
    assert (await start.to_come.there()).arming.armed


async def test_the_last_word_about_a_thing_counts(start: Start) -> None:
    start.to_come.arm(True)
    start.to_come.arm(False)
    assert start.to_come.pause_reconnecting()
    start.to_come.reconnect_now()
    assert await start.go() == ["start", "arm False"]
    assert start.lines[-1] == "connecting as soon as the program is loaded"


async def test_a_pause_waits_for_the_engine(start: Start) -> None:
    assert start.to_come.pause_reconnecting()
    assert start.lines == ["connecting is paused as soon as the program is loaded"]
    assert await start.go() == ["start", "pause"]


async def test_a_pause_that_comes_too_late_is_told(start: Start) -> None:
    start.engine.has_session = True
    start.to_come.pause_reconnecting()
    await start.go()
    assert start.lines[-1] == "there is a session, so nothing to pause"


async def test_nothing_is_asked_of_a_second_instance(start: Start) -> None:
    start.engine.is_read_only = True
    start.to_come.arm(True)
    assert await start.go() == ["start"]
    assert "another instance writes the ledger" in start.lines[-1]


async def test_garbage_is_looked_for_in_steps_until_the_end(start: Start) -> None:
    before = gc.get_threshold()
    await start.go()
    assert gc.isenabled()
    assert gc.get_threshold() != before
    await start.to_come.stop()
    assert gc.get_threshold() == before


async def test_once_loaded_the_engine_itself_is_asked(start: Start) -> None:
    await start.go()
    assert start.to_come.arm(True).armed
    start.to_come.reconnect_now()
    assert start.engine.asked == ["start", "arm True", "reconnect"]
    assert not start.lines
