"""What the broker had counted of what happened, when it said how much it holds.

Lots are always built in the broker's order and from the latest revisions, whoever knew them when. A
quantity that the broker stated is another matter: it has in it what had been counted by then. Here
the two are told apart, so that a correction or a fill that became known later explains an old
quantity instead of contradicting it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from possync_tui.domain import lots as lot_math
from possync_tui.domain.happenings import SAME_EVENT, Happening, KnownAdjustment, KnownFill
from possync_tui.domain.values import dataclass

CLOCK_DOUBT = timedelta(seconds=5)
"""Execution times have whole seconds and our view of the broker's clock is no finer: a fill this
close to a snapshot may stand on either side of it, and the quantity says on which."""

_NONE = Decimal(0)

MOST_SUMS = 1024
"""Quantities that doubtful fills are tried for. Beyond that what is left is taken as not counted:
the snapshot is unexplained then, and the next one decides."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A happening, and how many of its revisions the broker's quantity had in it (0: none).

    `is_certain` says that there is no doubt of that, now or later. `ratio` is how many units
    splits have made of each of its units since.
    """

    happening: Happening
    revision: int
    is_certain: bool
    ratio: Fraction = Fraction(1)

    def after(self, quantity: Decimal) -> Decimal:
        """The quantity that the broker's count of it leaves of `quantity`."""
        return self.happening.after(quantity, self.revision)

    @property
    def offset(self) -> Decimal:
        """What the broker had counted of it less what our lots have of it."""
        return self.offset_of(self.revision)

    def offset_of(self, revision: int) -> Decimal:
        zero = Decimal(0)
        units = self.happening.after(zero, revision) - self.happening.after(zero)
        return lot_math.scaled(units, self.ratio.numerator, self.ratio.denominator)


@dataclass(frozen=True, slots=True)
class Stated:
    """A place in the history at which the broker's quantity was stated: `None` where it was not.

    With `is_row`, a row of a snapshot stated it.
    """

    as_of: datetime
    known_seq: int
    target: Decimal | None
    is_row: bool = False

    def possible(self, happening: Happening) -> Sequence[int]:
        """How many revisions of a happening may have been counted; the likeliest first.

        What was known before the snapshot was counted in it, and so was what happened well before.
        A correction has no time of its own: unless it was known, it may have come on either side.
        """
        arrivals = happening.arrivals
        known = _known(arrivals, self.known_seq)
        if known or happening.at < self.as_of - CLOCK_DOUBT:
            return range(max(known, 1), len(arrivals) + 1)
        if happening.at <= self.as_of + doubt(happening):
            return range(len(arrivals) + 1)
        # What was asked for before the snapshot and was not there came after it.
        return range(1)

    def possible_late(self, happening: Happening) -> Sequence[int]:
        """The same where a fill that TWS told only after a row may have been missing from both.

        It reports some late, and a time without a zone can be read hours off.
        """
        possible = self.possible(happening)
        may_lag = self.is_row and possible[0] and isinstance(happening, KnownFill)
        if not may_lag or happening.is_of_statement or _known(happening.arrivals, self.known_seq):
            return possible
        return (*possible, 0)


def doubt(happening: Happening) -> timedelta:
    """How much earlier than its time the broker may have counted it.

    Statements tell the business day on which a corporate action was processed: TWS may have shown
    it before.
    """
    is_dated = isinstance(happening, KnownAdjustment) and happening.is_of_statement
    return SAME_EVENT if is_dated else CLOCK_DOUBT


def _known(arrivals: Sequence[int], seq: int) -> int:
    """How many revisions count by `seq`: the highest that had arrived, and all below it."""
    return max((n for n, arrived in enumerate(arrivals, start=1) if arrived <= seq), default=0)


@dataclass
class Counting:
    """What is not booked yet, and what is booked but may have been counted otherwise."""

    pending: list[Happening]
    doubted: list[Counted] = field(default_factory=list)

    @property
    def offset(self) -> Decimal:
        """The broker's quantity at the last place less that of our lots."""
        return sum((counted.offset for counted in self.doubted), _NONE) if self.doubted else _NONE

    def shows_split(self, ours: Decimal, held: Decimal, stated: Stated, ratio: Fraction) -> bool:
        """Whether the quantity was stated after a split of `ratio`, which the average cost shows.

        `held` is what the broker had before. Where nothing is doubtful the quantity says it. Else
        it was split where the quantity changed by just that ratio (the total cost stayed as it
        was), or where the likely choices make the quantity with the split and not without, or
        where no choice makes it without. A reverse split may leave less than one unit over: a
        fraction that is cashed (pitfall 19), with a fill or without.
        """
        target = stated.target
        if target is None:
            return False
        new, old = ratio.numerator, ratio.denominator
        after = Counting(self.pending, self.doubted)
        after.rescale(ratio)
        scaled = lot_math.scaled(ours, new, old)
        is_made = self.likely(ours, stated) == target
        without = self.possible(ours, stated)
        if is_made and len(without) == 1:
            return False
        if target in without and any(_rescales(h) for h in self._reached(stated)):
            # A statement tells of it by now: it is that split, not another one.
            return False
        if target == lot_math.scaled(held, new, old) and target in after.possible(scaled, stated):
            return True
        left_over = abs(target - after.likely(scaled, stated))
        if is_made or left_over == 0 or (new == 1 and left_over < 1):
            return not is_made
        return target not in without and target in after.possible(scaled, stated)

    def comes_before_split(self, ours: Decimal, stated: Stated, ratio: Fraction) -> bool:
        """Whether what is due came before the split, and not behind it.

        It did where the quantity is just what that makes, and the other order leaves some over.
        """
        target = stated.target
        if target is None or self.doubted or not self._reached(stated):
            return False
        new, old = ratio.numerator, ratio.denominator
        behind = self.likely(lot_math.scaled(ours, new, old), stated)
        return target == lot_math.scaled(self.likely(ours, stated), new, old) != behind

    def _reached(self, stated: Stated) -> list[Happening]:
        return [happening for happening in self.pending if max(stated.possible(happening))]

    def likely(self, ours: Decimal, stated: Stated) -> Decimal:
        """What the broker has by the likeliest count of what is due."""
        quantity = ours
        for step in _steps(self.doubted, self._reached(stated), stated):
            quantity = step.after(quantity, step.possible[0])
        return quantity

    def possible(self, ours: Decimal, stated: Stated) -> frozenset[Decimal]:
        """All the quantities that may have been counted at `stated`."""
        return frozenset(_ways(ours, _steps(self.doubted, self._reached(stated), stated)))

    def openings(self, ours: Decimal, stated: Stated) -> frozenset[Decimal]:
        """The same, with what may have been missing from a first look though it came before."""
        late = _steps(self.doubted, self._reached(stated), stated, Stated.possible_late)
        return frozenset(_ways(ours, late))

    def told(self, stated: Stated, shown: Decimal, possible: Collection[Decimal]) -> Decimal | None:
        """What a first look showed, where a statement may tell how all of it came to be.

        Then that decides which happenings of the same moment it had counted. Fills of TWS alone do
        not: something held before is as likely to have made it.
        """
        is_told = any(happening.is_of_statement for happening in self._reached(stated))
        return shown if is_told and shown in possible else None

    def due(self, ours: Decimal, stated: Stated) -> list[Counted]:
        """What to book before `stated`, in the broker's order, and how the broker had counted it.

        Of all ways to count what is doubtful, one that makes the quantity what was stated is taken,
        with the fewest exceptions; only where none does, fills may have been late; if there still
        is none, nothing doubtful was counted. Which of several it is makes no difference to lots or
        entries, because their order is that of the broker's times in any case: it only says that
        the quantity needs no other explanation.
        """
        if not self.pending and not self.doubted:
            return []
        reached = self._reached(stated)
        revisions = _revisions(ours, self.doubted, reached, stated)
        earlier = len(self.doubted)
        self.doubted = [
            replace(
                counted,
                revision=revision,
                is_certain=_is_settled(counted.happening, revision, stated),
            )
            for counted, revision in zip(self.doubted, revisions, strict=False)
        ]
        self.doubted = [counted for counted in self.doubted if not counted.is_certain]
        counts = dict(zip(map(id, reached), revisions[earlier:], strict=True))
        last = max((n for n, h in enumerate(self.pending) if counts.get(id(h))), default=-1)
        due: list[Counted] = []
        left: list[Happening] = []
        for happening in self.pending[: last + 1]:
            revision = counts.get(id(happening), 0)
            if revision or not _is_split(happening):
                due.append(Counted(happening, revision, _is_settled(happening, revision, stated)))
            else:
                left.append(happening)
        self.pending = left + self.pending[last + 1 :]
        return due

    def book(self, counted: Counted) -> None:
        """`counted` is in the lots now."""
        happening = counted.happening
        if isinstance(happening, KnownAdjustment) and _is_split(happening):
            self.rescale(Fraction(*happening.item.ratio))
        elif not counted.is_certain:
            self.doubted.append(counted)

    def rescale(self, ratio: Fraction) -> None:
        """A split: what was counted of older fills is so many units now."""
        self.doubted = [replace(c, ratio=c.ratio * ratio) for c in self.doubted]

    def settle(self) -> None:
        """The position is flat, whatever was counted of it."""
        self.doubted.clear()


def _is_split(happening: Happening) -> bool:
    return isinstance(happening, KnownAdjustment) and happening.item.ratio != (1, 1)


def _is_settled(happening: Happening, revision: int, stated: Stated) -> bool:
    """Whether everything that is known of it had certainly been counted."""
    return revision == len(happening.arrivals) == min(stated.possible(happening))


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing to count: how many of its revisions may be, the likeliest first.

    `after` is what so many of them make of a quantity.
    """

    possible: Sequence[int]
    after: Callable[[Decimal, int], Decimal]


def _revisions(
    ours: Decimal, doubted: Sequence[Counted], reached: Sequence[Happening], stated: Stated
) -> list[int]:
    """How many revisions of each were counted; the likeliest where nothing makes the quantity."""
    steps = _steps(doubted, reached, stated)
    chosen: tuple[int, ...] | None = None
    if stated.target is not None:
        chosen = _ways(ours, steps).get(stated.target)
        if chosen is None and stated.is_row:
            late = _steps(doubted, reached, stated, Stated.possible_late)
            chosen = _ways(ours, late).get(stated.target)
            steps = steps if chosen is None else late
    choices = iter(chosen or ())
    return [
        next(choices, step.possible[0]) if len(step.possible) > 1 else step.possible[0]
        for step in steps
    ]


def _steps(
    doubted: Sequence[Counted],
    reached: Sequence[Happening],
    stated: Stated,
    possible: Callable[[Stated, Happening], Sequence[int]] = Stated.possible,
) -> list[_Step]:
    again = (_Step(_again(c, possible(stated, c.happening)), _shift(c)) for c in doubted)
    return [*again, *(_Step(possible(stated, h), h.after) for h in reached)]


def _again(counted: Counted, possible: Sequence[int]) -> Sequence[int]:
    """`possible`, where what an earlier quantity had in it is the likeliest."""
    likeliest = max(counted.revision, possible[0])
    return (likeliest, *(revision for revision in possible if revision != likeliest))


def _shift(counted: Counted) -> Callable[[Decimal, int], Decimal]:
    return lambda quantity, revision: quantity + counted.offset_of(revision)


def _ways(start: Decimal, steps: Sequence[_Step]) -> dict[Decimal, tuple[int, ...]]:
    """Every quantity that the steps can make of `start`, with the choices that make it.

    Of several ways to one quantity that with the fewest unlikely choices stands, and of those the
    one that counts earlier happenings first.
    """
    ways: dict[Decimal, tuple[int, tuple[int, ...]]] = {start: (0, ())}
    for step in steps:
        possible = step.possible
        if len(possible) > 1 and len(ways) * len(possible) > MOST_SUMS:
            possible = possible[:1]
        onward: dict[Decimal, tuple[int, tuple[int, ...]]] = {}
        for quantity, (exceptions, path) in ways.items():
            for revision in possible:
                further = (*path, revision) if len(step.possible) > 1 else path
                way = (exceptions + (revision != possible[0]), further)
                reached = step.after(quantity, revision)
                if reached not in onward or _is_better(way, onward[reached]):
                    onward[reached] = way
        ways = onward
    return {quantity: path for quantity, (_, path) in ways.items()}


def _is_better(way: tuple[int, tuple[int, ...]], other: tuple[int, tuple[int, ...]]) -> bool:
    return way[0] < other[0] or (way[0] == other[0] and way[1] > other[1])


def _rescales(happening: Happening) -> bool:
    return happening.after(Decimal(1)) - happening.after(Decimal(0)) != 1
