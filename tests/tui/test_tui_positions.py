"""The Positions pane: the cursor is on a position, and a tick costs one row."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.views import PnlBucket
from possync_tui.sync.events import LedgerChanged
from possync_tui.tui.columns import Align, Cell, Column, Measure, place
from possync_tui.tui.desk import by_currency
from possync_tui.tui.holdings import Holding
from possync_tui.tui.widgets.positions_table import PositionsTable
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock

AAPL = PositionKey(CODES[0], 265598)
NVDA = PositionKey(CODES[0], 4815747)
IBM = PositionKey(CODES[0], 8314)


async def test_a_mark_draws_its_own_row_alone(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        drawn = table.rows_drawn
        engine.move(AAPL, "231.48", "14936.00")
        await settle(pilot)
        assert "14,936.00" in screen_text(pilot)
        assert table.rows_drawn == drawn + 1


async def test_many_marks_of_one_row_draw_it_once_a_flush(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        drawn = table.rows_drawn
        for cent in range(100):
            engine.move(AAPL, f"231.{cent:02}", f"14936.{cent:02}")
        await settle(pilot)
        assert "14,936.99" in screen_text(pilot)
        assert table.rows_drawn == drawn + 1


async def test_an_unchanged_mark_draws_nothing(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        engine.move(AAPL, "231.48", "14936.00")
        await settle(pilot)
        drawn = dashboard(pilot).positions.table.rows_drawn
        engine.move(AAPL, "231.48", "14936.00")
        await settle(pilot)
        assert dashboard(pilot).positions.table.rows_drawn == drawn


async def test_behind_another_screen_nothing_is_drawn(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "r")
        table = dashboard(pilot).positions.table
        drawn = table.rows_drawn
        for cent in range(20):
            engine.move(AAPL, f"231.{cent:02}", f"14936.{cent:02}")
            await pilot.pause()
        await settle(pilot)
        assert table.rows_drawn == drawn
        await press(pilot, "escape")
        assert "14,936.19" in screen_text(pilot)


async def test_an_amount_of_another_quantity_does_not_stand_beside_ours(
    running: Running, engine: FakeEngine
) -> None:
    async with running((200, 60)) as pilot:
        table = dashboard(pilot).positions.table
        (before,) = [row for row in table.holdings if row.key == AAPL]
        assert before.mark is not None
        assert before.value is not None
        engine.show(replace(before.mark, quantity=before.view.quantity - 100))
        await settle(pilot)
        (after,) = [row for row in table.holdings if row.key == AAPL]
        assert (after.value, after.unrealized) == (None, None)
        assert after.last == before.last
        engine.show(replace(before.mark, quantity=before.view.quantity))
        await settle(pilot)
        (again,) = [row for row in table.holdings if row.key == AAPL]
        assert again.value == before.value


async def test_escape_clears_a_filter_that_was_kept(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "slash", *"zzz", "enter")
        assert "Nothing matches “zzz”. Escape clears the filter." in screen_text(pilot)
        await press(pilot, "escape")
        assert "Nothing matches" not in screen_text(pilot)
        assert "AAPL" in screen_text(pilot)


async def test_no_key_goes_into_a_filter_that_nobody_sees(running: Running) -> None:
    async with running((50, 12)) as pilot:
        await press(pilot, "question_mark", "escape", "j", "x")
        assert dashboard(pilot).positions.filter.value == ""
        assert dashboard(pilot).positions.table.has_focus


async def test_rows_age_and_go_stale(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    async with running((200, 60)) as pilot:
        table = dashboard(pilot).positions.table
        assert table.holdings[0].shown_age == "now"
        drawn = table.rows_drawn
        clock.move(1)
        dashboard(pilot).tick()
        await settle(pilot)
        assert table.rows_drawn == drawn
        clock.move(90)
        dashboard(pilot).tick()
        await settle(pilot)
        assert table.holdings[0].shown_age == "1 m"
        assert table.holdings[0].is_stale


async def test_the_cursor_stays_on_its_position(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "j", "j")
        assert table.cursor_key == NVDA
        await press(pilot, "o")
        assert table.cursor_key == NVDA
        await press(pilot, "O")
        assert table.cursor_key == NVDA
        engine.reads.position_rows = [
            view for view in engine.reads.position_rows if view.key != AAPL
        ]
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        assert table.cursor_key == NVDA
        (line,) = [row for row in screen_text(pilot).splitlines() if "▸" in row]
        assert "NVDA" in line


async def test_a_cursor_whose_position_is_gone_stays_near(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "j")
        gone = table.cursor_key
        engine.reads.position_rows = [v for v in engine.reads.position_rows if v.key != gone]
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        assert table.cursor_key == NVDA


async def test_the_cursor_moves_by_keys_and_into_view(running: Running) -> None:
    async with running((80, 24)) as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "G")
        assert table.cursor_index == len(table.rows) - 1
        assert "META" in screen_text(pilot)
        await press(pilot, "pageup")
        assert table.cursor_index < len(table.rows) - 5
        await press(pilot, "g")
        assert table.cursor_key == AAPL
        assert "AAPL" in screen_text(pilot)
        await press(pilot, "k")
        assert table.cursor_key == AAPL


async def test_the_mouse_moves_the_cursor_and_a_double_click_opens(running: Running) -> None:
    async with running() as pilot:
        await pilot.click(PositionsTable, offset=(6, 3))
        await settle(pilot)
        assert dashboard(pilot).positions.table.cursor_key == NVDA
        await pilot.click(PositionsTable, offset=(6, 3), times=2)
        await settle(pilot)
        assert "the life of a position" in screen_text(pilot)


async def test_a_click_on_a_heading_sorts(running: Running) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        heading = table.render_line(0).text
        await pilot.click(PositionsTable, offset=(heading.index("Unrealized") + 3, 0))
        await settle(pilot)
        assert table.sort_id == "unrealized"
        # No rates are told here: a currency at a time.
        known = [row for row in table.holdings if row.unrealized is not None]
        assert known == sorted(known, key=lambda row: (row.view.currency, -(row.unrealized or 0)))
        assert table.holdings[-1].unrealized is None
        assert "Unrealized↓" in screen_text(pilot)
        assert "by currency, unrealized ↓" in screen_text(pilot)


async def test_a_sorted_table_follows_its_values(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "o", "o")
        assert table.sort_id == "unrealized"
        engine.move(IBM, "900", "999999.00")
        await settle(pilot)
        dashboard(pilot).tick()
        await settle(pilot)
        in_dollars = [row for row in table.holdings if row.view.currency == "USD"]
        assert in_dollars[0].key == IBM


FILTERS = (
    ("aapl", 2),
    ("short", 5),
    ("missing", 1),
    ("fut usd", 2),
    ("eur stk", 4),
    (CODES[2].lower(), 7),
    ("pnl<0 eur", 2),
    ("no such thing", 0),
)


async def test_the_filter(running: Running) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        for words, found in FILTERS:
            await press(pilot, "slash")
            dashboard(pilot).positions.filter.value = words
            await settle(pilot)
            assert len(table.rows) == found, words
            await press(pilot, "enter")
            assert table.has_focus
            assert f"{found} match" in screen_text(pilot)
        await press(pilot, "slash", "escape")
        assert len(table.rows) == 26
        await press(pilot, "slash", "s", "a", "p")
        assert len(table.rows) == 1
        foot = dashboard(pilot).positions.foot
        assert [total.currency for total in foot.totals if total.positions] == ["EUR"]


async def test_realized_today_is_told_beside_filtered_rows(
    running: Running, engine: FakeEngine
) -> None:
    """It is that of the account, and says so: nobody takes it for that of the rows found."""
    entry = next(e for e in engine.reads.entry_rows if (e.currency, e.quality) == ("EUR", "EXACT"))
    engine.reads.entry_rows = [replace(entry, closed_at=NOW, realized_pnl=Decimal("17.25"))]
    async with running((200, 60)) as pilot:
        foot = dashboard(pilot).positions.foot
        in_all = {total.currency: total.realized_today for total in foot.totals}
        assert in_all == {"USD": 0, "EUR": Decimal("17.25"), "GBP": 0, "JPY": 0}
        assert re.search(r"EUR .* realized today ▲ +17\.25", screen_text(pilot))
        await press(pilot, "slash", *"aapl", "enter")
        assert [total.currency for total in foot.totals if total.positions] == ["USD"]
        assert {total.currency: total.realized_today for total in foot.totals} == {
            "USD": 0,
            "EUR": Decimal("17.25"),
        }
        assert re.search(r"EUR .* realized today, all ▲ +17\.25", screen_text(pilot))
        await press(pilot, "slash", "escape")
        assert "today, all" not in screen_text(pilot)


async def test_an_unknown_amount_is_not_taken_for_nothing(running: Running) -> None:
    unknown = PnlBucket("2026-11-18", "EUR", None, 1, 1)
    known = replace(unknown, realized_pnl=Decimal("2.5"))
    assert by_currency([known, unknown]) == {"EUR": Decimal("2.5")}
    async with running((200, 60)) as pilot:
        desk, pane = dashboard(pilot).desk, dashboard(pilot).positions
        desk.picture = replace(desk.picture, realized_today=by_currency([unknown, unknown]))
        pane.show_ledger()
        today = {total.currency: total.realized_today for total in pane.foot.totals}
        assert today == {"USD": 0, "EUR": None, "GBP": 0, "JPY": 0}


async def test_the_currency_is_told_at_80_columns(running: Running) -> None:
    """With one currency among the rows the totals tell it, and the last price has the room."""
    async with running((80, 24)) as pilot:
        table = dashboard(pilot).positions.table
        assert table.has_room_for("currency")
        await press(pilot, "a")
        assert not table.has_room_for("currency")
        assert table.has_room_for("last")
    async with running((110, 24)) as pilot:
        table = dashboard(pilot).positions.table
        assert table.has_room_for("currency")
        assert table.has_room_for("last")


async def test_the_account_key_goes_round(running: Running) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "a")
        assert {row.view.account for row in table.holdings} == {CODES[0]}
        assert "Account" not in table.render_line(0).text
        assert f"{CODES[0]} ▾" in screen_text(pilot)
        await press(pilot, "a", "a", "a")
        assert len(table.rows) == 26
        assert "Account" in table.render_line(0).text


async def test_one_account_has_no_account_column(running: Running, engine: FakeEngine) -> None:
    engine.reads.position_rows = engine.reads.position_rows[:11]
    engine.reads.account_rows = engine.reads.account_rows[:1]
    async with running() as pilot:
        heading = dashboard(pilot).positions.table.render_line(0).text
        assert "Account" not in heading
        assert "Ccy" not in heading
        assert "a Account" not in screen_text(pilot)


async def test_copy_takes_the_row_with_plain_signs(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "j", "j", "y")
        copied = pilot.app.clipboard
        assert copied.startswith("NVDA\t")
        assert "-2,294.25" in copied
        assert "−" not in copied


async def test_numbers_stand_on_their_decimal_point(running: Running) -> None:
    async with running((200, 60)) as pilot:
        table = dashboard(pilot).positions.table
        value = next(placed for placed in table.placed if placed.column.id == "average")
        rows = [table.render_line(y).text for y in range(1, 24)]
        points = {
            row[value.x : value.x + value.width].rstrip().rfind(".")
            - len(row[value.x : value.x + value.width])
            for row in rows
        }
        assert len(points) == 1


async def test_thousands_of_rows_draw_only_what_is_in_view(
    running: Running, engine: FakeEngine
) -> None:
    base = engine.reads.position_rows
    engine.reads.position_rows = [
        replace(base[number % 26], id=number, con_id=number + 1, symbol=f"S{number}")
        for number in range(3_000)
    ]
    engine.live_marks = {}
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        assert table.rows_drawn < 80
        await press(pilot, "G")
        assert table.rows_drawn < 160
        assert table.cursor_index == 2_999


async def test_what_moves_out_of_sight_is_neither_measured_nor_drawn(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = engine.reads.position_rows
    engine.reads.position_rows = [
        replace(base[0], id=number, con_id=number + 1, symbol=f"S{number}") for number in range(400)
    ]
    engine.live_marks = {
        view.key: Mark(view.key, engine.clock.now(), "test", "s")
        for view in engine.reads.position_rows
    }
    measured: list[Cell] = []
    take = Measure.take

    async with running() as pilot:
        table = dashboard(pilot).positions.table

        def counted(measure: Measure, cell: Cell) -> bool:
            if measure in (placed.measure for placed in table.placed):
                measured.append(cell)
            return take(measure, cell)

        monkeypatch.setattr(Measure, "take", counted)
        drawn = table.rows_drawn
        hidden, shown = table.holdings[398], table.holdings[3]
        engine.move(hidden.key, "98765432.5", "14936.00")
        await settle(pilot)
        assert (len(measured), table.rows_drawn) == (0, drawn)
        engine.move(shown.key, "231.48", "14936.00")
        await settle(pilot)
        assert 0 < len(measured) <= len(table.all_columns)
        # Once it comes into view, its columns make room for it.
        await press(pilot, "G")
        assert "98,765,432.50" in screen_text(pilot)


def test_columns_give_way_by_rank() -> None:
    columns = [
        Column[str]("name", "Name", Cell, least=4),
        Column[str]("kind", "Kind", Cell, rank=2),
        Column[str]("note", "Note", Cell, rank=1),
    ]
    measures = [Measure(Align.LEFT) for _ in columns]
    for measure in measures:
        measure.take(Cell("0123456789"))

    def shown(width: int) -> list[str]:
        return [placed.column.id for placed in place(columns, measures, width, 2)]

    assert shown(60) == ["name", "kind", "note"]
    assert shown(30) == ["name", "kind", "note"]
    assert shown(26) == ["name", "note"]
    assert shown(14) == ["name"]
    for width in range(8, 60):
        placed = place(columns, measures, width, 2)
        assert placed[-1].x + placed[-1].width <= width


def test_a_measure_grows_only() -> None:
    measure = Measure(Align.POINT)
    assert measure.take(Cell("1,234.50", mark="▲"))
    assert not measure.take(Cell("9.5"))
    assert measure.text(Cell("9.5"), measure.width) == "      9.5 "
    assert measure.text(Cell("–"), measure.width) == "      –   "
    assert measure.text(Cell("1,234.50", mark="▲"), measure.width) == "▲ 1,234.50"


async def test_unknown_is_a_dash_never_zero(running: Running, engine: FakeEngine) -> None:
    engine.live_marks = {}
    engine.reads.position_rows = [
        replace(
            engine.reads.position_rows[0],
            current_price=None,
            market_value=None,
            unrealized_pnl=None,
            realized_pnl=None,
            average_price=None,
            marked_at=None,
        )
    ]
    async with running((200, 60)) as pilot:
        (line,) = [row for row in screen_text(pilot).splitlines() if "AAPL" in row]
        assert line.count("–") == 7
        assert "0.00" not in line
        assert Decimal(line.split()[3]) == 400


async def test_a_row_out_of_sight_is_as_old_as_it_is_when_it_comes_into_view(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    async with running((150, 24)) as pilot:
        table = dashboard(pilot).positions.table
        first = table.rows[0]
        await press(pilot, "G")
        assert not table.is_in_view(first.key)
        clock.move(125)
        dashboard(pilot).tick()
        await press(pilot, "g")
        row = table.rows[0]
        assert isinstance(row, Holding)
        assert row.is_stale
        assert row == row.at(clock.now(), is_live=True)
        assert row.shown_age == "2 m"
        assert "▸○ AAPL" in screen_text(pilot)
        # The same as if all rows were made anew.
        shown = list(table.rows_in_view)
        dashboard(pilot).positions.show_ledger()
        assert list(table.rows_in_view) == shown
