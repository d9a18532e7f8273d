"""The life of a position: its lots, what closing them realized, and where it stands."""

from dataclasses import field
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.money import EXACT, from_micros
from possync_tui.domain.observations import CarriedLot, PositionRow, PriceEvidence
from possync_tui.domain.terms import CostMethod as CostMethod
from possync_tui.domain.terms import EntryKind as EntryKind
from possync_tui.domain.terms import Quality as Quality
from possync_tui.domain.terms import Status as Status
from possync_tui.domain.values import dataclass

FILLED = "fill:"
"""The cause of a lot that a fill opened begins with this."""
APPEARED = "anchor:"
"""The origin of a life that began with a row of a snapshot, unexplained, begins with this."""

Fees = tuple[tuple[str, int], ...]
"""Commissions by currency, in micro-units, sorted by currency; a rebate is negative."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Units that were opened together.

    `quantity` is unsigned; `value_micros` is price x quantity x unit value without commission,
    `None` where the opening cost is unknown. A seeded lot stands for what was held before we came;
    its value is the broker's average cost, commission included. `is_pending` says that the
    commission of an opening fill has not arrived.
    """

    quantity: Decimal
    value_micros: int | None
    fees: Fees
    opened_at: datetime
    cause: str
    is_seeded: bool = False
    is_pending: bool = False

    @property
    def is_opening_known(self) -> bool:
        """Whether `opened_at` is when it was opened; if not, it was open by then.

        A pool has the cause of the first lot in it.
        """
        return not self.is_seeded or self.cause.startswith(FILLED)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one closing event realized, by one cost method. Amounts in micro-units of `currency`.

    `cause` names the event (`fill:<exec id base>`, `anchor:<time>`, `close:<time>`); with `method`
    it identifies the entry within its position. `commission_micros` is the closing and the opening
    share together, in `commission_currency`; it is netted only where that is the contract's own.

    `taken` is what it closed of each lot, and `is_short` which way those units were held. Both are
    for explaining an entry that was just rebuilt: they are not stored, and no part of what it is.
    """

    cause: str
    method: CostMethod
    kind: EntryKind
    quality: Quality
    closed_at: datetime
    quantity: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    gross_micros: int | None
    commission_micros: int | None
    commission_currency: str
    realized_micros: int | None
    broker_realized: Decimal | None = None
    exec_id: str | None = None
    is_full_close: bool = False
    price: PriceEvidence | None = None
    taken: tuple[Lot, ...] = field(default=(), compare=False, repr=False)
    is_short: bool = field(default=False, compare=False, repr=False)

    @property
    def realized(self) -> Decimal | None:
        return None if self.realized_micros is None else from_micros(self.realized_micros)


@dataclass(frozen=True, slots=True)
class Life:
    """One position from opening to flat. A flip ends one life and begins the next.

    `origin` names the event that opened it. `row` is the broker's last row within this life.
    """

    origin: str
    opened_at: datetime
    quantity: Decimal
    status: Status
    lots: tuple[Lot, ...]
    pool: Lot | None
    entries: tuple[Entry, ...] = ()
    closed_at: datetime | None = None
    missing_since: datetime | None = None
    close_reason: str = ""
    row: PositionRow | None = None

    def own_average_cost(self, method: CostMethod, currency: str) -> Decimal | None:
        """Money per contract by our own lots; `None` if unknown or flat.

        `currency` is the contract's: commission in it is included, that in any other stays apart.
        """
        lots = self.lots if method is CostMethod.FIFO else ((self.pool,) if self.pool else ())
        units = sum((lot.quantity for lot in lots), Decimal(0))
        if not units:
            return None
        total = 0
        direction = 1 if self.quantity > 0 else -1
        for lot in lots:
            if lot.value_micros is None:
                return None
            total += lot.value_micros + direction * dict(lot.fees).get(currency, 0)
        return EXACT.divide(from_micros(total), units)


@dataclass(frozen=True, slots=True)
class Released:
    """Units that a conversion took out, with the cost that goes along to its counterpart.

    `told_units` is how many it was told to take: there may have been fewer.
    """

    reference: str
    told_units: Decimal
    lots: tuple[CarriedLot, ...]
    pool: CarriedLot


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a position's observations amount to: every life it had, oldest first.

    `unexplained` holds the instants at which the broker's quantity was not what fills and other
    events made of it, each with the signed units that were left over. `statement_gap` is how many
    signed units a statement is short of what was held at the first look: its older fills are not
    used then. `released` is what conversions took out.
    """

    lives: tuple[Life, ...] = ()
    unexplained: tuple[tuple[datetime, Decimal], ...] = ()
    statement_gap: Decimal = Decimal(0)
    released: tuple[Released, ...] = ()

    @property
    def current(self) -> Life | None:
        """The life that is not closed, if there is one."""
        if not self.lives:
            return None
        last = self.lives[-1]
        return None if last.status is Status.CLOSED else last

    @property
    def quantity(self) -> Decimal:
        current = self.current
        return current.quantity if current is not None else Decimal(0)
