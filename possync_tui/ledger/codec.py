"""Observations and parts of a life as JSON: exact both ways, with the wire's text kept.

The inbox is read for as long as the ledger lives, by programs newer than the one that wrote it: a
field that is added later gets a default in `decode`, and a name once used keeps its meaning.
"""

from collections.abc import Callable
from enum import StrEnum

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Anchor,
    BasisCarried,
    CarriedLot,
    Charge,
    CloseDecided,
    CloseReason,
    Commission,
    ConnectivityLost,
    Fill,
    FillSource,
    Observation,
    PositionRow,
    RowPushed,
    Side,
)
from possync_tui.ledger.at_rest import (
    digits,
    one_of,
    optional_digits,
    stamp,
)
from possync_tui.ledger.parts import (
    decode_fees,
    encode_fees,
    encode_row,
    instrument_json,
    price_json,
    read_instrument,
    read_optional_price,
    read_row,
)
from possync_tui.ledger.payload import Json, Payload, dump, encode_object, parse, quote


class Kind(StrEnum):
    """The kinds of rows in the inbox."""

    ROW_PUSHED = "row_pushed"
    FILL = "fill"
    COMMISSION = "commission"
    CONNECTIVITY_LOST = "connectivity_lost"
    ANCHOR = "anchor"
    ABSENT = "absent"
    CLOSE_DECIDED = "close_decided"
    ADJUSTED = "adjusted"
    BASIS_CARRIED = "basis_carried"


def kind_of(observation: Observation) -> Kind:
    match observation:
        case RowPushed():
            return Kind.ROW_PUSHED
        case Fill():
            return Kind.FILL
        case Commission():
            return Kind.COMMISSION
        case ConnectivityLost():
            return Kind.CONNECTIVITY_LOST
        case Anchor():
            return Kind.ANCHOR
        case Absent():
            return Kind.ABSENT
        case CloseDecided():
            return Kind.CLOSE_DECIDED
        case Adjusted():
            return Kind.ADJUSTED
        case BasisCarried():
            return Kind.BASIS_CARRIED


def encode(observation: Observation, row_text: Callable[[PositionRow], str] = encode_row) -> str:
    """The observation as JSON. Raises `ValueError` for a non-finite number or a naive time."""
    match observation:
        case RowPushed():
            return _row_pushed(observation, row_text)
        case Fill():
            return dump(_fill(observation))
        case Commission():
            return dump(_commission(observation))
        case ConnectivityLost():
            lost = observation
            return dump({"code": lost.code, "at": stamp(lost.at), "session_id": lost.session_id})
        case Anchor():
            return _anchor(observation, row_text)
        case Absent():
            return dump(_absent(observation))
        case CloseDecided():
            return dump(_close_decided(observation))
        case Adjusted():
            return dump(_adjusted(observation))
        case BasisCarried():
            return dump(_basis_carried(observation))


def decode(kind: str, text: str) -> Observation:
    """The observation that `encode` wrote. Raises `BadRecord`."""
    payload = Payload(parse(text))
    match one_of(Kind, kind):
        case Kind.ROW_PUSHED:
            return RowPushed(
                row=read_row(payload.nested("row")),
                session_id=payload.text("session_id"),
                received_at=payload.moment("received_at"),
            )
        case Kind.FILL:
            return _read_fill(payload)
        case Kind.COMMISSION:
            return _read_commission(payload)
        case Kind.CONNECTIVITY_LOST:
            return ConnectivityLost(
                code=payload.whole("code"),
                at=payload.moment("at"),
                session_id=payload.text("session_id"),
            )
        case Kind.ANCHOR:
            return _read_anchor(payload)
        case Kind.ABSENT:
            return _read_absent(payload)
        case Kind.CLOSE_DECIDED:
            return _read_close_decided(payload)
        case Kind.ADJUSTED:
            return _read_adjusted(payload)
        case Kind.BASIS_CARRIED:
            return _read_basis_carried(payload)


def _row_pushed(pushed: RowPushed, row_text: Callable[[PositionRow], str]) -> str:
    return encode_object(
        row=row_text(pushed.row),
        session_id=dump(pushed.session_id),
        received_at=dump(stamp(pushed.received_at)),
    )


def _fill(fill: Fill) -> dict[str, Json]:
    return {
        "account": fill.account,
        "exec_id": fill.exec_id,
        "instrument": instrument_json(fill.instrument),
        "side": fill.side.value,
        "quantity": digits(fill.quantity),
        "price": digits(fill.price),
        "time": stamp(fill.time),
        "raw_time": fill.raw_time,
        "quantity_text": fill.quantity_text,
        "price_text": fill.price_text,
        "order_id": fill.order_id,
        "perm_id": fill.perm_id,
        "client_id": fill.client_id,
        "exchange": fill.exchange,
        "order_ref": fill.order_ref,
        "liquidation": fill.liquidation,
        "source": fill.source.value,
    }


def _read_fill(payload: Payload) -> Fill:
    return Fill(
        account=payload.text("account"),
        exec_id=payload.text("exec_id"),
        instrument=read_instrument(payload.nested("instrument")),
        side=payload.one_of("side", Side),
        quantity=payload.number("quantity"),
        price=payload.number("price"),
        time=payload.moment("time"),
        raw_time=payload.text("raw_time"),
        quantity_text=payload.text("quantity_text"),
        price_text=payload.text("price_text"),
        order_id=payload.whole("order_id"),
        perm_id=payload.whole("perm_id"),
        client_id=payload.whole("client_id"),
        exchange=payload.text("exchange"),
        order_ref=payload.text("order_ref"),
        liquidation=payload.whole("liquidation"),
        source=payload.one_of("source", FillSource),
    )


def _commission(report: Commission) -> dict[str, Json]:
    # Left out of the most, as older ones have it: a report is recognised by its text.
    is_total = report.charge is Charge.TOTAL
    charge: dict[str, Json] = {} if is_total else {"charge": report.charge.value}
    return charge | {
        "exec_id": report.exec_id,
        "amount": digits(report.amount),
        "currency": report.currency,
        "broker_realized_pnl": optional_digits(report.broker_realized_pnl),
        "amount_text": report.amount_text,
        "realized_text": report.realized_text,
    }


def _read_commission(payload: Payload) -> Commission:
    return Commission(
        exec_id=payload.text("exec_id"),
        amount=payload.number("amount"),
        currency=payload.text("currency"),
        broker_realized_pnl=payload.optional_number("broker_realized_pnl"),
        amount_text=payload.text("amount_text"),
        realized_text=payload.text("realized_text"),
        charge=payload.one_of("charge", Charge) if payload.has("charge") else Charge.TOTAL,
    )


def _anchor(anchor: Anchor, row_text: Callable[[PositionRow], str]) -> str:
    # Said in full: a sync that changes everything writes one of these for each position.
    price = "null" if anchor.price is None else dump(price_json(anchor.price))
    return (
        f'{{"row":{row_text(anchor.row)},"as_of":"{stamp(anchor.as_of)}"'
        f',"baseline":{"true" if anchor.baseline else "false"}'
        f',"snapshot_digest":{quote(anchor.snapshot_digest)}'
        f',"price":{price},"known_seq":{anchor.known_seq}}}'
    )


def _read_anchor(payload: Payload) -> Anchor:
    return Anchor(
        row=read_row(payload.nested("row")),
        as_of=payload.moment("as_of"),
        baseline=payload.flag("baseline"),
        snapshot_digest=payload.text("snapshot_digest"),
        price=read_optional_price(payload),
        known_seq=payload.whole("known_seq"),
    )


def _absent(absent: Absent) -> dict[str, Json]:
    return {
        "account": absent.key.account,
        "con_id": absent.key.con_id,
        "as_of": stamp(absent.as_of),
        "baseline": absent.baseline,
        "snapshot_digest": absent.snapshot_digest,
        "known_seq": absent.known_seq,
    }


def _read_absent(payload: Payload) -> Absent:
    return Absent(
        key=_read_key(payload),
        as_of=payload.moment("as_of"),
        baseline=payload.flag("baseline"),
        snapshot_digest=payload.text("snapshot_digest"),
        known_seq=payload.whole("known_seq"),
    )


def _close_decided(decided: CloseDecided) -> dict[str, Json]:
    return {
        "account": decided.key.account,
        "con_id": decided.key.con_id,
        "reason": decided.reason.value,
        "as_of": stamp(decided.as_of),
        "evidence": decided.evidence,
        "price": None if decided.price is None else price_json(decided.price),
        "known_seq": decided.known_seq,
    }


def _read_close_decided(payload: Payload) -> CloseDecided:
    return CloseDecided(
        key=_read_key(payload),
        reason=payload.one_of("reason", CloseReason),
        as_of=payload.moment("as_of"),
        evidence=payload.text("evidence"),
        price=read_optional_price(payload),
        known_seq=payload.whole("known_seq"),
    )


def _adjusted(item: Adjusted) -> dict[str, Json]:
    return {
        "account": item.key.account,
        "con_id": item.key.con_id,
        "kind": item.kind.value,
        "instrument": instrument_json(item.instrument),
        "as_of": stamp(item.as_of),
        "quantity": digits(item.quantity),
        "source": item.source.value,
        "reference": item.reference,
        "evidence": item.evidence,
        "price": optional_digits(item.price),
        "premium": digits(item.premium),
        "ratio": list(item.ratio),
        "counterpart": item.counterpart,
        "is_exact": item.is_exact,
        "known_seq": item.known_seq,
        "realized": optional_digits(item.realized),
        "is_arrival": item.is_arrival,
        "action_id": item.action_id,
    }


def _read_adjusted(payload: Payload) -> Adjusted:
    return Adjusted(
        key=_read_key(payload),
        kind=payload.one_of("kind", AdjustmentKind),
        instrument=read_instrument(payload.nested("instrument")),
        as_of=payload.moment("as_of"),
        quantity=payload.number("quantity"),
        source=payload.one_of("source", AdjustmentSource),
        reference=payload.text("reference"),
        evidence=payload.text("evidence"),
        price=payload.optional_number("price"),
        premium=payload.number("premium"),
        ratio=payload.pair("ratio"),
        counterpart=payload.whole("counterpart"),
        is_exact=payload.flag("is_exact"),
        known_seq=payload.whole("known_seq"),
        realized=payload.optional_number("realized"),
        is_arrival=payload.flag("is_arrival"),
        action_id=payload.text("action_id") if payload.has("action_id") else "",
    )


def _basis_carried(basis: BasisCarried) -> dict[str, Json]:
    return {
        "account": basis.key.account,
        "con_id": basis.key.con_id,
        "reference": basis.reference,
        "as_of": stamp(basis.as_of),
        "counterpart": basis.counterpart,
        "lots": [_carried_lot(lot) for lot in basis.lots],
        "pool": None if basis.pool is None else _carried_lot(basis.pool),
        "revision": basis.revision,
        "known_seq": basis.known_seq,
    }


def _read_basis_carried(payload: Payload) -> BasisCarried:
    pool = payload.optional_nested("pool")
    return BasisCarried(
        key=_read_key(payload),
        reference=payload.text("reference"),
        as_of=payload.moment("as_of"),
        counterpart=payload.whole("counterpart"),
        lots=tuple(_read_carried_lot(lot) for lot in payload.several("lots")),
        pool=None if pool is None else _read_carried_lot(pool),
        revision=payload.whole("revision"),
        known_seq=payload.whole("known_seq"),
    )


def _carried_lot(lot: CarriedLot) -> dict[str, Json]:
    return {
        "quantity": digits(lot.quantity),
        "value_micros": lot.value_micros,
        "fees": encode_fees(lot.fees),
        "opened_at": stamp(lot.opened_at),
        "is_seeded": lot.is_seeded,
        "is_pending": lot.is_pending,
    }


def _read_carried_lot(payload: Payload) -> CarriedLot:
    return CarriedLot(
        quantity=payload.number("quantity"),
        value_micros=payload.optional_whole("value_micros"),
        fees=decode_fees(payload.text("fees")),
        opened_at=payload.moment("opened_at"),
        is_seeded=payload.flag("is_seeded"),
        is_pending=payload.flag("is_pending"),
    )


def _read_key(payload: Payload) -> PositionKey:
    return PositionKey(payload.text("account"), payload.whole("con_id"))
