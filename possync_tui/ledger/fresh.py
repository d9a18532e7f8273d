"""A ledger that begins anew: the demo's, whose simulated desk does so at every start."""

from pathlib import Path

from possync_tui.ledger.lock import WriterLock
from possync_tui.ledger.port import LedgerUnusable

_MOST_AT_ONCE = 20


def start_over(path: Path) -> Path:
    """Remove the ledger at `path` and return it; the next free name where an instance has it open.

    Raises `LedgerUnusable` where the file cannot be removed.
    """
    for number in range(1, _MOST_AT_ONCE + 1):
        free = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        if not free.exists() or _remove(free):
            return free
    raise LedgerUnusable(f"{_MOST_AT_ONCE} instances have ledgers like {path} open: close some.")


def _remove(path: Path) -> bool:
    """Whether nobody had the ledger open, and it is gone now."""
    try:
        lock = WriterLock.acquire(path)
        if lock is None:
            return False
        try:
            for end in ("-wal", "-shm", ""):
                path.with_name(path.name + end).unlink(missing_ok=True)
        finally:
            lock.release()
    except OSError as error:
        raise LedgerUnusable(f"{path} cannot be removed: {error.strerror}.") from error
    return True
