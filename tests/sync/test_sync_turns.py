"""One plan at a time: who else wants the ledger meanwhile has its turn after it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Side
from possync_tui.domain.plan import Book, Plan
from possync_tui.domain.runs import SyncResult, Trigger
from possync_tui.ledger.port import LedgerPort

from .conftest import ScriptedBroker, Start, settle

_DEEDS = ("commit", "decide", "bind", "journal_remark")


def told_of(ledger: LedgerPort) -> list[str]:
    """What the ledger is made to do from here on, in its order."""
    order: list[str] = []

    def telling(
        name: str, deed: Callable[..., Awaitable[object]]
    ) -> Callable[..., Awaitable[object]]:
        async def told(*given: object, **more: object) -> object:
            done = await deed(*given, **more)
            order.append(name)
            return done

        return told

    for name in _DEEDS:
        setattr(ledger, name, telling(name, getattr(ledger, name)))
    return order


async def test_a_word_a_session_and_a_remark_wait_for_the_plan_that_is_being_made(
    start: Start, broker: ScriptedBroker
) -> None:
    """Else a plan would raise or clear what was decided while it was made."""
    for con_id in (1, 2, 3, 4):
        broker.hold(con_id, "100")
    rig = await start(sync_on_trade=False, sync_on_position_update=False)
    await rig.engine.sync_now()
    broker.drop(1)
    await rig.engine.sync_now()
    (hold,) = await rig.engine.reads.holds()
    broker.hold(2, "110")
    ledger, others = rig.engine.ledger, list[asyncio.Task[Any]]()
    order, ground = told_of(ledger), ledger.ground

    async def read_slowly(keys: Iterable[PositionKey], *, whole: bool = False) -> object:
        found = await ground(keys, whole=whole)
        if not others:
            deciding = rig.engine.decide(hold.id, accept=False, note="")
            replanning = rig.engine.service.replan(Trigger.IMPORT)
            others.extend(map(asyncio.create_task, (deciding, replanning)))
            broker.connect()
            rig.engine.arm(True)
            await settle()
            order.append("planned")
        return found

    ledger.ground = read_slowly  # type: ignore[method-assign, assignment]
    assert (await rig.engine.sync_now()).ok
    await asyncio.wait(others)
    await settle()
    assert order[:2] == ["planned", "commit"]
    assert {"decide", "bind", "journal_remark", "commit"} <= set(order[2:])
    assert (await rig.engine.reads.verify()).problems == ()


async def test_a_book_that_is_read_while_something_is_stored_is_read_again(
    start: Start, broker: ScriptedBroker
) -> None:
    """Else the next plan would not look at it."""
    row = broker.hold(1, "100")
    rig = await start()
    await rig.engine.sync_now()
    service, ledger = rig.engine.service, rig.engine.ledger
    service._forget_book()
    read, is_read, go_on = ledger.book, asyncio.Event(), asyncio.Event()

    async def late() -> Book:
        book = await read()
        is_read.set()
        await go_on.wait()
        return book

    ledger.book = late  # type: ignore[method-assign]
    reading = asyncio.create_task(service.book())
    await is_read.wait()
    await service.record((broker.trade(1, Side.BOUGHT, "20", "10"),))
    go_on.set()
    assert row.key not in (await reading).touched
    assert row.key in (await service.book()).touched


async def test_a_dry_run_behind_a_commit_does_not_plan_on_the_book_of_before(
    start: Start, broker: ScriptedBroker
) -> None:
    """It gets its turn when the plan is committed, and before the book is read again."""
    rig = await start()
    await rig.engine.sync_now()
    broker.hold(1, "100")
    ledger, waiting = rig.engine.ledger, list[asyncio.Task[Plan]]()
    commit, read = ledger.commit, ledger.book

    async def with_somebody_behind(plan: Plan, result: SyncResult) -> SyncResult:
        if not waiting:
            waiting.append(asyncio.create_task(rig.engine.service.dry_run()))
            await settle()
        return await commit(plan, result)

    async def late() -> Book:
        await settle()
        return await read()

    ledger.commit = with_somebody_behind  # type: ignore[method-assign]
    ledger.book = late  # type: ignore[method-assign]
    assert (await rig.engine.sync_now()).created == 1
    (behind,) = waiting
    assert (await behind).is_empty
