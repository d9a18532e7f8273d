"""IBKR's usual commissions, roughly: fixed pricing, in the contract's currency."""

from decimal import Decimal

from possync_tui.demo.instruments import Instrument

_CENT = Decimal("0.01")
_MICRO = Decimal("0.0001")


def usual_commission(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """What a fill of that size costs, to the hundredth of a cent."""
    value = quantity * price * instrument.unit
    match instrument.sec_type:
        case "STK" if instrument.currency == "USD":
            # 0.005 a share, at least 1, but never more than 1 % of the trade.
            fee = min(max(Decimal("0.005") * quantity, Decimal(1)), value * _CENT)
        case "STK":
            fee = max(value * Decimal("0.0005"), Decimal(3))
        case "OPT" | "FOP":
            fee = Decimal("0.65") * quantity
        case "FUT":
            fee = Decimal("2.25") * quantity
        case "CASH":
            fee = max(value * Decimal("0.00002"), Decimal(2))
        case "BOND":
            fee = max(value * Decimal("0.001"), Decimal(1))
        case "CRYPTO":
            fee = max(value * Decimal("0.0018"), Decimal("1.75"))
        case _:
            fee = Decimal(1)
    return fee.quantize(_MICRO)
