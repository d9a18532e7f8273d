"""The terminal under the app: it may go away, or come back from a stop, at any moment.

Textual's writer thread ends at the first failed write; the app then waits forever to hand it more,
at the latest when it leaves. And each SIGCONT starts a second reader and writer, also one that no
suspend came before: a closed terminal sends it behind SIGHUP, `kill -CONT` and debuggers send it.
"""

import asyncio
import io
import logging
import signal
from collections.abc import Callable
from typing import Any, TextIO, cast

from textual.driver import Driver

logger = logging.getLogger(__name__)


class SignalTrap:
    """Signals that end a program: Textual handles none, and the terminal would stay raw."""

    def __init__(self, leave_on: Callable[[signal.Signals], None]) -> None:
        self._leave_on = leave_on
        self._caught: list[signal.Signals] = []

    def catch(self) -> None:
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            number = getattr(signal, name, None)
            if not isinstance(number, signal.Signals):
                continue
            try:
                loop.add_signal_handler(number, self._leave_on, number)
            except (NotImplementedError, RuntimeError, ValueError):
                # Windows, or not the main thread: the caller's own handling stays.
                logger.debug("cannot handle %s here", name)
                continue
            self._caught.append(number)

    def release(self) -> None:
        loop = asyncio.get_running_loop()
        for caught in self._caught:
            loop.remove_signal_handler(caught)
        self._caught.clear()


class LosableFile(io.TextIOBase):
    """A text file that takes writes for good also after what is behind it has gone."""

    def __init__(self, file: TextIO, on_lost: Callable[[], None]) -> None:
        self._file = file
        self._on_lost = on_lost
        self._is_lost = False

    def write(self, text: str) -> int:
        if not self._is_lost:
            self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        if not self._is_lost:
            self._try(self._file.flush)

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()

    def _try(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except (OSError, ValueError) as gone:  # ValueError: the file was closed
            self._is_lost = True
            logger.warning("the terminal is gone: %s", gone)
            self._on_lost()


def hardy(driver_class: type[Driver], on_lost: Callable[[], None]) -> type[Driver]:
    """Textual's driver for Linux and macOS, which outlives its terminal; others as they are.

    `on_lost` is called once, on the event loop, when nothing can be written any more.
    """
    try:  # Windows has no such module
        from textual.drivers.linux_driver import LinuxDriver
    except ImportError:
        return driver_class
    if driver_class is not LinuxDriver:
        return driver_class

    class HardyDriver(LinuxDriver):
        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on
            super().__init__(*args, **kwargs)
            self._loop = asyncio.get_running_loop()
            self._is_suspended = False
            if self._file is not None:
                self._file = cast("io.TextIOWrapper", LosableFile(self._file, self._lost))
            signal.signal(signal.SIGCONT, self._continued)

        def suspend_application_mode(self) -> None:
            self._is_suspended = True
            super().suspend_application_mode()

        def resume_application_mode(self) -> None:
            self._is_suspended = False
            super().resume_application_mode()

        def _lost(self) -> None:
            self._loop.call_soon_threadsafe(on_lost)

        def _continued(self, *_: object) -> None:
            if self._is_suspended:
                self._sigcont_application()
            else:
                self._loop.call_soon_threadsafe(self._take_terminal_back)

        def _take_terminal_back(self) -> None:
            """Stopped without a word: a shell may have set the terminal its own way since."""
            if self._is_suspended or self._writer_thread is None:
                return
            self.suspend_application_mode()
            self.resume_application_mode()

    return HardyDriver
