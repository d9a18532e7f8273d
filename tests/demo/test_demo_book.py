"""Average cost and realized P&L of the simulated desk, against IBKR's own arithmetic."""

from decimal import Decimal

import pytest

from possync_tui.demo import Desk, DeskError, Instrument, ManualClock
from possync_tui.demo.book import Holding
from possync_tui.demo.delivery import assign
from possync_tui.demo.records import DeskEvent, PositionChanged, Traded

A, SHARE = "DU1000001", 1


def _desk(clock: ManualClock, multiplier: str = "") -> Desk:
    desk = Desk([A], clock=clock)
    sec_type = "OPT" if multiplier else "STK"
    desk.add_instrument(Instrument(SHARE, "X", sec_type, multiplier=multiplier), Decimal(10))
    return desk


def _play(desk: Desk, fills: str) -> list[Decimal | None]:
    """Fills as ``B100@10c1``, separated by spaces; what each realized."""
    realized = []
    for fill in fills.split():
        quantity, rest = fill[1:].split("@")
        price, commission = rest.split("c")
        side = {"B": "BUY", "S": "SELL"}[fill[0]]
        realized.append(desk.trade(A, SHARE, side, quantity, price, commission).realized)
    return realized


@pytest.mark.parametrize(
    ("multiplier", "fills", "expected"),
    [
        ("", "B100@10c1 S100@12c1", "198.00"),
        ("", "S50@20c1 B50@18.5c1", "73.00"),
        ("", "B100@10c1 S40@11c.5 S60@9c.6", "-61.20"),
        ("", "B100@10c1 B100@12c1 S100@13c1", "198"),
        ("100", "B2@1.50c1.30 S2@2.10c1.30", "117.40"),
        ("50", "B1@5000.25c2.25 S1@5010c2.25", "483.00"),
        ("", "B30@10c.35 B70@10.02c.65 S100@10.10c1", "6.60"),
        ("", "S100@10c0 S100@15c0 B100@12.5c0", "0"),
    ],
)
def test_closing_fills_realize_net_of_both_commissions(
    clock: ManualClock, multiplier: str, fills: str, expected: str
) -> None:
    realized = _play(_desk(clock, multiplier), fills)
    assert realized[0] is None  # an opening fill realizes nothing, which is not zero
    assert realized[-1] == Decimal(expected)


def test_a_flip_closes_and_opens_and_spreads_its_commission(clock: ManualClock) -> None:
    desk = _desk(clock)
    assert _play(desk, "B100@10c1 S150@12c1.5") == [None, Decimal("198.00")]
    short = desk.position(A, SHARE)
    assert short is not None
    assert (short.quantity, short.average_cost) == (Decimal(-50), Decimal("11.99"))
    assert _play(desk, "B50@12.2c.5") == [Decimal("-11.00")]


def test_the_cost_of_a_short_is_positive_and_less_its_commission(clock: ManualClock) -> None:
    desk = _desk(clock)
    _play(desk, "S50@20c1")
    row = desk.positions()[0]
    assert (row.quantity, row.average_cost) == (Decimal(-50), Decimal("19.98"))


def test_a_split_keeps_the_cost_of_the_whole(clock: ManualClock) -> None:
    desk = _desk(clock)
    _play(desk, "B10@400c1")
    desk.split(SHARE, 4)
    row = desk.positions()[0]
    assert (row.quantity, row.average_cost) == (Decimal(40), Decimal("100.025"))
    assert _play(desk, "S40@110c1") == [Decimal("398.00")]


@pytest.mark.parametrize(
    ("right", "opening", "held", "left", "cost"),
    [
        ("P", "S1@2.00c.65", "", "100", "48.0065"),
        ("C", "B1@2.00c.65", "", "100", "52.0065"),
        ("P", "B1@2.00c.65", "", "-100", "47.9935"),
        ("C", "S1@2.00c.65", "B300@40c0", "200", "40"),
    ],
    ids=["short put", "long call", "long put", "short call, covered"],
)
def test_an_option_that_is_assigned_moves_its_premium_and_realizes_nothing(
    clock: ManualClock, right: str, opening: str, held: str, left: str, cost: str
) -> None:
    desk = _desk(clock)
    other = Instrument(2, "X", "OPT", strike=Decimal(50), right=right, multiplier="100")
    desk.add_instrument(other, Decimal(2))
    _play(desk, held)
    side, fill = opening[0], opening[1:].replace("@", "c").split("c")
    desk.trade(A, 2, {"B": "BUY", "S": "SELL"}[side], *fill)
    fills = len(desk.executions)
    assign(desk, A, 2, SHARE)
    assert desk.position(A, 2) is None
    row = desk.position(A, SHARE)
    assert row is not None
    assert (row.quantity, row.average_cost) == (Decimal(left), Decimal(cost))
    assert len(desk.executions) == fills


def test_a_correction_has_the_next_suffix_and_moves_what_was_realized(clock: ManualClock) -> None:
    desk = _desk(clock)
    _play(desk, "B100@10c1 S100@12c1")
    sold = desk.executions[-1]
    corrected = desk.correct(sold.exec_id, "11.90")
    assert corrected.exec_id == sold.exec_id[:-2] + "02"
    assert corrected.realized == Decimal(188)
    assert desk.correct(corrected.exec_id, 12).exec_id.endswith(".03")


def test_a_correction_of_the_size_leaves_what_the_corrected_size_makes(clock: ManualClock) -> None:
    desk = _desk(clock)
    _play(desk, "B100@10c1 S40@12c1")
    sold = desk.correct(desk.executions[-1].exec_id, 12, quantity=Decimal(30))
    assert (sold.quantity, sold.realized) == (Decimal(30), Decimal("58.70"))
    row = desk.position(A, SHARE)
    assert row is not None
    assert row.quantity == 70


def test_the_size_of_a_fill_whose_units_are_gone_is_corrected_by_the_difference(
    clock: ManualClock,
) -> None:
    desk = _desk(clock)
    _play(desk, "S33@10c1")
    sold = desk.executions[-1]
    desk.vanish(A, SHARE, zero_row=True)
    again = desk.correct(sold.exec_id, 10, quantity=Decimal(38))
    row = desk.position(A, SHARE)
    assert row is not None
    assert row.quantity == -5
    desk.correct(again.exec_id, 10, quantity=Decimal(33))
    row = desk.position(A, SHARE)
    assert row is None or not row.quantity


def test_nothing_is_left_of_a_correction_of_what_has_expired(clock: ManualClock) -> None:
    desk = _desk(clock)
    _play(desk, "S33@10c1")
    sold = desk.executions[-1]
    desk.vanish(A, SHARE, is_over=True)
    desk.correct(sold.exec_id, 10, quantity=Decimal(38))
    row = desk.position(A, SHARE)
    assert row is None or not row.quantity


def test_no_residue_of_a_division_outlives_a_position() -> None:
    holding = Holding()
    holding.apply(Decimal(3), Decimal(10), Decimal(1), Decimal(1))
    for _ in range(3):
        holding.apply(Decimal(-1), Decimal(11), Decimal(1), Decimal(0))
    assert not holding.quantity
    assert not holding.basis
    assert holding.realized.quantize(Decimal("1e-20")) == 2


def test_the_row_is_told_before_the_fill(clock: ManualClock) -> None:
    desk, told = _desk(clock), list[DeskEvent]()
    end = desk.subscribe(told.append)
    _play(desk, "B100@10c1")
    end()
    _play(desk, "S100@10c1")
    assert [type(event) for event in told] == [PositionChanged, Traded]


def test_a_missed_fill_is_not_among_the_executions_until_it_is_revealed(
    clock: ManualClock,
) -> None:
    desk = _desk(clock)
    fill = desk.trade(A, SHARE, "BUY", 1, 10, 0, with_execution=False)
    assert desk.executions_today() == []
    assert desk.positions()[0].quantity == 1
    desk.reveal(fill.exec_id)
    assert [e.exec_id for e in desk.executions_today()] == [fill.exec_id]


async def test_executions_reach_back_to_midnight_in_new_york(clock: ManualClock) -> None:
    desk = _desk(clock)
    desk.trade(A, SHARE, "BUY", 1, 10, 0)
    await clock.advance(11.5 * 3600)  # 23:30 there
    assert len(desk.executions_today()) == 1
    await clock.advance(3600)
    assert desk.executions_today() == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda desk: desk.trade("DU9", SHARE, "BUY", 1),
        lambda desk: desk.trade(A, 404, "BUY", 1),
        lambda desk: desk.trade(A, SHARE, "BUY", 0),
        lambda desk: desk.trade(A, SHARE, "BUY", "NaN"),
        lambda desk: desk.close(A, SHARE),
        lambda desk: desk.vanish(A, SHARE),
        lambda desk: desk.push(A, SHARE),
        lambda desk: desk.correct("0000e0d5.0.01.01", 1),
        lambda desk: desk.set_mark(404, 1),
        lambda desk: desk.split(SHARE, 0),
        lambda desk: assign(desk, A, SHARE, SHARE),
    ],
)
def test_the_desk_refuses_what_makes_no_sense(clock: ManualClock, wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(DeskError):
        wrong(_desk(clock))
