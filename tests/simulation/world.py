"""One seed's world: a broker's desk, the machine of a trader, and the program that runs on it."""

import asyncio
import logging
import os
import random
import re
import shutil
import sqlite3
import threading
import time
import traceback
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.session import IbkrBroker
from possync_tui.demo import (
    AccountSetup,
    Desk,
    DeskError,
    GatewayOptions,
    Side,
)
from possync_tui.demo.records import DeskEvent, PositionChanged, Traded
from possync_tui.demo.wire import TimeForm
from possync_tui.ledger.parts import decode_keys
from possync_tui.ledger.port import LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.events import SyncEvent, SyncFinished, SyncStarted
from possync_tui.sync.policy import SyncPolicy
from tests.simulation.bookings import Booked
from tests.simulation.contracts import instruments, is_wider, more_instruments
from tests.simulation.ends import Ends, Key
from tests.simulation.every_step import MOST_TASKS, Heard
from tests.simulation.gateway import GatewayInMemory, SimulatedGateway
from tests.simulation.memory_disk import Machine, copy_as_a_crash_would
from tests.simulation.real_loop import RealLoop
from tests.simulation.realized import Realized
from tests.simulation.remembered import hold_memory_against_tables
from tests.simulation.tampering import EXECUTION, Tampering
from tests.simulation.virtual_loop import VirtualClock, VirtualLoop

_EXEC_ID = re.compile(rb"0000e0d5\.[0-9a-f]{8}\.\d+\.\d\d")
# Either side of the date line, with changes of daylight saving on other days than New York's.
ZONES = ("America/New_York", "UTC", "Asia/Tokyo", "Australia/Sydney", "Europe/London")
_CODES = ("DU1000001", "DU1000002", "DU1000003")
# Before a change of daylight saving, a month's end, a quiet day.
_STARTS = (
    datetime(2026, 3, 6, 15, 0, tzinfo=UTC),
    datetime(2026, 10, 31, 23, 0, tzinfo=UTC),
    datetime(2026, 3, 30, 3, 30, tzinfo=UTC),
    datetime(2026, 6, 17, 18, 0, tzinfo=UTC),
)


@dataclass
class Delivered:
    """What has reached the program whole, read from the bytes that it was given."""

    executions: set[str] = field(default_factory=set)
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 4:
            length = int.from_bytes(self._rest[:4], "big")
            if length > 1_000_000:
                self._rest = b""
                return
            if len(self._rest) < 4 + length:
                return
            frame, self._rest = self._rest[4 : 4 + length], self._rest[4 + length :]
            if frame.split(b"\0", 1)[0] == EXECUTION:
                self.executions.update(found.decode() for found in _EXEC_ID.findall(frame))

    def begin_connection(self) -> None:
        self._rest = b""


class Errors(logging.Handler):
    """Tracebacks in the program's log: things that were not meant to happen."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] is not None:
            told = "".join(traceback.format_exception(record.exc_info[1])[-6:])
            self.seen.append(f"{record.name}: {record.getMessage()}:\n{told}")


class World:
    """The broker's truth, the program, and what a test knows about both."""

    most_tasks = MOST_TASKS

    def __init__(self, seed: int, folder: Path, loop: VirtualLoop | RealLoop) -> None:
        self.is_real = loop.network.is_real
        self.seed = seed
        self.folder = folder
        self.loop = loop
        self.rng = Random(f"world {seed}")
        start = self.rng.choice(_STARTS)
        self.broker_clock = VirtualClock(loop, start)
        self.clock = VirtualClock(loop, start + timedelta(seconds=self.rng.choice((0, 0, -1.5, 2))))
        self.machine = Machine(Random(f"machine {seed}"))
        self.ledger_path = folder / "0" / "ledger.sqlite3"
        self.lives_of_program = 0
        self.desk = self._make_desk()
        kind = SimulatedGateway if self.is_real else GatewayInMemory
        self.gateway = kind(
            self.desk,
            self.broker_clock,
            GatewayOptions(
                master_client_id=self.rng.choice((71, None)),
                zero_rows=self.rng.random() < 0.5,
                account_period=600.0,
                pnl_period=60.0,
                time_form=self.rng.choice((*TimeForm, TimeForm.ZONED)),
            ),
        )
        self._zone_before = os.environ.get("TZ")
        self.move_to(self.rng.choice(ZONES))
        self.policy = SyncPolicy(
            mark_missing_as_closed=self.rng.random() < 0.3,
            sync_interval=300,
            # A busy machine must not make a hurried world one of timeouts alone.
            timeout=90.0 if self.is_real else 20.0,
        )
        self.engine: Engine | None = None
        self._running: asyncio.Task[None] | None = None
        self.delivered = Delivered()
        self.heard = Heard()
        self.compared: Counter[str] = Counter()
        self.threads = threading.active_count()
        self.errors = Errors()
        self.ends = Ends(self.desk)
        self.began = start
        self.booked: list[Booked] = []
        self.fees: dict[str, Decimal] = {}
        self._sync_began = 0.0
        self._synced_at: dict[str, str] = {}
        self.is_lying = False
        self.spoils_fills = False
        self.spoils_commissions = False
        self.tampering = Tampering(self.rng)
        self.realized = Realized(self.desk)
        self.desk.subscribe(self._desk_moved)
        loop.network.toward_client = self.tampering
        loop.network.on_client_bytes = self.delivered.feed
        loop.network.on_client_connected = self.delivered.begin_connection

    # --- the broker's side -------------------------------------------------------------------

    def _make_desk(self) -> Desk:
        rng = self.rng
        codes = _CODES[: rng.choice((1, 1, 2, 3))]
        desk = Desk(
            [AccountSetup(code, {"USD": Decimal(100_000)}) for code in codes],
            clock=self.broker_clock,
            virtual_fx=not is_wider(self.seed),
        )
        today = self.broker_clock.now().date()
        for instrument, price in instruments(rng, today):
            desk.add_instrument(instrument, price)
        # What was held before is known by its average cost only: half of the worlds begin flat.
        most = rng.choice((0, 3))
        for code in codes:
            for con_id in rng.sample(
                sorted(desk.instruments), min(rng.randint(0, most), len(desk.instruments))
            ):
                quantity = Decimal(rng.choice((100, -50, 7, 1000, -3)))
                instrument, price = desk.instruments[con_id], desk.mark(con_id)
                desk.add_position(code, instrument, quantity, price * instrument.unit, price)
        if is_wider(self.seed):
            for instrument, price in more_instruments(Random(f"wider {self.seed}"), today):
                desk.add_instrument(instrument, price)
        return desk

    def _desk_moved(self, event: DeskEvent) -> None:
        match event:
            case PositionChanged(account, con_id):
                self.ends.moved((account, con_id))
            case Traded(execution):
                key = (execution.account, execution.con_id)
                bought = execution.side is Side.BUY
                signed = execution.quantity if bought else -execution.quantity
                self.ends.traded(key, execution.exec_id, signed, self.loop.time())

    def vanish(self, key: Key, *, zero_row: bool = False, is_over: bool = False) -> None:
        """A position is gone, without a fill."""
        self.ends.vanishes(key, self.loop.time())
        self.desk.vanish(*key, zero_row=zero_row, is_over=is_over)
        self.ends.moved(key)

    def happens_unseen(self, *keys: Key) -> None:
        """What no fill tells of."""
        for key in keys:
            self.ends.happens_unseen(key, self.loop.time())

    @property
    def zone(self) -> str:
        return self.gateway.options.time_zone

    def move_to(self, zone: str) -> None:
        """The trader's machine, and TWS on it, is in this zone from here on."""
        _set_zone_of_host(zone)
        self.gateway.move_to(zone)

    def truth(self) -> dict[Key, Decimal]:
        return {(p.account, p.con_id): p.quantity for p in self.desk.positions()}

    # --- the program's life ------------------------------------------------------------------

    def running(self) -> Engine:
        """The engine. Raises `DeskError` while the program is off, which skips the action."""
        if self.engine is None:
            raise DeskError("the program is off")
        return self.engine

    @property
    def has_baseline(self) -> bool:
        return self.engine is not None and bool(self.engine.stats.successful_syncs)

    def accept(self, hold_id: int) -> None:
        """The user's word may close what the broker still holds."""
        with closing(sqlite3.connect(f"{self.ledger_path.as_uri()}?mode=ro", uri=True)) as db:
            sql = "SELECT keys FROM holds WHERE id = ?"
            (keys,) = db.execute(sql, (hold_id,)).fetchone()
        for key in decode_keys(keys):
            self.ends.is_closed_by_word((key.account, key.con_id))
            self.realized.is_never_known((key.account, key.con_id))

    def _heard(self, event: SyncEvent) -> None:
        """When the program looked at which accounts, on the time of the loop."""
        now = self.loop.time()
        match event:
            case SyncStarted():
                self._sync_began = now
            case SyncFinished(result) if result.ok:
                synced, book = self._synced()
                for code, synced_at in synced.items():
                    if self._synced_at.get(code) != synced_at:
                        self.ends.looked(code, self._sync_began, now, book)
                    self._synced_at[code] = synced_at

    def _synced(self) -> tuple[dict[str, str], dict[Key, Decimal]]:
        """When each account was seen last, and what is held of which position since."""
        sql = "SELECT account, con_id, quantity FROM lives WHERE status <> 'CLOSED'"
        with closing(sqlite3.connect(f"{self.ledger_path.as_uri()}?mode=ro", uri=True)) as db:
            held = {(account, con_id): Decimal(q) for account, con_id, q in db.execute(sql)}
            return dict(db.execute("SELECT code, last_synced_at FROM accounts")), held

    async def open(self) -> None:
        logging.getLogger("possync_tui").addHandler(self.errors)
        await self.gateway.start()
        await self.boot()

    async def boot(self) -> None:
        self.lives_of_program += 1
        self.machine.unlock()
        self.machine = Machine(Random(f"machine {self.seed} {self.lives_of_program}"))
        self.delivered.executions.clear()
        path, clock = self.ledger_path, self.clock
        path.parent.mkdir(parents=True, exist_ok=True)

        async def opened() -> LedgerPort:
            ledger = await open_ledger(path, clock=clock, cost_method=self.policy.cost_method)
            hold_memory_against_tables(ledger)
            return ledger

        options = SessionOptions(
            port=self.gateway.port,
            heartbeat_interval=60.0,
            portfolio_interval=120.0,
            connect_timeout=90.0 if self.is_real else 10.0,
            heartbeat_timeout=90.0 if self.is_real else 10.0,
        )
        rng = random.Random(f"broker {self.seed} {self.lives_of_program}")
        broker = IbkrBroker(options, clock=clock, rng=rng)
        self.heard.begin(broker)
        self.engine = Engine(broker=broker, open_ledger=opened, policy=self.policy, clock=clock)
        self.engine.bus.subscribe(self._heard)
        await self.engine.start()
        self._running = self.start_syncing(self.engine)

    def start_syncing(self, engine: Engine) -> "asyncio.Task[None] | None":
        """As the program without a screen does; a world with an app leaves it to the app."""
        return asyncio.create_task(engine.run())

    async def stop(self) -> None:
        """Quit, as `q` does."""
        if self.engine is not None:
            await self.engine.stop()
            if self._running is not None:
                await asyncio.wait([self._running])
        self.engine = self._running = None

    def kill(self) -> None:
        """The disk is kept as it is now; nothing of this life runs any more after `bury`."""
        self.machine.die()
        following = self.folder / str(self.lives_of_program) / "ledger.sqlite3"
        following.parent.mkdir(parents=True, exist_ok=True)
        copy_as_a_crash_would(self.ledger_path, following)
        self.ledger_path = following

    async def bury(self) -> None:
        """End what is left of a killed program, without a word to anyone."""
        self.loop.network.cut()
        for _ in range(20):
            ours = self.loop.tasks_of_program()
            if not ours:
                break
            for task in ours:
                task.cancel()
            await asyncio.wait(ours, timeout=1)
        if self.engine is not None and self.engine._ledger is not None:
            lock = getattr(self.engine._ledger, "_lock", None)
            if lock is not None:
                lock.release()
        for database in self.machine.databases:
            with suppress(sqlite3.ProgrammingError):  # closed by the program itself
                database.set_progress_handler(None, 0)
                database.close()
        self.engine = self._running = None

    async def close(self) -> None:
        try:
            if self.is_real:
                self.machine.mend()
                await self.stop()
            elif self.engine is not None:
                self.machine.die()
                await self.bury()
            await self.gateway.stop()
        finally:
            logging.getLogger("possync_tui").removeHandler(self.errors)
            _set_zone_of_host(self._zone_before)
            keep = os.environ.get("POSSYNC_SIM_KEEP")
            if keep:
                shutil.copytree(self.ledger_path.parent, keep, dirs_exist_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)


def _set_zone_of_host(name: str | None) -> None:
    if name is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = name
    time.tzset()
