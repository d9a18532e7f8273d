"""What the desk has realized on each position, and where no ledger could know it."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from possync_tui.demo.book import Fill, Seed, Split, Step, replay
from possync_tui.demo.desk import Desk
from possync_tui.demo.records import Execution
from tests.simulation.bookings import ZONE
from tests.simulation.ends import Key

# Fills and statements have whole seconds: within one, nobody knows what came first.
_ONE_MOMENT = timedelta(seconds=2)


def is_repeated(at: datetime) -> bool:
    """Whether New York's clock shows a time for the second time."""
    return bool(at.astimezone(ZONE).fold)


@dataclass
class _Past:
    """The history of a position that the desk has dropped, and at what price it ended."""

    steps: list[Step]
    price: Decimal | None

    def realized(self, unit: Decimal) -> Decimal:
        holding, _ = replay(self.steps, unit)
        if self.price is not None:
            holding.apply(-holding.quantity, self.price, unit, Decimal(0))
        return holding.realized

    @property
    def is_same_by_any_method(self) -> bool:
        """Whether the units that were left realize nothing elsewhere, or none had gone before them.

        Which of several lots a part of a position had closed is a matter of the method, and so is
        then what the units cost that were transferred or delivered, and realize nothing here.
        """
        if self.price is not None:
            return True
        held, has_reduced = Decimal(0), False
        for step in self.steps:
            match step:
                case Fill(signed=signed):
                    after = held + signed
                    is_less = abs(after) < abs(held)
                    has_reduced = after * held > 0 and (has_reduced or is_less)
                    held = after
                case Split(new=new, old=old):
                    held = held * new / old
                case Seed(quantity=held):
                    pass
        return not (held and has_reduced)


class Realized:
    """The desk's truth, kept also of positions that the desk has dropped.

    What no execution tells (a split, a delivery, an expiry, a transfer, a fill or a commission that
    TWS keeps to itself) is known once a statement has told of it. Never known exactly are, and so
    are left out for good:

    - what was held before the first look: it has an average cost, rounded, and no opening fills;
    - what a transfer or a conversion brought in: the desk begins it anew with an average cost;
    - what the user closed by his word, whatever the broker holds;
    - a position on which something without an execution falls into the same moment as a fill: whose
      units were at which cost then depends on which came first, and times have whole seconds;
    - what a statement alone tells of an hour that the clock repeats, in its second time: the
      program takes it for the first and says so, and nothing in the statement tells which it was.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._dropped: defaultdict[Key, list[_Past]] = defaultdict(list)
        self._untold: defaultdict[Key, list[datetime]] = defaultdict(list)
        self._moments: defaultdict[Key, list[datetime]] = defaultdict(list)
        self._never: set[Key] = {(p.account, p.con_id) for p in desk.positions()}
        self._in_part: set[Key] = set()

    # --- what happens ------------------------------------------------------------------------

    def is_never_known(self, *keys: Key) -> None:
        self._never.update(keys)

    def untold(self, key: Key, at: datetime, *, is_fill: bool = False) -> None:
        """Something that the next statement tells of, and nothing before it."""
        self._untold[key].append(at)
        if not is_fill:
            self._moments[key].append(at)

    def ends(self, key: Key, at: datetime, price: Decimal | None = None) -> None:
        """The desk drops a position now; with a `price`, its end realizes what it is worth."""
        self._dropped[key].append(_Past(list(self._desk._histories[key]), price))
        self.untold(key, at)

    def ends_in_part(self, key: Key, at: datetime) -> None:
        """Some of it was delivered: which lots those were is a matter of the method."""
        self._in_part.add(key)
        self.untold(key, at)

    def corrected(self, execution: Execution) -> None:
        """The desk corrects what it still has; what it has dropped is corrected here."""
        base, key = execution.exec_id.rpartition(".")[0], (execution.account, execution.con_id)
        if key in self._in_part:
            # Another premium would have been moved into what was delivered than the statement says.
            self.is_never_known(key)
        for past in self._dropped[key]:
            fills = (step for step in past.steps if isinstance(step, Fill) and step.key == base)
            if any(past.price is None for _ in fills):
                # Other units are left here than were transferred, or another premium would have
                # been moved into what was delivered, than the statement tells.
                self.is_never_known(key)
            past.steps = [
                replace(
                    step,
                    price=execution.price,
                    signed=execution.quantity.copy_sign(step.signed),
                )
                if isinstance(step, Fill) and step.key == base
                else step
                for step in past.steps
            ]

    def told(self, account: str, until: datetime) -> None:
        """A statement of all that was before `until` has been imported."""
        for key, times in self._untold.items():
            if key[0] == account:
                times[:] = [at for at in times if at >= until]

    # --- what that makes ---------------------------------------------------------------------

    def of(self, key: Key) -> Decimal:
        unit = self._desk.instruments[key[1]].unit
        holding = self._desk._holdings.get(key)
        past = sum((past.realized(unit) for past in self._dropped[key]), Decimal(0))
        return past + (holding.realized if holding else Decimal(0))

    def has_been_told(self, key: Key) -> bool:
        """Whether a statement had to tell a part of it."""
        return bool(self._moments[key])

    def is_same_by_any_method(self, key: Key) -> bool:
        """Whether FIFO has realized what the desk's average cost has."""
        if key in self._in_part:
            return False
        holding = self._desk._holdings.get(key)
        is_flat = holding is None or not holding.quantity
        return is_flat and all(past.is_same_by_any_method for past in self._dropped[key])

    def known_keys(self) -> set[Key]:
        """Positions of which a ledger with all executions and all statements knows everything."""
        keys = set(self._desk._holdings) | set(self._dropped)
        return {
            key
            for key in keys - self._never
            if not self._untold[key]
            and not self._is_unordered(key)
            and not any(map(is_repeated, self._moments[key]))
        }

    def _is_unordered(self, key: Key) -> bool:
        moments = sorted(self._moments[key])
        if any(b - a < _ONE_MOMENT for a, b in pairwise(moments)):
            return True
        times = [execution.time for execution in self.executions(key)]
        return any(abs(at - time) < _ONE_MOMENT for at in moments for time in times)

    def executions(self, key: Key) -> list[Execution]:
        """Each in its last revision."""
        here = (e for e in self._desk.executions if (e.account, e.con_id) == key)
        return list({e.exec_id.rpartition(".")[0]: e for e in here}.values())
