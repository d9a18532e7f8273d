"""The dashboard, on TWS or on the simulated one, around an engine that outlives its screen."""

import asyncio
import logging
import sys
from io import StringIO
from typing import TYPE_CHECKING

from possync_tui import paths
from possync_tui.cli import compose
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.gateway import child_gateway, port_number
from possync_tui.cli.online import running
from possync_tui.cli.stopping import ignore_signals, run_until_signal
from possync_tui.cli.trouble import Trouble
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.text import printable

if TYPE_CHECKING:
    from possync_tui.sync.engine import Engine
    from possync_tui.tui.app import PossyncApp
    from possync_tui.tui.keymap import Keymap

_SOON = 0.05

logger = logging.getLogger(__name__)


_DEMO_DELAY = 1.0


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
    """Textual reads the keys from standard input and draws on standard error."""
    for stream in (sys.__stdin__, sys.__stderr__):
        if stream is None or stream.closed or not stream.isatty():
            raise CommandFailed(
                Exit.USAGE, "the dashboard needs a terminal; `possync-tui watch` runs without one"
            )


async def _dashboard(call: Call, keymap: "Keymap") -> int:
    engine = compose.engine(call.settings, fallback_read_only=True)
    return await _show(call, engine, "TWS", keymap)


async def _demo(call: Call, keymap: "Keymap") -> int:
    arguments = call.arguments
    from possync_tui.ledger.fresh import start_over

    ledger = call.settings.possync.ledger
    if getattr(arguments, "ledger", None) is None:
        # The simulated desk begins anew at every start, and so has its ledger to.
        ledger = await asyncio.to_thread(start_over, paths.demo_ledger(beside=ledger))
    port = port_number(getattr(arguments, "port", "0"))
    async with child_gateway(port=port, seed=arguments.seed) as real_port:
        engine = compose.engine(
            call.settings,
            ledger_path=ledger,
            host="127.0.0.1",
            port=real_port,
            environment=Environment.DEMO,
            initial_delay=_DEMO_DELAY,
            fallback_read_only=True,
        )
        return await _show(call, engine, "simulated TWS", keymap)


async def _show(call: Call, engine: "Engine", label: str, keymap: "Keymap") -> int:
    from possync_tui.tui.app import PossyncApp

    possync = call.settings.possync
    trouble = Trouble(engine, frozenset({Phase.FAILED}))
    async with running(engine):
        app = PossyncApp(
            engine,
            clock=SystemClock(),
            theme=possync.theme,
            mask_accounts=possync.mask_accounts,
            label=label,
            keymap=keymap,
            state_folder=paths.state_folder(),
        )
        # Textual prints the traceback of a crash there; it belongs in the log.
        app.error_console.file = StringIO()
        judging = asyncio.create_task(_leave_if_foreign(app, trouble))
        # It handles signals itself while it is on the screen.
        await app.run_async()
        # From here on the engine is stopping, which a second signal should not cut short.
        ignore_signals()
        if judging.done():
            raise judging.result()
        judging.cancel()
    return _exit_code(app)


def _check_keys(call: Call) -> "Keymap":
    """The keys of the user's choice, each of them free. Loads Textual."""
    from possync_tui.tui.key_check import check
    from possync_tui.tui.keymap import KeymapError, keymap_of

    try:
        return check(keymap_of(call.settings.possync.keys))
    except KeymapError as error:
        raise CommandFailed(Exit.USAGE, f"POSSYNC_KEYS: {printable(str(error))}") from error


async def _leave_if_foreign(app: "PossyncApp", trouble: Trouble) -> CommandFailed:
    """A ledger of another environment is the one trouble that a dashboard cannot sit out."""
    failure = await trouble.failure()
    while failure.code is not Exit.LEDGER:
        failure = await trouble.failure()
    while not app.is_running:  # noqa: ASYNC110 - Textual has no event for this
        await asyncio.sleep(_SOON)
    app.exit(return_code=failure.code)
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
