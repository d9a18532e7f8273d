"""What a day of opening and closing leaves behind: nothing."""

import gc
from collections import Counter

from textual._styles_cache import StylesCache
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

from tests.tui.conftest import Running, press

SCREENS = ("p", "v", "enter", "question_mark", "m")
PARTS = (Widget, StylesCache, Strip)


async def open_and_close_all(pilot: Pilot[None], times: int) -> Counter[str]:
    """What there is of the parts of screens, back on the dashboard."""
    for _ in range(times):
        for key in SCREENS:
            await press(pilot, key, "escape")
    gc.collect()
    there = gc.get_objects()
    return Counter({part.__name__: sum(isinstance(o, part) for o in there) for part in PARTS})


async def test_a_screen_that_was_closed_leaves_nothing_behind(running: Running) -> None:
    async with running() as pilot:
        first = await open_and_close_all(pilot, 1)
        later = await open_and_close_all(pilot, 2)
        assert later["Widget"] <= first["Widget"]
        assert later["StylesCache"] <= first["StylesCache"]
        # A line of the dashboard may be remembered cropped and padded too.
        assert later["Strip"] <= first["Strip"] * 1.2
