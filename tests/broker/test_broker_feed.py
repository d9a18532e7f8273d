"""When the portfolio of the only account is asked for, hours of it at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from possync_tui.broker.context import SessionContext
from possync_tui.broker.feed import MarksFeed
from possync_tui.broker.marks import MarkBook
from possync_tui.broker.rows import RowReader
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import FRESH_SECONDS

INTERVAL = 15.0


class FastClock:
    """Whoever sleeps gets there at once, and has then waited."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 15, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self._moved.set()
        await asyncio.sleep(0)

    async def reaches(self, seconds: float) -> None:
        while self.seconds < seconds:
            self._moved.clear()
            await self._moved.wait()


class Wire:
    """Notes when which account was asked for."""

    def __init__(self, clock: FastClock) -> None:
        self._clock = clock
        self.asked: list[tuple[float, str]] = []

    def next_request_id(self) -> int:
        return 1

    def request_pnl(self, request_id: int, account: str, con_id: int) -> None: ...

    def cancel_pnl(self, request_id: int) -> None: ...

    def request_portfolio(self, account: str) -> None:
        self.asked.append((self._clock.seconds, account))


@asynccontextmanager
async def feed_of(*accounts: str) -> AsyncIterator[tuple[MarksFeed, FastClock, Wire]]:
    clock = FastClock()
    wire = Wire(clock)

    async def is_idle() -> None: ...

    feed = MarksFeed(
        SessionContext(
            "one", lambda _: None, clock.now, lambda _: None, lambda: None, lambda: True
        ),
        wire,
        RowReader(),
        MarkBook(),
        clock,
        max_subscriptions=0,
        portfolio_interval=INTERVAL,
        until_idle=is_idle,
    )
    feed.watch(frozenset(PositionKey(account, 265598) for account in accounts))
    task = asyncio.create_task(feed.rotate_portfolios())
    try:
        yield feed, clock, wire
    finally:
        task.cancel()
        await asyncio.wait({task})


async def passes(clock: FastClock, seconds: float) -> None:
    await clock.reaches(clock.seconds + seconds)


async def test_the_only_account_is_asked_again_before_its_marks_count_as_old() -> None:
    async with feed_of("DU1") as (_, clock, wire):
        await passes(clock, 3600)
    times = [at for at, _ in wire.asked]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(waits) > 10
    assert max(waits) < FRESH_SECONDS
    # Not on every turn either: its answer is a row for each position.
    assert min(waits) > 2 * INTERVAL


async def test_several_accounts_keep_taking_turns() -> None:
    async with feed_of("DU1", "DU2") as (_, clock, wire):
        await passes(clock, 600)
    names = [name for _, name in wire.asked]
    assert names == [("DU1", "DU2")[turn % 2] for turn in range(len(names))]
    assert len(names) >= 600 / INTERVAL


async def test_what_tws_has_forgotten_is_asked_for_at_the_next_turn() -> None:
    async with feed_of("DU1") as (feed, clock, wire):
        await passes(clock, 1)
        assert len(wire.asked) == 1
        feed.resubscribe()
        forgotten_at = clock.seconds
        await passes(clock, INTERVAL + 1)
        assert len(wire.asked) == 2
        assert wire.asked[1][0] - forgotten_at <= INTERVAL
