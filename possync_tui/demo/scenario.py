"""Scenario files: a desk, how the gateway speaks, and what happens when.

TOML or JSON by the file's suffix, the same structure::

    base_currency = "USD"
    [options]                       # all optional
    seed = 1
    tick_interval = 1.0             # seconds between price moves, 0 for none
    trade_interval = [10, 25]       # or "off"
    commission_delay = 0.3
    server_version = 176
    time_form = "zoned"             # zoned, zoneless, utc
    time_zone = "US/Eastern"
    master_client_id = 7
    zero_rows = false
    account_period = 180.0
    pnl_period = 1.0
    next_order_id = 1
    [rates]                         # price of one unit in the base currency
    EUR = 1.0842
    [[accounts]]
    code = "DU1000001"
    cash = { USD = 100000 }
    [[positions]]                   # contract fields once per con_id; quantity 0 makes it known
    account = "DU1000001"
    con_id = 265598
    symbol = "AAPL"
    sec_type = "STK"
    primary_exchange = "NASDAQ"
    quantity = 100
    average_cost = 150.25           # money per contract
    price = 227.52
    [[executions]]                  # booked on top of the positions, before anybody connects
    account = "DU1000001"
    con_id = 265598
    side = "BUY"
    quantity = 10
    price = 226.5
    commission = 1
    time = "09:31:05"               # of today in US/Eastern, or a date with zone
    [[timeline]]                    # switches the seeded background off unless options ask for it
    at = 5.0                        # seconds after the start
    do = "close"
    account = "DU1000001"
    con_id = 265598
"""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from possync_tui.demo.actions import Action, perform, read_action
from possync_tui.demo.clock import Clock, SystemClock
from possync_tui.demo.desk import Desk
from possync_tui.demo.gateway import DemoGateway
from possync_tui.demo.instruments import Instrument
from possync_tui.demo.options import BackgroundOptions, GatewayOptions
from possync_tui.demo.records import AccountSetup, DeskError, Side
from possync_tui.demo.tables import ScenarioError, Table
from possync_tui.demo.wire import TimeForm
from possync_tui.domain.values import dataclass

#: Up to the newest whose layouts the gateway writes; the oldest is for clients that refuse it.
_SERVER_VERSIONS = range(100, 177)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, ``at`` seconds after the start."""

    at: float
    action: Action


def load_scenario(
    path: Path, clock: Clock | None = None, *, seed: int | None = None
) -> tuple[Desk, GatewayOptions, tuple[Step, ...]]:
    """Read a scenario file; ``seed`` is for one that names none.

    Raises ``ScenarioError`` with the file and the key for whatever is wrong with it.
    """
    try:
        return build_scenario(_parse(path), clock or SystemClock(), seed=seed)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error


def build_scenario(
    value: object, clock: Clock, *, seed: int | None = None
) -> tuple[Desk, GatewayOptions, tuple[Step, ...]]:
    """The same from a parsed file."""
    root = Table(value, "")
    steps = _timeline(root.tables("timeline"))
    options = _options(root.table("options"), seed, timeline=bool(steps))
    desk = _desk(root, clock)
    for table in root.tables("positions"):
        _position(table, desk)
    for table in root.tables("executions"):
        _execution(table, desk)
    root.finish()
    return desk, options, steps


async def run_timeline(gateway: DemoGateway, steps: Iterable[Step]) -> list[dict[str, object]]:
    """Do the steps in order of time, counted from now; returns their replies."""
    begun = gateway.clock.monotonic()
    replies = []
    for step in steps:
        wait = begun + step.at - gateway.clock.monotonic()
        if wait > 0:
            await gateway.clock.sleep(wait)
        replies.append(perform(gateway, step.action))
    return replies


def _parse(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text, parse_float=Decimal)
        if path.suffix == ".toml":
            return tomllib.loads(text, parse_float=Decimal)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(str(error)) from error
    raise ScenarioError("a scenario is a .toml or a .json file")


def _timeline(tables: list[Table]) -> tuple[Step, ...]:
    steps = [Step(table.seconds("at"), read_action(table)) for table in tables]
    return tuple(sorted(steps, key=lambda step: step.at))


def _options(table: Table, seed: int | None, *, timeline: bool) -> GatewayOptions:
    quiet = BackgroundOptions(tick_interval=0.0, trade_interval=None)
    usual = quiet if timeline else BackgroundOptions()
    interval = usual.trade_interval
    if table.has("trade_interval"):
        interval = None if _is_off(table) else table.pair("trade_interval")
    background = replace(
        usual,
        seed=table.whole("seed", 1 if seed is None else seed),
        tick_interval=table.seconds("tick_interval", usual.tick_interval),
        trade_interval=interval,
        commission_delay=table.seconds("commission_delay", usual.commission_delay),
    )
    plain = GatewayOptions()
    version = table.whole("server_version", plain.server_version)
    if version not in _SERVER_VERSIONS:
        raise table.wrong("server_version", f"{version} is not between 100 and 176")
    options = GatewayOptions(
        server_version=version,
        time_form=table.choice("time_form", TimeForm, plain.time_form),
        time_zone=_zone(table, plain.time_zone),
        master_client_id=table.whole_or_none("master_client_id"),
        zero_rows=table.flag("zero_rows", default=plain.zero_rows),
        account_period=table.seconds("account_period", plain.account_period),
        pnl_period=table.seconds("pnl_period", plain.pnl_period),
        next_order_id=table.whole("next_order_id", plain.next_order_id),
        background=background,
    )
    table.finish()
    return options


def _zone(table: Table, usual: str) -> str:
    zone = table.text("time_zone", usual)
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise table.wrong("time_zone", f"no such zone: {zone!r}") from None
    return zone


def _is_off(table: Table) -> bool:
    try:
        return table.text("trade_interval") == "off"
    except ScenarioError:
        return False  # not text: a pair, or a complaint about one


def _desk(root: Table, clock: Clock) -> Desk:
    accounts = []
    for table in root.tables("accounts"):
        cash = dict(table.table("cash").numbers())
        accounts.append(AccountSetup(table.text("code"), cash))
        table.finish()
    rates = dict(root.table("rates").numbers())
    try:
        return Desk(
            accounts, clock=clock, base_currency=root.text("base_currency", "USD"), rates=rates
        )
    except DeskError as error:
        raise root.wrong("accounts", str(error)) from error


def _account(table: Table, desk: Desk) -> str:
    account = table.text("account")
    if account not in desk.accounts:
        raise table.wrong("account", f"{account!r} is not among the accounts")
    return account


def _position(table: Table, desk: Desk) -> None:
    account, con_id = _account(table, desk), table.whole("con_id")
    known = desk.instruments.get(con_id)
    if known is None:
        instrument, price = _instrument(table, con_id), table.number("price")
    else:
        instrument, price = known, table.number("price", desk.mark(con_id))
    quantity, cost = table.number("quantity"), table.number("average_cost", 0)
    desk.add_position(account, instrument, quantity, cost, price)
    table.finish()


def _instrument(table: Table, con_id: int) -> Instrument:
    sec_type = table.text("sec_type", "STK")
    symbol = table.text("symbol")
    usual = Instrument(con_id, symbol, sec_type)
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        sec_type=sec_type,
        currency=table.text("currency", usual.currency),
        exchange=table.text("exchange", usual.exchange),
        primary_exchange=table.text("primary_exchange", usual.primary_exchange),
        local_symbol=table.text("local_symbol", symbol),
        trading_class=table.text("trading_class", symbol),
        expiry=table.text("expiry", usual.expiry),
        strike=table.number("strike", usual.strike),
        right=table.text("right", usual.right),
        multiplier=table.text("multiplier", usual.multiplier),
        price_factor=table.number("price_factor", Decimal("0.01") if sec_type == "BOND" else 1),
        tick=table.number("tick", usual.tick),
        size_step=table.number("size_step", usual.size_step),
        name=table.text("name", symbol),
        zone=table.text("zone", usual.zone),
    )


def _execution(table: Table, desk: Desk) -> None:
    account, con_id = _account(table, desk), table.whole("con_id")
    if con_id not in desk.instruments:
        raise table.wrong("con_id", f"{con_id} is not among the positions")
    side, quantity = table.choice("side", Side), table.number("quantity")
    if quantity <= 0:
        raise table.wrong("quantity", "must be positive")
    moment = table.moment("time", desk.midnight())
    desk.trade(
        *(account, con_id, side, quantity, table.number("price")),
        table.number_or_none("commission"),
        time=moment,
        with_execution=table.flag("with_execution", default=True),
        with_report=table.flag("with_report", default=True),
        client_id=table.whole("client_id", 0),
    )
    table.finish()
