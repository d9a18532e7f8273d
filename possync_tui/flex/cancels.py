"""Cancellations of trades that are not in the same statement: of another file, or known already.

A cancellation names its trade by ids that TWS does not report. It is found by these where its row
is in the import, else by what changed hands, and the day where the cancellation names one; where
that fits several trades that differ, none is cancelled. What is not found waits for the statement
with its trade: as a memo in the ledger, a fill without units under an id of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from decimal import Decimal

from possync_tui.domain.exec_ids import cancelled_id, memo_id
from possync_tui.domain.happenings import KnownFill, fills_in
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import plain
from possync_tui.domain.observations import Charge, Commission, Fill, FillSource, Recorded, Side
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.row import Row
from possync_tui.flex.times import NEW_YORK

_MARK = "cancelled by "
_WAITS = "cancels "
_NO_ID = "-"

RowIds = tuple[str, str]
"""The transaction and the trade that a row is, or that it cancels; blank where it does not say."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A row that takes back a trade of `quantity` (signed) at `price`. `name` identifies the row,
    `of_day` is the day of the trade where the row says it, `charged` is what it charges itself.

    One of `line` zero was told before, and waits.
    """

    account: str
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    at: datetime
    of_day: date | None
    name: str
    originals: RowIds
    charged: Decimal
    currency: str
    line: int = 0

    @property
    def key(self) -> PositionKey:
        return PositionKey(self.account, self.instrument.con_id)

    @property
    def is_waiting(self) -> bool:
        return not self.line


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What cancellations amount to: fills without a quantity, what these charge, and notes on those
    left out."""

    observations: tuple[Fill | Commission, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brings, by position, and what its rows are called."""

    told: Sequence[Fill | Commission]
    row_ids: Mapping[str, RowIds] = field(default_factory=dict)

    def of(self, key: PositionKey) -> list[Fill]:
        return [item for item in self.told if isinstance(item, Fill) and item.key == key]

    def reports(self, fills: Iterable[Fill]) -> list[Commission]:
        names = {fill.exec_id for fill in fills}
        reports = (item for item in self.told if isinstance(item, Commission))
        return [report for report in reports if report.exec_id in names]


def carry_out(
    cancellations: Iterable[Cancellation],
    histories: Mapping[PositionKey, Sequence[Recorded]],
    imported: Imported,
) -> CarriedOut:
    """Find what is cancelled among the fills of the ledger and of the files of this import."""
    found: list[Fill | Commission] = []
    notes: list[str] = []
    for cancel in cancellations:
        history = list(histories.get(cancel.key, ()))
        news = replace(imported, told=(*imported.told, *found))
        fills = _fills(history, news, cancel.key)
        done = next((fill for fill in fills if _marks(fill, cancel)), None)
        if done is not None:
            found += [] if done.is_memo else [_charge(done, cancel)]
            continue
        meant, why = _meant(cancel, history, news)
        if meant is not None:
            found += _with_charge(_cancelled(meant, cancel), cancel)
        elif not cancel.is_waiting:
            found += _with_charge(_waiting_memo(cancel), cancel)
            symbol = printable(cancel.instrument.local_symbol)[:30]
            notes.append(
                f"line {cancel.line}: a cancellation in {symbol} is left out: {why}; it counts "
                "when a statement with the trade is imported"
            )
    return CarriedOut(tuple(found), tuple(notes))


def _fills(history: Iterable[Recorded], news: Imported, key: PositionKey) -> list[Fill]:
    known = [r.observation for r in history if isinstance(r.observation, Fill)]
    return known + news.of(key)


def _meant(
    cancel: Cancellation, history: Sequence[Recorded], news: Imported
) -> tuple[Fill | None, str]:
    """The fill that is cancelled, and why it is none where none is."""
    fresh = news.of(cancel.key)
    heard = {r.observation.exec_id for r in history if isinstance(r.observation, Fill)}
    added: list[Fill | Commission] = [fill for fill in fresh if fill.exec_id not in heard]
    added += news.reports(fresh)
    everything = [*history, *(Recorded(0, item) for item in added)]
    known = sorted(fills_in(everything), key=lambda fill: fill.order)
    fresh_ids = {fill.exec_id for fill in fresh}
    fitting = [(k, fill) for k in known if (fill := _taken_back(cancel, k, news)) is not None]
    if cancel.is_waiting:
        # Of those that were known when it came it means none.
        fitting = [(k, fill) for k, fill in fitting if fill.exec_id in fresh_ids]
    named = [pair for pair in fitting if is_meant(cancel.originals, _ids(pair[1], news))]
    # What is booked again in this import was cancelled before; else what stands is meant.
    again = [(k, fill) for k, fill in fitting if k.fill is not fill and k.fill.exec_id in fresh_ids]
    standing = [(k, fill) for k, fill in fitting if k.fill is fill]
    chosen = named[:1] or again or standing or fitting
    charges = {(k.commission.amount if k.commission else None) for k, _ in chosen}
    if not chosen:
        return None, "the trade is not known here"
    if len(charges) > 1:
        return None, "several trades that it may mean differ"
    return chosen[-1][1], ""


def _taken_back(cancel: Cancellation, known: KnownFill, news: Imported) -> Fill | None:
    """The first revision of a fill that a cancellation may mean, and that none has taken back."""
    names = {fill.exec_id for fill in known.revisions}
    for fill in known.revisions:
        if (fill.signed_quantity, fill.price) != (cancel.quantity, cancel.price):
            continue
        if cancelled_id(fill.exec_id) in names:
            continue
        is_named = is_meant(cancel.originals, _ids(fill, news))
        if is_named or (is_named is None and _is_of_time(cancel, known)):
            return fill
    return None


def _is_of_time(cancel: Cancellation, known: KnownFill) -> bool:
    if cancel.of_day is not None:
        return known.at.astimezone(NEW_YORK).date() == cancel.of_day
    return known.at <= cancel.at


def _ids(fill: Fill, news: Imported) -> RowIds:
    return news.row_ids.get(fill.exec_id, ("", ""))


def row_ids_of(row: Row) -> RowIds:
    return (row.text("transactionID"), row.text("tradeID"))


def originals_of(cancel: Row) -> RowIds:
    return (cancel.text("origTransactionID"), cancel.text("origTradeID"))


def is_meant(originals: RowIds, ids: RowIds) -> bool | None:
    """Whether a cancellation names a row; `None` where their ids do not tell."""
    for theirs, ours in zip(originals, ids, strict=True):
        if theirs not in ("", "0") and ours:
            return theirs == ours
    return None


# --- what is kept ---------------------------------------------------------------------------------


def _marks(fill: Fill, cancel: Cancellation) -> bool:
    return fill.order_ref == _MARK + cancel.name


def _cancelled(fill: Fill, cancel: Cancellation) -> Fill:
    return replace(
        fill,
        exec_id=cancelled_id(fill.exec_id),
        quantity=Decimal(0),
        quantity_text="0",
        order_ref=_MARK + cancel.name,
        source=FillSource.FLEX,
    )


def done_memo(fill: Fill, name: str) -> Fill:
    """The memo of a cancellation that was carried out on `fill`, so that it is not again."""
    return replace(
        fill,
        exec_id=memo_id(f"{name}:{fill.instrument.con_id}:done"),
        quantity=Decimal(0),
        quantity_text="0",
        order_ref=_MARK + name,
    )


def _waiting_memo(cancel: Cancellation) -> Fill:
    """What `waiting_in` makes a cancellation of again."""
    of_transaction, of_trade = ("".join(each.split()) or _NO_ID for each in cancel.originals)
    return Fill(
        account=cancel.account,
        exec_id=memo_id(f"{cancel.name}:{cancel.instrument.con_id}"),
        instrument=cancel.instrument,
        side=Side.BOUGHT if cancel.quantity > 0 else Side.SOLD,
        quantity=Decimal(0),
        price=cancel.price,
        time=cancel.at,
        raw_time=cancel.of_day.isoformat() if cancel.of_day else "",
        quantity_text=plain(cancel.quantity),
        price_text=plain(cancel.price),
        order_ref=f"{_WAITS}{of_transaction} {of_trade} {cancel.name}",
        source=FillSource.FLEX,
    )


def waiting_in(history: Iterable[Recorded]) -> list[Cancellation]:
    """The cancellations that wait for their trades."""
    memos: list[Fill] = []
    charges: dict[str, Commission] = {}
    for recorded in history:
        match recorded.observation:
            case Fill() as fill if fill.is_memo and fill.order_ref.startswith(_WAITS):
                memos.append(fill)
            case Commission() as report:
                charges[report.exec_id] = report
            case _:
                pass
    return [_waiting(memo, charges[memo.exec_id]) for memo in memos if memo.exec_id in charges]


def _waiting(memo: Fill, charge: Commission) -> Cancellation:
    *originals, name = memo.order_ref.removeprefix(_WAITS).split(" ", 2)
    of_transaction, of_trade = ("" if each == _NO_ID else each for each in originals)
    return Cancellation(
        account=memo.account,
        instrument=memo.instrument,
        quantity=Decimal(memo.quantity_text),
        price=memo.price,
        at=memo.time,
        of_day=date.fromisoformat(memo.raw_time) if memo.raw_time else None,
        name=name,
        originals=(of_transaction, of_trade),
        charged=charge.amount,
        currency=charge.currency,
    )


def _with_charge(fill: Fill, cancel: Cancellation) -> list[Fill | Commission]:
    return [fill, _charge(fill, cancel)]


def _charge(fill: Fill, cancel: Cancellation) -> Commission:
    return Commission(
        exec_id=fill.exec_id,
        amount=cancel.charged,
        currency=cancel.currency,
        broker_realized_pnl=None,
        amount_text=plain(cancel.charged),
        realized_text="",
        charge=Charge.ROW,
    )
