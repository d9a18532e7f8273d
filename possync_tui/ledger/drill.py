"""From a realized entry down to the fills that it rests on."""

import sqlite3
from collections.abc import Sequence

from possync_tui.domain.counting import CLOCK_DOUBT
from possync_tui.domain.happenings import KnownFill, known_fills
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.views import FillView
from possync_tui.ledger.at_rest import moment, optional_moment
from possync_tui.ledger.inbox import history
from possync_tui.ledger.lives import VOIDED


def fills_of(db: sqlite3.Connection, entry_id: int) -> list[FillView]:
    """The fills of an entry's life up to that entry: what closed it first, then the newest first.

    A fill that was corrected is there once, as it was corrected. An entry without a fill (an
    estimate, an expiry) has those before it; one that is not there has none.
    """
    record = db.execute(
        "SELECT entry.account, entry.con_id, entry.cause, entry.closed_at, life.origin,"
        " life.opened_at, (SELECT max(before.closed_at) FROM lives AS before"
        " WHERE before.account = life.account AND before.con_id = life.con_id"
        " AND before.id <> life.id AND before.closed_at <= life.opened_at"
        " AND before.close_reason <> ?) AS closed_before FROM realized_entries AS entry"
        " JOIN lives AS life ON life.id = entry.life_id WHERE entry.id = ?",
        (VOIDED, entry_id),
    ).fetchone()
    if record is None:
        return []
    fills = known_fills(history(db, PositionKey(record["account"], record["con_id"])))
    opening, closing = _named(fills, record["origin"]), _named(fills, record["cause"])
    closed_at = moment(record["closed_at"])
    chosen = [
        fill
        for fill in fills
        if (opening.order <= fill.order if opening else _is_within(fill, record))
        and (fill.order <= closing.order if closing else fill.at <= closed_at)
    ]
    return [_view(fill, is_closing=fill is closing) for fill in reversed(chosen)]


def _is_within(fill: KnownFill, record: sqlite3.Row) -> bool:
    """Whether a fill came in a life that no fill began, but a snapshot.

    Execution times have whole seconds and may be behind that of a snapshot which they followed.
    """
    before = optional_moment(record["closed_before"])
    if before is not None and fill.at <= before:
        return False
    return fill.at >= moment(record["opened_at"]) - CLOCK_DOUBT


def _named(fills: Sequence[KnownFill], cause: str) -> KnownFill | None:
    return next((fill for fill in fills if fill.cause == cause), None)


def _view(known: KnownFill, *, is_closing: bool) -> FillView:
    fill, report = known.fill, known.commission
    return FillView(
        exec_id=fill.exec_id,
        account=fill.account,
        con_id=fill.instrument.con_id,
        symbol=fill.instrument.symbol,
        side=fill.side.value,
        quantity=fill.quantity,
        price=fill.price,
        currency=fill.instrument.currency,
        time=known.at,
        commission=report.amount if report else None,
        commission_currency=report.currency if report else None,
        broker_realized_pnl=report.broker_realized_pnl if report else None,
        order_id=fill.order_id,
        perm_id=fill.perm_id,
        client_id=fill.client_id,
        exchange=fill.exchange,
        source=fill.source.value,
        is_closing=is_closing,
    )
