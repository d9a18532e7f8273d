"""Sums over realized entries, kept in the transaction that appends them.

By UTC day, by quarter of an hour, and by contract; `totals` reads them. Amounts are whole
micro-units, so what is added up step by step is what the entries come to. A reversal takes back in
every column what its entry brought.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta
from operator import add

from possync_tui.domain.position import Entry, EntryKind
from possync_tui.domain.values import dataclass
from possync_tui.ledger.at_rest import label

QUARTERS_A_DAY = 96
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)

SUMS = (
    *("realized_micros", "commission_micros", "entries", "unknown"),
    *("wins", "losses", "won_micros", "lost_micros"),
)
_KEYS = {
    "realized_days": ("method", "day", "currency", "commission_currency", "account", "quality"),
    "realized_quarters": (
        *("method", "quarter", "currency", "commission_currency", "account", "quality"),
    ),
    "realized_contracts": (
        *("method", "symbol", "currency", "commission_currency", "description", "con_id"),
        *("sec_type", "account", "quality"),
    ),
}
_SPREAD = {"realized_days": ("first_quarter", "last_quarter")}

Key = tuple[str | int, ...]


def quarter_of(at: datetime) -> int:
    """The quarter of an hour that an instant lies in, counted from 1970."""
    return (at - _EPOCH) // _QUARTER


def quarter_start(quarter: int) -> datetime:
    return _EPOCH + quarter * _QUARTER


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry as it was appended: what the tables call the contract it is of."""

    entry: Entry
    account: str
    con_id: int
    symbol: str
    description: str
    sec_type: str
    currency: str


Added = dict[Key, list[int]]


@dataclass
class Rollups:
    """What the entries of one transaction add, written in `save`: a row once, however many."""

    db: sqlite3.Connection
    _days: Added = field(default_factory=dict)
    _quarters: Added = field(default_factory=dict)
    _contracts: Added = field(default_factory=dict)

    def add(self, appended: Appended) -> None:
        """Count an entry, or with a reversal that it does not stand any more."""
        entry, currency = appended.entry, appended.currency
        method, charged_in = entry.method.value, label(entry.commission_currency)
        account, quality = appended.account, entry.quality.value
        sums = _sums_of(entry)
        contract = (
            *(method, appended.symbol, currency, charged_in, appended.description),
            *(appended.con_id, appended.sec_type, account, quality),
        )
        _count(self._contracts, contract, sums)
        if appended.sec_type == "CASH":
            # Virtual FX stays outside totals.
            return
        quarter = quarter_of(entry.closed_at)
        _count(self._quarters, (method, quarter, currency, charged_in, account, quality), sums)
        day = (method, quarter // QUARTERS_A_DAY, currency, charged_in, account, quality)
        total = _count(self._days, day, (*sums, quarter, quarter), len(sums))
        first, last = total[-2:]
        total[-2:] = min(first, quarter), max(last, quarter)

    def save(self) -> None:
        for table, added in (
            ("realized_days", self._days),
            ("realized_quarters", self._quarters),
            ("realized_contracts", self._contracts),
        ):
            self.db.executemany(_ADD[table], [(*key, *row) for key, row in added.items()])
            added.clear()


def _count(added: Added, key: Key, row: tuple[int, ...], sums: int | None = None) -> list[int]:
    """Add a row to the one of `key`, the first `sums` columns of it; return that one."""
    total = added.get(key)
    if total is None:
        total = added[key] = list(row)
    else:
        total[:sums] = map(add, total[:sums], row)
    return total


def _sums_of(entry: Entry) -> tuple[int, ...]:
    count = -1 if entry.kind is EntryKind.REVERSAL else 1
    amount = entry.realized_micros
    brought = 0 if amount is None else amount * count
    won, lost = brought > 0, brought < 0
    return (
        amount or 0,
        entry.commission_micros or 0,
        count,
        count if amount is None else 0,
        count if won else 0,
        count if lost else 0,
        brought * count if won else 0,
        brought * count if lost else 0,
    )


def differing(db: sqlite3.Connection) -> Iterator[str]:
    """What of the sums is not what the entries come to: a line for each table that is wrong."""
    for table, what in (
        ("realized_quarters", "quarters of an hour"),
        ("realized_days", "days"),
        ("realized_contracts", "contracts"),
    ):
        columns = ", ".join([*_KEYS[table], *_SPREAD.get(table, ()), *SUMS])
        # The texts put together here are our own.
        kept = set(map(tuple, db.execute(f"SELECT {columns} FROM {table}")))  # noqa: S608
        fresh = set(map(tuple, db.execute(f"SELECT {columns} FROM ({_FRESH[table]})")))  # noqa: S608
        if kept != fresh:
            count = len(kept ^ fresh)
            yield f"the totals by {what} are not the sums of their entries ({count} rows differ)"


def _adding(table: str) -> str:
    keys, spread = _KEYS[table], _SPREAD.get(table, ())
    columns = (*keys, *SUMS, *spread)
    sets = [f"{name} = {name} + excluded.{name}" for name in SUMS]
    if spread:
        first, last = spread
        sets += [
            f"{first} = min({first}, excluded.{first})",
            f"{last} = max({last}, excluded.{last})",
        ]
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(sets)}"
    )


_ADD = {table: _adding(table) for table in _KEYS}

ENTRY_SUMS = """
    coalesce(sum(realized_pnl_micros), 0) AS realized_micros,
    coalesce(sum(commission_micros), 0) AS commission_micros,
    coalesce(sum(counted), 0) AS entries,
    coalesce(sum(iif(realized_pnl_micros IS NULL, counted, 0)), 0) AS unknown,
    coalesce(sum(iif(realized_pnl_micros * counted > 0, counted, 0)), 0) AS wins,
    coalesce(sum(iif(realized_pnl_micros * counted < 0, counted, 0)), 0) AS losses,
    coalesce(sum(iif(realized_pnl_micros * counted > 0, realized_pnl_micros, 0)), 0) AS won_micros,
    coalesce(sum(iif(realized_pnl_micros * counted < 0, realized_pnl_micros, 0)), 0) AS lost_micros
"""
"""The same sums of entries themselves, where `counted` is -1 for a reversal."""
QUARTER = (
    "(CAST(strftime('%s', substr(closed_at, 1, 16)) AS INTEGER) + 62135596800) / 900 - 69039552"
)
"""The quarter of an hour of an entry, in SQL. A fraction of a second would be rounded up."""

_COUNTED = (
    f"SELECT *, iif(kind = 'REVERSAL', -1, 1) AS counted, {QUARTER} AS quarter"  # noqa: S608
    " FROM realized_entries"
)
_FRESH = {
    "realized_quarters": (
        f"SELECT method, quarter, currency, commission_currency, account, quality, {ENTRY_SUMS}"  # noqa: S608
        f" FROM ({_COUNTED} WHERE sec_type <> 'CASH') GROUP BY 1, 2, 3, 4, 5, 6"
    ),
    # The quarters were held against the entries before.
    "realized_days": (
        "SELECT method, (quarter + 69039552) / 96 - 719162 AS day, currency, commission_currency,"  # noqa: S608
        " account, quality, min(quarter) AS first_quarter, max(quarter) AS last_quarter,"
        f" {', '.join(f'sum({name}) AS {name}' for name in SUMS)}"
        " FROM realized_quarters GROUP BY 1, 2, 3, 4, 5, 6"
    ),
    "realized_contracts": (
        f"SELECT {', '.join(_KEYS['realized_contracts'])}, {ENTRY_SUMS}"  # noqa: S608
        f" FROM ({_COUNTED}) GROUP BY {', '.join(_KEYS['realized_contracts'])}"
    ),
}
