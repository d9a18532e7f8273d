"""The unit in which a contract is quoted: its currency, or pence and cents of it.

Fills and portfolio prices come in the unit of the market's quotes, average cost and values in the
currency itself (TWS API: `priceMagnifier` of the contract's details). A ledger keeps money, so a
price is divided here, before anything else sees it.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import field, replace
from decimal import Decimal
from typing import Final

from possync_tui.broker.context import SessionContext
from possync_tui.broker.port import Notice
from possync_tui.domain.exec_ids import in_doubt_id
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.money import EXACT, BadNumber, parse_number
from possync_tui.domain.observations import Fill, PositionRow
from possync_tui.domain.values import dataclass

logger = logging.getLogger(__name__)

_WHOLE: Final = Decimal(1)
_HUNDREDTH: Final = Decimal(100)
# A price this many times above or below what was paid is still one in the same unit.
_FAR: Final = Decimal(5)
_PATIENCE_SECONDS: Final = 3.0
# Of these a part is quoted in a hundredth of it; of the others TWS is not asked.
_SMALL_CURRENCIES: Final = frozenset({"GBP", "ZAR", "ILS"})
_NEVER_SMALL: Final = frozenset({"CASH", "CRYPTO", "BOND", "BILL", "BAG", "FUND"})
_FUTURES: Final = frozenset({"FUT", "FOP"})
# Where TWS does not answer: futures in cents or pence, with IBKR's multiplier (2025).
_IN_CENTS: Final = frozenset(
    {
        *(("ZC", "5000"), ("ZW", "5000"), ("KE", "5000"), ("ZS", "5000"), ("ZO", "5000")),
        *(("YC", "1000"), ("YW", "1000"), ("YK", "1000"), ("ZL", "60000"), ("OJ", "15000")),
        *(("LE", "40000"), ("HE", "40000"), ("GF", "50000"), ("KC", "37500"), ("CT", "50000")),
        *(("SB", "112000"), ("SF", "112000"), ("CB", "20000"), ("NF", "44000"), ("DY", "44000")),
        ("Z", "1000"),
    }
)
_AS_SHOWN: Final = ", as its average cost shows"
_FIRST_PAUSE: Final = 60.0
_LONGEST_PAUSE: Final = 3600.0
# By server version, from 164 on without message version and obsolete fields.
_SHORTER_FROM: Final = 164
_LONG_LAYOUT: Final = (2, 13, 19)
_SHORT_LAYOUT: Final = (1, 12, 17)


class Quoting:
    """What TWS has told of the unit of each contract, over sessions."""

    def __init__(self) -> None:
        self._told: dict[int, Decimal] = {}
        self._costs: dict[int, Decimal] = {}
        self._silences: dict[int, _Silence] = {}

    def is_known(self, instrument: Instrument) -> bool:
        return instrument.con_id in self._told or not _may_be_small(instrument)

    def learn(self, con_id: int, magnifier: Decimal) -> None:
        self._told[con_id] = magnifier
        self._silences.pop(con_id, None)

    def is_worth_asking(self, con_id: int, now: float) -> bool:
        """Whether TWS has not lately been asked for it in vain. `now` is on the loop's clock."""
        silence = self._silences.get(con_id)
        return silence is None or now >= silence.until

    def was_silent(self, con_id: int, now: float) -> None:
        """Ask again after a minute, then later and later."""
        before = self._silences.get(con_id)
        pause = _FIRST_PAUSE if before is None else min(before.pause * 2, _LONGEST_PAUSE)
        self._silences[con_id] = _Silence(now + pause, pause)

    def saw(self, row: PositionRow) -> None:
        """Remember what was paid for a unit, in the currency."""
        what = row.instrument
        if _may_be_small(what) and what.con_id not in self._told and row.average_cost > 0:
            self._costs[what.con_id] = EXACT.divide(row.average_cost, what.unit_value)

    def shown_by_cost(self, fill: Fill) -> Decimal | None:
        """The magnifier where the price is near to what was paid, or to a hundred times that."""
        cost = self._costs.get(fill.instrument.con_id)
        if cost is None:
            return None
        for magnifier in (_WHOLE, _HUNDREDTH):
            quoted = EXACT.multiply(cost, magnifier)
            if quoted < fill.price * _FAR and fill.price < quoted * _FAR:
                return magnifier
        return None

    def likely_magnifier(self, fill: Fill) -> Decimal:
        """How many units of the quote may make one of the currency, where TWS has not told it."""
        if (shown := self.shown_by_cost(fill)) is not None:
            return shown
        what = fill.instrument
        is_small = what.sec_type in _FUTURES and (what.symbol, what.multiplier) in _IN_CENTS
        return _HUNDREDTH if is_small else _WHOLE

    def in_money(self, fill: Fill) -> Fill:
        """The fill with its price in the contract's currency; as one in doubt where that is not
        told, but likely."""
        if not self.is_known(fill.instrument):
            price = EXACT.divide(fill.price, self.likely_magnifier(fill))
            return replace(fill, exec_id=in_doubt_id(fill.exec_id), price=price)
        magnifier = self._told.get(fill.instrument.con_id, _WHOLE)
        if magnifier == _WHOLE:
            return fill
        return replace(fill, price=EXACT.divide(fill.price, magnifier))


def _may_be_small(instrument: Instrument) -> bool:
    if instrument.sec_type in _FUTURES:
        return True
    return instrument.currency in _SMALL_CURRENCIES and instrument.sec_type not in _NEVER_SMALL


@dataclass(frozen=True, slots=True)
class _Silence:
    """TWS did not answer for a contract: until when it is not asked again, and for how long."""

    until: float
    pause: float


@dataclass(slots=True)
class _Question:
    """A contract whose unit TWS was asked for, and the fills that wait for the answer."""

    waiting: list[tuple[Fill, Callable[[Fill], None]]] = field(default_factory=list)


class Units:
    """Asks TWS for the units of contracts that are traded in one session.

    A fill is never lost for want of an answer: it waits a few seconds at most, while others are
    answered (of many requests most are sent late, to stay within what TWS allows) longer. Then it
    is handed on as one in doubt, in the unit that its average cost shows, or a table of futures;
    and for certain when it is told again and the unit is known.
    """

    def __init__(
        self,
        context: SessionContext,
        quoting: Quoting,
        next_id: Callable[[], int],
        request: Callable[[int, int], None],
        server_version: Callable[[], int],
    ) -> None:
        self._context = context
        self._quoting = quoting
        self._next_id = next_id
        self._request = request
        self._server_version = server_version
        self._asked: dict[int, _Question] = {}
        self._ids: dict[int, int] = {}
        self._patience = _PATIENCE_SECONDS
        self._limit: asyncio.TimerHandle | None = None
        self._is_over = False

    def when_known(self, fill: Fill, then: Callable[[Fill], None]) -> None:
        """Call `then` with the fill in money: at once where its unit is known."""
        con_id = fill.instrument.con_id
        if (
            self._is_over
            or self._quoting.is_known(fill.instrument)
            or not self._quoting.is_worth_asking(con_id, asyncio.get_running_loop().time())
            or not self._ask(con_id)
        ):
            then(self._quoting.in_money(fill))
            return
        self._asked[con_id].waiting.append((fill, then))

    def be_done_within(self, seconds: float) -> None:
        """Whoever waits for fills that wait for an answer has no more time than this."""
        self._patience = min(_PATIENCE_SECONDS, seconds / 3)

    def _ask(self, con_id: int) -> bool:
        """Ask, unless that was done. False if it cannot be: the session is ending."""
        if con_id in self._asked:
            return True
        try:
            request_id = self._next_id()
            self._request(request_id, con_id)
        except ConnectionError:
            return False
        self._asked[con_id], self._ids[request_id] = _Question(), con_id
        if self._limit is None:
            self._wait_anew()
        return True

    def _wait_anew(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None
        if self._asked:
            loop = asyncio.get_running_loop()
            self._limit = loop.call_later(self._patience, self._lose_patience)

    def _lose_patience(self) -> None:
        for con_id in list(self._asked):
            self._give_up(con_id, "it did not answer")

    def on_details(self, fields: list[str]) -> None:
        """Message 10."""
        is_short = self._server_version() >= _SHORTER_FROM
        at_request, at_contract, at_magnifier = _SHORT_LAYOUT if is_short else _LONG_LAYOUT
        con_id = self._ids.get(int(fields[at_request]))
        if con_id is None or fields[at_contract] != str(con_id):
            return
        try:
            magnifier = parse_number("price magnifier", fields[at_magnifier])
            if not magnifier >= _WHOLE:
                raise BadNumber("price magnifier", fields[at_magnifier], "less than 1")
        except BadNumber as bad:
            self._give_up(con_id, str(bad))
            return
        self._quoting.learn(con_id, magnifier)
        self._answer(con_id)

    def refuse(self, request_id: int, why: str) -> bool:
        """An error for one of these requests. False if it is not ours."""
        con_id = self._ids.get(request_id)
        if con_id is None:
            return False
        self._give_up(con_id, why)
        return True

    def end(self) -> None:
        """The session is over: what waits is handed on."""
        self._is_over = True
        for con_id, question in list(self._asked.items()):
            self._tell(question, "the connection ended before it answered")
            self._answer(con_id)

    def _give_up(self, con_id: int, why: str) -> None:
        question = self._asked.get(con_id)
        if question is None:
            return
        self._quoting.was_silent(con_id, asyncio.get_running_loop().time())
        self._tell(question, why)
        self._answer(con_id)

    def _tell(self, question: _Question, why: str) -> None:
        fill = question.waiting[0][0]
        what, magnifier = fill.instrument, self._quoting.likely_magnifier(fill)
        unit = what.currency if magnifier == _WHOLE else f"1/{magnifier} {what.currency}"
        is_shown = self._quoting.shown_by_cost(fill) is not None
        text = (
            f"TWS does not tell the unit in which {what.description} is quoted ({why}): the prices"
            f" of its fills are taken for {unit}{_AS_SHOWN if is_shown else ''}, until TWS or a"
            " statement tells it."
        )
        self._context.emit(Notice(None, text, is_problem=not is_shown))

    def _answer(self, con_id: int) -> None:
        question = self._asked.pop(con_id, None)
        if question is None:
            return
        self._wait_anew()
        for fill, then in question.waiting:
            then(self._quoting.in_money(fill))
