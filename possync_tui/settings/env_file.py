"""`.env` files: which one counts, and what it says about our settings."""

import codecs
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from possync_tui import paths
from possync_tui.domain.text import printable
from possync_tui.settings.values import Given, SettingsError, is_ours


def read(asked_for: Path | None) -> tuple[Path | None, dict[str, Given]]:
    if asked_for is not None:
        return asked_for, _parse(asked_for)
    for candidate in (Path(".env"), paths.user_env_file()):
        if candidate.is_file():
            values = _parse(candidate)
            if values:
                return candidate.absolute(), values
    return None, {}


def _parse(path: Path) -> dict[str, Given]:
    """Our keys in a `.env` file, each of them once."""
    try:
        text = _text(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    # Only here: most users have no such file, and the library takes a while to load.
    from dotenv.main import resolve_variables
    from dotenv.parser import parse_stream

    lines: dict[str, int] = {}
    values: list[tuple[str, str | None]] = []
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line + _leading_line_breaks(binding.original.string)
        if binding.error and is_ours(binding.original.string.strip()):
            raise SettingsError(f"{path}:{line}: this is not KEY=value")
        if binding.key is not None and is_ours(binding.key):
            if binding.value is None:
                raise SettingsError(
                    f"{path}:{line}: {_shown(binding.key)} has no =; it is KEY=value"
                )
            _check_single(path, line, binding.key, lines)
        if binding.key is not None:
            lines[binding.key] = line
            values.append((binding.key, binding.value))
    resolved = resolve_variables(values, override=True)
    return {
        key: Given(resolved[key] or "", f"{path}:{line}")
        for key, line in lines.items()
        if is_ours(key)
    }


def _text(content: bytes) -> str:
    """Notepad and PowerShell write UTF-16, which says so in its first two bytes.

    Other programs' lines may be in any encoding; ours are plain text.
    """
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_single(path: Path, line: int, key: str, lines: Mapping[str, int]) -> None:
    """Which of two was meant, nobody can say."""
    for other, first in lines.items():
        if other.upper() == key.upper():
            raise SettingsError(
                f"{path}:{line}: {_shown(key)} is in line {first} already; remove one"
            )


def _shown(key: str) -> str:
    return printable(key if len(key) <= 60 else key[:57] + "...")


def _leading_line_breaks(text: str) -> int:
    """python-dotenv counts a statement from the end of the one before."""
    return text[: len(text) - len(text.lstrip())].count("\n")
