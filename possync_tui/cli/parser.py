"""The command line: subcommands and their options."""

import re
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NoReturn, TypeAlias

from possync_tui import __version__
from possync_tui.cli.options import add_settings

FORMATS = ("table", "json", "csv")
GROUPINGS = ("day", "week", "month", "year", "symbol", "account", "currency", "quality")
METHODS = ("average", "fifo")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d", re.ASCII)
QUALITIES = ("EXACT", "PENDING_COMMISSION", "ESTIMATED", "MANUAL")

_EXIT_CODES = """\
exit codes:
  0  done             3  broker unreachable or lost            5  ledger unusable
  2  usage, settings  4  snapshot refused, nothing written     6  done, something held for review
"""


class _Parser(ArgumentParser):
    """An error is one line, as everywhere in this program."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (try --help)\n")


_Commands: TypeAlias = "_SubParsersAction[_Parser]"


def build() -> ArgumentParser:
    """The whole command line. Options are accepted before and after the subcommand."""
    parser = _Parser(
        prog="possync-tui",
        description="Keeps a local SQLite ledger equal to your Interactive Brokers positions. "
        "Without a command it opens the dashboard.",
        epilog=_EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"possync-tui {__version__}")
    _add_common(parser, "broker account loop sync cost screen")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands", dest="command")
    _add_screens(commands)
    _add_syncs(commands)
    _add_reads(commands)
    _add_checks(commands)
    _add_import(commands)
    _add_gateway(commands)
    return parser


def _command(
    commands: _Commands,
    name: str,
    text: str,
    topics: str = "",
    *,
    leave_out: str = "",
    more: str = "",
) -> _Parser:
    parser = commands.add_parser(name, help=text, description=more or text, allow_abbrev=False)
    _add_common(parser, topics, leave_out=leave_out)
    return parser


def _add_common(parser: ArgumentParser, topics: str, *, leave_out: str = "") -> None:
    output = parser.add_argument_group("output")
    output.add_argument(
        "--format", choices=FORMATS, default=SUPPRESS, help="how tables are printed"
    )
    output.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        default=SUPPRESS,
        help="the same as --format json",
    )
    output.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=SUPPRESS,
        help="log to stderr too; -vv for every detail",
    )
    add_settings(parser, frozenset({"all", *topics.split()}), leave_out=leave_out)


def _add_screens(commands: _Commands) -> None:
    demo = _command(
        commands,
        "demo",
        "open the dashboard on a simulated TWS, with a ledger of its own",
        "loop sync cost screen",
        leave_out="--host --port",
    )
    demo.add_argument("--seed", type=int, default=1, metavar="N", help="of the simulated trading")
    demo.add_argument(
        "--port", default=SUPPRESS, metavar="PORT", help="of the simulated TWS (any free one)"
    )


def _add_syncs(commands: _Commands) -> None:
    _command(commands, "sync", "sync once, then exit", "broker account sync cost")
    _command(commands, "watch", "keep syncing without a dashboard", "broker account loop sync cost")


def _add_reads(commands: _Commands) -> None:
    _command(commands, "status", "how the sync stands, from the ledger", "broker")
    _add_positions(commands)
    _add_pnl(commands)
    runs = _command(commands, "runs", "the latest syncs")
    runs.add_argument("--limit", type=_count, default=20, metavar="N", help="how many (20)")


def _add_positions(commands: _Commands) -> None:
    positions = _command(commands, "positions", "positions of the ledger", "account")
    positions.add_argument("--all", action="store_true", help="closed ones too")
    positions.add_argument("--lots", action="store_true", help="open lots in place of positions")
    positions.add_argument(
        "--as-of",
        type=_end,
        metavar="TIME",
        help="the book as it was known then: a time, or the end of a day",
    )
    _add_method(positions)


def _add_pnl(commands: _Commands) -> None:
    pnl = _command(
        commands,
        "pnl",
        "realized P&L",
        "account",
        more="Realized P&L. Conversions of currencies (CASH) are listed, and are in no total.",
    )
    pnl.add_argument(
        "--from", dest="since", type=_start, metavar="DATE", help="first day, or a time"
    )
    pnl.add_argument(
        "--to", dest="until", type=_end, metavar="DATE", help="last day, or the time to stop before"
    )
    pnl.add_argument(
        "--symbol", metavar="SYMBOL", help="of this symbol alone, or of the position so named"
    )
    pnl.add_argument("--currency", metavar="CODE", help="in this currency alone")
    pnl.add_argument(
        "--quality", choices=QUALITIES, type=str.upper, metavar="QUALITY", help="this good alone"
    )
    pnl.add_argument("--by", choices=GROUPINGS, help="totals in place of entries")
    pnl.add_argument("--limit", type=_count, metavar="N", help="list the newest N entries alone")
    pnl.add_argument("--fills", type=_count, metavar="ID", help="the fills that an entry rests on")
    _add_method(pnl)


def _add_method(parser: _Parser) -> None:
    parser.add_argument(
        "--method", choices=METHODS, help="read by this cost method; changes nothing stored"
    )


def _add_checks(commands: _Commands) -> None:
    review = _command(commands, "review", "what is held for your word: list, accept or keep")
    review.add_argument(
        "action",
        nargs="?",
        choices=("list", "accept", "keep"),
        default="list",
        help="list (without a word), accept what is held, or keep things as they are",
    )
    review.add_argument("ids", nargs="*", type=_count, metavar="ID", help="number of the hold")
    review.add_argument("--note", default="", help="why, for the journal")
    review.add_argument(
        "--price", type=_price, metavar="P", help="accept: what a unit of it was closed at"
    )
    review.add_argument(
        "--transfer", action="store_true", help="accept: it was moved elsewhere, not closed"
    )
    review.add_argument("--all", action="store_true", help="list decided ones too")
    _command(commands, "verify", "rebuild everything from what was observed, and compare")
    _command(commands, "doctor", "check settings, ledger and ports", "broker")


def _add_import(commands: _Commands) -> None:
    flex = _command(
        commands, "import-flex", "take in IBKR Flex statements: older fills, option events, splits"
    )
    flex.add_argument("files", nargs="+", metavar="FILE", help="XML of an Activity Flex query")


def _add_gateway(commands: _Commands) -> None:
    gateway = _command(
        commands, "gateway", "serve the simulated TWS alone", leave_out="--host --port"
    )
    gateway.add_argument("--host", default=SUPPRESS, help="address to listen on, loopback only")
    gateway.add_argument(
        "--port", default=SUPPRESS, metavar="PORT", help="port to listen on (any free one)"
    )
    gateway.add_argument("--seed", type=int, default=1, metavar="N", help="of the trading")
    gateway.add_argument("--scenario", metavar="FILE", help="a desk and what happens to it")
    # For the gateway of `demo`, which must not outlive its dashboard.
    gateway.add_argument("--until-stdin-ends", action="store_true", help=SUPPRESS)


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 0 < number < 2**31:
        raise ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number


def _price(text: str) -> Decimal:
    from possync_tui.domain.word import BadPrice, parse_price

    try:
        return parse_price(text)
    except BadPrice as bad:
        raise ArgumentTypeError(str(bad)) from None


def _start(text: str) -> datetime:
    return _moment(text, is_end=False)


def _end(text: str) -> datetime:
    return _moment(text, is_end=True)


def _moment(text: str, *, is_end: bool) -> datetime:
    """A time, or a day of the user's time zone (as the last one, it counts in full)."""
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=1 if is_end else 0)
            return datetime.combine(day, time(0)).astimezone()
        # `20260131` and `2026-W05` would be read as midnights: as the last day, a day too early.
        if _TIME.match(text):
            return datetime.fromisoformat(text).astimezone()
        raise ValueError(text)
    except (ValueError, OverflowError, OSError):
        raise ArgumentTypeError(
            f"{text!r} is not a date (2026-01-31) or a time (2026-01-31T16:00)"
        ) from None
