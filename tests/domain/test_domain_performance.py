"""Statistics of realized entries: exact, by currency, and nothing that was undone counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from possync_tui.domain.performance import (
    Bar,
    Unit,
    bars,
    chain_of,
    drawdown,
    linked,
    moves,
    performances,
    running_totals,
    thinned,
    unit_for,
)
from tests.tui.desk_fills import entry, repaired

AT = datetime(2026, 11, 18, 14, 0, tzinfo=UTC)


def test_wins_losses_and_what_follows_from_them() -> None:
    entries = [
        entry(number, amount, closed_at=AT + timedelta(hours=number))
        for number, amount in enumerate(("100", "-40", "0", "50", "-10", None), 1)
    ]
    (total,) = performances(linked(entries))
    assert (total.entries, total.wins, total.losses, total.flat, total.unknown) == (6, 2, 2, 1, 1)
    assert total.realized == 100
    assert total.win_rate == 40
    assert total.profit_factor == 3
    assert total.average_win == 75
    assert total.average_loss == -25
    assert total.expectancy == 20
    assert total.best is entries[0]
    assert total.worst is entries[1]
    assert total.drawdown == -40
    assert total.commissions == {"USD": Decimal("6.30")}
    assert total.qualities == {"EXACT": 6}


def test_nothing_known_divides_by_nothing() -> None:
    (total,) = performances(linked([entry(1, None, commission=None)]))
    assert total.realized is None
    assert total.unknown == 1
    assert total.win_rate is total.profit_factor is total.expectancy is None
    assert total.average_win is total.average_loss is None
    assert total.best is total.worst is None
    assert performances(()) == ()


def test_a_repaired_entry_is_one_win() -> None:
    (total,) = performances(linked(repaired(7)))
    assert (total.entries, total.wins, total.losses) == (1, 1, 0)
    assert total.realized == Decimal("3734.95")
    assert total.commissions == {"USD": Decimal("1.05")}
    assert total.qualities == {"EXACT": 1}


def test_rows_know_what_undid_and_what_replaced_them() -> None:
    estimate, reversal, exact = linked(repaired(7))
    assert (estimate.undone_by, estimate.replaced_by, estimate.stands) == (8, 9, False)
    assert reversal.is_reversal
    assert not reversal.stands
    assert exact.stands
    other = linked([entry(1, "5")])[0]
    for row in (estimate, reversal, exact):
        chain = chain_of(row, (exact, other, reversal, estimate))
        assert [link.entry.id for link in chain] == [7, 8, 9]
    assert chain_of(other, (exact, other)) == (other,)


def test_the_brokers_figure_differs_from_half_a_cent_on() -> None:
    def differs(theirs: str) -> Decimal | None:
        return linked([entry(1, "10", broker_realized_pnl=Decimal(theirs))])[0].entry.difference

    assert differs("10.0049") is None
    assert differs("9.98") == Decimal("0.02")
    assert linked([entry(1, None, broker_realized_pnl=Decimal(1))])[0].entry.difference is None


def test_currencies_are_never_added() -> None:
    entries = [
        entry(1, "10"),
        entry(2, "-3", currency="EUR", commission_currency="USD"),
        entry(3, "7", currency="EUR", commission_currency="EUR"),
        entry(4, "1000", sec_type="CASH"),
    ]
    euro, dollar = performances(linked(entries))
    assert (euro.currency, euro.realized, euro.entries) == ("EUR", Decimal(4), 2)
    assert euro.commissions == {"EUR": Decimal("1.05"), "USD": Decimal("1.05")}
    assert (dollar.currency, dollar.realized) == ("USD", Decimal(10))


amounts = st.decimals(-(10**9), 10**9, places=6)


@given(st.lists(st.one_of(amounts, st.none()), max_size=40), st.data())
def test_sums_are_exact_and_reversals_change_no_count(
    found: list[Decimal | None], data: st.DataObject
) -> None:
    standing = [
        replace(entry(number, None), realized_pnl=amount, commission=None)
        for number, amount in enumerate(found, 1)
    ]
    undone = data.draw(st.lists(st.sampled_from(standing), unique=True)) if standing else []
    rows = list(standing)
    for count, old in enumerate(undone):
        old_amount = old.realized_pnl
        undo = replace(
            old,
            id=1_000 + count,
            kind="REVERSAL",
            supersedes_id=old.id,
            realized_pnl=None if old_amount is None else -old_amount,
        )
        rows += [undo, replace(old, id=2_000 + count, supersedes_id=old.id)]
    (plain,) = performances(linked(standing)) or (None,)
    (repaired_,) = performances(linked(rows)) or (None,)
    if plain is None or repaired_ is None:
        assert plain is repaired_
        return
    known = [Fraction(amount) for amount in found if amount is not None]
    assert Fraction(plain.realized or 0) == sum(known)
    assert (plain.realized is None) is (not known)
    assert Fraction(plain.won) + Fraction(plain.lost) == sum(known)
    for name in ("realized", "entries", "wins", "losses", "unknown", "won", "lost", "drawdown"):
        assert getattr(plain, name) == getattr(repaired_, name), name
    assert moves(standing) == moves(rows)
    assert sum(Fraction(bar.amount) for bar in bars(moves(rows), Unit.DAY)) == sum(known)


def test_totals_run_and_fall() -> None:
    entries = [
        entry(1, "10", closed_at=AT),
        entry(2, "-30", closed_at=AT + timedelta(hours=1)),
        entry(3, "5", closed_at=AT + timedelta(hours=1)),
        entry(4, "100", closed_at=AT + timedelta(hours=2)),
    ]
    totals = [total for _, total in running_totals(moves(entries))]
    assert totals == [10, -15, 85]
    assert drawdown(map(Decimal, totals)) == -25
    assert drawdown([Decimal(-5), Decimal(-9)]) == -9
    assert drawdown([]) == 0


def test_a_bar_is_a_day_of_the_users_zone() -> None:
    moved = moves([entry(1, "10", closed_at=datetime(2026, 11, 18, 23, 30, tzinfo=UTC))])
    (here,) = bars(moved, Unit.DAY, ZoneInfo("UTC"))
    (there,) = bars(moved, Unit.DAY, ZoneInfo("Europe/Berlin"))
    assert (here.start.day, there.start.day) == (18, 19)
    assert there == Bar(datetime(2026, 11, 19), datetime(2026, 11, 20), Decimal(10))  # noqa: DTZ001


def test_units_grow_with_the_stretch() -> None:
    start = datetime(2026, 1, 5, 9)  # noqa: DTZ001
    found = [unit_for(start, start + timedelta(days=days), 60) for days in (0, 20, 300, 1200, 4000)]
    assert found == [Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.QUARTER]
    assert unit_for(start, start + timedelta(days=9000), 20) is Unit.YEAR


@given(st.lists(amounts, min_size=1, max_size=400), st.integers(2, 60))
def test_thinning_keeps_ends_and_extremes(totals: list[Decimal], columns: int) -> None:
    points = [(float(place), total) for place, total in enumerate(totals)]
    kept = thinned(points, columns)
    assert len(kept) <= max(2 * columns, 2)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert max(total for _, total in kept) == max(totals)
    assert min(total for _, total in kept) == min(totals)
    assert list(kept) == sorted(kept, key=lambda point: point[0])
