"""A session whose broker talks nonsense: the real one's messages, recorded, spoilt and replayed.

The simulated gateway answers as always, and each of its messages is spoilt with some chance on the
way: its bytes, its fields, its length, its place; or an earlier one comes in its stead. Whatever
comes, nothing fails with a traceback, nothing waits for ever, and the ledger holds nothing that a
readable message did not say. When the nonsense ends, the next sync is a good one.
"""

import asyncio
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random

from possync_tui.broker.port import BrokerError
from possync_tui.demo import DeskError
from possync_tui.domain.observations import (
    Anchor,
    CloseDecided,
    CloseReason,
    Commission,
    Fill,
    PositionRow,
    RowPushed,
)
from possync_tui.ledger.codec import decode
from possync_tui.ledger.port import LedgerError, LedgerForeign
from tests.simulation import actions, market, trouble
from tests.simulation.broken import InvariantBroken
from tests.simulation.memory_disk import without_threads
from tests.simulation.mutations import LENGTHS, spoil_bytes, spoil_fields
from tests.simulation.replay import Recording, ReplayedWorld, push_recorded
from tests.simulation.run import Report
from tests.simulation.tampering import frames_in
from tests.simulation.virtual_loop import Stuck, VirtualLoop
from tests.simulation.world import World

STEPS = 14
_REMEMBERED = 400
_BOOKED = (b"61", b"11", b"59")
"""Messages that the ledger keeps: rows, fills, commissions."""
_LONGEST_BUFFER = 0xFFFFFF + 65536
_DEEDS = (
    *(market.trade, market.trade, market.trade, market.burst, market.correct, market.push_again),
    *(market.move_prices, actions.sync, actions.sync, actions.dry_run, actions.reconnect),
    *(actions.wait_a_moment, actions.wait_a_moment, actions.wait_minutes, trouble.network_torn),
)
_REPLAYED_DEEDS = (
    *(push_recorded, push_recorded, actions.sync, actions.sync, actions.dry_run),
    *(actions.reconnect, actions.wait_a_moment, actions.wait_minutes, trouble.network_torn),
)
_NUMBER = re.compile(r" *[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,9})? *", re.ASCII)

Row = tuple[str, int, str, str]


class Nonsense:
    """What stands in the wire between the gateway and the program."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.chance = 0.0
        self.done: Counter[str] = Counter()
        self._past: list[bytes] = []

    def __call__(self, data: bytes) -> bytes:
        frames = frames_in(data)
        if frames is None:
            return data
        said = b"".join(self._spoilt(frame) for frame in frames)
        self._past = (self._past + frames)[-_REMEMBERED:]
        return said

    def _spoilt(self, frame: bytes) -> bytes:
        rng = self.rng
        chance = self.chance * (4 if frame[4:].split(b"\0", 1)[0] in _BOOKED else 1)
        if rng.random() >= chance:
            return frame
        how = rng.choice(
            (
                "fields",
                "fields",
                "fields",
                "bytes",
                "raw",
                "length",
                "lost",
                "double",
                "past",
                "flood",
            )
        )
        self.done[how] += 1
        body = frame[4:]
        fields = body.split(b"\0")[:-1]
        match how:
            case "fields":
                others = [past[4:].split(b"\0")[:-1] for past in self._past]
                return _framed(spoil_fields(fields, rng, others))
            case "bytes":
                return _framed(spoil_bytes(body, rng, self._past))
            case "raw":
                # The stream itself is torn: what follows is read at the wrong place.
                return spoil_bytes(frame, rng, self._past)
            case "length":
                return rng.choice(LENGTHS).to_bytes(4, "big") + body
            case "lost":
                return b""
            case "double":
                return frame + frame
            case "past" if self._past:
                return rng.choice(self._past)
            case _:
                return b"".join(_framed(spoil_bytes(body, rng)) for _ in range(50)) + frame


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


class Heard:
    """What reached the program in readable messages, read independently of it."""

    def __init__(self) -> None:
        self.rows: set[Row] = set()
        self.fills: set[tuple[str, str, int, str, str, str]] = set()
        self.reports: set[tuple[str, str]] = set()
        self._rest = b""

    def begin(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> None:
        self._rest += data
        at = 0
        while len(self._rest) - at >= 4:
            length = int.from_bytes(self._rest[at : at + 4], "big")
            if len(self._rest) - at < 4 + length:
                break
            body = self._rest[at + 4 : at + 4 + length]
            at += 4 + length
            self._message(body.decode(errors="backslashreplace").split("\0")[:-1])
        self._rest = self._rest[at:]

    def _message(self, fields: list[str]) -> None:
        # Ids as the program's dispatch reads them.
        match fields:
            case ["61", *_] if (
                len(fields) == 16 and _is_sound(fields[14]) and _is_sound(fields[15])
            ):
                if (con_id := _con_id(fields[3])) is not None:
                    self.rows.add((fields[2], con_id, fields[14], fields[15]))
            case ["11", *_] if (
                len(fields) >= 31 and _is_sound(fields[19]) and _is_sound(fields[20])
            ):
                if (con_id := _con_id(fields[3])) is not None and Decimal(fields[19]) > 0:
                    told = (fields[18], fields[19], fields[20])
                    self.fills.add((fields[16], fields[14], con_id, *told))
            case ["59", *_] if len(fields) >= 8 and fields[4].strip() and _is_sound(fields[3]):
                self.reports.add((fields[2], fields[3]))


def _is_sound(text: str) -> bool:
    if not _NUMBER.fullmatch(text):
        return False
    number = Decimal(text.strip())
    return number.is_finite() and number.copy_abs() <= 10**15


def _con_id(text: str) -> int | None:
    """A contract's id; blank and zero, also a negative one, name no contract."""
    if not text:
        return 0
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII) or not 0 <= int(text) < 2**31 - 1:
        return None
    return int(text)


def run_seed(seed: int, recordings: Sequence[Recording] = ()) -> Report:
    """One session after the other, in nonsense. What goes wrong is in the report.

    With `recordings`, it is what one of those said that is spoilt, not what the desk says.
    """
    report = Report(seed)
    loop = VirtualLoop(seed)
    with tempfile.TemporaryDirectory(prefix="possync-fuzz-") as folder:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(run_world(seed, Path(folder), loop, report, recordings))
        except (InvariantBroken, Stuck, TimeoutError) as broken:
            report.failure = f"{type(broken).__name__}: {broken}"
    return report


async def run_world(
    seed: int, folder: Path, loop: VirtualLoop, report: Report, recordings: Sequence[Recording]
) -> None:
    if recordings:
        told = Random(f"recording {seed}").choice(recordings)
        world: World = ReplayedWorld(seed, folder, loop, told)
    else:
        world = World(seed, folder, loop)
    nonsense, heard = Nonsense(Random(f"nonsense {seed}")), Heard()
    loop.network.toward_client = nonsense
    loop.network.on_client_bytes = heard.feed
    loop.network.on_client_connected = heard.begin
    with without_threads(lambda: world.machine):
        await world.open()
        try:
            await _talk_nonsense(world, nonsense, report)
            await _come_to_sense(world, nonsense)
            await _judge(world, heard)
            await world.stop()
        finally:
            report.deeds += nonsense.done
            await world.close()


async def _talk_nonsense(world: World, nonsense: Nonsense, report: Report) -> None:
    rng = Random(f"deeds {world.seed}")
    deeds = _REPLAYED_DEEDS if isinstance(world, ReplayedWorld) else _DEEDS
    # Some worlds are met with nonsense from the first byte on, some know their positions by then.
    if rng.random() < 0.6:
        await asyncio.sleep(20)
    nonsense.chance = rng.choice((0.003, 0.02, 0.1, 0.4, 1.0))
    for number in range(STEPS):
        deed = rng.choice(deeds)
        try:
            async with asyncio.timeout(86_400):
                said = await deed(world, Random(f"{world.seed} {number}"))
        except DeskError as impossible:
            said = f"- {impossible}"
        report.story.append(f"{deed.__name__}: {said}")
        await asyncio.sleep(rng.choice((0.0, 0.5, 5.0, 65.0)))
        _check(world)


def _check(world: World) -> None:
    seen = world.errors.seen + world.loop.errors
    if seen:
        raise InvariantBroken("unexpected errors:\n" + "\n".join(seen[:5]))
    link = world.running()._broker._link  # type: ignore[attr-defined]
    if link is not None:
        waiting = len(link._wire._data) + len(link._wire._client._data)
        if waiting > _LONGEST_BUFFER:
            raise InvariantBroken(f"{waiting} bytes wait for the end of their message")


async def _come_to_sense(world: World, nonsense: Nonsense) -> None:
    """From here on the broker is in its right mind: a session and a good sync have to follow."""
    nonsense.chance = 0.0
    world.loop.network.is_torn = world.loop.network.is_down = False
    world.loop.network.latency = 0.0005
    world.loop.network.cut()
    why: object = None
    for _ in range(20):
        await asyncio.sleep(70)
        try:
            await world.running().connected(60)
            result = await world.running().sync_now()
        except LedgerForeign:
            # The first login of all was garbled: whose the ledger is was told wrong, and is kept.
            return
        except (BrokerError, LedgerError) as error:
            if "use another ledger file" in str(error):
                return
            why = error
            world.running().reconnect_now()
            continue
        if result.ok:
            if isinstance(world, ReplayedWorld):
                await world.check_told()
            return
        why = result.error
    raise InvariantBroken(f"no good sync, though the broker talks sense again: {why}")


async def _judge(world: World, heard: Heard) -> None:
    _check(world)
    report = await world.running().reads.verify()
    if report.problems:
        raise InvariantBroken("verify:\n" + "\n".join(report.problems[:5]))
    for kind, payload in _inbox(world.ledger_path):
        match decode(kind, payload):
            case RowPushed(row=row) | Anchor(row=row):
                if not _was_said(row, heard):
                    raise InvariantBroken(f"no readable message said {row}")
            case Fill() as fill:
                told = (fill.quantity_text, fill.price_text)
                said = (
                    fill.account,
                    fill.exec_id.rstrip("?"),
                    fill.key.con_id,
                    fill.side.value,
                    *told,
                )
                if said not in heard.fills:
                    raise InvariantBroken(f"no readable message said {said}")
            case Commission() as paid:
                if (paid.exec_id, paid.amount_text) not in heard.reports:
                    raise InvariantBroken(f"no readable message said {paid}")
            case CloseDecided(key=key, reason=CloseReason.ZERO_ROW):
                zeros = {row[:2] for row in heard.rows if not Decimal(row[2])}
                if (key.account, key.con_id) not in zeros:
                    raise InvariantBroken(f"{key} was closed, and no readable message said zero")
            case _:
                pass


def _was_said(row: PositionRow, heard: Heard) -> bool:
    return (row.account, row.key.con_id, row.quantity_text, row.average_cost_text) in heard.rows


def _inbox(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute("SELECT kind, payload FROM inbox").fetchall()
