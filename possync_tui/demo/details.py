"""contractDetails (10) and bondContractDetails (18) by negotiated server version.

Below 164 both begin with a message version (8 and 6) and carry the obsolete mdSizeMultiplier
after the minimum tick; at exactly 163 a stock has one size increment at the end, from 164 both
have minimum size, size increment and suggested increment.
"""

from possync_tui.demo.instruments import Instrument
from possync_tui.demo.wire import Field, message, plain

_NO_MESSAGE_VERSION = 164
_ONE_INCREMENT = 163
_ORDER_TYPES = "ACTIVETIM,AD,ADJUST,ALERT,AVGCOST,DAY,GTC,LMT,MKT,STP,WHATIF"
_HOURS = ""  # the demo does not invent sessions


def contract_details(version: int, req_id: int, instrument: Instrument) -> bytes:
    """The details of one contract, in the layout that it and the version call for."""
    if instrument.sec_type == "BOND":
        return _bond(version, req_id, instrument)
    old = version < _NO_MESSAGE_VERSION
    head: list[Field] = [10, 8, req_id] if old else [10, req_id]
    return message(
        *head,
        *(instrument.symbol, instrument.sec_type, instrument.expiry),
        *(instrument.strike, instrument.right, instrument.exchange, instrument.currency),
        *(instrument.local_symbol, instrument.trading_class, instrument.trading_class),
        *(instrument.con_id, instrument.tick),
        *((1,) if old else ()),
        *(instrument.multiplier, _ORDER_TYPES, instrument.exchange, instrument.magnifier),
        instrument.under_con_id,
        *(_escaped(instrument.name), instrument.primary_exchange, instrument.expiry[:6]),
        *("", "", "", instrument.zone, _HOURS, _HOURS, "", ""),
        0,  # no security ids
        *(1, instrument.under_symbol, instrument.under_sec_type, "", instrument.expiry),
        "COMMON" if instrument.sec_type == "STK" else "",
        *_sizes(version, instrument),
    )


def _bond(version: int, req_id: int, instrument: Instrument) -> bytes:
    old = version < _NO_MESSAGE_VERSION
    head: list[Field] = [18, 6, req_id] if old else [18, req_id]
    return message(
        *head,
        # Without a market-data subscription TWS leaves symbol, coupon and dates blank and puts
        # IBCID + conId where the CUSIP would be. The official client reads coupon as an integer.
        *("", "BOND", f"IBCID{instrument.con_id}", "", "", "", "", "", "", 0, 0, 0),
        *(instrument.name, instrument.exchange, instrument.currency),
        *(instrument.trading_class, instrument.trading_class),
        *(instrument.con_id, instrument.tick),
        *((1,) if old else ()),
        *(_ORDER_TYPES, instrument.exchange, "", "", 0, "", _escaped(instrument.name), "", ""),
        *(0, 1, ""),
        *(_sizes(version, instrument) if not old else ()),
    )


def _sizes(version: int, instrument: Instrument) -> list[Field]:
    step = plain(instrument.size_step)
    if version >= _NO_MESSAGE_VERSION:
        return [step, step, step]
    return [step] if version == _ONE_INCREMENT else []


def _escaped(name: str) -> str:
    """From server version 153 long names are ASCII with escapes, which clients undo."""
    return name.encode("unicode_escape").decode("ascii")
