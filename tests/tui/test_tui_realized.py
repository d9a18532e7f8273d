"""The screen of realized P&L: stretches, currencies, charts, what was undone, fills, export."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from possync_tui.domain.observations import PriceEvidence
from possync_tui.domain.periods import Span
from possync_tui.tui.screens.period_dialog import PeriodDialog
from possync_tui.tui.screens.realized import MOST_READ, RealizedScreen
from possync_tui.tui.widgets.pnl_chart import Look
from tests.tui.conftest import Running, app_of, press, screen_text, settle
from tests.tui.desk_fills import entry, repaired
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock
from tests.tui.test_tui_dashboard import SIZES


def screen(pilot: Pilot[None]) -> RealizedScreen:
    top = pilot.app.screen
    assert isinstance(top, RealizedScreen)
    return top


def charted(text: str) -> bool:
    return any("⠀" < character < "⣿" or character in "█▐▌▄▀" for character in text)


# --- what is shown -------------------------------------------------------------------------------


async def test_realized_shows_entries_totals_and_a_curve(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "p")
        text = screen_text(pilot)
        assert "Realized P&L  all time · all accounts" in text
        for quality in ("✓ EXACT", "~ ESTIMATED", "… PENDING", "✎ MANUAL"):
            assert quality in text
        assert charted(text)
        known = [e.realized_pnl for e in engine.reads.entry_rows if e.currency == "USD"]
        total = sum((amount for amount in known if amount is not None), Decimal(0))
        assert f"{abs(total):,.2f}" in text
        for label in ("won, lost", "win rate", "profit factor", "commissions", "drawdown"):
            assert label in text
        assert screen(pilot).total is not None


async def test_a_conversion_of_currencies_is_neither_won_nor_lost(
    running: Running, engine: FakeEngine
) -> None:
    fx = {"sec_type": "CASH", "symbol": "EUR", "description": "EUR.USD"}
    engine.reads.entry_rows = [
        entry(1, "100"),
        entry(2, "-40"),
        entry(3, "7777", **fx),
        entry(4, "-3", **fx),
    ]
    async with running() as pilot:
        await press(pilot, "p")
        text = screen_text(pilot)
        assert "2 entries · 2 conversions not counted" in text
        assert "1 won · 1 lost" in text
        assert "50.0 %" in text
        assert "EUR.USD" in text
        total = screen(pilot).total
        assert total is not None
        assert (total.realized, total.win_rate) == (Decimal(60), Decimal(50))
        await press(pilot, "question_mark")
        assert "(CASH)" in screen_text(pilot)


async def test_a_conversion_is_marked_where_it_stands(running: Running, engine: FakeEngine) -> None:
    fx = {"symbol": "EUR", "description": "EUR.USD", "sec_type": "CASH", "con_id": 12087792}
    engine.reads.entry_rows = [entry(1, "100"), entry(2, "9", **fx)]
    async with running((60, 24)) as pilot:
        await press(pilot, "p")
        marked = [row for row in screen_text(pilot).splitlines() if "⇄" in row]
        assert len(marked) == 1
        assert "EUR.USD" in marked[0]
        assert "EXACT FX" in marked[0]
        await press(pilot, "j", "enter")
        assert "in no total and no win rate" in " ".join(screen_text(pilot).split())
        await press(pilot, "question_mark")
        helped = [str(each.content) for each in pilot.app.screen.query(Static)]
        assert any("⇄ FX         a conversion" in text for text in helped)


@pytest.mark.parametrize("columns", [80, 100, 140])
async def test_where_a_price_comes_from_moves_no_column(
    running: Running, engine: FakeEngine, columns: int
) -> None:
    word = entry(
        2,
        "9",
        quality="MANUAL",
        kind="USER",
        exec_id=None,
        price=PriceEvidence(Decimal("231.14"), "user", 0.0),
    )
    guess = replace(
        word,
        id=3,
        closed_at=NOW - timedelta(hours=3),
        quality="ESTIMATED",
        kind="ZERO_ROW",
        price=PriceEvidence(Decimal("231.14"), "portfolio", 47.0),
    )
    shown = set()
    for others in ([], [word], [word, guess]):
        engine.reads.entry_rows = [entry(1, "100"), *others]
        async with running((columns, 30)) as pilot:
            await press(pilot, "p")
            placed = [each.column.id for each in screen(pilot).table.placed]
            # How it ended is words, which take what room is left.
            shown.add(tuple(name for name in placed if name != "how"))
            for row, said in enumerate(("your word", "portfolio, 47 s old")[: len(others)], 1):
                await press(pilot, "g", *"j" * row, "enter")
                assert f"price from   231.14  {said}" in screen_text(pilot)
                await press(pilot, "escape")
    assert len(shown) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 39, 700])
async def test_any_number_of_entries_at_any_size(
    running: Running, engine: FakeEngine, size: tuple[int, int], count: int
) -> None:
    engine.reads.entry_rows = [
        entry(n, f"{n * 7919 % 401 - 170}.25", closed_at=NOW - timedelta(hours=11 * n))
        for n in range(1, count + 1)
    ]
    async with running(size) as pilot:
        await press(pilot, "p")
        text = screen_text(pilot)
        assert charted(text) is (count > 0)
        assert ("win rate" in text) is (count > 0)
        assert f"{count} entr" in text
        for key in ("b", "c", "x", "o", "O", "b", "1", "T"):
            await press(pilot, key)
            assert len(screen_text(pilot).splitlines()) == size[1]
        assert "failed:" not in screen_text(pilot)


async def test_losses_only(running: Running, engine: FakeEngine) -> None:
    engine.reads.entry_rows = [
        entry(n, "-5.50", closed_at=NOW - timedelta(days=n)) for n in range(1, 30)
    ]
    async with running() as pilot:
        await press(pilot, "p")
        text = screen_text(pilot)
        assert "0 won · 29 lost" in text
        assert "profit factor  0.00" in text
        assert "average win    –" in text
        assert charted(text)


async def test_nothing_realized_is_a_sentence(running: Running, engine: FakeEngine) -> None:
    engine.reads.entry_rows = []
    async with running((80, 24)) as pilot:
        await press(pilot, "p")
        assert "Nothing was realized yet." in screen_text(pilot)
        await press(pilot, "3")
        assert "Nothing was realized: November 2026." in screen_text(pilot)
        await press(pilot, "e", "enter", "c", "b", "x")
        assert isinstance(pilot.app.screen, RealizedScreen)


async def test_unknown_amounts_are_dashes(running: Running, engine: FakeEngine) -> None:
    engine.reads.entry_rows = [
        replace(entry(1, None), gross_pnl=None, commission=None, quality="ESTIMATED")
    ]
    async with running() as pilot:
        await press(pilot, "p")
        text = screen_text(pilot)
        assert "0.00" not in text.split("Closed", 1)[1]
        assert "1 · 1 unknown" in text
        assert "win rate –" in text


async def test_realized_follows_the_account(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "p", "a")
        assert {row.account for row in screen(pilot).entries} == {"DU7654301"}
        assert "all time · DU7654301" in screen_text(pilot)
        assert screen(pilot).table.has_focus
        await press(pilot, "e")
        text = screen_text(pilot)
        assert "all time, USD, DU7654301." in text
        assert "possync-pnl-all-USD-DU7654301.csv" in text


async def test_too_many_entries_are_said_to_be_cut(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_READ >= 10_000
    monkeypatch.setattr("possync_tui.tui.screens.realized.MOST_READ", 3)
    at = NOW - timedelta(days=1)
    engine.reads.entry_rows = [entry(1, "1"), entry(2, "2"), entry(3, "4", closed_at=at)]
    engine.reads.entry_rows.append(entry(4, "8", closed_at=at))
    async with running() as pilot:
        await press(pilot, "p")
        # Entries of one instant stay together: a reversal goes with what it reverses.
        assert [row.id for row in screen(pilot).entries] == [1, 2]
        assert "the newest 2 only" in screen_text(pilot)


# --- stretches of time ---------------------------------------------------------------------------


async def test_every_stretch_has_its_key(running: Running, engine: FakeEngine) -> None:
    engine.reads.entry_rows = [
        entry(1, "1", closed_at=NOW - timedelta(hours=2)),
        entry(2, "2", closed_at=NOW - timedelta(days=1)),
        entry(3, "4", closed_at=NOW - timedelta(days=12)),
        entry(4, "8", closed_at=NOW - timedelta(days=40)),
        entry(5, "16", closed_at=NOW - timedelta(days=200)),
        entry(6, "32", closed_at=NOW - timedelta(days=500)),
    ]
    expected = {"1": 1, "2": 3, "3": 7, "4": 15, "5": 31, "6": 63}
    async with running() as pilot:
        await press(pilot, "p")
        for key, total in expected.items():
            await press(pilot, key)
            found = screen(pilot).total
            assert found is not None
            assert found.realized == total, key
        await press(pilot, "t")
        assert screen(pilot).period.span is Span.DAY
        await press(pilot, "T")
        assert screen(pilot).period.span is Span.ALL


async def test_a_step_back_and_forth(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "p", "3", "left_square_bracket")
        assert "October 2026" in screen_text(pilot)
        assert all(row.closed_at.month == 10 for row in screen(pilot).entries)
        await press(pilot, "right", "right")
        assert "December 2026" in screen_text(pilot)
        assert "Nothing was realized: December 2026" in screen_text(pilot)


async def test_a_day_is_the_users_day(
    running: Running, engine: FakeEngine, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    # 00:30 on the 19th in Tokyo is still the 18th in UTC.
    clock.time = datetime(2026, 11, 18, 15, 45, tzinfo=UTC)
    engine.reads.entry_rows = [
        entry(1, "1", closed_at=datetime(2026, 11, 18, 15, 30, tzinfo=UTC)),
        entry(2, "2", closed_at=datetime(2026, 11, 18, 14, 30, tzinfo=UTC)),
    ]
    async with running() as pilot:
        await press(pilot, "p", "1")
        assert "Thu 19 Nov 2026" in screen_text(pilot)
        assert [row.id for row in screen(pilot).entries] == [1]
        assert "2026-11-19 00:30" in screen_text(pilot)


async def test_days_of_ones_own_choice(running: Running, engine: FakeEngine) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, "p", "7")
        dialog = pilot.app.screen
        assert isinstance(dialog, PeriodDialog)
        dialog.query_one("#from", Input).value = "tomorrow"
        await press(pilot, "enter")
        assert "“from” is not a day" in screen_text(pilot)
        assert dialog.query_one("#from", Input).has_focus
        dialog.query_one("#from", Input).value = "2026-10-05"
        dialog.query_one("#to", Input).value = "2026-10-01"
        await press(pilot, "enter", "enter")
        assert "the last day is before the first one" in screen_text(pilot)
        dialog.query_one("#to", Input).value = "20.10.2026"
        await press(pilot, "enter")
        assert "5–20 Oct 2026" in screen_text(pilot)
        days = {row.closed_at.date() for row in screen(pilot).entries}
        assert min(days) >= date(2026, 10, 5)
        assert max(days) <= date(2026, 10, 20)
        await press(pilot, "7", "escape")
        assert screen(pilot).period.span is Span.CUSTOM


async def test_the_stretches_are_clickable(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "p")
        line = screen_text(pilot).splitlines()[2]
        await pilot.click("PeriodTabs", offset=(line.index("Month") - 1, 0))
        await settle(pilot)
        assert screen(pilot).period.span is Span.MONTH
        line = screen_text(pilot).splitlines()[2]
        await pilot.click("PeriodTabs", offset=(line.index("earlier") - 1, 0))
        await settle(pilot)
        assert "October 2026" in screen_text(pilot)


# --- currencies ----------------------------------------------------------------------------------


async def test_one_currency_at_a_time_then_all_side_by_side(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "p")
        seen = []
        for _ in range(4):
            seen.append(screen(pilot).currency)
            assert {row.currency for row in screen(pilot).entries} == {screen(pilot).currency}
            await press(pilot, "c")
        assert seen == ["USD", "EUR", "JPY", "GBP"]
        assert screen(pilot).currency is None
        assert {row.currency for row in screen(pilot).entries} >= set(seen)
        text = screen_text(pilot)
        assert "Avg loss" in text
        assert not charted(text.replace("▄", "").replace("▀", "").replace("▌", ""))
        await press(pilot, "c")
        assert screen(pilot).currency == "USD"


# --- the chart -----------------------------------------------------------------------------------


async def test_the_chart_turns_and_shows_both_where_it_fits(running: Running) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, "p")
        looks = []
        for _ in range(4):
            text = screen_text(pilot)
            looks.append((screen(pilot).chart.look, "running" in text, "realized by" in text))
            await press(pilot, "b")
        assert looks == [
            (Look.BOTH, True, True),
            (Look.CURVE, True, False),
            (Look.BARS, False, True),
            (Look.BOTH, True, True),
        ]


async def test_a_low_chart_has_one_at_a_time(running: Running) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, "p")
        chart = screen(pilot).chart
        looks = []
        for _ in range(3):
            looks.append(chart.look)
            await press(pilot, "b")
        assert looks == [Look.CURVE, Look.BARS, Look.CURVE]


async def test_the_chart_is_built_anew_only_when_it_changed(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "p")
        chart = screen(pilot).chart
        built = chart.builds
        await press(pilot, "j", "j", "s")
        app_of(pilot)._tick()
        chart.refresh()
        await settle(pilot)
        assert chart.builds == built
        engine.reads.entry_rows.append(entry(999, "5"))
        app_of(pilot).read_ledger()
        await settle(pilot)
        assert chart.builds == built + 1
        app_of(pilot).theme = "possync-day"
        await settle(pilot)
        assert chart.builds == built + 2


@pytest.mark.parametrize("theme", ["possync", "possync-day", "ansi-dark", "nord"])
async def test_the_chart_is_legible_in_every_theme(running: Running, theme: str) -> None:
    async with running(theme=theme) as pilot:
        await press(pilot, "p")
        strips = pilot.app.screen._compositor.render_strips()
        drawn = [s for strip in strips for s in strip if charted(s.text) and s.style]
        assert drawn
        for segment in drawn:
            assert segment.style is not None
            assert segment.style.color != segment.style.bgcolor or segment.style.color is None


# --- what was undone -----------------------------------------------------------------------------


async def test_what_was_undone_is_hidden_until_asked_for(
    running: Running, engine: FakeEngine
) -> None:
    engine.reads.entry_rows = repaired(900, NOW - timedelta(hours=3))
    async with running() as pilot:
        await press(pilot, "p")
        text = screen_text(pilot)
        assert "1 entry · 2 undone hidden" in text
        assert "1 won · 0 lost" in text
        assert [row.id for row in screen(pilot).entries] == [902]
        assert "+13.51" in text
        await press(pilot, "x")
        text = screen_text(pilot)
        assert [row.id for row in screen(pilot).entries] == [901, 900, 902]
        assert "reverses #900" in text
        assert "undone by #901, now #902" in text
        await press(pilot, "g", "j", "enter")
        assert "portfolio, 12 s old" in screen_text(pilot)
        await press(pilot, "escape")
        assert "1 won · 0 lost" in text
        await press(pilot, "x")
        assert "reverses #900" not in screen_text(pilot)


async def test_sorting_by_key_goes_round(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "p", "o")
        amounts = [row.realized_pnl for row in screen(pilot).entries]
        known = [amount for amount in amounts if amount is not None]
        assert known == sorted(known, reverse=True)
        await press(pilot, "O")
        known = [r.realized_pnl for r in screen(pilot).entries if r.realized_pnl is not None]
        assert known == sorted(known)
        await press(pilot, "o", "o", "o", "o")
        closed = [row.closed_at for row in screen(pilot).entries]
        assert closed == sorted(closed, reverse=True)


async def test_a_long_description_is_shown_in_full(running: Running, engine: FakeEngine) -> None:
    name = "Treasury Note 4 1/4 15NOV34 Senior Unsecured"
    engine.reads.entry_rows = [entry(1, "5", description=name)]
    async with running((140, 40)) as pilot:
        await press(pilot, "p")
        assert name in screen_text(pilot)


async def test_thousands_of_rows_are_measured_as_they_come_into_view(
    running: Running, engine: FakeEngine
) -> None:
    name = "a description that only a row far below has"
    engine.reads.entry_rows = [
        entry(n, "5", closed_at=NOW - timedelta(minutes=n), description="A" if n < 3_000 else name)
        for n in range(1, 3_001)
    ]
    async with running() as pilot:
        await press(pilot, "p")
        table = screen(pilot).table
        assert table.rows_drawn < 200
        assert name not in screen_text(pilot)
        await press(pilot, "G")
        assert name in screen_text(pilot)
        assert table.rows_drawn < 400
