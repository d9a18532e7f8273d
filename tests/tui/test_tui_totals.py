"""Totals: a currency by itself, and all in one at rates that were told, or none and why."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from possync_tui.domain.marks import Mark
from possync_tui.domain.rates import Rate
from possync_tui.tui.holdings import Holding
from possync_tui.tui.position_groups import Grouping, RunningGroups, group_of
from possync_tui.tui.position_totals import (
    TWO_BASES,
    BaseTotal,
    RunningTotals,
    Sum,
    Total,
    base_total,
    rates_text,
)
from tests.tui import desk_book
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock

USD, EUR = CODES[0], CODES[1]


def rate(account: str, currency: str, value: str, base: str = "USD", age: float = 0.0) -> Rate:
    return Rate(account, currency, base, Decimal(value), NOW - timedelta(seconds=age))


def rates_of(*rates: Rate) -> dict[tuple[str, str], Rate]:
    return {(rate.account, rate.currency): rate for rate in rates}


def held(account: str, currency: str, value: str | None, gain: str = "0") -> Holding:
    view = replace(
        desk_book.positions()[0],
        account=account,
        currency=currency,
        market_value=None if value is None else Decimal(value),
        unrealized_pnl=None if value is None else Decimal(gain),
    )
    return Holding(view, None)


def totals(
    holdings: Iterable[Holding],
    realized_today: Mapping[str, Decimal | None],
    elsewhere: Decimal | None = None,
) -> tuple[Total, ...]:
    """One total a currency, the one with the most positions first.

    `elsewhere` is what was realized in currencies that `realized_today` does not name: nothing, or
    `None` where that is not known.
    """
    groups: dict[str, list[Holding]] = {}
    for holding in holdings:
        if not holding.is_outside_totals:
            groups.setdefault(holding.view.currency, []).append(holding)
    for currency in realized_today:
        groups.setdefault(currency, [])
    found = [
        total_of(currency, group, realized_today.get(currency, elsewhere))
        for currency, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda total: (-total.positions, total.currency)))


def total_of(
    currency: str, holdings: Iterable[Holding], realized_today: Decimal | None = None
) -> Total:
    """The sums of holdings of one currency; virtual FX among them is left out."""
    counted = [holding for holding in holdings if not holding.is_outside_totals]
    return Total(
        currency,
        len(counted),
        sum_of(holding.value for holding in counted),
        sum_of(holding.unrealized for holding in counted),
        sum_of(holding.day for holding in counted),
        realized_today,
        sum(1 for holding in counted if holding.value is None),
    )


def sum_of(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def test_a_total_is_converted_at_the_rates_and_names_them() -> None:
    sums = totals(
        [held(USD, "USD", "1000", "10"), held(EUR, "EUR", "200", "-4")], {"EUR": Decimal(3)}
    )
    rates = rates_of(rate(USD, "USD", "1"), rate(EUR, "USD", "1"), rate(EUR, "EUR", "1.25", age=12))
    base = base_total(sums, {USD, EUR}, rates)
    assert isinstance(base, BaseTotal)
    assert base.total.currency == "USD"
    assert (base.total.value, base.total.unrealized) == (Decimal(1250), Decimal(5))
    assert base.total.realized_today == Decimal("3.75")
    assert rates_text(base, NOW) == "at EUR 1.25, told 12 s ago"


def test_the_latest_rate_counts_whoever_was_told() -> None:
    sums = totals([held(USD, "USD", "0"), held(USD, "EUR", "100")], {})
    rates = rates_of(
        rate(USD, "USD", "1"),
        rate(USD, "EUR", "1.10", age=500),
        rate(EUR, "EUR", "1.20", age=5),
    )
    base = base_total(sums, {USD}, rates)
    assert isinstance(base, BaseTotal)
    assert base.total.value == Decimal(120)


def test_what_has_no_rate_is_left_out_and_named() -> None:
    sums = totals([held(USD, "USD", "7"), held(USD, "JPY", "9000"), held(USD, "GBP", "1")], {})
    base = base_total(sums, {USD}, rates_of(rate(USD, "USD", "1"), rate(USD, "GBP", "2")))
    assert isinstance(base, BaseTotal)
    assert base.total.value == Decimal(9)
    assert base.without == ("JPY",)
    assert rates_text(base, NOW).endswith("JPY has no rate and no part in it")


def test_without_a_base_currency_in_common_there_is_no_such_total() -> None:
    sums = totals([held(USD, "USD", "1"), held(EUR, "EUR", "1")], {})
    none = base_total(sums, {USD, EUR}, {})
    assert none == "no total in one currency: no exchange rates told yet for 2 of 2 accounts"
    only_one = rates_of(rate(USD, "USD", "1"), rate(USD, "EUR", "1.1"))
    assert "for 1 of 2 accounts" in str(base_total(sums, {USD, EUR}, only_one))
    parted = rates_of(rate(USD, "USD", "1"), rate(EUR, "EUR", "1", base="EUR"))
    assert base_total(sums, {USD, EUR}, parted) == TWO_BASES


def test_one_currency_needs_no_rate() -> None:
    sums = totals([held(USD, "USD", "1"), held(USD, "USD", None)], {})
    assert base_total(sums, {USD}, {}) is None
    assert base_total(sums, {USD}, rates_of(rate(USD, "USD", "1"))) is None


async def test_the_foot_says_the_rates_and_their_age(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    async with running((140, 60)) as pilot:
        foot = dashboard(pilot).positions.foot
        assert "no exchange rates told yet for 3 of 3 accounts" in screen_text(pilot)
        told = {"USD": "1", "EUR": "1.08431", "GBP": "1.2", "JPY": "0.0066412"}
        engine.live_rates = rates_of(*(rate(c, k, v) for c in CODES for k, v in told.items()))
        clock.move(40)
        dashboard(pilot).tick()
        await settle(pilot)
        text = screen_text(pilot)
        assert "EUR 1.08431, GBP 1.2, JPY 0.0066412, told 40 s ago" in text.replace("at ", "")
        (line,) = [row for row in text.splitlines() if "≈USD" in row]
        by_currency = {total.currency: total for total in foot.totals[1:]}
        worth = sum((by_currency[name].value or 0) * Decimal(value) for name, value in told.items())
        assert f"{worth:,.2f}" in line


async def test_the_rates_can_be_seen_at_80_columns_too(
    running: Running, engine: FakeEngine
) -> None:
    engine.live_rates = rates_of(
        *(
            rate(code, name, "1" if name == "USD" else "2")
            for code in CODES
            for name in ("USD", "EUR", "GBP", "JPY")
        )
    )
    async with running((80, 24)) as pilot:
        assert "≈USD" in screen_text(pilot)
        await press(pilot, "z")
        assert "told just now" in screen_text(pilot)
        assert (
            sum(
                row.lstrip(" ≈")[:3] in ("USD", "EUR", "GBP", "JPY")
                for row in screen_text(pilot).splitlines()
            )
            == 5
        )


async def test_only_what_moved_is_added_up(
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    added: list[int] = []
    move = Sum.move

    def counting(own: Sum, before: Decimal | None, after: Decimal | None) -> None:
        added.append(1)
        move(own, before, after)

    async with running() as pilot:
        await settle(pilot)
        pane = dashboard(pilot).positions
        pane.tick()
        monkeypatch.setattr(Sum, "move", counting)
        pane.tick()
        pane.tick()
        assert added == []
        view = next(iter(pane.table.holdings)).view
        pane.take_marks([Mark(view.key, NOW, "portfolio", "s", price=Decimal(1))])
        pane.tick()
        # The value, what it gained, and what it gained today.
        assert len(added) == 3


_AMOUNTS = st.none() | st.decimals(min_value=-(10**9), max_value=10**9, places=6)
_KEPT = desk_book.positions()


@given(
    st.lists(st.tuples(st.integers(0, len(_KEPT) - 1), st.tuples(*[_AMOUNTS] * 4)), max_size=60),
    st.integers(0, 40),
)
@settings(max_examples=60, deadline=None)
def test_totals_that_follow_each_move_are_those_of_all_rows(
    moves: list[tuple[int, tuple[Decimal | None, ...]]], begun: int
) -> None:
    rows = [Holding(view, None) for view in _KEPT]
    running = RunningTotals(rows)
    today = {"USD": Decimal("12.5"), "CHF": Decimal(3)}
    for number, (index, amounts) in enumerate(moves):
        if number == begun:
            running = RunningTotals(rows)
        before = rows[index]
        mark = Mark(before.key, NOW, "pnl_single", "s", *amounts)
        rows[index] = before.with_mark(mark, NOW, is_live=True)
        running.move(before, rows[index])
        assert running.now(today) == totals(rows, today)
    assert running.now({}) == totals(rows, {})


@given(
    st.lists(st.tuples(st.integers(0, len(_KEPT) - 1), st.tuples(*[_AMOUNTS] * 4)), max_size=40),
    st.sampled_from(list(Grouping)),
)
@settings(max_examples=40, deadline=None)
def test_headings_that_follow_each_move_are_those_of_all_rows(
    moves: list[tuple[int, tuple[Decimal | None, ...]]], by: Grouping
) -> None:
    rows = [Holding(view, None) for view in _KEPT]
    running = RunningGroups(rows, by)
    for index, amounts in moves:
        before = rows[index]
        mark = Mark(before.key, NOW, "pnl_single", "s", *amounts)
        rows[index] = before.with_mark(mark, NOW, is_live=index % 3 != 0)
        key = running.move(before, rows[index])
        of_it = [row for row in rows if group_of(row, by) == key]
        heading = running.heading(key)
        assert (heading.total,) == (totals(of_it, {}) or (heading.total,))
        assert heading.positions == len(of_it)
        assert heading.missing == sum(row.is_missing for row in of_it)
        counted = [row for row in of_it if not row.is_outside_totals]
        assert heading.is_stale == any(row.is_stale for row in counted)
    assert {group_of(row, by) for row in rows} == {*running.keys}


# --- amounts in order ----------------------------------------------------------------------------


def in_dollars(*accounts: str) -> dict[tuple[str, str], Rate]:
    worth = {"USD": "1", "EUR": "1.1", "GBP": "1.3", "JPY": "0.0067"}
    return rates_of(
        *(rate(code, currency, w) for code in accounts for currency, w in worth.items())
    )


@pytest.mark.parametrize("column", ["value", "unrealized", "day", "realized"])
async def test_amounts_are_sorted_by_what_they_are_worth_in_the_base(
    running: Running, engine: FakeEngine, column: str
) -> None:
    engine.live_rates = in_dollars(*desk_book.CODES)
    async with running((200, 60)) as pilot:
        pane = dashboard(pilot).positions
        table = pane.table
        amount = {c.id: c for c in table.all_columns}[column].order
        assert amount is not None
        for down in (True, False):
            table.sort_by(column, down=down)
            pane.show_rows()
            worth = []
            for row in table.holdings:
                key = amount(row)
                if key is not None:
                    rate_ = engine.live_rates[row.view.account, row.view.currency]
                    worth.append(key[0] * rate_.value)
            assert worth == sorted(worth, reverse=down)
            assert len({row.view.currency for row in table.holdings}) == 4
            await settle(pilot)
            assert f"by {column} {'↓' if down else '↑'} in USD" in screen_text(pilot)


async def test_amounts_without_a_rate_are_sorted_a_currency_at_a_time(
    running: Running, engine: FakeEngine
) -> None:
    rates = in_dollars(*desk_book.CODES)
    engine.live_rates = {key: rate_ for key, rate_ in rates.items() if key[1] != "JPY"}
    async with running((200, 60)) as pilot:
        pane = dashboard(pilot).positions
        pane.table.sort_by("value", down=True)
        pane.show_rows()
        known = [row for row in pane.table.holdings if row.value is not None]
        assert known == pane.table.holdings[: len(known)]
        parted = [(row.view.currency, -(row.value or 0)) for row in known]
        assert parted == sorted(parted)
        await settle(pilot)
        assert "by currency, value ↓" in screen_text(pilot)
        # The rate comes: the next second has it.
        engine.live_rates = rates
        pane.tick()
        await settle(pilot)
        assert "by value ↓ in USD" in screen_text(pilot)
        worth = [
            row.value * rates[row.view.account, row.view.currency].value
            for row in pane.table.holdings
            if row.value is not None
        ]
        assert worth == sorted(worth, reverse=True)


async def test_one_currency_needs_no_rate_to_be_sorted(
    running: Running, engine: FakeEngine
) -> None:
    rows = engine.reads.position_rows
    engine.reads.position_rows = [row for row in rows if row.currency == "EUR"]
    async with running((140, 40)) as pilot:
        pane = dashboard(pilot).positions
        pane.table.sort_by("value", down=True)
        pane.show_rows()
        await settle(pilot)
        text = screen_text(pilot)
        assert "by value ↓" in text
        assert "by value ↓ in" not in text
