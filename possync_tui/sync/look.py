"""One careful look at the broker: executions, snapshot, executions, until nothing moved between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from possync_tui.broker.port import (
    BrokerPort,
    BrokerTimeout,
    Executions,
    RequestRefused,
    SnapshotRefused,
)
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Fill, Observed, Recorded, Snapshot
from possync_tui.domain.values import dataclass

logger = logging.getLogger(__name__)

MOST_LOOKS = 3
# Executions before and after each snapshot, and perhaps a new session. Each wait for TWS has a time
# limit of its own; this one is for what should not happen, such as a disk that hangs.
_MOST_WAITS = 2 * MOST_LOOKS + 2
_A_DAY = timedelta(days=1)
Record = Callable[[tuple[Observed, ...]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Look:
    """A complete snapshot and the fills around it.

    `known_seq` is the place in the inbox up to which everything came before the snapshot began.
    Positions `in_motion` traded while it was taken. With `all_fills`, nothing keeps from the ledger
    what happened before it on that day.
    """

    snapshot: Snapshot
    known_seq: int
    in_motion: frozenset[PositionKey]
    fills_known: bool
    all_fills: bool


async def look_at(
    broker: BrokerPort, record: Record, *, timeout: float, settled: bool = True
) -> Look:
    """Take a snapshot that the known fills bracket. TWS has `timeout` seconds for each answer.

    A fill that lands in between means another snapshot, not a guess; where they never stop, the
    positions that moved are named instead. `record` stores observations and returns the place of
    the newest one in the inbox. Without an answer to `reqExecutions` the look goes on: it degrades
    P&L to estimates and closes nothing. A first look (`settled`) waits for one: what was held
    before is the snapshot less the day's fills, and half of those would make up a position (see
    `refuse_half_a_day` for an answer that is an error).
    Raises `BrokerError`.
    """
    limit = _MOST_WAITS * timeout
    try:
        async with asyncio.timeout(limit):
            return await _look(broker, record, timeout, settled=settled)
    except TimeoutError:
        raise BrokerTimeout(f"The look at TWS was not over within {limit:g} s.") from None


async def _look(broker: BrokerPort, record: Record, timeout: float, *, settled: bool) -> Look:
    before, answered = await _executions(broker, timeout, needed=settled)
    known_seq = await record((*before.fills, *before.commissions))
    moved: frozenset[PositionKey] = frozenset()
    for _ in range(MOST_LOOKS):
        snapshot = await broker.snapshot(timeout)
        if not answered:
            return Look(snapshot, known_seq, frozenset(), fills_known=False, all_fills=False)
        after, answered = await _executions(broker, timeout, needed=settled)
        newest = await record((*after.fills, *after.commissions))
        moved = _new_in(before, after)
        if not moved:
            break
        logger.debug("%d positions traded during the snapshot: looking again", len(moved))
        before, known_seq = after, newest
    if settled and moved:
        raise SnapshotRefused(
            "Fills kept landing while the first snapshot was taken; the next sync takes another."
        )
    return Look(snapshot, known_seq, moved, answered, all_fills=answered and after.is_whole)


def refuse_half_a_day(
    look: Look,
    first_seen: Iterable[str],
    histories: Mapping[PositionKey, Sequence[Recorded]],
) -> None:
    """Raise `SnapshotRefused` where a first look knows some fills of the day, and not the others.

    What was held before would be the snapshot less those: a position that never was. Where none is
    known, all that is held counts as held before, which is true enough.
    """
    accounts = frozenset(first_seen)
    if look.fills_known:
        return
    since = look.snapshot.as_of - _A_DAY
    for key, history in histories.items():
        fills = (item.observation for item in history if isinstance(item.observation, Fill))
        if key.account in accounts and any(fill.time > since for fill in fills):
            raise SnapshotRefused(
                "TWS refused to send the day's fills, of which some are known already; the first"
                " snapshot needs all of them. The next sync asks again."
            )


def _new_in(before: Executions, after: Executions) -> frozenset[PositionKey]:
    known = {fill.exec_id for fill in before.fills}
    return frozenset(fill.key for fill in after.fills if fill.exec_id not in known)


async def _executions(
    broker: BrokerPort, timeout: float, *, needed: bool
) -> tuple[Executions, bool]:
    """Today's fills, and whether the broker answered at all."""
    try:
        return await broker.executions(timeout), True
    except RequestRefused as refused:
        logger.warning("fills could not be read (%s); P&L may be estimated", refused)
    except BrokerTimeout:
        if needed:
            raise SnapshotRefused(
                "TWS did not send the day's fills, which the first snapshot needs;"
                " the next sync asks again."
            ) from None
        # The session was thrown away with its late answer; the snapshot needs a new one.
        logger.warning("TWS did not answer the request for fills; P&L may be estimated")
        await broker.connected(timeout)
    return Executions((), ()), False
