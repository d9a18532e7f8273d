"""What was held before the first look never cost less than nothing."""

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.life import rebuild

from .conftest import History


def test_a_cost_that_fits_no_average_is_not_known() -> None:
    """The broker shows first in, first out here: the average cost tells nothing of the opening."""
    h = History(Instrument(1, "XYZ", "STK", "USD"))
    h.buy("100", "40")
    h.buy("100", "10")
    h.sell("100", "12")
    h.sell("100", "12")
    h.anchor("100", "10", baseline=True)
    entries = [entry for life in rebuild(h.recorded).lives for entry in life.entries]
    assert entries
    assert all(entry.entry_price is None or entry.entry_price >= 0 for entry in entries)
    assert any(entry.realized is None for entry in entries)
