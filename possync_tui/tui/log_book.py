"""The lines of the Sync log in memory: bounded, and debug lines never push the others out."""

import heapq
import logging
from collections import deque
from itertools import count

from possync_tui.sync.events import LogLine

LEVELS = (logging.INFO, logging.DEBUG, logging.WARNING, logging.ERROR)
"""What may be shown, each with everything above it, in the order of the key."""
LEVEL_WORDS = {
    logging.INFO: "",
    logging.DEBUG: "with debug lines",
    logging.WARNING: "warnings and errors",
    logging.ERROR: "errors",
}


class LogBook:
    """The newest lines, `most` of them of `INFO` and above and as many debug lines."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers = count()
        self._news: deque[tuple[int, LogLine]] = deque(maxlen=most)
        self._debug: deque[tuple[int, LogLine]] = deque(maxlen=most)

    def add(self, line: LogLine) -> None:
        lines = self._debug if line.level < logging.INFO else self._news
        lines.append((next(self._numbers), line))

    def newest(self, level: int) -> list[LogLine]:
        """The newest lines of a level and above, the oldest first."""
        news = ((number, line) for number, line in self._news if line.level >= level)
        debug = self._debug if level < logging.INFO else ()
        merged = heapq.merge(news, debug, key=lambda pair: pair[0])
        return [line for _, line in merged][-self._most :]


def next_level(level: int) -> int:
    return LEVELS[(LEVELS.index(level) + 1) % len(LEVELS)]
