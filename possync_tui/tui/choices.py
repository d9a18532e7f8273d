"""How the user likes the dashboard, remembered in a small file of its own.

The settings file is the user's; this one is ours. What cannot be read in it is passed over: no
choice here is worth a dashboard that does not open.
"""

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypedDict, Unpack

from possync_tui import paths
from possync_tui.domain.values import dataclass
from possync_tui.tui.position_groups import Grouping

logger = logging.getLogger(__name__)

VERSION = 1
_MOST_BYTES = 65_536


class ChoicesError(ValueError):
    """The file of remembered choices cannot be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class Choices:
    """`None` is what nothing was chosen for: then the program decides."""

    theme: str | None = None
    columns: tuple[str, ...] | None = None
    column_order: tuple[str, ...] | None = None
    grouping: Grouping | None = None
    folded: tuple[str, ...] = ()
    sort: str | None = None
    sort_down: bool = False
    flashes: bool = True


class Chosen(TypedDict, total=False):
    """Choices that are made anew."""

    theme: str | None
    columns: tuple[str, ...] | None
    column_order: tuple[str, ...] | None
    grouping: Grouping | None
    folded: tuple[str, ...]
    sort: str | None
    sort_down: bool
    flashes: bool


def to_text(choices: Choices) -> str:
    """The choices as they stand in the file."""
    return json.dumps({"version": VERSION, **asdict(choices)}, indent=2) + "\n"


def from_text(text: str) -> Choices:
    """The choices of a file. Raises `ChoicesError`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ChoicesError("it is not JSON") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise ChoicesError(f"it is not of version {VERSION}")
    grouping = _name(found, "grouping")
    if grouping is not None and grouping not in list(Grouping):
        raise ChoicesError("“grouping” is none that we know")
    return Choices(
        theme=_name(found, "theme"),
        columns=_names(found, "columns"),
        column_order=_names(found, "column_order"),
        grouping=None if grouping is None else Grouping(grouping),
        folded=_names(found, "folded") or (),
        sort=_name(found, "sort"),
        sort_down=_switch(found, "sort_down", False),
        flashes=_switch(found, "flashes", True),
    )


def _name(found: dict[str, object], key: str) -> str | None:
    value = found.get(key)
    if value is not None and not isinstance(value, str):
        raise ChoicesError(f"“{key}” is no text")
    return value


def _names(found: dict[str, object], key: str) -> tuple[str, ...] | None:
    value = found.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ChoicesError(f"“{key}” is no list of names")
    return tuple(value)


def _switch(found: dict[str, object], key: str, default: bool) -> bool:
    value = found.get(key, default)
    if not isinstance(value, bool):
        raise ChoicesError(f"“{key}” is neither true nor false")
    return value


class ChoiceMemory:
    """The choices of now. With a file, they are those of last time, and are kept for the next."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.problem = ""
        """Why the file was passed over or could not be written; empty where all is well."""
        self.now = self._read()

    def _read(self) -> Choices:
        if self._path is None:
            return Choices()
        try:
            with self._path.open(encoding="utf-8") as file:
                return from_text(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return Choices()
        except (OSError, UnicodeError, ChoicesError) as error:
            self._note(f"remembered choices are passed over: {self._path}: {_why(error)}")
            return Choices()

    def keep(self, **chosen: Unpack[Chosen]) -> None:
        """Choose anew, and remember it."""
        after = replace(self.now, **chosen)
        if after == self.now:
            return
        self.now = after
        if self._path is None:
            return
        try:
            _write(self._path, to_text(after))
        except OSError as error:
            self._note(f"choices cannot be remembered: {self._path}: {_why(error)}")

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            logger.warning("%s", problem)
        self.problem = problem


def _write(path: Path, text: str) -> None:
    """All of it or nothing, whoever else writes meanwhile; readable by its owner alone."""
    paths.make_private_folder(path.parent)
    paths.write_private(path, text.encode())


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
