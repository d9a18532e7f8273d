"""How to reach TWS or IB Gateway, and how patient to be."""

from possync_tui.domain.connection import Environment
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Settings of the broker session. Times are in seconds.

    Without a `client_id`, the first free one from `first_client_id` on is taken, of as many as
    `client_id_choices`. `tws_timezone` is the zone of the machine that TWS runs on, for execution
    times that name none; empty means the zone of this machine. `environment` is only given where
    the account codes do not tell it (the demo gateway). `settled_after` is how long a session has
    to last for the next reconnect to be quick again. `named_accounts` are those the user named:
    they are accounts whatever they are called like.
    """

    host: str = "127.0.0.1"
    port: int = 7497
    client_id: int | None = None
    connect_timeout: float = 10.0
    heartbeat_interval: float = 10.0
    heartbeat_timeout: float = 10.0
    first_retry: float = 1.0
    longest_retry: float = 60.0
    settled_after: float = 30.0
    tws_timezone: str = ""
    environment: Environment | None = None
    named_accounts: tuple[str, ...] = ()
    first_client_id: int = 71
    client_id_choices: int = 8
    max_pnl_subscriptions: int = 400
    portfolio_interval: float = 15.0
    # After TWS shows signs of IBKR again without saying so (1101, 1102), how long to wait for that.
    recovery_grace: float = 30.0
