"""A position as the Positions pane shows it: the ledger's row with the live values over it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.bulk_holds import is_over_for
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import FRESH_SECONDS, Mark
from possync_tui.domain.money import EXACT
from possync_tui.domain.terms import HoldKind, Status
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import HoldView, PositionView
from possync_tui.tui.columns import Align, Cell, Column, SortKey, by_label, by_number, by_text
from possync_tui.tui.format import (
    DOWN,
    UNKNOWN,
    UP,
    Redaction,
    age,
    arrow,
    clean,
    minute,
    money,
    number,
)
from possync_tui.tui.format import price as price_text
from possync_tui.tui.tones import Tone

_MISSING = Status.MISSING.value


@dataclass(frozen=True, slots=True)
class Holding:
    """One row. `shown_age` is part of it, so that a row that merely ages is drawn again.

    `held` is the message of what waits for the user's word about this position; `together` is how
    many vanished at once with it, where that is why; `is_kept` tells that the user left it so.
    """

    view: PositionView
    mark: Mark | None
    held: str | None = None
    shown_age: str = UNKNOWN
    is_stale: bool = True
    together: int = 0
    is_kept: bool = False

    @classmethod
    def of(cls, view: PositionView, mark: Mark | None, hold: HoldView | None) -> "Holding":
        """The row of a position, and what is held about it."""
        if hold is None or is_over_for(view, hold):
            return cls(view, mark)
        is_kept = hold.status != "held"
        together = len(hold.con_ids) if hold.kind == HoldKind.BULK_MISSING else 0
        held = None if is_kept else hold.message
        return cls(view, mark, held, together=together, is_kept=is_kept)

    @property
    def key(self) -> PositionKey:
        return self.view.key

    @property
    def is_missing(self) -> bool:
        return self.view.status == _MISSING

    @property
    def is_outside_totals(self) -> bool:
        """Virtual FX positions are shown and never added up (design promise 4)."""
        return self.view.sec_type == "CASH"

    @property
    def last(self) -> Decimal | None:
        return self._live(self.mark.price if self.mark else None, self.view.current_price)

    @property
    def value(self) -> Decimal | None:
        return self._amount(self.mark.market_value if self.mark else None, self.view.market_value)

    @property
    def unrealized(self) -> Decimal | None:
        return self._amount(
            self.mark.unrealized_pnl if self.mark else None, self.view.unrealized_pnl
        )

    @property
    def day(self) -> Decimal | None:
        return self._live(self.mark.daily_pnl if self.mark else None, None)

    def _amount(self, mark: Decimal | None, stored: Decimal | None) -> Decimal | None:
        # Until a sync has taken up a trade, the broker's amounts are of another quantity.
        is_of_other = self.mark is not None and not self.mark.is_of(self.view.quantity)
        return None if is_of_other else self._live(mark, stored)

    def _live(self, mark: Decimal | None, stored: Decimal | None) -> Decimal | None:
        # What the broker no longer reports has no value that we know of.
        return None if self.is_missing else (stored if mark is None else mark)

    @property
    def is_delayed(self) -> bool:
        """Whether the price may be older than its time says."""
        return self.mark is not None and self.mark.is_delayed and not self.is_missing

    @property
    def cost(self) -> Decimal | None:
        """What was paid for it, commissions included, by the broker's average."""
        average = self.view.average_cost
        return None if average is None else EXACT.multiply(average, self.view.quantity)

    @property
    def percent(self) -> Decimal | None:
        """Unrealized P&L in percent of what was paid."""
        if self.unrealized is None or not self.cost:
            return None
        return EXACT.divide(self.unrealized * 100, abs(self.cost))

    @property
    def marked_at(self) -> datetime | None:
        return self.mark.at if self.mark else self.view.marked_at

    def at(self, now: datetime, *, is_live: bool) -> "Holding":
        """The same row with its age as of `now`."""
        return self._as_of(self.mark, now, is_live)

    def with_mark(self, mark: Mark, now: datetime, *, is_live: bool) -> "Holding":
        """The row with another live value."""
        return self._as_of(mark, now, is_live)

    def _as_of(self, mark: Mark | None, now: datetime, is_live: bool) -> "Holding":
        at = None
        if not self.is_missing:
            at = self.view.marked_at if mark is None else mark.at
        seconds = None if at is None else (now - at).total_seconds()
        shown = UNKNOWN if seconds is None else age(max(0.0, seconds))
        stale = not is_live or seconds is None or seconds > FRESH_SECONDS
        if mark is self.mark and shown == self.shown_age and stale == self.is_stale:
            return self
        # Not `replace`: this is done a thousand times a second.
        return Holding(self.view, mark, self.held, shown, stale, self.together, self.is_kept)


def holds_by_position(holds: Iterable[HoldView]) -> dict[PositionKey, HoldView]:
    """What is held or was kept about each position: what waits for a word goes first."""
    found: dict[PositionKey, HoldView] = {}
    for hold in holds:
        con_ids = hold.con_ids or (() if hold.con_id is None else (hold.con_id,))
        for con_id in con_ids:
            known = found.get(key := PositionKey(hold.account, con_id))
            if known is None or (known.status != "held" and hold.status == "held"):
                found[key] = hold
    return found


# --- columns -------------------------------------------------------------------------------------


def by_time(at: datetime | None) -> SortKey | None:
    return None if at is None else (Decimal(at.timestamp()), "")


def percent(value: Decimal | None) -> str:
    """`12.34 %`, or that it is unknown."""
    return UNKNOWN if value is None else f"{number(value, least=2, most=2)} %"


def _quiet(holding: Holding, tone: Tone = Tone.PLAIN) -> Tone:
    return Tone.DIM if holding.is_outside_totals else tone


def _live_tone(holding: Holding, tone: Tone = Tone.PLAIN) -> Tone:
    if holding.is_outside_totals:
        return Tone.DIM
    return Tone.STALE if holding.is_stale else tone


_MARK_TONES = {UP: Tone.GAIN, DOWN: Tone.LOSS}


def pnl_tone(value: Decimal | None) -> Tone:
    """Green or red (the theme decides), only where the amount is not zero."""
    return Tone.DIM if value is None else _MARK_TONES.get(arrow(value), Tone.PLAIN)


def _amount(value: Callable[[Holding], Decimal | None]) -> Callable[[Holding], Cell]:
    def cell(holding: Holding) -> Cell:
        amount = value(holding)
        if amount is None:
            return Cell(UNKNOWN, _live_tone(holding, Tone.DIM))
        mark = arrow(amount)
        return Cell(money(amount), _live_tone(holding, _MARK_TONES.get(mark, Tone.PLAIN)), mark)

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


LIVE = frozenset({"last", "value", "unrealized", "day", "age", "percent"})
"""The columns that move with the live value; the others say what the ledger has."""


def holding_columns(shown: Redaction) -> tuple[Column[Holding], ...]:
    """The columns of the Positions pane, as a trader reads them; `rank` says which go first."""
    return (
        Column(
            "symbol",
            "Symbol",
            _symbol,
            least=17,
            most=24,
            is_whole=True,
            order=lambda h: by_label(h.view.description or h.view.symbol),
        ),
        Column(
            "account",
            "Account",
            lambda h: Cell(shown.account(h.view.account), Tone.DIM),
            rank=6,
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
            rank=2,
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
            rank=7,
            order=lambda h: by_number(h.view.average_price),
        ),
        Column("last", "Last", _last, Align.POINT, rank=3, order=lambda h: by_number(h.last)),
        Column(
            "value",
            "Mkt value",
            _value,
            Align.POINT,
            rank=4,
            order=lambda h: by_number(h.value),
            wants_high_first=True,
            is_amount=True,
        ),
        Column(
            "unrealized",
            "Unrealized",
            _amount(lambda h: h.unrealized),
            Align.POINT,
            order=lambda h: by_number(h.unrealized),
            wants_high_first=True,
            is_amount=True,
        ),
        Column(
            "day",
            "Day P&L",
            _amount(lambda h: h.day),
            Align.POINT,
            rank=1,
            order=lambda h: by_number(h.day),
            wants_high_first=True,
            is_amount=True,
        ),
        Column(
            "realized",
            "Realized",
            _realized,
            Align.POINT,
            rank=5,
            order=lambda h: by_number(h.view.realized_pnl),
            wants_high_first=True,
            is_amount=True,
        ),
        Column(
            "age",
            "Price age",
            lambda h: Cell(h.shown_age, Tone.STALE if h.is_stale else Tone.DIM),
            Align.RIGHT,
            rank=9,
            order=lambda h: by_time(h.marked_at),
            wants_high_first=True,
            raw=lambda h: h.marked_at,
            written="Price at",
        ),
    )


def more_columns() -> tuple[Column[Holding], ...]:
    """Columns that are shown where they were chosen."""
    return (
        Column(
            "percent",
            "Unreal. %",
            lambda h: Cell(percent(h.percent), _live_tone(h, pnl_tone(h.percent))),
            Align.POINT,
            rank=10,
            order=lambda h: by_number(h.percent),
            wants_high_first=True,
        ),
        Column(
            "cost",
            "Cost",
            lambda h: Cell(money(h.cost), _quiet(h)),
            Align.POINT,
            rank=11,
            order=lambda h: by_number(h.cost),
            wants_high_first=True,
        ),
        Column(
            "opened",
            "Known since",
            lambda h: Cell(minute(h.view.opened_at), Tone.DIM),
            rank=12,
            order=lambda h: by_time(h.view.opened_at),
            raw=lambda h: h.view.opened_at,
        ),
        Column(
            "contract",
            "Contract",
            lambda h: Cell(str(h.view.con_id), Tone.DIM),
            Align.RIGHT,
            rank=13,
            order=lambda h: by_number(Decimal(h.view.con_id)),
        ),
    )


def flag(holding: Holding) -> Cell:
    """The symbol before a row: what is most wrong with it."""
    if holding.is_missing:
        return Cell("!", Tone.WARNING)
    if holding.held is not None:
        return Cell("⚑", Tone.WARNING)
    if holding.is_stale:
        return Cell(" " if holding.is_outside_totals else "○", Tone.DIM)
    return Cell("◔" if holding.is_delayed else " ", Tone.DIM)
