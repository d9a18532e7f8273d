"""What can be held against the program and its ledger after every step, in the midst of faults.

The cheap part is checked in every world. The dear part (all of `verify`, runs against the journal,
realized P&L, what memory holds after more syncs) is checked in one world of eight, and by command
in each (`--full`).
"""

import asyncio
import gc
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from possync_tui.broker.port import Executions
from possync_tui.broker.session import IbkrBroker
from possync_tui.domain.observations import Fill, Observed
from possync_tui.domain.runs import Trigger
from possync_tui.sync.engine import Engine
from possync_tui.sync.service import PositionSyncService
from tests.simulation.broken import InvariantBroken

if TYPE_CHECKING:
    from tests.simulation.world import World

FULL_ONE_IN = 8

MOST_TASKS = 40
"""One of each kind, however long a program runs, and few writes and waits of each."""
_MOST_UNREAD = 1_000_000
_QUIET_SYNCS = 6
_MOST_NEW_OBJECTS = 40
_OTHERS = "others"


def is_full(seed: int) -> bool:
    return seed % FULL_ONE_IN == 3


class Heard:
    """Fills that the session has handed on in one life of the program, and what is in hand."""

    def __init__(self) -> None:
        self.fills: set[str] = set()
        self.handed_on = 0
        self._in_hand: list[tuple[Observed, ...]] = []

    def begin(self, broker: IbkrBroker) -> None:
        """Hear what is pushed and what is answered, as the program does."""
        self.fills.clear()
        self._in_hand.clear()
        self.handed_on = 0
        asked = broker.executions

        async def executions(timeout: float) -> Executions:
            answer = await asked(timeout)
            self.fills.update(fill.exec_id for fill in answer.fills)
            self.handed_on += len(answer.fills) + len(answer.commissions)
            return answer

        broker.executions = executions  # type: ignore[method-assign]
        broker.subscribe(self._on_event)

    def _on_event(self, event: object) -> None:
        self.handed_on += 1
        if isinstance(event, Fill):
            self.fills.add(event.exec_id)

    @contextmanager
    def watching_the_service(self) -> Iterator[None]:
        """What waits for its turn to be stored is neither in the ledger nor in the intake."""
        record: Callable[..., Awaitable[int]] = PositionSyncService.record

        async def noted(service: PositionSyncService, observations: tuple[Observed, ...]) -> int:
            self._in_hand.append(observations)
            try:
                return await record(service, observations)
            finally:
                # A killed program may have begun anew meanwhile.
                if observations in self._in_hand:
                    self._in_hand.remove(observations)

        with mock.patch.object(PositionSyncService, "record", noted):
            yield

    def hold_against(self, engine: Engine, stored: set[str]) -> None:
        """A fill that was heard is in the ledger, on its way there, or waits in the intake."""
        intake = engine._intake
        if intake is None:
            return
        kept = {
            item.exec_id
            for batch in (intake._queue, intake._parked, *self._in_hand)
            for item in batch
            if isinstance(item, Fill)
        }
        if lost := self.fills - stored - kept:
            raise InvariantBroken(f"fills that were heard are nowhere: {sorted(lost)}")


def check_nothing_piles_up(world: "World") -> None:
    """Tasks, threads and what is kept in memory are bounded by what there is at the desk."""
    engine = world.engine
    if engine is None or engine._ledger is None:
        return
    tasks = world.loop.tasks_of_program()
    if len(tasks) > world.most_tasks:
        names = Counter(task.get_coro().__qualname__ for task in tasks)  # type: ignore[union-attr]
        raise InvariantBroken(f"{len(tasks)} tasks: {names.most_common(4)}")
    if not world.is_real and threading.active_count() > world.threads:
        raise InvariantBroken(f"threads: {threading.enumerate()}")
    for what, size, most in _sizes(world, engine):
        if size > most:
            raise InvariantBroken(f"{size} {what}, more than {most}")


def _sizes(world: "World", engine: Engine) -> Iterator[tuple[str, int, int]]:
    positions = len(world.desk.accounts) * len(world.desk.instruments)
    # What is parked stands in the queue also while it is being tried again.
    if engine._intake is not None:
        intake = engine._intake
        yield "waiting for the ledger", len(intake._queue), 2 * world.heard.handed_on
    yield "listeners of the bus", len(engine.bus._listeners), 3
    broker, scheduler, ledger = engine._broker, engine.scheduler, engine._ledger
    assert isinstance(broker, IbkrBroker)
    yield "listeners of the session", len(broker._listeners), 2
    yield "triggers", len(scheduler._asked), len(Trigger)
    yield "accounts asked for", len(scheduler._asked_accounts), 1 + len(world.desk.accounts)
    yield "live values", len(broker._book.marks), positions
    yield "live values saved", len(engine._saved_marks._saved), positions
    yield "places in the inbox", len(ledger._seen_by_key), positions  # type: ignore[union-attr]
    memory = ledger._memory  # type: ignore[union-attr]
    yield "rows in memory", len(memory.shelf._rows), positions
    yield "positions in memory", len(memory.keeping._kept), positions
    if (link := broker._link) is not None:
        yield "bytes unread", len(link._wire._data) - link._wire._at, _MOST_UNREAD
        yield "subscriptions", len(link.feed._ids) + len(link.feed._over), 2 * positions
        yield "times of live values", len(link.feed._told), positions
        yield "tasks of a session", len(link._tasks), 3


def check_runs_are_whole(db: sqlite3.Connection) -> None:
    """What a run counted, what its journal says and the entries that it made are one plan."""
    lines: dict[int, Counter[str]] = {}
    for run_id, kind, count in db.execute(_LINES_OF_RUNS):
        lines.setdefault(run_id, Counter())[kind] = count
    runs = db.execute(_RUNS).fetchall()
    for run_id, outcome, created, updated, closed, added, reversed_ in runs:
        said = lines.pop(run_id, Counter())
        wrong = {
            name: (count, told)
            for name, count, told in (
                ("created", created, said["created"] + said["created and closed"]),
                ("updated", updated, said["updated"] + said["returned"]),
                ("closed", closed, said["closed"] + said["created and closed"]),
                ("realized", added, said["realized"]),
                ("reversed", reversed_, said["reversed"]),
            )
            if count != told
        }
        if wrong or (outcome != "committed" and said):
            raise InvariantBroken(f"run {run_id} is {outcome}: (counted, journal) {wrong}")
    if lines:
        raise InvariantBroken(f"the journal is of runs that are not there: {sorted(lines)}")


async def check_memory(world: "World") -> None:
    """More syncs of the same leave as many objects behind as there were before."""
    # The first ones fill what is kept.
    await _sync_quietly(world)
    before = _objects_of_program()
    await _sync_quietly(world)
    after = _objects_of_program()
    grown = after - before
    del grown[_OTHERS]
    if sum(grown.values()) > _MOST_NEW_OBJECTS:
        raise InvariantBroken(f"{_QUIET_SYNCS} syncs left objects: {grown.most_common(5)}")


async def _sync_quietly(world: "World") -> None:
    for _ in range(_QUIET_SYNCS):
        await world.running().sync_now()
    await asyncio.sleep(2)


def _objects_of_program() -> Counter[str]:
    gc.collect()
    return Counter(_NAMES.get(kind) or _name_of(kind) for kind in map(type, gc.get_objects()))


_NAMES: dict[type, str] = {}


def _name_of(kind: type) -> str:
    """What to count an object as: all that may be the program's, but not what the desk notes down.

    The loop keeps timers that were cancelled until there are many.
    """
    module = str(kind.__module__)
    ours = module.startswith(("possync_tui.", "ib_insync.", "asyncio.", "_asyncio"))
    is_counted = ours or kind in (dict, list, set, deque)
    is_left_out = module.startswith(("possync_tui.demo.", "asyncio.events"))
    name = kind.__name__ if is_counted and not is_left_out else _OTHERS
    _NAMES[kind] = name
    return name


_LINES_OF_RUNS = """
SELECT run_id, iif(kind = 'created' AND text LIKE '%, CLOSED', 'created and closed', kind) AS what,
    count(*)
FROM journal WHERE run_id IS NOT NULL GROUP BY 1, 2
"""

_RUNS = """
SELECT id, outcome, created, updated, closed,
    (SELECT count(*) FROM realized_entries WHERE run_id = run.id AND kind <> 'REVERSAL'),
    (SELECT count(*) FROM realized_entries WHERE run_id = run.id AND kind = 'REVERSAL')
FROM sync_runs AS run
"""
