"""Rows that are written past Textual's compositor look as if it had drawn them."""

import itertools
import re
from decimal import Decimal

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.app import App
from textual.geometry import Region
from textual.pilot import Pilot

from possync_tui.domain.instruments import PositionKey
from possync_tui.tui.columns import Measure, place
from possync_tui.tui.format import Redaction
from possync_tui.tui.holdings import Holding, holding_columns, more_columns
from possync_tui.tui.widgets.line_drawing import heading_strip
from possync_tui.tui.widgets.line_writer import _Lines
from possync_tui.tui.widgets.positions_table import PositionsTable
from tests.tui import desk_book
from tests.tui.conftest import Running, dashboard, press, settle
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import FakeEngine, FixedClock

Written = list[dict[tuple[int, int], str]]
"""Lines as they were sent, by where they begin."""
Cells = list[tuple[str, str]]
_PIECES = re.compile(r"\x1b\[([\d;]+)m(.*?)\x1b\[0m|([^\x1b]+)")

AAPL = PositionKey(CODES[0], 265598)
THEMES = ("possync", "possync-day", "possync-blue-orange", "ansi-dark", "nord")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """What was written past the compositor, in all the colours that there are."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    found: Written = []
    display = App._display

    def watched(app: App[None], screen: object, drawn: object) -> None:
        if isinstance(drawn, _Lines):
            found.append(dict(drawn._lines))
        display(app, screen, drawn)  # type: ignore[arg-type]

    monkeypatch.setattr(App, "_display", watched)
    return found


def on_screen(pilot: Pilot[None], x: int, y: int, width: int) -> Cells:
    """What the compositor draws there when it is asked for everything."""
    strip = pilot.app.screen._compositor.render_strips()[y].crop(x, x + width)
    return cells_of(strip.render(pilot.app.console))


def cells_of(line: str) -> Cells:
    """Each character that the terminal is sent, with the codes of its look."""
    found = [(codes, text or bare) for codes, text, bare in _PIECES.findall(line)]
    assert "\x1b" not in "".join(text for _, text in found)
    return [(codes, character) for codes, text in found for character in text]


def move_all(engine: FakeEngine, table: PositionsTable, by: str) -> None:
    for holding in table.holdings:
        mark = engine.live_marks.get(holding.key)
        if mark is not None and mark.price is not None:
            gain = (mark.unrealized_pnl or Decimal(0)) - Decimal(by) * 37
            engine.move(holding.key, str(mark.price + Decimal(by)), str(gain))


def as_textual_has_it(pilot: Pilot[None], written: Written) -> list[tuple[int, int]]:
    """Where something was last written; each must look as the compositor draws it."""
    last = {place: line for lines in written for place, line in lines.items()}
    for (x, y), line in last.items():
        sent = cells_of(line)
        width = cell_len("".join(character for _, character in sent))
        assert sent == on_screen(pilot, x, y, width), (x, y)
    return sorted(last)


@pytest.mark.parametrize("theme", THEMES)
async def test_a_row_looks_as_the_compositor_draws_it(
    running: Running,
    engine: FakeEngine,
    clock: FixedClock,
    written: Written,
    theme: str,
) -> None:
    async with running((150, 50), theme=theme) as pilot:
        table = dashboard(pilot).positions.table
        for keys in ((), ("j", "j"), ("tab",), ("shift+tab", "b"), ("G",)):
            await press(pilot, *keys)
            # What the keys did is on the screen: else it would be painted over what is written.
            await settle(pilot)
            await pilot.pause()
            written.clear()
            move_all(engine, table, "0.07")
            await pilot.pause(0.05)
            # Most rows of those in view moved, and each of them was written past the compositor.
            assert len(as_textual_has_it(pilot, written)) > 5
        written.clear()
        clock.move(1.0)
        await pilot.pause(0.7)  # the flashes are over
        assert as_textual_has_it(pilot, written)


async def test_without_colours_a_row_looks_as_the_compositor_draws_it(
    running: Running, engine: FakeEngine, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running((150, 50)) as pilot:
        await settle(pilot)
        written.clear()
        move_all(engine, dashboard(pilot).positions.table, "0.07")
        await pilot.pause(0.05)
        assert len(as_textual_has_it(pilot, written)) > 5


@pytest.mark.parametrize("theme", THEMES)
async def test_what_the_clock_changes_is_written_as_the_compositor_draws_it(
    running: Running,
    clock: FixedClock,
    written: Written,
    theme: str,
) -> None:
    async with running((160, 50), theme=theme) as pilot:
        screen = dashboard(pilot)
        for keys in ((), ("3",), ("4",)):
            await press(pilot, *keys)
            await settle(pilot)
            await pilot.pause()
            written.clear()
            for seconds in (1.0, 71.0, 3671.0):
                clock.move(seconds)
                screen.tick()
                as_textual_has_it(pilot, written)
            seen = as_textual_has_it(pilot, written)
            assert screen.status_bar.region.y in {y for _, y in seen}
            assert any(screen.connection.region.contains(x, y) for x, y in seen)
            # The countdown ends in the first of these rounds.
            assert keys or any(screen.stats.region.contains(x, y) for x, y in seen)


async def test_what_lies_over_the_rows_is_not_written_over(
    running: Running, engine: FakeEngine, written: Written
) -> None:
    async with running((100, 24)) as pilot:
        table = dashboard(pilot).positions.table
        for cover in ("a toast", "a dialog"):
            if cover == "a toast":
                pilot.app.notify("\n".join(["a line of it"] * 20))
            else:
                pilot.app.simulate_key("m")
            await settle(pilot)
            written.clear()
            move_all(engine, table, "0.05")
            await settle(pilot)
            assert not written
            pilot.app.clear_notifications()
            await settle(pilot)
        # The dialog is gone: so is the doubt.
        await press(pilot, "escape")
        move_all(engine, table, "0.05")
        await settle(pilot)
        assert as_textual_has_it(pilot, written)


async def test_a_hidden_pane_writes_and_draws_nothing(
    running: Running, engine: FakeEngine, written: Written
) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "4", "z")
        written.clear()
        drawn = table.rows_drawn
        move_all(engine, table, "0.05")
        await settle(pilot)
        assert not written
        assert table.rows_drawn == drawn
        await press(pilot, "z")
        assert not any(table.region.contains(x, y) for lines in written for x, y in lines)
        row = table.row_for(AAPL)
        assert isinstance(row, Holding)
        assert row.last == engine.live_marks[AAPL].price


async def test_a_value_that_moves_puts_only_live_cells_into_words(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        written = table.texts.written
        engine.move(AAPL, "231.48", "14936.00")
        await settle(pilot)
        live = [p for p in table.placed if p.column.still is None]
        assert 3 <= len(live) < len(table.placed)
        assert table.texts.written == written + len(live)


async def test_a_text_that_needs_room_widens_its_column_for_all_rows(
    running: Running, engine: FakeEngine, written: Written
) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        engine.move(AAPL, "123456789.48", "-9876543210.00")
        await settle(pilot)
        text = "\n".join(
            "".join(s.text for s in strip)
            for strip in table.render_lines(Region(0, 0, table.size.width, table.size.height))
        )
        assert "123,456,789.48" in text
        assert "9,876,543,210.00" in text
        points = {line.index(".") for line in text.splitlines()[1:4]}
        assert len(points) <= 2
        assert as_textual_has_it(pilot, written) is not None


def test_headings_never_touch_each_other_and_the_sorted_one_keeps_its_arrow() -> None:
    """Empty or full, at any width, sorted by any column."""
    columns = [*holding_columns(Redaction(mask_accounts=False)), *more_columns()]
    filled = [Holding(view, None) for view in desk_book.positions()]
    for rows, width in itertools.product(([], filled), range(60, 220, 3)):
        measures = [Measure(column.align, column.most) for column in columns]
        for row in rows:
            for column, measure in zip(columns, measures, strict=True):
                measure.take(column.cell(row))
        placed_columns = place(columns, measures, width - 1, 3)
        for placed, down in itertools.product(placed_columns, (True, False)):
            line = heading_strip(placed_columns, placed.column.id, down, width, Style()).text
            assert line.count("↓" if down else "↑") == 1
            at = 0
            for other in placed_columns:
                title = other.column.title + ("↓" if down else "↑") * (other is placed)
                assert f" {title} " in line[at:] + " ", (line, title)
                at = line.index(title, at) + len(title)
                if other is placed:
                    assert other.x - 1 <= at - len(title)
                    assert at <= other.x + other.width + 1
