"""From the command line to a call, and from an error to a line that says what to do."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from possync_tui import logs, paths
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.options import given_settings
from possync_tui.cli.render import Output
from possync_tui.cli.screen_settings import wrong_theme
from possync_tui.domain.text import mask_accounts, printable
from possync_tui.ledger.port import LedgerError
from possync_tui.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from argparse import Namespace

logger = logging.getLogger(__name__)

# On the dashboard's screen log lines have no place; these commands are its two forms.
_ON_SCREEN = frozenset({"dashboard", "demo"})
_LOGGED = frozenset({*_ON_SCREEN, "sync", "watch", "review", "import-flex"})
# There `--account` says which rows to show, and `--port` where the simulated TWS listens.
_NOT_SETTINGS = {"positions": "--account", "pnl": "--account", "demo": "--port"}


def make_call(arguments: "Namespace", command: str) -> Call:
    """Read the settings, begin to log."""
    try:
        settings = read_settings(arguments, command)
    except SettingsError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from error
    possync = settings.possync
    logs.configure(
        possync.log_level,
        mask=possync.mask_accounts,
        stderr_level=_stderr_level(command, getattr(arguments, "verbose", 0)),
        to_file=command in _LOGGED,
    )
    form = getattr(arguments, "format", "table")
    return Call(arguments, settings, Output(form, mask=possync.mask_accounts))


def read_settings(arguments: "Namespace", command: str) -> Settings:
    """Options, environment and `.env` file. Raises `SettingsError`."""
    env_file = getattr(arguments, "env_file", None)
    settings = load(
        given_settings(arguments, leave_out=_NOT_SETTINGS.get(command, "")),
        env_file=Path(env_file).expanduser() if env_file else None,
    )
    # One in a file is told by the dashboard, which opens all the same; this one was typed just now.
    if getattr(arguments, "theme", None) and (wrong := wrong_theme(settings)):
        raise SettingsError(f"option --theme: {printable(wrong)}")
    return settings


def _stderr_level(command: str, verbosity: int) -> int | None:
    """A command says in its last line what went wrong, and `watch` tells the rest on stdout."""
    if command in _ON_SCREEN or not verbosity:
        return None
    return logging.INFO if verbosity == 1 else logging.DEBUG


def in_words(error: Exception, *, mask: bool) -> Exception:
    """A failure that the user can do something about as such; anything else as it is."""
    # Here, because commands that read the ledger have no use for the broker's port.
    from possync_tui.broker.port import BrokerError, SnapshotRefused

    match error:
        case CommandFailed(code=code):
            pass
        case LedgerError():
            code = Exit.LEDGER
        case SnapshotRefused():
            code = Exit.REFUSED
        case BrokerError():
            code = Exit.BROKER
        case _:
            return error
    message = printable(str(error))
    return CommandFailed(code, mask_accounts(message) if mask else message)


def report_unexpected(error: Exception) -> str:
    """Log a bug with its traceback; what to tell the user is one line."""
    if not any(isinstance(h, logging.FileHandler) for h in logging.getLogger().handlers):
        # Masked, since what failed may have been the reading of what the user wants.
        logs.configure("INFO", mask=True, stderr_level=None)
    logger.error("unexpected failure", exc_info=error)
    return f"unexpected {type(error).__name__}; the log has the details: {paths.log_file()}"
