"""Keys of the user's choice: they work, they are named, and what cannot be is refused in words."""

import subprocess
import sys

import pytest

from possync_tui.tui.actions import PLACES
from possync_tui.tui.key_check import check
from possync_tui.tui.keymap import KeymapError, keymap_of, normal_key
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.fake_engine import FakeEngine

WRITTEN = {
    "F5": "f5",
    "/": "slash",
    "S": "S",
    "shift+s": "S",
    "ctrl+Q": "ctrl+q",
    "Alt+x": "alt+x",
    "PageDown": "pagedown",
    "+": "plus",
    "comma": "comma",
    "ctrl+shift+f3": "ctrl+shift+f3",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_keys_are_understood_as_people_write_them(text: str) -> None:
    assert normal_key(text) == WRITTEN[text]


@pytest.mark.parametrize("text", ["", " ", "ctrl+", "F99", "hyper+x", "nokey", "s t"])
def test_what_is_no_key_is_known_for_it(text: str) -> None:
    assert normal_key(text) is None


REFUSED = (
    ([("synk", "f5")], "nothing is called synk; did you mean sync?"),
    ([("sync", "blah")], "there is no key blah"),
    ([("sync", "m")], "m is also the key of missing"),
    ([("sync", "z")], "z is also the key of zoom"),
    ([("sync", "e")], "e is also the key of export"),
    ([("sync", "f5"), ("zoom", "f5")], "f5 is also the key of"),
    ([("sync", "j")], "j is taken by “Down”"),
    ([("sync", "escape")], "escape is taken by “Back”"),
    ([("sync", "ctrl+p")], "ctrl+p is taken by “Command palette”"),
    ([("sync", "ctrl+q")], "ctrl+q is taken by “Quit”"),
    ([("review", "l")], "l is also the key of log-level"),
    ([("log-level", "s")], "s is also the key of sync"),
    ([("transfer", "ctrl+p")], "ctrl+p is taken by “Command palette”"),
    ([("transfer", "T")], "T is typed into the note there"),
    ([("transfer", "?")], "? is typed into the note there"),
    ([("transfer", "ctrl+w")], "ctrl+w is taken by “Delete left to start of word”"),
    ([("log-next", "j")], "j is taken by “Down”"),
)


@pytest.mark.parametrize(("pairs", "why"), REFUSED, ids=[str(pairs) for pairs, _ in REFUSED])
def test_what_cannot_be_is_refused_in_words(pairs: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(KeymapError) as refused:
        check(keymap_of(pairs))
    assert why in str(refused.value)


def test_screens_that_were_never_shown_have_a_say() -> None:
    """As at the start of the program; here other tests have loaded them all."""
    script = (
        "from possync_tui.tui.key_check import check\n"
        "from possync_tui.tui.keymap import KeymapError, keymap_of\n"
        "for key in 'eAD':\n"
        "    try:\n"
        "        check(keymap_of([('sync', key)]))\n"
        "    except KeymapError as error:\n"
        "        print(error)\n"
        "from possync_tui.tui.screens.base import DeskScreen\n"
        "from possync_tui.tui import key_check\n"
        "import importlib, pathlib, possync_tui.tui.screens as screens\n"
        "before = {s.__name__ for s in key_check._screens(DeskScreen)}\n"
        "for path in pathlib.Path(screens.__file__).parent.glob('*.py'):\n"
        "    importlib.import_module('possync_tui.tui.screens.' + path.stem)\n"
        "print({s.__name__ for s in key_check._screens(DeskScreen)} - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    said = ran.stdout.splitlines()
    assert [line.partition(" also the key of ")[2].split()[0] for line in said[:3]] == [
        "export",
        "accept",
        "demo",
    ]
    assert said[3:] == ["set()"], "screens that the check does not know"


def test_a_freed_key_can_be_used_and_two_can_change_places() -> None:
    keymap = check(keymap_of([("sync", "m"), ("missing", "s"), ("quit", "ctrl+q")]))
    assert keymap.of("sync") == ("m",)
    assert keymap.of("quit") == ("ctrl+q",)
    both = check(keymap_of([("sync", "f5"), ("sync", "s")]))
    assert both.of("sync") == ("f5", "s")


def test_every_deed_can_have_a_key_of_its_own_and_ours_do_not_clash() -> None:
    for deed_id in PLACES:
        assert check(keymap_of([(deed_id, "f9")])).of(deed_id) == ("f9",)


async def test_the_keys_work_and_are_named_everywhere(running: Running, engine: FakeEngine) -> None:
    keymap = check(keymap_of([("sync", "m"), ("missing", "s"), ("review", "f6"), ("zoom", "x")]))
    async with running((140, 60), keymap=keymap) as pilot:
        text = screen_text(pilot)
        assert "m Sync" in text
        assert "f6 Review" in text
        assert "x Zoom" in text
        assert "f6 to review" in text
        await press(pilot, "m")
        assert engine.syncs == 1
        await press(pilot, "v", "z")
        assert pilot.app.screen is dashboard(pilot)
        assert not dashboard(pilot).has_class("-zoomed")
        await press(pilot, "x")
        assert dashboard(pilot).has_class("-zoomed")
        await press(pilot, "x", "f6")
        assert pilot.app.screen is not dashboard(pilot)
        await press(pilot, "escape", "s")
        assert "Let syncs close missing positions?" in screen_text(pilot)
        await press(pilot, "escape", "question_mark")
        lines = screen_text(pilot).splitlines()
        assert any("m          Sync now" in line for line in lines)
        assert any("f6         Decide on what is held" in line for line in lines)
        await press(pilot, "escape", "ctrl+p")
        await pilot.press(*"sync now")
        await pilot.pause(0.3)
        assert "key m" in screen_text(pilot)


async def test_a_click_on_the_key_bar_presses_the_chosen_key(
    running: Running, engine: FakeEngine
) -> None:
    async with running(keymap=check(keymap_of([("sync", "f5")]))) as pilot:
        bar = screen_text(pilot).splitlines()[-1]
        await pilot.click("KeyBar", offset=(bar.index("f5 Sync") + 1, 0))
        await settle(pilot)
        assert engine.syncs == 1
