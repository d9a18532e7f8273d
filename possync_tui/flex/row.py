"""A row of a statement with its fields read strictly: one that cannot be read refuses the file."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import EXACT, BadNumber, parse_number
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.document import FlexRefused, RawRow
from possync_tui.flex.times import NoTime, begins_on, booked_on, has_clock, parse_day, parse_instant

_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_PRICE_DIGITS = Decimal("1E-12")
_LARGEST_ID = 2**31 - 1
_CON_ID = re.compile(r"\d{1,10}", re.ASCII)
# What TWS calls a kind of contract where statements have another word for it.
_SEC_TYPES = {"FSOPT": "OPT", "FSFOP": "FOP"}
OPTIONS = frozenset({"OPT", "FOP", "WAR", "IOPT"})
# Of these a contract is one unit, whatever a query leaves out.
_UNIT = frozenset({"STK", "CASH", "CRYPTO", "FUND", "BOND", "BILL", "CFD", "CMDTY"})


@dataclass(frozen=True)
class Row:
    """A row of the statement of `account`."""

    raw: RawRow
    account: str

    def text(self, name: str) -> str:
        return self.raw.texts.get(name, "").strip()

    def needed(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise self.refused(name, "is blank, or not among the fields of the query")
        return text

    def number(self, name: str) -> Decimal:
        return self._parse(name, self.needed(name))

    def optional(self, name: str) -> Decimal | None:
        """A number, `None` where the field is blank (`--` stands for that, too)."""
        text = self.text(name)
        return None if text in ("", "-", "--") else self._parse(name, text)

    def _parse(self, name: str, text: str) -> Decimal:
        # Older statements group thousands.
        plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
        try:
            return parse_number(name, plain)
        except BadNumber as bad:
            raise self.refused(name, f"is {bad.why}") from None

    def instant(self, name: str = "dateTime") -> datetime:
        try:
            return parse_instant(self.needed(name))
        except NoTime as bad:
            raise self.refused(name, str(bad)) from None

    def day(self, *names: str) -> date:
        """The day in the first of these fields that is filled."""
        name = next((name for name in names if self.text(name)), names[0])
        try:
            return parse_day(self.needed(name))
        except NoTime as bad:
            raise self.refused(name, str(bad)) from None

    def booked_at(self, *days: str) -> datetime:
        """When a booking took place: its time, or the end of its day."""
        if has_clock(self.text("dateTime")):
            return self.instant()
        return booked_on(self.day("dateTime", *days))

    def acted_at(self) -> datetime:
        """When a corporate action took effect: its time, or what is known of it.

        It is booked in the evening, and reported on the next business day: trades of that day are
        trades in new units.
        """
        if self.text("dateTime"):
            return self.booked_at()
        return begins_on(self.day("reportDate"))

    @cached_property
    def quantity(self) -> Decimal:
        return self.number("quantity")

    @cached_property
    def codes(self) -> frozenset[str]:
        return frozenset(re.split(r"[;, ]+", self.text("notes"))) - {""}

    @cached_property
    def sec_type(self) -> str:
        category = self.needed("assetCategory")
        return _SEC_TYPES.get(category, category)

    @property
    def is_option(self) -> bool:
        return self.sec_type in OPTIONS

    @cached_property
    def con_id(self) -> int:
        return self._con_id("conid")

    def _con_id(self, name: str) -> int:
        text = self.needed(name)
        if not (_CON_ID.fullmatch(text) and 0 < int(text) < _LARGEST_ID):
            raise self.refused(name, "is no contract id")
        return int(text)

    @property
    def underlying_con_id(self) -> int:
        return self._con_id("underlyingConid") if self.text("underlyingConid") else 0

    @property
    def key(self) -> PositionKey:
        return PositionKey(self.account, self.con_id)

    @cached_property
    def underlying(self) -> str:
        """The symbol of what a contract is on, as TWS names the contract itself."""
        named = self.text("underlyingSymbol")
        return named or self.needed("symbol").split()[0]

    @cached_property
    def instrument(self) -> Instrument:
        """The contract as TWS would describe it."""
        derived = self.sec_type in OPTIONS or self.sec_type == "FUT"
        symbol = self.needed("symbol")
        if self.sec_type == "CASH":
            root = symbol.split(".")[0]
        else:
            root = self.underlying if derived else symbol
        expiry = f"{self.day('expiry'):%Y%m%d}" if self.text("expiry") else ""
        return Instrument(
            con_id=self.con_id,
            symbol=root,
            sec_type=self.sec_type,
            currency=self.needed("currency"),
            expiry=expiry,
            strike=self.text("strike"),
            right=self.text("putCall"),
            multiplier=self._multiplier(),
            local_symbol=symbol,
        )

    def _multiplier(self) -> str:
        if self.sec_type not in _UNIT:
            if self.number("multiplier") <= 0:
                raise self.refused("multiplier", "is not positive")
            return self.text("multiplier")
        multiplier = self.optional("multiplier")
        return "" if multiplier in (None, 1) else self.text("multiplier")

    def price_of(self, money: Decimal, units: Decimal) -> Decimal:
        """The price of a unit at which `units` are worth `money`; both as amounts."""
        whole = EXACT.multiply(units, self.instrument.unit_value)
        return abs(EXACT.divide(money, whole).quantize(_PRICE_DIGITS, context=EXACT))

    def refused(self, field: str, why: str) -> FlexRefused:
        """What is wrong with this row, in a sentence."""
        named = self.text("symbol") or self.text("description")
        said = self.text(field)
        shown = f" ({printable(said)[:40]!r})" if said else ""
        name = f" {printable(named)[:30]}" if named else ""
        return FlexRefused(f"line {self.raw.line}: {self.raw.kind}{name}: {field} {why}{shown}")


def ordinal(seen: dict[tuple[object, ...], int], *what: object) -> int:
    """The how-manieth of its like something is, from 1 on."""
    seen[what] = seen.get(what, 0) + 1
    return seen[what]
