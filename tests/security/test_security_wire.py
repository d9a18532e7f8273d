"""What is on the wire, as the simulated TWS received it: every command, every key, every click."""

import argparse
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.requests import ALLOWED_REQUESTS
from possync_tui.broker.session import IbkrBroker
from possync_tui.cli import main, parser
from possync_tui.demo import BackgroundOptions, DemoGateway, GatewayOptions, default_desk
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment
from possync_tui.ledger.port import LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy
from possync_tui.tui import actions
from possync_tui.tui.app import PossyncApp
from tests.cli.conftest import Gateway, Home, gateway, home

__all__ = ["gateway", "home"]

NAMES = frozenset(ALLOWED_REQUESTS.values())
# Asked on every session; the rest depends on what a session has time for.
USUAL = {"startApi", "reqPositions", "reqExecutions", "reqCurrentTime"}


@pytest.fixture
def own_process(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The program's folders for commands run in this process; its logging is put back."""
    for name, value in home.environ.items():
        if name.startswith(("XDG_", "HOME")):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.folder)
    root, own = logging.getLogger(), logging.getLogger("possync_tui")
    kept = (tuple(root.handlers), root.level, own.level, logging.raiseExceptions)
    root.handlers.clear()
    yield home
    for handler in tuple(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:], (root.level, own.level, logging.raiseExceptions) = kept[0], kept[1:]


COMMANDS = {
    "sync": ["sync"],
    "status": ["status"],
    "positions": ["positions", "--all"],
    "pnl": ["pnl"],
    "runs": ["runs"],
    "review": ["review"],
    "import-flex": ["import-flex", "no such file"],
    "verify": ["verify"],
    "doctor": ["doctor"],
}
# The loop and the dashboard are below; the last two have a simulated TWS of their own.
ELSEWHERE = {"watch", "demo", "gateway"}
OFFLINE = {"positions", "pnl", "runs", "review", "import-flex", "verify"}


def commands() -> set[str]:
    """What the command line offers."""
    (found,) = [
        action
        for action in parser.build()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return set(found.choices)


def test_every_command_asks_only_for_what_is_listed(own_process: Home, gateway: Gateway) -> None:
    assert commands() == COMMANDS.keys() | ELSEWHERE
    for name, arguments in COMMANDS.items():
        code = main([*arguments, *(() if name in OFFLINE else ("--port", gateway.port))])
        assert code == (2 if name == "import-flex" else 0), name
    watching = own_process.start("watch", "--json", "--port", gateway.port, "--initial-delay", "0")
    assert watching.stdout is not None
    while '"sync"' not in watching.stdout.readline():
        pass
    gateway.do(do="close", account="DU1000001", con_id=265598)
    gateway.do(do="notice", code=1102)
    while '"sync"' not in watching.stdout.readline():
        pass
    watching.terminate()
    watching.communicate()
    state = gateway.do(do="state")
    assert set(state["requests"]) <= NAMES
    assert set(state["requests"]) >= USUAL
    assert state["orders_refused"] == 0


@asynccontextmanager
async def dashboard_on(gateway: DemoGateway, folder: Path) -> AsyncIterator[Pilot[None]]:
    """The dashboard with all that is behind it, as the program composes it."""

    async def opened() -> LedgerPort:
        return await open_ledger(folder / "ledger.sqlite3", clock=SystemClock())

    engine = Engine(
        broker=IbkrBroker(SessionOptions(port=gateway.port, portfolio_interval=0.2)),
        open_ledger=opened,
        policy=SyncPolicy(initial_delay=0.1, debounce=0.1),
        clock=SystemClock(),
        environment=Environment.DEMO,
    )

    async def probe() -> tuple[()]:
        return ()

    await engine.start()
    try:
        app = PossyncApp(engine, clock=SystemClock(), state_folder=folder / "state", probe=probe)
        async with app.run_test(size=(80, 24)) as pilot:
            while not engine.stats.successful_syncs:
                await pilot.pause(0.05)
            yield pilot
    finally:
        await engine.stop()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press, and let happen what then happens; nobody looks at the screen."""
    for key in keys:
        pilot.app.simulate_key(key)
        await pilot.pause(0.02)


# What opens a screen, and the deeds that are that screen's own.
SCREENS = {
    "": actions.DASHBOARD_DEEDS,
    "p": actions.REALIZED_DEEDS,
    "v": actions.REVIEW_DEEDS,
    "d": (),
    "r": (),
    "C": actions.FIRST_LOOK_DEEDS,
    "enter": actions.LIFE_DEEDS,
}
# They end or stop the program; and nothing is asked of TWS by that.
ENDS = {"quit", "suspend", "connect", "demo"}


async def test_every_key_asks_only_for_what_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pictures and exports go to where the program was started.
    monkeypatch.chdir(tmp_path)
    background = BackgroundOptions(seed=3, tick_interval=0.3, trade_interval=(0.5, 1.0))
    gateway = DemoGateway(default_desk(seed=3), options=GatewayOptions(background=background))
    await gateway.start()
    pressed: set[str] = set()
    async with dashboard_on(gateway, tmp_path) as pilot:
        for opener, own in SCREENS.items():
            # What works everywhere is tried on the dashboard, and on each screen what is its own.
            deeds = own if opener else (*actions.DEEDS, *own)
            for deed in deeds:
                if deed.id in ENDS:
                    continue
                if opener:
                    await press(pilot, opener)
                for key in deed.keys.split(","):
                    await press(pilot, key)
                    # Where it asks something, the answer is yes.
                    if len(pilot.app.screen_stack) > (2 if opener else 1):
                        await press(pilot, "enter")
                pressed.add(deed.id)
                while len(pilot.app.screen_stack) > 1:
                    await press(pilot, "escape")
        await press(pilot, "p", "enter")
        for deed in actions.ENTRY_DEEDS:
            await press(pilot, deed.keys)
            pressed.add(deed.id)
        assert pilot.app.is_running
    await gateway.stop()
    assert pressed == actions.PLACES.keys() - ENDS
    names = [request.name for request in gateway.requests_seen]
    assert set(names) == NAMES
    assert names.count("reqPositions") > 1, "the keys have worked"
    assert gateway.orders_refused == 0
