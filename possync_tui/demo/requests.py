"""The messages that clients send: names, where the request id stands, and how each is read."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from possync_tui.demo.instruments import Instrument
from possync_tui.domain.values import dataclass

#: name and position of the request id among the fields (None: it has none), by message id.
REQUESTS: Final[dict[int, tuple[str, int | None]]] = {
    1: ("reqMktData", 2),
    2: ("cancelMktData", 2),
    3: ("placeOrder", 1),
    4: ("cancelOrder", 2),
    5: ("reqOpenOrders", None),
    6: ("reqAccountUpdates", None),
    7: ("reqExecutions", 2),
    8: ("reqIds", None),
    9: ("reqContractDetails", 2),
    10: ("reqMktDepth", 2),
    11: ("cancelMktDepth", 2),
    12: ("reqNewsBulletins", None),
    13: ("cancelNewsBulletins", None),
    14: ("setServerLogLevel", None),
    15: ("reqAutoOpenOrders", None),
    16: ("reqAllOpenOrders", None),
    17: ("reqManagedAccts", None),
    18: ("requestFA", None),
    19: ("replaceFA", None),
    20: ("reqHistoricalData", 1),
    21: ("exerciseOptions", 2),
    22: ("reqScannerSubscription", 1),
    23: ("cancelScannerSubscription", 2),
    24: ("reqScannerParameters", None),
    25: ("cancelHistoricalData", 2),
    49: ("reqCurrentTime", None),
    50: ("reqRealTimeBars", 2),
    51: ("cancelRealTimeBars", 2),
    52: ("reqFundamentalData", 2),
    53: ("cancelFundamentalData", 2),
    54: ("calculateImpliedVolatility", 2),
    55: ("calculateOptionPrice", 2),
    56: ("cancelCalculateImpliedVolatility", 2),
    57: ("cancelCalculateOptionPrice", 2),
    58: ("reqGlobalCancel", None),
    59: ("reqMarketDataType", None),
    61: ("reqPositions", None),
    62: ("reqAccountSummary", 2),
    63: ("cancelAccountSummary", 2),
    64: ("cancelPositions", None),
    67: ("queryDisplayGroups", 2),
    68: ("subscribeToGroupEvents", 2),
    69: ("updateDisplayGroup", 2),
    70: ("unsubscribeFromGroupEvents", 2),
    71: ("startApi", None),
    74: ("reqPositionsMulti", 2),
    75: ("cancelPositionsMulti", 2),
    76: ("reqAccountUpdatesMulti", 2),
    77: ("cancelAccountUpdatesMulti", 2),
    78: ("reqSecDefOptParams", 1),
    79: ("reqSoftDollarTiers", 1),
    80: ("reqFamilyCodes", None),
    81: ("reqMatchingSymbols", 1),
    82: ("reqMktDepthExchanges", None),
    83: ("reqSmartComponents", 1),
    84: ("reqNewsArticle", 1),
    85: ("reqNewsProviders", None),
    86: ("reqHistoricalNews", 1),
    87: ("reqHeadTimeStamp", 1),
    88: ("reqHistogramData", 1),
    89: ("cancelHistogramData", 1),
    90: ("cancelHeadTimeStamp", 1),
    91: ("reqMarketRule", None),
    92: ("reqPnL", 1),
    93: ("cancelPnL", 1),
    94: ("reqPnLSingle", 1),
    95: ("cancelPnLSingle", 1),
    96: ("reqHistoricalTicks", 1),
    97: ("reqTickByTickData", 1),
    98: ("cancelTickByTickData", 1),
    99: ("reqCompletedOrders", None),
    104: ("reqUserInfo", 1),
}

#: Requests that would change something at the broker; the gateway is read-only.
ORDER_REQUESTS: Final = frozenset(
    {"placeOrder", "cancelOrder", "exerciseOptions", "replaceFA", "reqGlobalCancel"}
)


class BadRequestError(Exception):
    """A request whose fields cannot be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message from a client, as it came."""

    client_id: int | None
    message_id: int
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """The API's name of the request, ``unknown`` for an id that is not in it."""
        return REQUESTS.get(self.message_id, ("unknown", None))[0]

    @property
    def req_id(self) -> int:
        """The request id, -1 where the request has none or it is not a number."""
        index = REQUESTS.get(self.message_id, ("", None))[1]
        if index is None or index >= len(self.fields):
            return -1
        try:
            return int(self.fields[index])
        except ValueError:
            return -1

    @classmethod
    def read(cls, client_id: int | None, fields: Sequence[str]) -> "Request":
        """A request from the fields of a frame; ``BadRequestError`` without a message id."""
        if not fields or not fields[0].isdecimal():
            raise BadRequestError("no message id")
        return cls(client_id, int(fields[0]), tuple(fields))

    def text(self, index: int) -> str:
        """A field, blank when it was not sent."""
        return self.fields[index] if index < len(self.fields) else ""

    def number(self, index: int) -> int:
        """A whole number, 0 when blank; ``BadRequestError`` when it is none."""
        text = self.text(index)
        try:
            return int(text or 0)
        except ValueError as error:
            raise BadRequestError(f"{self.name}: {text!r} is not a number") from error

    def flag(self, index: int) -> bool:
        """A boolean: ``1`` or ``True``."""
        return self.text(index).lower() in {"1", "true"}


def matches(request: Request, instrument: Instrument) -> bool:
    """Whether reqContractDetails means that contract: by conId, else by what it does say."""
    con_id = request.number(3)
    if con_id:
        return con_id == instrument.con_id
    try:
        strike = Decimal(request.text(7) or 0)
    except InvalidOperation as error:
        raise BadRequestError(f"{request.name}: bad strike") from error
    if strike and strike != instrument.strike:
        return False
    expiry = request.text(6)  # a month matches every day in it
    wanted = {
        4: instrument.symbol,
        5: instrument.sec_type,
        8: instrument.right,
        9: instrument.multiplier,
        12: instrument.currency,
        13: instrument.local_symbol,
        14: instrument.trading_class,
    }
    asked = {index: request.text(index) for index in wanted if request.text(index)}
    if not (asked.get(4) or asked.get(13)) or not instrument.expiry.startswith(expiry):
        return False
    return all(wanted[index] == text for index, text in asked.items())
