"""What the user chose is there at the next start; what cannot be read is passed over, and said."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from possync_tui.tui.app import PossyncApp
from possync_tui.tui.choices import ChoiceMemory, Choices, ChoicesError, from_text, to_text
from possync_tui.tui.position_groups import Grouping
from possync_tui.tui.themes import DEFAULT_THEME
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle

FULL = Choices(
    theme="possync-day",
    columns=("symbol", "last"),
    column_order=("symbol", "last", "quantity"),
    grouping=Grouping.TYPE,
    folded=("type STK USD",),
    sort="value",
    sort_down=True,
    flashes=False,
)


def test_all_choices_survive_the_file() -> None:
    assert from_text(to_text(FULL)) == FULL
    assert from_text(to_text(Choices())) == Choices()


BROKEN = (
    "",
    "not JSON",
    "[" * 100_000,
    "[]",
    '{"version": 2}',
    '{"version": 1, "theme": 3}',
    '{"version": 1, "columns": "last"}',
    '{"version": 1, "columns": ["last", 1]}',
    '{"version": 1, "column_order": {}}',
    '{"version": 1, "folded": [null]}',
    '{"version": 1, "grouping": "moon"}',
    '{"version": 1, "grouping": []}',
    '{"version": 1, "flashes": "yes"}',
    '{"version": 1, "sort_down": 1}',
)


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_says_what_is_wrong(text: str) -> None:
    with pytest.raises(ChoicesError):
        from_text(text)


def test_a_file_is_private_and_whole_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "state" / "choices.json"
    memory = ChoiceMemory(path)
    assert memory.now == Choices()
    memory.keep(theme="possync-day")
    memory.keep(sort="value", sort_down=True)
    assert ChoiceMemory(path).now == Choices(theme="possync-day", sort="value", sort_down=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["choices.json"]
    path.write_bytes(b"\xff\xfe")
    broken = ChoiceMemory(path)
    assert broken.now == Choices()
    assert str(path) in broken.problem
    broken.keep(flashes=False)
    assert ChoiceMemory(path).now == Choices(flashes=False)


def test_choices_count_though_they_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    memory = ChoiceMemory(tmp_path / "state" / "choices.json")
    memory.keep(flashes=False)
    assert not memory.now.flashes
    assert "cannot be remembered" in memory.problem


async def test_everything_chosen_is_there_again(running: Running, tmp_path: Path) -> None:
    async with running((200, 60), state_folder=tmp_path) as pilot:
        pilot.app.theme = "possync-blue-orange"
        await press(pilot, "b", "o", "o", "O", "f", "c", "end", "space", "enter")
        kept = app_of(pilot).desk.choices.now
        assert kept.theme == "possync-blue-orange"
        assert kept.columns is not None
        assert "contract" in kept.columns
        assert replace(kept, theme=None, columns=None) == Choices(
            grouping=Grouping.ACCOUNT, sort="unrealized", sort_down=False, flashes=False
        )
    async with running((200, 60), state_folder=tmp_path) as pilot:
        assert pilot.app.theme == "possync-blue-orange"
        text = screen_text(pilot)
        assert "in groups by account · by unrealized ↑" in text
        assert "Contract" in text
        table = dashboard(pilot).positions.table
        assert table.cursor_holding is not None
        assert app_of(pilot).desk.choices.now == kept


async def test_a_click_on_a_heading_is_remembered(running: Running, tmp_path: Path) -> None:
    async with running((200, 60), state_folder=tmp_path) as pilot:
        heading = dashboard(pilot).positions.table.render_line(0).text
        await pilot.click("PositionsTable", offset=(heading.index("Qty"), 0))
        await settle(pilot)
    found = json.loads((tmp_path / "choices.json").read_text())
    assert (found["sort"], found["sort_down"]) == ("quantity", False)


async def test_a_theme_that_was_set_goes_before_the_remembered_one(
    running: Running, tmp_path: Path
) -> None:
    ChoiceMemory(tmp_path / "choices.json").keep(theme="possync-day")
    async with running(state_folder=tmp_path, theme="possync-blue-orange") as pilot:
        assert pilot.app.theme == "possync-blue-orange"
    async with running(state_folder=tmp_path) as pilot:
        assert pilot.app.theme == "possync-day"


async def test_a_broken_file_is_said_in_the_log_and_harms_nothing(
    running: Running, tmp_path: Path
) -> None:
    (tmp_path / "choices.json").write_text('{"version": 1, "sort": "nope", "theme": "none such"}')
    async with running((200, 60), state_folder=tmp_path) as pilot:
        assert pilot.app.theme == DEFAULT_THEME
        assert dashboard(pilot).positions.table.sort_id is None
        assert "none such" in screen_text(pilot)
    (tmp_path / "choices.json").write_text("{")
    async with running((200, 60), state_folder=tmp_path) as pilot:
        assert "remembered choices are passed over" in screen_text(pilot)


async def test_the_palette_chooses_a_theme_that_lasts(running: Running, tmp_path: Path) -> None:
    async with running(state_folder=tmp_path) as pilot:
        assert isinstance(pilot.app, PossyncApp)
        pilot.app.action_change_theme()
        await settle(pilot)
        await pilot.press(*"blue-orange")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await settle(pilot)
    assert json.loads((tmp_path / "choices.json").read_text())["theme"] == "possync-blue-orange"
