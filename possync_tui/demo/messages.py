"""The messages that the gateway sends, each with its field layout by negotiated server version.

Layouts are those that ib_insync 0.9.86 decodes (157 to 176), the official ibapi 9.81 decodes (157)
and recorded sessions show.
"""

from decimal import Decimal

from possync_tui.demo.instruments import Instrument
from possync_tui.demo.records import Execution, Position
from possync_tui.demo.wire import (
    UNSET_DOUBLE,
    Field,
    cents,
    double,
    message,
    plain,
)
from possync_tui.domain.values import dataclass

#: From this server version an error carries the JSON text of an advanced order reject.
ADVANCED_REJECT = 166
#: From this server version symbol samples carry description and issuer.
SAMPLE_DESCRIPTION = 176


@dataclass(frozen=True, slots=True)
class RowTexts:
    """The texts of one position row, so that a fault can spoil any of them."""

    account: str
    instrument: Instrument
    quantity: str
    average_cost: str

    @classmethod
    def of(cls, position: Position) -> "RowTexts":
        """The row as TWS writes it."""
        return cls(
            position.account,
            position.instrument,
            plain(position.quantity),
            row_cost(position.average_cost),
        )


def row_cost(cost: Decimal) -> str:
    """Average cost of a position row: ``0.0`` when flat, else without trailing zeros."""
    return plain(cost) if cost else "0.0"


def handshake(version: int, connected_at: str) -> bytes:
    """Server version and connection time; the only message without an id."""
    return message(version, connected_at)


def error(version: int, req_id: int, code: int, text: str) -> bytes:
    """An error or a notice; request id -1 means that it belongs to no request."""
    fields: list[Field] = [4, 2, req_id, code, text]
    if version >= ADVANCED_REJECT:
        fields.append("")
    return message(*fields)


def managed_accounts(accounts: str) -> bytes:
    """The accounts of the login, separated by commas."""
    return message(15, 1, accounts)


def next_valid_id(order_id: int) -> bytes:
    """The first order id that is free."""
    return message(9, 1, order_id)


def current_time(epoch: int) -> bytes:
    """Server time in seconds since 1970 UTC."""
    return message(49, 1, epoch)


def _row_contract(instrument: Instrument) -> list[Field]:
    return [
        instrument.con_id,
        instrument.symbol,
        instrument.sec_type,
        instrument.expiry,
        double(instrument.strike),
        instrument.right,
        instrument.multiplier,
        instrument.row_exchange,
        instrument.currency,
        instrument.local_symbol,
        instrument.trading_class,
    ]


def position(row: RowTexts) -> bytes:
    """A position row (version 3): 16 fields, no request id, no time."""
    contract = _row_contract(row.instrument)
    return message(61, 3, row.account, *contract, row.quantity, row.average_cost)


def position_end() -> bytes:
    """End of the snapshot that reqPositions asked for."""
    return message(62, 1)


def position_multi(req_id: int, row: RowTexts) -> bytes:
    """A position row with a request id, model code blank."""
    contract = _row_contract(row.instrument)
    return message(71, 1, req_id, row.account, *contract, row.quantity, row.average_cost, "")


def position_multi_end(req_id: int) -> bytes:
    """End of a reqPositionsMulti snapshot."""
    return message(72, 1, req_id)


@dataclass(frozen=True, slots=True)
class FillTexts:
    """The texts of one execution, so that a fault can spoil any of them."""

    execution: Execution
    instrument: Instrument
    time: str
    quantity: str
    price: str

    @classmethod
    def of(cls, execution: Execution, time: str) -> "FillTexts":
        """The execution as TWS writes it; ``time`` is in the gateway's time form."""
        quantity, price = plain(execution.quantity), plain(execution.price)
        return cls(execution, execution.instrument, time, quantity, price)


def exec_details(req_id: int, fill: FillTexts) -> bytes:
    """An execution: 32 fields from server version 136 to 177; request id -1 when pushed."""
    execution, contract = fill.execution, _row_contract(fill.instrument)
    contract[7] = execution.exchange
    return message(
        *(11, req_id, execution.order_id),
        *contract,
        *(execution.exec_id, fill.time, execution.account, execution.exchange),
        *(execution.side.wire, fill.quantity, fill.price),
        *(execution.perm_id, execution.client_id, 0),
        # Every simulated order is one fill: cumulative quantity and average price are its own.
        *(fill.quantity, fill.price, "", "", "", "", 2),
    )


def exec_details_end(req_id: int) -> bytes:
    """End of the executions that reqExecutions asked for."""
    return message(55, 1, req_id)


def commission_report(exec_id: str, amount: str, currency: str, realized: str) -> bytes:
    """The commission of an execution; yield unset, redemption date blank."""
    return message(59, 1, exec_id, amount, currency, realized, UNSET_DOUBLE, "")


def portfolio_value(row: Position, price: str) -> bytes:
    """A portfolio row (version 8): strike and right are ``0`` for what has none."""
    instrument = row.instrument
    return message(
        *(7, 8, instrument.con_id, instrument.symbol, instrument.sec_type, instrument.expiry),
        *(instrument.strike, instrument.right or "0", instrument.multiplier),
        *(instrument.row_exchange, instrument.currency),
        *(instrument.local_symbol, instrument.trading_class),
        *(row.quantity, price, cents(row.value), row_cost(row.average_cost)),
        *(cents(row.unrealized), cents(row.realized), row.account),
    )


def account_value(key: str, value: str, currency: str, account: str) -> bytes:
    """One value of an account."""
    return message(6, 2, key, value, currency, account)


def account_time(clock: str) -> bytes:
    """When the account's values were computed, HH:MM in the desk's zone."""
    return message(8, 1, clock)


def account_download_end(account: str) -> bytes:
    """End of the first answer to reqAccountUpdates."""
    return message(54, 1, account)


def account_summary(req_id: int, account: str, tag: str, value: str, currency: str) -> bytes:
    """One value of an account summary."""
    return message(63, 1, req_id, account, tag, value, currency)


def account_summary_end(req_id: int) -> bytes:
    """End of an account summary."""
    return message(64, 1, req_id)


def account_multi(req_id: int, account: str, key: str, value: str, currency: str) -> bytes:
    """One value of reqAccountUpdatesMulti, model code blank."""
    return message(73, 1, req_id, account, "", key, value, currency)


def account_multi_end(req_id: int) -> bytes:
    """End of reqAccountUpdatesMulti."""
    return message(74, 1, req_id)


def pnl(req_id: int, daily: Decimal, unrealized: Decimal, realized: Decimal) -> bytes:
    """P&L of an account in its base currency, from server version 135."""
    return message(94, req_id, double(daily), double(unrealized), double(realized))


def pnl_single(req_id: int, row: Position, value: str) -> bytes:
    """P&L of one position in its contract's currency; realized unset while nothing was closed."""
    realized = double(row.realized) if row.realized else UNSET_DOUBLE
    texts = (double(row.daily), double(row.unrealized), realized, value)
    return message(95, req_id, row.quantity, *texts)


def pnl_single_nothing(req_id: int) -> bytes:
    """P&L of a position that is not there."""
    return message(95, req_id, 0, *[UNSET_DOUBLE] * 4)


def open_order_end() -> bytes:
    """End of the open orders: there are none."""
    return message(53, 1)


def completed_orders_end() -> bytes:
    """End of the completed orders: there are none."""
    return message(102)


def contract_details_end(req_id: int) -> bytes:
    """End of the contracts that match."""
    return message(52, 1, req_id)


def symbol_samples(version: int, req_id: int, matches: list[Instrument]) -> bytes:
    """Contracts whose symbol begins as asked."""
    fields: list[Field] = [79, req_id, len(matches)]
    for match in matches:
        fields += [match.con_id, match.symbol, match.sec_type, match.primary_exchange]
        fields += [match.currency, 0]
        if version >= SAMPLE_DESCRIPTION:
            fields += [match.name, ""]
    return message(*fields)


def family_codes() -> bytes:
    """One entry for all accounts with no family code, as an individual's login has it."""
    return message(78, 1, "*", "")


def user_info(req_id: int) -> bytes:
    """White-branding id of the user: none."""
    return message(107, req_id, "")
