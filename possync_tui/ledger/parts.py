"""What observations and lives are made of, as JSON: instruments, rows, prices, fees, keys."""

from functools import lru_cache

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import PositionRow, PriceEvidence
from possync_tui.domain.position import Fees
from possync_tui.ledger.at_rest import BadRecord, digits
from possync_tui.ledger.payload import Json, Payload, dump, parse, quote

# Each is written several times whenever something of it changes.
_INSTRUMENTS_KEPT = 20_000


@lru_cache(maxsize=_INSTRUMENTS_KEPT)
def encode_instrument(instrument: Instrument) -> str:
    return dump(instrument_json(instrument))


def decode_instrument(text: str) -> Instrument:
    return read_instrument(Payload(parse(text)))


def encode_row(row: PositionRow) -> str:
    return (
        f'{{"account":{quote(row.account)},"instrument":{encode_instrument(row.instrument)}'
        f',"quantity":"{digits(row.quantity)}","average_cost":"{digits(row.average_cost)}"'
        f',"quantity_text":{quote(row.quantity_text)}'
        f',"average_cost_text":{quote(row.average_cost_text)}}}'
    )


def decode_row(text: str) -> PositionRow:
    return read_row(Payload(parse(text)))


class RowTexts:
    """Rows as JSON, each encoded once within a transaction, however often it is written."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[PositionRow, str]] = {}

    def __call__(self, row: PositionRow) -> str:
        known = self._texts.get(id(row))
        if known is None:
            # Held, so that no other row can have its place in memory meanwhile.
            known = self._texts[id(row)] = (row, encode_row(row))
        return known[1]


def encode_fees(fees: Fees) -> str:
    if not fees:
        return "[]"
    return dump([[currency, micros] for currency, micros in fees])


def decode_fees(text: str) -> Fees:
    if text == "[]":
        return ()
    pairs = parse(text)
    if not isinstance(pairs, list):
        raise BadRecord(f"not a list of fees: {text!r}")
    fees: list[tuple[str, int]] = []
    for pair in pairs:
        match pair:
            case [str(currency), int(micros)]:
                fees.append((currency, micros))
            case _:
                raise BadRecord(f"not a fee: {pair!r}")
    return tuple(fees)


def encode_price(price: PriceEvidence | None) -> str | None:
    return None if price is None else dump(price_json(price))


def decode_price(text: str | None) -> PriceEvidence | None:
    return None if text is None else read_price(Payload(parse(text)))


def encode_keys(keys: tuple[PositionKey, ...]) -> str:
    return dump([[key.account, key.con_id] for key in keys])


def decode_keys(text: str) -> tuple[PositionKey, ...]:
    pairs = parse(text)
    if not isinstance(pairs, list):
        raise BadRecord(f"not a list of positions: {text!r}")
    keys: list[PositionKey] = []
    for pair in pairs:
        match pair:
            case [str(account), int(con_id)]:
                keys.append(PositionKey(account, con_id))
            case _:
                raise BadRecord(f"not a position: {pair!r}")
    return tuple(keys)


def row_content(row: PositionRow) -> str:
    """What has to differ for a pushed row to be news, in one spelling."""
    amounts = f"{dump(digits(row.quantity))},{dump(digits(row.average_cost))}"
    return f"[{amounts},{encode_instrument(row.instrument)}]"


def instrument_json(instrument: Instrument) -> dict[str, Json]:
    return {
        "con_id": instrument.con_id,
        "symbol": instrument.symbol,
        "sec_type": instrument.sec_type,
        "currency": instrument.currency,
        "expiry": instrument.expiry,
        "strike": instrument.strike,
        "right": instrument.right,
        "multiplier": instrument.multiplier,
        "exchange": instrument.exchange,
        "local_symbol": instrument.local_symbol,
        "trading_class": instrument.trading_class,
    }


def read_instrument(payload: Payload) -> Instrument:
    return Instrument(
        con_id=payload.whole("con_id"),
        symbol=payload.text("symbol"),
        sec_type=payload.text("sec_type"),
        currency=payload.text("currency"),
        expiry=payload.text("expiry"),
        strike=payload.text("strike"),
        right=payload.text("right"),
        multiplier=payload.text("multiplier"),
        exchange=payload.text("exchange"),
        local_symbol=payload.text("local_symbol"),
        trading_class=payload.text("trading_class"),
    )


def read_row(payload: Payload) -> PositionRow:
    return PositionRow(
        account=payload.text("account"),
        instrument=read_instrument(payload.nested("instrument")),
        quantity=payload.number("quantity"),
        average_cost=payload.number("average_cost"),
        quantity_text=payload.text("quantity_text"),
        average_cost_text=payload.text("average_cost_text"),
    )


def price_json(price: PriceEvidence) -> dict[str, Json]:
    return {
        "price": digits(price.price),
        "source": price.source,
        "age_seconds": price.age_seconds,
    }


def read_price(payload: Payload) -> PriceEvidence:
    return PriceEvidence(
        price=payload.number("price"),
        source=payload.text("source"),
        age_seconds=payload.seconds("age_seconds"),
    )


def read_optional_price(payload: Payload) -> PriceEvidence | None:
    nested = payload.optional_nested("price")
    return None if nested is None else read_price(nested)
