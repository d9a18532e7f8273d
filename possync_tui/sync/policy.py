"""The settings of the sync, as plain values."""

from possync_tui.domain.terms import CostMethod
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """What `POSITION_SYNC_*` sets. Times are in seconds.

    `grace` is how long a change that no fill explains waits for one before it counts (shared IBKR
    facts, pitfall 40). `confirmation_spacing` is the least time between two snapshots that both
    count towards `missing_confirmations` (design promise 1).
    """

    enabled: bool = True
    sync_interval: int = 300
    sync_on_trade: bool = True
    sync_on_position_update: bool = True
    mark_missing_as_closed: bool = False
    calculate_realized_pnl: bool = True
    default_account_id: int = 1
    initial_delay: float = 10.0
    timeout: float = 30.0
    debounce: float = 1.0
    missing_confirmations: int = 2
    cost_method: CostMethod = CostMethod.AVERAGE
    accounts: tuple[str, ...] = ()
    grace: float = 5.0
    confirmation_spacing: float = 60.0
    armed_for: float = 3600.0
