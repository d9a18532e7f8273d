"""The simulated desk: accounts, positions, marks and fills, without any network in it.

Everything changes through its methods, which tell listeners what happened in TWS's order (the
position row before the execution). Nothing here waits or draws random numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from possync_tui.demo.book import ZERO, Fill, Holding, Seed, Split, Step, replay
from possync_tui.demo.clock import Clock, SystemClock
from possync_tui.demo.commissions import usual_commission
from possync_tui.demo.instruments import Instrument
from possync_tui.demo.records import (
    AccountSetup,
    DeskError,
    DeskEvent,
    Execution,
    Position,
    PositionChanged,
    PricesMoved,
    Side,
    Traded,
)
from possync_tui.demo.wire import DESK_ZONE

Listener = Callable[[DeskEvent], None]


class Desk:
    """Accounts, positions and today's executions of a simulated IBKR login.

    ``rates`` are prices of one unit of a currency in ``base_currency``. Without ``virtual_fx``
    conversions of currencies have fills, but no rows, as TWS can be set.
    """

    def __init__(
        self,
        accounts: Iterable[str | AccountSetup],
        *,
        clock: Clock | None = None,
        base_currency: str = "USD",
        rates: Mapping[str, Decimal] | None = None,
        virtual_fx: bool = True,
    ) -> None:
        setups = [AccountSetup(a, {}) if isinstance(a, str) else a for a in accounts]
        if not setups:
            raise DeskError("a desk needs an account")
        self.clock: Clock = clock or SystemClock()
        self.base_currency = base_currency
        self._has_fx_rows = virtual_fx
        self.rates: dict[str, Decimal] = {**(rates or {}), base_currency: Decimal(1)}
        self.accounts = tuple(setup.code for setup in setups)
        self.cash = {setup.code: dict(setup.cash) for setup in setups}
        self.instruments: dict[int, Instrument] = {}
        self._marks: dict[int, Decimal] = {}
        self._histories: dict[tuple[str, int], list[Step]] = {}
        self._holdings: dict[tuple[str, int], Holding] = {}
        self._executions: list[Execution] = []
        self._over: set[str] = set()
        self._listeners: list[Listener] = []
        self._fills = 0

    # --- reading -----------------------------------------------------------------------------

    def positions(self, account: str | None = None, *, flat: bool = False) -> list[Position]:
        """Open positions by account, then by age; with ``flat`` also those closed today."""
        return [
            self._position(key, holding)
            for code in self.accounts
            if account in (None, code)
            for key, holding in self._holdings.items()
            if key[0] == code and (holding.quantity or flat) and self._has_row(key[1])
        ]

    def position(self, account: str, con_id: int) -> Position | None:
        """One position, also one that was closed today; None when the desk never held it."""
        holding = self._holdings.get((account, con_id))
        return self._position((account, con_id), holding) if holding else None

    def basis(self, account: str, con_id: int) -> Decimal:
        """What the units held cost or brought, with commission, exact."""
        return self._holdings[account, con_id].basis

    @property
    def executions(self) -> tuple[Execution, ...]:
        """Every fill, oldest first, corrections and unreported ones included."""
        return tuple(self._executions)

    def executions_today(self) -> list[Execution]:
        """What reqExecutions returns: reported fills since midnight in US/Eastern."""
        midnight = self.midnight()
        return [e for e in self._executions if e.reported and e.time >= midnight]

    def midnight(self) -> datetime:
        """The last midnight in US/Eastern, as an aware time in that zone."""
        local = self.clock.now().astimezone(ZoneInfo(DESK_ZONE))
        return local.replace(hour=0, minute=0, second=0, microsecond=0)

    def mark(self, con_id: int) -> Decimal:
        """The current price as it is quoted."""
        if con_id not in self._marks:
            raise DeskError(f"no contract {con_id}")
        return self._marks[con_id]

    # --- set-up ------------------------------------------------------------------------------

    def add_instrument(self, instrument: Instrument, price: Decimal) -> None:
        """Make a contract known, with its price."""
        self.instruments[instrument.con_id] = instrument
        self._marks[instrument.con_id] = price

    def add_position(
        self,
        account: str,
        instrument: Instrument,
        quantity: Decimal | int | str,
        average_cost: Decimal | int | str,
        price: Decimal | int | str,
    ) -> None:
        """A position from before today; average cost is money per contract. Tells nobody."""
        self._check_account(account)
        mark = Decimal(price)
        self.add_instrument(instrument, mark)
        key = (account, instrument.con_id)
        self._histories[key] = [Seed(Decimal(quantity), Decimal(average_cost), mark)]
        self._rebuild(key)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of everything that happens; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- events ------------------------------------------------------------------------------

    def trade(
        self,
        account: str,
        con_id: int,
        side: Side | str,
        quantity: Decimal | int | str,
        price: Decimal | int | str | None = None,
        commission: Decimal | int | str | None = None,
        *,
        time: datetime | None = None,
        push: bool = True,
        with_execution: bool = True,
        with_report: bool = True,
        commission_delay: float = 0.0,
        commission_currency: str | None = None,
        client_id: int = 0,
        order_id: int = 0,
        exec_id: str | None = None,
    ) -> Execution:
        """Book a fill at ``price`` (default: the mark) and announce it.

        ``commission`` defaults to IBKR's usual one for the contract; its report exists
        ``commission_delay`` seconds later, or never without ``with_report``. ``push=False`` keeps
        the position row back; ``with_execution=False`` makes a fill that reqExecutions does not
        return until ``reveal``. ``exec_id`` is for a fill that another run made, too.
        """
        self._check_account(account)
        direction, size = Side(side), Decimal(quantity)
        if not size.is_finite() or size <= 0:
            raise DeskError(f"a fill needs a positive quantity, not {quantity}")
        paid = self.mark(con_id) if price is None else Decimal(price)
        if con_id not in self.instruments:
            raise DeskError(f"no contract {con_id}")
        instrument = self.instruments[con_id]
        fee = usual_commission(instrument, size, paid) if commission is None else commission
        moment = time or self.clock.now().replace(microsecond=0)
        usual_id = self._next_exec_id(moment)
        execution = Execution(
            exec_id=exec_id or usual_id,
            account=account,
            instrument=instrument,
            side=direction,
            quantity=size,
            price=paid,
            time=moment,
            perm_id=600745000 + self._fills,
            order_id=order_id,
            client_id=client_id,
            exchange=instrument.trade_exchange,
            commission=Decimal(fee) if with_report else None,
            commission_currency=commission_currency or instrument.currency,
            realized=None,
            commission_due=self.clock.monotonic() + commission_delay,
            reported=with_execution,
        )
        return self._book(execution, Decimal(fee), push=push)

    def close(
        self,
        account: str,
        con_id: int,
        price: Decimal | int | str | None = None,
        commission: Decimal | int | str | None = None,
        *,
        push: bool = True,
        commission_delay: float = 0.0,
    ) -> Execution:
        """Trade the whole position away, as ``trade`` would."""
        side, size = self._unwinding(account, con_id)
        return self.trade(
            *(account, con_id, side, size, price, commission),
            push=push,
            commission_delay=commission_delay,
        )

    def flip(
        self,
        account: str,
        con_id: int,
        price: Decimal | int | str | None = None,
        commission: Decimal | int | str | None = None,
        *,
        push: bool = True,
        commission_delay: float = 0.0,
    ) -> Execution:
        """Trade twice the position the other way, so that it turns round."""
        side, size = self._unwinding(account, con_id)
        return self.trade(
            *(account, con_id, side, size * 2, price, commission),
            push=push,
            commission_delay=commission_delay,
        )

    def correct(
        self,
        exec_id: str,
        price: Decimal | int | str,
        *,
        quantity: Decimal | None = None,
        commission_delay: float = 0.0,
    ) -> Execution:
        """Report an execution again with another price or size: same id but for the last suffix."""
        old = self._execution(exec_id)
        size = old.quantity if quantity is None else quantity
        base, _, suffix = exec_id.rpartition(".")
        key = (old.account, old.con_id)
        steps = self._histories.get(key, [])
        fixed = [
            replace(step, price=Decimal(price), signed=size.copy_sign(step.signed))
            if isinstance(step, Fill) and step.key == base
            else step
            for step in steps
        ]
        is_gone = not any(isinstance(s, Fill) and s.key == base for s in steps)
        if size != old.quantity and is_gone and base not in self._over:
            # What it made was transferred: all that is left of it is the difference.
            signed = size - old.quantity if old.side is Side.BUY else old.quantity - size
            fixed.append(Fill(exec_id, signed, Decimal(price), ZERO))
        self._histories[key] = fixed
        realized = self._rebuild(key).get(base)
        execution = replace(
            old,
            exec_id=f"{base}.{int(suffix) + 1:02d}",
            price=Decimal(price),
            quantity=size,
            realized=realized,
            commission_due=self.clock.monotonic() + commission_delay,
        )
        self._executions.append(execution)
        has_row = self._has_row(old.con_id)
        if has_row:
            self._tell(PositionChanged(*key))
        self._tell(Traded(execution, pushed=has_row))
        return execution

    def reveal(self, exec_id: str) -> None:
        """Let reqExecutions return a fill that was made without an execution."""
        old = self._execution(exec_id)
        self._executions[self._executions.index(old)] = replace(old, reported=True)

    def vanish(
        self, account: str, con_id: int, *, zero_row: bool = False, is_over: bool = False
    ) -> None:
        """Drop a position without a fill, and without a word unless a ``zero_row`` says so.

        With ``is_over`` all of it has expired, or become something else: so has what a correction
        of its fills would add. Without, it was transferred, and that is left here.
        """
        key = (account, con_id)
        if self._holdings.pop(key, None) is None:
            raise DeskError(f"{account} holds no {con_id}")
        steps = self._histories.pop(key, [])
        if is_over:
            self._over.update(step.key for step in steps if isinstance(step, Fill))
        if zero_row:
            self._histories[key] = []
            self._rebuild(key)
            self._tell(PositionChanged(*key))

    def deliver(
        self, account: str, con_id: int, units: Decimal, price: Decimal, paid: Decimal
    ) -> None:
        """Units come or go for cash without a fill; `paid` on top is part of their cost."""
        instrument = self.instruments[con_id]
        key = (account, con_id)
        self._fills += 1
        step = Fill(f"delivery-{self._fills}", units, price, paid)
        self._histories.setdefault(key, []).append(step)
        self._rebuild(key)
        cash = self.cash[account]
        moved = units * price * instrument.unit
        cash[instrument.currency] = cash.get(instrument.currency, ZERO) - moved

    def split(self, con_id: int, new: Decimal | int, old: Decimal | int = 1) -> None:
        """``new`` shares for every ``old`` in every account; rows are pushed, no fill."""
        ratio = Decimal(new) / Decimal(old)
        if ratio <= 0:
            raise DeskError(f"not a split: {new} for {old}")
        self._marks[con_id] = self.instruments[con_id].round_price(self.mark(con_id) / ratio)
        for key in [key for key in self._holdings if key[1] == con_id]:
            self._histories[key].append(Split(Decimal(new), Decimal(old)))
            self._rebuild(key)
            self._tell(PositionChanged(*key))
        self._tell(PricesMoved())

    def set_mark(self, con_id: int, price: Decimal | int | str) -> None:
        """Move a price."""
        self.set_marks({con_id: Decimal(price)})

    def set_marks(self, prices: Mapping[int, Decimal]) -> None:
        """Move several prices and tell it once."""
        for con_id, price in prices.items():
            self.mark(con_id)
            self._marks[con_id] = price
        self._tell(PricesMoved())

    def push(self, account: str, con_id: int) -> None:
        """Send the position's row again, as TWS does without a reason one can see."""
        if (account, con_id) not in self._holdings:
            raise DeskError(f"{account} holds no {con_id}")
        self._tell(PositionChanged(account, con_id))

    # --- inside ------------------------------------------------------------------------------

    def _book(self, execution: Execution, fee: Decimal, *, push: bool) -> Execution:
        key = (execution.account, execution.con_id)
        signed = execution.side.sign * execution.quantity
        base = execution.exec_id.rpartition(".")[0]
        steps = self._histories.setdefault(key, [])
        steps.append(Fill(base, signed, execution.price, fee))
        execution = replace(execution, realized=self._rebuild(key).get(base))
        self._executions.append(execution)
        self._pay(execution, signed, fee)
        has_row = push and self._has_row(execution.con_id)
        if has_row:
            self._tell(PositionChanged(*key))
        self._tell(Traded(execution, pushed=has_row))
        return execution

    def _has_row(self, con_id: int) -> bool:
        return self._has_fx_rows or self.instruments[con_id].sec_type != "CASH"

    def _pay(self, execution: Execution, signed: Decimal, fee: Decimal) -> None:
        cash, currency = self.cash[execution.account], execution.instrument.currency
        margined = execution.instrument.sec_type in {"FUT", "CASH"}
        paid = ZERO if margined else signed * execution.price * execution.instrument.unit
        cash[currency] = cash.get(currency, ZERO) - paid
        charged = execution.commission_currency
        cash[charged] = cash.get(charged, ZERO) - fee

    def _unwinding(self, account: str, con_id: int) -> tuple[Side, Decimal]:
        holding = self._holdings.get((account, con_id))
        if holding is None or not holding.quantity:
            raise DeskError(f"{account} holds no {con_id}")
        side = Side.SELL if holding.quantity > 0 else Side.BUY
        return side, abs(holding.quantity)

    def _rebuild(self, key: tuple[str, int]) -> dict[str, Decimal | None]:
        unit = self.instruments[key[1]].unit
        self._holdings[key], realized = replay(self._histories[key], unit)
        return realized

    def _position(self, key: tuple[str, int], holding: Holding) -> Position:
        instrument, price = self.instruments[key[1]], self._marks[key[1]]
        unrealized = holding.unrealized(price, instrument.unit)
        return Position(
            account=key[0],
            instrument=instrument,
            quantity=holding.quantity,
            average_cost=holding.average_cost,
            price=price,
            realized=holding.realized,
            unrealized=unrealized,
            daily=holding.realized + unrealized - holding.opening_unrealized,
        )

    def _next_exec_id(self, moment: datetime) -> str:
        self._fills += 1
        # Real ids begin with a server, then seconds since 1970 in hex; the last part counts
        # corrections. The time in it keeps the ids of two runs apart.
        return f"0000e0d5.{int(moment.timestamp()):08x}.{self._fills:02d}.01"

    def _execution(self, exec_id: str) -> Execution:
        for execution in self._executions:
            if execution.exec_id == exec_id:
                return execution
        raise DeskError(f"no execution {exec_id}")

    def _check_account(self, account: str) -> None:
        if account not in self.accounts:
            raise DeskError(f"no account {account}")

    def _tell(self, event: DeskEvent) -> None:
        for listener in tuple(self._listeners):
            listener(event)
