"""One careful look at the broker: executions, snapshot, executions, until nothing moved between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from possync_tui.broker.port import (
    BrokerPort,
    BrokerTimeout,
    Executions,
    RequestRefused,
    SnapshotRefused,
)
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.look import Rules
from possync_tui.domain.observations import Fill, Observed, Recorded, Snapshot
from possync_tui.domain.values import dataclass

logger = logging.getLogger(__name__)

MOST_LOOKS = 3
# Executions before and after each snapshot, and perhaps a new session. Each wait for TWS has a time
# limit of its own; this one is for what should not happen, such as a disk that hangs.
_MOST_WAITS = 2 * MOST_LOOKS + 2
_A_DAY = timedelta(days=1)
_NONE = Executions((), ())
_NO_FILLS = (
    "TWS did not send the day's fills, which the first snapshot needs; the next sync asks again."
)
_STILL_TRADING = (
    "Fills kept landing while the first snapshot was taken; the next sync takes another."
)
_HALF_A_DAY = (
    "TWS refused to send the day's fills, of which some are known already; the first snapshot needs"
    " all of them. The next sync asks again."
)
Record = Callable[[tuple[Observed, ...]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Look:
    """A complete snapshot and the fills around it.

    `known_seq` is the place in the inbox up to which everything came before the snapshot began.
    Positions `in_motion` traded while it was taken. With `all_fills`, nothing keeps from the ledger
    what happened before it on that day. Of a TWS that `is_silent` came neither fills nor a refusal.
    """

    snapshot: Snapshot
    known_seq: int
    in_motion: frozenset[PositionKey]
    fills_known: bool
    all_fills: bool
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    """Today's fills, and whether TWS answered at all: by sending them, or by refusing to."""

    executions: Executions
    is_sent: bool
    is_silent: bool = False

    @property
    def observed(self) -> tuple[Observed, ...]:
        return (*self.executions.fills, *self.executions.commissions)


async def look_at(broker: BrokerPort, record: Record, *, timeout: float) -> Look:
    """Take a snapshot that the known fills bracket. TWS has `timeout` seconds for each answer.

    A fill that lands in between means another snapshot, not a guess; where they never stop, the
    positions that moved are named instead. `record` stores observations and returns the place of
    the newest one in the inbox. Without an answer to `reqExecutions` the look goes on: it degrades
    P&L to estimates, closes nothing, and may be no first look (see `unsettled`).
    Raises `BrokerError`.
    """
    limit = _MOST_WAITS * timeout
    try:
        async with asyncio.timeout(limit):
            return await _look(broker, record, timeout)
    except TimeoutError:
        raise BrokerTimeout(f"The look at TWS was not over within {limit:g} s.") from None


async def _look(broker: BrokerPort, record: Record, timeout: float) -> Look:
    told = await _executions(broker, timeout)
    newest = await record(told.observed)
    moved: frozenset[PositionKey] = frozenset()
    for _ in range(MOST_LOOKS):
        known_seq = newest
        snapshot = await broker.snapshot(timeout)
        if not told.is_sent:
            break
        before, told = told, await _executions(broker, timeout)
        newest = await record(told.observed)
        moved = _new_in(before.executions, told.executions)
        if not moved:
            break
        logger.debug("%d positions traded during the snapshot: looking again", len(moved))
    return Look(
        snapshot,
        known_seq,
        moved,
        fills_known=told.is_sent,
        all_fills=told.is_sent and told.executions.is_whole,
        is_silent=told.is_silent,
    )


def unsettled(
    look: Look,
    first_seen: Collection[str],
    histories: Mapping[PositionKey, Sequence[Recorded]],
) -> dict[str, str]:
    """Which of the accounts that are seen first cannot be taken up by this look, each with why.

    What was held before is the snapshot less the day's fills: half of those would make up a
    position that never was. Where TWS refuses to send them, and none is known, all that is held
    counts as held before, which is true enough.
    """
    if look.is_silent:
        return dict.fromkeys(first_seen, _NO_FILLS)
    traded = {key.account for key in look.in_motion}
    found = {account: _STILL_TRADING for account in first_seen if account in traded}
    if not look.fills_known:
        since = look.snapshot.as_of - _A_DAY
        found |= {
            key.account: _HALF_A_DAY
            for key, history in histories.items()
            if key.account in first_seen and _has_fill(history, since)
        }
    return found


def _has_fill(history: Sequence[Recorded], since: datetime) -> bool:
    fills = (item.observation for item in history if isinstance(item.observation, Fill))
    return any(fill.time > since for fill in fills)


def put_off(rules: Rules, covered: Collection[str], waiting: Mapping[str, str]) -> Rules:
    """The rules without the accounts that have to wait for their first look.

    Raises `SnapshotRefused` where no other is left.
    """
    if not waiting:
        return rules
    left = tuple(code for code in covered if code not in waiting)
    if not left:
        raise SnapshotRefused(next(iter(waiting.values())))
    return replace(rules, watched=left)


def _new_in(before: Executions, after: Executions) -> frozenset[PositionKey]:
    known = {fill.exec_id for fill in before.fills}
    return frozenset(fill.key for fill in after.fills if fill.exec_id not in known)


async def _executions(broker: BrokerPort, timeout: float) -> _Told:
    try:
        return _Told(await broker.executions(timeout), is_sent=True)
    except RequestRefused as refused:
        logger.warning("fills could not be read (%s); P&L may be estimated", refused)
        return _Told(_NONE, is_sent=False)
    except BrokerTimeout:
        # The session was thrown away with its late answer; the snapshot needs a new one.
        logger.warning("TWS did not answer the request for fills; P&L may be estimated")
        await broker.connected(timeout)
        return _Told(_NONE, is_sent=False, is_silent=True)
