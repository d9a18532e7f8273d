"""Conversion: units of one contract that became units of another, at the cost that they had.

A merger, a new symbol, a split under a new contract id. Each position is rebuilt by itself; what
ties two of them together is an observation of its own, the cost that was carried over, which every
plan works out again from the position that the units left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.inventory import Inventory
from possync_tui.domain.lots import Lots
from possync_tui.domain.money import EXACT, to_micros
from possync_tui.domain.observations import (
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    BasisCarried,
    CarriedLot,
    Observation,
    Recorded,
)
from possync_tui.domain.position import EntryKind, Lot, Rebuilt, Released
from possync_tui.domain.trade import Trade


def convert(inventory: Inventory, item: Adjusted, basis: BasisCarried | None) -> None:
    """Do one side of a conversion to a position."""
    if not item.is_arrival:
        trade = Trade(
            cause=f"{item.kind.value}:{item.reference}",
            kind=EntryKind.CONVERTED,
            at=item.as_of,
            quantity=item.quantity,
            price=None,
            is_exact=item.is_exact,
            is_manual=item.source is AdjustmentSource.USER,
        )
        realized = None if item.realized is None else to_micros(item.realized)
        lots, pools = inventory.convert(trade, to_micros(item.premium), realized)
        if pools:
            carried = tuple(_carried(lot) for lot in lots)
            told = abs(item.quantity)
            inventory.released.append(Released(item.reference, told, carried, _carried(pools[0])))
        return
    lots = _arrived(item, basis)
    held = inventory.quantity
    if held and (held > 0) != (item.quantity > 0):
        # They close units of the other side, at a price that nobody named.
        trade = Trade(lots[0].cause, EntryKind.CONVERTED, item.as_of, item.quantity, None)
        inventory.trade(trade)
        return
    pool = lots[0] if basis is None or basis.pool is None else _lot(item, basis.pool)
    inventory.take_over(lots, pool, item.quantity)


def _arrived(item: Adjusted, basis: BasisCarried | None) -> Lots:
    """The lots that came; one of unknown cost where nothing tells of the position they left."""
    if basis is not None and basis.lots:
        return tuple(_lot(item, lot) for lot in basis.lots)
    value = None
    if item.price is not None:
        units = EXACT.multiply(abs(item.quantity), item.instrument.unit_value)
        value = to_micros(EXACT.multiply(units, item.price))
    unknown = CarriedLot(abs(item.quantity), value, (), item.as_of, True, False)
    return (_lot(item, unknown),)


def _lot(item: Adjusted, carried: CarriedLot) -> Lot:
    return Lot(
        quantity=carried.quantity,
        value_micros=carried.value_micros,
        fees=carried.fees,
        opened_at=carried.opened_at,
        cause=f"{item.kind.value}:{item.reference}",
        # A lot that came over by the user's word alone is no fact.
        is_seeded=carried.is_seeded or item.source is AdjustmentSource.USER,
        is_pending=carried.is_pending,
    )


def _carried(lot: Lot) -> CarriedLot:
    return CarriedLot(
        lot.quantity, lot.value_micros, lot.fees, lot.opened_at, lot.is_seeded, lot.is_pending
    )


def linked_keys(histories: Mapping[PositionKey, Sequence[Recorded]]) -> frozenset[PositionKey]:
    """Positions at the other end of a conversion, as far as they are not among these."""
    return frozenset(
        PositionKey(key.account, item.counterpart)
        for key, history in histories.items()
        for item in _conversions(history)
    ) - frozenset(histories)


def basis_to_carry(
    histories: Mapping[PositionKey, Sequence[Recorded]], rebuilt: Mapping[PositionKey, Rebuilt]
) -> tuple[BasisCarried, ...]:
    """What the positions as rebuilt now say of conversions, where it was not said so before."""
    found: list[BasisCarried] = []
    for key, history in sorted(histories.items()):
        known = latest_basis(history)
        for item in _conversions(history):
            source = rebuilt.get(PositionKey(key.account, item.counterpart))
            if not item.is_arrival or source is None:
                continue
            last = known.get(item.reference)
            now = _basis(item, source.released, 0 if last is None else last.revision + 1)
            if last is None or replace(now, revision=last.revision) != last:
                found.append(now)
    return tuple(found)


def has_conversions(histories: Mapping[PositionKey, Sequence[Recorded]]) -> bool:
    return any(is_conversion(r.observation) for history in histories.values() for r in history)


def is_conversion(item: Observation) -> bool:
    return isinstance(item, Adjusted) and item.kind is AdjustmentKind.CONVERSION


def latest_basis(history: Iterable[Recorded]) -> dict[str, BasisCarried]:
    """The last word on the cost that each conversion brought."""
    latest: dict[str, BasisCarried] = {}
    for recorded in history:
        if isinstance(recorded.observation, BasisCarried):
            latest[recorded.observation.reference] = recorded.observation
    return latest


def _conversions(history: Sequence[Recorded]) -> list[Adjusted]:
    return [
        recorded.observation
        for recorded in history
        if isinstance(recorded.observation, Adjusted)
        and recorded.observation.kind is AdjustmentKind.CONVERSION
    ]


def _basis(item: Adjusted, released: Iterable[Released], revision: int) -> BasisCarried:
    out = next((r for r in released if r.reference == item.reference), None)
    lots: tuple[CarriedLot, ...] = ()
    pool: CarriedLot | None = None
    if out is not None:
        units = abs(item.quantity)
        known = EXACT.divide(EXACT.multiply(units, out.pool.quantity), out.told_units)
        lots, pool = _resized(out.lots, known), _resized((out.pool,), known)[0]
        if known < units:
            # Of what we did not know to be there, the cost is not known either.
            rest = CarriedLot(units - known, None, (), item.as_of, True, False)
            lots = (*lots, rest)
            pool = replace(pool, quantity=units, value_micros=None, is_seeded=True)
    return BasisCarried(
        key=item.key,
        reference=item.reference,
        as_of=item.as_of,
        counterpart=item.counterpart,
        lots=lots,
        pool=pool,
        revision=revision,
    )


def _resized(lots: tuple[CarriedLot, ...], units: Decimal) -> tuple[CarriedLot, ...]:
    """The lots as `units` of the new contract; the last gets what rounding leaves."""
    whole = sum((lot.quantity for lot in lots), Decimal(0))
    left = units
    resized: list[CarriedLot] = []
    for place, lot in enumerate(lots, start=1):
        exact = EXACT.divide(EXACT.multiply(lot.quantity, units), whole)
        part = left if place == len(lots) else exact
        left = EXACT.subtract(left, part)
        resized.append(replace(lot, quantity=part))
    return tuple(resized)
