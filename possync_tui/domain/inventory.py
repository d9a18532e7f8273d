"""A position in the making: fills and corrections of quantity go in, lives with entries come out.

Formulae (shared IBKR facts, section 4): for k units closed of lots with value v and commission c,
gross = direction x (exit value - v), net = gross - c - the closing fill's own share of commission.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from possync_tui.domain import lots as lot_math
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.lots import Lots
from possync_tui.domain.money import EXACT, from_micros, to_micros
from possync_tui.domain.observations import PositionRow
from possync_tui.domain.position import (
    CostMethod,
    Entry,
    EntryKind,
    Fees,
    Life,
    Lot,
    Quality,
    Released,
    Status,
)
from possync_tui.domain.trade import Trade


@dataclass
class Inventory:
    """The running state of one (account, conId)."""

    instrument: Instrument
    finished: list[Life] = field(default_factory=list)
    current: Life | None = None
    released: list[Released] = field(default_factory=list)

    @property
    def quantity(self) -> Decimal:
        return self.current.quantity if self.current else Decimal(0)

    def trade(self, trade: Trade) -> None:
        """Apply a fill, or a change that stands for one: add, reduce, close or flip."""
        held = self.quantity
        if held == 0 or (held > 0) == (trade.quantity > 0):
            self._add(self._opening_lot(trade, abs(trade.quantity)), trade.quantity)
            return
        closing = min(abs(held), abs(trade.quantity))
        self._close(trade, closing)
        left = abs(trade.quantity) - closing
        if left:
            self._add(self._opening_lot(trade, left), trade.quantity + held)

    def seed(self, lot: Lot, quantity: Decimal) -> None:
        """Put in a lot that was opened where we could not see it. `quantity` is signed."""
        self._add(lot, quantity)

    def release(self, trade: Trade, *, moved: bool, is_priced: bool = False) -> None:
        """Units that leave without a sale: nothing is realized on them.

        With `moved` their cost went into something else (an assignment) and the entry says zero;
        otherwise (a transfer) what they would have realized is unknown. With `is_priced` it is
        known what they went for, `trade.premium_micros`: what that differs from their cost is
        realized, so that no money gets lost between the two positions.
        """
        life = self.current
        if life is None or (life.quantity > 0) == (trade.quantity > 0):
            return
        units = min(abs(life.quantity), abs(trade.quantity))
        price = trade.premium_micros if is_priced else None
        self._close(trade, units, is_moved=moved, moved_for=price)

    def convert(self, trade: Trade, cash: int, realized: int | None) -> tuple[Lots, Lots]:
        """Units that become units of another contract; returns what goes along, by either method.

        `cash` came with it and `realized` was realized on it, by the broker's word; without cash
        nothing is. What the units had cost goes along, less the cash and with what was realized.
        """
        life = self.current
        if life is None or (life.quantity > 0) == (trade.quantity > 0):
            return (), ()
        units = min(abs(life.quantity), abs(trade.quantity))
        cash = lot_math.share(cash, units, abs(trade.quantity))
        if realized is not None:
            realized = lot_math.share(realized, units, abs(trade.quantity))
        lots, _ = lot_math.take(life.lots, units)
        pool, _ = lot_math.take((life.pool,) if life.pool else (), units)
        self._close(trade, units, is_moved=True)
        if not cash and not realized:
            return lots, pool
        self._restate_last(realized)
        added = None
        if realized is not None:
            added = realized - cash if life.quantity > 0 else cash - realized
        return lot_math.with_value_added(lots, added), lot_math.with_value_added(pool, added)

    def take_over(self, lots: Lots, pool: Lot, signed: Decimal) -> None:
        """Put in units with the cost and the opening times that they had in another contract."""
        life = self.current
        if life is None:
            self.current = Life(
                origin=pool.cause,
                opened_at=min(lot.opened_at for lot in lots),
                quantity=signed,
                status=Status.OPEN,
                lots=lots,
                pool=pool,
            )
            return
        pools = lot_math.add((life.pool,) if life.pool else (), pool, CostMethod.AVERAGE)
        self.current = replace(
            life,
            quantity=life.quantity + signed,
            lots=tuple(sorted((*life.lots, *lots), key=lambda lot: lot.opened_at)),
            pool=pools[0],
        )

    def rescale(self, numerator: int, denominator: int) -> None:
        """A split of the instrument: realized P&L is zero, cost stays."""
        life = self.current
        if life is None:
            return
        self.current = replace(
            life,
            quantity=lot_math.scaled(life.quantity, numerator, denominator),
            lots=lot_math.rescale(life.lots, numerator, denominator),
            pool=lot_math.rescale((life.pool,), numerator, denominator)[0] if life.pool else None,
        )

    def mark_missing(self, since: datetime) -> None:
        life = self.current
        if life is not None and life.status is Status.OPEN:
            self.current = replace(life, status=Status.MISSING, missing_since=since)

    def see(self, row: PositionRow) -> None:
        """The broker showed this row: the life is there, and this is its latest row."""
        life = self.current
        if life is not None:
            # Said in full, here and where lots are added: `replace` would cost most of a plan.
            self.current = Life(
                life.origin,
                life.opened_at,
                life.quantity,
                Status.OPEN,
                life.lots,
                life.pool,
                life.entries,
                life.closed_at,
                None,
                life.close_reason,
                row,
            )

    def lives(self) -> tuple[Life, ...]:
        return (*self.finished, self.current) if self.current else tuple(self.finished)

    def cost_micros(self) -> int | None:
        """What the units now held cost by average cost, commission included; `None` if unknown."""
        life = self.current
        if life is None or life.pool is None:
            return 0
        if life.pool.value_micros is None:
            return None
        direction = 1 if life.quantity > 0 else -1
        fee = dict(life.pool.fees).get(self.instrument.currency, 0)
        return life.pool.value_micros + direction * fee

    def _opening_lot(self, trade: Trade, units: Decimal) -> Lot:
        whole = abs(trade.quantity)
        value = self._value_of(trade)
        # The closing part of a flip was rounded first; the opening part gets what that left.
        if value is not None and units != whole:
            value -= lot_math.share(value, whole - units, whole)
        fees = trade.fees or ()
        if units != whole:
            fees = lot_math.subtract_fees(fees, lot_math.share_fees(fees, whole - units, whole))
        return Lot(
            quantity=units,
            value_micros=value,
            fees=fees,
            opened_at=trade.at,
            cause=trade.cause,
            is_seeded=not trade.is_exact,
            is_pending=trade.fees is None,
        )

    def _value_of(self, trade: Trade) -> int | None:
        if trade.price is None:
            return None
        money = EXACT.multiply(abs(trade.quantity), trade.price)
        value = to_micros(EXACT.multiply(money, self.instrument.unit_value))
        return value + trade.premium_micros

    def _add(self, lot: Lot, signed: Decimal) -> None:
        life = self.current
        if life is None:
            self.current = Life(
                origin=lot.cause,
                opened_at=lot.opened_at,
                quantity=lot.quantity if signed > 0 else -lot.quantity,
                status=Status.OPEN,
                lots=(lot,),
                pool=lot,
            )
            return
        pool = lot_math.add((life.pool,) if life.pool else (), lot, CostMethod.AVERAGE)[0]
        self.current = Life(
            life.origin,
            life.opened_at,
            life.quantity + (lot.quantity if signed > 0 else -lot.quantity),
            life.status,
            lot_math.add(life.lots, lot, CostMethod.FIFO),
            pool,
            life.entries,
            life.closed_at,
            life.missing_since,
            life.close_reason,
            life.row,
        )

    def _close(
        self,
        trade: Trade,
        units: Decimal,
        *,
        is_moved: bool = False,
        moved_for: int | None = None,
    ) -> None:
        life = self.current
        if life is None:
            return
        taken_fifo, lots = lot_math.take(life.lots, units)
        taken_pool, pool = lot_math.take((life.pool,) if life.pool else (), units)
        is_full = units == abs(life.quantity)
        entries = (
            self._entry(trade, units, taken_pool, CostMethod.AVERAGE, is_full),
            self._entry(trade, units, taken_fifo, CostMethod.FIFO, is_full),
        )
        if is_moved:
            currency = self.instrument.currency
            entries = (
                _moved(entries[0], trade, taken_pool, currency),
                _moved(entries[1], trade, taken_fifo, currency),
            )
        if moved_for is not None:
            received = lot_math.share(moved_for, units, abs(trade.quantity))
            entries = (
                self._beyond_cost(entries[0], taken_pool, received),
                self._beyond_cost(entries[1], taken_fifo, received),
            )
        after = replace(
            life,
            quantity=life.quantity - units if life.quantity > 0 else life.quantity + units,
            lots=lots,
            pool=pool[0] if pool else None,
            entries=life.entries + entries,
        )
        if not is_full:
            self.current = after
            return
        reason = "fills" if trade.kind is EntryKind.FILL else trade.kind.value.lower()
        self.finished.append(
            replace(
                after,
                status=Status.CLOSED,
                closed_at=trade.at,
                close_reason=reason,
                missing_since=None,
            )
        )
        self.current = None

    def _restate_last(self, realized: int | None) -> None:
        """Give the entries of the last closing, one by each method, the amount that is told."""
        life = self.current or self.finished.pop()
        restated = tuple(
            replace(
                entry,
                gross_micros=realized,
                realized_micros=realized,
                quality=entry.quality
                if realized is not None or entry.quality is Quality.MANUAL
                else Quality.ESTIMATED,
            )
            for entry in life.entries[-2:]
        )
        restated_life = replace(life, entries=life.entries[:-2] + restated)
        if self.current is None:
            self.finished.append(restated_life)
        else:
            self.current = restated_life

    def _entry(
        self, trade: Trade, units: Decimal, taken: Lots, method: CostMethod, is_full: bool
    ) -> Entry:
        whole = abs(trade.quantity)
        entry_value = lot_math.total_value(taken)
        exit_value = self._value_of(trade)
        gross: int | None = None
        if entry_value is not None and exit_value is not None:
            direction = 1 if self.quantity > 0 else -1
            gross = direction * (lot_math.share(exit_value, units, whole) - entry_value)
        closing_fees = lot_math.share_fees(trade.fees or (), units, whole)
        fees = lot_math.add_fees(closing_fees, *(lot.fees for lot in taken))
        own = dict(fees).get(self.instrument.currency, 0)
        commission, currency = shown_commission(fees, self.instrument.currency)
        return Entry(
            cause=trade.cause,
            method=method,
            kind=trade.kind,
            quality=_quality(trade, taken, is_known=gross is not None),
            closed_at=trade.at,
            quantity=units,
            entry_price=self._price_of(entry_value, units),
            exit_price=trade.price,
            gross_micros=gross,
            commission_micros=commission,
            commission_currency=currency,
            realized_micros=None if gross is None else gross - own,
            broker_realized=trade.broker_realized,
            exec_id=trade.exec_id,
            is_full_close=is_full,
            price=trade.evidence,
            taken=taken,
            is_short=self.quantity < 0,
        )

    def _beyond_cost(self, entry: Entry, taken: Lots, price: int) -> Entry:
        """The entry of units that went for `price`: it realizes what that differs from their cost.

        `price` is received for long units and paid for short ones.
        """
        value = lot_math.total_value(taken)
        if value is None:
            return replace(entry, gross_micros=None, realized_micros=None)
        fees = dict(lot_math.add_fees(*(lot.fees for lot in taken)))
        gross = price - value if self.quantity > 0 else value - price
        realized = gross - fees.get(self.instrument.currency, 0)
        return replace(entry, gross_micros=realized, realized_micros=realized)

    def _price_of(self, value: int | None, units: Decimal) -> Decimal | None:
        if value is None:
            return None
        per_unit = EXACT.multiply(units, self.instrument.unit_value)
        price = EXACT.divide(from_micros(value), per_unit)
        return price.quantize(Decimal("1E-12")).normalize(EXACT)


def _moved(entry: Entry, trade: Trade, taken: Lots, own_currency: str) -> Entry:
    """The entry of units whose cost, commission included, moved elsewhere: it realizes zero.

    Commission in another currency did not move with the cost, and stays here to be seen.
    """
    fees = lot_math.add_fees(*(lot.fees for lot in taken))
    foreign = tuple((currency, fee) for currency, fee in fees if currency != own_currency)
    commission, currency = shown_commission(foreign, own_currency)
    return replace(
        entry,
        exit_price=None,
        gross_micros=0,
        commission_micros=commission,
        commission_currency=currency,
        realized_micros=0,
        quality=_quality(trade, taken, is_known=True),
    )


def _quality(trade: Trade, taken: Lots, *, is_known: bool) -> Quality:
    if trade.kind is EntryKind.USER or trade.is_manual:
        return Quality.MANUAL
    if not trade.is_exact or not is_known or any(lot.is_seeded for lot in taken):
        return Quality.ESTIMATED
    if trade.fees is None or any(lot.is_pending for lot in taken):
        return Quality.PENDING_COMMISSION
    return Quality.EXACT


def shown_commission(fees: Fees, own_currency: str) -> tuple[int, str]:
    """The commission to show: in the contract's currency, or in the one it was charged in."""
    by_currency = {currency: micros for currency, micros in fees if micros}
    if len(by_currency) == 1:
        currency, micros = next(iter(by_currency.items()))
        return micros, currency
    return by_currency.get(own_currency, 0), own_currency
