"""Where a key is named, it is the user's: with every key remapped, no text names a usual one."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from possync_tui.domain.connection import Phase
from possync_tui.tui.actions import PLACES
from possync_tui.tui.key_check import check
from possync_tui.tui.keymap import Keymap, keymap_of
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.test_tui_stills import PORTS, first_minute

# Letters that no text of ours uses, one cell wide each.
OTHER_LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯαβγδεζηθικλμνξπρ"
REMAPPED = dict(zip(PLACES, OTHER_LETTERS, strict=False))
# Figures with their units (also where a line breaks between them), names of contracts, and what
# a dialog's button says of its own key, which stays.
NO_KEYS = re.compile(r"\d [smhdw]\b|^s; the session|\d [PC]\b|\bT 4 1/4|P&L|\([uny]\)$|\([uny]\)  ")
ARTICLE = re.compile(r"\b[aA](?=$| (?!accept|account)[a-z])")
LETTER = re.compile(r"(?<![\w’'.,:“=<>/+])([A-Za-z])(?![\w’'.:“=&+…])")
USUAL = {key for deed in PLACES.values() for key in deed.keys.split(",") if len(key) == 1}


def test_there_is_a_letter_for_every_key() -> None:
    assert len(REMAPPED) == len(PLACES)


def remapped() -> Keymap:
    return check(keymap_of(REMAPPED.items()))


def usual_keys_in(text: str) -> list[str]:
    """The lines that name a usual key, by a letter that stands alone."""
    found = []
    for line in text.splitlines():
        plain = ARTICLE.sub("", NO_KEYS.sub("", line.strip(" ▌▐")))
        if USUAL & set(LETTER.findall(plain)):
            found.append(line.strip())
    return found


def offline(engine: FakeEngine) -> None:
    engine.go_offline(Phase.RECONNECTING)


def waiting(engine: FakeEngine) -> None:
    engine.go_offline(Phase.RECONNECTING)
    engine.connect(next_try_at=NOW + timedelta(seconds=9))


def failed(engine: FakeEngine) -> None:
    engine.go_offline(Phase.FAILED)


def read_only(engine: FakeEngine) -> None:
    engine.is_read_only = True


def periodic_off(engine: FakeEngine) -> None:
    engine.is_enabled = False


def empty(engine: FakeEngine) -> None:
    first_minute(engine)


def missing_alone(engine: FakeEngine) -> None:
    rows = engine.reads.position_rows
    engine.reads.position_rows = [row for row in rows if row.symbol == "TSLA"]


def as_it_is(engine: FakeEngine) -> None:
    pass


WAYS: dict[Callable[[FakeEngine], None], tuple[str, ...]] = {
    as_it_is: (
        *(f"pane-{number} help" for number in (1, 2, 3, 4)),
        "pane-4 filter s y n c",
        "pane-4 filter s y n c enter",
        "pane-4 log-pause",
        "filter x x enter",
        "ctrl+c",
        *("missing", "columns", "mask csv copy flash group sort"),
        *("dry-run", "dry-run help", "runs", "runs help"),
        *("review", "review help", "review accept", "review keep", "review j evidence"),
        "review accept-all",
        *("pnl", "pnl help", "pnl span-1", "pnl span-7", "pnl export"),
        *("pnl fills", "pnl fills help"),
        *("pane-1 end enter", "pane-1 home enter help", "pane-1 home enter part-3"),
    ),
    offline: ("pane-3 zoom", "pane-3 zoom pause"),
    waiting: ("pane-3 zoom", "pane-3 zoom pause"),
    failed: ("pane-3 zoom", "pane-3 zoom pause"),
    read_only: ("pane-3 zoom", "sync", "missing", "reconnect", "review accept"),
    periodic_off: ("pane-2 zoom",),
    missing_alone: ("", "enter"),
    empty: (
        *("", "find-tws help", "find-tws j j connect"),
        *("runs", "pnl earlier", "pnl span-1 earlier", "dry-run", "review"),
    ),
}
"""States of the engine, and the deeds and keys that lead to what is to be read."""


async def go(pilot: Pilot[None], way: str) -> None:
    """From the dashboard, unzoomed and not filtered, by deeds and keys."""
    pilot.app.clear_notifications()
    while len(pilot.app.screen_stack) > 1:
        pilot.app.pop_screen()
    dashboard(pilot).positions.filter.empty()
    if dashboard(pilot).has_class("-zoomed"):
        dashboard(pilot).action_zoom()
    await settle(pilot)
    await press(pilot, *(REMAPPED.get(step, step) for step in way.split()))


def read(pilot: Pilot[None]) -> str:
    """The screen, or the dialog over it: what that cuts off is no text."""
    lines = screen_text(pilot).splitlines()
    for dialog in pilot.app.screen.query(".dialog"):
        area = dialog.region
        lines = [row[area.x : area.right] for row in lines[area.y : area.bottom]]
    toasts = [str(toast.render()) for toast in pilot.app.screen.query("Toast")]
    return "\n".join([*lines, *toasts])


@pytest.mark.parametrize("state", WAYS, ids=lambda state: state.__name__)
async def test_no_text_names_a_key_that_was_given_away(
    running: Running, engine: FakeEngine, state: Callable[[FakeEngine], None]
) -> None:
    state(engine)
    ports = PORTS if state is empty else None
    async with running((140, 60), keymap=remapped(), ports=ports) as pilot:
        named = {}
        for way in WAYS[state]:
            await go(pilot, way)
            found = usual_keys_in(read(pilot))
            if found:
                named[way] = found
        assert not named


async def test_the_reading_finds_usual_keys_where_nothing_was_remapped(running: Running) -> None:
    """What the tests above rest on: they can see a key."""
    async with running((140, 60)) as pilot:
        found = "\n".join(usual_keys_in(screen_text(pilot)))
        for words in ("s Sync", "v to review"):
            assert words in found
        await press(pilot, "v")
        assert "A accept" in "\n".join(usual_keys_in(screen_text(pilot)))


async def test_numbers_and_named_keys_follow_too(running: Running, engine: FakeEngine) -> None:
    async with running((200, 60), keymap=remapped()) as pilot:
        panes = dashboard(pilot).panes
        assert [pane.heading.hint for pane in panes] == [
            REMAPPED[f"pane-{number}"] for number in (1, 2, 3, 4)
        ]
        await press(pilot, "enter")
        assert f"{REMAPPED['part-2']} Realized" in screen_text(pilot)
        await press(pilot, "escape", REMAPPED["pnl"])
        text = screen_text(pilot)
        assert f"{REMAPPED['span-2']} Week" in text
        assert f"{REMAPPED['fills']} Fills" in text
        await press(pilot, REMAPPED["span-2"])
        assert f"{REMAPPED['earlier']} earlier" in screen_text(pilot)
        await press(pilot, "escape", REMAPPED["review"])
        assert f"{REMAPPED['evidence']} Evidence" in screen_text(pilot)
        assert "enter" not in screen_text(pilot)


async def test_where_tws_is_looked_for_enter_is_named_only_if_it_connects(
    running: Running, engine: FakeEngine
) -> None:
    first_minute(engine)
    for keymap, named in ((Keymap(), "Enter connects"), (remapped(), REMAPPED["connect"])):
        async with running((140, 60), keymap=keymap, ports=PORTS) as pilot:
            text = screen_text(pilot)
            assert f"{named} connects" in text or named in text
            assert ("nter connects" in text) == (not keymap.keys)


async def test_help_closes_with_its_own_key(running: Running) -> None:
    async with running(keymap=remapped()) as pilot:
        key = REMAPPED["help"]
        await press(pilot, key)
        assert "Keys and symbols" in screen_text(pilot)
        await press(pilot, key)
        assert pilot.app.screen is dashboard(pilot)
