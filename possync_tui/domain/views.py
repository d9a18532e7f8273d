"""Read models: rows as panes, tables and exports show them. Unknown amounts are `None`."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from possync_tui.domain.calendar import CalendarUnit
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.money import EXACT
from possync_tui.domain.values import dataclass

if TYPE_CHECKING:
    from possync_tui.domain.observations import PriceEvidence

_MICRO = Decimal("0.000001")
HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class PositionView:
    """A row of the `positions` view. `average_cost` is IBKR's, `average_price` is per unit."""

    id: int
    account_id: int
    account: str
    con_id: int
    symbol: str
    description: str
    sec_type: str
    currency: str
    multiplier: Decimal
    quantity: Decimal
    average_cost: Decimal | None
    average_price: Decimal | None
    current_price: Decimal | None
    market_value: Decimal | None
    unrealized_pnl: Decimal | None
    status: str
    opened_at: datetime
    closed_at: datetime | None
    last_synced_at: datetime | None
    realized_pnl: Decimal | None
    missing_since: datetime | None = None
    marked_at: datetime | None = None

    @property
    def key(self) -> PositionKey:
        return PositionKey(self.account, self.con_id)


@dataclass(frozen=True, slots=True)
class EntryView:
    """A row of the `realized_pnl` view, with the price that an entry without a fill rests on."""

    id: int
    position_id: int
    account_id: int
    account: str
    con_id: int
    symbol: str
    description: str
    sec_type: str
    currency: str
    closed_at: datetime
    recorded_at: datetime
    quantity_closed: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    gross_pnl: Decimal | None
    commission: Decimal | None
    commission_currency: str
    realized_pnl: Decimal | None
    broker_realized_pnl: Decimal | None
    quality: str
    kind: str
    supersedes_id: int | None
    exec_id: str | None
    is_full_close: bool
    price: PriceEvidence | None = None

    @property
    def difference(self) -> Decimal | None:
        """Ours less the broker's own realized figure; `None` where one is unknown or they agree.

        What would not show in cents is rounding: TWS sends floating-point numbers, and ours are
        whole millionths with the residue in the lot. Of a larger one both may be right: the
        broker's may be by another cost method, and is re-lotted overnight.
        """
        if self.realized_pnl is None or self.broker_realized_pnl is None:
            return None
        broker = self.broker_realized_pnl.quantize(_MICRO, ROUND_HALF_EVEN, EXACT)
        difference = self.realized_pnl - broker
        return None if abs(difference) < HALF_A_CENT else difference


@dataclass(frozen=True, slots=True)
class PnlBucket:
    """A total of realized P&L. `start` is the day in UTC; sums leave out unknown amounts.

    `realized_pnl` is `None` where no amount is known at all: that is not nothing.
    """

    start: str
    currency: str
    realized_pnl: Decimal | None
    entries: int
    unknown: int


class PnlGrouping(StrEnum):
    """What totals of realized P&L are made by. Within each, currencies stay apart."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    SYMBOL = "symbol"
    ACCOUNT = "account"
    CURRENCY = "currency"
    QUALITY = "quality"

    @property
    def unit(self) -> CalendarUnit | None:
        """The calendar period, where it is one."""
        return CalendarUnit.__members__.get(self.name)


@dataclass(frozen=True, slots=True)
class PnlTotal:
    """A sum of realized entries in one currency, reversals included, virtual FX left out.

    `entries` counts those that stand, `unknown` those of them without an amount, which no sum
    holds; where all are, there is no `realized_pnl`. `commission` is what was charged in this
    currency; where that is not the contract's own, it is in no `realized_pnl`. `start` and `end`
    (exclusive) are the bounds of a calendar period in UTC: with them and the label the entries
    behind a total are found.
    """

    label: str
    currency: str
    realized_pnl: Decimal | None
    commission: Decimal
    entries: int
    unknown: int
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class FillView:
    """An execution in its latest revision, with its commission.

    `is_closing` marks the one that made the entry it was asked for.
    """

    exec_id: str
    account: str
    con_id: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    currency: str
    time: datetime
    commission: Decimal | None
    commission_currency: str | None
    broker_realized_pnl: Decimal | None
    order_id: int
    perm_id: int
    client_id: int
    exchange: str
    source: str
    is_closing: bool


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot by one cost method: open, or as much of it as an entry closed.

    `quantity` is signed; amounts are in `currency`.

    `price` is per unit, without commission; `cost` is the money paid for a long lot or received for
    a short one, commission included (in the contract's own currency), so that per contract it is
    the average cost. A seeded lot has the broker's. `cause` names what opened it.
    """

    position_id: int
    account_id: int
    account: str
    con_id: int
    symbol: str
    description: str
    sec_type: str
    currency: str
    method: str
    place: int
    quantity: Decimal
    price: Decimal | None
    cost: Decimal | None
    commission: Decimal
    commission_currency: str
    opened_at: datetime | None
    is_seeded: bool
    is_pending: bool
    cause: str
    opened_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """A row of `sync_runs`."""

    id: int
    trigger: str
    started_at: datetime
    duration_ms: float
    outcome: str
    error: str | None
    positions_seen: int
    created: int
    updated: int
    closed: int
    missing: int


@dataclass(frozen=True, slots=True)
class HoldView:
    """A row of `holds`: open (`held`), left as it is (`kept`), or decided.

    `con_ids` are the positions of the account that it is about, several of a bulk disappearance.
    """

    id: int
    kind: str
    status: str
    account: str
    con_id: int | None
    symbol: str
    message: str
    evidence: str
    raised_at: datetime
    decided_at: datetime | None
    note: str
    con_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountView:
    """A row of `accounts`. `id` is what the settings and the embedding API call an account."""

    id: int
    code: str
    environment: str
    status: str
    last_synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class JournalView:
    """A line of the audit journal. `method` is that of a realized amount."""

    id: int
    at: datetime
    run_id: int | None
    account: str
    con_id: int | None
    kind: str
    text: str
    evidence: str
    method: str | None = None
