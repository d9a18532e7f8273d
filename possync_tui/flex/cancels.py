"""Cancellations of trades that are not in the same statement: of another file, or known already.

A cancellation names its trade by ids that TWS does not report. It is found by what changed hands,
and the day where the row names one; where that fits several trades that differ, none is cancelled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from possync_tui.domain.happenings import KnownFill, known_fills
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Fill, FillSource, Recorded, cancelled_id
from possync_tui.domain.values import dataclass
from possync_tui.flex.times import NEW_YORK

_MARK = "cancelled by "


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A row that takes back a trade of `quantity` (signed) at `price`. `name` identifies the row,
    `of_day` is the day of the trade where the row says it."""

    key: PositionKey
    quantity: Decimal
    price: Decimal
    at: datetime
    of_day: date | None
    name: str
    line: int
    symbol: str


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What cancellations amount to: fills without a quantity, and notes on those left out."""

    fills: tuple[Fill, ...]
    notes: tuple[str, ...]


def carry_out(
    cancellations: Iterable[Cancellation],
    histories: Mapping[PositionKey, Sequence[Recorded]],
    imported: Iterable[Fill],
) -> CarriedOut:
    """Find what is cancelled among the fills of the ledger and of the files of this import."""
    fills: list[Fill] = []
    notes: list[str] = []
    fresh = tuple(imported)
    for cancel in cancellations:
        history = list(histories.get(cancel.key, ()))
        added = (fill for fill in (*fresh, *fills) if fill.key == cancel.key)
        history += [Recorded(0, fill) for fill in added]
        if _is_done(cancel, history):
            continue
        found = [known for known in known_fills(history) if _fits(cancel, known)]
        kinds = {(k.commission.amount if k.commission else None) for k in found}
        if found and len(kinds) == 1:
            fills.append(_cancelled(found[-1].fill, cancel))
            continue
        why = "several trades that it may mean differ" if found else "the trade is not known here"
        notes.append(
            f"line {cancel.line}: a cancellation in {cancel.symbol} is left out: {why}; import the "
            "statement with the trade together with this one"
        )
    return CarriedOut(tuple(fills), tuple(notes))


def _is_done(cancel: Cancellation, history: Sequence[Recorded]) -> bool:
    """Whether it was carried out before, or its trade was booked again under a later revision."""
    seen = [r.observation for r in history if isinstance(r.observation, Fill)]
    if any(fill.order_ref == _MARK + cancel.name for fill in seen):
        return True
    meant = [
        fill
        for fill in seen
        if (fill.signed_quantity, fill.price) == (cancel.quantity, cancel.price)
    ]
    return bool(meant) and all(
        any(later.base_id == fill.base_id and later.rank > fill.rank for later in seen)
        for fill in meant
    )


def _fits(cancel: Cancellation, known: KnownFill) -> bool:
    fill = known.fill
    if (fill.signed_quantity, fill.price) != (cancel.quantity, cancel.price):
        return False
    if cancel.of_day is not None:
        return known.at.astimezone(NEW_YORK).date() == cancel.of_day
    return known.at <= cancel.at


def _cancelled(fill: Fill, cancel: Cancellation) -> Fill:
    return replace(
        fill,
        exec_id=cancelled_id(fill.exec_id),
        quantity=Decimal(0),
        quantity_text="0",
        order_ref=_MARK + cancel.name,
        source=FillSource.FLEX,
    )
