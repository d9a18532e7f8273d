"""Realized P&L against computations that are not ours.

First in, first out: beancount books the same fills and says which lots each one closed. Average
cost: a few lines of `fractions.Fraction`. Both are exact; ours rounds each share of a fill to a
micro-unit and keeps the residue, so that single entries differ by that at most, and totals of what
is flat not at all.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from beancount import loader
from beancount.core.data import Transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.life import rebuild
from possync_tui.domain.money import plain
from possync_tui.domain.observations import Side
from possync_tui.domain.position import CostMethod, Entry, Quality, Rebuilt

from .conftest import History

MICRO = Fraction(1, 1_000_000)


@dataclass(frozen=True)
class Step:
    """A fill; without a quantity one that closes (or, twice over, turns round) what is held."""

    quantity: Decimal | None
    times: int
    price: Decimal
    commission: Decimal


@dataclass(frozen=True)
class Trade:
    """A fill with a signed quantity."""

    number: int
    quantity: Decimal
    price: Decimal
    commission: Decimal


@dataclass(frozen=True)
class Part:
    """Units of a closing fill, and the opening fill that they came from."""

    opening: Trade
    units: Fraction


def _of(places: int, low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda n: Decimal(n).scaleb(-places))


scripts = st.lists(
    st.builds(
        Step,
        quantity=st.one_of(
            st.none(), _of(4, -40_000, 40_000).filter(bool), _of(0, -300, 300).filter(bool)
        ),
        times=st.integers(1, 2),
        price=_of(2, 1, 60_000),
        commission=_of(2, -150, 700),
    ),
    min_size=2,
    max_size=14,
)
multipliers = st.sampled_from(["", "10", "50", "100"])


def trades_of(script: list[Step]) -> list[Trade]:
    held = Decimal(0)
    trades = []
    for number, step in enumerate(script):
        quantity = -held * step.times if step.quantity is None else step.quantity
        if quantity:
            trades.append(Trade(number, quantity, step.price, step.commission))
            held += quantity
    return trades


def ours(trades: list[Trade], multiplier: str) -> Rebuilt:
    history = History(Instrument(1, "XYZ", "FUT", "USD", multiplier=multiplier))
    for trade in trades:
        side = Side.BOUGHT if trade.quantity > 0 else Side.SOLD
        size, fee = plain(abs(trade.quantity)), plain(trade.commission)
        history.fill(side, size, plain(trade.price), fee, exec_id=exec_id(trade))
    return rebuild(history.recorded)


def exec_id(trade: Trade) -> str:
    return f"0000e0d5.{trade.number:08x}.01.01"


def entries_by_trade(rebuilt: Rebuilt, method: CostMethod) -> dict[str, Entry]:
    found = [e for life in rebuilt.lives for e in life.entries if e.method is method]
    assert all(entry.quality is Quality.EXACT for entry in found)
    return {str(entry.exec_id): entry for entry in found}


# --- first in, first out, by beancount -----------------------------------------------------------


def booked_by_beancount(trades: list[Trade]) -> dict[Trade, list[Part]]:
    """Which opening fills each closing one took units from. A flip is two transactions."""
    lines = ['2000-01-01 open Assets:Stock "FIFO"', "2000-01-01 open Assets:Cash"]
    held = Decimal(0)
    for trade in trades:
        day = date(2000, 1, 2) + timedelta(days=trade.number)
        is_closing = held * trade.quantity < 0
        closing = min(abs(held), abs(trade.quantity)) if is_closing else Decimal(0)
        sign = 1 if trade.quantity > 0 else -1
        opening = abs(trade.quantity) - closing
        if closing:
            lines += _transaction(day, f"{sign * closing:f} XYZ {{}}", trade)
        if opening:
            cost = f'{{{trade.price:f} USD, "{trade.number}"}}'
            lines += _transaction(day, f"{sign * opening:f} XYZ {cost}", trade)
        held += trade.quantity
    entries, errors, _ = loader.load_string("\n".join(lines) + "\n")
    assert not errors, errors
    by_number = {str(trade.number): trade for trade in trades}
    booked: dict[Trade, list[Part]] = {}
    for transaction in entries:
        if not isinstance(transaction, Transaction):
            continue
        name = str(transaction.narration)
        for posting in transaction.postings:
            label = posting.cost.label if posting.cost else None
            if label is None or label == name:
                continue
            assert posting.units is not None
            assert posting.units.number is not None
            part = Part(by_number[label], abs(Fraction(posting.units.number)))
            booked.setdefault(by_number[name], []).append(part)
    return booked


def _transaction(day: date, posting: str, trade: Trade) -> list[str]:
    return [f'{day} * "{trade.number}"', f"  Assets:Stock  {posting}", "  Assets:Cash"]


def net_of(trade: Trade, parts: list[Part], unit: Fraction) -> Fraction:
    """Closing proceeds less what was closed, each side with its share of commission."""
    net = Fraction(0)
    for part in parts:
        direction = 1 if part.opening.quantity > 0 else -1
        moved = Fraction(trade.price) - Fraction(part.opening.price)
        net += direction * moved * part.units * unit
        opened = abs(Fraction(part.opening.quantity))
        net -= Fraction(part.opening.commission) * part.units / opened
        net -= Fraction(trade.commission) * part.units / abs(Fraction(trade.quantity))
    return net


@settings(deadline=None, max_examples=120)
@given(scripts, multipliers)
def test_fifo_is_what_beancount_books(script: list[Step], multiplier: str) -> None:
    trades = trades_of(script)
    rebuilt = ours(trades, multiplier)
    found = entries_by_trade(rebuilt, CostMethod.FIFO)
    booked = booked_by_beancount(trades)
    assert {exec_id(trade) for trade in booked} == found.keys()
    total, parts_seen = Fraction(0), 0
    for trade, parts in booked.items():
        entry = found[exec_id(trade)]
        expected = net_of(trade, parts, Fraction(multiplier or 1))
        assert entry.realized is not None
        assert Fraction(entry.quantity) == sum(part.units for part in parts)
        assert abs(Fraction(entry.realized) - expected) <= MICRO * (2 + 2 * len(parts) + parts_seen)
        total += expected
        parts_seen += len(parts)
    if not rebuilt.quantity:
        assert sum(Fraction(e.realized or 0) for e in found.values()) == total


# --- average cost, by fractions ------------------------------------------------------------------


def nets_by_average(trades: list[Trade], unit: Fraction) -> dict[str, Fraction]:
    """Money in and out of one pool, units that leave take their share of it with them."""
    held, pool = Fraction(0), Fraction(0)
    nets: dict[str, Fraction] = {}
    for trade in trades:
        signed = Fraction(trade.quantity)
        paid = signed * Fraction(trade.price) * unit + Fraction(trade.commission)
        if held * signed < 0:
            closed = min(abs(held), abs(signed))
            leaving, spent = pool * closed / abs(held), paid * closed / abs(signed)
            nets[exec_id(trade)] = -leaving - spent
            pool, paid = pool - leaving, paid - spent
        held, pool = held + signed, pool + paid
    return nets


@settings(deadline=None, max_examples=400)
@given(scripts, multipliers)
def test_average_cost_is_what_fractions_make_it(script: list[Step], multiplier: str) -> None:
    trades = trades_of(script)
    rebuilt = ours(trades, multiplier)
    found = entries_by_trade(rebuilt, CostMethod.AVERAGE)
    expected = nets_by_average(trades, Fraction(multiplier or 1))
    assert expected.keys() == found.keys()
    for place, (name, net) in enumerate(expected.items()):
        realized = found[name].realized
        assert realized is not None
        assert abs(Fraction(realized) - net) <= MICRO * (4 + place)
    if not rebuilt.quantity:
        assert sum(Fraction(e.realized or 0) for e in found.values()) == sum(expected.values())


@pytest.mark.parametrize("method", list(CostMethod))
def test_entries_of_whole_shares_are_equal_to_the_micro(method: CostMethod) -> None:
    """Where nothing has to be rounded, nothing differs."""
    script = [("B", 100, "10", "1"), ("B", 100, "12", "1"), ("S", 250, "13", "2.5")]
    script += [("S", 50, "14", "1"), ("B", 25, "9", "0.25"), ("B", 75, "13.5", "-0.75")]
    trades = [
        Trade(n, Decimal(q if side == "B" else -q), Decimal(price), Decimal(fee))
        for n, (side, q, price, fee) in enumerate(script)
    ]
    found = entries_by_trade(ours(trades, "50"), method)
    if method is CostMethod.AVERAGE:
        expected = nets_by_average(trades, Fraction(50))
    else:
        booked = booked_by_beancount(trades)
        expected = {exec_id(t): net_of(t, parts, Fraction(50)) for t, parts in booked.items()}
    assert {name: Fraction(entry.realized or 0) for name, entry in found.items()} == expected
