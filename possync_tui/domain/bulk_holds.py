"""What a bulk disappearance is about by now: positions may have come back since it was held."""

from collections.abc import Iterable, Sequence

from possync_tui.domain.terms import HoldKind, Status
from possync_tui.domain.text import printable
from possync_tui.domain.views import HoldView, PositionView

NAMES_SHOWN = 8
_UNDECIDED = ("held", "kept")


def is_over_for(view: PositionView, hold: HoldView) -> bool:
    """Whether a bulk disappearance is no longer about this position: accepting skips it."""
    return hold.kind == HoldKind.BULK_MISSING and view.status != Status.MISSING


def still_gone(views: Iterable[PositionView], hold: HoldView) -> list[PositionView]:
    """Those of the positions of a hold that it is still about."""
    return [view for view in views if not is_over_for(view, hold)]


def views_of(hold: HoldView, views: Iterable[PositionView]) -> list[PositionView]:
    """The positions in the ledger that a hold is about, each as its latest life."""
    con_ids: set[int | None] = {*hold.con_ids} or {hold.con_id}
    return list(
        {v.key: v for v in views if v.account == hold.account and v.con_id in con_ids}.values()
    )


def message_now(hold: HoldView, views: Sequence[PositionView]) -> str:
    """Why it is held, told of what is still gone. `views` are its positions in the ledger."""
    if hold.kind != HoldKind.BULK_MISSING or hold.status not in _UNDECIDED or not views:
        return hold.message
    gone = still_gone(views, hold)
    if len(gone) == len(hold.con_ids):
        return hold.message
    once = f"{len(hold.con_ids)} positions were gone at once"
    if not gone:
        return f"{once}; none still is. The next good sync clears this."
    names = ", ".join(printable(view.description or view.symbol) for view in gone[:NAMES_SHOWN])
    more = f" and {len(gone) - NAMES_SHOWN} more" if len(gone) > NAMES_SHOWN else ""
    verb, those = ("is", "that one") if len(gone) == 1 else ("are", "those")
    return f"{once}; {len(gone)} still {verb}: {names}{more}. Accept books {those} as closed."
