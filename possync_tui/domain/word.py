"""The user's word on what is held, as observations: what a close, a transfer, a link book.

They stand among the happenings of a position at the time at which it went or came, so that a
statement which tells more of it later takes their place.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from possync_tui.domain.happenings import SAME_EVENT, known_fills
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.life import rebuild
from possync_tui.domain.money import BadNumber, parse_number, plain
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Anchor,
    CloseDecided,
    PriceEvidence,
    Recorded,
)
from possync_tui.domain.position import APPEARED
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.values import dataclass

SOURCE_OF_PRICE = "user"
_GONE = frozenset({HoldKind.MISSING, HoldKind.BULK_MISSING})
# Sellers have paid to be rid of these.
_MAY_BE_NEGATIVE = frozenset({"FUT"})


@dataclass(frozen=True, slots=True)
class Word:
    """What the user said to a hold. With `price`, at what price a position was closed; with
    `is_transfer`, that it was not closed but moved elsewhere."""

    accept: bool
    note: str = ""
    price: Decimal | None = None
    is_transfer: bool = False

    @property
    def evidence(self) -> str:
        what = "a transfer, by the user" if self.is_transfer else "accepted by the user"
        at = "" if self.price is None else f", at {plain(self.price)}"
        return f"{what}{at}" + (f": {self.note}" if self.note else "")

    @property
    def price_evidence(self) -> PriceEvidence | None:
        return None if self.price is None else PriceEvidence(self.price, SOURCE_OF_PRICE, 0.0)


class BadPrice(ValueError):
    """The text is no price; the message says why."""


class CannotBook(Exception):
    """What the user accepted does not stand any more; the message says why."""


def why_unfit(word: Word, kind: HoldKind, sec_type: str) -> str | None:
    """A sentence where a word does not fit what is held, of an instrument of this type."""
    if word.price is None and not word.is_transfer:
        return None
    name = kind.value.replace("_", " ")
    if not word.accept:
        return "a price or a transfer goes with accepting, not with keeping"
    if word.price is not None and word.is_transfer:
        return "a transfer has no price: nothing was sold"
    if word.is_transfer:
        return None if kind in _GONE else f"what is held as {name} cannot be a transfer"
    if kind is not HoldKind.MISSING:
        return f"a price fits one missing position, not what is held as {name}"
    if word.price is not None and word.price < 0 and sec_type not in _MAY_BE_NEGATIVE:
        return f"the price cannot be negative: {plain(word.price)}"
    return None


def parse_price(text: str) -> Decimal:
    """A price as a user writes it. Raises `BadPrice`."""
    try:
        return parse_number("price", text)
    except BadNumber as bad:
        raise BadPrice(f"the price is {bad.why}: {text!r}") from None


def transferred(key: PositionKey, history: Sequence[Recorded], word: Word) -> Adjusted:
    """A position that is gone, as moved elsewhere. Raises `CannotBook`."""
    gone = _gone(key, history)
    return Adjusted(
        key=key,
        kind=AdjustmentKind.TRANSFER,
        instrument=gone.instrument,
        as_of=gone.at,
        quantity=-gone.units,
        source=AdjustmentSource.USER,
        reference=f"user:{gone.at.isoformat()}",
        evidence=word.evidence,
        is_exact=False,
    )


def linked(
    old: PositionKey,
    new: PositionKey,
    old_history: Sequence[Recorded],
    new_history: Sequence[Recorded],
    word: Word,
) -> tuple[Adjusted, Adjusted]:
    """Two positions as one holding under another contract: its end here, and its coming there.

    Raises `CannotBook`.
    """
    gone, came = _gone(old, old_history), _came(new, new_history)
    reference = f"user:{old.con_id}>{new.con_id}:{gone.at.isoformat()}"
    end = Adjusted(
        key=old,
        kind=AdjustmentKind.CONVERSION,
        instrument=gone.instrument,
        as_of=gone.at,
        quantity=-gone.units,
        source=AdjustmentSource.USER,
        reference=reference,
        evidence=f"the same holding as contract {new.con_id}: {word.evidence}",
        counterpart=new.con_id,
        is_exact=False,
    )
    beginning = Adjusted(
        key=new,
        kind=AdjustmentKind.CONVERSION,
        instrument=came.instrument,
        as_of=came.at,
        quantity=came.units,
        source=AdjustmentSource.USER,
        reference=reference,
        evidence=f"the same holding as contract {old.con_id}: {word.evidence}",
        counterpart=old.con_id,
        is_exact=False,
        is_arrival=True,
    )
    return end, beginning


@dataclass(frozen=True, slots=True)
class _Side:
    instrument: Instrument
    units: Decimal
    at: datetime


def _gone(key: PositionKey, history: Sequence[Recorded]) -> _Side:
    """What went, and when it was first not there."""
    last: Anchor | None = None
    end: datetime | None = None
    before_end = len(history)
    for place, recorded in enumerate(history):
        match recorded.observation:
            case Anchor() as anchor:
                last, end, before_end = anchor, None, len(history)
            case Absent(is_hindsight=False) | CloseDecided() as item if end is None:
                end, before_end = item.as_of, place
            case _:
                pass
    if last is None or end is None:
        raise CannotBook(f"contract {key.con_id} is not gone")
    current = rebuild(history).current
    if current is None:
        # A zero row closed it: what it held before that.
        later = (r for r in history[before_end:] if not isinstance(r.observation, CloseDecided))
        current = rebuild([*history[:before_end], *later]).current
    if current is None:
        raise CannotBook(f"how contract {key.con_id} ended is explained already")
    return _Side(last.row.instrument, current.quantity, end)


def _came(key: PositionKey, history: Sequence[Recorded]) -> _Side:
    """What came without a fill, just before the row that showed it and any fill of it."""
    rebuilt = rebuild(history)
    life = rebuilt.current
    if life is None or not life.origin.startswith(APPEARED):
        raise CannotBook(f"how contract {key.con_id} came is explained already")
    anchors = (r.observation for r in history if isinstance(r.observation, Anchor))
    # Where fills went before it, the life is as old as the first of them.
    shown = next((anchor for anchor in anchors if anchor.as_of >= life.opened_at), None)
    if shown is None:
        raise CannotBook(f"no row shows how contract {key.con_id} came")
    units = dict(rebuilt.unexplained).get(shown.as_of, life.quantity)
    around = [
        fill.at
        for fill in known_fills(history)
        if timedelta(0) <= shown.as_of - fill.at <= SAME_EVENT
    ]
    at = min(around) - timedelta(seconds=1) if around else shown.as_of
    return _Side(shown.row.instrument, units, at)
