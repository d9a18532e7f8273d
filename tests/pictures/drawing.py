"""One picture: the real app on the tests' engine, led to a state and taken as SVG."""

import os
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from textual.command import CommandPalette
from textual.pilot import Pilot

from possync_tui.domain.first_look import Port
from possync_tui.tui.app import PossyncApp
from tests.pictures.gallery import PORTS, Picture, Size, busy_day, log_lines
from tests.tui.conftest import press, settle
from tests.tui.fake_engine import FakeEngine, FixedClock

EXPORTS = Path("/home/trader/exports")
"""Not a place of the machine that draws."""


async def drawn(picture: Picture, size: Size, theme: str) -> str:
    """The picture as SVG. It fails where the keys do not lead to the screen it is of."""
    with patch.dict(os.environ):
        os.environ.pop("NO_COLOR", None)
        if not picture.has_colour:
            os.environ["NO_COLOR"] = "1"
        return await _taken(picture, size, theme)


async def _taken(picture: Picture, size: Size, theme: str) -> str:
    clock = FixedClock()
    engine = FakeEngine(clock)
    busy_day(engine)
    if picture.prepare is not None:
        picture.prepare(engine)

    async def probe() -> Sequence[Port]:
        return PORTS

    app = PossyncApp(
        engine,
        clock=clock,
        theme=theme,
        export_folder=EXPORTS,
        probe=probe if picture.first_minute else None,
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        if not picture.first_minute:
            for line in log_lines():
                engine.bus.emit(line)
        await press(pilot, *picture.keys, *picture.types, *picture.then)
        if isinstance(app.screen, CommandPalette):
            await _palette_is_full(pilot)
        shown = app.screen
        assert type(shown) is picture.shows, f"{picture.name} shows {type(shown).__name__}"
        svg = app.export_screenshot(title="possync-tui")
    engine.stop()
    return svg


async def _palette_is_full(pilot: Pilot[None]) -> None:
    """Its hits come in from a search of its own."""
    await pilot.pause(0.6)
    await settle(pilot)
