"""What dialogs ask for: named while it is typed, and of whom a word is."""

from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from possync_tui.tui.screens.decision_dialog import DecisionDialog
from tests.tui import desk_book
from tests.tui.conftest import Running, app_of, press, screen_text
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import FakeEngine

ASKING = {
    "decision": (("v", "j", "A"), {"note": "note", "price": "price"}),
    "note-alone": (("v", "A"), {"note": "note"}),
    "period": (("p", "7"), {"from": "from", "to": "to"}),
    "export": (("p", "e"), {"path": "file"}),
}


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
@pytest.mark.parametrize("name", ASKING)
async def test_what_is_typed_keeps_its_label(
    running: Running, name: str, size: tuple[int, int]
) -> None:
    keys, labels = ASKING[name]
    async with running(size) as pilot:
        await press(pilot, *keys)
        screen = pilot.app.screen
        assert {box.id for box in screen.query(Input)} == set(labels)
        for box_id, label in labels.items():
            box = screen.query_one(f"#{box_id}", Input)
            box.value = "typed"
            box.focus()
            await press(pilot, "end")
            row = screen_text(pilot).splitlines()[box.region.y]
            assert row[: box.region.x].rstrip().endswith(label)
            assert row[box.region.x :].startswith("typed")


@pytest.mark.parametrize("keys", [("p", "7"), ("p", "e"), ("v", "A")])
async def test_where_it_is_low_a_row_at_most_parts_what_is_asked_from_the_buttons(
    running: Running, keys: tuple[str, ...]
) -> None:
    async with running((60, 15)) as pilot:
        await press(pilot, *keys)
        buttons = pilot.app.screen.query(Button).first().region.y
        above = [row.strip(" ▌▸") for row in screen_text(pilot).splitlines()[buttons - 2 : buttons]]
        assert any(above), above


async def test_what_is_wrong_with_a_day_has_a_row_only_while_it_is_wrong(running: Running) -> None:
    async with running((60, 15)) as pilot:
        await press(pilot, "p", "7", "x", "enter")
        assert "is not a day" in screen_text(pilot)
        await press(pilot, *["backspace"] * 11, "enter")
        assert "is not a day" not in screen_text(pilot)


async def _asked(pilot: Pilot[None], *keys: str) -> str:
    await press(pilot, *keys)
    assert isinstance(pilot.app.screen, DecisionDialog)
    return " ".join(screen_text(pilot).replace("▌", " ").split())


def _holds_of_two(engine: FakeEngine) -> None:
    one, other = desk_book.holds()
    engine.reads.hold_rows = [
        replace(one, id=3, account=CODES[1]),
        other,
        replace(other, id=4, account=CODES[1], con_id=8314),
        replace(other, id=5, account=CODES[1], con_id=4815747, status="kept"),
    ]


@pytest.mark.parametrize(("key", "accept"), [("E", True), ("U", False)])
async def test_a_word_on_all_is_on_those_of_the_chosen_account(
    running: Running, engine: FakeEngine, key: str, accept: bool
) -> None:
    _holds_of_two(engine)
    async with running() as pilot:
        await press(pilot, "a", "a")
        assert app_of(pilot).desk.account is not None
        said = await _asked(pilot, "v", key)
        assert f"2 of {CODES[1]}. 1 of other accounts stays held." in said
        await press(pilot, "enter")
        assert {hold_id for hold_id, _ in engine.decisions} == {3, 4}
        assert all(word.accept is accept for _, word in engine.decisions)


async def test_a_word_on_all_accounts_says_how_many_of_each(
    running: Running, engine: FakeEngine
) -> None:
    _holds_of_two(engine)
    async with running() as pilot:
        said = await _asked(pilot, "v", "E")
        assert f"1 of {CODES[0]} and 2 of {CODES[1]}." in said
        assert "other accounts" not in said
        await press(pilot, "enter")
        assert {hold_id for hold_id, _ in engine.decisions} == {1, 3, 4}


async def test_an_account_with_nothing_held_says_that_others_have(
    running: Running, engine: FakeEngine
) -> None:
    _holds_of_two(engine)
    async with running() as pilot:
        await press(pilot, "a", "a", "a", "v", "E")
        assert not isinstance(pilot.app.screen, DecisionDialog)
        assert "Nothing is held in this account, 3 in others" in screen_text(pilot)
        assert engine.decisions == []


async def test_masked_accounts_stay_masked_in_what_is_asked(
    running: Running, engine: FakeEngine
) -> None:
    _holds_of_two(engine)
    async with running(mask_accounts=True) as pilot:
        said = await _asked(pilot, "v", "E")
        assert not any(code in said for code in CODES)


async def test_in_a_dialog_that_got_less_room_one_sees_what_one_types(running: Running) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, "v", "j", "A", "tab")
        await pilot.resize_terminal(60, 15)
        await press(pilot, *"12.5")
        told = screen_text(pilot)
        assert "12.5" in told
        assert "Accept: MISSING" in told
