"""The log file: rotated, readable by its owner alone; nothing reaches the dashboard's screen."""

import logging
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from possync_tui import paths
from possync_tui.domain.text import mask_accounts, printable

_OWN = "possync_tui"
_MOST_BYTES = 2_000_000
_OLD_FILES = 5

logger = logging.getLogger(__name__)


class _LineFormatter(logging.Formatter):
    """UTC times; what came from outside cannot forge a line or steer a terminal."""

    def __init__(self, *, mask: bool, brief: bool = False) -> None:
        super().__init__()
        self._mask = mask
        self._brief = brief

    def format(self, record: logging.LogRecord) -> str:
        text = printable(record.getMessage())
        if self._brief:
            line = f"{record.levelname.lower()}: {text}"
        else:
            at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
            at = at.replace("+00:00", "Z")
            line = f"{at} {record.levelname:<7} {record.name.removeprefix(_OWN + '.')}: {text}"
            if record.exc_info:
                trace = self.formatException(record.exc_info)
                line += "".join(f"\n    {printable(part)}" for part in trace.splitlines())
        return mask_accounts(line) if self._mask else line


class _PrivateFileHandler(RotatingFileHandler):
    """Files that only their owner can read, from the moment they are made."""

    def _open(self) -> TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        stream = open(  # noqa: SIM115 - the handler closes it
            self.baseFilename, "a", encoding="utf-8", opener=opener
        )
        assert isinstance(stream, TextIOWrapper)
        if os.name == "posix" and os.fstat(stream.fileno()).st_mode & 0o077:
            # Made by hand, or of before.
            os.fchmod(stream.fileno(), 0o600)
        return stream

    def doRollover(self) -> None:  # noqa: N802 - the name is logging's
        if not Path(self.baseFilename).exists():
            # Another instance has rotated it; there is nothing to rename.
            if self.stream:
                self.stream.close()
            self.stream = self._open()
            return
        super().doRollover()


def configure(
    level: str, *, mask: bool, stderr_level: int | None, to_file: bool = True
) -> str | None:
    """Log to the file, and to stderr from `stderr_level` on (never there with `None`).

    Returns why there is no log file, if there is none: the program works without.
    """
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
        old.close()
    own = logging.getLogger(_OWN)
    file_level = logging.getLevelNamesMapping()[level]
    own.setLevel(min(file_level, stderr_level or file_level))
    # Libraries are heard only when something is wrong with them.
    root.setLevel(logging.WARNING)
    # `raiseExceptions` would print tracebacks over the dashboard when the disk is full.
    logging.raiseExceptions = False
    problem = _log_to_file(root, file_level, mask=mask) if to_file else None
    # Without any handler, `logging` would print warnings to stderr by itself.
    root.addHandler(logging.NullHandler())
    if stderr_level is not None:
        _log_to_stderr(root, stderr_level, mask=mask)
    if problem:
        logger.warning("%s", problem)
    return problem


def _log_to_file(root: logging.Logger, level: int, *, mask: bool) -> str | None:
    path = paths.log_file()
    try:
        paths.make_private_folder(path.parent)
        handler = _PrivateFileHandler(path, maxBytes=_MOST_BYTES, backupCount=_OLD_FILES)
    except OSError as error:
        return f"no log file: {path}: {error.strerror or error}"
    handler.setLevel(level)
    handler.setFormatter(_LineFormatter(mask=mask))
    root.addHandler(handler)
    return None


def _log_to_stderr(root: logging.Logger, level: int, *, mask: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    # What libraries say about a failure, our own code says in the user's words.
    handler.addFilter(logging.Filter(_OWN))
    handler.setFormatter(_LineFormatter(mask=mask, brief=True))
    root.addHandler(handler)
