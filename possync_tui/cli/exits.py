"""Exit codes, a contract with scripts (README), and how a command ends with one."""

from enum import IntEnum


class Exit(IntEnum):
    """What the exit code of a command means."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    BROKER = 3
    REFUSED = 4
    LEDGER = 5
    HELD = 6
    INTERRUPTED = 130


class CommandFailed(Exception):
    """Ends a command with `code` and one line on stderr."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
