"""The last known book for the first look: some rows as they stand, before anything is loaded.

Like `glance`, which soon looks again and closer, it only reads, waits for nobody and says nothing.
"""

import sqlite3

from possync_tui.domain.label_order import label_order
from possync_tui.ledger.identity import APPLICATION_ID, newest_by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Record = tuple[str, str, str, int, str, str, str, str | None, str | None, int | None, int | None,
               int | None, str | None]  # fmt: skip
"""account, symbol, description, con_id, sec_type, currency, quantity, average_price,
current_price, market_value_micros, unrealized_pnl_micros, realized_pnl_micros, marked_at"""

_ABOUT = """
SELECT
    (SELECT application_id FROM pragma_application_id),
    (SELECT user_version FROM pragma_user_version),
    (SELECT last_sync_time FROM sync_stats),
    (SELECT count(*) FROM holds WHERE status = 'held'),
    count(*), count(DISTINCT account), count(DISTINCT currency), total(status = 'MISSING')
FROM lives WHERE status <> 'CLOSED' AND close_reason <> 'voided'
"""
_ROWS = """
SELECT account, symbol, description, con_id, sec_type, currency, quantity, average_price,
    current_price, market_value_micros, unrealized_pnl_micros, realized_pnl_micros, marked_at
FROM position_rows WHERE status <> 'CLOSED'
ORDER BY account_id, label_order(coalesce(nullif(description, ''), symbol)), con_id, opened_at, id
LIMIT ?
"""


class LastKnown:
    """What is open, and how it stands. `rows` are the first of them, in the ledger's order."""

    __slots__ = ("accounts", "count", "currencies", "rows", "synced_at")

    def __init__(
        self, rows: "Sequence[Record]", count: int, accounts: int, currencies: int, synced_at: str
    ) -> None:
        self.rows = rows
        self.count = count
        self.accounts = accounts
        self.currencies = currencies
        self.synced_at = synced_at


def last_known(path: str, most: int) -> LastKnown | None:
    """At most so many rows; all of them with -1.

    `None` where there are none to be had at once, or where rows have to be explained: while one is
    missing or held.
    """
    place = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        db = sqlite3.connect(f"file:{place}?mode=ro", timeout=0, isolation_level=None, uri=True)
    except sqlite3.Error:
        return None
    try:
        db.execute("PRAGMA query_only = ON")
        db.create_function("label_order", 1, label_order, deterministic=True)
        db.execute("BEGIN")
        about = db.execute(_ABOUT).fetchone()
        application, version, synced_at, held, count, accounts, currencies, missing = about
        if (application, version) != (APPLICATION_ID, newest_by_name()):
            return None
        if held or missing or not count:
            return None
        rows = db.execute(_ROWS, (most,)).fetchall()
    except (sqlite3.Error, OSError, ValueError):
        return None
    finally:
        db.close()
    return LastKnown(rows, count, accounts, currencies, synced_at or "")
