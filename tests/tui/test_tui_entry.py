"""From an entry to its fills, to a file, and by palette; hostile text on the way."""

import csv
import io
import os
import re
import stat
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from possync_tui.domain.exports import FORMULA
from possync_tui.domain.observations import PriceEvidence
from possync_tui.ledger.port import LedgerError
from possync_tui.tui import export
from possync_tui.tui.format import Redaction
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.export_dialog import ExportDialog
from possync_tui.tui.screens.help import HelpDialog
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.realized import RealizedScreen
from tests.tui import desk_book, desk_fills
from tests.tui.conftest import Running, press, screen_text, settle
from tests.tui.desk_fills import entry, repaired
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.hostile import HOSTILE
from tests.tui.test_tui_hostile import assert_harmless


def screen(pilot: Pilot[None]) -> RealizedScreen:
    top = pilot.app.screen
    assert isinstance(top, RealizedScreen)
    return top


# --- drill down ----------------------------------------------------------------------------------


async def test_an_entry_opens_to_its_fills(running: Running, engine: FakeEngine) -> None:
    engine.reads.entry_rows = repaired(900, NOW - timedelta(hours=3))
    engine.reads.fill_rows[902] = desk_fills.fills()
    engine.reads.journal_rows = [
        replace(
            desk_book.journal()[0],
            text="AAPL: realized 3734.95 USD on 100 (average, EXACT)",
            evidence="execution 0000e0d5.00000386.01.01",
        )
    ]
    async with running() as pilot:
        await press(pilot, "p", "enter")
        assert isinstance(pilot.app.screen, EntryScreen)
        text = screen_text(pilot)
        for words in (
            "▲ 3,734.95 USD",
            "✓ EXACT  opening and closing fills are known",
            "3,721.44  ours differs by +13.51",
            "replaces #900",
            "in force",
            "closed by",
            "opened by",
            "closed before",
            "flex",
            "0000e0d5.00000009.01.01",
            "execution 0000e0d5.00000386.01.01",
        ):
            assert words in text, words
        await press(pilot, "j", "G", "g", "escape")
        assert screen(pilot).table.has_focus
        await press(pilot, "enter", "r", "escape")
        assert isinstance(pilot.app.screen, EntryScreen)


async def test_an_entry_shows_what_it_took_of_each_lot(
    running: Running, engine: FakeEngine
) -> None:
    engine.reads.entry_rows = [entry(7, "100")]
    seeded, bought = desk_fills.lots()
    engine.reads.taken_rows[7] = [seeded, replace(bought, quantity=Decimal("12.5"))]
    async with running() as pilot:
        await press(pilot, "p", "enter")
        text = screen_text(pilot)
        assert "Lots that it closed\n" in re.sub(r" +\n", "\n", text)
        assert "by the oldest first (fifo)" in text
        assert re.search(
            r"before 2026-10-29 14:30:12 +200 +189\.10 +37,820\.00 +0\.00 USD +held before", text
        )
        assert re.search(r"12\.5 +201\.02 +40,205\.05 +1\.05 USD +fill 0000e0d5", text)
        await press(pilot, "escape")
        engine.reads.taken_rows[7] = [replace(bought, method="average", quantity=Decimal(100))]
        await press(pilot, "enter")
        assert "by their average, pooled" in screen_text(pilot)


async def test_the_journal_keeps_to_the_cost_method_in_use(
    running: Running, engine: FakeEngine
) -> None:
    base = desk_book.journal()[0]
    engine.reads.journal_rows = [
        replace(base, kind="realized", text=f"AAPL: realized by {method}", method=method)
        for method in ("average", "fifo")
    ]
    engine.reads.entry_rows = [entry(7, "100", recorded_at=base.at, con_id=base.con_id)]
    async with running() as pilot:
        for keys in (("enter",), ("escape", "p", "enter")):
            await press(pilot, *keys)
            assert "realized by average" in screen_text(pilot)
            assert "realized by fifo" not in screen_text(pilot)
            await press(pilot, "f")
            assert "realized by fifo" in screen_text(pilot)
            await press(pilot, "f")
            assert "realized by fifo" not in screen_text(pilot)


async def test_an_estimate_tells_its_price_and_that_there_are_no_fills(
    running: Running, engine: FakeEngine
) -> None:
    engine.reads.entry_rows = [
        entry(
            1,
            "9",
            quality="ESTIMATED",
            kind="ZERO_ROW",
            exec_id=None,
            price=PriceEvidence(Decimal("231.14"), "portfolio", 47.0),
        )
    ]
    async with running((80, 24)) as pilot:
        await press(pilot, "p", "enter")
        text = screen_text(pilot)
        assert "231.14  portfolio, 47 s old" in text
        assert "No fill is known for it" in text
        assert "broker says zero" in text


async def test_a_held_position_says_that_its_opening_is_unknown(
    running: Running, engine: FakeEngine
) -> None:
    engine.reads.entry_rows = [entry(1, "9", quality="ESTIMATED")]
    engine.reads.fill_rows[1] = desk_fills.fills()[:1]
    async with running() as pilot:
        await press(pilot, "p", "enter")
        text = screen_text(pilot)
        assert "What it closed was held before the first sync" in text
        assert "the closing fill is known, what opened the position is not" in text
        assert "price from" not in text


async def test_fills_that_cannot_be_read_are_said(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "p")
        engine.reads.failure = LedgerError("the disk is gone")
        await press(pilot, "enter")
        text = screen_text(pilot)
        assert "reading the fills of an entry failed: the disk is gone" in text
        assert pilot.app.is_running


async def test_a_life_has_a_story_entries_and_lots(running: Running, engine: FakeEngine) -> None:
    engine.reads.entry_rows = repaired(900, NOW - timedelta(hours=3))
    engine.reads.fill_rows[902] = desk_fills.fills()
    async with running() as pilot:
        await press(pilot, "enter")
        text = screen_text(pilot)
        assert text.index("created") < text.index("300 → 500") < text.index("500 → 400")
        assert "1 Story 5   2 Realized 1   3 Open lots 2" in text
        await press(pilot, "3")
        assert "held before the first sync" in screen_text(pilot)
        assert "40,205.05" in screen_text(pilot)
        assert "before 2026-10-29 14:30 " in screen_text(pilot)
        assert " 2026-11-13 14:30 " in screen_text(pilot)
        await press(pilot, "2", "G", "enter")
        assert "closed by" in screen_text(pilot)
        await press(pilot, "escape", "tab", "tab")
        assert type(pilot.app.screen) is LifeScreen
        assert "300 → 500" in screen_text(pilot)


# --- export --------------------------------------------------------------------------------------


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


async def test_export_writes_what_is_shown(
    running: Running, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running() as pilot:
        await press(pilot, "p", "3", "e")
        assert isinstance(pilot.app.screen, ExportDialog)
        await press(pilot, "enter")
        path = tmp_path / "possync-pnl-2026-11-USD.csv"
        rows = read_csv(path)
        (toast,) = pilot.app._notifications
        assert toast.message == f"Wrote {len(rows)} entries to {path}"
        assert [row["id"] for row in rows] == [str(row.id) for row in screen(pilot).entries]
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        await press(pilot, "e", "enter")
        assert "exists; enter once more replaces it" in screen_text(pilot)
        path.write_text("old")
        await press(pilot, "enter")
        assert read_csv(path) == rows
        assert os.listdir(tmp_path) == [path.name]


async def test_an_export_says_before_where_it_goes(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "state" / "exports"
    async with running((80, 24), export_folder=folder) as pilot:
        await press(pilot, "p", "e")
        assert "Goes to ~/state/exports/possync-pnl-all-USD.csv" in screen_text(pilot)
        box = pilot.app.screen.query_one(Input)
        box.value = "../tax.csv"
        await settle(pilot)
        assert "Goes to ~/state/tax.csv" in screen_text(pilot)
        await press(pilot, "enter")
        assert "there is no folder ~/state" in screen_text(pilot)
        assert not folder.exists()
        box.value = ""
        await press(pilot, "enter")
        assert os.listdir(folder) == ["possync-pnl-all-USD.csv"]
        (toast,) = pilot.app._notifications
        assert toast.message.endswith("to ~/state/exports/possync-pnl-all-USD.csv")
        await press(pilot, "e", "enter")
        assert "exists; enter once more replaces it" in screen_text(pilot)
        pilot.app.screen.query_one(Input).value = "other.csv"
        await settle(pilot)
        assert "Goes to ~/state/exports/other.csv" in screen_text(pilot)


async def test_export_elsewhere_and_nowhere(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "tax"
    folder.mkdir()
    async with running((80, 24)) as pilot:
        await press(pilot, "p", "e")
        box = pilot.app.screen.query_one(Input)
        box.value = str(tmp_path / "no" / "where.csv")
        await press(pilot, "enter")
        assert "there is no folder" in screen_text(pilot)
        box.value = "nul\x00"
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ExportDialog)
        box.value = str(folder)
        await press(pilot, "enter")
        assert os.listdir(folder) == ["possync-pnl-all-USD.csv"]
        await press(pilot, "e", "escape")
        assert isinstance(pilot.app.screen, RealizedScreen)


def test_a_spreadsheet_sees_no_formula_and_a_program_the_exact_numbers() -> None:
    texts = ["=1+1", "+1", "-1", "@sum", "  =x", "＝1", "\t=1", 'a"b,c', "plain", *HOSTILE]
    rows = [
        entry(
            number,
            "-1234567.000001",
            description=text,
            account=text,
            price=PriceEvidence(Decimal(1), text, 2.5),
        )
        for number, text in enumerate(texts)
    ]
    written = export.entries_text(rows, Redaction(mask_accounts=False))
    assert written.endswith("\r\n")
    read = list(csv.DictReader(io.StringIO(written, newline="")))
    assert len(read) == len(rows)
    for found, given in zip(read, rows, strict=True):
        assert found["realized_pnl"] == "-1234567.000001"
        assert found["closed_at"] == given.closed_at.isoformat()
        assert found["exit_price"] == "231.5"
        assert found["supersedes_id"] == ""
        for name in ("description", "account", "price_source"):
            assert not found[name].lstrip().startswith(FORMULA), found[name]
            assert "\x1b" not in found[name]
    masked = export.entries_text([entry(1, "1")], Redaction(mask_accounts=True))
    assert "DU7654301" not in masked


def test_ascii_needs_no_mark_and_the_rest_has_one(tmp_path: Path) -> None:
    export.write(tmp_path / "a.csv", "a,b\r\n", replace=False)
    assert (tmp_path / "a.csv").read_bytes() == b"a,b\r\n"
    export.write(tmp_path / "b.csv", "ä\r\n", replace=False)
    assert (tmp_path / "b.csv").read_bytes() == b"\xef\xbb\xbf\xc3\xa4\r\n"
    with pytest.raises(FileExistsError):
        export.write(tmp_path / "a.csv", "x", replace=False)
    export.write(tmp_path / "a.csv", "x", replace=True)
    assert (tmp_path / "a.csv").read_bytes() == b"x"


# --- help, palette, hostile text -----------------------------------------------------------------


async def test_help_and_palette_know_the_screen(running: Running) -> None:
    async with running((140, 60)) as pilot:
        await press(pilot, "p", "question_mark")
        assert isinstance(pilot.app.screen, HelpDialog)
        text = screen_text(pilot)
        assert "Write what is shown as CSV" in text
        assert "Show only matching positions" not in text
        await press(pilot, "escape", "ctrl+p")
        await pilot.press(*"CSV")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.2)
        await settle(pilot)
        assert isinstance(pilot.app.screen, ExportDialog)


async def test_hostile_text_in_fills_links_and_dialogs(
    running: Running, engine: FakeEngine
) -> None:
    async with running((80, 24)) as pilot:
        for text in HOSTILE:
            fills = [
                replace(fill, side=text, exchange=text, source=text, exec_id=text)
                for fill in desk_fills.fills()
            ]
            engine.reads.entry_rows = [
                entry(1, "5", description=text, currency=text[:30], kind=text, quality=text)
            ]
            engine.reads.fill_rows = {1: fills}
            engine.reads.lot_rows = [replace(lot, cause=text) for lot in desk_fills.lots()]
            await press(pilot, "p")
            assert_harmless(screen_text(pilot))
            await press(pilot, "enter")
            assert_harmless(screen_text(pilot))
            await press(pilot, "escape", "e")
            assert_harmless(screen_text(pilot))
            await press(pilot, "escape", "escape", "enter", "3")
            assert_harmless(screen_text(pilot))
            await press(pilot, "escape")
        assert "failed:" not in screen_text(pilot)
