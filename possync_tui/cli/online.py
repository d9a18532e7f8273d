"""`sync` and `watch`: the engine without a dashboard."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from possync_tui.cli import compose, shapes
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.reporting import in_words
from possync_tui.cli.short_steps import ShortSteps
from possync_tui.cli.stopping import run_until_signal
from possync_tui.cli.trouble import Trouble
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Phase
from possync_tui.domain.runs import Failure, Outcome, SyncResult, Trigger
from possync_tui.sync.events import ConnectionChanged, LogLine, SyncEvent, SyncFinished
from possync_tui.sync.wording import result_line

if TYPE_CHECKING:
    from possync_tui.sync.engine import Engine

_CODES = {
    Failure.BROKER: Exit.BROKER,
    Failure.SNAPSHOT: Exit.REFUSED,
    Failure.LEDGER: Exit.LEDGER,
    Failure.SETTINGS: Exit.USAGE,
    Failure.INTERNAL: Exit.UNEXPECTED,
}


def sync(call: Call) -> int:
    """One sync, then the end."""
    return asyncio.run(run_until_signal(_sync(call)))


def watch(call: Call) -> int:
    """The sync loop, with the lines of the sync log."""
    return asyncio.run(run_until_signal(_watch(call)))


@asynccontextmanager
async def running(engine: "Engine") -> AsyncIterator["Engine"]:
    """The engine started, and stopped whatever happens: a sync in flight finishes its commit."""
    short_steps = ShortSteps(lambda: engine.is_syncing)
    try:
        await engine.start()
        short_steps.start()
        yield engine
    finally:
        short_steps.stop()
        await engine.stop()


async def _sync(call: Call) -> int:
    begun, started = SystemClock().now(), time.monotonic()
    try:
        result = await _one_sync(call)
    except Exception as error:
        told = in_words(error, mask=False)
        if call.form != "table" and isinstance(told, CommandFailed):
            duration = 1000 * (time.monotonic() - started)
            _print_result(call, _no_sync(told, begun, duration))
        raise
    if call.form == "table":
        if result.ok:
            call.out.line(result_line(result))
    else:
        _print_result(call, result)
    if result.ok:
        return Exit.HELD if result.held else Exit.DONE
    raise CommandFailed(_CODES[result.failure or Failure.INTERNAL], result.error or "no sync")


async def _one_sync(call: Call) -> SyncResult:
    engine = compose.engine(call.settings)
    trouble = Trouble(engine, frozenset({Phase.RECONNECTING, Phase.FAILED}))
    async with running(engine):
        await _connected(engine, trouble, call.settings.ibkr.connect_timeout)
        return await engine.sync_now()


def _no_sync(failed: CommandFailed, at: datetime, duration_ms: float) -> SyncResult:
    """What a sync that could not begin has done: nothing."""
    failure = next((kind for kind, code in _CODES.items() if code is failed.code), Failure.INTERNAL)
    return SyncResult(
        outcome=Outcome.FAILED,
        trigger=Trigger.MANUAL,
        started_at=at,
        duration_ms=duration_ms,
        error=str(failed),
        failure=failure,
    )


async def _connected(engine: "Engine", trouble: Trouble, timeout: float) -> None:
    """Wait for a session. One refused connection is enough to give up: nobody is watching."""
    connecting = asyncio.create_task(engine.connected(timeout))
    failing = asyncio.create_task(trouble.failure())
    try:
        await asyncio.wait({connecting, failing}, return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            raise failing.result()
        await connecting
    finally:
        await _end((connecting, failing))


def _print_result(call: Call, result: SyncResult) -> None:
    row = shapes.result_object(result)
    if call.form == "json":
        call.out.json(row)
    else:
        call.out.csv(tuple(row), [row])


async def _watch(call: Call) -> int:
    engine = compose.engine(call.settings)
    trouble = Trouble(engine, frozenset({Phase.FAILED}))
    reader_gone = asyncio.Event()
    told: Mapping[str, object] | None = None

    def heard(event: SyncEvent) -> None:
        nonlocal told
        if isinstance(event, ConnectionChanged):
            # A new round trip or data farm is a change of state, too, and none of this output.
            link = shapes.connection_object(event.state)
            if link == told:
                return
            told = link
        _tell(call, event)
        if call.out.is_gone:
            reader_gone.set()

    engine.bus.subscribe(heard)
    async with running(engine):
        loop = asyncio.create_task(engine.run())
        gone = asyncio.create_task(reader_gone.wait())
        failing = asyncio.create_task(trouble.failure())
        try:
            await asyncio.wait({loop, gone, failing}, return_when=asyncio.FIRST_COMPLETED)
            if failing.done():
                raise failing.result()
            if loop.done():
                await loop
        finally:
            await _end((loop, gone, failing))
    return Exit.DONE


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _tell(call: Call, event: SyncEvent) -> None:
    if call.form == "json":
        details = _details(event)
        if details is not None:
            call.out.json(details, indent=None)
    elif isinstance(event, LogLine):
        level = "" if event.level < logging.WARNING else f"{logging.getLevelName(event.level)}  "
        call.out.line(f"{event.at.astimezone():%H:%M:%S}  {level}{event.kind:<10}  {event.text}")


def _details(event: SyncEvent) -> dict[str, object] | None:
    match event:
        case SyncFinished(result=result):
            return {"event": "sync", **shapes.result_object(result)}
        case ConnectionChanged(state=state):
            return {"event": "connection", **shapes.connection_object(state)}
        case LogLine(at=at, level=level, kind=kind, text=text):
            named = logging.getLevelName(level)
            return {"event": "log", "at": at, "level": named, "kind": kind, "text": text}
        case _:
            return None
