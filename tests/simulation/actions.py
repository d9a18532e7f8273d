"""What can happen in a simulated world, each by itself and from a random source of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from possync_tui.demo import HOSTILE_TEXTS, DeskError, Fault, FaultField, FaultKind, Side
from possync_tui.ledger.port import LedgerError
from tests.simulation.world import Key, World

Deed = Callable[[World, Random], Awaitable[str]]

_HOUR = 3600.0


@dataclass(frozen=True)
class Action:
    """A deed by name, with the seed that decides its details."""

    name: str
    seed: str


# --- the market ------------------------------------------------------------------------------


def _size(rng: Random, con_id: int) -> Decimal:
    if con_id == 4000:
        return Decimal(rng.randint(1, 30_000)) / 10_000
    return Decimal(rng.choice((1, 2, 5, 10, 33, 100, 250)))


def _trade(world: World, rng: Random, key: Key, **more: object) -> str:
    account, con_id = key
    side = rng.choice((Side.BUY, Side.SELL))
    quantity = _size(rng, con_id)
    held = world.truth().get(key)
    if held and rng.random() < 0.5:
        side = Side.SELL if held > 0 else Side.BUY
        quantity = abs(held) * rng.choice((1, 1, 2)) if rng.random() < 0.6 else quantity
    # A price on a grid that leaves residues.
    price = (world.desk.mark(con_id) * Decimal(rng.randint(97, 103)) / 100).quantize(
        Decimal("0.01")
    )
    fee = Decimal(rng.choice(("1", "0.35", "1.0325", "-0.2", "0")))
    delay = rng.choice((0.0, 0.3, 0.3, 30.0, 700.0))
    execution = world.desk.trade(
        account,
        con_id,
        side,
        quantity,
        max(price, Decimal("0.01")),
        fee,
        client_id=rng.choice((0, 71, 5)),
        commission_delay=delay,
        **more,  # type: ignore[arg-type]
    )
    return f"{execution.side} {quantity} of {con_id} at {price}, {account}"


def _some_key(world: World, rng: Random) -> Key:
    return rng.choice(world.desk.accounts), rng.choice(sorted(world.desk.instruments))


def _held_key(world: World, rng: Random) -> Key:
    keys = sorted(world.truth())
    if not keys:
        raise DeskError("nothing is held")
    return rng.choice(keys)


def _needs_a_baseline(world: World) -> None:
    """What nobody could see before the first look cannot be told apart from what was always so."""
    if not world.has_baseline:
        raise DeskError("nothing was synced yet")


async def trade(world: World, rng: Random) -> str:
    return _trade(world, rng, _some_key(world, rng))


async def reduce(world: World, rng: Random) -> str:
    return _trade(world, rng, _held_key(world, rng))


async def burst(world: World, rng: Random) -> str:
    """Several fills of one position within a moment."""
    key = _some_key(world, rng)
    said = [_trade(world, rng, key) for _ in range(rng.randint(2, 8))]
    return "; ".join(said)


async def trade_without_push(world: World, rng: Random) -> str:
    key = _some_key(world, rng)
    said = _trade(world, rng, key, push=False)
    position = world.desk.position(*key)
    world.note_quantity(key, position.quantity if position else Decimal(0))
    return f"no push: {said}"


async def trade_unseen(world: World, rng: Random) -> str:
    """A fill that no answer holds, until it is revealed."""
    _needs_a_baseline(world)
    key = _some_key(world, rng)
    world.muddy.add(key)
    return "unseen: " + _trade(world, rng, key, with_execution=False)


async def reveal(world: World, rng: Random) -> str:
    hidden = [e.exec_id for e in world.desk.executions if not e.reported]
    if not hidden:
        raise DeskError("nothing is hidden")
    exec_id = rng.choice(hidden)
    world.desk.reveal(exec_id)
    return exec_id


async def trade_without_report(world: World, rng: Random) -> str:
    key = _some_key(world, rng)
    world.muddy.add(key)
    return "no commission report: " + _trade(world, rng, key, with_report=False)


async def correct(world: World, rng: Random) -> str:
    today = world.desk.executions_today()
    if not today:
        raise DeskError("nothing to correct")
    execution = rng.choice(today)
    base = execution.exec_id.rpartition(".")[0]
    latest = [e for e in today if e.exec_id.startswith(base)][-1]
    price = latest.price + Decimal("0.01") * rng.randint(1, 9)
    return world.desk.correct(latest.exec_id, price, commission_delay=0.2).exec_id


async def split(world: World, rng: Random) -> str:
    _needs_a_baseline(world)
    stocks = [c for c, i in world.desk.instruments.items() if i.sec_type == "STK"]
    con_id = rng.choice(sorted(stocks))
    new, old = rng.choice(((2, 1), (3, 1), (3, 2), (1, 10), (1, 4)))
    keys = {(account, con_id) for account in world.desk.accounts}
    world.muddy |= keys
    # One that is closed before anybody looked again cannot be told from a fill that was missed.
    world.excused.update(keys)
    world.desk.split(con_id, new, old)
    return f"{con_id} {new}:{old}"


async def vanish(world: World, rng: Random) -> str:
    """Gone without a word: a transfer, an expiry, a delivery."""
    _needs_a_baseline(world)
    key = _held_key(world, rng)
    world.muddy.add(key)
    # Until somebody looks, fills that come now seem to be of the one that is gone.
    world.excused[key] += 1
    world.desk.vanish(*key)
    world.note_quantity(key, Decimal(0))
    return str(key)


async def assign(world: World, rng: Random) -> str:
    _needs_a_baseline(world)
    held = [key for key in sorted(world.truth()) if key[1] == 2000]
    if not held:
        raise DeskError("no option is held")
    account = rng.choice(held)[0]
    world.muddy |= {(account, 2000), (account, 1000)}
    world.excused[(account, 2000)] += 1
    world.desk.assign(account, 2000, 1000)
    world.note_quantity((account, 2000), Decimal(0))
    return account


async def move_prices(world: World, rng: Random) -> str:
    moved = {
        con_id: instrument.round_price(
            world.desk.mark(con_id) * Decimal(rng.randint(950, 1050)) / 1000
        )
        for con_id, instrument in world.desk.instruments.items()
    }
    world.desk.set_marks(moved)
    return f"{len(moved)} prices"


async def push_again(world: World, rng: Random) -> str:
    key = _held_key(world, rng)
    world.desk.push(*key)
    return str(key)


# --- the user --------------------------------------------------------------------------------


async def sync(world: World, rng: Random) -> str:
    engine = world.running()
    asking = asyncio.create_task(engine.sync_now())
    if rng.random() < 0.7:
        await asyncio.wait([asking], timeout=120)
    return "sync"


async def arm(world: World, rng: Random) -> str:
    armed = rng.random() < 0.5
    world.running().arm(armed)
    return "armed" if armed else "disarmed"


async def decide(world: World, rng: Random) -> str:
    engine = world.running()
    holds = await engine.reads.holds()
    if not holds:
        raise DeskError("nothing is held for review")
    hold, accept = rng.choice(holds), rng.random() < 0.5
    if accept:
        world.excuse(hold)
    try:
        await engine.decide(hold.id, accept=accept, note="simulated")
    except LedgerError as error:
        return f"refused: {error}"
    return f"{hold.kind} {'accepted' if accept else 'kept'}"


async def dry_run(world: World, rng: Random) -> str:
    engine = world.running()
    asking = asyncio.create_task(engine.dry_run())
    done, _ = await asyncio.wait([asking], timeout=60)
    if done and asking.exception() is None and asking.result().changes == ():
        return "no change"
    return "dry run"


async def reconnect(world: World, rng: Random) -> str:
    world.running().reconnect_now()
    return "reconnect"


async def restart(world: World, rng: Random) -> str:
    await world.stop()
    await asyncio.sleep(rng.choice((0.0, 5.0, 700.0)))
    await world.boot()
    return "restarted"


# --- the machine -----------------------------------------------------------------------------


async def kill(world: World, rng: Random) -> str:
    """Killed, at a random moment or in the middle of what SQLite does next, and started again."""
    world.running()
    where = "between"
    if rng.random() < 0.5:
        where = "inside SQLite"
        world.machine.fail_soon(world.kill)
        asyncio.create_task(world.running().sync_now())  # noqa: RUF006 - it dies with the program
        for _ in range(60):
            await asyncio.sleep(0.5)
            if world.machine.is_dead:
                break
    if not world.machine.is_dead:
        where = "between"
        world.kill()
    await world.bury()
    await asyncio.sleep(rng.choice((0.0, 60.0)))
    await world.boot()
    return where


async def disk_error(world: World, rng: Random) -> str:
    world.machine.fail_soon()
    return "at some instruction"


async def disk_full(world: World, rng: Random) -> str:
    world.machine.fill_up()
    return "full"


async def disk_locked(world: World, rng: Random) -> str:
    world.machine.lock(world.ledger_path)
    return "locked"


async def disk_slow(world: World, rng: Random) -> str:
    world.machine.slowness = rng.choice((0.05, 1.0, 6.0))
    return f"{world.machine.slowness} s"


async def disk_mended(world: World, rng: Random) -> str:
    world.machine.mend()
    return "mended"


async def clock_step(world: World, rng: Random) -> str:
    seconds = rng.choice((-3600.0, -60.0, -2.0, 0.5, 30.0, 3600.0, 6 * 3600.0))
    world.clock.step(seconds)
    return f"{seconds:+g} s"


# --- the wire --------------------------------------------------------------------------------


async def cut(world: World, rng: Random) -> str:
    world.loop.network.cut(after=rng.choice((0.0, 0.001, 0.003, 0.01)))
    asyncio.create_task(world.running().sync_now())  # noqa: RUF006 - cut in the middle of it
    return "cut"


async def network_down(world: World, rng: Random) -> str:
    world.loop.network.is_down = True
    world.loop.network.cut()
    return "down"


async def network_up(world: World, rng: Random) -> str:
    world.loop.network.is_down = False
    return "up"


async def network_torn(world: World, rng: Random) -> str:
    world.loop.network.is_torn = rng.random() < 0.5
    world.loop.network.latency = rng.choice((0.0005, 0.05, 2.0))
    return f"torn {world.loop.network.is_torn}, latency {world.loop.network.latency}"


async def scramble(world: World, rng: Random) -> str:
    """Messages that are not part of a snapshot come twice, late, in another order, or never."""
    world.scramble(rng.choice(("double", "swap", "lose", "")))
    return world.scrambling or "straight"


_VALUES = ("unset", "nan", "inf", "-inf", "absurd", "blank")
_NOTICES = (1100, 1101, 1102, 2110, 2103, 2104, 504, 321, 10000)


def _fault(rng: Random, kind: FaultKind) -> Fault:
    once, after = rng.random() < 0.6, rng.randint(0, 4)
    con_id = rng.choice((None, None, 1000))
    match kind:
        case FaultKind.VALUE:
            fields = [
                f for f in FaultField if f not in (FaultField.SYMBOL, FaultField.LOCAL_SYMBOL)
            ]
            return Fault(
                kind, once=once, value=rng.choice(_VALUES), field=rng.choice(fields), con_id=con_id
            )
        case FaultKind.HOSTILE_TEXT:
            return Fault(kind, once=once, text=rng.choice(HOSTILE_TEXTS), con_id=con_id)
        case FaultKind.NOTICE:
            return Fault(kind, once=once, after=after, code=rng.choice(_NOTICES), text="lost")
        case FaultKind.EXECUTIONS_ERROR:
            return Fault(kind, once=once, code=rng.choice((321, 504)), text="refused")
        case FaultKind.SERVER_VERSION:
            return Fault(kind, once=True, code=rng.choice((99, 120, 178)))
        case FaultKind.DELAY | FaultKind.SLOW_WRITES:
            return Fault(kind, once=once, seconds=rng.choice((0.01, 1.0)))
        case FaultKind.ACCOUNTS:
            return Fault(kind, once=True, text="DU1000001,DU1000009")
        case FaultKind.PUSH_MID_SNAPSHOT:
            # The broker itself does not lie here: the row says again what is true.
            return Fault(FaultKind.DUPLICATE_ROWS, once=once)
        case _:
            return Fault(kind, once=once, after=after, con_id=con_id)


async def fault(world: World, rng: Random) -> str:
    kind = rng.choice(list(FaultKind))
    made = _fault(rng, kind)
    if made.kind in (FaultKind.OMIT_ROW, FaultKind.EMPTY, FaultKind.ACCOUNTS):
        # At the first look of all there is nothing to hold an omission against; and a broker that
        # says twice that a position is gone is believed where the user armed that.
        _needs_a_baseline(world)
        world.is_lying = True
    if made.field in (FaultField.EXEC_QUANTITY, FaultField.EXEC_PRICE):
        world.spoils_fills = True
    if made.kind is FaultKind.NO_COMMISSION or made.field is FaultField.COMMISSION:
        world.spoils_commissions = True
    if made.kind in (FaultKind.EXECUTIONS_ERROR, FaultKind.EXECUTIONS_NEVER_END):
        # A look without fills is a look of estimates.
        world.spoils_commissions = True
    world.gateway.inject(made)
    return f"{made.kind} {made.field or ''} {made.value} {'once' if made.once else ''}".strip()


async def clear_faults(world: World, rng: Random) -> str:
    world.gateway.clear_faults()
    return "cleared"


async def notice(world: World, rng: Random) -> str:
    code = rng.choice(_NOTICES)
    world.gateway.notice(code, "as it happens")
    return str(code)


# --- time ------------------------------------------------------------------------------------


async def wait_a_moment(world: World, rng: Random) -> str:
    seconds = rng.choice((0.01, 0.3, 1.2, 7.0))
    await asyncio.sleep(seconds)
    return f"{seconds} s"


async def wait_minutes(world: World, rng: Random) -> str:
    seconds = rng.choice((61.0, 310.0, 900.0))
    await asyncio.sleep(seconds)
    return f"{seconds} s"


async def wait_for_tomorrow(world: World, rng: Random) -> str:
    """Past midnight in New York; the program is off meanwhile, or TWS is, or neither."""
    how = rng.choice(("off", "down"))
    if how == "off":
        await world.stop()
    else:
        world.loop.network.is_down = True
        world.loop.network.cut()
    await asyncio.sleep(_HOUR * (rng.choice((8, 26, 72)) if how == "off" else 4))
    world.loop.network.is_down = False
    if how == "off":
        await world.boot()
    return how


DEEDS: dict[Deed, int] = {
    trade: 14,
    reduce: 10,
    burst: 3,
    trade_without_push: 3,
    trade_unseen: 1,
    reveal: 1,
    trade_without_report: 1,
    correct: 3,
    split: 1,
    vanish: 1,
    assign: 1,
    move_prices: 2,
    push_again: 2,
    sync: 10,
    arm: 2,
    decide: 4,
    dry_run: 2,
    reconnect: 1,
    restart: 2,
    kill: 3,
    disk_error: 3,
    disk_full: 1,
    disk_locked: 1,
    disk_slow: 1,
    disk_mended: 3,
    clock_step: 1,
    cut: 2,
    network_down: 1,
    network_up: 2,
    network_torn: 2,
    scramble: 2,
    fault: 6,
    clear_faults: 4,
    notice: 2,
    wait_a_moment: 8,
    wait_minutes: 6,
    wait_for_tomorrow: 1,
}
BY_NAME = {deed.__name__: deed for deed in DEEDS}


def schedule(seed: int, length: int) -> list[Action]:
    """What happens in a world, in order."""
    rng = Random(f"schedule {seed}")
    names = [deed.__name__ for deed in DEEDS]
    weights = list(DEEDS.values())
    return [
        Action(name, f"{seed} {number} {name}")
        for number, name in enumerate(rng.choices(names, weights, k=length))
    ]
