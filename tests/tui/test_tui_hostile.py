"""Text from outside is data: shown as it is, never run, and no escape byte reaches the terminal."""

import logging
from dataclasses import replace
from itertools import cycle

import pytest

from possync_tui.domain.connection import Phase
from possync_tui.domain.plan import Remark
from possync_tui.ledger.port import LedgerError
from possync_tui.tui.widgets.line_table import LineTable
from tests.pictures.gallery import PICTURES, PORTS, Picture, Size
from tests.tui.conftest import Running, dashboard, press, screen_text, settle
from tests.tui.fake_engine import FakeEngine
from tests.tui.hostile import HOSTILE


def poison(engine: FakeEngine) -> None:
    """Put hostile text wherever the outside can put any."""
    reads = engine.reads
    count = len(HOSTILE)
    base = reads.position_rows[0]
    reads.position_rows = [
        replace(
            base,
            id=number,
            con_id=number + 1,
            symbol=text,
            description=text,
            sec_type=text[:40],
            currency=text[:40],
            status="MISSING" if number % 5 == 0 else "OPEN",
            missing_since=base.opened_at if number % 5 == 0 else None,
        )
        for number, text in enumerate(HOSTILE)
    ]
    reads.hold_rows = [
        replace(
            reads.hold_rows[0],
            id=number,
            kind=text,
            account=text,
            symbol=text,
            message=text,
            evidence=text,
            note=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    reads.entry_rows = [
        replace(
            reads.entry_rows[number],
            symbol=text,
            description=text,
            account=text,
            currency=text[:20],
            quality=text,
            kind=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    reads.run_rows = [
        replace(reads.run_rows[number], trigger=text, outcome=text, error=text)
        for number, text in enumerate(HOSTILE)
    ]
    reads.journal_rows = [
        replace(
            reads.journal_rows[0],
            id=number,
            account=base.account,
            con_id=1,
            kind=text,
            text=text,
            evidence=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    reads.account_rows = [
        replace(reads.account_rows[0], id=number + 1, code=HOSTILE[number] + "xx")
        for number in range(count)
    ]
    engine.plan = replace(
        engine.plan,
        changes=tuple(Remark(reads.position_rows[0].key, text) for text in HOSTILE),
        new_accounts=HOSTILE,
    )
    joined = " ".join(HOSTILE)
    engine.stats = replace(engine.stats, last_error=joined)
    engine.connect(
        phase=Phase.CONNECTED,
        host=joined,
        sentence=joined,
        last_error=joined,
        accounts=HOSTILE,
        farms=tuple((text, True) for text in HOSTILE),
    )


def assert_harmless(text: str) -> None:
    for line in text.splitlines():
        assert all(character.isprintable() for character in line), repr(line)


@pytest.mark.parametrize(
    ("picture", "size"),
    zip(PICTURES, cycle([(80, 24), (160, 50)]), strict=False),
    ids=lambda value: getattr(value, "name", ""),
)
async def test_no_state_of_the_program_runs_what_it_shows(
    running: Running, engine: FakeEngine, picture: Picture, size: Size
) -> None:
    """Every screen and state that has a picture, in hostile company."""
    poison(engine)
    if picture.prepare is not None:
        picture.prepare(engine)
        joined = " ".join(HOSTILE)
        engine.connect(host=joined, sentence=joined, last_error=joined)
    async with running(
        picture.size or size, ports=PORTS if picture.first_minute else None
    ) as pilot:
        engine.log(logging.WARNING, "tws", HOSTILE[3])
        await press(pilot, *picture.keys, *picture.types, *picture.then)
        assert_harmless(screen_text(pilot))
        for key in ("j", "pagedown", "G", "tab", "k"):
            await press(pilot, key)
            assert_harmless(screen_text(pilot))
        assert pilot.app.is_running


async def test_hostile_text_everywhere(running: Running, engine: FakeEngine) -> None:
    poison(engine)
    async with running((200, 60), mask_accounts=True) as pilot:
        for text in HOSTILE:
            engine.log(logging.WARNING, text, text)
        await settle(pilot)
        shown = screen_text(pilot)
        assert_harmless(shown)
        assert "[/red]" in shown
        assert "BRK [B]" in shown
        assert "[@click=app.quit]quit[/]" in shown
        await press(pilot, "M", "4", "z")
        assert_harmless(screen_text(pilot))
        await press(pilot, "2", "3", "z", "1")
        for key in ("p", "v", "d", "r", "enter"):
            await press(pilot, key)
            for _ in range(0, len(HOSTILE), 2):
                pilot.app.screen.query_one(LineTable).action_move(2)
                await pilot.pause(0.01)
                assert_harmless(screen_text(pilot))
            await press(pilot, "escape")
        assert pilot.app.is_running
        assert "failed:" not in screen_text(pilot)


async def test_hostile_text_in_dialogs_toasts_and_the_palette(
    running: Running, engine: FakeEngine
) -> None:
    poison(engine)
    async with running() as pilot:
        await press(pilot, "v")
        for _ in range(4):
            await press(pilot, "a")
            assert_harmless(screen_text(pilot))
            await press(pilot, "escape", *("j" * 5))
        await press(pilot, "escape")
        # Test runners cannot report a log that holds a lone surrogate.
        encodable = [text for text in HOSTILE if "\ud800" not in text]
        engine.failure = LedgerError(" ".join(encodable))
        await press(pilot, "s")
        assert_harmless(screen_text(pilot))
        await press(pilot, "ctrl+p")
        await pilot.press(*"quit")
        await pilot.pause(0.3)
        assert_harmless(screen_text(pilot))
        assert "Go to [@click=app.quit]quit[/]" in screen_text(pilot)
        await press(pilot, "escape", "y")
        assert "\x1b" not in pilot.app.clipboard


async def test_a_click_on_hostile_text_runs_nothing(running: Running, engine: FakeEngine) -> None:
    poison(engine)
    async with running() as pilot:
        (row,) = [
            number
            for number, line in enumerate(screen_text(pilot).splitlines())
            if "[@click=app.quit]" in line
        ][:1]
        await pilot.click(offset=(12, row))
        await settle(pilot)
        assert pilot.app.is_running
        assert dashboard(pilot).positions.table.has_focus
