"""The settings as pydantic knows them: what each means, what it may be, and every error.

This is the authority. `load` takes a short way past it (`plain`) where a value can be read in one
way only; the tests hold the two against each other.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from possync_tui import paths
from possync_tui.domain.position import CostMethod
from possync_tui.domain.text import mask_accounts, printable
from possync_tui.domain.values import dataclass
from possync_tui.settings.convert import (
    account_codes,
    full_path,
    key_pairs,
    lower,
    upper,
    zone_name,
)
from possync_tui.settings.values import (
    Given,
    IbkrSettings,
    PositionSyncSettings,
    PossyncSettings,
    SettingsError,
)


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


def _host(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z._:%-]{1,255}", value):
        raise ValueError("not a host")
    return value


AccountCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,32}$")]
ThemeName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$"), BeforeValidator(lower)]
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


class PositionSyncModel(_Group):
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
    cost_method: Annotated[CostMethod, BeforeValidator(lower)] = _setting(
        "How a closing fill finds its opening cost.", "average or fifo", CostMethod.AVERAGE
    )


class IbkrModel(_Group):
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
    accounts: Annotated[tuple[AccountCode, ...], BeforeValidator(account_codes)] = _setting(
        "Accounts to watch, separated by commas; empty for all.",
        "account codes separated by commas, such as U0000002,U0000001, or empty for all",
        (),
    )
    timezone: Annotated[str, AfterValidator(zone_name)] = _setting(
        "Time zone of TWS, for fill times that name none; empty for that of this machine.",
        "a name of the tz database, such as America/New_York, or empty",
        "",
    )


class PossyncModel(_Group):
    """Where things are kept, and what the program looks like."""

    model_config = SettingsConfigDict(env_prefix="POSSYNC_")

    ledger: Annotated[Path, AfterValidator(full_path)] = _setting(
        "The ledger file; left empty, `ledger.sqlite3` in the per-user data folder.",
        "the path of a file",
        default_factory=paths.default_ledger,
    )
    exports: Annotated[Path, AfterValidator(full_path)] = _setting(
        "Folder of CSV files and pictures; left empty, `exports` in the per-user state folder.",
        "the path of a folder",
        default_factory=paths.exports_folder,
    )
    log_level: Annotated[LogLevel, BeforeValidator(upper)] = _setting(
        "How much goes into the log file.", "DEBUG, INFO, WARNING or ERROR", "INFO"
    )
    theme: ThemeName | None = _setting(
        "Colours of the dashboard; left empty, those last chosen in it.",
        "the name of a theme: possync, possync-day, possync-blue-orange, one of Textual's, "
        "or one of your own",
        None,
    )
    mask_accounts: bool = _switch("Hide most of each account number.", False)
    keys: Annotated[tuple[tuple[str, str], ...], BeforeValidator(key_pairs)] = _setting(
        "Keys of your choice, such as `sync=f5,quit=ctrl+q`; names are under Keys.",
        "NAME=KEY pairs separated by commas, such as sync=f5,quit=ctrl+q",
        (),
    )


GROUPS: tuple[type[_Group], ...] = (PositionSyncModel, IbkrModel, PossyncModel)


def _prefix(group: type[_Group]) -> str:
    return group.model_config.get("env_prefix", "")


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


_NO = frozenset({"false", "f", "no", "n", "off", "0"})


def read(
    given_values: Mapping[str, Given],
) -> tuple[PositionSyncSettings, IbkrSettings, PossyncSettings]:
    """All groups, checked. Raises `SettingsError`."""
    return (
        PositionSyncSettings(**_checked(PositionSyncModel, given_values)),
        IbkrSettings(**_checked(IbkrModel, given_values)),
        PossyncSettings(**_checked(PossyncModel, given_values)),
    )


def _checked(group: type[_Group], given_values: Mapping[str, Given]) -> dict[str, Any]:
    prefix = _prefix(group)
    values = {
        key.removeprefix(prefix).lower(): given.text.strip()
        for key, given in given_values.items()
        if key.startswith(prefix)
    }
    try:
        model = group(**values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        key = prefix + name.upper()
        wrong = _wrong(group, name, key, given_values[key])
        raise SettingsError(mask_accounts(wrong) if _masks(given_values) else wrong) from None
    return {name: getattr(model, name) for name in group.model_fields}


def _masks(given_values: Mapping[str, Given]) -> bool:
    """Whether masking was asked for, as far as that can be told where a setting is wrong."""
    given = given_values.get("POSSYNC_MASK_ACCOUNTS")
    return given is not None and given.text.strip().lower() not in _NO


def _wrong(group: type[_Group], name: str, key: str, given: Given) -> str:
    extra = group.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    shown = printable(given.text if len(given.text) <= 60 else given.text[:57] + "...")
    return f"{key}={shown} ({given.origin}) is not allowed; it has to be {extra['allowed']}"
