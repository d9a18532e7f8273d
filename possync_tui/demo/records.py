"""What the desk knows and tells: positions, executions, commissions, and events about them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from possync_tui.demo.instruments import Instrument
from possync_tui.domain.values import dataclass


class DeskError(Exception):
    """A command that the desk cannot carry out (unknown account, contract or execution)."""


class Side(StrEnum):
    """Direction of a trade as a request says it; ``wire`` is what execDetails says."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def wire(self) -> str:
        """``BOT`` or ``SLD``."""
        return "BOT" if self is Side.BUY else "SLD"

    @property
    def sign(self) -> int:
        """1 for a purchase, -1 for a sale."""
        return 1 if self is Side.BUY else -1


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """An account and the cash that it begins with, by currency."""

    code: str
    cash: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Position:
    """The desk's truth about one position, as a correct reading of the wire must find it."""

    account: str
    instrument: Instrument
    quantity: Decimal
    average_cost: Decimal
    price: Decimal
    realized: Decimal
    unrealized: Decimal
    daily: Decimal

    @property
    def con_id(self) -> int:
        """IBKR's contract id."""
        return self.instrument.con_id

    @property
    def value(self) -> Decimal:
        """Market value in the contract's currency."""
        return self.quantity * self.price * self.instrument.unit


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill, with the commission report that follows it."""

    exec_id: str
    account: str
    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal
    time: datetime
    perm_id: int
    order_id: int
    client_id: int
    exchange: str
    commission: Decimal | None
    """None: the report never comes."""
    commission_currency: str
    realized: Decimal | None
    """Net P&L of what the fill closed; None when it closed nothing."""
    commission_due: float
    """The monotonic time from which the report exists."""
    reported: bool = True
    """False for a fill that reqExecutions does not return (a missed one)."""

    @property
    def con_id(self) -> int:
        """IBKR's contract id."""
        return self.instrument.con_id


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A row to push to who asked for positions, with quantity 0 after a close."""

    account: str
    con_id: int


@dataclass(frozen=True, slots=True)
class Traded:
    """A fill was booked; its position row has been announced before, if ``pushed``."""

    execution: Execution
    pushed: bool = True


@dataclass(frozen=True, slots=True)
class PricesMoved:
    """Marks changed; P&L subscriptions follow at their own pace."""


DeskEvent = PositionChanged | Traded | PricesMoved
