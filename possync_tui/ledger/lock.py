"""The one writer: a lock of the operating system, which a killed process cannot leave behind."""

import os
import sys
import time
from pathlib import Path

TRIES = 4
PAUSE = 0.02
"""Seconds. A look at the lock has it for an instant; no writer gives up for that."""

if sys.platform == "win32":
    import msvcrt

    _TO_LOOK = os.O_RDWR

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _is_free(descriptor: int) -> bool:
        if not _try_lock(descriptor):
            return False
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        return True
else:
    import fcntl

    # A ledger on a medium that cannot be written is read, too.
    _TO_LOOK = os.O_RDONLY

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _is_free(descriptor: int) -> bool:
        try:
            # Those who look do not keep each other out.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(ledger: Path) -> bool:
    """Whether some instance has the ledger open to write. Raises `OSError`."""
    try:
        descriptor = os.open(lock_path(ledger), _TO_LOOK | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return False
    try:
        return not _is_free(descriptor)
    finally:
        os.close(descriptor)


def lock_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".lock")


class WriterLock:
    """Held from `acquire` until `release` or the end of the process, whichever comes first.

    The lock file stays where it is: removing it would let two processes lock two files of one
    name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, ledger: Path) -> "WriterLock | None":
        """The lock, or `None` where another instance holds it. Raises `OSError`."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(lock_path(ledger), flags, 0o600)
        try:
            locked = _try_lock(descriptor)
            for _ in range(TRIES - 1):
                if locked:
                    break
                time.sleep(PAUSE)
                locked = _try_lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if not locked:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def release(self) -> None:
        """Let another instance write. Closing the file is what unlocks it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
