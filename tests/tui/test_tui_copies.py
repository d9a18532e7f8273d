"""What leaves the dashboard: rows, tables as CSV, and pictures, in files of the owner alone."""

import csv
import os
import stat
from decimal import Decimal
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from possync_tui.domain.money import parse_number, plain
from possync_tui.tui import copying
from possync_tui.tui.screens.cell_dialog import CellDialog
from possync_tui.tui.screens.review import ReviewScreen
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.fake_engine import FakeEngine


def table_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


async def test_the_positions_are_copied_exactly_and_without_their_sums(
    running: Running, engine: FakeEngine, tmp_path: Path
) -> None:
    async with running((80, 24), state_folder=tmp_path) as pilot:
        await press(pilot, "b", "Y")
        path = tmp_path / "copied.csv"
        assert path.read_bytes().decode() == pilot.app.clipboard
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "Copied 26 rows as CSV. Also in" in screen_text(pilot)
        rows = table_of(pilot.app.clipboard)
        views = {view.description: view for view in engine.reads.position_rows}
        assert {row["Symbol"] for row in rows} == set(views)
        for row in rows:
            view = views[row["Symbol"]]
            # By a heading over it, a row of the file has no account.
            assert (row["Account"], row["Ccy"]) == (view.account, view.currency)
            assert Decimal(row["Qty"]) == view.quantity
            assert Decimal(row["Avg price"]) == view.average_price
            if view.market_value is None:
                assert row["Mkt value"] == ""
            else:
                assert parse_number("value", row["Mkt value"]) == view.market_value
        assert any(len(row["Avg price"].partition(".")[2]) > 4 for row in rows)


@pytest.mark.parametrize("key", ["r", "v", "d", "p"])
async def test_every_screen_with_a_table_gives_it(running: Running, key: str) -> None:
    async with running() as pilot:
        await press(pilot, key, "Y")
        rows = table_of(pilot.app.clipboard)
        assert len(rows) > 1
        assert "rows as CSV" in screen_text(pilot)
        for row in rows:
            assert all(value is not None and "−" not in value for value in row.values())


async def test_text_from_outside_is_no_formula(running: Running, engine: FakeEngine) -> None:
    from dataclasses import replace

    rows = engine.reads.position_rows
    rows[0] = replace(rows[0], description='=cmd|"/C calc"!A0')
    async with running() as pilot:
        await press(pilot, "Y")
        assert table_of(pilot.app.clipboard)[0]["Symbol"] == '\'=cmd|"/C calc"!A0'


async def test_accounts_stay_masked_in_copies(running: Running) -> None:
    async with running(mask_accounts=True) as pilot:
        await press(pilot, "Y")
        assert "DU7654301" not in pilot.app.clipboard
        assert "DU•••••01" in pilot.app.clipboard


async def test_what_is_too_long_for_a_clipboard_goes_to_the_file_alone(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "LONGEST_CLIP", 20)
    async with running((200, 40), state_folder=tmp_path) as pilot:
        await press(pilot, "Y")
        assert pilot.app.clipboard == ""
        assert (tmp_path / "copied.csv").stat().st_size > 500
        assert "Too long for the clipboard: 26 rows as CSV. It is in" in screen_text(pilot)


async def test_a_copy_that_cannot_be_written_is_still_on_the_clipboard(
    running: Running, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    folder.write_text("a file where the folder should be")
    async with running(state_folder=folder) as pilot:
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("AAPL\t")
        assert "Copied the row." in screen_text(pilot)
        assert "Also in" not in screen_text(pilot)


async def test_a_screenshot_is_a_private_file_and_says_where(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running((200, 40)) as pilot:
        await press(pilot, "X")
        (name,) = os.listdir(tmp_path)
        assert name == "possync-2026-11-18-143012.svg"
        picture = (tmp_path / name).read_text()
        assert "AAPL" in picture
        # Opened in a browser, it asks no server for a font.
        assert "url(http" not in picture
        ElementTree.fromstring(picture)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        (said,) = [note.message for note in pilot.app._notifications]
        assert said == f"Wrote {tmp_path / name}. It shows account numbers."
        assert dashboard(pilot) is pilot.app.screen
        await press(pilot, "X")
        assert (tmp_path / "possync-2026-11-18-143012-2.svg").exists(), "of the same second"
        assert (tmp_path / name).read_text() == picture


async def test_files_go_to_their_folder_and_are_named_as_the_user_knows_them(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "app").mkdir()
    folder = tmp_path / "app" / ".." / "exports"
    async with running((200, 40), export_folder=folder) as pilot:
        await press(pilot, "X")
        (said,) = [note.message for note in pilot.app._notifications]
        assert said.startswith("Wrote ~/exports/possync-2026-11-18-143012.svg.")
        assert stat.S_IMODE((tmp_path / "exports").stat().st_mode) == 0o700
        assert os.listdir(tmp_path / "exports") == ["possync-2026-11-18-143012.svg"]


async def test_a_screenshot_that_cannot_be_written_is_said(
    running: Running, tmp_path: Path
) -> None:
    (tmp_path / "gone").write_text("a file where the folder should be")
    async with running((200, 40), export_folder=tmp_path / "gone") as pilot:
        await press(pilot, "X")
        assert "screenshot failed" in screen_text(pilot)
        await press(pilot, "v")
        assert isinstance(pilot.app.screen, ReviewScreen)


# --- one cell ------------------------------------------------------------------------------------


def letter_of(pilot: Pilot[None], title: str) -> str:
    """The letter that stands before a column in the dialog."""
    rows = (line.partition("▌  ")[2] for line in screen_text(pilot).splitlines())
    (letter,) = [row[0] for row in rows if row[2:].startswith(f"{title}  ")]
    return letter


async def test_a_cell_is_copied_with_all_its_digits(
    running: Running, engine: FakeEngine, tmp_path: Path
) -> None:
    async with running((140, 40), state_folder=tmp_path) as pilot:
        (view,) = [view for view in engine.reads.position_rows if view.description == "AAPL"]
        assert view.average_price is not None
        await press(pilot, "i")
        assert isinstance(pilot.app.screen, CellDialog)
        await press(pilot, letter_of(pilot, "Avg price"))
        assert Decimal(pilot.app.clipboard) == view.average_price
        assert (tmp_path / "copied.txt").read_text() == pilot.app.clipboard
        assert "Copied Avg price. Also in" in screen_text(pilot)
        # By arrows, and by the keys that stand for them.
        await press(pilot, "i", *["down"] * 4, "j", "k", "enter")
        assert pilot.app.clipboard == plain(view.quantity)
        await press(pilot, "i", "escape")
        assert pilot.app.clipboard == plain(view.quantity)


@pytest.mark.parametrize("keys", [("p",), ("r",), ("v",), ("d",), ("enter", "3")], ids="-".join)
async def test_every_table_gives_a_cell(running: Running, keys: tuple[str, ...]) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, *keys, "Y")
        table = table_of(pilot.app.clipboard)
        await press(pilot, "i")
        dialog = pilot.app.screen
        assert isinstance(dialog, CellDialog)
        assert {cell.title: cell.text for cell in dialog._cells} in table


async def test_a_cell_with_the_mouse(running: Running, engine: FakeEngine) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, "i")
        await pilot.click(OptionList, offset=(5, 0))
        await settle(pilot)
        assert pilot.app.clipboard == "AAPL"
        await press(pilot, "i")
        await pilot.click("#no")
        await settle(pilot)
        assert dashboard(pilot) is pilot.app.screen


async def test_a_sum_and_a_screen_without_rows_have_no_cell(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, "b", "g", "i")
        assert dashboard(pilot) is pilot.app.screen
        assert "There is no row here." in screen_text(pilot)


async def test_an_unknown_cell_is_nothing_and_a_masked_one_stays_so(running: Running) -> None:
    async with running((200, 40), mask_accounts=True) as pilot:
        await press(pilot, "slash", *"missing", "enter", "i")
        await press(pilot, letter_of(pilot, "Mkt value"))
        assert pilot.app.clipboard == ""
        assert "There is nothing to copy." in screen_text(pilot)
        await press(pilot, "r", "p", "i")
        assert "DU7654301" not in screen_text(pilot)
