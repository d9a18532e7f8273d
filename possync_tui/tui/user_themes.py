"""Themes of the user's own: TOML files of a folder, each of them one theme.

A file with a mistake is passed over, and what is wrong is said with its file and key: colours are
not worth a dashboard that does not open.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.theme import Theme

from possync_tui.domain.text import printable
from possync_tui.tui.themes import TONES, UserThemes, own_variables, theme_names

COLOURS = (
    "primary",
    "secondary",
    "accent",
    "background",
    "surface",
    "panel",
    "foreground",
    "success",
    "warning",
    "error",
)
KEYS = ("name", "dark", *COLOURS, *TONES)
LEAST_CONTRAST = 3.0
"""Of text on its ground, as WCAG 2 counts it: the least for large letters."""
_READ = ("foreground", "primary", "warning", "error", *(tone for tone in TONES if tone != "rule"))
"""What letters are drawn in."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_MOST_BYTES = 65_536
_MOST_FILES = 100


class ThemeError(ValueError):
    """A theme file that cannot be used; the message says which key, and why."""


def read_themes(folder: Path) -> UserThemes:
    """All themes of `folder`; where there is no such folder, none."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    try:
        # A pipe or a device would be waited for.
        files = sorted(path for path in folder.glob("*.toml") if path.is_file())
    except OSError as error:
        return UserThemes(problems=(f"{printable(str(folder))}: {error.strerror}",))
    if len(files) > _MOST_FILES:
        problems.append(f"{printable(str(folder))}: only {_MOST_FILES} files of it are read")
    for path in files[:_MOST_FILES]:
        try:
            theme = theme_of(_text(path))
            if theme.name in themes:
                raise ThemeError(f"name: another file has the theme {theme.name}")
        except ThemeError as error:
            problems.append(f"{printable(path.name)}: {printable(str(error))}")
            continue
        themes[theme.name] = theme
        problems += [f"{printable(path.name)}: {faint}" for faint in _faint(theme)]
    return UserThemes(tuple(themes.values()), tuple(problems))


def theme_of(text: str) -> Theme:
    """The theme of a file. Raises `ThemeError`."""
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ThemeError(f"it is not TOML: {error}") from error
    for key in found:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0)[0]
            raise ThemeError(f"{key[:40]}: there is no such key; did you mean {near}?")
    name, dark = found.get("name"), found.get("dark", True)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ThemeError("name: it has to be of small letters, digits, - and _")
    if name in theme_names():
        raise ThemeError(f"name: there is a theme {name} already; take another name")
    if not isinstance(dark, bool):
        raise ThemeError("dark: it has to be true or false")
    colours = {key: _colour(found, key) for key in (*COLOURS, *TONES) if key in found}
    if "primary" not in colours:
        raise ThemeError("primary: it is missing")
    return Theme(
        name=name,
        primary=colours["primary"],
        secondary=colours.get("secondary"),
        accent=colours.get("accent"),
        background=colours.get("background"),
        surface=colours.get("surface"),
        panel=colours.get("panel"),
        foreground=colours.get("foreground"),
        success=colours.get("success"),
        warning=colours.get("warning"),
        error=colours.get("error"),
        dark=dark,
        variables=_variables({key: colours[key] for key in TONES if key in colours}),
    )


def _variables(tones: Mapping[str, str]) -> dict[str, str]:
    """The badge of a live account is written in what colours the line that it stands in."""
    live = {"live-text": tones["live"]} if "live" in tones else {}
    return {**tones, **live}


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ThemeError("it is too long for a theme")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ThemeError(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ThemeError("it is not UTF-8") from error


def _colour(found: Mapping[str, object], key: str) -> str:
    value = found[key]
    try:
        colour = Color.parse(value) if isinstance(value, str) else None
    except ColorParseError:
        colour = None
    # Colours of the terminal, see-through ones and those made to fit have no contrast to measure.
    if colour is None or colour.a < 1 or colour.ansi is not None or colour.auto:
        raise ThemeError(f"{key}: {str(value)[:40]} is no colour; write it like #7aa2f7")
    return colour.hex


def _faint(theme: Theme) -> Iterator[str]:
    """What the theme says too faintly to be read."""
    colours = {**own_variables(theme), **theme.to_color_system().generate(), **theme.variables}
    ground = Color.parse(colours["background"])
    for key in _READ:
        shown = Color.parse(colours[f"text-{key}" if f"text-{key}" in colours else key])
        found = contrast(shown, ground)
        if found < LEAST_CONTRAST:
            yield (
                f"{key}: it is hard to read, with a contrast of {found:.1f} to the background; "
                f"{LEAST_CONTRAST:.0f} is the least"
            )


def contrast(one: Color, other: Color) -> float:
    """How far two colours are apart in brightness, from 1 to 21, as WCAG 2 has it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in (colour.r, colour.g, colour.b))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
