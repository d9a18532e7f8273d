"""What a bulk disappearance is about by now: positions may have come back since it was held."""

from collections.abc import Iterable, Sequence

from possync_tui.domain.terms import HoldKind, Status
from possync_tui.domain.views import HoldView, PositionView
from possync_tui.tui.format import clean, counted

NAMES_SHOWN = 8


def is_over_for(view: PositionView, hold: HoldView) -> bool:
    """Whether a bulk disappearance is no longer about this position: accepting skips it."""
    return hold.kind == HoldKind.BULK_MISSING and view.status != Status.MISSING


def still_gone(views: Iterable[PositionView], hold: HoldView) -> list[PositionView]:
    """Those of the positions of a hold that it is still about."""
    return [view for view in views if not is_over_for(view, hold)]


def message_now(hold: HoldView, views: Sequence[PositionView]) -> str:
    """Why it is held, told of what is still gone. `views` are its positions in the ledger."""
    gone = still_gone(views, hold)
    if hold.kind != HoldKind.BULK_MISSING or not views or len(gone) == len(hold.con_ids):
        return hold.message
    once = f"{counted(len(hold.con_ids), 'position')} were gone at once"
    if not gone:
        return f"{once}; none still is. The next good sync clears this."
    names = ", ".join(clean(view.description or view.symbol) for view in gone[:NAMES_SHOWN])
    more = f" and {len(gone) - NAMES_SHOWN} more" if len(gone) > NAMES_SHOWN else ""
    verb, those = ("is", "that one") if len(gone) == 1 else ("are", "those")
    return f"{once}; {len(gone)} still {verb}: {names}{more}. Accept books {those} as closed."
