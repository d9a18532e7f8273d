"""`doctor`: what stands between the trader and a first sync, and what to do about it."""

import asyncio
import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

from possync_tui import logs, paths
from possync_tui.broker.probe import look_around
from possync_tui.cli import compose
from possync_tui.cli.exits import Exit
from possync_tui.cli.render import Column, Output
from possync_tui.cli.reporting import read_settings
from possync_tui.cli.screen_settings import wrong_keys, wrong_theme
from possync_tui.domain.first_look import Port, advice
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.ledger.port import LedgerError
from possync_tui.ledger.upgrade import backups
from possync_tui.settings import DEFAULT_THEME, Settings, SettingsError


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
    configured, *others = await look_around(settings.ibkr.host, settings.ibkr.port)
    checks = [
        _settings_check(settings),
        await _ledger_check(settings),
        _themes_check(),
        _log_check(),
        _broker_check(configured, others),
    ]
    return checks, [configured, *others]


def _settings_check(settings: Settings) -> Check:
    theme, keys = wrong_theme(settings), wrong_keys(settings)
    if keys:
        wrong = f"POSSYNC_KEYS: {keys}"
        return Check("settings", Verdict.PROBLEM, wrong, "The dashboard does not open so: mend it.")
    if theme:
        wrong, _, names = theme.partition("; ")
        told = f"POSSYNC_THEME: {wrong}, the dashboard takes {DEFAULT_THEME}"
        return Check("settings", Verdict.PROBLEM, told, f"{names.capitalize()}.")
    if settings.env_file is None:
        return Check("settings", Verdict.GOOD, "no .env file is in use")
    found = f"read from {settings.env_file}"
    if why := paths.who_else_may_change(settings.env_file):
        mend = "Who writes it decides what this program connects to: make it yours alone (chmod)."
        return Check("settings", Verdict.NOTE, f"{found}; {why}", mend)
    return Check("settings", Verdict.GOOD, found)


async def _ledger_check(settings: Settings) -> Check:
    path = settings.possync.ledger
    try:
        is_there, why_not = path.exists(), _why_not_written(path.parent)
    except OSError as error:
        is_there, why_not = False, f"it cannot be reached ({error.strerror})"
    if why_not:
        advice = "Make the folder yours to write, or point POSSYNC_LEDGER elsewhere."
        return Check("ledger", Verdict.PROBLEM, f"{path}: {why_not}", advice)
    if not is_there:
        return Check("ledger", Verdict.NOTE, f"{path} is made at the first sync")
    try:
        async with compose.ledger_to_read(settings) as ledger:
            environment = ledger.environment
            accounts = await ledger.accounts()
    except LedgerError as error:
        told = str(error)
        advice = "" if "update possync-tui" in told else "Point POSSYNC_LEDGER elsewhere."
        return Check("ledger", Verdict.PROBLEM, told, advice)
    kept = ", ".join(account.code for account in accounts) or "no account yet"
    found = f"{path}: {environment or 'empty'}, {kept}"
    if why := paths.who_else_may_change(path):
        return Check("ledger", Verdict.NOTE, f"{found}; {why}", "Move it to a folder of yours.")
    if former := backups(path.resolve()):
        found += f"; of older releases: {', '.join(file.name for file in former)}"
    return Check("ledger", Verdict.GOOD, found)


def _why_not_written(folder: Path) -> str:
    """Why no file can be made in a folder that is there, or is made with the first file."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written"


def _themes_check() -> Check:
    # Textual reads colours; other commands do without it.
    from possync_tui.tui.user_themes import read_themes

    folder = paths.themes_folder()
    found = read_themes(folder)
    names = ", ".join(theme.name for theme in found.themes) or "none of your own"
    if found.problems:
        told = f"{folder}: {names}; {'; '.join(found.problems)}"
        return Check("themes", Verdict.NOTE, told, "Mend the theme file, or remove it.")
    return Check("themes", Verdict.GOOD, f"{folder}: {names}")


def _log_check() -> Check:
    path = paths.log_file()
    try:
        is_there = path.exists()
    except OSError as error:
        return Check("log", Verdict.NOTE, f"{path} cannot be reached: {error.strerror}")
    return Check("log", Verdict.GOOD if is_there else Verdict.NOTE, str(path))


def _broker_check(configured: Port, others: list[Port]) -> Check:
    where = f"{configured.host}:{configured.port} ({configured.name}): {configured.in_words}"
    if configured.answers:
        return Check("broker", Verdict.GOOD, where)
    return Check("broker", Verdict.PROBLEM, where, advice(configured, others))


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
