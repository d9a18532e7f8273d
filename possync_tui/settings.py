"""Settings: command options override the environment, which overrides a `.env` file.

Every value keeps where it came from, so that a wrong one can be named with its place.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from dotenv.main import resolve_variables
from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from possync_tui import paths
from possync_tui.domain.position import CostMethod
from possync_tui.domain.text import printable
from possync_tui.sync.policy import SyncPolicy

DEFAULT_THEME = "possync"


class SettingsError(ValueError):
    """A setting that is wrong or unknown; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was given: its text, and where it stands."""

    text: str
    origin: str


def _setting(description: str, allowed: str, default: Any = ..., **more: Any) -> Any:  # noqa: ANN401
    """A field with the words for the README and for the error message."""
    extra: dict[str, JsonValue] = {"allowed": allowed}
    if default is not ...:
        more["default"] = default
    return Field(description=description, json_schema_extra=extra, **more)


def _switch(description: str, default: bool) -> Any:  # noqa: ANN401
    return _setting(description, "true or false", default)


def _seconds(description: str, low: int, high: int, default: float) -> Any:  # noqa: ANN401
    allowed = f"a number of seconds from {low} to {high}"
    return _setting(description, allowed, default, ge=low, le=high, allow_inf_nan=False)


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _host(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z._:%-]{1,255}", value):
        raise ValueError("not a host")
    return value


def _accounts(value: object) -> object:
    """`U0000002, U0000001` as its parts; blank parts do not count."""
    if not isinstance(value, str):
        return value
    codes = [part.strip().upper() for part in value.split(",")]
    return tuple(dict.fromkeys(code for code in codes if code))


def _keys(value: object) -> object:
    """`sync=f5,quit=ctrl+q` as its pairs; the dashboard knows which names and keys there are."""
    if not isinstance(value, str):
        return value
    pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
    if not all(name.strip() and key.strip() for name, _, key in pairs):
        raise ValueError("not NAME=KEY")
    return tuple((name.strip().lower(), key.strip()) for name, _, key in pairs)


def _ledger(value: Path) -> Path:
    try:
        path = value.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    if "\0" in str(path):
        raise ValueError("a NUL character")
    return path


AccountCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,32}$")]
ThemeName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$"), BeforeValidator(_lower)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class _Group(BaseSettings):
    """Settings with one prefix. Values come only from `load`, which knows where they stand."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class PositionSyncSettings(_Group):
    """When and how to sync."""

    model_config = SettingsConfigDict(env_prefix="POSITION_SYNC_")

    enabled: bool = _switch(
        "Sync periodically and on events; `s` and `sync` work either way.", True
    )
    sync_interval: int = _setting(
        "Seconds between periodic syncs.",
        "a whole number of seconds from 10 to 604800",
        300,
        ge=10,
        le=604_800,
    )
    sync_on_trade: bool = _switch("Sync right after a fill.", True)
    sync_on_position_update: bool = _switch("Sync when TWS pushes a changed position.", True)
    mark_missing_as_closed: bool = _switch(
        "Close a position that enough complete snapshots no longer hold.", False
    )
    calculate_realized_pnl: bool = _switch("Write realized P&L when something is closed.", True)
    default_account_id: int = _setting(
        "The account of embedded calls that name none.",
        "the number of an account, 1 or more",
        1,
        ge=1,
        le=2**31 - 1,
    )
    initial_delay: float = _seconds("Seconds before the first periodic sync.", 0, 86_400, 10)
    timeout: float = _seconds("Longest wait for one answer of TWS.", 1, 600, 30)
    debounce: float = _seconds("Seconds that pushed changes are gathered for.", 0, 60, 1)
    missing_confirmations: int = _setting(
        "Complete snapshots, at least 60 s apart, before a missing position may count as closed.",
        "a whole number from 2 to 1000",
        2,
        ge=2,
        le=1000,
    )
    cost_method: Annotated[CostMethod, BeforeValidator(_lower)] = _setting(
        "How a closing fill finds its opening cost.", "average or fifo", CostMethod.AVERAGE
    )


class IbkrSettings(_Group):
    """How to reach TWS or IB Gateway."""

    model_config = SettingsConfigDict(env_prefix="IBKR_")

    host: Annotated[str, AfterValidator(_host)] = _setting(
        "Where TWS or IB Gateway runs.", "a host name or an IP address", "127.0.0.1"
    )
    port: int = _setting(
        "Its API port: TWS 7497 paper, 7496 live; IB Gateway 4002 paper, 4001 live.",
        "a whole number from 1 to 65535",
        7497,
        ge=1,
        le=65_535,
    )
    client_id: int | None = _setting(
        "API client id; left empty, the program chooses one.",
        "a whole number from 0 to 2147483647, or empty",
        None,
        ge=0,
        le=2**31 - 1,
    )
    connect_timeout: float = _seconds("Longest wait for a connection.", 1, 120, 10)
    accounts: Annotated[tuple[AccountCode, ...], BeforeValidator(_accounts)] = _setting(
        "Accounts to watch, separated by commas; empty for all.",
        "account codes separated by commas, such as U0000002,U0000001, or empty for all",
        (),
    )


class PossyncSettings(_Group):
    """Where things are kept, and what the program looks like."""

    model_config = SettingsConfigDict(env_prefix="POSSYNC_")

    ledger: Annotated[Path, AfterValidator(_ledger)] = _setting(
        "The ledger file; left empty, `ledger.sqlite3` in the per-user data folder.",
        "the path of a file",
        default_factory=paths.default_ledger,
    )
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = _setting(
        "How much goes into the log file.", "DEBUG, INFO, WARNING or ERROR", "INFO"
    )
    theme: ThemeName | None = _setting(
        "Colours of the dashboard; left empty, those last chosen in it.",
        "the name of a theme: possync, possync-day, possync-blue-orange, or one of Textual's",
        None,
    )
    mask_accounts: bool = _switch("Hide most of each account number.", False)
    keys: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_keys)] = _setting(
        "Keys of your choice, such as `sync=f5,quit=ctrl+q`; names are under Keys.",
        "NAME=KEY pairs separated by commas, such as sync=f5,quit=ctrl+q",
        (),
    )


GROUPS: tuple[type[_Group], ...] = (PositionSyncSettings, IbkrSettings, PossyncSettings)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, and the `.env` file that was read, if any."""

    position_sync: PositionSyncSettings
    ibkr: IbkrSettings
    possync: PossyncSettings
    env_file: Path | None = None

    def to_policy(self) -> SyncPolicy:
        return SyncPolicy(**self.position_sync.model_dump(), accounts=self.ibkr.accounts)


def _prefix(group: type[_Group]) -> str:
    return group.model_config.get("env_prefix", "")


PREFIXES = tuple(_prefix(group) for group in GROUPS)


@dataclass(frozen=True, slots=True)
class Described:
    """What the README and `settings.example.env` say about a setting."""

    key: str
    default: str
    description: str
    allowed: str


def described() -> Iterator[Described]:
    """Every setting, in order. A default that depends on the user's system is empty."""
    for group in GROUPS:
        for name, field in group.model_fields.items():
            extra = field.json_schema_extra
            assert isinstance(extra, dict)
            default = "" if field.default_factory else _text_of(field.default)
            key = _prefix(group) + name.upper()
            yield Described(key, default, field.description or "", str(extra["allowed"]))


def _text_of(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None | ():
            return ""
        case _:
            return str(value)


def load(
    options: Mapping[str, Given] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    env_file: Path | None = None,
) -> Settings:
    """Read, merge and check everything. Raises `SettingsError`.

    An empty value stands for the default. `env_file` has to exist; without one, `./.env` or the
    one in the per-user config folder is read if it has a setting of ours.
    """
    chosen, from_file = _read_env_file(env_file)
    variables = os.environ if environ is None else environ
    from_environment = {
        key: Given(text, "environment variable") for key, text in variables.items() if _is_ours(key)
    }
    merged: dict[str, Given] = {}
    for layer in (from_file, from_environment, options or {}):
        for key, given in layer.items():
            _check_known(key, given)
            merged[key.upper()] = given
    given_values = {key: given for key, given in merged.items() if given.text.strip()}
    return Settings(
        _build(PositionSyncSettings, given_values),
        _build(IbkrSettings, given_values),
        _build(PossyncSettings, given_values),
        chosen,
    )


def _is_ours(key: str) -> bool:
    return key.upper().startswith(PREFIXES)


def _check_known(key: str, given: Given) -> None:
    known = [described_setting.key for described_setting in described()]
    if key.upper() in known:
        return
    nearest = difflib.get_close_matches(key.upper(), known, n=1, cutoff=0.0)[0]
    # The value stays out of the message: it may be a secret of another program.
    raise SettingsError(
        f"{printable(key)} ({given.origin}) is not a setting; did you mean {nearest}?"
    )


_AnyGroup = TypeVar("_AnyGroup", bound=_Group)


def _build(group: type[_AnyGroup], given_values: Mapping[str, Given]) -> _AnyGroup:
    prefix = _prefix(group)
    values = {
        key.removeprefix(prefix).lower(): given.text.strip()
        for key, given in given_values.items()
        if key.startswith(prefix)
    }
    try:
        return group(**values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        key = prefix + name.upper()
        raise SettingsError(_wrong(group, name, key, given_values[key])) from None


def _wrong(group: type[_Group], name: str, key: str, given: Given) -> str:
    extra = group.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    shown = printable(given.text if len(given.text) <= 60 else given.text[:57] + "...")
    return f"{key}={shown} ({given.origin}) is not allowed; it has to be {extra['allowed']}"


def _read_env_file(asked_for: Path | None) -> tuple[Path | None, dict[str, Given]]:
    if asked_for is not None:
        return asked_for, _parse(asked_for)
    for candidate in (Path(".env"), paths.user_env_file()):
        if candidate.is_file():
            values = _parse(candidate)
            if values:
                return candidate.absolute(), values
    return None, {}


def _parse(path: Path) -> dict[str, Given]:
    """Our keys in a `.env` file; the last of two with the same name counts."""
    try:
        # Other programs' lines may be in any encoding; ours are plain text.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    lines: dict[str, int] = {}
    values: list[tuple[str, str | None]] = []
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line + _leading_line_breaks(binding.original.string)
        if binding.error and _is_ours(binding.original.string.strip()):
            raise SettingsError(f"{path}:{line}: this is not KEY=value")
        if binding.key is not None:
            lines[binding.key] = line
            values.append((binding.key, binding.value))
    resolved = resolve_variables(values, override=True)
    return {
        key: Given(resolved[key] or "", f"{path}:{line}")
        for key, line in lines.items()
        if _is_ours(key)
    }


def _leading_line_breaks(text: str) -> int:
    """python-dotenv counts a statement from the end of the one before."""
    return text[: len(text) - len(text.lstrip())].count("\n")
