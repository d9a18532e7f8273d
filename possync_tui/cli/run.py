"""One command, from its words to its exit code; no traceback ever reaches the user."""

import gc
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from possync_tui.cli import first_paint
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.domain.text import printable

if TYPE_CHECKING:
    from argparse import Namespace

    from possync_tui.cli.call import Call


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _tolerate_narrow_encodings()
    arguments = _parse(words)
    try:
        return int(_run(arguments))
    except CommandFailed as failed:
        _complain(str(failed))
        return int(failed.code)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - logged, and told in one line
        from possync_tui.cli.reporting import report_unexpected

        _complain(report_unexpected(error))
        return int(Exit.UNEXPECTED)


def _parse(words: Sequence[str]) -> "Namespace":
    """What was asked for; where nothing was, no command line has to be built to know it."""
    if not words:
        from types import SimpleNamespace

        # Like a `Namespace` in all that anybody asks of one, and nothing has to be loaded for it.
        return cast("Namespace", SimpleNamespace(command=None))
    from possync_tui.cli import parser

    return parser.build().parse_args(words)


def _run(arguments: "Namespace") -> int:
    command: str = arguments.command or "dashboard"
    if command == "gateway":
        # It needs no settings, and starts faster without them.
        from possync_tui.cli.gateway import gateway

        return gateway(arguments)
    if command == "doctor":
        from possync_tui.cli.doctor import doctor

        return doctor(arguments)
    if command in ("dashboard", "demo"):
        # Until all is loaded (`coming` ends this) there is nothing to find, and much to look at.
        gc.disable()
    from possync_tui.cli.reporting import in_words, make_call

    call = make_call(arguments, command)
    try:
        return _handler(command)(call)
    except Exception as error:
        raise in_words(error, mask=call.out.masks_accounts) from error


def _handler(command: str) -> "Callable[[Call], int]":
    """What runs `command`. Only the modules that it needs are loaded."""
    match command:
        case "dashboard" | "demo":
            from possync_tui.cli import dashboard

            return dashboard.demo if command == "demo" else dashboard.dashboard
        case "sync" | "watch":
            from possync_tui.cli import online

            return online.sync if command == "sync" else online.watch
        case "status":
            from possync_tui.cli.status import status

            return status
        case "review":
            from possync_tui.cli.review import review

            return review
        case "import-flex":
            from possync_tui.cli.import_flex import import_flex

            return import_flex
        case "positions":
            from possync_tui.cli.positions import positions

            return positions
        case "pnl":
            from possync_tui.cli.pnl import pnl

            return pnl
        case _:
            from possync_tui.cli import reads

            return reads.COMMANDS[command]


def _complain(message: str) -> None:
    """One line on stderr, on the screen that the user will see."""
    first_paint.leave()
    line = printable(" ".join(message.split()))
    print(f"possync-tui: {line}", file=sys.stderr)  # noqa: T201 - this is the place for it


def _tolerate_narrow_encodings() -> None:
    """A sign that the terminal's encoding lacks becomes `?`, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
