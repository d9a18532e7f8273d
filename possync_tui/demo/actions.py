"""What can be done to a running gateway, as data: timeline steps and control commands alike."""

import json
from collections.abc import Callable
from decimal import Decimal

from possync_tui.demo.conversion import Conversion, convert
from possync_tui.demo.delivery import assign
from possync_tui.demo.desk import Desk
from possync_tui.demo.faults import Fault, FaultField, FaultKind
from possync_tui.demo.gateway import DemoGateway
from possync_tui.demo.records import DeskError, Execution, Side
from possync_tui.demo.tables import ScenarioError, Table
from possync_tui.demo.wire import plain
from possync_tui.domain.values import dataclass

Reply = dict[str, object]
Run = Callable[[DemoGateway], Reply]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, checked but not yet done. ``run`` may raise ``DeskError``."""

    do: str
    run: Run


def read_action(table: Table) -> Action:
    """The action that a table describes; ``ScenarioError`` names the key that is wrong."""
    do = table.text("do")
    reader = _READERS.get(do)
    if reader is None:
        raise table.wrong("do", f"{do!r} is none of {', '.join(_READERS)}")
    action = Action(do, reader(table))
    table.finish()
    return action


def perform(gateway: DemoGateway, action: Action) -> Reply:
    """Do it; the reply says ``ok`` and what came of it."""
    try:
        return {"ok": True, **action.run(gateway)}
    except DeskError as error:
        return {"ok": False, "error": str(error)}


def perform_line(gateway: DemoGateway, line: str) -> str:
    """Do what a line of JSON says and answer with one; never raises for what the line says."""
    try:
        value: object = json.loads(line, parse_float=Decimal)
        reply = perform(gateway, read_action(Table(value, "")))
    except json.JSONDecodeError as error:
        reply = {"ok": False, "error": f"not JSON: {error}"}
    except ScenarioError as error:
        reply = {"ok": False, "error": str(error)}
    except (ArithmeticError, LookupError, ValueError) as error:
        # A number or a contract that the desk cannot work with is the line's fault, too.
        reply = {"ok": False, "error": f"cannot be done: {error!r}"}
    return json.dumps(reply)


def read_fault(table: Table) -> Fault:
    """A fault from the keys that are its fields."""
    try:
        return Fault(
            kind=table.choice("kind", FaultKind),
            once=table.flag("once", default=False),
            after=table.whole("after", 0),
            code=table.whole("code", 0),
            text=table.text("text", ""),
            value=table.text("value", ""),
            field=table.choice_or_none("field", FaultField),
            seconds=table.seconds("seconds", 0.0),
            con_id=table.whole_or_none("con_id"),
            account=table.text("account", "") or None,
        )
    except ScenarioError:
        raise
    except ValueError as error:
        raise ScenarioError(table.path(str(error))) from error


def _traded(execution: Execution) -> Reply:
    return {"exec_id": execution.exec_id}


def _trade(table: Table) -> Run:
    account, con_id = table.text("account"), table.whole("con_id")
    side, quantity = table.choice("side", Side), table.number("quantity")
    price, commission = table.number_or_none("price"), table.number_or_none("commission")
    push = table.flag("push", default=True)
    with_execution = table.flag("with_execution", default=True)
    with_report = table.flag("with_report", default=True)
    delay, client_id = table.seconds("commission_delay", 0.0), table.whole("client_id", 0)

    def run(gateway: DemoGateway) -> Reply:
        execution = gateway.desk.trade(
            *(account, con_id, side, quantity, price, commission),
            push=push,
            with_execution=with_execution,
            with_report=with_report,
            commission_delay=delay,
            client_id=client_id,
        )
        return _traded(execution)

    return run


def _close(table: Table) -> Run:
    return _unwinding(table, Desk.close)


def _flip(table: Table) -> Run:
    return _unwinding(table, Desk.flip)


def _unwinding(table: Table, how: Callable[..., Execution]) -> Run:
    account, con_id = table.text("account"), table.whole("con_id")
    price, commission = table.number_or_none("price"), table.number_or_none("commission")
    push, delay = table.flag("push", default=True), table.seconds("commission_delay", 0.0)

    def run(gateway: DemoGateway) -> Reply:
        where = (gateway.desk, account, con_id, price, commission)
        return _traded(how(*where, push=push, commission_delay=delay))

    return run


def _which_execution(table: Table) -> Callable[[Desk], str]:
    """An execution by its id, or the last one of a position."""
    exec_id = table.text("exec_id", "")
    if exec_id:
        return lambda desk: exec_id
    account, con_id = table.text("account"), table.whole("con_id")

    def last(desk: Desk) -> str:
        for execution in reversed(desk.executions):
            if (execution.account, execution.con_id) == (account, con_id):
                return execution.exec_id
        raise DeskError(f"{account} has no execution in {con_id}")

    return last


def _correct(table: Table) -> Run:
    which, price = _which_execution(table), table.number("price")
    quantity, delay = table.number_or_none("quantity"), table.seconds("commission_delay", 0.0)
    if quantity is not None and quantity <= 0:
        raise table.wrong("quantity", f"is not positive: {quantity}")

    def run(gateway: DemoGateway) -> Reply:
        desk, which_one = gateway.desk, which(gateway.desk)
        return _traded(desk.correct(which_one, price, quantity=quantity, commission_delay=delay))

    return run


def _reveal(table: Table) -> Run:
    which = _which_execution(table)

    def run(gateway: DemoGateway) -> Reply:
        gateway.desk.reveal(which(gateway.desk))
        return {}

    return run


def _price(table: Table) -> Run:
    con_id, price = table.whole("con_id"), table.number("price")

    def run(gateway: DemoGateway) -> Reply:
        gateway.desk.set_mark(con_id, price)
        return {}

    return run


def _push(table: Table) -> Run:
    account, con_id = table.text("account"), table.whole("con_id")

    def run(gateway: DemoGateway) -> Reply:
        gateway.desk.push(account, con_id)
        return {}

    return run


def _remove_row(table: Table) -> Run:
    account, con_id = table.text("account"), table.whole("con_id")

    def run(gateway: DemoGateway) -> Reply:
        gateway.desk.vanish(account, con_id)
        return {}

    return run


def _assign(table: Table) -> Run:
    account, con_id = table.text("account"), table.whole("con_id")
    underlying = table.whole("underlying")

    def run(gateway: DemoGateway) -> Reply:
        assign(gateway.desk, account, con_id, underlying)
        return {}

    return run


def _split(table: Table) -> Run:
    con_id, new, old = table.whole("con_id"), table.number("new"), table.number("old", 1)
    if new <= 0 or old <= 0:
        raise table.wrong("new" if new <= 0 else "old", "must be positive")

    def run(gateway: DemoGateway) -> Reply:
        gateway.desk.split(con_id, new, old)
        return {}

    return run


def _convert(table: Table) -> Run:
    account, zero_row = table.text("account"), table.flag("zero_row", default=False)
    conversion = Conversion(
        con_id=table.whole("con_id"),
        to_con_id=table.whole("to_con_id"),
        symbol=table.text("symbol"),
        new=table.number("new", 1),
        old=table.number("old", 1),
    )
    if conversion.new <= 0 or conversion.old <= 0:
        raise table.wrong("new" if conversion.new <= 0 else "old", "must be positive")

    def run(gateway: DemoGateway) -> Reply:
        convert(gateway.desk, account, conversion, zero_row=zero_row)
        return {}

    return run


def _fault(table: Table) -> Run:
    fault = read_fault(table)

    def run(gateway: DemoGateway) -> Reply:
        gateway.inject(fault)
        return {}

    return run


def _clear_faults(table: Table) -> Run:
    def run(gateway: DemoGateway) -> Reply:
        gateway.clear_faults()
        return {}

    return run


def _notice(table: Table) -> Run:
    code, text = table.whole("code"), table.text("text", "")

    def run(gateway: DemoGateway) -> Reply:
        gateway.notice(code, text)
        return {}

    return run


def _drop(table: Table) -> Run:
    def run(gateway: DemoGateway) -> Reply:
        gateway.abort_clients()
        return {}

    return run


def _state(table: Table) -> Run:
    return describe


def describe(gateway: DemoGateway) -> Reply:
    """The desk's truth and what the gateway has seen, numbers as text."""
    return {
        "clients": list(gateway.clients),
        "orders_refused": gateway.orders_refused,
        "requests": sorted({request.name for request in gateway.requests_seen}),
        "positions": [
            {
                "account": row.account,
                "con_id": row.con_id,
                "symbol": row.instrument.symbol,
                "quantity": plain(row.quantity),
                "average_cost": plain(row.average_cost),
                "price": plain(row.price),
            }
            for row in gateway.desk.positions()
        ],
        "executions": [
            {
                "exec_id": execution.exec_id,
                "account": execution.account,
                "con_id": execution.con_id,
                "side": execution.side.wire,
                "quantity": plain(execution.quantity),
                "price": plain(execution.price),
            }
            for execution in gateway.desk.executions_today()
        ],
    }


_READERS: dict[str, Callable[[Table], Run]] = {
    "trade": _trade,
    "close": _close,
    "flip": _flip,
    "correct": _correct,
    "reveal": _reveal,
    "price": _price,
    "push": _push,
    "remove_row": _remove_row,
    "assign": _assign,
    "split": _split,
    "convert": _convert,
    "fault": _fault,
    "clear_faults": _clear_faults,
    "notice": _notice,
    "drop": _drop,
    "state": _state,
}
