"""The settings as the program uses them, and where each was given."""

from dataclasses import field, fields
from pathlib import Path

from possync_tui import paths
from possync_tui.domain.terms import CostMethod
from possync_tui.domain.values import dataclass
from possync_tui.sync.policy import SyncPolicy

PREFIXES = ("POSITION_SYNC_", "IBKR_", "POSSYNC_")


class SettingsError(ValueError):
    """A setting that is wrong or unknown; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was given: its text, and where it stands."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class PositionSyncSettings:
    """When and how to sync."""

    enabled: bool = True
    sync_interval: int = 300
    sync_on_trade: bool = True
    sync_on_position_update: bool = True
    mark_missing_as_closed: bool = False
    calculate_realized_pnl: bool = True
    default_account_id: int = 1
    initial_delay: float = 10
    timeout: float = 30
    debounce: float = 1
    missing_confirmations: int = 2
    cost_method: CostMethod = CostMethod.AVERAGE


@dataclass(frozen=True, slots=True)
class IbkrSettings:
    """How to reach TWS or IB Gateway."""

    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int | None = None
    connect_timeout: float = 10
    accounts: tuple[str, ...] = ()
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class PossyncSettings:
    """Where things are kept, and what the program looks like."""

    ledger: Path = field(default_factory=paths.default_ledger)
    exports: Path = field(default_factory=paths.exports_folder)
    log_level: str = "INFO"
    theme: str | None = None
    mask_accounts: bool = False
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, the `.env` file that was read, if any, and the names of what was given."""

    position_sync: PositionSyncSettings
    ibkr: IbkrSettings
    possync: PossyncSettings
    env_file: Path | None = None
    given: frozenset[str] = frozenset()

    def to_policy(self) -> SyncPolicy:
        given = {
            item.name: getattr(self.position_sync, item.name) for item in fields(self.position_sync)
        }
        return SyncPolicy(**given, accounts=self.ibkr.accounts)


def is_ours(key: str) -> bool:
    """Whether a variable has one of our prefixes."""
    return key.upper().startswith(PREFIXES)
