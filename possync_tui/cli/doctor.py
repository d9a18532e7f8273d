"""`doctor`: what stands between the trader and a first sync, and what to do about it."""

import asyncio
import struct
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from possync_tui import logs, paths
from possync_tui.cli import compose
from possync_tui.cli.exits import Exit
from possync_tui.cli.render import Column, Output
from possync_tui.cli.reporting import read_settings
from possync_tui.domain.text import printable
from possync_tui.ledger.port import LedgerError
from possync_tui.settings import DEFAULT_THEME, Settings, SettingsError

_USUAL_PORTS = {
    7497: "TWS, paper",
    7496: "TWS, live",
    4002: "IB Gateway, paper",
    4001: "IB Gateway, live",
}
_SECONDS = 2.0
_LONGEST_GREETING = 200

TICK = (
    "In TWS: File > Global Configuration > API > Settings (IB Gateway: Configure > Settings > "
    "API > Settings): tick 'Enable ActiveX and Socket Clients' (TWS only); leave 'Read-Only API' "
    "ticked; set 'Socket port' to the port above; add 127.0.0.1 to 'Trusted IPs', or tick 'Allow "
    "connections from localhost only'."
)


class Verdict(StrEnum):
    """How a check went."""

    GOOD = "good"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """What answers at a port: nothing, something else, or the API of TWS."""

    host: str
    port: int
    name: str
    is_open: bool
    server_version: int | None

    @property
    def in_words(self) -> str:
        if self.server_version is not None:
            return f"the API answers (server version {self.server_version})"
        return "something listens, but not the API of TWS" if self.is_open else "closed"


_COLUMNS = (Column("name", "Check"), Column("verdict", "Verdict"), Column("detail", "Found"))


def doctor(arguments: Namespace) -> int:
    """Check everything, say what to do, and exit with the code of the first problem."""
    logs.configure("WARNING", mask=False, stderr_level=None, to_file=False)
    form = getattr(arguments, "format", "table")
    try:
        settings = read_settings(arguments, "doctor")
    except SettingsError as error:
        check = Check("settings", Verdict.PROBLEM, str(error), "Mend or remove it.")
        _print(Output(form, mask=False), [check], [])
        return Exit.USAGE
    checks, ports = asyncio.run(_examine(settings))
    _print(Output(form, mask=settings.possync.mask_accounts), checks, ports)
    failed = [check.name for check in checks if check.verdict is Verdict.PROBLEM]
    if "settings" in failed:
        return Exit.USAGE
    if "ledger" in failed:
        return Exit.LEDGER
    return Exit.BROKER if "broker" in failed else Exit.DONE


async def _examine(settings: Settings) -> tuple[list[Check], list[Port]]:
    ibkr = settings.ibkr
    names = {port: name for port, name in _USUAL_PORTS.items() if port != ibkr.port}
    configured, *others = await asyncio.gather(
        _probe(ibkr.host, ibkr.port, _USUAL_PORTS.get(ibkr.port, "as configured")),
        *(_probe(ibkr.host, port, name) for port, name in names.items()),
    )
    checks = [
        _settings_check(settings),
        await _ledger_check(settings),
        _log_check(),
        _broker_check(configured, others),
    ]
    return checks, [configured, *others]


def _settings_check(settings: Settings) -> Check:
    theme = settings.possync.theme
    if theme != DEFAULT_THEME and (names := _themes()) and theme not in names:
        wrong = (
            f"POSSYNC_THEME={theme}: there is no such theme, the dashboard takes {DEFAULT_THEME}"
        )
        return Check("settings", Verdict.PROBLEM, wrong, f"There are {', '.join(names)}.")
    found = f"read from {settings.env_file}" if settings.env_file else "no .env file is in use"
    return Check("settings", Verdict.GOOD, found)


def _themes() -> list[str]:
    """Loads Textual, which takes a while: only for a name that is not the default."""
    from possync_tui.tui.themes import theme_names

    return theme_names()


async def _ledger_check(settings: Settings) -> Check:
    path = settings.possync.ledger
    if not path.exists():
        return Check("ledger", Verdict.NOTE, f"{path} is made at the first sync")
    try:
        async with compose.ledger_to_read(settings) as ledger:
            environment = ledger.environment
            accounts = await ledger.accounts()
    except LedgerError as error:
        return Check("ledger", Verdict.PROBLEM, str(error), "Point POSSYNC_LEDGER elsewhere.")
    kept = ", ".join(account.code for account in accounts) or "no account yet"
    return Check("ledger", Verdict.GOOD, f"{path}: {environment or 'empty'}, {kept}")


def _log_check() -> Check:
    path = paths.log_file()
    return Check("log", Verdict.GOOD if path.exists() else Verdict.NOTE, str(path))


def _broker_check(configured: Port, others: list[Port]) -> Check:
    where = f"{configured.host}:{configured.port} ({configured.name}): {configured.in_words}"
    if configured.server_version is not None:
        return Check("broker", Verdict.GOOD, where)
    answering = [port for port in others if port.server_version is not None]
    if answering:
        advice = " ".join(f"{p.name} answers: set IBKR_PORT={p.port}." for p in answering)
    else:
        advice = f"Start TWS or IB Gateway and log in (paper first). {TICK}"
    return Check("broker", Verdict.PROBLEM, where, advice)


async def _probe(host: str, port: int, name: str) -> Port:
    """Greet as the API does, without logging in: TWS answers with its version at once."""
    is_open = False
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            is_open = True
            try:
                greeting = b"v100..176"
                writer.write(b"API\0" + struct.pack(">I", len(greeting)) + greeting)
                await writer.drain()
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                answer = await reader.readexactly(min(length, _LONGEST_GREETING))
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return Port(host, port, name, is_open, None)
    version = answer.partition(b"\0")[0]
    number = int(version) if version.isdigit() and len(version) < 6 else None
    return Port(host, port, name, is_open, number)


def _print(out: Output, checks: list[Check], ports: list[Port]) -> None:
    rows: list[Mapping[str, object]] = [asdict(check) for check in checks]
    match out.form:
        case "json":
            out.json({"checks": rows, "ports": [asdict(port) for port in ports]})
        case "csv":
            out.csv([*(column.key for column in _COLUMNS), "advice"], rows)
        case _:
            out.table(_COLUMNS, rows)
            for port in ports[1:]:
                out.line(f"  {port.name:<18} {port.host}:{port.port}  {port.in_words}")
            for check in checks:
                if check.advice:
                    out.line()
                    out.line(printable(check.advice))
