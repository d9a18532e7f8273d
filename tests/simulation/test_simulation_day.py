"""Twenty minutes at the dashboard, in virtual time; the module beside it trades for eight hours."""

from tests.simulation.day import require_nothing_left, trade_a_day


def test_twenty_minutes_of_trading_leave_nothing_behind() -> None:
    day = trade_a_day(0.36, look_every=250.0, first_outage=500.0)
    assert len(day.measured) >= 4
    assert day.outages
    assert day.fills > 10
    assert day.syncs > 10
    require_nothing_left(day)
