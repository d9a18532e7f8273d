"""One account of a snapshot beside what the ledger knows of it: what decisions look at."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from possync_tui.domain.counting import CLOCK_DOUBT
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import FRESH_SECONDS, Mark
from possync_tui.domain.observations import Fill, PositionRow, PriceEvidence, Recorded, Snapshot
from possync_tui.domain.plan import Book, KnownPosition
from possync_tui.domain.position import Life
from possync_tui.domain.sizes import is_workable, worth
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about closing without fills. Times in seconds.

    `watched` are the accounts that may change; `None` stands for all of them.
    """

    mark_missing_as_closed: bool = False
    confirmations: int = 2
    spacing: float = 60.0
    watched: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Look:
    """One account of a snapshot beside what is known of it."""

    account: str
    snapshot: Snapshot
    book: Book
    marks: Mapping[PositionKey, Mark]
    quantities: Mapping[PositionKey, Decimal]
    rules: Rules
    digest: str
    known_seq: int
    rows: Mapping[PositionKey, PositionRow]
    in_motion: frozenset[PositionKey] = frozenset()
    opened: Mapping[PositionKey, datetime] = field(default_factory=dict)
    current: Mapping[PositionKey, Life] = field(default_factory=dict)
    cash: frozenset[PositionKey] = frozenset()

    @property
    def is_baseline(self) -> bool:
        return not self.book.accounts[self.account].has_baseline

    @cached_property
    def present(self) -> frozenset[PositionKey]:
        """Positions that the snapshot holds with a quantity."""
        return frozenset(key for key, row in self.rows.items() if row.quantity)

    def without_row(self) -> list[KnownPosition]:
        """Known positions that the snapshot does not hold with a quantity."""
        here = self.book.keys_by_account.get(self.account, frozenset())
        known = self.book.positions
        return [known[key] for key in sorted(here - self.present - self.in_motion)]

    def touched_here(self) -> list[PositionKey]:
        return sorted(
            key
            for key in self.book.touched
            if key.account == self.account and key not in self.in_motion
        )

    def quantity_by_fills(self, key: PositionKey) -> Decimal:
        """What the ledger makes of the position with every fill known now."""
        if key in self.quantities:
            return self.quantities[key]
        known = self.book.positions.get(key)
        return known.quantity if known else Decimal(0)

    def began_before_us(self, key: PositionKey) -> bool:
        """Whether the position's first fill is older than the first snapshot of the account.

        One of the same moment that was not known then is younger: it was asked for after, too.
        """
        if self.is_baseline:
            return True
        baseline_at = self.book.accounts[self.account].baseline_at
        opened_at = self.opened.get(key)
        if baseline_at is None or opened_at is None:
            return False
        return opened_at < baseline_at - CLOCK_DOUBT

    def zero_pushed_of(self, known: KnownPosition) -> datetime | None:
        """When a row with quantity 0 was pushed of the life that there is now, not of one before.

        A position that was flat then, and was opened by fills since, is not what that row told of.
        """
        life, at = self.current.get(known.key), known.zero_pushed_at
        return None if at is None or (life and life.opened_at > at + CLOCK_DOUBT) else at

    def is_missing(self, known: KnownPosition) -> bool:
        """Whether its present life is: an absence that is known may have been of one before.

        A position that was flat, and so absent, can be opened by fills without ever having a row.
        """
        life = self.current.get(known.key)
        since = known.missing_since if life is None else life.missing_since
        return known.is_absent and since is not None

    def price(self, key: PositionKey) -> PriceEvidence | None:
        """A live mark of the same session, fresh enough to estimate with (promise 5)."""
        mark = self.marks.get(key)
        if mark is None or mark.price is None or mark.session_id != self.snapshot.session_id:
            return None
        if not self._is_workable(key, mark.price):
            return None
        age = mark.age_seconds(self.snapshot.as_of)
        return PriceEvidence(mark.price, mark.source, age) if age <= FRESH_SECONDS else None

    def _is_workable(self, key: PositionKey, price: Decimal) -> bool:
        """An estimate that no ledger can hold would keep the whole plan out of it."""
        known = self.book.positions.get(key)
        row = self.rows.get(key)
        what = row.instrument if row else known.instrument if known else None
        unit = what.unit_value if what else Decimal(1)
        return is_workable(worth(self.quantity_by_fills(key), price, unit))


def trades_cash(history: Sequence[Recorded]) -> bool:
    """Whether the fills of a position are conversions of currencies."""
    fills = (item.observation for item in history if isinstance(item.observation, Fill))
    return any(fill.instrument.is_virtual_cash for fill in fills)


def is_cash(known: KnownPosition) -> bool:
    return known.instrument is not None and known.instrument.is_virtual_cash
