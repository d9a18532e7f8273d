"""Fills, commissions and contracts of the inbox as they are laid out for queries."""

from functools import lru_cache

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Commission, Fill
from possync_tui.ledger.at_rest import digits, label, optional_digits, stamp
from possync_tui.ledger.parts import encode_instrument

_LARGEST = 2**63 - 1
_INSTRUMENTS_KEPT = 20_000


def execution_columns(seq: int, fill: Fill) -> tuple[str | int, ...]:
    return (
        seq,
        fill.account,
        label(fill.exec_id),
        label(fill.base_id),
        min(fill.revision, _LARGEST),
        fill.instrument.con_id,
        label(fill.instrument.symbol),
        fill.side.value,
        digits(fill.quantity),
        digits(fill.price),
        stamp(fill.time),
        label(fill.raw_time),
        fill.order_id,
        fill.perm_id,
        fill.client_id,
        label(fill.exchange),
    )


def commission_columns(seq: int, report: Commission) -> tuple[str | int | None, ...]:
    return (
        label(report.exec_id),
        seq,
        digits(report.amount),
        label(report.currency),
        optional_digits(report.broker_realized_pnl),
    )


@lru_cache(maxsize=_INSTRUMENTS_KEPT)
def instrument_columns(instrument: Instrument) -> tuple[str | int, ...]:
    return (
        instrument.con_id,
        label(instrument.symbol),
        label(instrument.description),
        label(instrument.sec_type),
        label(instrument.currency),
        digits(instrument.multiplier_value),
        digits(instrument.unit_value),
        encode_instrument(instrument),
    )


PUT_EXECUTION = """
INSERT INTO executions (seq, account, exec_id, base_id, revision, con_id, symbol, side, quantity,
    price, time, raw_time, order_id, perm_id, client_id, exchange)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

PUT_COMMISSION = """
INSERT INTO commissions (exec_id, seq, amount, currency, broker_realized_pnl)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (exec_id) DO UPDATE SET
    seq = excluded.seq, amount = excluded.amount, currency = excluded.currency,
    broker_realized_pnl = excluded.broker_realized_pnl
"""

PUT_INSTRUMENT_IF_NONE = """
INSERT INTO instruments (con_id, symbol, description, sec_type, currency, multiplier, unit_value,
    instrument)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (con_id) DO NOTHING
"""

PUT_INSTRUMENT = """
INSERT INTO instruments (con_id, symbol, description, sec_type, currency, multiplier, unit_value,
    instrument)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (con_id) DO UPDATE SET
    symbol = excluded.symbol, description = excluded.description, sec_type = excluded.sec_type,
    currency = excluded.currency, multiplier = excluded.multiplier,
    unit_value = excluded.unit_value, instrument = excluded.instrument
WHERE instrument <> excluded.instrument
"""
