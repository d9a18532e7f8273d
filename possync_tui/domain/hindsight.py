"""What a statement says of the time before the first look: it did not show what it tells of."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.look import trades_cash
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentSource,
    Anchor,
    Fill,
    FillSource,
    Recorded,
)
from possync_tui.domain.plan import Book

Histories = Mapping[PositionKey, Sequence[Recorded]]


def in_hindsight(book: Book, histories: Histories) -> dict[PositionKey, Absent]:
    """Positions of which a statement tells, and which their account's first snapshot did not hold.

    Without that, a statement that begins with a sale would make a short position of it. Where TWS
    sends no rows of conversions, that there was none says nothing.
    """
    found: dict[PositionKey, Absent] = {}
    for key in sorted(key for key, history in histories.items() if history):
        history, account = histories[key], book.accounts.get(key.account)
        first = account.baseline_at if account else None
        if first is None or not _begins_before(history, first):
            continue
        if _had_row(history) or not trades_cash(history):
            found[key] = Absent(key, first, baseline=True, snapshot_digest="")
    return found


def _had_row(history: Sequence[Recorded]) -> bool:
    return any(isinstance(recorded.observation, Anchor) for recorded in history)


def _begins_before(history: Sequence[Recorded], first: datetime) -> bool:
    """Whether a statement tells of the time before a first look that nothing is known of."""
    tells = False
    for recorded in history:
        match recorded.observation:
            case Anchor(baseline=True) | Absent(baseline=True) as look if look.as_of <= first:
                return False
            case Fill(source=FillSource.FLEX) as fill if not fill.is_memo:
                tells = tells or fill.time < first
            case Adjusted(source=AdjustmentSource.FLEX) as item:
                tells = tells or item.as_of < first
            case _:
                pass
    return tells


def with_hindsight(
    histories: Histories, hindsight: Mapping[PositionKey, Absent]
) -> dict[PositionKey, Sequence[Recorded]]:
    return {
        key: (*history, Recorded(history[-1].seq, hindsight[key])) if key in hindsight else history
        for key, history in histories.items()
    }
