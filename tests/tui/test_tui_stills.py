"""How each screen looks, at three sizes and in two themes, against what was stored.

After a change that is meant: `pytest tests/tui/test_tui_stills.py --update-pictures`, and look at
the difference before it is committed.
"""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.first_look import Port
from possync_tui.domain.runs import SyncStats
from tests.pictures.drawing import EXPORTS
from tests.tui.conftest import Running, press, settle
from tests.tui.fake_engine import FakeEngine, FixedClock
from tests.tui.still import FOLDER, Cell, cells, difference, still

THEMES = ("possync", "possync-day")
SIZES = ((80, 24), (140, 40), (200, 60))
SCREENS = {
    "dashboard": (),
    "dashboard-stats": ("2",),
    "dashboard-connection": ("3",),
    "dashboard-zoomed": ("1", "z"),
    "dashboard-grouped": ("b", "b"),
    "dashboard-log": ("4", "z"),
    "columns": ("c",),
    "plan": ("d",),
    "runs": ("r",),
    "review": ("v",),
    "review-decision": ("v", "A"),
    "realized-pnl": ("p",),
    "period": ("p", "7"),
    "export": ("p", "e"),
    "entry": ("p", "enter"),
    "life": ("enter",),
    "lots": ("enter", "3"),
    "arming": ("m",),
    "help": ("question_mark",),
}


def picture(pilot: Pilot[None]) -> list[list[Cell]]:
    return cells(pilot.app.screen._compositor.render_strips())


async def hold_cursors_still(pilot: Pilot[None]) -> None:
    """A cursor blinks by the clock of the machine."""
    for box in pilot.app.screen.query(Input):
        box.cursor_blink = False
    await settle(pilot)


def compare(name: str, size: tuple[int, int], found: str, *, update: bool) -> None:
    path = FOLDER / f"{name}-{size[0]}x{size[1]}.txt"
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8", newline="\n")
        return
    assert path.exists(), f"{path.name} was never stored: --update-pictures"
    told = difference(path.read_text(encoding="utf-8"), found)
    assert not told, f"{path.name} looks different:\n{told}"


@pytest.fixture
def update(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--update-pictures"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_looks_as_stored(
    running: Running, name: str, size: tuple[int, int], update: bool
) -> None:
    seen = []
    for theme in THEMES:
        async with running(size, theme=theme, export_folder=EXPORTS) as pilot:
            await press(pilot, *SCREENS[name])
            await hold_cursors_still(pilot)
            seen.append(picture(pilot))
    compare(name, size, still(seen), update=update)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_trouble_looks_as_stored(
    running: Running, engine: FakeEngine, size: tuple[int, int], update: bool
) -> None:
    """Real money, no connection, closing armed: what nobody may overlook."""
    engine.environment = Environment.LIVE
    engine.arm(True)
    engine.go_offline(Phase.RECONNECTING)
    seen = []
    for theme in THEMES:
        async with running(size, theme=theme, export_folder=EXPORTS) as pilot:
            await press(pilot, "3")
            seen.append(picture(pilot))
    compare("trouble", size, still(seen), update=update)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_first_minute_looks_as_stored(
    running: Running, engine: FakeEngine, size: tuple[int, int], update: bool
) -> None:
    first_minute(engine)
    seen = []
    for theme in THEMES:
        async with running(size, theme=theme, ports=PORTS) as pilot:
            await settle(pilot)
            seen.append(picture(pilot))
    compare("first-minute", size, still(seen), update=update)


PORTS = (
    Port("127.0.0.1", 7497, "TWS, paper", False, None),
    Port("127.0.0.1", 7496, "TWS, live", True, None),
    Port("127.0.0.1", 4002, "IB Gateway, paper", True, 176),
    Port("127.0.0.1", 4001, "IB Gateway, live", False, None),
)


def first_minute(engine: FakeEngine) -> None:
    """Nothing was ever synced, and nothing answers."""
    engine.environment = None
    engine.stats = SyncStats()
    reads = engine.reads
    reads.position_rows, reads.account_rows, reads.hold_rows, reads.run_rows = [], [], [], []
    reads.entry_rows = []
    engine.go_offline(Phase.RECONNECTING)


async def test_a_still_notices_a_character_and_a_colour(
    running: Running, clock: FixedClock
) -> None:
    async with running((80, 24)) as pilot:
        rows = picture(pilot)
    other_text = [[("x", looks) for _, looks in row] for row in rows]
    other_look = [[(text, "red") for text, _ in row] for row in rows]
    assert difference(still([rows]), still([rows])) == ""
    assert difference(still([rows]), still([other_text])) != ""
    assert difference(still([rows]), still([other_look])) != ""
