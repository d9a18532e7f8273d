"""Texts of settings as their values, where that takes more than reading a number."""

from pathlib import Path


def upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def account_codes(value: object) -> object:
    """`U0000002, U0000001` as its parts; blank parts do not count."""
    if not isinstance(value, str):
        return value
    codes = [part.strip().upper() for part in value.split(",")]
    return tuple(dict.fromkeys(code for code in codes if code))


def key_pairs(value: object) -> object:
    """`sync=f5,quit=ctrl+q` as its pairs; the dashboard knows which names and keys there are."""
    if not isinstance(value, str):
        return value
    pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
    if not all(name.strip() and key.strip() for name, _, key in pairs):
        raise ValueError("not NAME=KEY")
    return tuple((name.strip().lower(), key.strip()) for name, _, key in pairs)


def full_path(value: Path) -> Path:
    try:
        path = value.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    if "\0" in str(path):
        raise ValueError("a NUL character")
    return path


def zone_name(value: str) -> str:
    """The name of a time zone that there is, or nothing."""
    if not (name := value.strip()):
        return ""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key
    except (LookupError, OSError) as error:
        raise ValueError("no such zone") from error
