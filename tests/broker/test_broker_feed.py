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
        self.subscribed: list[tuple[int, int]] = []

    def next_request_id(self) -> int:
        return len(self.subscribed) + 1

    def request_pnl(self, request_id: int, account: str, con_id: int) -> None:
        self.subscribed.append((request_id, con_id))

    def cancel_pnl(self, request_id: int) -> None: ...

    def request_portfolio(self, account: str) -> None:
        self.asked.append((self._clock.seconds, account))


@asynccontextmanager
async def feed_of(
    *accounts: str, con_ids: tuple[int, ...] = (265598,), most: int = 0
) -> AsyncIterator[tuple[MarksFeed, FastClock, Wire]]:
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
        max_subscriptions=most,
        portfolio_interval=INTERVAL,
        until_idle=is_idle,
    )
    feed.watch(frozenset(PositionKey(account, n) for account in accounts for n in con_ids))
    tasks = {
        asyncio.create_task(feed.rotate_portfolios()),
        asyncio.create_task(feed.subscribe_all()),
    }
    try:
        yield feed, clock, wire
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


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


async def test_an_account_that_was_left_alone_is_asked_again_later() -> None:
    """Also the only one: no sync that changes something has to come before."""
    async with feed_of("DU1") as (feed, clock, wire):
        await passes(clock, 1)
        feed.shun_portfolio()
        assert len(wire.asked) == 1
        await passes(clock, 3600)
        assert len(wire.asked) > 2


async def test_the_place_of_a_refused_subscription_is_used() -> None:
    async with feed_of("DU1", con_ids=(1, 2), most=1) as (feed, clock, wire):
        await passes(clock, 60)
        assert [con_id for _, con_id in wire.subscribed] == [1]
        assert feed.refuse(wire.subscribed[0][0])
        await passes(clock, 60)
        assert [con_id for _, con_id in wire.subscribed] == [1, 2]
