"""Asks TWS for live values, slowly enough that a snapshot never waits behind them."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from possync_tui.broker.context import SessionContext
from possync_tui.broker.marks import MarkBook, in_money, same_amounts, scale_doubt
from possync_tui.broker.port import MarkChanged, Notice
from possync_tui.broker.rows import (
    PortfolioValue,
    RowReader,
    UnreadableRow,
    pnl_value,
    portfolio_value,
)
from possync_tui.domain.clock import Clock
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import FRESH_SECONDS, Mark
from possync_tui.domain.observations import PositionRow

logger = logging.getLogger(__name__)

PACE_SECONDS: Final = 0.05
"""Between two requests: 20 a second leave more than half of what TWS allows to everything else."""

_SHUNNED_SECONDS: Final = 600.0
_ACCOUNT_VALUE_FIELDS: Final = 6
_FIRST_SECONDS: Final = 3.0
# TWS tells of changes of the account it was last asked for; asking again shows that the rest is
# as it was, in time before a mark counts as old.
_ASKED_AGAIN_SECONDS: Final = 0.75 * FRESH_SECONDS
_RETOLD_AFTER: Final = timedelta(seconds=15)


class FeedWire(Protocol):
    """What the feed sends."""

    def next_request_id(self) -> int: ...
    def request_pnl(self, request_id: int, account: str, con_id: int) -> None: ...
    def cancel_pnl(self, request_id: int) -> None: ...
    def request_portfolio(self, account: str) -> None: ...


class MarksFeed:
    """The live values of one session: subscribes what is watched, cancels what no longer is."""

    def __init__(
        self,
        context: SessionContext,
        wire: FeedWire,
        reader: RowReader,
        book: MarkBook,
        clock: Clock,
        *,
        max_subscriptions: int,
        portfolio_interval: float,
        until_idle: Callable[[], Awaitable[None]],
    ) -> None:
        self._context = context
        self._wire = wire
        self._reader = reader
        self._book = book
        self._clock = clock
        self._max_subscriptions = max_subscriptions
        self._portfolio_interval = portfolio_interval
        self._until_idle = until_idle
        self._watched: frozenset[PositionKey] = frozenset()
        self._watched_accounts: frozenset[str] = frozenset()
        # What is left to ask for, a heap and what is in it, and to cancel. Of thousands that wait
        # here only those are touched that come and go; who has gone meanwhile is passed over.
        self._due: list[PositionKey] = []
        self._lined_up: set[PositionKey] = set()
        self._over: list[PositionKey] = []
        self._ids: dict[PositionKey, int] = {}
        self._keys: dict[int, PositionKey] = {}
        self._told: dict[PositionKey, datetime] = {}
        self._scaled: set[PositionKey] = set()
        self._shunned_until: dict[str, float] = {}
        self._portfolio_account = ""
        self._portfolio_asked_at = -math.inf
        self._asked: set[str] = set()
        self._news = asyncio.Event()
        self._account_news = asyncio.Event()

    def watch(self, keys: frozenset[PositionKey]) -> None:
        """These positions from now on; what changes for that is sent in the background."""
        come, gone = keys - self._watched, self._watched - keys
        if not come and not gone:
            return
        self._watched_accounts = frozenset(key.account for key in keys)
        self._watched = keys
        self._over += gone & self._ids.keys()
        for key in come - self._ids.keys() - self._lined_up:
            if key.con_id:
                self._lined_up.add(key)
                heappush(self._due, key)
        self._news.set()
        self._account_news.set()

    def resubscribe(self) -> None:
        """TWS has forgotten its subscriptions (1101): ask for all of them again."""
        self._ids.clear()
        self._keys.clear()
        self._shunned_until.clear()
        self._portfolio_asked_at = -math.inf
        self._over.clear()
        self._due = [key for key in self._watched if key.con_id]
        heapify(self._due)
        self._lined_up = set(self._due)
        self._news.set()
        self._account_news.set()

    async def subscribe_all(self) -> None:
        """Keep the P&L subscriptions equal to what is watched; runs until cancelled."""
        while True:
            if self._one_step():
                await self._clock.sleep(PACE_SECONDS)
                continue
            self._news.clear()
            await self._news.wait()

    def _one_step(self) -> bool:
        """Send one request, if one is due. Cancels go first, to stay below the limit."""
        while self._over:
            key = self._over.pop()
            # TWS may have refused it meanwhile, or it is back.
            if key not in self._watched and (request_id := self._ids.pop(key, None)) is not None:
                del self._keys[request_id]
                self._wire.cancel_pnl(request_id)
                return True
        while self._due and len(self._ids) < self._max_subscriptions:
            key = heappop(self._due)
            self._lined_up.discard(key)
            if key in self._watched and key not in self._ids:
                request_id = self._wire.next_request_id()
                self._ids[key], self._keys[request_id] = request_id, key
                self._wire.request_pnl(request_id, key.account, key.con_id)
                return True
        return False

    async def rotate_portfolios(self) -> None:
        """Ask for the portfolio of one account after the other; runs until cancelled."""
        while True:
            account = self._next_account()
            if account is None and self._watched_accounts:
                # All of them are left alone for a while: nobody tells when that is over.
                await self._clock.sleep(self._portfolio_interval)
                continue
            if account is None:
                self._account_news.clear()
                await self._account_news.wait()
                continue
            if self._is_telling(account):
                await self._clock.sleep(self._portfolio_interval)
                continue
            # Errors of these requests name no request, so none shares its time with a snapshot.
            await self._until_idle()
            self._portfolio_account = account
            self._portfolio_asked_at = self._clock.monotonic()
            self._wire.request_portfolio(account)
            # Each account once soon: until then its rates and portfolio prices are unknown.
            is_first = account not in self._asked
            self._asked.add(account)
            interval = self._portfolio_interval
            await self._clock.sleep(min(_FIRST_SECONDS, interval) if is_first else interval)

    def _is_telling(self, account: str) -> bool:
        """Whether TWS goes on with this account unasked, as with the last one it was asked for."""
        age = self._clock.monotonic() - self._portfolio_asked_at
        return account == self._portfolio_account and age < _ASKED_AGAIN_SECONDS

    def _next_account(self) -> str | None:
        """The account whose turn it is: the one after the last, round and round."""
        now = self._clock.monotonic()
        accounts = sorted(
            account
            for account in self._watched_accounts
            if self._shunned_until.get(account, now) <= now
        )
        later = (account for account in accounts if account > self._portfolio_account)
        return next(later, accounts[0] if accounts else None)

    def shun_portfolio(self) -> None:
        """The account whose turn it is does not get values (2101, 321): leave it for a while."""
        if self._portfolio_account:
            until = self._clock.monotonic() + _SHUNNED_SECONDS
            self._shunned_until[self._portfolio_account] = until

    def refuse(self, request_id: int) -> bool:
        """An error for one of our subscriptions: do without it. False if it is not ours."""
        key = self._keys.pop(request_id, None)
        if key is None:
            return False
        del self._ids[key]
        # Its place is another's now.
        self._news.set()
        return True

    def on_pnl(self, fields: list[str]) -> None:
        """Message 95."""
        try:
            value = pnl_value(fields)
        except UnreadableRow as bad:
            logger.info("a live value was left out: %s", bad)
            return
        key = self._keys.get(value.request_id)
        if key is None:
            return
        before = self._book.marks.get(key)
        row = self._reader.latest(key)
        self._tell(before, self._book.take_pnl(key, value, row, self._context.broker_now()))

    def on_portfolio(self, fields: list[str]) -> None:
        """Message 7."""
        try:
            value = portfolio_value(fields)
        except UnreadableRow as bad:
            logger.info("a live value was left out: %s", bad)
            return
        if value.key not in self._watched:
            return
        row = self._reader.latest(value.key)
        value = in_money(value, row)
        self._check_scale(value, row)
        before = self._book.marks.get(value.key)
        self._tell(before, self._book.take_portfolio(value, self._context.broker_now()))

    def _check_scale(self, value: PortfolioValue, row: PositionRow | None) -> None:
        """Say once where TWS values a position by another unit than multiplier and price factor."""
        if row is None or row.instrument.is_virtual_cash or value.key in self._scaled:
            return
        told = scale_doubt(value, row)
        if told:
            self._scaled.add(value.key)
            self._context.emit(Notice(None, told, is_problem=True))

    def on_account_value(self, fields: list[str]) -> None:
        """Message 6: `key, value, currency, account`."""
        if len(fields) < _ACCOUNT_VALUE_FIELDS:
            logger.info("an account value was left out: it has %s fields", len(fields))
            return
        name, value, currency, account = fields[2:6]
        if account in self._watched_accounts:
            at = self._context.broker_now()
            self._book.rate_book.take(account, name, value, currency, at)

    def _tell(self, before: Mark | None, mark: Mark) -> None:
        told_at = self._told.get(mark.key)
        is_fresh_news = told_at is None or mark.at - told_at >= _RETOLD_AFTER
        if is_fresh_news or not same_amounts(before, mark):
            self._told[mark.key] = mark.at
            self._context.emit(MarkChanged(mark))
