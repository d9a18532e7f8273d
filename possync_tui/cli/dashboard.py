"""The dashboard, on TWS or on the simulated one, around an engine that outlives its screen."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from possync_tui import paths
from possync_tui.cli import compose, first_paint
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.gateway import child_gateway, port_number
from possync_tui.cli.stopping import ignore_signals, run_until_signal
from possync_tui.cli.trouble import Trouble
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.text import printable

if TYPE_CHECKING:
    from possync_tui.cli.coming import EngineToCome
    from possync_tui.domain.first_look import Port
    from possync_tui.tui.app import PossyncApp
    from possync_tui.tui.desk import Probe
    from possync_tui.tui.keymap import Keymap
    from possync_tui.tui.themes import UserThemes
    from possync_tui.tui.wishes import ConnectTo, Wish

_SOON = 0.05

logger = logging.getLogger(__name__)


_DEMO_DELAY = 1.0
_DEMO_SEED = 1


def dashboard(call: Call) -> int:
    """The dashboard on the trader's own account."""
    keymap = _check_keys(call)
    _need_terminal()
    return asyncio.run(run_until_signal(_dashboard(call, keymap)))


def demo(call: Call) -> int:
    """The dashboard on a simulated TWS, with a ledger of its own."""
    port_number(getattr(call.arguments, "port", "0"))
    keymap = _check_keys(call)
    _need_terminal()
    return asyncio.run(run_until_signal(_demo(call, keymap)))


def _need_terminal() -> None:
    """Textual reads the keys from standard input and draws on standard error.

    The size it takes from standard output: with a pipe there it never comes to rest. Another
    driver, such as the one that textual-serve names to draw in a browser, has pipes everywhere.
    """
    if os.environ.get("TEXTUAL_DRIVER"):
        return
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        if stream is None or stream.closed or not stream.isatty():
            raise CommandFailed(
                Exit.USAGE, "the dashboard needs a terminal; `possync-tui watch` runs without one"
            )
    for name in ("COLUMNS", "LINES"):
        # Exported by a shell's start-up file they would stand for the size of the window for good.
        os.environ.pop(name, None)


async def _dashboard(call: Call, keymap: "Keymap") -> int:
    """The dashboard, and what the user chose in its place while TWS was not found."""
    from possync_tui.tui.wishes import ConnectTo, StartDemo

    ibkr = call.settings.ibkr
    place = ConnectTo(ibkr.host, ibkr.port)
    while True:
        where = compose.Place(host=place.host, port=place.port)
        code, wish = await _show(call, where, "TWS", keymap, partial(_look_around, place))
        match wish:
            case ConnectTo():
                place = wish
            case StartDemo():
                return await _simulated(call, keymap, seed=_DEMO_SEED, port=0, ledger=None)
            case _:
                return code


async def _demo(call: Call, keymap: "Keymap") -> int:
    arguments = call.arguments
    has_own = getattr(arguments, "ledger", None) is not None
    return await _simulated(
        call,
        keymap,
        seed=arguments.seed,
        port=port_number(getattr(arguments, "port", "0")),
        ledger=call.settings.possync.ledger if has_own else None,
    )


async def _simulated(
    call: Call, keymap: "Keymap", *, seed: int, port: int, ledger: Path | None
) -> int:
    """The dashboard on a simulated TWS; without a ledger to go on with, in a fresh one."""
    from possync_tui.ledger.fresh import start_over

    if ledger is None:
        # The simulated desk begins anew at every start, and so has its ledger to.
        beside = call.settings.possync.ledger
        ledger = await asyncio.to_thread(start_over, paths.demo_ledger(beside=beside))
    async with child_gateway(port=port, seed=seed) as real_port:
        where = compose.Place(ledger, "127.0.0.1", real_port, Environment.DEMO, _DEMO_DELAY)
        return (await _show(call, where, "simulated TWS", keymap))[0]


async def _look_around(place: "ConnectTo") -> "Sequence[Port]":
    from possync_tui.broker.probe import look_around

    return await look_around(place.host, place.port)


async def _show(
    call: Call, place: compose.Place, label: str, keymap: "Keymap", probe: "Probe | None" = None
) -> tuple[int, "Wish | None"]:
    """The dashboard until it is left: the exit code, and what the user wants instead of it."""
    from possync_tui.cli.keep_outline import OutlineKeeper
    from possync_tui.ledger.glance import glance
    from possync_tui.tui.app import PossyncApp
    from possync_tui.tui.desk import RUNS_READ, first_picture, midnight_before

    possync = call.settings.possync
    clock = SystemClock()
    ledger, now = place.ledger or possync.ledger, clock.now()
    seen = await asyncio.to_thread(glance, ledger, RUNS_READ, midnight_before(now))
    outlines = OutlineKeeper(call, is_own=place.ledger is None)
    engine = compose.engine_to_come(call.settings, place, seen)
    trouble = Trouble(engine, frozenset({Phase.FAILED}))
    try:
        app = PossyncApp(
            engine,
            clock=clock,
            theme=possync.theme,
            mask_accounts=possync.mask_accounts,
            label=label,
            keymap=keymap,
            state_folder=paths.state_folder(),
            export_folder=possync.exports,
            themes=_own_themes(),
            probe=probe,
            picture=None if seen is None else first_picture(seen, now),
            painted=first_paint.now_up(),
            keep_outline=outlines.keep,
        )
        # Textual prints the traceback of a crash there; it belongs in the log.
        app.error_console.file = StringIO()
        judging = asyncio.create_task(_leave_if_hopeless(app, engine, trouble))
        # It handles signals itself while it is on the screen.
        await app.run_async()
        # From here on the engine is stopping, which a second signal should not cut short; where
        # another dashboard follows, a signal in between ends the program as it would any other.
        if app.wish is None:
            ignore_signals()
        if judging.done():
            raise judging.result()
        judging.cancel()
    finally:
        await engine.stop()
    return _exit_code(app), app.wish


def _own_themes() -> "UserThemes | None":
    folder = paths.themes_folder()
    if not folder.is_dir():
        return None
    from possync_tui.tui.user_themes import read_themes

    return read_themes(folder)


def _check_keys(call: Call) -> "Keymap":
    """The keys of the user's choice, each of them free. Loads Textual."""
    from possync_tui.tui.keymap import KeymapError, keymap_of

    try:
        keymap = keymap_of(call.settings.possync.keys)
        if not keymap.keys:
            return keymap
        from possync_tui.tui.key_check import check

        return check(keymap)
    except KeymapError as error:
        raise CommandFailed(Exit.USAGE, f"POSSYNC_KEYS: {printable(str(error))}") from error


async def _leave_if_hopeless(
    app: "PossyncApp", engine: "EngineToCome", trouble: Trouble
) -> Exception:
    """A ledger that cannot be used, or is of another environment, no dashboard can sit out."""
    failure = await _no_ledger(engine) or await _foreign(trouble)
    while not app.is_running:  # noqa: ASYNC110 - Textual has no event for this
        await asyncio.sleep(_SOON)
    app.exit(return_code=Exit.LEDGER)
    return failure


async def _no_ledger(engine: "EngineToCome") -> Exception | None:
    """What keeps the engine from starting."""
    try:
        await engine.started()
    except Exception as error:  # noqa: BLE001 - told by who ends the program
        return error
    return None


async def _foreign(trouble: Trouble) -> CommandFailed:
    failure = await trouble.failure()
    while failure.code is not Exit.LEDGER:
        failure = await trouble.failure()
    return failure


def _exit_code(app: "PossyncApp") -> int:
    """The app's own, unless it crashed: then it returned as if nothing were wrong."""
    code = app.return_code or 0
    if code == Exit.UNEXPECTED:
        logger.error("the dashboard failed", exc_info=app._exception)
        raise CommandFailed(
            Exit.UNEXPECTED, f"the dashboard failed unexpectedly; see {paths.log_file()}"
        )
    return code
