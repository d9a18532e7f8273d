"""Days as people type them."""

from datetime import date

import pytest

from possync_tui.domain.periods import parse_day


@pytest.mark.parametrize("typed", ["2026-11-02", "20261102", "2.11.2026", " 02.11.2026 "])
def test_a_day_is_read(typed: str) -> None:
    assert parse_day(typed) == date(2026, 11, 2)


@pytest.mark.parametrize("typed", ["1.1.26", "1.1.1", "2026-W05", "2026-1102", "0026-01-01", "x"])
def test_what_may_be_another_day_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"date|trade"):
        parse_day(typed)
