"""Live values kept for views without a broker, and for what ended while nothing ran."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.plan import Book
from possync_tui.ledger.port import LedgerError, LedgerPort

logger = logging.getLogger(__name__)


async def marks_for(
    keys: Iterable[PositionKey],
    at: datetime,
    *,
    live: Mapping[PositionKey, Mark],
    book: Book,
    ledger: LedgerPort,
) -> dict[PositionKey, Mark]:
    """The live marks as they are now; of those `keys` that ended without a price, the last one."""
    silent = (key for key in keys if (mark := live.get(key)) is None or mark.price is None)
    known = ((key, book.positions.get(key)) for key in silent)
    ended = [key for key, was in known if was and was.instrument and was.instrument.is_expired(at)]
    saved = await ledger.saved_prices(ended) if ended else {}
    # The plan may be made beside the loop, on which the live ones move.
    return {**live, **saved}


class SavedMarks:
    """Writes those marks to the ledger that moved since they were written last."""

    def __init__(self, ledger: Callable[[], LedgerPort | None]) -> None:
        self._ledger = ledger
        self._saved: dict[PositionKey, Mark] = {}

    async def save(self, marks: Mapping[PositionKey, Mark]) -> None:
        """Keep what moved. A failure is logged only: losing marks loses no history."""
        ledger = self._ledger()
        if ledger is None or ledger.is_read_only:
            return
        # A mark that moved is another one; thousands are not compared in the loop's time.
        # One that tells no value must not take the place of what the position was last seen at.
        moved = {
            key: mark
            for key, mark in marks.items()
            if self._saved.get(key) is not mark and _tells_value(mark)
        }
        if not moved:
            return
        try:
            await ledger.save_marks(moved.values())
        except LedgerError as error:
            logger.warning("live values were not saved: %s", error)
        else:
            self._saved.update(moved)


def _tells_value(mark: Mark) -> bool:
    return mark.price is not None or mark.market_value is not None
