"""Trades of a statement: executions as fills with their commissions, cancellations carried out.

IBKR cancels by a row of its own with the quantity turned round, the id of the trade in
`origTradeID` and no execution id, and books again under the next revision of the execution id, with
the commission that is left to pay or to get back. Of a trade whose cancellation is in the same
statement that is added up here, else where all of it is known. Bookings (expiries, fractions
cashed) have no execution id either; `transactionID` is in every statement since 2013.
"""

from collections.abc import Iterable
from decimal import Decimal

from possync_tui.domain.exec_ids import booking_id, cancelled_id, is_booking, revision_of
from possync_tui.domain.observations import Charge, Commission, Fill, FillSource, Side
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.cancels import (
    Cancellation,
    RowIds,
    done_memo,
    is_meant,
    originals_of,
    row_ids_of,
)
from possync_tui.flex.row import Row

_FIRST = 1
_CANCELS = frozenset({"TradeCancel", "FracShareCancel"})
_SIDES = {
    "BUY": Side.BOUGHT,
    "SELL": Side.SOLD,
    "BUY (Ca.)": Side.SOLD,
    "SELL (Ca.)": Side.BOUGHT,
}


@dataclass(slots=True)
class _Trade:
    """A row that counts, and its commission: what was paid is negative, as in the statement."""

    row: Row
    exec_id: str
    commission: Decimal | None
    charge: Charge
    is_cancelled: bool = False

    @property
    def base_id(self) -> str:
        return self.exec_id.rpartition(".")[0] or self.exec_id


@dataclass(frozen=True, slots=True)
class Trades:
    """What the trades of a statement amount to.

    `memos` say which cancellations were carried out, `row_ids` what the rows of the fills are
    called.
    """

    fills: tuple[Fill, ...]
    commissions: tuple[Commission, ...]
    notes: tuple[str, ...]
    cancellations: tuple[Cancellation, ...]
    memos: tuple[Fill, ...]
    row_ids: dict[str, RowIds]


def read_trades(rows: Iterable[Row]) -> Trades:
    """Fills and commissions of executions and bookings. Raises `FlexRefused`.

    Cancellations of trades that are not among the rows are left to the caller.
    """
    trades: list[_Trade] = []
    cancels: list[Row] = []
    for row in rows:
        if row.sec_type == "BAG" or not row.quantity:
            # The legs of a combination are rows of their own; without units nothing changes hands.
            continue
        if is_cancel(row):
            cancels.append(row)
        elif (exec_id := _exec_id(row)) is not None:
            paid = _commission_of(row, exec_id)
            trades.append(_Trade(row, exec_id, paid, _charge_of(row, exec_id)))
    notes = _tax_notes(trades)
    elsewhere, memos = _carry_out(cancels, trades)
    fills: dict[str, Fill] = {}
    commissions: dict[str, Commission] = {}
    row_ids: dict[str, RowIds] = {}
    for trade in trades:
        fill = _fill(trade)
        if trade.is_cancelled:
            fill = _cancelled(fill)
            fills.pop(fill.exec_id, None)
        else:
            row_ids[fill.exec_id] = row_ids_of(trade.row)
        if not _is_same(fills.setdefault(fill.exec_id, fill), fill):
            raise trade.row.refused("ibExecID", "is that of another execution, too")
        if trade.commission is not None:
            commissions[fill.exec_id] = _report(trade, fill.exec_id, -trade.commission)
    standing = {fill.base_id for fill in fills.values() if fill.quantity}
    kept = {n: f for n, f in fills.items() if f.quantity or f.base_id not in standing}
    return Trades(
        fills=tuple(kept.values()),
        commissions=tuple(report for name, report in commissions.items() if name in kept),
        notes=tuple(notes),
        cancellations=tuple(elsewhere),
        memos=tuple(memos),
        row_ids=row_ids,
    )


def _is_same(one: Fill, other: Fill) -> bool:
    return (one.key, one.signed_quantity, one.price) == (
        other.key,
        other.signed_quantity,
        other.price,
    )


def is_cancel(row: Row) -> bool:
    return row.text("transactionType") in _CANCELS or row.text("buySell").endswith("(Ca.)")


def _exec_id(row: Row) -> str | None:
    """The id of an execution, or one made of the id of a booking that has none.

    An exchange's execution without its id could not be told from the same one seen live.
    """
    exec_id = row.text("ibExecID")
    if exec_id:
        return exec_id
    if row.text("transactionType") in ("ExchTrade", ""):
        if row.sec_type == "CASH":
            return None
        return row.needed("ibExecID")
    booking = row.text("transactionID") or row.text("tradeID")
    if not booking:
        raise row.refused("transactionID", "is blank, and so is ibExecID")
    return booking_id(booking)


def _commission_of(row: Row, exec_id: str) -> Decimal | None:
    """Commission and taxes: a statement's net cash is the proceeds with both, as is its basis."""
    taxes = Decimal(0) if _has_foreign_tax(row) else row.optional("taxes") or Decimal(0)
    if is_booking(exec_id):
        return (row.optional("ibCommission") or Decimal(0)) + taxes
    return row.number("ibCommission") + taxes


def _charge_of(row: Row, exec_id: str) -> Charge:
    if revision_of(exec_id) > _FIRST:
        return Charge.ROW
    # What TWS tells has no taxes, and may be told later: it does not take the place of this.
    return Charge.ROWS if row.optional("taxes") else Charge.TOTAL


def _has_foreign_tax(row: Row) -> bool:
    """Whether a tax was charged in another currency than the commission: they cannot be added."""
    charged = row.text("ibCommissionCurrency")
    is_foreign = charged not in ("", row.text("currency"))
    return is_foreign and bool(row.optional("taxes")) and bool(row.optional("ibCommission"))


def _tax_notes(trades: Iterable[_Trade]) -> list[str]:
    return [
        f"line {trade.row.raw.line}: a tax of {printable(trade.row.text('taxes'))[:20]} "
        f"{trade.row.needed('currency')[:3]} is left out: the commission is in another currency"
        for trade in trades
        if _has_foreign_tax(trade.row)
    ]


def _carry_out(
    cancels: Iterable[Row], trades: list[_Trade]
) -> tuple[list[Cancellation], list[Fill]]:
    """Take back what was cancelled; what was paid for it counts for what was booked instead.

    Returns what cancels trades of elsewhere, and memos of the others.
    """
    elsewhere: list[Cancellation] = []
    memos: list[Fill] = []
    for cancel in cancels:
        found = next((t for t in trades if not t.is_cancelled and _is_of(cancel, t)), None)
        if found is None:
            elsewhere.append(_cancellation(cancel))
            continue
        found.is_cancelled = True
        memos.append(done_memo(_fill(found), _name(cancel)))
        paid = (found.commission or Decimal(0)) + (cancel.optional("ibCommission") or Decimal(0))
        found.commission = paid
        found.charge = Charge.ROW if found.charge is Charge.ROW else Charge.ROWS
        again = next((t for t in trades if not t.is_cancelled and _replaces(t, found)), None)
        if again is not None:
            again.commission = (again.commission or Decimal(0)) + paid
            again.charge = found.charge
    return elsewhere, memos


def _cancellation(row: Row) -> Cancellation:
    return Cancellation(
        instrument=row.instrument,
        account=row.account,
        quantity=-row.quantity,
        price=row.number("tradePrice"),
        at=row.instant(),
        of_day=row.day("origTradeDate") if row.text("origTradeDate") else None,
        name=_name(row),
        originals=originals_of(row),
        charged=-(row.optional("ibCommission") or Decimal(0)) + Decimal(0),
        currency=row.text("ibCommissionCurrency") or row.needed("currency"),
        line=row.raw.line,
    )


def _name(cancel: Row) -> str:
    ids = cancel.text("transactionID") or cancel.text("tradeID")
    return ids or f"{cancel.text('dateTime')}:{cancel.text('quantity')}"


def _is_of(cancel: Row, trade: _Trade) -> bool:
    """Whether a row cancels this trade: by id where it names one, and by what changed hands."""
    row = trade.row
    if (row.key, row.quantity) != (cancel.key, -cancel.quantity):
        return False
    is_named = is_meant(originals_of(cancel), row_ids_of(row))
    if is_named is not None:
        return is_named
    return row.optional("tradePrice") == cancel.optional("tradePrice")


def _replaces(trade: _Trade, cancelled: _Trade) -> bool:
    return trade is not cancelled and trade.base_id == cancelled.base_id


def _fill(trade: _Trade) -> Fill:
    row = trade.row
    side = Side.BOUGHT if row.quantity > 0 else Side.SOLD
    said = row.text("buySell")
    if said and _SIDES.get(said) is not side:
        raise row.refused("buySell", "does not go with the sign of the quantity")
    return Fill(
        account=row.account,
        exec_id=trade.exec_id,
        instrument=row.instrument,
        side=side,
        quantity=abs(row.quantity),
        price=row.number("tradePrice"),
        time=row.instant(),
        raw_time=row.text("dateTime"),
        quantity_text=row.text("quantity"),
        price_text=row.text("tradePrice"),
        exchange=row.text("exchange"),
        order_ref=row.text("orderReference"),
        source=FillSource.FLEX,
    )


def _cancelled(fill: Fill) -> Fill:
    """What says of an execution, which may have been seen live, that it does not count."""
    return Fill(
        account=fill.account,
        exec_id=cancelled_id(fill.exec_id),
        instrument=fill.instrument,
        side=fill.side,
        quantity=Decimal(0),
        price=fill.price,
        time=fill.time,
        raw_time=fill.raw_time,
        quantity_text="0",
        price_text=fill.price_text,
        source=FillSource.FLEX,
    )


def _report(trade: _Trade, exec_id: str, amount: Decimal) -> Commission:
    row = trade.row
    # A tax alone is charged in the currency of the contract, whatever a commission would be in.
    is_tax = not row.optional("ibCommission") and bool(row.optional("taxes"))
    charged = "" if is_tax else row.text("ibCommissionCurrency")
    return Commission(
        exec_id=exec_id,
        amount=amount + Decimal(0),
        currency=charged or row.needed("currency"),
        broker_realized_pnl=_realized(row),
        amount_text=row.text("ibCommission"),
        realized_text=row.text("fifoPnlRealized"),
        charge=trade.charge,
    )


def _realized(row: Row) -> Decimal | None:
    """IBKR's own figure, for comparison; an opening trade has none, as in a live report."""
    realized = row.optional("fifoPnlRealized")
    said = row.text("openCloseIndicator")
    closes = "C" in said if said else bool(realized)
    return realized if closes else None
