"""The default desk and what moves it: the same for the same seed, and plausible."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from possync_tui.demo import (
    Background,
    BackgroundOptions,
    DemoGateway,
    Desk,
    GatewayOptions,
    ManualClock,
    Probe,
    default_desk,
)
from possync_tui.demo.expiries import third_friday

NOON = datetime(2025, 4, 15, 16, 0, tzinfo=UTC)


async def _lived(seed: int, seconds: float, start: datetime = NOON) -> Desk:
    """The default desk after that much of its background."""
    clock = ManualClock(start)
    desk = default_desk(seed=seed, clock=clock)
    options = GatewayOptions(background=BackgroundOptions(seed=seed))
    gateway = DemoGateway(desk, options=options)
    await gateway.start()
    await clock.advance(seconds)
    await gateway.stop()
    return desk


async def test_the_same_seed_and_time_give_the_same_desk() -> None:
    one, two, other = await _lived(1, 300), await _lived(1, 300), await _lived(2, 300)
    assert one.positions(flat=True) == two.positions(flat=True)
    assert one.executions == two.executions
    assert one.executions != other.executions
    assert len(one.executions) > 8 + 300 // 25 - 1


def test_the_default_desk_has_what_a_viewer_must_cope_with() -> None:
    desk = default_desk(seed=1, clock=ManualClock(NOON))
    rows = desk.positions()
    assert len(desk.accounts) == 3
    assert {row.account for row in rows} == set(desk.accounts)
    assert len(rows) == 25
    assert {row.instrument.sec_type for row in rows} == {
        *("STK", "OPT", "FUT", "FOP", "CASH", "BOND", "CRYPTO")
    }
    assert {row.instrument.currency for row in rows} == {"USD", "EUR", "GBP", "CHF", "JPY"}
    assert sum(row.quantity < 0 for row in rows) >= 5
    assert any(row.quantity % 1 for row in rows)
    assert len({row.con_id for row in rows}) == 25


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("start", [NOON, datetime(2025, 3, 9, 5, 0, 20, tzinfo=UTC)])
def test_eight_fills_of_today_have_happened(seed: int, start: datetime) -> None:
    desk = default_desk(seed=seed, clock=ManualClock(start))
    assert len(desk.executions_today()) == 8
    assert all(desk.midnight() <= e.time <= start for e in desk.executions)
    assert len({e.exec_id for e in desk.executions}) == 8
    realized = [e.realized is not None for e in desk.executions]
    assert any(realized)
    assert not all(realized)


def test_another_prefix_makes_account_numbers_that_are_not_paper() -> None:
    desk = default_desk(seed=1, clock=ManualClock(NOON), account_prefix="DF")
    assert desk.accounts == ("DF1000001", "DF1000002", "DF1000003")


async def test_fills_open_add_reduce_flip_and_close_over_an_hour() -> None:
    desk = await _lived(1, 3600)
    seen = set()
    held: dict[tuple[str, int], Decimal] = {}
    fresh = default_desk(seed=1, clock=ManualClock(NOON))
    held = {(row.account, row.con_id): row.quantity for row in fresh.positions()}
    for fill in desk.executions[8:]:
        key = (fill.account, fill.con_id)
        before = held.get(key, Decimal(0))
        after = before + fill.side.sign * fill.quantity
        held[key] = after
        if not before:
            seen.add("open")
        elif not after:
            seen.add("close")
        elif before * after < 0:
            seen.add("flip")
        else:
            seen.add("add" if abs(after) > abs(before) else "reduce")
    assert seen == {"open", "add", "reduce", "flip", "close"}
    assert held == {(r.account, r.con_id): r.quantity for r in desk.positions(flat=True)}
    assert 15 <= len(desk.positions()) <= 25
    assert all(r.quantity >= 0 for r in desk.positions() if r.instrument.sec_type == "CRYPTO")


async def test_prices_stay_on_their_ticks_and_within_reason() -> None:
    fresh = default_desk(seed=1, clock=ManualClock(NOON))
    moved = 0
    desk = await _lived(1, 3600)
    for row in desk.positions():
        begun = fresh.mark(row.con_id)
        assert row.price % row.instrument.tick == 0
        assert Decimal("0.5") < row.price / begun < 2, row.instrument.local_symbol
        moved += row.price != begun
    assert moved > 20


async def test_a_machine_that_slept_does_not_catch_up_with_every_fill() -> None:
    class Jumping(ManualClock):
        ahead = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead

    clock = Jumping(NOON)
    desk = default_desk(seed=1, clock=clock)
    background = BackgroundOptions(tick_interval=0.0, trade_interval=(10.0, 10.0))
    gateway = DemoGateway(desk, options=GatewayOptions(background=background))
    await gateway.start()
    await clock.advance(15)
    before = len(desk.executions)
    clock.ahead = 8 * 3600
    await clock.advance(60)
    await gateway.stop()
    assert len(desk.executions) - before < 8


def test_the_background_can_be_off() -> None:
    clock = ManualClock(NOON)
    desk = Desk(["DU1000001"], clock=clock)
    background = Background(desk, BackgroundOptions(), clock)
    background.make_fill()  # nothing to trade in
    background.move_prices()
    assert desk.executions == ()


async def test_a_watching_client_hears_of_the_background() -> None:
    clock = ManualClock(NOON)
    desk = default_desk(seed=1, clock=clock)
    gateway = DemoGateway(desk, options=GatewayOptions(background=BackgroundOptions(seed=1)))
    await gateway.start()
    probe = await Probe.connect(gateway.port)
    probe.send(61, 1)
    await probe.until(62)
    await clock.advance(60)
    told = await probe.fields()
    fill = desk.executions[8]
    assert (told[2], told[3]) == (fill.account, str(fill.con_id))
    await gateway.stop()


@pytest.mark.parametrize("day", range(0, 800, 13))
def test_contract_months_are_ahead_and_on_third_fridays(day: int) -> None:
    today = NOON.date() + timedelta(days=day)
    expiry = third_friday(today, 20, quarterly=True)
    assert expiry.day.weekday() == 4
    assert 15 <= expiry.day.day <= 21
    assert 20 <= (expiry.day - today).days <= 130
    assert expiry.future_suffix[0] in "HMUZ"


def test_a_desk_that_is_started_again_has_made_the_same_fills() -> None:
    """A ledger that goes on with it would book what they realized once more otherwise."""

    def fills(clock: ManualClock, seed: int = 1) -> dict[str, tuple[object, ...]]:
        return {
            fill.exec_id: (fill.account, fill.con_id, fill.side, fill.quantity, fill.price)
            for fill in default_desk(seed=seed, clock=clock).executions
        }

    first = fills(ManualClock(NOON))
    assert len(first) == 8
    assert fills(ManualClock(NOON + timedelta(hours=2))) == first
    assert not fills(ManualClock(NOON), seed=2).keys() & first.keys()
    assert not fills(ManualClock(NOON + timedelta(days=1))).keys() & first.keys()
