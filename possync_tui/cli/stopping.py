"""Signals of a headless command: stop cleanly, and say in the exit code which one it was."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine

# Those that end a program and exist on this system.
_SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__
)


async def run_until_signal(work: Coroutine[object, object, int]) -> int:
    """The exit code of `work`, or 128 plus the signal that ended it.

    A signal cancels `work`, whose own cleanup then runs to its end; a second one hurries it.
    """
    task = asyncio.create_task(work)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    _handle_signals(stop)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            return 128 + received[0]
        raise


def ignore_signals() -> None:
    """From now on one signal cuts nothing short: what is going on is soon done.

    A second one ends the program at once; the ledger is as good as after any crash.
    """
    received: list[int] = []

    def hurry(number: int) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)

    _handle_signals(hurry)


def _handle_signals(handle: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        # Where loops know no signal handlers, ctrl+c raises KeyboardInterrupt as ever.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, handle, number)
