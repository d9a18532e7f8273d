"""The user's word and pairings of our own, and what gives way when more is known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
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
    Fill,
    FillSource,
    Recorded,
    Side,
)
from possync_tui.domain.position import CostMethod, Rebuilt

from .conftest import ACCOUNT, START, History

KEY = PositionKey(ACCOUNT, 1)
OPTION, STRANGER = 5, 6

Make = Callable[..., History]


def day(days: float) -> datetime:
    return START + timedelta(days=days)


def booked(rebuilt: Rebuilt) -> list[tuple[str, Decimal, Decimal | None, str]]:
    """Kind, units, amount and quality of every entry by average cost."""
    return [
        (e.kind.value, e.quantity, e.realized, e.quality.value)
        for life in rebuilt.lives
        for e in life.entries
        if e.method is CostMethod.AVERAGE
    ]


def event(
    h: History,
    kind: AdjustmentKind,
    quantity: str,
    at: datetime,
    source: AdjustmentSource,
    *,
    price: str | None = None,
    premium: str = "0",
    counterpart: int = 0,
) -> None:
    h.add(
        Adjusted(
            key=KEY,
            kind=kind,
            instrument=h.instrument,
            as_of=at,
            quantity=Decimal(quantity),
            source=source,
            reference=f"r{len(h.recorded)}",
            evidence="",
            price=None if price is None else Decimal(price),
            premium=Decimal(premium),
            counterpart=counterpart,
            is_exact=source is AdjustmentSource.FLEX,
        )
    )


def missing(h: History, at: datetime) -> None:
    h.add(Absent(KEY, at, False, "digest", len(h.recorded)))


def said_transferred(h: History, at: datetime) -> None:
    """The user's word on the hundred units that are missing since then."""
    event(h, AdjustmentKind.TRANSFER, "-100", at, AdjustmentSource.USER)


def of_statement(h: History, side: Side, quantity: str, price: str, at: datetime) -> Fill:
    fill = h.fill(side, quantity, price, None, at=at)
    h.recorded[-1] = Recorded(h.recorded[-1].seq, replace(fill, source=FillSource.FLEX))
    h.commission(fill.exec_id, "1")
    return fill


# -- a transfer by the user's word -----------------------------------------------------------------


def bought_and_missed(history: Make) -> History:
    """A hundred at 10, a dollar of commission; gone ten days later, moved away by the word."""
    h = history()
    h.buy("100", "10", "1")
    h.anchor("100", "10.01")
    missing(h, day(10))
    said_transferred(h, day(10))
    assert booked(rebuild(h.recorded)) == [("TRANSFERRED", Decimal(100), None, "MANUAL")]
    return h


@pytest.mark.parametrize("seconds_off", [-9 * 86_400, -30, 3])
@pytest.mark.parametrize("is_told_by_statement", [True, False])
def test_the_sale_comes_to_light(
    history: Make, seconds_off: float, *, is_told_by_statement: bool
) -> None:
    h = bought_and_missed(history)
    at = day(10) + timedelta(seconds=seconds_off)
    if is_told_by_statement:
        of_statement(h, Side.SOLD, "100", "12", at)
    else:
        h.fill(Side.SOLD, "100", "12", "1", at=at)
    done = rebuild(h.recorded)
    assert (done.quantity, len(done.lives)) == (Decimal(0), 1)
    assert booked(done) == [("FILL", Decimal(100), Decimal(198), "EXACT")]


def test_a_part_was_sold_and_the_rest_stays_the_users_word(history: Make) -> None:
    h = bought_and_missed(history)
    h.fill(Side.SOLD, "60", "12", "1", at=day(4))
    done = rebuild(h.recorded)
    assert done.quantity == 0
    assert booked(done) == [
        ("FILL", Decimal(60), Decimal("118.4"), "EXACT"),  # 60 x (12 - 10.01) - 1
        ("TRANSFERRED", Decimal(40), None, "MANUAL"),
    ]


@pytest.mark.parametrize("days", [1, 9, 12])
def test_the_statement_tells_the_transfer_itself(history: Make, days: float) -> None:
    """Before the first look without it, or dated some days behind that."""
    h = bought_and_missed(history)
    event(h, AdjustmentKind.TRANSFER, "-100", day(days), AdjustmentSource.FLEX)
    done = rebuild(h.recorded)
    assert done.quantity == 0
    assert [(life.closed_at, len(life.entries)) for life in done.lives] == [(day(days), 2)]


def test_what_never_was_cannot_have_been_transferred(history: Make) -> None:
    h = bought_and_missed(history)
    bought = next(r.observation for r in h.recorded if isinstance(r.observation, Fill))
    h.add(replace(bought, exec_id=cancelled_id(bought.exec_id), quantity=Decimal(0)))
    assert rebuild(h.recorded).quantity == 0


def test_an_older_sale_says_nothing_of_what_was_seen_after_it(history: Make) -> None:
    h = history()
    h.anchor("100", "10", baseline=True)
    missing(h, day(10))
    said_transferred(h, day(10))
    of_statement(h, Side.SOLD, "100", "12", day(-9))
    assert booked(rebuild(h.recorded)) == [("TRANSFERRED", Decimal(100), None, "MANUAL")]


def test_a_sale_of_the_next_day_is_another_one(history: Make) -> None:
    h = bought_and_missed(history)
    h.fill(Side.SOLD, "100", "12", "1", at=day(11))
    done = rebuild(h.recorded)
    assert done.quantity == -100
    assert booked(done) == [("TRANSFERRED", Decimal(100), None, "MANUAL")]


# -- pairings of our own ---------------------------------------------------------------------------


def short_option(history: Make, quantity: str) -> History:
    """Short puts at 2.00 that a snapshot of the first day shows."""
    h = history("OPT", "100")
    h.sell(quantity, "2.00", "0")
    h.anchor(f"-{quantity}", "200")
    return h


def assigned(h: History, quantity: str, at: datetime, source: AdjustmentSource) -> None:
    premium = str(200 * int(quantity)) if source is AdjustmentSource.FLEX else "0"
    event(h, AdjustmentKind.ASSIGNMENT, quantity, at, source, premium=premium)


def delivered(h: History, at: datetime, source: AdjustmentSource, option: int = OPTION) -> None:
    event(
        h, AdjustmentKind.DELIVERY, "100", at, source, price="50", premium="-200",
        counterpart=option,
    )  # fmt: skip


@pytest.mark.parametrize("days", [1, 4, 13, 18])
def test_an_assignment_while_nothing_ran_is_told_by_the_statement(
    history: Make, days: float
) -> None:
    """Since the last sight of the option, however long ago, or dated some days behind the look."""
    h = short_option(history, "1")
    assigned(h, "1", day(14), AdjustmentSource.PAIRED)
    assigned(h, "1", day(days), AdjustmentSource.FLEX)
    done = rebuild(h.recorded)
    assert done.quantity == 0
    assert booked(done)[-1:] == [("ASSIGNED", Decimal(1), Decimal(0), "EXACT")]
    assert [entry.closed_at for life in done.lives for entry in life.entries] == [day(days)] * 2


def test_an_assignment_before_the_last_sight_is_another_one(history: Make) -> None:
    h = history("OPT", "100")
    h.fill(Side.SOLD, "2", "2.00", "0", at=day(-30))
    assigned(h, "1", day(-20), AdjustmentSource.FLEX)
    h.anchor("-1", "200")
    assigned(h, "1", day(14), AdjustmentSource.PAIRED)
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(0), ())
    assert [kind for kind, *_ in booked(done)] == ["ASSIGNED", "ASSIGNED"]


def test_each_event_of_a_statement_is_that_of_one_pairing(history: Make) -> None:
    """One put a time: the statement ends between the two."""
    h = short_option(history, "2")
    assigned(h, "1", day(3), AdjustmentSource.PAIRED)
    h.add(Anchor(h.row("-1", "200"), day(3), False, "digest", None, len(h.recorded)))
    assigned(h, "1", day(6), AdjustmentSource.PAIRED)
    assigned(h, "1", day(2), AdjustmentSource.FLEX)
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(0), ())
    assert [entry.closed_at for life in done.lives for entry in life.entries] == [
        *[day(2)] * 2,
        *[day(6)] * 2,
    ]


@pytest.mark.parametrize("was_held", [True, False])
def test_a_delivery_while_nothing_ran_counts_once(history: Make, *, was_held: bool) -> None:
    h = history()
    before = Decimal(0)
    if was_held:
        h.buy("50", "40")
        h.anchor("50", "40")
        before = Decimal(50)
    delivered(h, day(14), AdjustmentSource.PAIRED)
    h.add(Anchor(h.row(str(before + 100), "48"), day(14), False, "d", None, len(h.recorded)))
    delivered(h, day(4), AdjustmentSource.FLEX)
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained, booked(done)) == (before + 100, (), [])


def test_a_delivery_for_another_option_counts_too(history: Make) -> None:
    h = history()
    delivered(h, day(14), AdjustmentSource.PAIRED)
    h.add(Anchor(h.row("100", "48"), day(14), False, "d", None, len(h.recorded)))
    delivered(h, day(4), AdjustmentSource.FLEX, STRANGER)
    of_statement(h, Side.SOLD, "100", "49", day(6))
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(100), ())
    # 4,900 - 1 - (5,000 - 200)
    assert booked(done) == [("FILL", Decimal(100), Decimal(99), "EXACT")]
