"""What changed positions without an execution, as the broker's statement will tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto
from zoneinfo import ZoneInfo

from possync_tui.demo import Instrument
from possync_tui.demo.records import Position
from possync_tui.demo.wire import DESK_ZONE, plain
from tests.flex import build

ZONE = ZoneInfo(DESK_ZONE)


class What(StrEnum):
    """What happened to a position."""

    TRANSFER = auto()
    SPLIT = auto()
    EXPIRY = auto()
    DELIVERY = auto()
    CONVERSION = auto()


@dataclass(frozen=True, slots=True)
class Booked:
    """What changed a position without an execution, as the statement will tell of it.

    Without units it is not told; a corrected fill can give it some. `ratio` is that of a split.
    """

    account: str
    at: datetime
    section: str
    row: build.Attributes
    what: What
    ratio: Decimal = Decimal(1)

    @property
    def key(self) -> tuple[str, int]:
        return self.account, int(self.row["conid"])

    @property
    def quantity(self) -> Decimal:
        return Decimal(self.row["quantity"])

    def corrected(self, more: Decimal) -> "Booked":
        """The same as the broker books it once that `more` units had been there before."""
        change = more * (self.ratio - 1) if self.what is What.SPLIT else -more
        quantity = self.quantity + change
        row = {**self.row, "quantity": plain(quantity)}
        if "buySell" in row:
            # What ended a short position may have ended a long one.
            row["buySell"] = "BUY" if quantity > 0 else "SELL"
        return replace(self, row=row)


def stamp(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%Y%m%d;%H%M%S}"


def contract(instrument: Instrument) -> build.Attributes:
    return {
        **build.STOCK,
        "currency": instrument.currency,
        "assetCategory": instrument.sec_type,
        "symbol": instrument.local_symbol or instrument.symbol,
        "description": instrument.symbol,
        "conid": str(instrument.con_id),
        "multiplier": instrument.multiplier or "1",
        "strike": plain(instrument.strike) if instrument.strike else "",
        "expiry": instrument.expiry,
        "putCall": instrument.right,
        "underlyingSymbol": instrument.symbol if instrument.sec_type in ("OPT", "FUT") else "",
        "underlyingConid": str(instrument.under_con_id or ""),
    }


def in_money(instrument: Instrument, price: Decimal) -> Decimal:
    """A price as a statement tells it: in the currency, where TWS quotes cents; of bonds as is."""
    return price / instrument.magnifier


def moved_out(held: Position, at: datetime, to: str = "") -> Booked:
    row = _transfer(held, -held.quantity, at, to)
    return Booked(held.account, at, "transfers", row, What.TRANSFER)


def moved_in(held: Position, account: str, at: datetime) -> Booked:
    row = _transfer(held, held.quantity, at, held.account)
    return Booked(account, at, "transfers", row, What.TRANSFER)


def _transfer(held: Position, quantity: Decimal, at: datetime, other: str) -> build.Attributes:
    side = 1 if quantity * held.quantity > 0 else -1
    return build.transfer(
        plain(quantity),
        stamp(at),
        **contract(held.instrument),
        type="INTERNAL" if other else "ACATS",
        account=other or "DU1000009",
        dateTime=stamp(at),
        positionAmount=plain(side * held.value),
        pnlAmount=plain(side * held.unrealized),
    )


def split(held: Position, new: int, old: int, at: datetime) -> Booked:
    instrument = held.instrument
    words = f"{instrument.symbol}(US0000000001) SPLIT {new} FOR {old} (X)"
    kind = "FS" if new > old else "RS"
    more = held.quantity * new / old - held.quantity
    row = build.action(
        plain(more),
        words,
        stamp(at),
        kind=kind,
        **contract(instrument),
        actionID=f"{instrument.con_id}{stamp(at)}",
    )
    return Booked(held.account, at, "actions", row, What.SPLIT, Decimal(new) / Decimal(old))


def is_split(booked: Sequence[Booked], con_id: int, new: int, old: int, at: datetime) -> bool:
    """Whether the statement of that day tells of this split already."""
    day, ratio = at.astimezone(ZONE).date(), Decimal(new) / Decimal(old)
    return any(
        item.what is What.SPLIT
        and (item.key[1], item.ratio, item.at.astimezone(ZONE).date()) == (con_id, ratio, day)
        for item in booked
    )


def expired(held: Position, at: datetime) -> Booked:
    day = f"{at.astimezone(ZONE):%Y%m%d}"
    is_future = held.instrument.sec_type == "FUT"
    price = plain(in_money(held.instrument, held.price)) if is_future else "0"
    row = build.booking(
        plain(-held.quantity), "Ep", day, what=contract(held.instrument), price=price
    )
    return Booked(held.account, at, "trades", {**row, "dateTime": stamp(at)}, What.EXPIRY)


def delivered(
    option: Position, underlying: Instrument, at: datetime, contracts: Decimal | None = None
) -> list[Booked]:
    """An option that ended by assignment or exercise, or a part of it, and what it brought."""
    instrument, day = option.instrument, f"{at.astimezone(ZONE):%Y%m%d}"
    ended = option.quantity if contracts is None else contracts.copy_sign(option.quantity)
    units = ended * Decimal(instrument.multiplier or 1)
    units = -units if instrument.right.startswith("P") else units
    code = "A" if option.quantity < 0 else "Ex"
    cost = abs(ended) * option.average_cost
    end = build.booking(
        plain(-ended),
        code,
        day,
        what=contract(instrument),
        cost=plain(cost if option.quantity < 0 else -cost),
    )
    came = build.booking(
        plain(units), code, day, what=contract(underlying), price=plain(instrument.strike)
    )
    return [
        Booked(option.account, at, "trades", {**row, "dateTime": stamp(at)}, What.DELIVERY)
        for row in (end, came)
    ]


def converted(
    old: Position, new: Instrument, quantity: Decimal, words: str, at: datetime
) -> list[Booked]:
    """A merger or a new symbol; the words begin with the code of the old contract."""
    said = f"{old.instrument.symbol}(US{old.instrument.con_id:010d}) {words}"
    return [
        Booked(
            old.account,
            at,
            "actions",
            build.action(
                plain(units),
                f"{said} ({instrument.symbol})",
                stamp(at),
                kind="TC",
                **contract(instrument),
                isin=f"US{instrument.con_id:010d}",
                proceeds="0",
                fifoPnlRealized="0",
                actionID=f"{old.account}{old.instrument.con_id}{stamp(at)}",
            ),
            What.CONVERSION,
        )
        for instrument, units in ((old.instrument, -old.quantity), (new, quantity))
    ]
