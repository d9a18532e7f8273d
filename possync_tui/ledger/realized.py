"""Realized P&L as it is read: entries, and exact totals of them by time or by what they are of."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from possync_tui.domain.calendar import CalendarPeriod, CalendarUnit, local_day, period_of
from possync_tui.domain.money import from_micros
from possync_tui.domain.views import EntryView, PnlBucket, PnlGrouping, PnlTotal
from possync_tui.ledger.at_rest import moment, number, optional_number, stamp
from possync_tui.ledger.parts import decode_price
from possync_tui.ledger.port import EntryQuery

Parameters = list[str | int]

# Every zone's days begin on a quarter of an hour of UTC.
_QUARTER = (
    "substr(entry.closed_at, 1, 14)"
    " || substr('00153045', 1 + CAST(substr(entry.closed_at, 15, 2) AS INTEGER) / 15 * 2, 2)"
    " || ':00+00:00'"
)
_LABELS = {
    PnlGrouping.DAY: _QUARTER,
    PnlGrouping.WEEK: _QUARTER,
    PnlGrouping.MONTH: _QUARTER,
    PnlGrouping.YEAR: _QUARTER,
    PnlGrouping.SYMBOL: "entry.symbol",
    PnlGrouping.ACCOUNT: "entry.account",
    PnlGrouping.CURRENCY: "entry.currency",
    PnlGrouping.QUALITY: "entry.quality",
}
# A symbol comes first, so that what a total by symbol has is what its name finds.
_OF_SYMBOL = (
    "(entry.symbol = ? COLLATE NOCASE OR (entry.description = ? COLLATE NOCASE AND NOT EXISTS"
    " (SELECT 1 FROM realized_entries AS other WHERE other.symbol = ? COLLATE NOCASE)))"
)
# A reversed entry and its reversal count for nothing.
_COUNT = "iif(entry.kind = 'REVERSAL', -1, 1)"


def entries(db: sqlite3.Connection, query: EntryQuery) -> list[EntryView]:
    """The newest first."""
    where, parameters = _filter(query)
    limit = _limit(query, parameters)
    # The texts put together here are fixed ones; what comes from outside is bound.
    sql = (
        "SELECT entry.*, account.id AS account_id FROM realized_entries AS entry"  # noqa: S608
        " JOIN accounts AS account ON account.code = entry.account"
        f" WHERE {where} ORDER BY entry.closed_at DESC, entry.id DESC{limit}"
    )
    return [_entry(record) for record in db.execute(sql, parameters)]


def daily_pnl(db: sqlite3.Connection, query: EntryQuery) -> list[PnlBucket]:
    """Totals per UTC day and currency, newest first, without virtual FX.

    A reversed entry and its reversal count for nothing, in the sums and in the counts.
    """
    where, parameters = _filter(query)
    limit = _limit(query, parameters)
    sql = (
        "SELECT substr(entry.closed_at, 1, 10) AS day, entry.currency,"  # noqa: S608 (fixed texts)
        " coalesce(sum(entry.realized_pnl_micros), 0) AS micros,"
        f" sum({_COUNT}) AS entries,"
        f" sum(iif(entry.realized_pnl_micros IS NOT NULL, 0, {_COUNT})) AS unknown"
        " FROM realized_entries AS entry"
        " JOIN accounts AS account ON account.code = entry.account"
        f" WHERE {where} AND entry.sec_type <> 'CASH'"
        " GROUP BY day, entry.currency HAVING entries <> 0 OR micros <> 0"
        f" ORDER BY day DESC, entry.currency{limit}"
    )
    return [
        PnlBucket(
            start=record["day"],
            currency=record["currency"],
            realized_pnl=_sum(record["micros"], record["entries"], record["unknown"]),
            entries=record["entries"],
            unknown=record["unknown"],
        )
        for record in db.execute(sql, parameters)
    ]


def pnl_totals(
    db: sqlite3.Connection, query: EntryQuery, by: PnlGrouping, zone: tzinfo | None
) -> list[PnlTotal]:
    """Totals by `by` and currency, in order of their labels; groups that come to nothing are left
    out. Calendar periods are those of `zone`. The query's limit is not heeded.
    """
    where, parameters = _filter(query, all_of_it=query.since is None and query.until is None)
    # A commission counts where it was charged, which may be another currency than the contract's.
    sql = (
        f"SELECT {_LABELS[by]} AS label, entry.currency, entry.commission_currency,"  # noqa: S608
        " coalesce(sum(entry.realized_pnl_micros), 0) AS micros,"
        " coalesce(sum(entry.commission_micros), 0) AS commission,"
        f" sum({_COUNT}) AS entries,"
        f" sum(iif(entry.realized_pnl_micros IS NOT NULL, 0, {_COUNT})) AS unknown"
        " FROM realized_entries AS entry"
        " JOIN accounts AS account ON account.code = entry.account"
        f" WHERE {where} AND entry.sec_type <> 'CASH'"
        " GROUP BY label, entry.currency, entry.commission_currency"
    )
    sums: dict[tuple[str, str], _Sum] = {}
    periods = _Periods(by.unit, zone)
    for record in db.execute(sql, parameters):
        label, period = periods.place(record["label"])
        total = sums.setdefault((label, record["currency"]), _Sum(period))
        total.micros += record["micros"]
        total.entries += record["entries"]
        total.unknown += record["unknown"]
        charged_in = record["commission_currency"] or record["currency"]
        charged = charged_in if by is PnlGrouping.CURRENCY else label
        sums.setdefault((charged, charged_in), _Sum(period)).commission += record["commission"]
    return [
        PnlTotal(
            label=label,
            currency=currency,
            realized_pnl=_sum(total.micros, total.entries, total.unknown),
            commission=from_micros(total.commission),
            entries=total.entries,
            unknown=total.unknown,
            start=total.period.start if total.period else None,
            end=total.period.end if total.period else None,
        )
        for (label, currency), total in sorted(sums.items(), key=lambda item: item[0])
        if total.entries or total.micros or total.commission
    ]


@dataclass
class _Sum:
    period: CalendarPeriod | None
    micros: int = 0
    commission: int = 0
    entries: int = 0
    unknown: int = 0


class _Periods:
    """From quarters of an hour to the periods of a zone, each worked out once."""

    def __init__(self, unit: CalendarUnit | None, zone: tzinfo | None) -> None:
        self._unit = unit
        self._zone = zone
        self._known: dict[str, CalendarPeriod] = {}

    def place(self, label: str) -> tuple[str, CalendarPeriod | None]:
        """The label of the group that a label of the query belongs to, and its period."""
        if self._unit is None:
            return label, None
        day = local_day(datetime.fromisoformat(label), self._zone)
        period = self._known.get(day.isoformat())
        if period is None:
            period = period_of(day, self._unit, self._zone)
            self._known[day.isoformat()] = period
        return period.label, period


def _filter(query: EntryQuery, *, all_of_it: bool = False) -> tuple[str, Parameters]:
    """What a query finds, as SQL. With `all_of_it` without the index by time.

    To sum every entry, one pass over the table is several times faster than the way by an index.
    """
    parameters = Parameters()
    column = "+entry.method" if all_of_it else "entry.method"
    if query.method is None:
        where = [f"{column} = (SELECT value FROM meta WHERE name = 'cost_method')"]  # noqa: S608
    else:
        where = [f"{column} = ?"]
        parameters.append(query.method.value)
    if query.account_id is not None:
        where.append("account.id = ?")
        parameters.append(query.account_id)
    if query.account_ids is not None:
        where.append(f"account.id IN ({', '.join('?' * len(query.account_ids))})")
        parameters += sorted(query.account_ids)
    if query.symbol is not None:
        where.append(_OF_SYMBOL)
        parameters += [query.symbol] * 3
    if query.currency is not None:
        where.append("entry.currency = ? COLLATE NOCASE")
        parameters.append(query.currency)
    if query.quality is not None:
        where.append("entry.quality = ?")
        parameters.append(query.quality.value)
    if query.since is not None:
        where.append("entry.closed_at >= ?")
        parameters.append(stamp(query.since))
    if query.until is not None:
        where.append("entry.closed_at < ?")
        parameters.append(stamp(query.until))
    return " AND ".join(where), parameters


def _limit(query: EntryQuery, parameters: Parameters) -> str:
    if query.limit is None:
        return ""
    parameters.append(query.limit)
    return " LIMIT ?"


def _entry(record: sqlite3.Row) -> EntryView:
    return EntryView(
        id=record["id"],
        position_id=record["life_id"],
        account_id=record["account_id"],
        account=record["account"],
        con_id=record["con_id"],
        symbol=record["symbol"],
        description=record["description"],
        sec_type=record["sec_type"],
        currency=record["currency"],
        closed_at=moment(record["closed_at"]),
        recorded_at=moment(record["recorded_at"]),
        quantity_closed=number(record["quantity"]),
        entry_price=optional_number(record["entry_price"]),
        exit_price=optional_number(record["exit_price"]),
        gross_pnl=_money(record["gross_micros"]),
        commission=_money(record["commission_micros"]),
        commission_currency=record["commission_currency"],
        realized_pnl=_money(record["realized_pnl_micros"]),
        broker_realized_pnl=optional_number(record["broker_realized_pnl"]),
        quality=record["quality"],
        kind=record["kind"],
        supersedes_id=record["supersedes_id"],
        exec_id=record["exec_id"],
        is_full_close=bool(record["is_full_close"]),
        price=decode_price(record["price"]),
    )


def _sum(micros: int, entries: int, unknown: int) -> Decimal | None:
    """A sum, `None` where it is one of unknown amounts alone."""
    return None if 0 < entries == unknown and not micros else from_micros(micros)


def _money(micros: int | None) -> Decimal | None:
    return None if micros is None else from_micros(micros)
