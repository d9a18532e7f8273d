"""Command options, among them one for every setting. Nothing heavy is imported to parse them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from possync_tui.domain.values import dataclass

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup

    from possync_tui.settings import Given


@dataclass(frozen=True, slots=True)
class SettingOption:
    """A setting as a command option. `topic` says in whose `--help` it stands."""

    flag: str
    key: str
    topic: str
    metavar: str
    text: str

    @property
    def name(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def is_switch(self) -> bool:
        return not self.metavar


SETTING_OPTIONS = (
    SettingOption("--ledger", "POSSYNC_LEDGER", "all", "FILE", "the ledger file"),
    SettingOption("--exports", "POSSYNC_EXPORTS", "screen", "FOLDER", "of CSV files and pictures"),
    SettingOption("--log-level", "POSSYNC_LOG_LEVEL", "all", "LEVEL", "of the log file"),
    SettingOption("--mask-accounts", "POSSYNC_MASK_ACCOUNTS", "all", "", "hide account numbers"),
    SettingOption("--theme", "POSSYNC_THEME", "screen", "NAME", "colours of the dashboard"),
    SettingOption("--keys", "POSSYNC_KEYS", "screen", "NAME=KEY,…", "keys of your choice"),
    SettingOption("--host", "IBKR_HOST", "broker", "HOST", "where TWS or IB Gateway runs"),
    SettingOption("--port", "IBKR_PORT", "broker", "PORT", "its API port"),
    SettingOption("--client-id", "IBKR_CLIENT_ID", "broker", "N", "API client id"),
    SettingOption(
        "--connect-timeout", "IBKR_CONNECT_TIMEOUT", "broker", "S", "longest wait for a connection"
    ),
    SettingOption("--timezone", "IBKR_TIMEZONE", "broker", "NAME", "time zone of TWS"),
    SettingOption("--account", "IBKR_ACCOUNTS", "account", "CODE", "accounts, comma-separated"),
    SettingOption("--enabled", "POSITION_SYNC_ENABLED", "loop", "", "periodic and triggered syncs"),
    SettingOption(
        "--interval", "POSITION_SYNC_SYNC_INTERVAL", "loop", "S", "seconds between periodic syncs"
    ),
    SettingOption(
        "--initial-delay", "POSITION_SYNC_INITIAL_DELAY", "loop", "S", "before the first of them"
    ),
    SettingOption(
        "--sync-on-trade", "POSITION_SYNC_SYNC_ON_TRADE", "loop", "", "sync right after a fill"
    ),
    SettingOption(
        "--sync-on-position-update",
        "POSITION_SYNC_SYNC_ON_POSITION_UPDATE",
        "loop",
        "",
        "sync when TWS pushes a changed position",
    ),
    SettingOption(
        "--debounce", "POSITION_SYNC_DEBOUNCE", "loop", "S", "gather pushed changes for so long"
    ),
    SettingOption(
        "--mark-missing-as-closed",
        "POSITION_SYNC_MARK_MISSING_AS_CLOSED",
        "sync",
        "",
        "close what enough complete snapshots no longer hold",
    ),
    SettingOption(
        "--missing-confirmations",
        "POSITION_SYNC_MISSING_CONFIRMATIONS",
        "sync",
        "N",
        "how many snapshots are enough",
    ),
    SettingOption(
        "--calculate-realized-pnl",
        "POSITION_SYNC_CALCULATE_REALIZED_PNL",
        "sync",
        "",
        "write realized P&L when something is closed",
    ),
    SettingOption(
        "--cost-method", "POSITION_SYNC_COST_METHOD", "cost", "METHOD", "average or fifo"
    ),
    SettingOption(
        "--timeout", "POSITION_SYNC_TIMEOUT", "sync", "S", "longest wait for an answer of TWS"
    ),
    SettingOption(
        "--default-account-id",
        "POSITION_SYNC_DEFAULT_ACCOUNT_ID",
        "nowhere",
        "N",
        "the account of embedded calls that name none",
    ),
)


def add_settings(parser: "ArgumentParser", topics: frozenset[str], *, leave_out: str = "") -> None:
    """Every setting is accepted; `--help` shows those that the command is about.

    Nothing given leaves nothing in the namespace: a subcommand must not undo what stood before it.
    """
    from argparse import SUPPRESS

    group = parser.add_argument_group("settings (they override the environment and the .env file)")
    group.add_argument(
        "--env-file", metavar="FILE", default=SUPPRESS, help="read settings from this file"
    )
    for option in SETTING_OPTIONS:
        if option.flag not in leave_out.split():
            _add(group, option, is_shown=option.topic in topics)


def _add(group: "_ArgumentGroup", option: SettingOption, *, is_shown: bool) -> None:
    from argparse import SUPPRESS, BooleanOptionalAction

    text = option.text if is_shown else SUPPRESS
    if option.is_switch:
        group.add_argument(
            option.flag, action=BooleanOptionalAction, default=SUPPRESS, help=text, dest=option.name
        )
    else:
        group.add_argument(
            option.flag, metavar=option.metavar, default=SUPPRESS, help=text, dest=option.name
        )


def given_settings(arguments: "Namespace", *, leave_out: str = "") -> Mapping[str, "Given"]:
    """The settings that the command line names."""
    from possync_tui.settings import Given

    found = vars(arguments)
    values = {}
    for option in SETTING_OPTIONS:
        value = found.get(option.name)
        if value is None or option.flag in leave_out.split():
            continue
        text = str(value).lower() if isinstance(value, bool) else value
        values[option.key] = Given(text, f"option {option.flag}")
    return values
