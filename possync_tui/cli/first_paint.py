"""The first look: the last known book on the screen before Textual is loaded.

One frame, written raw into the outline that the dashboard drew up last time. Whatever is unusual
leaves the terminal alone, and the dashboard comes as it would without.
"""

import os

from possync_tui import __version__
from possync_tui import outline as outlines
from possync_tui.outline import NoOutline, Outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from possync_tui.outline import Run

_SCREEN, _KEYBOARD = 2, 0
_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = b"\x1b[0m\x1b[?1049l\x1b[?25h"


class FirstPaint:
    """What stands on the terminal until Textual takes it over; `attributes` are of before."""

    def __init__(self, outline: Outline, attributes: "list[Any]") -> None:
        self.outline = outline
        self.attributes = attributes
        self.is_up = True

    def taken_over(self) -> None:
        """Textual has the screen now, and will give it back as it was."""
        self.is_up = False

    def leave(self) -> None:
        """Give the terminal back as it was; nothing where Textual has seen to that."""
        if self.is_up:
            self.is_up = False
            _write(_LEAVE)
        import termios

        try:
            termios.tcsetattr(_KEYBOARD, termios.TCSANOW, self.attributes)
        except termios.error:
            # The terminal has gone, and takes its state along.
            return


_now_up: list[FirstPaint] = []


def now_up() -> FirstPaint | None:
    """The frame that waits to be taken over."""
    return _now_up[0] if _now_up and _now_up[0].is_up else None


def leave() -> None:
    """Give the terminal back, if it was ever taken."""
    while _now_up:
        _now_up.pop().leave()


def show(words: "Sequence[str]") -> None:
    """Paint the last known book, if all that it takes is there."""
    if not all(os.isatty(number) for number in (0, 1, 2)):
        return
    try:
        size = os.get_terminal_size(_SCREEN)
        outline, frame = frame_of(words, (size.columns, size.lines))
        attributes = _quiet_keyboard()
    except (NoOutline, OSError):
        return
    if attributes is not None:
        _now_up.append(FirstPaint(outline, attributes))
        _write(frame)
        _leave_on_signals()


def frame_of(words: "Sequence[str]", size: tuple[int, int]) -> tuple[Outline, bytes]:
    """The frame's bytes, and what it was drawn into.

    Raises `NoOutline` where it cannot be what the dashboard will show.
    """
    folders = outlines.user_folders()
    if folders is None:
        raise NoOutline("no place for it")
    path = outlines.file_of(folders[0], size, words)
    text, env_file, is_anywhere = outlines.read(path)
    inputs = outlines.inputs_of(__version__, words, folders, env_file, is_anywhere=is_anywhere)
    outline, ledger, masks = outlines.from_text(text, inputs)
    if outline.size != size:
        raise NoOutline("of another size")
    # Only now: most commands have no outline, and never come here.
    from possync_tui.cli.first_rows import MEASURED, DoesNotFit, now, painted
    from possync_tui.ledger.last_known import last_known

    book = last_known(ledger, -1 if outline.sort else max(MEASURED, outline.table[3] - 1))
    if book is None:
        raise NoOutline("no book to fill in")
    try:
        lines = painted(outline, book, now(), masks=masks)
    except (DoesNotFit, ArithmeticError, ValueError, TypeError, KeyError) as error:
        raise NoOutline("the book does not fit in") from error
    return outline, (_ENTER + as_sent(lines)).encode("utf-8", "replace")


def as_sent(lines: "Sequence[tuple[int, int, Sequence[Run]]]") -> str:
    """What a terminal is sent for lines that begin at x, y."""
    return "".join(_line(*line) for line in lines)


def _line(x: int, y: int, runs: "Sequence[Run]") -> str:
    drawn = "".join(f"\x1b[0;{look}m{text}" if look else f"\x1b[0m{text}" for look, text in runs)
    return f"\x1b[{y + 1};{x + 1}H{drawn}\x1b[0m"


def _write(data: bytes) -> None:
    try:
        while data:
            data = data[os.write(_SCREEN, data) :]
    except OSError:
        # Gone: Textual, or the shell, will find out for itself.
        return


def _quiet_keyboard() -> "list[Any] | None":
    """Keys wait for Textual unseen, but for ctrl+c. Returns how the terminal was."""
    import termios

    try:
        before = termios.tcgetattr(_KEYBOARD)
        after = termios.tcgetattr(_KEYBOARD)
        after[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
        after[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        off = bytes([os.fpathconf(_KEYBOARD, "PC_VDISABLE") & 0xFF])
        for name in ("VSUSP", "VQUIT"):
            after[6][getattr(termios, name)] = off
        termios.tcsetattr(_KEYBOARD, termios.TCSANOW, after)
    except (termios.error, OSError, ValueError):
        return None
    return before


def _leave_on_signals() -> None:
    """Signals that end a program give the terminal back before, until others handle them."""
    import signal
    from types import FrameType

    def end(number: int, frame: FrameType | None) -> None:
        leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)
