"""What the user may want instead of this dashboard, while TWS is not found."""

from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class ConnectTo:
    """The user wants the dashboard on another port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StartDemo:
    """The user wants the demo."""


Wish = ConnectTo | StartDemo
