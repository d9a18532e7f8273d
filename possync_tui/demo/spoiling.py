"""Applying faults to what would otherwise be correct messages."""

from collections.abc import Iterator
from dataclasses import replace

from possync_tui.demo import messages
from possync_tui.demo.faults import HOSTILE_TEXTS, ActiveFaults, Fault, FaultField, FaultKind
from possync_tui.demo.instruments import Instrument
from possync_tui.demo.messages import FillTexts, RowTexts
from possync_tui.demo.records import Execution, Position
from possync_tui.demo.wire import UNSET_DOUBLE, double, frame, message, rounded

#: Faults that happen at a place in a snapshot, before the row number ``after``.
_PLACED = (
    FaultKind.NOTICE,
    FaultKind.PUSH_MID_SNAPSHOT,
    FaultKind.UNKNOWN_MESSAGE,
    FaultKind.GARBAGE_FRAME,
    FaultKind.DROP,
)
_UNKNOWN_MESSAGE_ID = 999
_GARBAGE = b"\x7f\xff\xff\xffgarbage"

#: What a snapshot is made of: frames, and None where the socket is to be closed.
Part = bytes | None


def snapshot(rows: list[Position], faults: ActiveFaults, version: int) -> Iterator[Part]:
    """The frames of a position snapshot, spoiled as the active faults say."""
    if faults.take(FaultKind.EMPTY):
        rows = []
    omitted = faults.take_all(FaultKind.OMIT_ROW)
    rows = [row for row in rows if not _concern(omitted, row.account, row.con_id)]
    encoded = [_row_frame(row, faults) for row in rows]
    placed = [fault for kind in _PLACED for fault in faults.take_all(kind)]
    twice = 2 if faults.take(FaultKind.DUPLICATE_ROWS) else 1
    for index in range(len(rows) + 1):
        for fault in placed:
            if min(fault.after, len(rows)) == index:
                yield from _placed(fault, rows, version)
        if index < len(rows):
            yield from [encoded[index]] * twice
    if not faults.take(FaultKind.NEVER_END):
        yield messages.position_end()


def pushed_row(row: Position, faults: ActiveFaults) -> bytes:
    """One pushed row, spoiled as the active faults say."""
    return _row_frame(row, faults)


def fill_frame(execution: Execution, time: str, req_id: int, faults: ActiveFaults) -> bytes:
    """One execution, spoiled as the active faults say."""
    fill = FillTexts.of(execution, time)
    where = (execution.account, execution.con_id)
    fill = replace(
        fill,
        instrument=_spoil_texts(execution.instrument, *where, faults),
        quantity=_spoil(fill.quantity, FaultField.EXEC_QUANTITY, *where, faults),
        price=_spoil(fill.price, FaultField.EXEC_PRICE, *where, faults),
    )
    return messages.exec_details(req_id, fill)


def commission_frames(execution: Execution, faults: ActiveFaults) -> list[bytes]:
    """The commission report of an execution; none when there is none to send."""
    if execution.commission is None or faults.take(FaultKind.NO_COMMISSION):
        return []
    realized = UNSET_DOUBLE if execution.realized is None else double(execution.realized)
    where = (execution.account, execution.con_id)
    amount = _spoil(double(execution.commission), FaultField.COMMISSION, *where, faults)
    realized = _spoil(realized, FaultField.REALIZED, *where, faults)
    currency = execution.commission_currency
    return [messages.commission_report(execution.exec_id, amount, currency, realized)]


def portfolio_frame(row: Position, faults: ActiveFaults) -> bytes:
    """One portfolio row, spoiled as the active faults say."""
    price = _spoil(rounded(row.price, 7), FaultField.MARKET_PRICE, row.account, row.con_id, faults)
    return messages.portfolio_value(row, price)


def pnl_single_frame(req_id: int, row: Position | None, faults: ActiveFaults) -> bytes:
    """P&L of one position, spoiled as the active faults say; unset when there is none."""
    if row is None:
        return messages.pnl_single_nothing(req_id)
    value = _spoil(double(row.value), FaultField.PNL_VALUE, row.account, row.con_id, faults)
    return messages.pnl_single(req_id, row, value)


def _row_frame(row: Position, faults: ActiveFaults) -> bytes:
    where = (row.account, row.con_id)
    texts = RowTexts.of(row)
    texts = replace(
        texts,
        instrument=_spoil_texts(row.instrument, *where, faults),
        quantity=_spoil(texts.quantity, FaultField.QUANTITY, *where, faults),
        average_cost=_spoil(texts.average_cost, FaultField.AVERAGE_COST, *where, faults),
    )
    if faults.take_for(FaultKind.BAD_NUMBER_ROW, *where):
        texts = replace(texts, quantity="1.2.3")
    if faults.take_for(FaultKind.BLANK_QUANTITY, *where):
        texts = replace(texts, quantity="")
    encoded = messages.position(texts)
    if faults.take_for(FaultKind.SHORT_ROW, *where):
        encoded = _shortened(encoded)
    return encoded


def _placed(fault: Fault, rows: list[Position], version: int) -> Iterator[Part]:
    match fault.kind:
        case FaultKind.NOTICE:
            yield messages.error(version, -1, fault.code, fault.text)
        case FaultKind.PUSH_MID_SNAPSHOT:
            for row in rows:
                if fault.concerns(row.account, row.con_id):
                    texts = RowTexts.of(row)
                    yield messages.position(
                        replace(texts, quantity=fault.wire_value or texts.quantity)
                    )
                    return
        case FaultKind.UNKNOWN_MESSAGE:
            yield message(_UNKNOWN_MESSAGE_ID, 1, "unknown")
        case FaultKind.GARBAGE_FRAME:
            yield _GARBAGE
        case _:
            yield None


def _shortened(encoded: bytes) -> bytes:
    fields = encoded[4:].split(b"\0")[:-1]
    return frame(b"".join(field + b"\0" for field in fields[:-2]))


def _concern(faults: list[Fault], account: str, con_id: int) -> bool:
    return any(fault.concerns(account, con_id) for fault in faults)


def _spoil(text: str, field: FaultField, account: str, con_id: int, faults: ActiveFaults) -> str:
    fault = faults.take_for(FaultKind.VALUE, account, con_id, field)
    return text if fault is None else fault.wire_value


def _spoil_texts(
    instrument: Instrument, account: str, con_id: int, faults: ActiveFaults
) -> Instrument:
    for field in (FaultField.SYMBOL, FaultField.LOCAL_SYMBOL):
        fault = faults.take_for(FaultKind.HOSTILE_TEXT, account, con_id, field)
        if fault is None:
            continue
        text = fault.text or HOSTILE_TEXTS[con_id % len(HOSTILE_TEXTS)]
        if field is FaultField.SYMBOL:
            instrument = replace(instrument, symbol=text)
        else:
            instrument = replace(instrument, local_symbol=text)
    return instrument
