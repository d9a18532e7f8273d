"""Every command and every key, once: what TWS was asked, what was shown, which files were left.

Account numbers are masked meanwhile, and the umask allows everything to everybody.
"""

import argparse
import logging
import os
import re
import stat
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
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
from possync_tui.paths import make_private_folder
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy
from possync_tui.tui import actions
from possync_tui.tui.app import PossyncApp
from tests.cli.conftest import Gateway, Home, gateway, home
from tests.flex.build import Sheet, write
from tests.tui.conftest import app_of, screen_text

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
    monkeypatch.setenv("POSSYNC_MASK_ACCOUNTS", "true")
    home.environ["POSSYNC_MASK_ACCOUNTS"] = "true"
    before = os.umask(0)
    root, own = logging.getLogger(), logging.getLogger("possync_tui")
    kept = (tuple(root.handlers), root.level, own.level, logging.raiseExceptions)
    root.handlers.clear()
    yield home
    for handler in tuple(root.handlers):
        root.removeHandler(handler)
        handler.close()
    os.umask(before)
    root.handlers[:], (root.level, own.level, logging.raiseExceptions) = kept[0], kept[1:]


ACCOUNTS = ("DU1000001", "DU1000002", "DU1000009", "U0000001")
COMMANDS = {
    "sync": ["sync"],
    "status": ["status"],
    "positions": ["positions", "--all"],
    "pnl": ["pnl"],
    "runs": ["runs"],
    "review": ["review"],
    "import-flex": ["import-flex"],
    "verify": ["verify"],
    "doctor": ["doctor"],
}
# The loop and the dashboard are below; the last two have a simulated TWS of their own.
ELSEWHERE = {"watch", "demo", "gateway"}
OFFLINE = {"positions", "pnl", "runs", "review", "import-flex", "verify"}


def assert_masked(text: str, accounts: Iterable[str], where: str) -> None:
    """No account number, nor the digits that tell it."""
    for code in accounts:
        # The digits alone, too, but not somewhere in a duration.
        shown = re.compile(rf"{code}|(?<![0-9.]){code[2:]}(?![0-9])")
        line = next((line for line in text.splitlines() if shown.search(line)), None)
        assert line is None, f"{where} shows {code}: {line}"


def assert_private(*folders: Path) -> set[str]:
    """All of it the owner's alone, the folders too; the names of the files."""
    names: set[str] = set()
    for path in (found for folder in folders for found in (folder, *folder.rglob("*"))):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} is {mode:o}"
        names.add(path.name)
    return names


def commands() -> set[str]:
    """What the command line offers."""
    (found,) = [
        action
        for action in parser.build()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return set(found.choices)


def test_every_command(
    own_process: Home, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands() == COMMANDS.keys() | ELSEWHERE
    statement = write(own_process.folder / "U0000001_DU1000001.xml", Sheet(account="DU1000009"))
    for name, arguments in COMMANDS.items():
        for form in ("table", "json", "csv"):
            more = () if name in OFFLINE else ("--port", gateway.port)
            files = (str(statement),) if name == "import-flex" else ()
            code = main([*arguments, *files, "--format", form, "-vv", *more])
            assert code == (2 if files else 0), name
            shown = capsys.readouterr()
            assert_masked(shown.out + shown.err, ACCOUNTS, f"{name} --format {form}")
    for wrong in (["positions", "--account", "DU1000009"], ["sync", "--account", "DU1000001 7"]):
        assert main([*wrong, "--mask-accounts"]) == 2
        shown = capsys.readouterr()
        assert_masked(shown.out + shown.err, ACCOUNTS, " ".join(wrong))
    watching = own_process.start("watch", "--json", "--port", gateway.port, "--initial-delay", "0")
    assert watching.stdout is not None
    lines = [watching.stdout.readline()]
    while '"committed"' not in lines[-1]:
        lines.append(watching.stdout.readline())
    gateway.do(do="close", account="DU1000001", con_id=265598)
    gateway.do(do="notice", code=321, text="of account DU1000002, all is well")
    gateway.do(do="notice", code=1102)
    lines.append("")
    while '"committed"' not in lines[-1]:
        lines.append(watching.stdout.readline())
    watching.terminate()
    watching.communicate()
    assert_masked("".join(lines), ACCOUNTS, "watch")
    log = own_process.log.read_text()
    assert "DU•••••02, all is well" in log, log
    assert_masked(log, ACCOUNTS, "the log")
    names = assert_private(own_process.folder / "data", own_process.folder / "state")
    assert names >= {"ledger.sqlite3", "ledger.sqlite3.lock", "possync-tui.log"}
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
        app = PossyncApp(
            engine,
            mask_accounts=True,
            clock=SystemClock(),
            state_folder=folder / "state",
            probe=probe,
        )
        async with app.run_test(size=(80, 24)) as pilot:
            while not engine.stats.successful_syncs:
                await pilot.pause(0.05)
            yield pilot
    finally:
        await engine.stop()


async def press(pilot: Pilot[None], accounts: Sequence[str], *keys: str) -> None:
    """Press, let happen what then happens, and look whether a number is shown."""
    for key in keys:
        pilot.app.simulate_key(key)
        await pilot.pause(0.02)
        assert_masked(screen_text(pilot), accounts, f"{key!r} on {pilot.app.screen}")
        assert_masked(f"{pilot.app.title} {pilot.app.sub_title}", accounts, "the title")


# What opens a screen, and the deeds that are that screen's own.
SCREENS = {
    "": (*actions.DASHBOARD_DEEDS, *actions.LOG_DEEDS),
    "p": actions.REALIZED_DEEDS,
    "v": actions.REVIEW_DEEDS,
    "d": (),
    "r": (),
    "C": actions.FIRST_LOOK_DEEDS,
    "enter": actions.LIFE_DEEDS,
}
# They end or stop the program, or end the masking; and nothing is asked of TWS by that.
ENDS = {"quit", "suspend", "connect", "demo", "mask"}
# What only the dialog about a missing position asks, and nothing is missing here.
ASKED = {"transfer"}
# What disconnects: by the second time it is over.
TWICE = {"pause", "reconnect"}


async def test_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    background = BackgroundOptions(seed=3, tick_interval=0.3, trade_interval=(0.5, 1.0))
    gateway = DemoGateway(default_desk(seed=3), options=GatewayOptions(background=background))
    await gateway.start()
    accounts = tuple(gateway.desk.accounts)
    # Pictures and exports go to where the program was started.
    folder = tmp_path / "new" / "here"
    before = os.umask(0)
    try:
        make_private_folder(folder)
        monkeypatch.chdir(folder)
        async with dashboard_on(gateway, folder) as pilot:
            pressed = await press_everything(pilot, accounts)
            assert pilot.app.is_running
            assert_masked(pilot.app.clipboard, accounts, "the clipboard")
            names = assert_private(tmp_path / "new")
    finally:
        os.umask(before)
        await gateway.stop()
    assert pressed == actions.PLACES.keys() - ENDS - ASKED
    asked = [request.name for request in gateway.requests_seen]
    assert USUAL | {"reqAccountUpdates", "reqPnLSingle"} <= set(asked) <= NAMES
    assert asked.count("reqPositions") > 1, "the keys have worked"
    assert gateway.orders_refused == 0
    assert names >= {"ledger.sqlite3", "choices.json", "copied.csv"}
    written = [path for path in folder.rglob("*") if path.suffix in (".svg", ".csv")]
    assert {path.suffix for path in written} == {".svg", ".csv"}
    for path in written:
        assert_masked(path.read_text(encoding="utf-8"), accounts, path.name)


async def press_everything(pilot: Pilot[None], accounts: Sequence[str]) -> set[str]:
    """Each deed where it is done; its id, for those that were."""
    pressed: set[str] = set()
    for opener, own in SCREENS.items():
        # What works everywhere is tried on the dashboard, and on each screen what is its own.
        for deed in own if opener else (*actions.DEEDS, *own):
            if deed.id in ENDS:
                continue
            if opener:
                await press(pilot, accounts, opener)
            for key in (deed.keys, deed.keys) if deed.id in TWICE else deed.keys.split(","):
                await press(pilot, accounts, key)
                # Where it asks something, the answer is yes.
                if len(pilot.app.screen_stack) > (2 if opener else 1):
                    await press(pilot, accounts, "enter")
            while deed.id in TWICE and not app_of(pilot).desk.is_live:
                await pilot.pause(0.05)
            pressed.add(deed.id)
            while len(pilot.app.screen_stack) > 1:
                await press(pilot, accounts, "escape")
    await press(pilot, accounts, "p", "enter")
    for deed in actions.ENTRY_DEEDS:
        await press(pilot, accounts, deed.keys)
        pressed.add(deed.id)
    await press(pilot, accounts, "escape", "escape", "ctrl+p", *"DU")
    await pilot.pause(0.3)
    await press(pilot, accounts, "down")
    return pressed
