"""What the gateway answers to each request."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from possync_tui.demo import messages, spoiling
from possync_tui.demo.desk import Desk
from possync_tui.demo.details import contract_details
from possync_tui.demo.faults import ActiveFaults, FaultKind
from possync_tui.demo.messages import RowTexts
from possync_tui.demo.options import GatewayOptions
from possync_tui.demo.records import Execution
from possync_tui.demo.requests import ORDER_REQUESTS, REQUESTS, BadRequestError, Request, matches
from possync_tui.demo.session import Session
from possync_tui.demo.valuation import AccountValue, account_pnl, account_values
from possync_tui.demo.wire import DESK_ZONE, WireError, parse_filter_time, time_text

#: Requests that TWS takes without a word.
_SILENT = frozenset(
    {
        "cancelMktData",
        "setServerLogLevel",
        "reqMarketDataType",
        "cancelAccountSummary",
        "cancelPositionsMulti",
        "cancelAccountUpdatesMulti",
        "reqNewsBulletins",
        "cancelNewsBulletins",
        "cancelMktDepth",
        "cancelHistoricalData",
        "cancelRealTimeBars",
    }
)

Answer = Callable[[Session, Request], None]


class Answers:
    """Answers requests from the desk's state, and records what was subscribed."""

    def __init__(self, desk: Desk, options: GatewayOptions, faults: ActiveFaults) -> None:
        self._desk = desk
        self._options = options
        self._faults = faults
        self.orders_refused = 0
        self._by_name: dict[str, Answer] = {
            "reqPositions": self._positions,
            "cancelPositions": self._cancel_positions,
            "reqPositionsMulti": self._positions_multi,
            "reqExecutions": self._executions,
            "reqAccountUpdates": self._account_updates,
            "reqAccountUpdatesMulti": self._account_multi,
            "reqAccountSummary": self._account_summary,
            "reqPnL": self._pnl,
            "cancelPnL": self._cancel_pnl,
            "reqPnLSingle": self._pnl_single,
            "cancelPnLSingle": self._cancel_pnl,
            "reqContractDetails": self._contract_details,
            "reqMatchingSymbols": self._matching_symbols,
            "reqCurrentTime": self._current_time,
            "reqManagedAccts": self._managed_accounts,
            "reqIds": self._ids,
            "reqOpenOrders": self._open_orders,
            "reqAllOpenOrders": self._open_orders,
            "reqAutoOpenOrders": self._auto_open_orders,
            "reqCompletedOrders": self._completed_orders,
            "reqMktData": self._market_data,
            "reqFamilyCodes": self._family_codes,
            "reqUserInfo": self._user_info,
        }

    def answer(self, session: Session, request: Request) -> None:
        """Answer one request; what cannot be answered gets an error, never silence."""
        name = request.name
        try:
            if request.message_id not in REQUESTS:
                text = f"Server error when reading an API client request: {request.message_id}"
                session.error(-1, 320, text)
            elif name in ORDER_REQUESTS:
                self.orders_refused += 1
                self._refuse(session, request, "The API interface is currently in Read-Only mode.")
            elif name in self._by_name:
                self._by_name[name](session, request)
            elif name not in _SILENT:
                self._refuse(session, request, f"{name} is not served by the demo gateway.")
        except BadRequestError as error:
            self._refuse(session, request, str(error))

    def welcome(self, session: Session) -> None:
        """What a client hears after startApi."""
        session.send(
            messages.managed_accounts(self._account_list()),
            messages.next_valid_id(self._options.next_order_id),
        )
        session.error(-1, 2104, "Market data farm connection is OK:usfarm")
        session.error(-1, 2106, "HMDS data farm connection is OK:ushmds")
        session.error(-1, 2158, "Sec-def data farm connection is OK:secdefil")

    def portfolio(self, session: Session, account: str) -> None:
        """Values, portfolio rows and time of an account, without the end marker."""
        for value in account_values(self._desk, account):
            session.send(messages.account_value(value.key, value.value, value.currency, account))
        for row in self._desk.positions(account):
            session.send(spoiling.portfolio_frame(row, self._faults))
        self.account_time(session)

    def account_time(self, session: Session) -> None:
        """The time of the account's values."""
        local = self._desk.clock.now().astimezone(ZoneInfo(self._options.time_zone))
        session.send(messages.account_time(local.strftime("%H:%M")))

    def pnl_now(self, session: Session) -> None:
        """One message for each of the client's P&L subscriptions."""
        for req_id, account in session.pnl.items():
            pnl = account_pnl(self._desk, account)
            session.send(messages.pnl(req_id, pnl.daily, pnl.unrealized, pnl.realized))
        for req_id, (account, con_id) in session.pnl_single.items():
            row = self._desk.position(account, con_id)
            session.send(spoiling.pnl_single_frame(req_id, row, self._faults))

    def execution_time(self, execution: Execution) -> str:
        """The execution's time in the gateway's form."""
        return time_text(execution.time, self._options.time_form, self._options.time_zone)

    # --- requests ----------------------------------------------------------------------------

    def _refuse(self, session: Session, request: Request, cause: str) -> None:
        session.error(request.req_id, 321, f"Error validating request.-'demo' : cause - {cause}")

    def _known_account(self, session: Session, request: Request, account: str) -> bool:
        if account in self._desk.accounts:
            return True
        self._refuse(session, request, f"Invalid account code '{account}'.")
        return False

    def _account_list(self) -> str:
        fault = self._faults.take(FaultKind.ACCOUNTS)
        return ",".join(self._desk.accounts) if fault is None else fault.text

    def _positions(self, session: Session, request: Request) -> None:
        session.positions = True
        rows = self._desk.positions(flat=self._options.zero_rows)
        for part in spoiling.snapshot(rows, self._faults, session.version):
            if part is None:
                session.finish()
                return
            session.send(part)

    def _cancel_positions(self, session: Session, request: Request) -> None:
        session.positions = False

    def _positions_multi(self, session: Session, request: Request) -> None:
        account = request.text(3)
        if account and not self._known_account(session, request, account):
            return
        for row in self._desk.positions(account or None):
            session.send(messages.position_multi(request.req_id, RowTexts.of(row)))
        session.send(messages.position_multi_end(request.req_id))

    def _executions(self, session: Session, request: Request) -> None:
        if fault := self._faults.take(FaultKind.EXECUTIONS_ERROR):
            session.error(request.req_id, fault.code, fault.text or "Request failed")
            return
        now = self._desk.clock.monotonic()
        for execution in self._filtered(request):
            time = self.execution_time(execution)
            session.send(spoiling.fill_frame(execution, time, request.req_id, self._faults))
            if execution.commission_due <= now:
                session.send(*spoiling.commission_frames(execution, self._faults))
        if not self._faults.take(FaultKind.EXECUTIONS_NEVER_END):
            session.send(messages.exec_details_end(request.req_id))

    def _filtered(self, request: Request) -> list[Execution]:
        client_id, since = request.number(3), request.text(5)
        account, symbol, sec_type = request.text(4), request.text(6), request.text(7)
        exchange, side = request.text(8), request.text(9)
        try:
            start = parse_filter_time(since, DESK_ZONE) if since else self._desk.midnight()
        except WireError as error:
            raise BadRequestError(str(error)) from error
        return [
            execution
            for execution in self._desk.executions_today()
            if execution.time >= start
            and client_id in (0, execution.client_id)
            and account in ("", execution.account)
            and symbol in ("", execution.instrument.symbol)
            and sec_type in ("", execution.instrument.sec_type)
            and exchange in ("", "SMART", execution.exchange)
            and side in ("", execution.side, execution.side.wire)
        ]

    def _account_updates(self, session: Session, request: Request) -> None:
        account = request.text(3) or self._desk.accounts[0]
        if not request.flag(2):
            session.account = None
            session.error(-1, 2100, "API client has been unsubscribed from account data.")
            return
        if not self._known_account(session, request, account):
            return
        session.account = account  # one at a time: this ends the one before
        self.portfolio(session, account)
        session.send(messages.account_download_end(account))

    def _account_multi(self, session: Session, request: Request) -> None:
        account = request.text(3) or self._desk.accounts[0]
        if not self._known_account(session, request, account):
            return
        for value in account_values(self._desk, account):
            session.send(
                messages.account_multi(
                    request.req_id, account, value.key, value.value, value.currency
                )
            )
        session.send(messages.account_multi_end(request.req_id))

    def _account_summary(self, session: Session, request: Request) -> None:
        tags = [tag for tag in request.text(4).split(",") if tag]
        for account in self._desk.accounts:
            for value in _summarized(account_values(self._desk, account), tags):
                session.send(
                    messages.account_summary(
                        request.req_id, account, value.key, value.value, value.currency
                    )
                )
        session.send(messages.account_summary_end(request.req_id))

    def _pnl(self, session: Session, request: Request) -> None:
        account = request.text(2)
        if self._known_account(session, request, account):
            session.pnl[request.req_id] = account
            pnl = account_pnl(self._desk, account)
            session.send(messages.pnl(request.req_id, pnl.daily, pnl.unrealized, pnl.realized))

    def _pnl_single(self, session: Session, request: Request) -> None:
        account, con_id, req_id = request.text(2), request.number(4), request.req_id
        if not self._known_account(session, request, account):
            return
        session.pnl_single[req_id] = (account, con_id)
        row = self._desk.position(account, con_id)
        session.send(spoiling.pnl_single_frame(req_id, row, self._faults))

    def _cancel_pnl(self, session: Session, request: Request) -> None:
        session.pnl.pop(request.req_id, None)
        session.pnl_single.pop(request.req_id, None)

    def _contract_details(self, session: Session, request: Request) -> None:
        found = [i for i in self._desk.instruments.values() if matches(request, i)]
        if not found:
            text = "No security definition has been found for the request"
            session.error(request.req_id, 200, text)
            return
        for instrument in found:
            session.send(contract_details(session.version, request.req_id, instrument))
        session.send(messages.contract_details_end(request.req_id))

    def _matching_symbols(self, session: Session, request: Request) -> None:
        prefix = request.text(2).upper()
        found = [
            i
            for i in self._desk.instruments.values()
            if prefix and i.sec_type == "STK" and i.symbol.startswith(prefix)
        ]
        session.send(messages.symbol_samples(session.version, request.req_id, found))

    def _current_time(self, session: Session, request: Request) -> None:
        session.send(messages.current_time(int(self._desk.clock.now().timestamp())))

    def _managed_accounts(self, session: Session, request: Request) -> None:
        session.send(messages.managed_accounts(self._account_list()))

    def _ids(self, session: Session, request: Request) -> None:
        session.send(messages.next_valid_id(self._options.next_order_id))

    def _open_orders(self, session: Session, request: Request) -> None:
        session.send(messages.open_order_end())

    def _auto_open_orders(self, session: Session, request: Request) -> None:
        session.binds_orders = request.flag(2) and session.client_id == 0

    def _completed_orders(self, session: Session, request: Request) -> None:
        session.send(messages.completed_orders_end())

    def _market_data(self, session: Session, request: Request) -> None:
        session.error(request.req_id, 354, "Requested market data is not subscribed.")

    def _family_codes(self, session: Session, request: Request) -> None:
        session.send(messages.family_codes())

    def _user_info(self, session: Session, request: Request) -> None:
        session.send(messages.user_info(request.req_id))


def _summarized(values: list[AccountValue], tags: list[str]) -> list[AccountValue]:
    """The values that an account summary asks for; ``$LEDGER`` means the cash by currency."""
    ledger = any(tag.startswith("$LEDGER") for tag in tags)
    return [
        value
        for value in values
        if value.key in tags or (ledger and value.key in {"CashBalance", "ExchangeRate"})
    ]
