"""How many lives of a position may be closed: each that ended at the broker's, and no more.

Four things no ledger could tell, and each allows lives more, as narrowly as that can be said:

- What happens without a fill (a split, a delivery, a transfer, a position that is gone without a
  word) shows in the next snapshot only. If fills of the position, or something else without a fill,
  come in the same gap between two looks, their order is unknown, and so is at which of those fills
  the position was flat: one life more for each. Where a look lies between them, nothing is allowed.
- A corrected size tells of another past: seen in hindsight the position was flat at other moments.
  Counted is the past as the corrections tell it, at each moment at which they told another one;
  also that of a position which is gone by then, and of which the desk forgets its history.
- The user's word closes what is missing, whatever the broker still holds. If it holds it still, the
  ledger is misled until it sees the row again: each fill until then may open or end a life.
- A fill that the program was never sent is, for it, the same: it knows the quantity from the next
  snapshot, and of each fill in the same gap that it was flat then, or was not.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from possync_tui.demo.book import Fill, Seed, Split, Step
from possync_tui.demo.desk import Desk

Key = tuple[str, int]

# Fills have whole seconds, and the clocks of TWS and of the program are apart by some.
_DOUBT = 8.0


@dataclass
class _Gone:
    """A history that the desk has dropped, and whether something was held at its end."""

    steps: list[Step]
    was_held: bool

    def correct(self, base_id: str, signed: Decimal) -> None:
        self.steps = [
            replace(step, signed=signed) if isinstance(step, Fill) and step.key == base_id else step
            for step in self.steps
        ]

    def ends(self) -> int:
        return _ends_in(self.steps) + self.was_held


class Ends:
    """Follows what a desk does, at what time, and when the program looked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.at_the_time: Counter[Key] = Counter()
        self._by_word: Counter[Key] = Counter()
        self._misled: set[Key] = set()
        self._quantities: dict[Key, Decimal] = {
            (p.account, p.con_id): p.quantity for p in desk.positions()
        }
        self._gone: dict[Key, list[_Gone]] = defaultdict(list)
        self._hindsight: Counter[Key] = Counter()
        self._fills: dict[Key, list[float]] = defaultdict(list)
        self._traded_at: dict[str, float] = {}
        self._unseen: dict[Key, list[float]] = defaultdict(list)
        self._delivered: dict[Key, list[float]] = defaultdict(list)
        self._looks: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @property
    def keys(self) -> set[Key]:
        return set(self._quantities) | set(self.at_the_time)

    # --- what happens ------------------------------------------------------------------------

    def moved(self, key: Key) -> None:
        """A position that reaches or crosses zero ends one life of it."""
        position = self._desk.position(*key)
        now = position.quantity if position else Decimal(0)
        before = self._quantities.get(key, Decimal(0))
        if _is_end(before, now):
            self.at_the_time[key] += 1
        self._quantities[key] = now
        self._look_back(key)

    def traded(self, key: Key, exec_id: str, signed: Decimal, at: float) -> None:
        for gone in self._gone[key]:
            gone.correct(exec_id.rpartition(".")[0], signed)
        self._fills[key].append(at)
        self._traded_at[exec_id] = at
        self._by_word[key] += key in self._misled
        self.moved(key)

    def happens_unseen(self, key: Key, at: float) -> None:
        """Something that no fill tells of."""
        self._unseen[key].append(at)

    def is_delivered(self, key: Key, at: float) -> None:
        """Units came or went without a fill: that may end a life of its own in another order."""
        self.happens_unseen(key, at)
        self._delivered[key].append(at)

    def vanishes(self, key: Key, at: float) -> None:
        """Say it before the desk drops the position with its history, which is an end of it."""
        self.happens_unseen(key, at)
        self._look_back(key)
        steps = list(self._desk._histories.get(key, ()))
        self._gone[key].append(_Gone(steps, bool(self._quantities.get(key))))

    def is_closed_by_word(self, key: Key) -> None:
        self._by_word[key] += 1
        if self._quantities.get(key):
            self._misled.add(key)

    def looked(self, account: str, began: float, ended: float, book: Mapping[Key, Decimal]) -> None:
        """What it saw is in the book now."""
        self._looks[account].append((began, ended))
        self._misled -= {
            key for key in self._misled if book.get(key, 0) == self._quantities.get(key, 0)
        }

    # --- what that allows --------------------------------------------------------------------

    def allowed(self, key: Key) -> int:
        in_truth = max(self.at_the_time[key], self._hindsight[key])
        return in_truth + self._by_word[key] + self._doubtful(key)

    def allowed_without(self, key: Key, exec_ids: Iterable[str]) -> int:
        """How many more while these fills of it were never sent."""
        return sum(max(1, self._beside(key, exec_id)) for exec_id in exec_ids)

    def _beside(self, key: Key, exec_id: str) -> int:
        at = self._traded_at.get(exec_id)
        if at is None:
            return 0
        return sum(self._in_one_gap(key[0], at, other) for other in self._fills[key]) - 1

    def is_doubtful(self, key: Key) -> bool:
        return bool(self._doubtful(key))

    def _doubtful(self, key: Key) -> int:
        """How many fills stand in one gap with something that no fill tells of.

        Each of them leaves another quantity if that came before it than if it came after, and so
        may end a life, or not. Something else that no fill tells of may do so once.
        """
        unseen, doubtful = self._unseen[key], 0
        for n, at in enumerate(unseen):
            fills = sum(self._in_one_gap(key[0], at, other) for other in self._fills[key])
            others = any(
                n != m and self._in_one_gap(key[0], at, other) for m, other in enumerate(unseen)
            )
            doubtful += max(fills, others) + (bool(fills) and at in self._delivered[key])
        return doubtful

    def _in_one_gap(self, account: str, one: float, other: float) -> bool:
        first, last = min(one, other), max(one, other)
        return not any(
            began > first + _DOUBT and ended + _DOUBT < last
            for began, ended in self._looks[account]
        )

    def _look_back(self, key: Key) -> None:
        seen = sum(gone.ends() for gone in self._gone[key]) + self._in_history(key)
        self._hindsight[key] = max(self._hindsight[key], seen)

    def _in_history(self, key: Key) -> int:
        return _ends_in(self._desk._histories.get(key, ()))


def _is_end(before: Decimal, now: Decimal) -> bool:
    return bool(before) and (not now or (now > 0) != (before > 0))


def _ends_in(steps: Sequence[Step]) -> int:
    held, ends = Decimal(0), 0
    for step in steps:
        match step:
            case Seed(quantity=quantity):
                now = quantity
            case Fill(signed=signed):
                now = held + signed
            case Split(new=new, old=old):
                now = held * new / old
        ends += _is_end(held, now)
        held = now
    return ends
