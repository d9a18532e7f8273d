"""Stretches of days: their ends in any zone, their names, and the way to the next one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from possync_tui.domain.periods import Period, Span, add_months, calendar, parse_day

DAY = date(2026, 11, 18)
CALENDAR = (Span.DAY, Span.WEEK, Span.MONTH, Span.QUARTER, Span.YEAR)


@pytest.mark.parametrize(
    ("span", "first", "last", "name", "file_name"),
    [
        (Span.DAY, DAY, DAY, "Wed 18 Nov 2026", "2026-11-18"),
        (
            Span.WEEK,
            date(2026, 11, 16),
            date(2026, 11, 22),
            "week 47, 16–22 Nov 2026",
            "2026-11-16-to-2026-11-22",
        ),
        (Span.MONTH, date(2026, 11, 1), date(2026, 11, 30), "November 2026", "2026-11"),
        (Span.QUARTER, date(2026, 10, 1), date(2026, 12, 31), "Q4 2026", "2026-Q4"),
        (Span.YEAR, date(2026, 1, 1), date(2026, 12, 31), "2026", "2026"),
        (Span.ALL, None, None, "all time", "all"),
    ],
)
def test_the_calendar(
    span: Span, first: date | None, last: date | None, name: str, file_name: str
) -> None:
    period = calendar(span, DAY)
    assert (period.first, period.last) == (first, last)
    assert (period.name, period.file_name) == (name, file_name)
    assert period.holds(DAY)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        (date(2026, 11, 2), date(2026, 11, 18), "2–18 Nov 2026"),
        (date(2026, 10, 2), date(2026, 11, 18), "2 Oct – 18 Nov 2026"),
        (date(2025, 12, 30), date(2026, 1, 2), "30 Dec 2025 – 2 Jan 2026"),
        (None, DAY, "until 18 Nov 2026"),
        (DAY, None, "since 18 Nov 2026"),
        (DAY, DAY, "18 Nov 2026"),
        (None, None, "all time"),
    ],
)
def test_days_of_ones_own_choice(first: date | None, last: date | None, name: str) -> None:
    period = Period(Span.CUSTOM, first, last)
    assert period.name == name
    assert "/" not in period.file_name
    assert " " not in period.file_name


def test_bounds_are_midnights_of_the_users_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # Clocks go back on 25 October 2026: that day has 25 hours.
    since, until = calendar(Span.DAY, date(2026, 10, 25)).bounds(berlin)
    assert since == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert until == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert calendar(Span.ALL, DAY).bounds(berlin) == (None, None)
    assert Period(Span.CUSTOM, None, date.max).bounds(berlin) == (None, None)


@given(
    st.sampled_from(CALENDAR), st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(-40, 40)
)
def test_stretches_follow_each_other_without_gap(span: Span, day: date, by: int) -> None:
    period = calendar(span, day)
    assert period.holds(day)
    after = period.shifted(1)
    assert after.first is not None
    assert period.last is not None
    assert after.first == period.last + timedelta(days=1)
    assert period.shifted(by).shifted(-by) == period
    assert after.shifted(-1).bounds() == period.bounds()


def test_the_end_of_time_is_a_wall() -> None:
    assert calendar(Span.DAY, date.max).shifted(1) == calendar(Span.DAY, date.max)
    assert calendar(Span.YEAR, date.min).shifted(-1) == calendar(Span.YEAR, date.min)
    assert Period(Span.CUSTOM, None, DAY).shifted(1) == Period(Span.CUSTOM, None, DAY)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(-500, 500))
def test_months_add_up(day: date, months: int) -> None:
    there = add_months(day, months)
    assert there.day == 1
    assert add_months(there, -months) == day.replace(day=1)


def test_days_as_people_type_them() -> None:
    assert parse_day(" 2026-11-18 ") == DAY
    assert parse_day("20261118") == DAY
    assert parse_day("18.11.2026") == DAY
    for wrong in ("", "soon", "31.2.2026", "2026-13-01", "١٨.١١.٢٠٢٦", "1.2.3.4"):
        with pytest.raises(ValueError):  # noqa: PT011 (any reason will do)
            parse_day(wrong)
