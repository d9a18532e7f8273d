"""What is held, and the user's word on it."""

from datetime import timedelta
from pathlib import Path

import pytest

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import CloseDecided, CloseReason
from possync_tui.domain.plan import HoldKind
from possync_tui.domain.position import Status
from possync_tui.ledger.port import LedgerError
from possync_tui.ledger.store import Ledger
from tests.ledger.peek import rows_of
from tests.ledger.world import ACCOUNT, KEY, START, row, sync

OTHERS = [row(str(n), "5", Instrument(n, f"S{n}", "STK", "USD")) for n in range(1, 6)]
GONE = START + timedelta(minutes=5)
SAID = START + timedelta(minutes=6)


async def missing(ledger: Ledger) -> int:
    """One position of six is missing and held; returns the hold's id."""
    await sync(ledger, [row("100"), *OTHERS], START)
    await sync(ledger, OTHERS, GONE)
    (hold,) = await ledger.holds()
    assert (hold.kind, hold.status, hold.symbol) == ("MISSING", "held", "AAPL")
    assert "Accept to close it" in hold.message
    return hold.id


async def test_accepting_a_missing_position_lets_the_next_sync_close_it(ledger: Ledger) -> None:
    hold_id = await missing(ledger)
    assert await ledger.decide(hold_id, accept=True, note="sold by phone", at=SAID) == (KEY,)
    assert (await ledger.book()).touched == {KEY}
    last = (await ledger.histories([KEY]))[KEY][-1].observation
    assert isinstance(last, CloseDecided)
    assert (last.reason, last.as_of) == (CloseReason.USER, SAID)
    assert "sold by phone" in last.evidence
    (line,) = [line for line in await ledger.journal() if line.kind == "accepted"]
    assert (line.evidence, line.con_id) == ("sold by phone", KEY.con_id)
    assert (await ledger.verify()).ok, "the word is for the next plan"
    await sync(ledger, OTHERS, SAID + timedelta(minutes=1))
    (stored,) = (await ledger.stored_lives([KEY]))[KEY]
    assert stored.life.status is Status.CLOSED
    assert stored.life.close_reason == "user"
    assert not (await ledger.book()).touched
    assert await ledger.holds() == []
    (decided,) = await ledger.holds(include_decided=True)
    assert (decided.status, decided.note, decided.decided_at) == ("accepted", "sold by phone", SAID)
    assert (await ledger.verify()).problems == ()


async def test_keeping_leaves_it_open_and_marked(ledger: Ledger) -> None:
    hold_id = await missing(ledger)
    assert await ledger.decide(hold_id, accept=False, note="transfer", at=SAID) == ()
    (hold,) = (await ledger.book()).holds
    assert hold.is_kept
    assert hold.keys == (KEY,)
    assert not (await ledger.book()).touched
    assert [view.status for view in await ledger.holds()] == ["kept"]
    assert await ledger.decide(hold_id, accept=True, note="", at=SAID) == (KEY,)


async def test_a_decided_hold_cannot_be_decided_again(ledger: Ledger) -> None:
    hold_id = await missing(ledger)
    await ledger.decide(hold_id, accept=True, note="", at=SAID)
    with pytest.raises(LedgerError, match="accepted already"):
        await ledger.decide(hold_id, accept=False, note="", at=SAID)
    with pytest.raises(LedgerError, match="no hold 99"):
        await ledger.decide(99, accept=True, note="", at=SAID)


async def test_what_came_back_clears_and_is_not_closed(ledger: Ledger) -> None:
    hold_id = await missing(ledger)
    await sync(ledger, [row("100"), *OTHERS], SAID)
    (hold,) = await ledger.holds(include_decided=True)
    assert (hold.id, hold.status) == (hold_id, "cleared")
    with pytest.raises(LedgerError, match="cleared already"):
        await ledger.decide(hold_id, accept=True, note="", at=SAID)


async def test_a_bulk_hold_closes_only_what_is_still_absent(ledger: Ledger) -> None:
    await sync(ledger, [row("100"), *OTHERS], START)
    await sync(ledger, [], GONE)
    (hold,) = await ledger.holds()
    assert hold.kind == HoldKind.BULK_MISSING
    await sync(ledger, [row("100")], SAID)
    touched = await ledger.decide(hold.id, accept=True, note="", at=SAID + timedelta(minutes=1))
    assert set(touched) == {PositionKey(ACCOUNT, n) for n in range(1, 6)}
    await sync(ledger, [row("100")], SAID + timedelta(minutes=2))
    assert [view.symbol for view in await ledger.positions()] == ["AAPL"]
    assert (await ledger.verify()).problems == ()


async def test_an_account_that_comes_later_waits_for_the_word(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [row("100")], START)
    await ledger.bind(Environment.PAPER, [ACCOUNT, "DU2"])
    theirs = row("5", account="DU2")
    await sync(ledger, [row("100"), theirs], GONE, accounts=[ACCOUNT, "DU2"])
    assert len(await ledger.positions()) == 1
    (hold,) = await ledger.holds()
    assert (hold.kind, hold.account) == ("NEW_ACCOUNT", "DU2")
    assert await ledger.decide(hold.id, accept=True, note="mine", at=SAID) == ()
    assert (await ledger.book()).accounts["DU2"].is_accepted
    later = SAID + timedelta(minutes=1)
    await sync(ledger, [row("100"), theirs], later, accounts=[ACCOUNT, "DU2"])
    assert [view.account for view in await ledger.positions()] == [ACCOUNT, "DU2"]
    assert [view.account for view in await ledger.positions(account_id=2)] == ["DU2"]
    assert rows_of(path, "SELECT account_id, quantity FROM positions") == [(1, 100), (2, 5)]
    assert (await ledger.verify()).problems == ()
