"""Each observation once, in order of arrival, and what it touches."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import ConnectivityLost, Side
from possync_tui.domain.position import Status
from possync_tui.ledger.port import EntryQuery, LedgerWriteFailed
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.peek import rows_of
from tests.ledger.world import (
    ACCOUNT,
    KEY,
    SPX,
    START,
    TestClock,
    commission,
    fill,
    plan_for,
    pushed,
    result_of,
    row,
    sync,
)

BUY = fill("0000e0d5.65a1.01.01", Side.BOUGHT, "100", "10", START)


async def test_a_fill_is_taken_once_however_often_it_comes(ledger: Ledger) -> None:
    assert await ledger.record([BUY, BUY]) == 1
    assert await ledger.record([BUY]) == 0
    assert ledger.last_seq == 1
    other = fill(BUY.exec_id, Side.BOUGHT, "100", "10", START, account="DU2")
    assert await ledger.record([other]) == 1, "the same id in another account is another fill"


async def test_a_commission_is_new_where_it_says_something_else(ledger: Ledger) -> None:
    assert await ledger.record([commission("a", "1"), commission("a", "1")]) == 1
    assert await ledger.record([commission("a", "1.25")]) == 1


async def test_a_pushed_row_is_new_where_it_differs_or_something_came_between(
    ledger: Ledger,
) -> None:
    at = START
    assert await ledger.record([pushed("100", at), pushed("100", at + timedelta(1))]) == 1
    assert await ledger.record([pushed("100.0", at + timedelta(2))]) == 0, "the same quantity"
    assert await ledger.record([pushed("100", at, cost="10.02")]) == 1
    assert await ledger.record([pushed("100", at)]) == 1, "back to the first is news again"
    assert await ledger.record([BUY]) == 1
    assert await ledger.record([pushed("100", at)]) == 1, "after a fill it says something new"


async def test_connectivity_lost_touches_nothing_and_is_told_to_the_book(ledger: Ledger) -> None:
    lost = ConnectivityLost(1100, START, "s")
    assert await ledger.record([lost, lost]) == 1
    book = await ledger.book()
    assert book.connectivity_lost_at == START
    assert not book.touched


async def test_observations_touch_their_position_until_a_plan_takes_them_up(
    ledger: Ledger,
) -> None:
    await ledger.record([BUY, commission(BUY.exec_id)])
    assert (await ledger.book()).touched == {KEY}
    await sync(ledger, [row("100")], START + timedelta(minutes=1))
    assert not (await ledger.book()).touched
    await ledger.record([commission(BUY.exec_id, "1.5")])
    assert (await ledger.book()).touched == {KEY}, "a commission touches the position of its fill"


async def test_a_commission_that_comes_first_waits_for_its_fill(ledger: Ledger) -> None:
    await ledger.record([commission(BUY.exec_id)])
    assert not (await ledger.book()).touched
    await ledger.record([BUY])
    assert (await ledger.book()).touched == {KEY}
    history = (await ledger.histories([KEY]))[KEY]
    assert [recorded.observation for recorded in history] == [commission(BUY.exec_id), BUY]
    assert [recorded.seq for recorded in history] == [1, 2]


async def test_histories_hold_their_position_alone_in_order_of_arrival(ledger: Ledger) -> None:
    other = fill("b.01", Side.SOLD, "2", "3.5", START, instrument=SPX)
    await ledger.record([pushed("100", START), other, BUY, commission("b.01")])
    option = PositionKey(ACCOUNT, SPX.con_id)
    found = await ledger.histories([KEY, option, PositionKey("nobody", 1)])
    assert [r.observation for r in found[KEY]] == [pushed("100", START), BUY]
    assert [r.observation for r in found[option]] == [other, commission("b.01")]
    assert found[PositionKey("nobody", 1)] == ()


async def test_news_that_comes_while_a_plan_is_made_stays_for_the_next(ledger: Ledger) -> None:
    await ledger.record([BUY])
    at = START + timedelta(minutes=1)
    plan = await plan_for(ledger, [row("100")], at)
    late = fill("late.01", Side.SOLD, "100", "12", at + timedelta(seconds=10))
    await ledger.record([late])
    await ledger.commit(plan, result_of(plan, at))
    assert (await ledger.book()).touched == {KEY}
    assert (await ledger.verify()).ok, "the tables are what the plan knew"
    await sync(ledger, [], at + timedelta(minutes=1))
    assert not (await ledger.book()).touched
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    assert stored.life.status is Status.CLOSED
    assert (await ledger.verify()).ok


async def test_a_zero_row_counts_until_an_anchor_or_another_row(ledger: Ledger) -> None:
    await sync(ledger, [row("100")], START)
    zero_at = START + timedelta(minutes=1)
    await ledger.record([pushed("0", zero_at)])
    known = (await ledger.book()).positions[KEY]
    assert known.zero_pushed_at == zero_at
    assert known.row == row("100")
    await ledger.record([pushed("5", zero_at + timedelta(seconds=1))])
    assert (await ledger.book()).positions[KEY].zero_pushed_at is None
    await ledger.record([pushed("0", zero_at + timedelta(seconds=2))])
    await sync(ledger, [row("70")], START + timedelta(hours=1))
    assert (await ledger.book()).positions[KEY].zero_pushed_at is None, "the anchor is later"
    await ledger.record([pushed("0", START + timedelta(minutes=30))])
    assert (await ledger.book()).positions[KEY].zero_pushed_at is None, "it is an old zero"


async def test_the_book_keeps_to_what_is_open_or_new(ledger: Ledger) -> None:
    option = PositionKey(ACCOUNT, SPX.con_id)
    await sync(ledger, [row("100"), row("-1", "250", SPX)], START)
    assert set((await ledger.book()).positions) == {KEY, option}
    sale = fill("s.01", Side.SOLD, "100", "11", START + timedelta(minutes=1))
    await ledger.record([sale])
    await sync(ledger, [row("-1", "250", SPX)], START + timedelta(minutes=2))
    assert set((await ledger.book()).positions) == {option}
    await ledger.record([commission("s.01")])
    closed = (await ledger.book()).positions[KEY]
    assert closed.status is Status.CLOSED
    assert closed.quantity == 0
    await sync(ledger, [row("-1", "250", SPX)], START + timedelta(minutes=3))
    assert set((await ledger.book()).positions) == {option}
    assert (await ledger.verify()).problems == ()


async def test_absence_and_return_are_known(ledger: Ledger) -> None:
    others = [row("1", "250", SPX), row("3", "1", _numbered(9)), row("4", "1", _numbered(10))]
    await sync(ledger, [row("100"), *others], START)
    gone_at = START + timedelta(minutes=5)
    await sync(ledger, others, gone_at)
    known = (await ledger.book()).positions[KEY]
    assert known.is_absent
    assert known.status is Status.MISSING
    assert known.missing_since == gone_at
    assert (known.confirmations, known.confirmed_at) == (1, gone_at)
    assert known.row == row("100")
    await sync(ledger, [row("100"), *others], gone_at + timedelta(minutes=5))
    known = (await ledger.book()).positions[KEY]
    assert not known.is_absent
    assert (known.status, known.confirmations) == (Status.OPEN, 0)
    assert (await ledger.verify()).ok


async def test_without_a_contract_id_nothing_is_touched(ledger: Ledger, path: Path) -> None:
    nameless = fill("n.01", Side.BOUGHT, "1", "1", START, instrument=_numbered(0))
    assert await ledger.record([nameless, commission("n.01")]) == 2
    assert not (await ledger.book()).touched
    assert len(rows_of(path, "SELECT * FROM inbox")) == 2


async def test_what_was_recorded_is_there_after_a_restart(path: Path, clock: TestClock) -> None:
    first = await open_ledger(path, clock=clock)
    await first.bind(Environment.PAPER, [ACCOUNT])
    await first.record([BUY, commission(BUY.exec_id)])
    await first.close()
    again = await open_ledger(path, clock=clock)
    try:
        assert again.last_seq == 2
        assert (await again.book()).touched == {KEY}
        assert await again.record([BUY]) == 0
    finally:
        await again.close()


async def test_a_number_that_no_column_holds_is_refused_whole(ledger: Ledger) -> None:
    huge = fill("h.01", Side.BOUGHT, "1", "1", START)
    object.__setattr__(huge, "perm_id", 2**70)
    with pytest.raises(LedgerWriteFailed):
        await ledger.record([BUY, huge])
    assert ledger.last_seq == 0
    assert await ledger.record([BUY]) == 1


async def test_hostile_text_is_data(ledger: Ledger, path: Path) -> None:
    symbol = "'; DROP TABLE inbox; --\x1b[31m[bold]\x00\ud800"
    hostile = Instrument(42, symbol, "STK", "USD")
    bad = fill("x'); DELETE FROM holds;--.01", Side.BOUGHT, "1", "2", START, instrument=hostile)
    await ledger.record([bad])
    await sync(ledger, [row("1", "2", hostile)], START + timedelta(seconds=30))
    (shown,) = await ledger.positions()
    assert shown.symbol.startswith("'; DROP TABLE inbox; --\x1b[31m[bold]\x00")
    assert rows_of(path, "SELECT count(*) FROM inbox") == [(2,)]
    assert await ledger.entries(EntryQuery(symbol="' OR 1=1 --")) == []
    assert (await ledger.verify()).ok


async def test_records_from_many_tasks_all_arrive(ledger: Ledger) -> None:
    fills = [fill(f"m{n}.01", Side.BOUGHT, "1", "1", START) for n in range(50)]
    assert sum(await asyncio.gather(*(ledger.record([one]) for one in fills))) == 50
    assert ledger.last_seq == 50
    assert len((await ledger.histories([KEY]))[KEY]) == 50


def _numbered(con_id: int) -> Instrument:
    return Instrument(con_id, f"S{con_id}", "STK", "USD")
