"""From a realized entry back to the lots that it closed."""

import sqlite3
from collections.abc import Sequence

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import rebuild
from possync_tui.domain.observations import Recorded
from possync_tui.domain.position import Entry, EntryKind
from possync_tui.domain.views import LotView
from possync_tui.ledger.at_rest import moment, number
from possync_tui.ledger.entries import entry_of
from possync_tui.ledger.inbox import history
from possync_tui.ledger.lots import Holder, lot_view
from possync_tui.ledger.past import last_seq


def lots_of(db: sqlite3.Connection, entry_id: int) -> list[LotView] | None:
    """The lots that an entry closed, each with as many units as it took; of a reversal, those of
    what it reverses. `None` where there is no such entry.

    Lots are not kept once they are closed: the life is rebuilt, from everything or, for an entry
    that was undone since, from what was known when it was written. One that comes out otherwise
    than it is stored is explained by neither, and has none.
    """
    record = _entry(db, entry_id)
    if record is not None and record["kind"] == EntryKind.REVERSAL:
        record = _entry(db, record["supersedes_id"])
    if record is None:
        return None
    key = PositionKey(record["account"], record["con_id"])
    stored, everything = entry_of(record), history(db, key)
    known = _rebuilt(everything, stored)
    if known is None:
        last = last_seq(db, moment(record["recorded_at"]))
        known = _rebuilt([one for one in everything if one.seq <= last], stored)
    if known is None:
        return []
    holder = Holder(
        position_id=record["life_id"],
        account_id=record["account_id"],
        key=key,
        symbol=record["symbol"],
        description=record["description"],
        sec_type=record["sec_type"],
        currency=record["currency"],
        unit_value=number(record["unit_value"]),
        quantity=-known.quantity if known.is_short else known.quantity,
    )
    return [lot_view(holder, lot, place, known.method) for place, lot in enumerate(known.taken)]


def _rebuilt(observed: Sequence[Recorded], stored: Entry) -> Entry | None:
    lives = rebuild(observed).lives
    return next((entry for life in lives for entry in life.entries if entry == stored), None)


def _entry(db: sqlite3.Connection, entry_id: int) -> sqlite3.Row | None:
    record: sqlite3.Row | None = db.execute(
        "SELECT entry.*, life.unit_value, account.id AS account_id"
        " FROM realized_entries AS entry JOIN lives AS life ON life.id = entry.life_id"
        " JOIN accounts AS account ON account.code = entry.account WHERE entry.id = ?",
        (entry_id,),
    ).fetchone()
    return record
