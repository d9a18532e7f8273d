"""A Flex file as statements: what each account observed, in the broker's order."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import Adjusted, Commission, Fill
from possync_tui.domain.sizes import is_workable, turnover, worth
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.actions import read_actions, read_transfers
from possync_tui.flex.cancels import Cancellation, RowIds
from possync_tui.flex.document import FlexRefused, RawRow, RawStatement, read_document
from possync_tui.flex.options import is_end_or_delivery, read_option_events
from possync_tui.flex.row import Row
from possync_tui.flex.times import NEW_YORK, NoTime, is_repeated, parse_day, parse_instant
from possync_tui.flex.trades import Trades, is_cancel, read_trades

_ZONE_DOUBT = timedelta(days=1)
"""Times that name no zone are taken for New York's, which they may not be."""
_SECTIONS = frozenset({"Trades", "OptionEAE", "CorporateActions", "Transfers"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What one account's statement says. `notes` are sentences on what of it was left out.

    `cancellations` are of trades that are not in it: `cancels` finds them. `memos` are of those
    that were carried out, `row_ids` what the rows of its fills are called.
    """

    account: str
    from_date: date
    to_date: date
    when_generated: datetime | None
    fills: tuple[Fill, ...]
    commissions: tuple[Commission, ...]
    adjusted: tuple[Adjusted, ...]
    notes: tuple[str, ...]
    cancellations: tuple[Cancellation, ...]
    memos: tuple[Fill, ...]
    row_ids: dict[str, RowIds]

    @property
    def observations(self) -> tuple[Fill | Commission | Adjusted, ...]:
        """Everything to be stored, each commission behind its fill."""
        reports = {report.exec_id: report for report in self.commissions}
        ordered: list[Fill | Commission | Adjusted] = []
        for fill in sorted(self.fills, key=lambda fill: fill.time):
            ordered.append(fill)
            report = reports.get(fill.exec_id)
            if report is not None:
                ordered.append(report)
        return (*ordered, *self.memos, *sorted(self.adjusted, key=lambda item: item.as_of))

    @property
    def keys(self) -> frozenset[PositionKey]:
        """The positions that it is about."""
        traded = frozenset(fill.key for fill in (*self.fills, *self.memos))
        cancelled = {cancel.key for cancel in self.cancellations}
        return traded | cancelled | {item.key for item in self.adjusted}


def read_flex(path: Path) -> tuple[Statement, ...]:
    """The statements of a file, in its order. Raises `FlexRefused`: a file counts whole or not."""
    return tuple(_statement(raw) for raw in read_document(path))


def _statement(raw: RawStatement) -> Statement:
    account = raw.texts.get("accountId", "").strip()
    if not account:
        raise FlexRefused("a statement in it names no account")
    if "TradeConfirms" in raw.sections and not raw.sections & _SECTIONS:
        raise FlexRefused("it is a Trade Confirmation query: an Activity query is needed")
    if not raw.sections & _SECTIONS:
        raise FlexRefused("it has no Trades section: add Trades, with Executions, to the query")
    if raw.other_detail and not raw.of("Trade"):
        raise FlexRefused("its trades are sums of others: tick Executions in the query's Trades")
    rows = {kind: [_row(item, account) for item in items] for kind, items in raw.rows.items()}
    bookings: list[Row] = []
    trades: list[Row] = []
    for row in rows.get("Trade", []):
        is_booking = not is_cancel(row) and is_end_or_delivery(row)
        (bookings if is_booking else trades).append(row)
    traded = read_trades(trades)
    _check_times(traded.fills, raw)
    ended = read_option_events(bookings, rows.get("OptionEAE", []))
    acted = read_actions(rows.get("CorporateAction", []))
    moved = read_transfers(rows.get("Transfer", []))
    _check_sizes(traded, (*ended.adjusted, *acted.adjusted, *moved.adjusted))
    return Statement(
        account=account,
        from_date=_day(raw, "fromDate"),
        to_date=_day(raw, "toDate"),
        when_generated=_generated(raw),
        fills=traded.fills,
        commissions=traded.commissions,
        adjusted=(*ended.adjusted, *acted.adjusted, *moved.adjusted),
        notes=(
            *traded.notes,
            *ended.notes,
            *acted.notes,
            *moved.notes,
            *_notes_on_times(row for each in rows.values() for row in each),
        ),
        cancellations=traded.cancellations,
        memos=traded.memos,
        row_ids=traded.row_ids,
    )


def _row(raw: RawRow, account: str) -> Row:
    row = Row(raw, account)
    if row.text("accountId") not in ("", "-", account):
        raise row.refused("accountId", "is not that of its statement")
    return row


def _check_times(fills: Iterable[Fill], raw: RawStatement) -> None:
    """A trade later than the statement that reports it would stay the newest fill for good."""
    end = datetime.combine(_day(raw, "toDate"), time.max, NEW_YORK)
    last = (_generated(raw) or end) + _ZONE_DOUBT
    for fill in fills:
        if fill.time > last:
            what = printable(f"{fill.instrument.symbol} {fill.raw_time}")[:60]
            raise FlexRefused(f"a trade in it is later than the statement itself ({what})")


def _notes_on_times(rows: Iterable[Row]) -> list[str]:
    """Nothing in a statement says which instant of two its clock means."""
    doubtful = [row for row in rows if is_repeated(row.text("dateTime"))]
    if not doubtful:
        return []
    what = f"{len(doubtful)} rows are" if len(doubtful) > 1 else "a row is"
    return [
        f"line {doubtful[0].raw.line}: {what} in the hour that the clock repeats "
        f"({printable(doubtful[0].text('dateTime'))[:40]}), and taken for its first time; what TWS "
        "had told live keeps its own time"
    ]


def _check_sizes(traded: Trades, adjusted: Iterable[Adjusted]) -> None:
    """An amount that no ledger can hold would stand in the way of every sync to come."""
    amounts: list[tuple[Instrument | None, Decimal | None]]
    amounts = [(fill.instrument, turnover(fill)) for fill in traded.fills]
    for report in traded.commissions:
        amounts += [(None, report.amount), (None, report.broker_realized_pnl)]
    for item in adjusted:
        unit = item.instrument.unit_value
        amounts += [(item.instrument, item.premium), (item.instrument, item.realized)]
        if item.price is not None:
            amounts.append((item.instrument, worth(item.quantity, item.price, unit)))
    for instrument, amount in amounts:
        if not is_workable(amount):
            what = printable(instrument.symbol)[:30] if instrument else "a commission"
            raise FlexRefused(f"an amount in it is absurdly large ({what}: {amount:.3g})")


def _day(raw: RawStatement, name: str) -> date:
    text = raw.texts.get(name, "")
    try:
        return parse_day(text)
    except NoTime as bad:
        raise FlexRefused(f"{name} of its statement {bad} ({printable(text)[:40]!r})") from None


def _generated(raw: RawStatement) -> datetime | None:
    try:
        return parse_instant(raw.texts.get("whenGenerated", ""))
    except NoTime:
        return None
