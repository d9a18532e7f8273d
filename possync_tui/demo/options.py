"""Settings of the gateway and of the background that moves the desk."""

from dataclasses import field

from possync_tui.demo.wire import DESK_ZONE, TimeForm
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class BackgroundOptions:
    """Prices that walk and fills that happen by themselves, the same for the same seed."""

    seed: int = 1
    tick_interval: float = 1.0
    """Seconds between price moves; 0 stops them."""
    trade_interval: tuple[float, float] | None = (10.0, 25.0)
    """Shortest and longest wait between fills, in seconds; None stops them."""
    commission_delay: float = 0.3
    """Seconds from a fill to its commission report."""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How the gateway speaks. Without ``background`` the desk moves only on command."""

    server_version: int = 176
    time_form: TimeForm = TimeForm.ZONED
    time_zone: str = DESK_ZONE
    master_client_id: int | None = None
    """The client that hears of every fill at once, as set in TWS's API settings."""
    zero_rows: bool = False
    """Whether a position snapshot holds rows of quantity 0 for what was closed today."""
    account_period: float = 180.0
    """Seconds between unprompted account updates (TWS: 3 minutes)."""
    pnl_period: float = 1.0
    """Shortest time between P&L messages of one subscription, in seconds."""
    next_order_id: int = 1
    background: BackgroundOptions | None = field(default=None)
