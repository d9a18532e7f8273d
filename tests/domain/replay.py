"""A trading history at the broker, and the same history as a program saw it that was not always on.

The broker knows every fill, correction, cancellation and split at its instant. The program is told
late, twice, in any order, by TWS or by a statement, and looks at the position in between.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from possync_tui.domain.exec_ids import cancelled_id
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.life import rebuild
from possync_tui.domain.money import plain
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Anchor,
    CloseDecided,
    CloseReason,
    Commission,
    Fill,
    FillSource,
    Observation,
    PositionRow,
    PriceEvidence,
    Recorded,
    Side,
)

from .conftest import ACCOUNT, START

STOCK = Instrument(1, "XYZ", "STK", "USD")
KEY = PositionKey(ACCOUNT, 1)
NEVER_BEFORE_THE_END = 99


@dataclass(frozen=True)
class Trade:
    """A fill. Delays are counted in looks at the position."""

    quantity: Decimal
    price: Decimal
    commission: Decimal
    currency: str
    gap: int
    told_after: int
    commission_after: int
    is_twice: bool
    of_statement: bool


@dataclass(frozen=True)
class Correct:
    """An older execution gets another size or price, or is cancelled (`quantity` zero)."""

    which: int
    quantity: int
    price: Decimal
    commission: Decimal
    gap: int
    told_after: int


@dataclass(frozen=True)
class Split:
    """The instrument is split while nothing else happens."""

    new: int
    old: int


@dataclass(frozen=True)
class Look:
    """A snapshot. `skew` is how far our view of the broker's clock is off."""

    skew: int
    flat_is: str


Step = Trade | Correct | Split | Look

_cents = st.integers(900, 1100).map(lambda cents: Decimal(cents) / 100)
_fees = st.integers(-50, 200).map(lambda cents: Decimal(cents) / 100)
# Some gaps are so small that a look has fills on both sides within the doubt about clocks.
_gaps = st.one_of(st.integers(0, 4), st.integers(12, 400))
_delays = st.one_of(st.integers(0, 3), st.just(NEVER_BEFORE_THE_END))

trades = st.builds(
    Trade,
    quantity=st.integers(-6, 6).filter(bool).map(lambda n: Decimal(n * 10)),
    price=_cents,
    commission=_fees,
    currency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
    gap=_gaps,
    told_after=_delays,
    commission_after=_delays,
    is_twice=st.booleans(),
    of_statement=st.booleans(),
)
corrections = st.builds(
    Correct,
    which=st.integers(0, 20),
    quantity=st.integers(0, 6).map(lambda n: n * 10),
    price=_cents,
    commission=_fees,
    gap=_gaps,
    told_after=_delays,
)
splits = st.sampled_from([Split(2, 1), Split(4, 1), Split(3, 2), Split(1, 2), Split(1, 10)])
looks = st.builds(
    Look, skew=st.integers(-4, 4), flat_is=st.sampled_from(["zero row", "absent", "your word"])
)
scripts = st.lists(
    st.one_of(trades, trades, looks, looks, corrections, splits), min_size=1, max_size=16
)


@dataclass
class Desk:
    """The broker's side: what happened so far, every execution in its present revision."""

    now: datetime = START
    done: list[str | Split] = field(default_factory=list)
    standing: dict[str, Fill] = field(default_factory=dict)
    fees: dict[str, Commission] = field(default_factory=dict)
    events: list[Observation] = field(default_factory=list)

    def row(self) -> PositionRow:
        """Quantity and average cost, as a plain sum over fractions makes them."""
        held, cost = Fraction(0), Fraction(0)
        for event in self.done:
            if isinstance(event, Split):
                held = held * event.new / event.old
                continue
            fill = self.standing[event]
            traded, price = Fraction(fill.signed_quantity), Fraction(fill.price)
            if not held or (held > 0) == (traded > 0):
                cost += abs(traded) * price
            elif abs(traded) <= abs(held):
                cost -= cost * abs(traded) / abs(held)
            else:
                cost = abs(traded + held) * price
            held += traded
        units = Decimal(held.numerator) / Decimal(held.denominator)
        average = Decimal(0)
        if held:
            exact = cost / abs(held)
            average = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(
                Decimal("0.0000001")
            )
        return PositionRow(ACCOUNT, STOCK, units, average, plain(units), plain(average))

    def trade(self, step: Trade) -> tuple[Fill, Commission]:
        self.now += timedelta(seconds=step.gap)
        units = abs(step.quantity)
        fill = Fill(
            account=ACCOUNT,
            exec_id=f"0000e0d5.{len(self.done):08x}.01.01",
            instrument=STOCK,
            side=Side.BOUGHT if step.quantity > 0 else Side.SOLD,
            quantity=units,
            price=step.price,
            time=self.now,
            raw_time="",
            quantity_text=plain(units),
            price_text=plain(step.price),
            source=FillSource.FLEX if step.of_statement else FillSource.WIRE,
        )
        self.done.append(fill.base_id)
        return fill, self._put(fill, step.commission, step.currency)

    def correct(self, step: Correct) -> tuple[Fill, Commission] | None:
        """The next revision of an execution that is not cancelled."""
        self.now += timedelta(seconds=step.gap)
        alive = [base for base, fill in self.standing.items() if fill.quantity]
        if not alive:
            return None
        old = self.standing[alive[step.which % len(alive)]]
        units = Decimal(step.quantity)
        again = f"{old.base_id}.{old.revision + 1:02d}"
        fill = replace(
            old,
            exec_id=again if units else cancelled_id(old.exec_id),
            quantity=units,
            quantity_text=plain(units),
            price=step.price,
            price_text=plain(step.price),
        )
        return fill, self._put(fill, step.commission, self.fees[old.base_id].currency)

    def split(self, step: Split) -> None:
        self.done.append(step)
        self.events.append(
            Adjusted(
                key=KEY,
                kind=AdjustmentKind.SPLIT,
                instrument=STOCK,
                as_of=self.now,
                quantity=Decimal(0),
                source=AdjustmentSource.FLEX,
                reference=str(len(self.done)),
                evidence="",
                ratio=(step.new, step.old),
            )
        )

    def _put(self, fill: Fill, amount: Decimal, currency: str) -> Commission:
        report = Commission(fill.exec_id, amount, currency, None, plain(amount), "")
        self.standing[fill.base_id] = fill
        self.fees[fill.base_id] = report
        self.events += [fill, report]
        return report

    @property
    def history(self) -> list[Recorded]:
        """The whole of it, as if every word had come at once and no look had been needed."""
        return [Recorded(n, item) for n, item in enumerate(self.events, start=1)]

    @property
    def cash(self) -> Fraction:
        """What the account got and paid in dollars, commissions in dollars included."""
        moved = Fraction(0)
        for base, fill in self.standing.items():
            moved -= Fraction(fill.signed_quantity) * Fraction(fill.price)
            if fill.quantity and self.fees[base].currency == "USD":
                moved -= Fraction(self.fees[base].amount)
        return moved


@dataclass
class Program:
    """What the program recorded of it."""

    desk: Desk
    recorded: list[Recorded] = field(default_factory=list)
    waiting: list[tuple[int, Observation]] = field(default_factory=list)
    looks: int = 0

    def hear(self, after: int, item: Observation) -> None:
        self.waiting.append((self.looks + after, item))

    def listen(self) -> None:
        """Take in what is due by now, the last said first."""
        due = [pair for pair in self.waiting if pair[0] <= self.looks]
        self.waiting = [pair for pair in self.waiting if pair[0] > self.looks]
        for _, item in reversed(due):
            self._add(item)

    def look(self, step: Look) -> None:
        self.listen()
        known, row = len(self.recorded), self.desk.row()
        as_of = self.desk.now + timedelta(seconds=step.skew)
        price = PriceEvidence(Decimal(10), "portfolio", 1.0)
        if row.quantity:
            self._add(Anchor(row, as_of, False, "d", price, known))
        elif rebuild(self.recorded).quantity:
            reason = CloseReason.USER if step.flat_is == "your word" else CloseReason.ZERO_ROW
            if step.flat_is == "absent":
                self._add(Absent(KEY, as_of, False, "d", known))
            else:
                self._add(CloseDecided(KEY, reason, as_of, "", price, known))
        self.looks += 1

    def finish(self) -> None:
        """Everything is told in the end: by a later request, or by a statement."""
        self.looks = NEVER_BEFORE_THE_END + self.looks
        self.listen()

    def _add(self, item: Observation) -> None:
        self.recorded.append(Recorded(len(self.recorded) + 1, item))


def play(script: list[Step]) -> tuple[Desk, list[Recorded]]:
    """The broker's side and what the program recorded."""
    desk = Desk()
    program = Program(desk)
    calm = Look(0, "absent")
    for step in script:
        match step:
            case Trade():
                fill, report = desk.trade(step)
                program.hear(step.told_after, fill)
                program.hear(step.commission_after, report)
                if step.is_twice:
                    program.hear(step.told_after, fill)
            case Correct():
                told = desk.correct(step)
                if told is not None:
                    program.hear(step.told_after, told[0])
                    program.hear(step.told_after, told[1])
            case Split() if desk.row().quantity:
                # A day of its own: splits happen overnight.
                desk.now += timedelta(seconds=40)
                program.look(calm)
                desk.now += timedelta(seconds=40)
                desk.split(step)
                desk.now += timedelta(seconds=40)
                program.look(calm)
                desk.now += timedelta(seconds=40)
            case Look():
                program.look(step)
            case _:
                pass
    program.finish()
    return desk, program.recorded
