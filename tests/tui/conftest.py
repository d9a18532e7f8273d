"""An app on a fake engine, run without a terminal."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from possync_tui.domain.first_look import Port
from possync_tui.tui import bridge
from possync_tui.tui.app import SYNC_LOOP, PossyncApp
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.themes import UserThemes
from tests.tui.fake_engine import FakeEngine, FixedClock

LASTING = (SYNC_LOOP, "sync")
Running = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture(autouse=True)
def utc_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times on screen are in the user's zone: here that is UTC."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def quick_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait for what a human eye would not miss."""
    monkeypatch.setattr(bridge, "MOST_GAP", 0.01)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def engine(clock: FixedClock) -> FakeEngine:
    return FakeEngine(clock)


@pytest.fixture
def running(engine: FakeEngine, clock: FixedClock) -> Running:
    """Start the app; the first reading of the ledger is on screen."""

    @asynccontextmanager
    async def run(
        size: tuple[int, int] = (140, 40),
        *,
        theme: str | None = None,
        mask_accounts: bool = False,
        label: str = "",
        keymap: Keymap | None = None,
        state_folder: Path | None = None,
        export_folder: Path | None = None,
        themes: UserThemes | None = None,
        ports: Sequence[Port] | None = None,
    ) -> AsyncIterator[Pilot[None]]:
        async def probe() -> Sequence[Port]:
            return ports or ()

        app = PossyncApp(
            engine,
            clock=clock,
            theme=theme,
            mask_accounts=mask_accounts,
            label=label,
            keymap=keymap,
            state_folder=state_folder,
            export_folder=export_folder,
            themes=themes,
            probe=None if ports is None else probe,
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            yield pilot
        engine.stop()

    return run


async def settle(pilot: Pilot[None], looks: int = 3) -> None:
    """Let work that was started, its messages and the paint of them finish."""
    at_rest = 0
    for _ in range(500):
        await pilot.pause(0.012)
        await _turns()
        at_rest = at_rest + 1 if _is_at_rest(pilot) else 0
        if at_rest == looks:
            break


def _is_at_rest(pilot: Pilot[None]) -> bool:
    """Whether no work is left, nor any that has yet to begin."""
    if isinstance(pilot.app, PossyncApp) and not pilot.app.has_begun:
        return False
    return all(work.is_finished for work in pilot.app.workers if work.name not in LASTING)


async def _turns() -> None:
    """Give the loop turns, not only time: where the machine is busy, a sleep may be over at once,
    and what was pressed has not come to start its work yet."""
    for _ in range(20):
        await asyncio.sleep(0)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one by one, each when what the one before began is done.

    The pilot's own way waits until the processor idles, twice a key.
    """
    for key in keys:
        pilot.app.simulate_key(key)
        await settle(pilot, looks=1)
    await settle(pilot)


def app_of(pilot: Pilot[None]) -> PossyncApp:
    assert isinstance(pilot.app, PossyncApp)
    return pilot.app


def dashboard(pilot: Pilot[None]) -> DashboardScreen:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, DashboardScreen)
    return screen


def screen_text(pilot: Pilot[None]) -> str:
    """What stands on the screen, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
