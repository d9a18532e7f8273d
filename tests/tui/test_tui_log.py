"""The Sync log: levels, search, a selection to copy, pauses, and a bound on what it keeps."""

import logging
from pathlib import Path

import pytest
from textual.pilot import Pilot

from possync_tui.sync.events import LogLine
from possync_tui.tui.log_book import LogBook
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.fake_engine import NOW, FakeEngine


async def filled(pilot: Pilot[None], engine: FakeEngine) -> None:
    """Thirty lines of four levels, the log in focus."""
    for number in range(30):
        level = (logging.INFO, logging.DEBUG, logging.WARNING, logging.ERROR)[number % 4]
        word = "Lost" if number % 4 == 3 else "seen"
        engine.log(level, "interval", f"line {number} {word} [b]")
    await settle(pilot)
    await press(pilot, "4", "z")


def numbers(pilot: Pilot[None]) -> list[int]:
    lines = screen_text(pilot).splitlines()
    return [int(line.partition("line ")[2].split()[0]) for line in lines if "line " in line]


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (200, 60)])
async def test_zoomed_the_log_has_the_whole_height(running: Running, size: tuple[int, int]) -> None:
    async with running(size) as pilot:
        await press(pilot, "4", "z")
        assert dashboard(pilot).log_lines.size.height == size[1] - 3


async def test_the_level_key_goes_through_the_levels_and_forgets_nothing(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 60)) as pilot:
        await filled(pilot, engine)
        assert numbers(pilot) == [n for n in range(30) if n % 4 != 1]
        await press(pilot, "l")
        assert numbers(pilot) == list(range(30))
        assert "with debug lines" in screen_text(pilot)
        await press(pilot, "l")
        assert numbers(pilot) == [n for n in range(30) if n % 4 > 1]
        assert "warnings and errors" in screen_text(pilot)
        engine.log(logging.INFO, "interval", "line 90 unseen")
        engine.log(logging.ERROR, "interval", "line 91 seen")
        await settle(pilot)
        assert numbers(pilot)[-1] == 91
        assert 90 not in numbers(pilot)
        await press(pilot, "l")
        assert numbers(pilot) == [*(n for n in range(30) if n % 4 == 3), 91]
        await press(pilot, "l")
        assert numbers(pilot)[-2:] == [90, 91]


async def test_a_search_goes_from_match_to_match(running: Running, engine: FakeEngine) -> None:
    async with running((140, 60)) as pilot:
        await filled(pilot, engine)
        log = dashboard(pilot).log_lines
        await press(pilot, "slash", "L", "O", "s", "t")
        assert "7 with “lost”" in screen_text(pilot)
        assert "line 27" in log.text_to_copy()[0]
        match = log.get_component_rich_style("sync-log--match").bgcolor
        lit = [
            segment.text
            for y in range(log.size.height)
            for segment in log.render_line(y)
            if segment.style and segment.style.bgcolor == match
        ]
        assert lit == ["Lost"] * 7
        await press(pilot, "enter")
        assert log.has_focus
        seen = []
        for key in ("N", "N", "n", "n", "n"):
            await press(pilot, key)
            seen.append(log.text_to_copy()[0].partition("line ")[2].split()[0])
        assert seen == ["23", "19", "23", "27", "3"]
        await press(pilot, "escape", "escape")
        assert "with “lost”" not in screen_text(pilot)


async def test_escape_in_the_search_ends_it(running: Running, engine: FakeEngine) -> None:
    async with running((140, 60)) as pilot:
        await filled(pilot, engine)
        await press(pilot, "slash", "x", "q", "escape")
        assert dashboard(pilot).log_lines.has_focus
        assert "with “" not in screen_text(pilot)
        assert not dashboard(pilot).log_pane.prompt.display


async def test_a_selection_is_copied_and_nothing_else(
    running: Running, engine: FakeEngine, tmp_path: Path
) -> None:
    async with running((140, 60), state_folder=tmp_path) as pilot:
        await filled(pilot, engine)
        await press(pilot, "up", "up", "K", "K", "y")
        copied = pilot.app.clipboard.splitlines()
        assert [line.split()[3] for line in copied] == ["24", "26", "27"]
        assert all("[b]" in line and line.startswith("14:30:12") for line in copied)
        assert (tmp_path / "copied.txt").read_text() == pilot.app.clipboard
        assert "Copied 3 log lines. Also in" in screen_text(pilot)
        await press(pilot, "up", "y")
        assert len(pilot.app.clipboard.splitlines()) == 1


async def test_the_mouse_selects(running: Running, engine: FakeEngine) -> None:
    async with running((140, 60)) as pilot:
        await filled(pilot, engine)
        log = dashboard(pilot).log_lines
        await pilot.mouse_down("SyncLogPane", offset=(20, 2))
        await pilot.hover("SyncLogPane", offset=(20, 5))
        await pilot.mouse_up("SyncLogPane", offset=(20, 5))
        await settle(pilot)
        text, what = log.text_to_copy()
        assert what == "4 log lines"
        assert [line.split()[3] for line in text.splitlines()] == ["3", "4", "6", "7"]
        assert not log.is_following


async def test_space_pauses_and_goes_on(running: Running, engine: FakeEngine) -> None:
    async with running((140, 40)) as pilot:
        await filled(pilot, engine)
        log = dashboard(pilot).log_lines
        await press(pilot, "space")
        assert not log.is_following
        for number in range(60):
            engine.log(logging.INFO, "interval", f"line {100 + number}")
        await settle(pilot)
        assert 159 not in numbers(pilot)
        assert "paused · 60 new" in screen_text(pilot)
        await press(pilot, "space")
        assert numbers(pilot)[-1] == 159


async def test_what_is_selected_stays_selected_while_older_lines_go(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 40)) as pilot:
        for number in range(1_000):
            engine.log(logging.INFO, "interval", f"line {number}")
        await settle(pilot)
        await press(pilot, "4", "up", "up")
        log = dashboard(pilot).log_lines
        before = log.text_to_copy()[0]
        assert "line 998" in before
        for number in range(300):
            engine.log(logging.INFO, "interval", f"late {number}")
        await settle(pilot)
        assert log.text_to_copy()[0] == before


def test_debug_lines_push_no_others_out() -> None:
    book = LogBook(3)

    def line(level: int, text: str) -> LogLine:
        return LogLine(NOW, level, "interval", text)

    book.add(line(logging.ERROR, "first"))
    for number in range(100):
        book.add(line(logging.DEBUG, f"d{number}"))
    book.add(line(logging.INFO, "last"))
    assert [found.text for found in book.newest(logging.INFO)] == ["first", "last"]
    assert [found.text for found in book.newest(logging.DEBUG)] == ["d98", "d99", "last"]
    for number in range(10):
        book.add(line(logging.WARNING, f"w{number}"))
    assert [found.text for found in book.newest(logging.WARNING)] == ["w7", "w8", "w9"]


async def test_what_was_read_stays_in_view_when_the_window_shrinks(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 50)) as pilot:
        await filled(pilot, engine)
        await press(pilot, "k", "escape")
        assert not dashboard(pilot).log_lines.is_following
        last = numbers(pilot)[-1]
        await press(pilot, "z")
        assert numbers(pilot)[-1] == last
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert numbers(pilot)[-1] == last


async def test_amounts_are_shown_as_in_tables_and_found_either_way(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 40)) as pilot:
        engine.log(logging.INFO, "plan", "AAPL 1234567.8900000001 → 2000000")
        await settle(pilot)
        assert "AAPL 1,234,567.89 → 2,000,000" in screen_text(pilot)
        lines = dashboard(pilot).log_lines
        for needle in ("1234567.89", "1,234,567.89"):
            lines.search(needle)
            assert f"1 with “{needle}”" in lines.state_text().plain
            lines.search("")
