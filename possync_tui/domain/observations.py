"""What was seen, and what was decided: the only inputs from which the ledger is built.

Everything here ends in the append-only inbox. Numbers keep the wire's text beside the exact value;
times keep the broker's raw text beside the UTC instant.
"""

from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from possync_tui.domain.exec_ids import CANCELLED, doubted_revision_of, is_memo, revision_of
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import plain
from possync_tui.domain.values import dataclass

# No revision has so many digits.
_BELOW_ALL = 10**9


class FillSource(StrEnum):
    """Where a fill was learnt of."""

    WIRE = "wire"
    FLEX = "flex"


class Side(StrEnum):
    """The two sides of an execution, as TWS writes them."""

    BOUGHT = "BOT"
    SOLD = "SLD"


@dataclass(frozen=True, init=False)
class PositionRow:
    """A row of `reqPositions`: quantity signed, cost in money per contract (IBKR's avgCost).

    Rows that come again unchanged are the same object, so what follows from one is kept with it.
    """

    account: str
    instrument: Instrument
    quantity: Decimal
    average_cost: Decimal
    quantity_text: str
    average_cost_text: str
    key: PositionKey = field(init=False, compare=False, repr=False)

    def __init__(
        self,
        account: str,
        instrument: Instrument,
        quantity: Decimal,
        average_cost: Decimal,
        quantity_text: str,
        average_cost_text: str,
        key: PositionKey | None = None,
    ) -> None:
        # Made by the ten thousand: a frozen one's own way costs as much as reading the numbers.
        fields = self.__dict__
        fields["account"] = account
        fields["instrument"] = instrument
        fields["quantity"] = quantity
        fields["average_cost"] = average_cost
        fields["quantity_text"] = quantity_text
        fields["average_cost_text"] = average_cost_text
        fields["key"] = key or PositionKey(account, instrument.con_id)

    def says_same_as(self, other: "PositionRow") -> bool:
        """Whether the row is no news beside `other`, in whatever digits."""
        return self is other or (
            self.quantity == other.quantity
            and self.average_cost == other.average_cost
            and self.instrument == other.instrument
        )

    @cached_property
    def fingerprint(self) -> str:
        """What of the row makes the digest of a snapshot."""
        amounts = f"{plain(self.quantity)}|{plain(self.average_cost)}"
        return f"{self.account}|{self.instrument.con_id}|{amounts}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A complete answer to `reqPositions`: end marker seen, nothing tainted it (promise 2).

    `rows` holds the last row of each (account, conId), rows with a literal zero included.
    `as_of` is the end of the snapshot on the broker's clock.
    """

    session_id: str
    accounts: tuple[str, ...]
    rows: tuple[PositionRow, ...]
    started_at: datetime
    as_of: datetime


@dataclass(frozen=True, slots=True)
class RowPushed:
    """A position row that came outside any snapshot."""

    row: PositionRow
    session_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `quantity` is positive, `price` excludes commission.

    A quantity of zero says that the broker cancelled the execution: `cancelled_id` names it after
    the revision that it cancels, and later ones count again.
    """

    account: str
    exec_id: str
    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal
    time: datetime
    raw_time: str
    quantity_text: str
    price_text: str
    order_id: int = 0
    perm_id: int = 0
    client_id: int = 0
    exchange: str = ""
    order_ref: str = ""
    liquidation: int = 0
    source: FillSource = FillSource.WIRE

    @property
    def key(self) -> PositionKey:
        return PositionKey(self.account, self.instrument.con_id)

    @property
    def signed_quantity(self) -> Decimal:
        return self.quantity if self.side is Side.BOUGHT else -self.quantity

    @property
    def base_id(self) -> str:
        """The id without its revision: corrections differ only after the last dot."""
        base, dot, _ = self.exec_id.rpartition(".")
        return base if dot else self.exec_id

    @property
    def revision(self) -> int:
        return revision_of(self.exec_id)

    @property
    def is_memo(self) -> bool:
        """Whether it is no execution, but a statement's word on one: see `memo_id`."""
        return not self.quantity and is_memo(self.exec_id)

    @property
    def rank(self) -> tuple[int, bool]:
        """Its place among the revisions: a cancellation comes right behind what it cancels, and
        ahead of what is booked again; what is in doubt comes before all that is certain."""
        doubted = doubted_revision_of(self.exec_id)
        if doubted is not None:
            return (doubted - _BELOW_ALL, False)
        if self.quantity or self.revision < CANCELLED:
            return (self.revision, False)
        return (self.revision - CANCELLED, True)


class Charge(StrEnum):
    """What the amount of a commission report is: all that is charged, as TWS tells it, or what a
    row of a statement says of a cancellation, or of what was booked again. That adds to what was
    charged before; where the same statement tells all of its rows, it is their sum.
    """

    TOTAL = "total"
    ROW = "row"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Commission:
    """A commission report; it joins its fill by `exec_id` only, and may come first."""

    exec_id: str
    amount: Decimal
    currency: str
    broker_realized_pnl: Decimal | None
    amount_text: str
    realized_text: str
    charge: Charge = Charge.TOTAL


@dataclass(frozen=True, slots=True)
class ConnectivityLost:
    """TWS lost IBKR's servers (1100, 2110): counts of absence start again."""

    code: int
    at: datetime
    session_id: str


@dataclass(frozen=True, slots=True)
class PriceEvidence:
    """The price on which an estimate rests: where it came from and how old it was then."""

    price: Decimal
    source: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """A row of a committed snapshot that differed from the last one: the truth about a quantity.

    `baseline` marks the first look at a position: what fills do not explain there was opened
    before we came. `price` is the evidence for an estimate, kept because marks are not. Fills up to
    `known_seq` in the inbox were known before the snapshot began, and so are in its quantity.
    """

    row: PositionRow
    as_of: datetime
    baseline: bool
    snapshot_digest: str
    price: PriceEvidence | None = None
    known_seq: int = 0

    @property
    def key(self) -> PositionKey:
        return self.row.key


@dataclass(frozen=True, slots=True)
class Absent:
    """A known position that a complete snapshot did not hold. By itself it closes nothing.

    With `baseline`, nothing was known of it before. Where a statement tells of the time before the
    account's first snapshot, that one is held against it: it has no digest then.
    """

    key: PositionKey
    as_of: datetime
    baseline: bool
    snapshot_digest: str
    known_seq: int = 0

    @property
    def is_hindsight(self) -> bool:
        """Whether it is about the account's first snapshot, and says nothing about now."""
        return self.baseline and not self.snapshot_digest


class CloseReason(StrEnum):
    """Why a position without closing fills counts as closed, strongest evidence first."""

    ZERO_ROW = "zero_row"
    EXPIRED = "expired"
    CONFIRMED_MISSING = "confirmed_missing"
    USER = "user"


@dataclass(frozen=True, slots=True)
class CloseDecided:
    """The decision, on evidence, that a position is flat at `as_of`."""

    key: PositionKey
    reason: CloseReason
    as_of: datetime
    evidence: str
    price: PriceEvidence | None = None
    known_seq: int = 0


class AdjustmentKind(StrEnum):
    """What can change a position without a trade."""

    SPLIT = "split"
    EXPIRY = "expiry"
    ASSIGNMENT = "assignment"
    EXERCISE = "exercise"
    DELIVERY = "delivery"
    TRANSFER = "transfer"
    CONVERSION = "conversion"
    CASHED = "cashed"
    ISSUE = "issue"
    UNRESOLVED = "unresolved"


class AdjustmentSource(StrEnum):
    """Who says so: a Flex statement of the broker, our own pairing of what a snapshot showed, or
    the user."""

    FLEX = "flex"
    PAIRED = "paired"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A change of a position that is no trade.

    `quantity` is the signed change (zero for a split, which has `ratio` new units for each old
    one). `price` is that of a unit: the strike of a delivery, the cost of what was transferred in.
    `premium` is money, in the contract's currency, that moves from an option into the value of what
    is delivered: added to what is paid or received for it. IBKR realizes nothing on the option then
    (reporting guide). On a statement's option that was assigned or exercised it is what the option
    went for: what moved out of it, or the cash it was settled for. `is_exact` says that nothing in
    it was inferred. `reference` identifies the event at its source, `counterpart` is the conId at
    its other end. `action_id` is the broker's own name of a corporate action, where it is told.

    A conversion takes units out of one contract and puts others into its counterpart, under one
    reference; `premium` is the cash that came with it and `realized` what the broker says was
    realized on it. What was cashed went for `premium`. An issue came without a purchase, at a cost
    of `premium`. An unresolved event changes nothing: its source does not tell enough to book it.
    """

    key: PositionKey
    kind: AdjustmentKind
    instrument: Instrument
    as_of: datetime
    quantity: Decimal
    source: AdjustmentSource
    reference: str
    evidence: str
    price: Decimal | None = None
    premium: Decimal = Decimal(0)
    ratio: tuple[int, int] = (1, 1)
    counterpart: int = 0
    is_exact: bool = True
    known_seq: int = 0
    realized: Decimal | None = None
    is_arrival: bool = False
    action_id: str = ""

    @property
    def brings_basis(self) -> bool:
        """Whether it is the side of a conversion on which units arrive with what they had cost."""
        return self.kind is AdjustmentKind.CONVERSION and self.is_arrival


@dataclass(frozen=True, slots=True)
class CarriedLot:
    """Units that a conversion brought along, with the cost and the opening time that they had."""

    quantity: Decimal
    value_micros: int | None
    fees: tuple[tuple[str, int], ...]
    opened_at: datetime
    is_seeded: bool
    is_pending: bool


@dataclass(frozen=True, slots=True)
class BasisCarried:
    """The cost of the units that a conversion brought, worked out from the position they left.

    `lots` are first in first out, `pool` is the one of average cost. Without lots, nothing left the
    other position after all. When better evidence changes what the other position had cost, a new
    one with a higher `revision` takes the place of the last.
    """

    key: PositionKey
    reference: str
    as_of: datetime
    counterpart: int
    lots: tuple[CarriedLot, ...]
    pool: CarriedLot | None
    revision: int = 0
    known_seq: int = 0


# Decisions that have a place of their own among what happened.
Placed = Anchor | Absent | CloseDecided | Adjusted
# What a plan appends to the inbox beside what was there already.
Decided = Placed | BasisCarried
# What a broker reports, live or in a statement. Marks and connection states are not history, and
# so are not among these.
Observed = RowPushed | Fill | Commission | ConnectivityLost | Adjusted
Observation = Observed | Decided


@dataclass(frozen=True, slots=True)
class Recorded:
    """An observation with its place in the inbox: `seq` is the order of arrival."""

    seq: int
    observation: Observation
