"""A change of quantity as it goes into a holding."""

from datetime import datetime
from decimal import Decimal

from possync_tui.domain.observations import PriceEvidence
from possync_tui.domain.position import EntryKind, Fees
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Trade:
    """A change of quantity with what is known of its price. `quantity` is signed.

    `fees` is `None` while the commission has not arrived. `price` is `None` where nothing says at
    what price the change happened; an entry then has no amount, never a zero. `premium_micros` is
    added to the value that the price makes. `is_exact` says that nothing of it was inferred,
    `is_manual` that it rests on the user's word.
    """

    cause: str
    kind: EntryKind
    at: datetime
    quantity: Decimal
    price: Decimal | None
    fees: Fees | None = ()
    premium_micros: int = 0
    is_exact: bool = False
    is_manual: bool = False
    exec_id: str | None = None
    broker_realized: Decimal | None = None
    evidence: PriceEvidence | None = None
