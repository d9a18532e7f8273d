"""The same holding under a new contract, as snapshots show it, and the user's word on what is gone.

Through a scripted broker and a real ledger file; the whole program has its own test of it.
"""

from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import RowPushed, Side
from possync_tui.domain.plan import HoldKind
from possync_tui.domain.views import HoldView
from possync_tui.ledger.port import EntryQuery, WordRefused

from .conftest import ACCOUNT, OTHER, Rig, ScriptedBroker, Start, settle

DAY = 86_400.0
OLD = Instrument(1, "XYZ", "STK", "USD")
NEW = Instrument(2, "ABC", "STK", "USD")


async def holds(rig: Rig) -> list[HoldView]:
    return await rig.engine.reads.holds()


async def kinds(rig: Rig) -> list[str]:
    return sorted(hold.kind for hold in await holds(rig))


async def entries(rig: Rig) -> list[tuple[str, Decimal | None, str]]:
    found = await rig.engine.reads.entries(EntryQuery())
    return [(e.kind, e.realized_pnl, e.quality) for e in found]


async def status(rig: Rig, con_id: int) -> str:
    found = await rig.engine.reads.positions(include_closed=True)
    return next(view.status for view in found if view.con_id == con_id)


async def holding(start: Start, broker: ScriptedBroker, **settings: object) -> Rig:
    """100 at 10 with a commission of 1, bought by a fill, beside three others."""
    for other in (7, 8, 9):
        broker.hold(other, "5", "7")
    rig = await start(**settings)
    await rig.engine.sync_now()
    broker.trade_in(OLD, Side.BOUGHT, "100", "10", "1")
    broker.hold(1, "100", "10.01", what=OLD)
    await rig.engine.sync_now()
    await rig.clock.advance(3600)
    return rig


async def converted(
    start: Start, broker: ScriptedBroker, *, zero_row: bool = False, **settings: object
) -> Rig:
    """The same, and then 50 of another contract at twice the cost in its place."""
    rig = await holding(start, broker, **settings)
    broker.mark(1, "12")
    if zero_row:
        broker.hold(1, "0", "0", what=OLD)
    else:
        broker.drop(1)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    return rig


@pytest.mark.parametrize("zero_row", [True, False])
async def test_it_is_held_with_its_evidence_and_not_booked(
    start: Start, broker: ScriptedBroker, *, zero_row: bool
) -> None:
    rig = await converted(start, broker, zero_row=zero_row)
    (hold,) = await holds(rig)
    assert hold.kind == HoldKind.SAME_HOLDING
    for told in (
        "100",
        "10.01",
        "1001",
        "50",
        "20.02",
        "1 new for 2 old",
        "total cost is the same",
    ):
        assert told in hold.evidence
    assert await status(rig, 1) == "MISSING"
    assert await entries(rig) == []
    assert (await rig.engine.sync_now()).held == 1
    assert len(await holds(rig)) == 1
    assert (await rig.engine.reads.verify()).ok


@pytest.mark.parametrize("zero_row", [True, False])
async def test_accepting_carries_lots_cost_and_opening_time(
    start: Start, broker: ScriptedBroker, *, zero_row: bool
) -> None:
    rig = await converted(start, broker, zero_row=zero_row)
    before = (await rig.engine.ledger.stored_lives([PositionKey(ACCOUNT, 1)]))[
        PositionKey(ACCOUNT, 1)
    ]
    (hold,) = await holds(rig)
    await rig.engine.decide(hold.id, accept=True, note="merger")
    result = await rig.engine.sync_now()
    assert (result.closed, result.created, result.missing) == (1, 0, 0)
    assert await holds(rig) == []
    assert await entries(rig) == [("CONVERTED", Decimal(0), "MANUAL")]
    (new,) = (await rig.engine.ledger.stored_lives([PositionKey(ACCOUNT, 2)]))[
        PositionKey(ACCOUNT, 2)
    ]
    (lot,) = new.life.lots
    assert (lot.quantity, lot.value_micros, lot.fees) == (
        Decimal(50),
        1_000_000_000,
        (("USD", 1_000_000),),
    )
    assert lot.opened_at == before[0].life.lots[0].opened_at
    for con_id in (1, 2):
        journal = await rig.engine.reads.journal(key=PositionKey(ACCOUNT, con_id))
        assert any(line.kind == "accepted" and line.evidence == "merger" for line in journal)
    broker.trade_in(NEW, Side.SOLD, "50", "30", "1")
    broker.drop(2)
    await rig.engine.sync_now()
    # 50 x 30 - 1 - 1,001: exact money, but by the user's word.
    assert (await entries(rig))[0] == ("FILL", Decimal(498), "ESTIMATED")
    assert (await rig.engine.sync_now()).updated == 0
    assert (await rig.engine.reads.verify()).ok


async def test_keeping_makes_two_holdings_of_it(start: Start, broker: ScriptedBroker) -> None:
    rig = await converted(start, broker)
    (hold,) = await holds(rig)
    await rig.engine.decide(hold.id, accept=False, note="no")
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.MISSING, HoldKind.SAME_HOLDING]
    missing = next(hold for hold in await holds(rig) if hold.kind == HoldKind.MISSING)
    await rig.engine.decide(missing.id, accept=True, note="sold", price=Decimal(12))
    await rig.engine.sync_now()
    # 100 x 12 - 1,001
    assert await entries(rig) == [("USER", Decimal(199), "MANUAL")]
    assert (await rig.engine.reads.verify()).ok


async def test_kept_and_pushed_as_zero_it_closes_on_that_evidence(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await holding(start, broker)
    zero = broker.hold(1, "0", "0", what=OLD)
    broker.drop(1)
    broker.push(RowPushed(zero, broker.state.session_id, broker.broker_now()))
    await settle()
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.SAME_HOLDING]
    (hold,) = await holds(rig)
    await rig.engine.decide(hold.id, accept=False, note="")
    await rig.engine.sync_now()
    assert await status(rig, 1) == "CLOSED"
    assert await entries(rig) == [("ZERO_ROW", None, "ESTIMATED")]


async def test_fills_of_the_old_one_that_cancel_out_leave_it_missing(
    start: Start, broker: ScriptedBroker
) -> None:
    """They end the life that was missing and leave another: that one has no row either."""
    rig = await converted(start, broker)
    assert await status(rig, 1) == "MISSING"
    broker.trade_in(OLD, Side.SOLD, "250", "11", "1")
    broker.trade_in(OLD, Side.BOUGHT, "250", "11", "1")
    zero = broker.hold(1, "0", "0", what=OLD)
    broker.drop(1)
    broker.push(RowPushed(zero, broker.state.session_id, broker.broker_now()))
    await settle()
    await rig.engine.sync_now()
    found = await rig.engine.reads.positions(include_closed=True)
    assert [(v.status, v.quantity) for v in found if v.con_id == 1 and v.quantity] == [
        ("MISSING", Decimal(100))
    ]
    assert await kinds(rig) == [HoldKind.SAME_HOLDING]


async def test_absence_does_not_close_what_is_held(start: Start, broker: ScriptedBroker) -> None:
    rig = await converted(start, broker, mark_missing_as_closed=True)
    for _ in range(3):
        await rig.clock.advance(100)
        await rig.engine.sync_now()
    assert await status(rig, 1) == "MISSING"
    (hold,) = await holds(rig)
    await rig.engine.decide(hold.id, accept=False, note="")
    await rig.engine.sync_now()
    assert await status(rig, 1) == "CLOSED"


@pytest.mark.parametrize("days", [1, 4])
async def test_the_new_one_may_come_days_later(
    start: Start, broker: ScriptedBroker, days: int
) -> None:
    rig = await holding(start, broker)
    broker.drop(1)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.MISSING]
    await rig.clock.advance(days * DAY)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.SAME_HOLDING]


async def test_booked_as_closed_before_the_new_one_came(
    start: Start, broker: ScriptedBroker
) -> None:
    rig = await holding(start, broker)
    broker.mark(1, "12")
    broker.hold(1, "0", "0", what=OLD)
    await rig.engine.sync_now()
    assert await entries(rig) == [("ZERO_ROW", Decimal(199), "ESTIMATED")]
    await rig.clock.advance(DAY)
    broker.drop(1)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    (hold,) = await holds(rig)
    await rig.engine.decide(hold.id, accept=True, note="")
    await rig.engine.sync_now()
    amounts = [amount for _, amount, _ in await entries(rig)]
    assert sorted(amounts, key=lambda amount: amount or 0) == [-199, 0, 199]
    assert (await rig.engine.reads.verify()).ok


async def test_listed_again_with_the_new_one_they_are_two(
    start: Start, broker: ScriptedBroker
) -> None:
    """Also at once: a second look at the same rows has nothing to add."""
    rig = await holding(start, broker)
    broker.hold(1, "0", "0", what=OLD)
    await rig.engine.sync_now()
    await rig.clock.advance(DAY)
    broker.hold(1, "100", "10.01", what=OLD)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    assert await holds(rig) == []
    assert (await rig.engine.dry_run()).is_empty


async def test_the_other_way_round_it_is_held_anew_at_once(
    start: Start, broker: ScriptedBroker
) -> None:
    """The old one is back, and the new one gone for it."""
    for other in (7, 8, 9):
        broker.hold(other, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.hold(1, "100", "10.01", what=OLD)
    await rig.engine.sync_now()
    broker.drop(1)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    broker.hold(1, "100", "10.01", what=OLD)
    broker.drop(2)
    await rig.engine.sync_now()
    (hold,) = await holds(rig)
    assert (hold.kind, hold.con_id) == (HoldKind.SAME_HOLDING, 2)
    assert (await rig.engine.dry_run()).is_empty


async def test_the_old_one_may_go_days_later(start: Start, broker: ScriptedBroker) -> None:
    rig = await holding(start, broker)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    assert await holds(rig) == []
    await rig.clock.advance(DAY)
    broker.drop(1)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.SAME_HOLDING]


async def test_longer_apart_they_are_two(start: Start, broker: ScriptedBroker) -> None:
    rig = await holding(start, broker)
    broker.drop(1)
    await rig.engine.sync_now()
    await rig.clock.advance(6 * DAY)
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.MISSING]


@pytest.mark.parametrize(
    ("quantity", "cost", "what", "is_alike"),
    [
        ("50", "20.02", NEW, True),
        ("100", "10.01", NEW, True),
        ("100", "10.03", NEW, False),
        ("-50", "20.02", NEW, False),
        ("50", "20.02", Instrument(2, "ABC", "STK", "EUR"), False),
        ("50", "20.02", Instrument(2, "ABC", "FUT", "USD", multiplier="1"), False),
        ("33", "77", Instrument(2, "XYZ.OLD", "STK", "USD"), True),
        ("33", "77", Instrument(2, "XYZA", "STK", "USD"), False),
    ],
)
async def test_what_looks_alike(
    start: Start,
    broker: ScriptedBroker,
    quantity: str,
    cost: str,
    what: Instrument,
    *,
    is_alike: bool,
) -> None:
    rig = await holding(start, broker)
    broker.drop(1)
    broker.hold(2, quantity, cost, what=what)
    await rig.engine.sync_now()
    wanted = HoldKind.SAME_HOLDING if is_alike else HoldKind.MISSING
    assert await kinds(rig) == [wanted]


async def test_a_future_that_was_rolled_is_not_the_same_holding(
    start: Start, broker: ScriptedBroker
) -> None:
    def future(con_id: int, expiry: str) -> Instrument:
        return Instrument(con_id, "ES", "FUT", "USD", expiry=expiry, multiplier="50")

    rig = await holding(start, broker)
    broker.trade_in(future(3, "20261218"), Side.BOUGHT, "1", "5000", "2")
    broker.hold(3, "1", "250002", what=future(3, "20261218"))
    await rig.engine.sync_now()
    broker.drop(3)
    broker.hold(4, "1", "251000", what=future(4, "20270319"))
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.MISSING]


async def test_a_fill_explains_how_it_came(start: Start, broker: ScriptedBroker) -> None:
    rig = await holding(start, broker)
    broker.drop(1)
    broker.trade_in(NEW, Side.BOUGHT, "50", "20", "1")
    broker.hold(2, "50", "20.02", what=NEW)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.MISSING]


@pytest.mark.parametrize("late", ["a fill", "the row", "gone again"])
async def test_a_hold_that_is_explained_clears_itself(
    start: Start, broker: ScriptedBroker, late: str
) -> None:
    rig = await converted(start, broker)
    match late:
        case "a fill":
            broker.trade_in(NEW, Side.BOUGHT, "50", "20", "1")
        case "the row":
            broker.hold(1, "100", "10.01", what=OLD)
        case _:
            broker.drop(2)
    await rig.engine.sync_now()
    await rig.engine.sync_now()
    assert HoldKind.SAME_HOLDING not in await kinds(rig)
    assert (await status(rig, 1) == "OPEN") is (late == "the row")
    assert (await rig.engine.reads.verify()).ok


async def test_another_account_is_another_holding(start: Start, broker: ScriptedBroker) -> None:
    broker.accounts = (ACCOUNT, OTHER)
    rig = await holding(start, broker)
    broker.drop(1)
    broker.hold(2, "50", "20.02", what=NEW, account=OTHER)
    await rig.engine.sync_now()
    assert HoldKind.SAME_HOLDING not in await kinds(rig)


@pytest.mark.parametrize("seconds_before", [0, 90])
async def test_fills_of_the_new_one_in_the_same_snapshot(
    start: Start, broker: ScriptedBroker, seconds_before: int
) -> None:
    rig = await holding(start, broker)
    broker.drop(1)
    broker.trade_in(NEW, Side.SOLD, "10", "30", "1")
    await rig.clock.advance(seconds_before)
    broker.hold(2, "40", "20.02", what=NEW)
    await rig.engine.sync_now()
    (hold,) = await holds(rig)
    assert hold.kind == HoldKind.SAME_HOLDING
    await rig.engine.decide(hold.id, accept=True, note="")
    await rig.engine.sync_now()
    # A fifth of 1,001 went for 10 x 30 - 1; what the snapshot alone made of it is undone.
    standing = [e for e in await rig.engine.reads.entries(EntryQuery()) if e.con_id == 2]
    assert sum((e.realized_pnl or Decimal(0)) for e in standing) == Decimal("98.8")
    assert (await rig.engine.reads.verify()).ok


# --- what is gone, by the user's word ------------------------------------------------------------


async def missing(start: Start, broker: ScriptedBroker) -> tuple[Rig, HoldView]:
    rig = await holding(start, broker)
    broker.drop(1)
    await rig.engine.sync_now()
    (hold,) = await holds(rig)
    assert "transferred to another account" in hold.message
    return rig, hold


async def test_a_transfer_realizes_nothing(start: Start, broker: ScriptedBroker) -> None:
    rig, hold = await missing(start, broker)
    await rig.engine.decide(hold.id, accept=True, note="to another broker", is_transfer=True)
    assert (await rig.engine.sync_now()).closed == 1
    assert await entries(rig) == [("TRANSFERRED", None, "MANUAL")]
    assert await holds(rig) == []
    (said,) = [line for line in await rig.engine.reads.journal() if line.kind == "accepted"]
    assert said.evidence == "a transfer, by the user: to another broker"
    assert (await rig.engine.reads.verify()).ok


@pytest.mark.parametrize("price", ["12", "0", "9.995"])
async def test_a_price_makes_an_amount(start: Start, broker: ScriptedBroker, price: str) -> None:
    rig, hold = await missing(start, broker)
    await rig.engine.decide(hold.id, accept=True, note="by phone", price=Decimal(price))
    await rig.engine.sync_now()
    assert await entries(rig) == [("USER", Decimal(price) * 100 - 1001, "MANUAL")]
    (said,) = [line for line in await rig.engine.reads.journal() if line.kind == "accepted"]
    assert said.evidence == f"accepted by the user, at {price}: by phone"
    assert (await rig.engine.reads.verify()).ok


async def test_a_word_that_does_not_fit_changes_nothing(
    start: Start, broker: ScriptedBroker
) -> None:
    rig, hold = await missing(start, broker)
    for accept, price, is_transfer, why in (
        (True, Decimal(-1), False, "cannot be negative"),
        (True, Decimal(1), True, "a transfer has no price"),
        (False, Decimal(1), False, "goes with accepting"),
        (False, None, True, "goes with accepting"),
    ):
        with pytest.raises(WordRefused, match=why):
            await rig.engine.decide(
                hold.id, accept=accept, note="", price=price, is_transfer=is_transfer
            )
    assert [h.status for h in await holds(rig)] == ["held"]
    await rig.engine.sync_now()
    assert await status(rig, 1) == "MISSING"


async def test_what_came_and_was_added_to_is_judged_as_it_is_now(
    start: Start, broker: ScriptedBroker
) -> None:
    """At once: a second look at the same rows has nothing to add."""
    rig = await holding(start, broker)
    broker.hold(2, "50", "10.01", what=NEW)
    await rig.engine.sync_now()
    assert await kinds(rig) == []
    await rig.clock.advance(3600)
    broker.trade_in(NEW, Side.BOUGHT, "50", "10", "1")
    broker.hold(2, "100", "10.01", what=NEW)
    broker.drop(1)
    await rig.engine.sync_now()
    assert await kinds(rig) == [HoldKind.SAME_HOLDING]
    assert (await rig.engine.dry_run()).is_empty
