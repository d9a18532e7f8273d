"""What happened to a position, in the broker's order: fills in their latest revision, adjustments.

Anchors and other decisions are not among these; they are what happenings are held against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from possync_tui.domain.conversion import convert
from possync_tui.domain.exec_ids import is_booking
from possync_tui.domain.inventory import Inventory
from possync_tui.domain.money import EXACT, to_micros
from possync_tui.domain.observations import (
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    BasisCarried,
    Charge,
    Commission,
    Fill,
    FillSource,
    PriceEvidence,
    Recorded,
)
from possync_tui.domain.position import EntryKind, Fees
from possync_tui.domain.trade import Trade
from possync_tui.domain.values import dataclass

SAME_EVENT = timedelta(days=5)
"""A statement dates an option's end or a split by the business day on which it was processed; our
own pairing dates it by the snapshot that showed it, over a weekend at the latest."""

_PRICE_DIGITS = Decimal("1E-12")

Reports = dict[str, list[Commission]]
"""The commission reports of each execution, in order of arrival."""

_KIND_OF_RELEASE = {
    AdjustmentKind.ASSIGNMENT: EntryKind.ASSIGNED,
    AdjustmentKind.EXERCISE: EntryKind.EXERCISED,
    AdjustmentKind.TRANSFER: EntryKind.TRANSFERRED,
}


@dataclass(frozen=True, slots=True)
class KnownFill:
    """A fill in its latest revision, at the time of its first.

    `revisions` are all of them, oldest first; `arrivals` are their places in the inbox.
    """

    at: datetime
    base_id: str
    fill: Fill
    commission: Commission | None
    revisions: tuple[Fill, ...]
    arrivals: tuple[int, ...]
    is_of_statement: bool = False

    @property
    def order(self) -> tuple[datetime, str]:
        # Of one instant: a fraction is cashed, or a future settled, of what the others left.
        return (self.at, f"~~{self.base_id}" if is_booking(self.base_id) else self.base_id)

    @property
    def cause(self) -> str:
        """What lots and entries that come of it are known by."""
        return f"fill:{self.base_id}"

    def after(self, quantity: Decimal, revision: int | None = None) -> Decimal:
        """The quantity that so many of its revisions leave of `quantity`; without, all of them."""
        if revision == 0:
            return quantity
        fill = self.fill if revision is None else self.revisions[revision - 1]
        return quantity + fill.signed_quantity

    def apply(self, inventory: Inventory) -> None:
        if not self.fill.quantity:
            # Cancelled: it matters only for quantities that were stated before that.
            return
        report = self.commission
        fees: Fees | None = None
        if report is not None:
            fees = ((report.currency, to_micros(report.amount)),)
        inventory.trade(
            Trade(
                cause=self.cause,
                kind=EntryKind.FILL,
                at=self.at,
                quantity=self.fill.signed_quantity,
                price=self.fill.price,
                fees=fees,
                is_exact=True,
                exec_id=self.fill.exec_id,
                broker_realized=report.broker_realized_pnl if report else None,
            )
        )


@dataclass(frozen=True, slots=True)
class KnownAdjustment:
    """A change that is no trade, at its place in the inbox."""

    seq: int
    item: Adjusted
    basis: BasisCarried | None = None

    @property
    def at(self) -> datetime:
        return self.item.as_of

    @property
    def arrivals(self) -> tuple[int, ...]:
        return (self.seq,)

    @property
    def order(self) -> tuple[datetime, str]:
        # Of one instant: units that come are there before they are sold, others go last.
        return (self.item.as_of, f"{' ' if self.item.brings_basis else '~'}{self.item.reference}")

    @property
    def is_of_statement(self) -> bool:
        return self.item.source is AdjustmentSource.FLEX

    def after(self, quantity: Decimal, revision: int | None = None) -> Decimal:
        """The quantity that it leaves of `quantity`; unchanged where `revision` is 0."""
        if revision == 0 or self.item.kind is AdjustmentKind.UNRESOLVED:
            return quantity
        new, old = self.item.ratio
        scaled = EXACT.divide(EXACT.multiply(quantity, Decimal(new)), Decimal(old))
        return scaled + self.item.quantity

    def apply(self, inventory: Inventory) -> None:
        adjust(inventory, self.item, self.basis)


Happening = KnownFill | KnownAdjustment


def adjust(inventory: Inventory, item: Adjusted, basis: BasisCarried | None = None) -> None:
    """Do to a position what a corporate action, an option's end or a transfer did to it."""
    match item.kind:
        case AdjustmentKind.SPLIT:
            inventory.rescale(*item.ratio)
        case AdjustmentKind.EXPIRY:
            _expire(inventory, item)
        case AdjustmentKind.DELIVERY:
            inventory.trade(_trade(item, EntryKind.DELIVERED, item.price))
        case AdjustmentKind.ASSIGNMENT | AdjustmentKind.EXERCISE:
            # A part of ours tells what moved out of it too: by one method it cost something else.
            is_priced = item.source is AdjustmentSource.FLEX or bool(item.premium)
            trade = _trade(item, _KIND_OF_RELEASE[item.kind], None)
            inventory.release(trade, moved=True, is_priced=is_priced)
        case AdjustmentKind.TRANSFER:
            _transfer(inventory, item)
        case AdjustmentKind.CONVERSION:
            convert(inventory, item, basis)
        case AdjustmentKind.CASHED:
            inventory.trade(_told_trade(item, EntryKind.CASHED))
        case AdjustmentKind.ISSUE:
            inventory.trade(_told_trade(item, EntryKind.CONVERTED))
        case AdjustmentKind.UNRESOLVED:
            pass


def _expire(inventory: Inventory, item: Adjusted) -> None:
    """Units end without a price. Only what is held can: nothing is opened by an expiry."""
    held = inventory.quantity
    if held * item.quantity >= 0:
        return
    units = min(abs(held), abs(item.quantity)).copy_sign(item.quantity)
    inventory.trade(_trade(replace(item, quantity=units), EntryKind.EXPIRED, Decimal(0)))


def _transfer(inventory: Inventory, item: Adjusted) -> None:
    """Units that go to, or come from, another account or broker: no P&L is made by that."""
    held = inventory.quantity
    if item.source is AdjustmentSource.USER or held * item.quantity < 0:
        # The user's word is about what is missing: nothing is opened by it.
        trade = _trade(item, _KIND_OF_RELEASE[item.kind], None)
        inventory.release(trade, moved=False)
        return
    inventory.trade(_trade(item, EntryKind.TRANSFERRED, item.price))


def _told_trade(item: Adjusted, kind: EntryKind) -> Trade:
    """A change whose whole money is told, `premium`: its price is only for show."""
    money = abs(item.premium)
    units = EXACT.multiply(abs(item.quantity), item.instrument.unit_value)
    price = EXACT.divide(money, units).quantize(_PRICE_DIGITS, context=EXACT)
    rounded_off = to_micros(money) - to_micros(EXACT.multiply(units, price))
    trade = _trade(item, kind, price)
    return replace(trade, premium_micros=rounded_off, broker_realized=item.realized)


def _trade(item: Adjusted, kind: EntryKind, price: Decimal | None) -> Trade:
    return Trade(
        cause=f"{item.kind.value}:{item.reference}",
        kind=kind,
        at=item.as_of,
        quantity=item.quantity,
        price=price,
        premium_micros=to_micros(item.premium),
        is_exact=item.is_exact,
        is_manual=item.source is AdjustmentSource.USER,
        evidence=None if price is None else PriceEvidence(price, item.source.value, 0.0),
    )


def known_fills(history: Iterable[Recorded]) -> tuple[KnownFill, ...]:
    """Fills that stand, in the broker's order, corrections in place of what they correct."""
    standing = (fill for fill in fills_in(history) if fill.fill.quantity)
    return tuple(sorted(standing, key=lambda fill: fill.order))


def fills_in(history: Iterable[Recorded]) -> list[KnownFill]:
    """Every fill in its latest revision, cancelled ones too, in order of arrival."""
    reports: Reports = {}
    revisions: dict[str, list[tuple[int, Fill]]] = {}
    for recorded in history:
        match recorded.observation:
            case Commission() as report:
                reports.setdefault(report.exec_id, []).append(report)
            case Fill() as fill if not fill.is_memo:
                revisions.setdefault(fill.base_id, []).append((recorded.seq, fill))
    return [_latest(base, found, reports) for base, found in revisions.items()]


def _latest(base: str, found: list[tuple[int, Fill]], reports: Reports) -> KnownFill:
    by_revision = sorted(found, key=lambda pair: pair[1].rank)
    first, last = by_revision[0][1], by_revision[-1][1]
    # One that was seen live is not the statement's, whoever corrected it.
    is_of_statement = all(fill.source is FillSource.FLEX for _, fill in found)
    return KnownFill(
        at=first.time,
        base_id=base,
        fill=last,
        commission=_charged([fill for _, fill in by_revision], reports),
        revisions=tuple(fill for _, fill in by_revision),
        arrivals=tuple(seq for seq, _ in by_revision),
        is_of_statement=is_of_statement,
    )


def _charged(revisions: Sequence[Fill], reports: Reports) -> Commission | None:
    """What an execution was charged in all, as far as that is reported."""
    standing: Commission | None = None
    charge: Commission | None = None
    earlier: tuple[int, bool] | None = None
    for fill in revisions:
        told = {report.charge: report for report in reports.get(fill.exec_id, ())}
        last = reports[fill.exec_id][-1] if told else None
        revision, is_cancel = fill.rank
        follows = earlier is not None and (
            earlier[1] or (is_cancel and earlier == (revision, False))
        )
        charge = _added(charge if follows else None, told.get(Charge.ROW)) or told.get(Charge.ROWS)
        if not is_cancel:
            # A correction does not always bring its own report: the latest one stands.
            total = told.get(Charge.TOTAL) if follows else None
            charge = charge or total or last or standing
        standing, earlier = charge or standing, fill.rank
    return standing


def _added(charged: Commission | None, row: Commission | None) -> Commission | None:
    if charged is None or row is None or charged.currency != row.currency:
        return None
    return replace(row, amount=EXACT.add(charged.amount, row.amount), charge=Charge.ROWS)
