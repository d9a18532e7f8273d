"""A scripted broker, a clock that tests move by hand, and engines on real SQLite files."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiosqlite import Connection

from possync_tui.broker.port import (
    BrokerError,
    BrokerEvent,
    BrokerUnavailable,
    Executions,
    Listener,
    StateChanged,
)
from possync_tui.domain.connection import ConnectionState, Phase, environment_of
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Commission, Fill, PositionRow, Side, Snapshot
from possync_tui.domain.rates import Rates
from possync_tui.ledger.port import LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.events import LogLine, SyncEvent
from possync_tui.sync.policy import SyncPolicy

START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
ACCOUNT = "DU1000001"
OTHER = "DU1000002"
_ROUNDS = 30
_MOST_SECONDS = 10.0


@dataclass
class Threads:
    """What the event loop waits for in other threads: SQLite's, and those of long reckonings."""

    busy: int = 0

    def counting(self, deed: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        """The same, counted while it is under way."""

        async def counted(*args: object, **named: object) -> object:
            self.busy += 1
            try:
                return await deed(*args, **named)
            finally:
                self.busy -= 1

        return counted


_threads = Threads()


@pytest.fixture(autouse=True)
def _counted_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "busy", 0)
    execute, to_thread = Connection._execute, asyncio.to_thread
    monkeypatch.setattr(Connection, "_execute", _threads.counting(execute))
    monkeypatch.setattr(asyncio, "to_thread", _threads.counting(to_thread))


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = START
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic + seconds, done))
        await done

    async def advance(self, seconds: float) -> None:
        """Move time, waking sleepers in order, and let the loop settle after each."""
        end = self._monotonic + seconds
        while True:
            await settle()
            waiting = [(at, f) for at, f in self._sleepers if not f.done() and at <= end]
            if not waiting:
                break
            at, sleeper = min(waiting, key=lambda pair: pair[0])
            self._move_to(at)
            self._sleepers.remove((at, sleeper))
            sleeper.set_result(None)
        self._move_to(end)
        await settle()

    def _move_to(self, monotonic: float) -> None:
        if monotonic > self._monotonic:
            self._now += timedelta(seconds=monotonic - self._monotonic)
            self._monotonic = monotonic


async def settle() -> None:
    """Let tasks run until none waits for a thread, however busy the machine is."""
    quiet = 0
    async with asyncio.timeout(_MOST_SECONDS):
        while quiet < _ROUNDS:
            await asyncio.sleep(0.001)
            quiet = 0 if _threads.busy else quiet + 1


@dataclass
class ScriptedBroker:
    """A broker whose answers a test sets. `before_snapshot` runs as each one is taken."""

    clock: HandClock
    rows: dict[PositionKey, PositionRow] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    commissions: list[Commission] = field(default_factory=list)
    accounts: tuple[str, ...] = (ACCOUNT,)
    marks_now: dict[PositionKey, Mark] = field(default_factory=dict)
    fails: list[BrokerError] = field(default_factory=list)
    execution_fails: list[BrokerError] = field(default_factory=list)
    before_snapshot: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    refused: str = ""
    starts_connected: bool = True
    skew: float = 0.0
    snapshots: int = 0
    asked_executions: int = 0
    watched: frozenset[PositionKey] = frozenset()
    fills_known_until: dict[str, datetime] = field(default_factory=dict)
    is_whole: bool = True
    _listeners: list[Listener] = field(default_factory=list)
    _phase: Phase = Phase.DISCONNECTED
    _session: int = 0

    @property
    def state(self) -> ConnectionState:
        return ConnectionState(
            phase=self._phase,
            host="127.0.0.1",
            port=7497,
            client_id=1,
            since=self.clock.now(),
            session_id=f"s{self._session}",
            accounts=self.accounts if self._phase is Phase.CONNECTED else (),
            environment=environment_of(self.accounts),
            clock_skew=self.skew,
        )

    @property
    def marks(self) -> Mapping[PositionKey, Mark]:
        return self.marks_now

    @property
    def rates(self) -> Rates:
        return {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def push(self, event: BrokerEvent) -> None:
        for listener in tuple(self._listeners):
            listener(event)

    async def start(self, fills_known_until: Mapping[str, datetime] | None = None) -> None:
        self.fills_known_until = dict(fills_known_until or {})
        if self.starts_connected:
            self.connect()

    def connect(self) -> None:
        self._session += 1
        self._phase = Phase.CONNECTED
        self.push(StateChanged(self.state))

    def lose(self) -> None:
        self.show(Phase.RECONNECTING)

    def show(self, phase: Phase) -> None:
        """Go into a phase and tell of it."""
        self._phase = phase
        self.push(StateChanged(self.state))

    async def connected(self, timeout: float) -> ConnectionState:
        if self._phase is not Phase.CONNECTED:
            raise BrokerUnavailable("not connected")
        return self.state

    async def executions(self, timeout: float) -> Executions:
        self.asked_executions += 1
        if self.execution_fails:
            raise self.execution_fails.pop(0)
        return Executions(tuple(self.fills), tuple(self.commissions), self.is_whole)

    async def snapshot(self, timeout: float) -> Snapshot:
        self.snapshots += 1
        if self.before_snapshot:
            await self.before_snapshot.pop(0)()
        if self.fails:
            raise self.fails.pop(0)
        now = self.broker_now()
        return Snapshot(self.state.session_id, self.accounts, tuple(self.rows.values()), now, now)

    async def watch(self, keys: frozenset[PositionKey]) -> None:
        self.watched = keys

    def refuse(self, sentence: str) -> None:
        self.refused = sentence
        self._phase = Phase.FAILED

    def reconnect_now(self) -> None:
        self.connect()

    def pause_reconnecting(self) -> bool:
        return False

    async def stop(self) -> None:
        self._phase = Phase.DISCONNECTED

    # -- what the desk behind it does --

    def broker_now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.skew)

    def hold(
        self,
        con_id: int,
        quantity: str,
        cost: str = "10",
        *,
        account: str = ACCOUNT,
        what: Instrument | None = None,
    ) -> PositionRow:
        thing = what or Instrument(con_id, f"S{con_id}", "STK", "USD")
        row = PositionRow(account, thing, Decimal(quantity), Decimal(cost), quantity, cost)
        self.rows[row.key] = row
        return row

    def drop(self, con_id: int, account: str = ACCOUNT) -> None:
        del self.rows[PositionKey(account, con_id)]

    def trade(
        self,
        con_id: int,
        side: Side,
        quantity: str,
        price: str,
        commission: str | None = "1",
        *,
        account: str = ACCOUNT,
    ) -> Fill:
        what = Instrument(con_id, f"S{con_id}", "STK", "USD")
        return self.trade_in(what, side, quantity, price, commission, account=account)

    def trade_in(
        self,
        what: Instrument,
        side: Side,
        quantity: str,
        price: str,
        commission: str | None = "1",
        *,
        account: str = ACCOUNT,
    ) -> Fill:
        number = len(self.fills) + 1
        fill = Fill(
            account=account,
            exec_id=f"0000e0d5.{number:08x}.01.01",
            instrument=what,
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
            time=self.broker_now().replace(microsecond=0),
            raw_time="",
            quantity_text=quantity,
            price_text=price,
        )
        self.fills.append(fill)
        if commission is not None:
            report = Commission(fill.exec_id, Decimal(commission), "USD", None, commission, "")
            self.commissions.append(report)
        return fill

    def mark(self, con_id: int, price: str, *, age: float = 1, account: str = ACCOUNT) -> None:
        key = PositionKey(account, con_id)
        at = self.clock.now() - timedelta(seconds=age)
        self.marks_now[key] = Mark(key, at, "portfolio", self.state.session_id, Decimal(price))


@dataclass
class Rig:
    """An engine on a real ledger file with a scripted broker, and what it told."""

    broker: ScriptedBroker
    clock: HandClock
    path: Path
    policy: SyncPolicy
    engine: Engine
    events: list[SyncEvent] = field(default_factory=list)

    @property
    def log(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, LogLine)]


Start = Callable[..., Awaitable[Rig]]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def broker(clock: HandClock) -> ScriptedBroker:
    return ScriptedBroker(clock)


@pytest.fixture
async def start(clock: HandClock, broker: ScriptedBroker, tmp_path: Path) -> AsyncIterator[Start]:
    rigs: list[Rig] = []

    async def make(**changes: object) -> Rig:
        policy = replace(SyncPolicy(grace=0), **changes)  # type: ignore[arg-type]
        path = tmp_path / "ledger.sqlite3"

        async def opened() -> LedgerPort:
            return await open_ledger(path, clock=clock, cost_method=policy.cost_method)

        engine = Engine(broker=broker, open_ledger=opened, policy=policy, clock=clock)
        rig = Rig(broker, clock, path, policy, engine)
        engine.bus.subscribe(rig.events.append)
        rigs.append(rig)
        await engine.start()
        await settle()
        return rig

    yield make
    for rig in rigs:
        await rig.engine.stop()
