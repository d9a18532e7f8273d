"""Executions that are corrected or cancelled after snapshots had them as they were first told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.counting import MOST_SUMS
from possync_tui.domain.exec_ids import cancelled_id, in_doubt_id
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import (
    Absent,
    CloseDecided,
    CloseReason,
    Commission,
    Fill,
    Side,
)
from possync_tui.domain.position import CostMethod, Entry, Quality, Rebuilt

from .conftest import ACCOUNT, History

Make = Callable[..., History]


def entries(rebuilt: Rebuilt) -> list[Entry]:
    return [entry for life in rebuilt.lives for entry in life.entries]


def nets(rebuilt: Rebuilt) -> list[Decimal | None]:
    return [e.realized for e in entries(rebuilt) if e.method is CostMethod.AVERAGE]


def perfect(h: History) -> Rebuilt:
    """The same fills, the last revision of each alone, with no snapshot to doubt them."""
    last: dict[str, Fill] = {}
    for recorded in h.recorded:
        if isinstance(recorded.observation, Fill):
            fill = recorded.observation
            last[fill.base_id] = max(last.get(fill.base_id, fill), fill, key=lambda f: f.rank)
    seen = History(h.instrument)
    for fill in last.values():
        if fill.quantity:
            seen.add(fill)
    for recorded in h.recorded:
        if isinstance(recorded.observation, Commission):
            seen.add(recorded.observation)
    return rebuild(seen.recorded)


def correct(h: History, fill: Fill, quantity: str, price: str | None = None) -> Fill:
    """The next revision of `fill`, told now: it has the time of the first."""
    base, _, revision = fill.exec_id.rpartition(".")
    corrected = replace(
        fill,
        exec_id=f"{base}.{int(revision) + 1:02d}",
        quantity=Decimal(quantity),
        quantity_text=quantity,
        price=fill.price if price is None else Decimal(price),
        price_text=fill.price_text if price is None else price,
    )
    h.add(corrected)
    h.commission(corrected.exec_id, "1")
    return corrected


# Each word is a step; the broker's own quantity follows from them. `late` is a correction that the
# next snapshot has counted already and that is told only after it.
ORDERS = [
    "buy look correct look sell90 look",
    "buy look correct sell90 look",
    "buy look sell90 correct look",
    "buy look sell90 look correct look",
    "buy look sell40 look correct look sell50 look",
    "buy look sell40 correct look sell50 look",
    "buy look late look sell90 look",
    "buy look sell40 late look sell50 look",
    "buy correct look sell90 look",
    "buy look correct look correct look sell80 look",
    "buy look late late look sell80 look",
    "buy look sell40 look sell50 look correct",
    "buy look look correct look look sell40 look",
]


@pytest.mark.parametrize("order", ORDERS)
def test_a_corrected_quantity_ends_as_if_seen_perfectly(history: Make, order: str) -> None:
    h = history()
    held, units = 0, 100
    told = bought = None
    waiting: list[tuple[Fill, str]] = []
    for step in order.split():
        match step[:4]:
            case "buy":
                told = bought = h.buy("100", "10", "1")
                held += 100
            case "corr" | "late":
                assert told is not None
                units, held = units - 10, held - 10
                if step == "late":
                    waiting.append((told, str(units)))
                else:
                    told = correct(h, told, str(units))
            case "sell":
                h.sell(step[4:], "12", "1")
                held -= int(step[4:])
            case _:
                h.anchor(str(held), "10")
                for _, quantity in waiting:
                    assert told is not None
                    told = correct(h, told, quantity)
                waiting.clear()
    assert bought is not None
    done = rebuild(h.recorded)
    assert done.unexplained == ()
    assert done.quantity == held
    assert entries(done) == entries(perfect(h))
    assert {entry.quality for entry in entries(done)} == {Quality.EXACT}


def test_a_corrected_closing_fill(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.anchor("100", "10.01")
    sold = h.sell("100", "12", "1")
    h.add(CloseDecided(sold.key, CloseReason.ZERO_ROW, h.tick(), "row 0", None, len(h.recorded)))
    assert rebuild(h.recorded).quantity == 0
    correct(h, sold, "90")
    done = rebuild(h.recorded)
    assert done.quantity == 10
    assert done.unexplained == ()
    h.anchor("10", "10.01")
    assert rebuild(h.recorded).unexplained == ()
    assert nets(rebuild(h.recorded)) == [Decimal("178.10")]  # 90 x (12 - 10.01) - 1


def test_a_corrected_side(history: Make) -> None:
    h = history()
    bought = h.buy("100", "10", "1")
    h.anchor("100", "10.01")
    h.add(replace(bought, exec_id=bought.exec_id[:-1] + "2", side=Side.SOLD))
    h.commission(bought.exec_id[:-1] + "2", "1")
    h.anchor("-100", "9.99")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained, len(done.lives)) == (Decimal(-100), (), 1)


@pytest.mark.parametrize("looks", [True, False])
def test_a_cancelled_execution_leaves_no_trace(history: Make, *, looks: bool) -> None:
    h = history()
    h.buy("50", "10", "1")
    wrong = h.buy("30", "11", "1")
    h.anchor("80", "10.4")
    h.add(replace(wrong, exec_id=cancelled_id(wrong.exec_id), quantity=Decimal(0)))
    if looks:
        h.anchor("50", "10.02")
    h.sell("50", "12", "1")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(0), ())
    assert nets(done) == [Decimal(98)]


def test_a_fill_in_an_unknown_unit_gives_way_to_the_one_that_is_certain(history: Make) -> None:
    """Pence taken for pounds: pending until TWS tells it again, and then as if never doubted."""
    h = history()
    bought = h.buy("100", "9.47", "1")
    h.anchor("100", "9.48")
    last = h.fill(Side.SOLD, "100", "947.5", None, exec_id="0000e0d5.67ff0001.01.01?")
    h.commission("0000e0d5.67ff0001.01.01", "1")
    doubted = rebuild(h.recorded)
    assert {entry.quality for entry in entries(doubted)} == {Quality.PENDING_COMMISSION}
    h.add(replace(last, exec_id="0000e0d5.67ff0001.01.01", price=Decimal("9.475")))
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained, len(done.lives)) == (Decimal(0), (), 1)
    assert {entry.quality for entry in entries(done)} == {Quality.EXACT}
    assert nets(done) == [Decimal("-1.5")]  # 100 x (9.475 - 9.48) - 1
    assert in_doubt_id("0000e0d5.67ff0001.01.01") == last.exec_id != bought.exec_id


def test_of_two_in_doubt_the_correction_counts_and_of_the_certain_any(history: Make) -> None:
    h = history()
    wrong = h.fill(Side.BOUGHT, "100", "947.5", None, exec_id="0000e0d5.67ff0001.01.02?")
    h.add(replace(wrong, exec_id="0000e0d5.67ff0001.01.01?", quantity=Decimal(90)))
    assert rebuild(h.recorded).quantity == 100
    h.add(replace(wrong, exec_id="0000e0d5.67ff0001.01.01", quantity=Decimal(90)))
    assert rebuild(h.recorded).quantity == 90
    h.add(replace(wrong, exec_id="0000e0d5.67ff0001.01.02"))
    assert rebuild(h.recorded).quantity == 100


def test_a_correction_after_a_split_counts_in_new_units(history: Make) -> None:
    h = history()
    bought = h.buy("100", "400", "1")
    h.anchor("100", "400.01")
    h.anchor("400", "100.0025")  # 4:1
    correct(h, bought, "90")
    h.anchor("360", "100.0025")
    h.sell("360", "110", "1")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(0), ())
    assert nets(done) == [Decimal(3598)]  # 360 x 110 - 90 x 400 - 2


def test_a_real_unexplained_change_stays_one_beside_a_correction(history: Make) -> None:
    h = history()
    bought = h.buy("100", "10", "1")
    h.anchor("100", "10.01")
    h.anchor("70", "10.01")  # 30 sold where we could not see it
    correct(h, bought, "90")
    h.anchor("60", "10.01")
    done = rebuild(h.recorded)
    assert done.quantity == 60
    assert [units for _, units in done.unexplained] == [Decimal(-30)]


def test_a_close_on_evidence_is_one_whatever_is_corrected_later(history: Make) -> None:
    h = history()
    bought = h.buy("100", "10", "1")
    h.anchor("100", "10.01")
    h.add(CloseDecided(bought.key, CloseReason.USER, h.tick(), "your word", None, len(h.recorded)))
    correct(h, bought, "90")
    done = rebuild(h.recorded)
    assert done.quantity == 0
    assert [entry.quantity for entry in entries(done)] == [Decimal(90), Decimal(90)]


OPENING_AND_FILL = [(Decimal(50), True), (Decimal(90), False)]


def test_what_was_held_before_is_what_the_first_look_showed_then(history: Make) -> None:
    h = history()
    bought = h.buy("100", "10", "1")
    h.anchor("150", "10.01", baseline=True)
    correct(h, bought, "90")
    h.anchor("140", "10.01")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(140), ())
    (life,) = done.lives
    assert [(lot.quantity, lot.is_seeded) for lot in life.lots] == OPENING_AND_FILL


def test_a_correction_that_the_first_look_had_counted_before_it_was_told(history: Make) -> None:
    h = history()
    bought = h.buy("100", "10", "1")
    h.anchor("140", "10.01", baseline=True)
    correct(h, bought, "90")
    h.anchor("140", "10.01")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(140), ())
    (life,) = done.lives
    assert [(lot.quantity, lot.is_seeded) for lot in life.lots] == OPENING_AND_FILL


def test_a_fill_that_the_first_look_had_counted_before_it_was_told(history: Make) -> None:
    h = history()
    h.anchor("140", "10.01", baseline=True)
    h.fill(Side.BOUGHT, "90", "10", "1", at=h.now - timedelta(seconds=1))
    h.anchor("140", "10.01")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(140), ())
    (life,) = done.lives
    assert [(lot.quantity, lot.is_seeded) for lot in life.lots] == OPENING_AND_FILL


@pytest.mark.parametrize(
    ("held_before", "counted"), [(0, 63), (0, 1), (100, 5), (100, 0), (-9, 63)]
)
def test_which_of_many_fills_the_first_look_had_counted_a_later_one_says(
    history: Make, held_before: int, counted: int
) -> None:
    """More ways than are all tried: what is left over asks for one of them."""
    h = history()
    h.anchor(str(held_before + counted), "10", baseline=True)
    a_moment_ago = h.now - timedelta(seconds=2)
    for units in (1, 2, 4, 8, 16, 32):
        h.fill(Side.BOUGHT, str(units), "10", at=a_moment_ago)
    h.anchor(str(held_before + 63), "10")
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(held_before + 63), ())
    seeded = sum(lot.quantity for life in done.lives for lot in life.lots if lot.is_seeded)
    assert seeded == max(held_before, 0)
    assert [life.close_reason for life in done.lives] == (
        ["fills", ""] if held_before < 0 else [""]
    )


def test_a_corrected_size_leaves_what_was_unseen_where_it_belongs(history: Make) -> None:
    """A sale nobody saw came before the fills; behind them, it would close what they opened."""
    h = history()
    h.add(Absent(PositionKey(ACCOUNT, 1), h.now, baseline=True, snapshot_digest="digest"))
    sold = h.sell("2", "12")
    h.sell("100", "12")
    h.buy("250", "12")
    h.anchor("-102", "12")
    before = rebuild(h.recorded)
    correct(h, sold, "7")
    done = rebuild(h.recorded)
    assert [units for _, units in done.unexplained] == [Decimal(-250)]
    assert (before.quantity, done.quantity) == (Decimal(-102), Decimal(-107))
    reasons = [life.close_reason for life in before.lives]
    assert [life.close_reason for life in done.lives] == reasons == [""]


# -- fills in the same seconds as a snapshot -------------------------------------------------------


def test_any_fills_of_the_doubtful_seconds_may_have_been_counted(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.tick()
    start = h.now
    h.anchor("73", "10.01")
    # Told afterwards: the snapshot had the second and the third of them in it.
    for n, units in enumerate(("40", "20", "7", "5")):
        h.fill(Side.SOLD, units, f"1{n}", "1", at=start + timedelta(seconds=58 + n))
    done = rebuild(h.recorded)
    assert done.unexplained == ()
    assert done.quantity == 28
    assert entries(done) == entries(perfect(h))
    h.anchor("28", "10.01")
    assert rebuild(h.recorded).unexplained == ()


def test_it_does_not_matter_which_fills_made_the_quantity(history: Make) -> None:
    """Two of five alike were counted; whichever they are, the order of fills is that of times."""
    h = history()
    h.buy("500", "10", "1")
    h.tick()
    start = h.now
    h.anchor("300", "10.002")
    for n in range(5):
        h.fill(Side.SOLD, "100", f"1{n}", "1", at=start + timedelta(seconds=58 + n))
    done = rebuild(h.recorded)
    assert (done.quantity, done.unexplained) == (Decimal(0), ())
    assert entries(done) == entries(perfect(h))


def test_what_no_choice_of_fills_makes_stays_unexplained(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.tick()
    start = h.now
    h.anchor("71", "10.01")
    for n, units in enumerate(("40", "20", "7")):
        h.fill(Side.SOLD, units, "12", "1", at=start + timedelta(seconds=58 + n))
    assert [units for _, units in rebuild(h.recorded).unexplained] == [Decimal(-29)]


def test_a_chance_match_is_found_out_by_the_next_snapshot(history: Make) -> None:
    h = history()
    h.buy("100", "10", "1")
    h.tick()
    start = h.now
    h.anchor("60", "10.01")  # 40 sold where we could not see it ...
    h.fill(Side.SOLD, "40", "12", "1", at=start + timedelta(seconds=64))  # ... and 40 after it
    assert rebuild(h.recorded).quantity == 60
    h.anchor("20", "10.01")
    done = rebuild(h.recorded)
    assert done.quantity == 20
    assert [units for _, units in done.unexplained] == [Decimal(-40)]


def test_a_flood_of_doubtful_fills_is_searched_within_bounds(history: Make) -> None:
    h = history()
    h.buy("1000000", "10", "1")
    h.tick()
    start = h.now
    h.anchor("999999", "10")
    for n in range(40):
        at = start + timedelta(seconds=56 + n // 5)
        h.fill(Side.SOLD, str(2 + 3**n % 9973), "10", "0", at=at)
    done = rebuild(h.recorded)
    assert MOST_SUMS < 2**40
    assert [units for _, units in done.unexplained] == [Decimal(-1)]
