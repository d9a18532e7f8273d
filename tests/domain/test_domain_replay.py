"""Whatever comes late, twice or out of order, the same fills end in the same entries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.life import rebuild
from possync_tui.domain.money import from_micros, plain
from possync_tui.domain.observations import (
    Anchor,
    Commission,
    Fill,
    Observation,
    PositionRow,
    Recorded,
    Side,
)
from possync_tui.domain.position import CostMethod, Entry, Quality, Rebuilt

from .conftest import ACCOUNT, START

STOCK = Instrument(1, "XYZ", "STK", "USD")


@dataclass(frozen=True)
class Step:
    """A fill of the true history, and what we get to see of it when."""

    quantity: int
    price: Decimal
    commission: Decimal
    gap: int  # seconds since the fill before
    report_delay: int  # syncs until the execution turns up
    commission_delay: int
    is_twice: bool
    snapshot_after: bool


steps = st.lists(
    st.builds(
        Step,
        quantity=st.integers(-6, 6).filter(bool).map(lambda n: n * 10),
        price=st.integers(900, 1100).map(lambda cents: Decimal(cents) / 100),
        commission=st.integers(-50, 200).map(lambda cents: Decimal(cents) / 100),
        gap=st.integers(12, 400),
        report_delay=st.integers(0, 3),
        commission_delay=st.integers(0, 3),
        is_twice=st.booleans(),
        snapshot_after=st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


def make_fill(number: int, step: Step, at: datetime) -> Fill:
    side = Side.BOUGHT if step.quantity > 0 else Side.SOLD
    units = Decimal(abs(step.quantity))
    return Fill(
        ACCOUNT, f"0000e0d5.{number:08x}.01.01", STOCK, side, units, step.price, at, "",
        plain(units), plain(step.price),
    )  # fmt: skip


def report_of(fill: Fill, step: Step) -> Commission:
    text = plain(step.commission)
    return Commission(fill.exec_id, step.commission, "USD", None, text, "")


def anchor_of(quantity: int, cost: Decimal, at: datetime, known: int) -> Anchor:
    units = Decimal(quantity)
    row = PositionRow(ACCOUNT, STOCK, units, cost, plain(units), plain(cost))
    return Anchor(row, at, False, "d", None, known)


def seen_history(script: list[Step]) -> list[Recorded]:
    """The history as a program sees it that was sometimes too slow, and sometimes told twice."""
    recorded: list[Recorded] = []

    def add(item: Observation) -> None:
        recorded.append(Recorded(len(recorded) + 1, item))

    late: list[tuple[int, Observation]] = []
    at, held, syncs = START, 0, 0
    last_anchor: int | None = None
    for number, step in enumerate(script):
        at += timedelta(seconds=step.gap)
        held += step.quantity
        fill = make_fill(number, step, at)
        late.append((syncs + step.report_delay, fill))
        late.append((syncs + step.commission_delay, report_of(fill, step)))
        if step.is_twice:
            late.append((syncs + step.report_delay, fill))
        if not step.snapshot_after:
            continue
        for due, item in [pair for pair in late if pair[0] <= syncs]:
            add(item)
            late.remove((due, item))
        if held or last_anchor:
            # Costs as IBKR would have them do not matter here: every unit is explained by a fill.
            add(anchor_of(held, step.price, at + timedelta(seconds=6), len(recorded)))
            last_anchor = held
        syncs += 1
    for _, item in sorted(late, key=lambda pair: pair[0]):
        add(item)
    return recorded


def perfect_history(script: list[Step]) -> list[Recorded]:
    at = START
    items: list[Observation] = []
    for number, step in enumerate(script):
        at += timedelta(seconds=step.gap)
        fill = make_fill(number, step, at)
        items += [fill, report_of(fill, step)]
    return [Recorded(n, item) for n, item in enumerate(items, start=1)]


def entries(rebuilt: Rebuilt) -> list[Entry]:
    return [entry for life in rebuilt.lives for entry in life.entries]


@settings(max_examples=400, deadline=None)
@given(steps)
def test_late_and_shuffled_fills_end_as_if_seen_perfectly(script: list[Step]) -> None:
    seen, perfect = rebuild(seen_history(script)), rebuild(perfect_history(script))
    assert seen.quantity == perfect.quantity
    assert entries(seen) == entries(perfect)
    assert all(entry.quality is Quality.EXACT for entry in entries(seen))
    assert seen.unexplained == ()


@settings(max_examples=200, deadline=None)
@given(steps)
def test_realized_and_open_cost_equal_the_cash_that_moved(script: list[Step]) -> None:
    rebuilt = rebuild(perfect_history(script))
    cash = sum(
        (-Fraction(s.quantity) * Fraction(s.price) - Fraction(s.commission) for s in script),
        Fraction(0),
    )
    for method in CostMethod:
        realized = sum(e.realized_micros or 0 for e in entries(rebuilt) if e.method is method)
        life = rebuilt.current
        lots = () if life is None else life.lots if method is CostMethod.FIFO else (life.pool,)
        paid = 0
        for lot in lots:
            assert lot is not None
            assert lot.value_micros is not None
            direction = 1 if rebuilt.quantity > 0 else -1
            paid += direction * lot.value_micros + sum(fee for _, fee in lot.fees)
        assert Fraction(from_micros(realized - paid)) == cash


@settings(max_examples=200, deadline=None)
@given(steps)
def test_both_methods_agree_when_flat(script: list[Step]) -> None:
    held = sum(step.quantity for step in script)
    if held:
        closing = Step(-held, Decimal(10), Decimal(0), 20, 0, 0, False, False)
        script = [*script, closing]
    done = rebuild(perfect_history(script))
    assert done.quantity == 0
    sums = {
        method: sum(e.realized_micros or 0 for e in entries(done) if e.method is method)
        for method in CostMethod
    }
    assert sums[CostMethod.AVERAGE] == sums[CostMethod.FIFO]
