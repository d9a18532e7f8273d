"""A position as the Positions pane shows it: the ledger's row with the live values over it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import FRESH_SECONDS, Mark
from possync_tui.domain.position import Status
from possync_tui.domain.views import PositionView
from possync_tui.tui.columns import Align, Cell, Column, by_number, by_text
from possync_tui.tui.format import UNKNOWN, Redaction, age, arrow, clean, moment, money, number
from possync_tui.tui.format import price as price_text
from possync_tui.tui.tones import Tone


@dataclass(frozen=True, slots=True)
class Holding:
    """One row. `shown_age` is part of it, so that a row that merely ages is drawn again."""

    view: PositionView
    mark: Mark | None
    shown_age: str = UNKNOWN
    is_stale: bool = True

    @property
    def key(self) -> PositionKey:
        return self.view.key

    @property
    def is_missing(self) -> bool:
        return self.view.status == Status.MISSING

    @property
    def is_outside_totals(self) -> bool:
        """Virtual FX positions are shown and never added up (design promise 4)."""
        return self.view.sec_type == "CASH"

    @property
    def last(self) -> Decimal | None:
        return self._live(self.mark.price if self.mark else None, self.view.current_price)

    @property
    def value(self) -> Decimal | None:
        return self._live(self.mark.market_value if self.mark else None, self.view.market_value)

    @property
    def unrealized(self) -> Decimal | None:
        return self._live(self.mark.unrealized_pnl if self.mark else None, self.view.unrealized_pnl)

    @property
    def day(self) -> Decimal | None:
        return self._live(self.mark.daily_pnl if self.mark else None, None)

    def _live(self, mark: Decimal | None, stored: Decimal | None) -> Decimal | None:
        # What the broker no longer reports has no value that we know of.
        return None if self.is_missing else (stored if mark is None else mark)

    @property
    def marked_at(self) -> datetime | None:
        return self.mark.at if self.mark else self.view.marked_at

    def at(self, now: datetime, *, is_live: bool) -> "Holding":
        """The same row with its age as of `now`."""
        marked_at = None if self.is_missing else self.marked_at
        seconds = None if marked_at is None else (now - marked_at).total_seconds()
        shown = UNKNOWN if seconds is None else age(max(0.0, seconds))
        stale = not is_live or seconds is None or seconds > FRESH_SECONDS
        if shown == self.shown_age and stale == self.is_stale:
            return self
        return Holding(self.view, self.mark, shown, stale)

    def with_mark(self, mark: Mark, now: datetime, *, is_live: bool) -> "Holding":
        return Holding(self.view, mark, self.shown_age, self.is_stale).at(now, is_live=is_live)


# --- columns -------------------------------------------------------------------------------------


def _quiet(holding: Holding, tone: Tone = Tone.PLAIN) -> Tone:
    return Tone.DIM if holding.is_outside_totals else tone


def _live_tone(holding: Holding, tone: Tone = Tone.PLAIN) -> Tone:
    if holding.is_outside_totals:
        return Tone.DIM
    return Tone.STALE if holding.is_stale else tone


def pnl_tone(value: Decimal | None) -> Tone:
    """Green or red (the theme decides), only where the amount is not zero."""
    mark = arrow(value)
    if value is None or not mark:
        return Tone.DIM if value is None else Tone.PLAIN
    return Tone.GAIN if value > 0 else Tone.LOSS


def _amount(value: Callable[[Holding], Decimal | None]) -> Callable[[Holding], Cell]:
    def cell(holding: Holding) -> Cell:
        amount = value(holding)
        return Cell(money(amount), _live_tone(holding, pnl_tone(amount)), arrow(amount))

    return cell


def _symbol(holding: Holding) -> Cell:
    text = clean(holding.view.description or holding.view.symbol)
    tone = Tone.WARNING if holding.is_missing else _quiet(holding, Tone.STRONG)
    return Cell(text or str(holding.view.con_id), tone)


def _quantity(holding: Holding) -> Cell:
    return Cell(number(holding.view.quantity), _quiet(holding))


def _average(holding: Holding) -> Cell:
    fine = holding.view.sec_type == "CASH"
    return Cell(price_text(holding.view.average_price, fine=fine), _quiet(holding))


def _last(holding: Holding) -> Cell:
    fine = holding.view.sec_type == "CASH"
    return Cell(price_text(holding.last, fine=fine), _live_tone(holding))


def _value(holding: Holding) -> Cell:
    return Cell(money(holding.value), _live_tone(holding))


def _realized(holding: Holding) -> Cell:
    amount = holding.view.realized_pnl
    return Cell(money(amount), _quiet(holding, pnl_tone(amount)), arrow(amount))


def holding_columns(shown: Redaction) -> tuple[Column[Holding], ...]:
    """The columns of the Positions pane, as a trader reads them; `rank` says which go first."""
    return (
        Column(
            "symbol",
            "Symbol",
            _symbol,
            least=18,
            most=24,
            order=lambda h: by_text(h.view.description or h.view.symbol),
        ),
        Column(
            "account",
            "Account",
            lambda h: Cell(shown.account(h.view.account), Tone.DIM),
            rank=4,
            most=12,
            order=lambda h: by_text(h.view.account),
        ),
        Column(
            "type",
            "Type",
            lambda h: Cell(clean(h.view.sec_type), Tone.DIM),
            rank=8,
            most=6,
            order=lambda h: by_text(h.view.sec_type),
        ),
        Column(
            "currency",
            "Ccy",
            lambda h: Cell(clean(h.view.currency), Tone.DIM),
            rank=5,
            most=4,
            order=lambda h: by_text(h.view.currency),
        ),
        Column(
            "quantity", "Qty", _quantity, Align.POINT, order=lambda h: by_number(h.view.quantity)
        ),
        Column(
            "average",
            "Avg price",
            _average,
            Align.POINT,
            rank=6,
            order=lambda h: by_number(h.view.average_price),
        ),
        Column("last", "Last", _last, Align.POINT, rank=3, order=lambda h: by_number(h.last)),
        Column(
            "value",
            "Mkt value",
            _value,
            Align.POINT,
            rank=2,
            order=lambda h: by_number(h.value),
            wants_high_first=True,
        ),
        Column(
            "unrealized",
            "Unrealized",
            _amount(lambda h: h.unrealized),
            Align.POINT,
            order=lambda h: by_number(h.unrealized),
            wants_high_first=True,
        ),
        Column(
            "day",
            "Day P&L",
            _amount(lambda h: h.day),
            Align.POINT,
            rank=1,
            order=lambda h: by_number(h.day),
            wants_high_first=True,
        ),
        Column(
            "realized",
            "Realized",
            _realized,
            Align.POINT,
            rank=7,
            order=lambda h: by_number(h.view.realized_pnl),
            wants_high_first=True,
        ),
        Column(
            "age",
            "Price age",
            lambda h: Cell(h.shown_age, Tone.STALE if h.is_stale else Tone.DIM),
            Align.RIGHT,
            rank=9,
            least=4,
            order=lambda h: by_number(Decimal(h.marked_at.timestamp()) if h.marked_at else None),
            wants_high_first=True,
        ),
    )


def missing_note(holding: Holding, now: datetime) -> Cell | None:
    """What to do about a position that the broker no longer reports."""
    if not holding.is_missing:
        return None
    since = holding.view.missing_since
    when = f"missing since {moment(since, now)}" if since else "missing at the broker"
    return Cell(f"{when} — v to review", Tone.WARNING)


# --- totals --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Total:
    """Sums of one currency; different currencies are never added. `unknown` rows are not in it."""

    currency: str
    positions: int
    value: Decimal | None
    unrealized: Decimal | None
    day: Decimal | None
    realized_today: Decimal | None
    unknown: int


def totals(holdings: Iterable[Holding], realized_today: Mapping[str, Decimal]) -> tuple[Total, ...]:
    """One total a currency, the one with the most positions first."""
    groups: dict[str, list[Holding]] = {}
    for holding in holdings:
        if not holding.is_outside_totals:
            groups.setdefault(holding.view.currency, []).append(holding)
    for currency in realized_today:
        groups.setdefault(currency, [])
    found = [
        Total(
            currency,
            len(group),
            _sum(h.value for h in group),
            _sum(h.unrealized for h in group),
            _sum(h.day for h in group),
            realized_today.get(currency),
            sum(1 for h in group if h.value is None),
        )
        for currency, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda total: (-total.positions, total.currency)))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


# --- the filter ----------------------------------------------------------------------------------


def matches(holding: Holding, words: str) -> bool:
    """Whether every word of a filter fits: text, `long`, `short`, `missing`, `pnl<0`, `pnl>0`."""
    return all(_matches_word(holding, word) for word in words.casefold().split())


def _matches_word(holding: Holding, word: str) -> bool:
    view = holding.view
    if word == "long":
        return view.quantity > 0
    if word == "short":
        return view.quantity < 0
    if word == "missing":
        return holding.is_missing
    if word in ("pnl<0", "pnl>0"):
        amount = holding.unrealized
        return amount is not None and (amount < 0 if word == "pnl<0" else amount > 0)
    fields = (view.symbol, view.description, view.sec_type, view.account, view.currency)
    return any(word in field.casefold() for field in fields)
