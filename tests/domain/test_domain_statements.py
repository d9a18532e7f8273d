"""What statements add to a life: hindsight, cancellations, events told in several rows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.exec_ids import cancelled_id
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Anchor,
    FillSource,
    Recorded,
    Side,
)
from possync_tui.domain.position import CostMethod, Quality
from tests.domain.conftest import ACCOUNT, START, History

KEY = PositionKey(ACCOUNT, 1)
BEFORE = START - timedelta(days=30)


def of_statement(h: History, side: Side, quantity: str, price: str, day: int = 0) -> None:
    fill = h.fill(side, quantity, price, None, at=BEFORE + timedelta(days=day))
    h.recorded[-1] = Recorded(h.recorded[-1].seq, replace(fill, source=FillSource.FLEX))
    h.commission(fill.exec_id, "0")


def end(
    h: History, quantity: str, premium: str, source: AdjustmentSource = AdjustmentSource.FLEX
) -> Adjusted:
    return Adjusted(
        key=KEY,
        kind=AdjustmentKind.ASSIGNMENT,
        instrument=h.instrument,
        as_of=h.tick(),
        quantity=Decimal(quantity),
        source=source,
        reference=f"r{len(h.recorded)}",
        evidence="",
        premium=Decimal(premium),
    )


def test_the_name_of_a_cancellation() -> None:
    assert cancelled_id("0001938c.6a59af42.01.01") == "0001938c.6a59af42.01.9001"
    assert cancelled_id("flex-12") == "flex-12.9000"


def test_a_cancellation_outranks_what_it_cancels_and_nothing_later(
    history: Callable[..., History],
) -> None:
    h = history()
    first = h.buy("10", "10", "1")
    again = replace(first, exec_id=first.exec_id[:-1] + "2", price=Decimal(11))
    cancels = [
        replace(fill, exec_id=cancelled_id(fill.exec_id), quantity=Decimal(0))
        for fill in (first, again)
    ]
    # Told in any order, they count in that of their revisions.
    for told, left in ((cancels[0], 0), (again, 10), (cancels[1], 0)):
        h.add(told)
        assert rebuild(h.recorded).quantity == left
    assert rebuild(h.recorded[:2] + h.recorded[:-4:-1]).quantity == 0


def test_a_cancelled_fill_never_was(history: Callable[..., History]) -> None:
    h = history()
    h.buy("5", "9")
    bought = h.buy("10", "10", "1")
    cancel = replace(bought, exec_id=cancelled_id(bought.exec_id), quantity=Decimal(0))
    h.add(cancel)
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, len(rebuilt.lives)) == (Decimal(5), 1)


def test_hindsight_comes_first_however_late_it_is_recorded(
    history: Callable[..., History],
) -> None:
    h = history()
    h.buy("50", "20")
    h.anchor("50", "20")
    of_statement(h, Side.SOLD, "100", "12")
    assert rebuild(h.recorded).quantity != 50 or rebuild(h.recorded).unexplained
    h.add(Absent(KEY, START, baseline=True, snapshot_digest=""))
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.unexplained, rebuilt.statement_gap) == (
        Decimal(50),
        (),
        Decimal(100),
    )
    assert len(rebuilt.lives) == 1
    of_statement(h, Side.BOUGHT, "100", "11", day=-5)
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.unexplained, rebuilt.statement_gap) == (
        Decimal(50),
        (),
        Decimal(0),
    )
    assert [entry.realized for entry in rebuilt.lives[0].entries] == [100, 100]


def test_a_live_fill_that_a_statement_corrects_stays_a_live_one(
    history: Callable[..., History],
) -> None:
    h = history()
    bought = h.buy("10", "10", "0")
    of_statement(h, Side.BOUGHT, "3", "9")
    h.add(
        replace(
            bought,
            exec_id=bought.exec_id.removesuffix("01") + "02",
            price=Decimal("10.5"),
            source=FillSource.FLEX,
        )
    )
    h.anchor("10", "10.5", baseline=True)
    rebuilt = rebuild(h.recorded)
    # The three of the statement do not fit the first row; the corrected ten do.
    assert (rebuilt.quantity, rebuilt.statement_gap) == (Decimal(10), Decimal(-3))
    assert [lot.value_micros for lot in rebuilt.lives[0].lots] == [105_000_000]


def test_what_an_option_went_for_beyond_its_cost_is_realized(
    history: Callable[..., History],
) -> None:
    h = history("OPT", "100")
    h.sell("1", "2.00", "0")
    h.sell("1", "3.00", "0")
    h.add(end(h, "1", "200"))
    h.buy("1", "1.00", "0")
    life = rebuild(h.recorded).lives[0]
    by_method = {
        method: [entry.realized for entry in life.entries if entry.method is method]
        for method in CostMethod
    }
    # First in, first out moves what IBKR moved; the average differs by what it realizes later.
    assert by_method[CostMethod.FIFO] == [0, 200]
    assert by_method[CostMethod.AVERAGE] == [50, 150]
    assert {entry.quality for entry in life.entries} == {Quality.EXACT}


def test_one_pairing_of_ours_that_a_statement_tells_in_two_rows(
    history: Callable[..., History],
) -> None:
    h = history("OPT", "100")
    h.sell("2", "2.00", "0")
    h.add(end(h, "2", "0", AdjustmentSource.PAIRED))
    h.add(end(h, "1", "200"))
    h.add(end(h, "1", "200"))
    (life,) = rebuild(h.recorded).lives
    assert [entry.quantity for entry in life.entries if entry.method is CostMethod.FIFO] == [1, 1]


def test_a_split_in_a_statement_that_reproduces_the_first_look(
    history: Callable[..., History],
) -> None:
    h = history()
    h.anchor("40", "100", baseline=True)
    of_statement(h, Side.BOUGHT, "10", "400")
    h.add(
        Adjusted(
            key=KEY,
            kind=AdjustmentKind.SPLIT,
            instrument=h.instrument,
            as_of=BEFORE + timedelta(days=10),
            quantity=Decimal(0),
            source=AdjustmentSource.FLEX,
            reference="split",
            evidence="",
            ratio=(4, 1),
        )
    )
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.unexplained) == (Decimal(40), ())
    (life,) = rebuilt.lives
    assert [(lot.quantity, lot.is_seeded) for lot in life.lots] == [(Decimal(40), False)]


def test_a_split_in_one_gap_with_fills_is_known_once_a_statement_tells_it(
    history: Callable[..., History],
) -> None:
    """The simulation's seed 260: what the fills make, split, is what the snapshot showed."""
    h = history()
    for side, quantity, price in (
        (Side.BOUGHT, "5", "338.70"),
        (Side.SOLD, "10", "328.64"),
        (Side.BOUGHT, "33", "325.29"),
        (Side.SOLD, "84", "317.79"),
    ):
        h.fill(side, quantity, price, "0")
    split_at = h.tick()
    h.anchor("-84", "211.86")
    assert rebuild(h.recorded).unexplained
    h.add(
        Adjusted(
            key=KEY,
            kind=AdjustmentKind.SPLIT,
            instrument=h.instrument,
            as_of=split_at,
            quantity=Decimal(0),
            source=AdjustmentSource.FLEX,
            reference="split",
            evidence="",
            ratio=(3, 2),
        )
    )
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.unexplained) == (Decimal(-84), ())
    entries = [entry for life in rebuilt.lives for entry in life.entries]
    assert {entry.quality for entry in entries} == {Quality.EXACT}
    # 5 bought and sold, 5 sold and bought, 28 bought and sold; 56 are left, of which 84 came.
    realized = 5 * Decimal("-10.06") + 5 * Decimal("3.35") + 28 * Decimal("-7.50")
    fifo = sum(entry.realized_micros or 0 for entry in entries if entry.method is CostMethod.FIFO)
    assert Decimal(fifo) / 1_000_000 == realized


def test_a_split_that_the_next_snapshot_shows_at_once_is_not_counted_twice(
    history: Callable[..., History],
) -> None:
    """The simulation's seed 30267: whether that snapshot was before it or after is in doubt."""
    h = history()
    h.sell("250", "390.41")
    h.anchor("-250", "390.41")
    h.anchor("-500", "195.205")
    h.add(
        Adjusted(
            key=KEY,
            kind=AdjustmentKind.SPLIT,
            instrument=h.instrument,
            as_of=h.now - timedelta(seconds=1),
            quantity=Decimal(0),
            source=AdjustmentSource.FLEX,
            reference="split",
            evidence="",
            ratio=(2, 1),
        )
    )
    h.anchor("-500", "195.205")
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.unexplained) == (Decimal(-500), ())
    (life,) = rebuilt.lives
    assert life.entries == ()


def expiry(h: History, quantity: str) -> Adjusted:
    return replace(end(h, quantity, "0"), kind=AdjustmentKind.EXPIRY)


def test_an_expiry_right_before_the_first_look_is_what_made_it_empty(
    history: Callable[..., History],
) -> None:
    h = history("OPT", "100")
    of_statement(h, Side.BOUGHT, "59", "6")
    h.add(expiry(h, "-59"))
    first_look = h.tick(1.7)
    h.add(Absent(KEY, first_look, baseline=True, snapshot_digest=""))
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.statement_gap) == (Decimal(0), Decimal(0))
    (life,) = rebuilt.lives
    assert {entry.realized for entry in life.entries} == {Decimal(-35_400)}
    assert {entry.quality for entry in life.entries} == {Quality.EXACT}


def test_a_look_right_after_a_fill_that_it_did_not_count_is_no_gap(
    history: Callable[..., History],
) -> None:
    h = history()
    of_statement(h, Side.SOLD, "10", "6")
    at = h.tick()
    h.add(Anchor(h.row("-10", "6"), at, True, "digest", None, 0))
    bought = h.fill(Side.BOUGHT, "4", "5", at=at - timedelta(seconds=1))
    h.recorded[-2] = Recorded(h.recorded[-2].seq, replace(bought, source=FillSource.FLEX))
    h.anchor("-6", "6")
    rebuilt = rebuild(h.recorded)
    assert (rebuilt.quantity, rebuilt.statement_gap) == (Decimal(-6), Decimal(0))
    assert rebuilt.unexplained == ()


@pytest.mark.parametrize(("held", "left"), [("0", "0"), ("-3", "-3"), ("7", "0"), ("12", "2")])
def test_nothing_is_opened_by_an_expiry(
    history: Callable[..., History], held: str, left: str
) -> None:
    h = history("OPT", "100")
    if Decimal(held):
        h.fill(Side.BOUGHT if Decimal(held) > 0 else Side.SOLD, held.lstrip("-"), "2")
    h.add(expiry(h, "-10"))
    rebuilt = rebuild(h.recorded)
    assert rebuilt.quantity == Decimal(left)
    assert len(rebuilt.lives) == (held != "0")
