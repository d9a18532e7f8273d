"""A broker session on a scripted TWS, with everything that it told."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import pytest

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.port import BrokerEvent, Notice, StateChanged
from possync_tui.broker.session import Admit, IbkrBroker
from possync_tui.domain.clock import Clock
from possync_tui.domain.connection import Phase
from tests.broker.scripted import ScriptedTws

Event = TypeVar("Event")

# Quick, so that a test of a time limit is over soon; far above what a loaded machine needs.
QUICK = SessionOptions(
    connect_timeout=2.0,
    heartbeat_interval=0.05,
    heartbeat_timeout=2.0,
    first_retry=0.02,
    longest_retry=0.1,
    portfolio_interval=0.05,
)


class Session:
    """A broker under test and what it told."""

    def __init__(self, broker: IbkrBroker) -> None:
        self.broker = broker
        self.events: list[BrokerEvent] = []
        broker.subscribe(self.events.append)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def phases(self) -> list[Phase]:
        """The phases gone through, each once in a row."""
        phases = [event.state.phase for event in self.of(StateChanged)]
        return [p for i, p in enumerate(phases) if i == 0 or p is not phases[i - 1]]

    def problems(self) -> list[str]:
        return [notice.text for notice in self.of(Notice) if notice.is_problem]

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait, at most five seconds, until something is so."""
        try:
            async with asyncio.timeout(5):
                while not condition():  # noqa: ASYNC110 - any condition at all
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"never happened: {what or condition}") from None

    async def until_phase(self, phase: Phase) -> None:
        await self.until(lambda: self.broker.state.phase is phase, str(phase))


Connect = Callable[..., Awaitable[Session]]


@pytest.fixture
async def tws() -> AsyncIterator[ScriptedTws]:
    """A scripted TWS that listens."""
    server = ScriptedTws()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def begin(tws: ScriptedTws) -> AsyncIterator[Connect]:
    """Starts broker sessions on the scripted TWS and stops them at the end."""
    sessions: list[Session] = []

    async def start(
        *,
        clock: Clock | None = None,
        admit: Admit | None = None,
        port: int | None = None,
        fills_known_until: Mapping[str, datetime] | None = None,
        **settings: Any,  # noqa: ANN401 - fields of SessionOptions
    ) -> Session:
        at = replace(QUICK, port=port or tws.port, **settings)
        session = Session(IbkrBroker(at, clock=clock, rng=random.Random(1), admit=admit))
        sessions.append(session)
        await session.broker.start(fills_known_until)
        return session

    yield start
    for session in sessions:
        await session.broker.stop()


@pytest.fixture
def connect(begin: Connect) -> Connect:
    """As `begin`, and waits until the session is connected."""

    async def start(**settings: Any) -> Session:  # noqa: ANN401 - as `begin`
        session = await begin(**settings)
        await session.broker.connected(5)
        return session

    return start
