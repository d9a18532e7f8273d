"""An event loop whose time is virtual: whoever waits is woken at once, at the time waited for.

Nothing here sleeps, opens a socket or starts a thread, so a seed gives the same run every time.
"""

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

from tests.simulation.memory_network import MemoryNetwork

# Who waits by asking again would do so for ever if time stood still: ib_insync's limit of requests
# a second does, at the very instant when its second is over.
_LONGEST_STAND = 1_000
_MICROSECOND = 1e-6


class Stuck(Exception):
    """Every task waits for something that nothing will bring."""


_OWNERS: "WeakKeyDictionary[asyncio.Task[Any], str]" = WeakKeyDictionary()


def owned_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
    """Tasks belong to who started them, so that the program can be killed and the broker lives."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    code = getattr(work, "cr_code", None)
    try:
        creator = asyncio.current_task(loop)
    except RuntimeError:
        creator = None
    inherited = _OWNERS.get(creator, "program") if creator is not None else "program"
    if code is not None and "/demo/" in code.co_filename:
        inherited = "broker"
    elif code is not None and code.co_name in ("run_world", "_run_world_for_real"):
        inherited = "test"
    elif inherited == "test":
        inherited = "program"
    _OWNERS[task] = inherited
    return task


def tasks_of_program(loop: asyncio.AbstractEventLoop) -> list["asyncio.Task[Any]"]:
    """Tasks of the program under test that are not done."""
    return [task for task in asyncio.all_tasks(loop) if _OWNERS.get(task) == "program"]


class _NoFiles(selectors.SelectSelector):
    """Instead of waiting for files, time moves on."""

    def __init__(self, move_on: Callable[[float | None], None]) -> None:
        super().__init__()
        self._move_on = move_on
        self._stood = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._stood = 0
            self._move_on(timeout)
            return []
        self._stood += 1
        if self._stood % _LONGEST_STAND == 0:
            self._move_on(_MICROSECOND)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual, and connections go through `network`."""

    def __init__(self, seed: int) -> None:
        self._virtual = 1_000.0
        super().__init__(_NoFiles(self._move_on))
        self.network = MemoryNetwork(self, Random(f"network {seed}"))
        self.set_task_factory(owned_task)
        self.set_exception_handler(self._note_error)
        self.errors: list[str] = []

    def _note_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def tasks_of_program(self) -> list["asyncio.Task[Any]"]:
        return tasks_of_program(self)

    def time(self) -> float:
        return self._virtual

    def _move_on(self, timeout: float | None) -> None:
        if timeout is None:
            raise Stuck("every task waits, and nothing is due")
        self._virtual += timeout

    async def create_connection(  # type: ignore[override]
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        return await self.network.connect(factory, port)

    async def create_server(  # type: ignore[override]
        self, factory: Callable[[], asyncio.Protocol], *_: Any, sock: Any, **__: Any
    ) -> Any:
        port = sock.getsockname()[1]
        sock.close()
        return self.network.listen(factory, port)

    def run_in_executor(  # type: ignore[override]
        self, _executor: object, function: Callable[..., Any], *arguments: Any
    ) -> "asyncio.Future[Any]":
        done = self.create_future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            done.set_exception(error)
        finally:
            # A function that sets the loop of "its thread" must not unset ours.
            asyncio.set_event_loop(self)
        return done


class VirtualClock:
    """The clock of one machine on the virtual loop. `step` sets its wall clock, as users do."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime) -> None:
        self._loop = loop
        self._origin = start
        self._zero = loop.time()
        self._stepped = timedelta()

    def now(self) -> datetime:
        passed = timedelta(seconds=round(self._loop.time() - self._zero, 6))
        return self._origin + passed + self._stepped

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def step(self, seconds: float) -> None:
        self._stepped += timedelta(seconds=seconds)
