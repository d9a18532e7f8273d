"""The terminal under the app: it may go away, or come back from a stop, at any moment.

Textual's writer thread ends at the first failed write; the app then waits forever to hand it more,
at the latest when it leaves. And each SIGCONT starts a second reader and writer, also one that no
suspend came before: a closed terminal sends it behind SIGHUP, `kill -CONT` and debuggers send it.
"""

import asyncio
import io
import logging
import signal
import threading
from collections.abc import Callable
from typing import Any, Protocol, TextIO, cast

from textual import events
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from possync_tui.outline import Outline

logger = logging.getLogger(__name__)

_ALTERNATE_SCREEN = "\x1b[?1049h"
_BETWEEN_LOOKS = 0.01
_MOST_LOOKS = 100
"""A key that takes longer than so many looks lets the next one pass."""


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


def pass_over_outgrown(event: events.Resize, size: Size) -> None:
    """A screen is not laid out for a size that the app does not have any more.

    Laid out anew, a screen is told of that size, too: with two sizes on their way at once, each
    would bring the other back, without end.
    """
    if event.size != size:
        event.prevent_default()


class Painted(Protocol):
    """A frame that stands on the terminal already; `attributes` are the terminal's of before."""

    @property
    def outline(self) -> Outline: ...

    @property
    def attributes(self) -> list[Any]: ...

    def taken_over(self) -> None: ...


class KeyPassed(Message):
    """Follows a key on its way through the widgets, and tells when it has arrived."""

    def __init__(self, arrived: Callable[[], None], *, is_behind_key: bool = False) -> None:
        super().__init__()
        self.arrived = arrived
        self.is_behind_key = is_behind_key


def hardy(
    driver_class: type[Driver], on_lost: Callable[[], None], painted: Painted | None = None
) -> type[Driver]:
    """Textual's driver for Linux and macOS, which outlives its terminal; others as they are.

    `on_lost` is called once, on the event loop, when nothing can be written any more. What is
    `painted` stays on the screen until the first frame is drawn over it.
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
            # Rich has another height than this for a terminal that does not know its own.
            self._size = self._size or self._get_terminal_size()
            self._loop = asyncio.get_running_loop()
            self._is_suspended = False
            self._painted = painted
            if self._file is not None:
                self._file = cast("io.TextIOWrapper", LosableFile(self._file, self._lost))
            signal.signal(signal.SIGCONT, self._continued)

        def start_application_mode(self) -> None:
            super().start_application_mode()  # type: ignore[no-untyped-call]
            if self._painted is not None:
                # Given back at the end is what was there before both of us.
                self.attrs_before = self._painted.attributes
                self._painted.taken_over()
                self._painted = None

        def process_message(self, message: Message) -> None:
            if isinstance(message, events.Resize) and not message.size:
                # The terminal does not know its size: what it was last stays.
                return
            super().process_message(message)
            if isinstance(message, events.Key):
                self._let_pass()

        def _let_pass(self) -> None:
            """Wait, in the thread that reads, until the key has done what it does.

            Keys that come together (typed before the first frame, or quickly) would all go to who
            has the keyboard before the first of them gives it to somebody else.
            """
            arrived = threading.Event()
            passed = KeyPassed(arrived.set)
            passed.set_sender(self._app)
            self.send_message(passed)
            for _ in range(_MOST_LOOKS):
                if arrived.wait(_BETWEEN_LOOKS) or self.exit_event.is_set():
                    return

        def write(self, data: str) -> None:
            # To enter the alternate screen a second time would clear it.
            if self._painted is None or data != _ALTERNATE_SCREEN:
                super().write(data)

        def suspend_application_mode(self) -> None:
            self._is_suspended = True
            super().suspend_application_mode()

        def resume_application_mode(self) -> None:
            self._is_suspended = False
            super().resume_application_mode()
            # The terminal has an empty screen then, and Textual paints only what it lays out anew.
            self._loop.call_soon_threadsafe(self._app.refresh)

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
