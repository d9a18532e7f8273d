"""Groups fold and unfold, columns change places: by keys, by mouse, and for the next time too."""

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from possync_tui.tui.column_order import in_order, moved
from possync_tui.tui.columns import Cell, Column
from possync_tui.tui.holdings import Holding
from possync_tui.tui.position_groups import Subtotal
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.screens.columns_dialog import ColumnList
from possync_tui.tui.widgets.positions_table import PositionsTable
from possync_tui.tui.widgets.table_text import csv_text
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.fake_engine import FakeEngine
from tests.tui.test_tui_positions import AAPL


def table_of(pilot: Pilot[None]) -> PositionsTable:
    return dashboard(pilot).positions.table


def titles(pilot: Pilot[None]) -> list[str]:
    return [placed.column.title for placed in table_of(pilot).placed]


def headings(table: PositionsTable) -> list[Subtotal]:
    return [line for line in table.rows if isinstance(line, Subtotal)]


def rows_shown(table: PositionsTable) -> int:
    return sum(1 for line in table.rows if isinstance(line, Holding))


# --- folds ---------------------------------------------------------------------------------------


async def test_a_key_folds_the_group_of_the_cursor_and_unfolds_it(running: Running) -> None:
    async with running((140, 60)) as pilot:
        table = table_of(pilot)
        await press(pilot, "o", "o", "b", "b", "g", "j", "j")
        size = headings(table)[0].positions
        csv, sums = csv_text(table), dashboard(pilot).positions.foot.totals
        await press(pilot, "minus")
        assert headings(table)[0].is_folded
        assert rows_shown(table) == 26 - size
        assert table.cursor_key == headings(table)[0].key
        assert "▹ " in screen_text(pilot)
        assert "▾ " in screen_text(pilot)
        assert csv_text(table) == csv
        assert dashboard(pilot).positions.foot.totals == sums
        await press(pilot, "enter")
        assert rows_shown(table) == 26
        assert pilot.app.screen is dashboard(pilot)


async def test_all_groups_fold_at_once_and_stay_so(running: Running, tmp_path: Path) -> None:
    async with running((140, 60), state_folder=tmp_path) as pilot:
        table = table_of(pilot)
        await press(pilot, "b", "B")
        assert rows_shown(table) == 0
        assert all(heading.is_folded for heading in headings(table))
        await press(pilot, "G", "minus")
        last = headings(table)[-1]
        assert not last.is_folded
        assert rows_shown(table) == last.positions
        await press(pilot, "B", "B")
        assert rows_shown(table) == 26
        await press(pilot, "B")
    async with running((140, 60), state_folder=tmp_path) as pilot:
        table = table_of(pilot)
        assert rows_shown(table) == 0
        await press(pilot, "z")
        assert dashboard(pilot).has_class("-zoomed")
        await press(pilot, "z", "b")
        assert rows_shown(table) == 26


async def test_a_click_on_a_groups_line_folds_it(running: Running) -> None:
    async with running((140, 60)) as pilot:
        table = table_of(pilot)
        await press(pilot, "b")
        index = next(i for i, row in enumerate(table.rows) if i and isinstance(row, Subtotal))
        key = table.rows[index].key
        await pilot.click("PositionsTable", offset=(5, index + 1))
        await settle(pilot)
        heading = table.row_for(key)
        assert isinstance(heading, Subtotal)
        assert heading.is_folded
        assert table.cursor_key == key
        await pilot.click("PositionsTable", offset=(5, index + 1))
        await settle(pilot)
        assert rows_shown(table) == 26


async def test_a_fold_hides_no_trouble_and_nothing_that_is_looked_for(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 60)) as pilot:
        table = table_of(pilot)
        await press(pilot, "b", "B")
        (worst,) = [heading for heading in headings(table) if heading.missing]
        assert f" !{worst.missing}" in screen_text(pilot)
        assert "Missing: TSLA" in screen_text(pilot)
        await press(pilot, "slash", *"aapl", "enter")
        assert rows_shown(table) > 0
        assert "AAPL" in screen_text(pilot)
        await press(pilot, "slash", "escape")
        assert rows_shown(table) == 0
        pilot.app.screen.post_message(DeskScreen.PositionAsked(AAPL))
        await settle(pilot)
        assert table.cursor_key == AAPL
        assert rows_shown(table) > 0


async def test_values_in_a_fold_move_on_and_paint_their_heading_alone(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 60)) as pilot:
        table = table_of(pilot)
        await press(pilot, "b", "B")
        before = {heading.key: heading.total.unrealized for heading in headings(table)}
        drawn = table.rows_drawn
        engine.move(AAPL, "232.47", "15331.00")
        await settle(pilot)
        dashboard(pilot).tick()
        await settle(pilot)
        assert table.rows_drawn == drawn + 1
        after = {heading.key: heading.total.unrealized for heading in headings(table)}
        assert sum(before[key] != after[key] for key in before) == 1
        await press(pilot, "B")
        assert "15,331.00" in screen_text(pilot)


async def test_where_nothing_is_grouped_folding_says_so(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "minus")
        assert "The rows are in no groups; b puts them together." in screen_text(pilot)


# --- columns -------------------------------------------------------------------------------------


def columns(*names: str) -> list[Column[str]]:
    return [Column(name, name, Cell) for name in names]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, "a b c d"),
        ((), "a b c d"),
        (("a", "d", "c", "b"), "a d c b"),
        (("d", "a"), "a d b c"),
        (("a", "c", "b"), "a c d b"),
        (("a", "gone", "c", "c"), "a b c d"),
    ],
)
def test_an_order_of_another_version_still_counts(
    wanted: tuple[str, ...] | None, found: str
) -> None:
    assert [c.id for c in in_order(columns("a", "b", "c", "d"), wanted)] == found.split()


def test_a_column_is_moved_behind_another() -> None:
    assert moved("abcd", "b", after="d") == ("a", "c", "d", "b")
    assert moved("abcd", "d", after="a") == ("a", "d", "b", "c")
    assert moved("abcd", "b", after="a") == ("a", "b", "c", "d")


async def test_columns_are_moved_in_the_dialog_by_keys(running: Running, tmp_path: Path) -> None:
    async with running((200, 60), state_folder=tmp_path) as pilot:
        usual = titles(pilot)
        await press(pilot, "c", *("j",) * (usual.index("Last") - 1), "K", "K", "shift+up", "enter")
        wanted = ["Symbol", "Account", "Type", "Last", "Ccy", "Qty", "Avg price"]
        assert titles(pilot)[:7] == wanted
        kept = app_of(pilot).desk.choices.now
        assert kept.columns is None
    async with running((200, 60), state_folder=tmp_path) as pilot:
        assert titles(pilot)[:7] == wanted
        row = table_of(pilot).render_line(1).text
        assert row.index("231.47") < row.index("400")
        await press(pilot, "c", "u")
        assert titles(pilot) == usual
    assert json.loads((tmp_path / "choices.json").read_text())["column_order"] is None


async def test_a_column_is_dragged_in_the_dialog_and_not_marked_by_that(running: Running) -> None:
    async with running((200, 60)) as pilot:
        usual = titles(pilot)
        await press(pilot, "c")
        await pilot.mouse_down("ColumnList", offset=(4, 3))
        await pilot.hover("ColumnList", offset=(4, 1))
        await pilot.hover("ColumnList", offset=(4, 0))
        await pilot.mouse_up("ColumnList", offset=(4, 0))
        await settle(pilot)
        dragged = pilot.app.screen.query_one(ColumnList)
        assert dragged.columns[0].title == usual[4]
        assert dragged.columns[0].id in dragged.marked
        await pilot.click("#yes")
        await settle(pilot)
        assert titles(pilot)[1] == usual[4]


async def test_a_heading_is_dragged_and_does_not_sort(running: Running, tmp_path: Path) -> None:
    async with running((200, 60), state_folder=tmp_path) as pilot:
        table, usual = table_of(pilot), titles(pilot)
        heading = table.render_line(0).text
        left = {placed.column.title: placed.x for placed in table.placed}
        start, end = left["Mkt value"] + 2, left["Qty"]
        await pilot.mouse_down("PositionsTable", offset=(start, 0))
        for x in range(start, end - 1, -1):
            await pilot.hover("PositionsTable", offset=(x, 0))
        assert table_of(pilot).render_line(0).text != heading
        await pilot.mouse_up("PositionsTable", offset=(end, 0))
        await settle(pilot)
        assert app_of(pilot).desk.choices.now.sort is None
        wanted = [title for title in usual if title != "Mkt value"]
        wanted.insert(usual.index("Qty"), "Mkt value")
        assert titles(pilot) == wanted
        await pilot.click("PositionsTable", offset=(table.render_line(0).text.index("Qty"), 0))
        await settle(pilot)
        assert table.sort_id == "quantity"
        assert titles(pilot) == wanted
    async with running((200, 60), state_folder=tmp_path) as pilot:
        assert titles(pilot) == wanted


async def test_the_symbol_cannot_be_dragged_away(running: Running) -> None:
    async with running((200, 60)) as pilot:
        usual = titles(pilot)
        await pilot.mouse_down("PositionsTable", offset=(5, 0))
        await pilot.hover("PositionsTable", offset=(90, 0))
        await pilot.mouse_up("PositionsTable", offset=(90, 0))
        await settle(pilot)
        assert titles(pilot) == usual


async def test_a_dialog_has_help_of_its_own(running: Running) -> None:
    async with running((140, 60)) as pilot:
        await press(pilot, "c", "question_mark")
        text = screen_text(pilot)
        assert "The columns of the Positions pane from left to right." in text
        assert "Move it on, and back; so does dragging" in text
        await press(pilot, "escape", "escape", "m", "question_mark")
        assert "Armed, syncs may close" in screen_text(pilot)
        assert "Arm for an hour" in screen_text(pilot)
