"""Changes that no fill explains yet: how long each of them has been seen."""

from decimal import Decimal

from possync_tui.domain.clock import Clock
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.planning import Draft
from possync_tui.sync.look import Look


class Grace:
    """A position push can be ahead of its fill: the change counts once the fill had its time.

    It takes a second look to know. Where that cannot be had, one of a later sync is the second, so
    that a TWS which answers only now and then does not keep every other change out of the ledger.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._first_seen: dict[tuple[PositionKey, Decimal], float] = {}

    def is_over(self, look: Look, draft: Draft) -> bool:
        """Whether each change without a fill was there, as it is now, at a look long enough ago."""
        now = self._clock.monotonic()
        held = dict.fromkeys(draft.unexplained, Decimal(0))
        if held:
            held |= {row.key: row.quantity for row in look.snapshot.rows if row.key in held}
        before = self._first_seen
        self._first_seen = {change: before.get(change, now) for change in held.items()}
        return all(now - first >= self._seconds for first in self._first_seen.values())

    async def wait(self) -> None:
        await self._clock.sleep(self._seconds)
