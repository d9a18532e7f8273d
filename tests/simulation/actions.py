"""What can happen in a simulated world, each by itself and from a random source of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from possync_tui.demo import DeskError
from possync_tui.ledger.port import LedgerError
from tests.simulation import market, statements, trouble, wider
from tests.simulation.contracts import is_wider
from tests.simulation.world import World

Deed = Callable[[World, Random], Awaitable[str]]

_HOUR = 3600.0


@dataclass(frozen=True)
class Action:
    """A deed by name, with the seed that decides its details."""

    name: str
    seed: str


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
    how = rng.choice(("", "", "price", "transfer")) if accept else ""
    price = Decimal(rng.randint(1, 900)) if how == "price" else None
    if accept:
        world.accept(hold.id)
    try:
        await engine.decide(
            hold.id, accept=accept, note="simulated", price=price, is_transfer=how == "transfer"
        )
    except LedgerError as error:
        return f"refused: {error}"
    return f"{hold.kind} {'accepted' if accept else 'kept'} {how}".rstrip()


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


async def pause(world: World, rng: Random) -> str:
    """Until the user says otherwise: a while later, here."""
    engine = world.running()
    if not engine.pause_reconnecting():
        raise DeskError("nothing is being reconnected")
    await asyncio.sleep(rng.choice((5.0, 400.0)))
    engine.reconnect_now()
    return "paused"


async def restart(world: World, rng: Random) -> str:
    await world.stop()
    await asyncio.sleep(rng.choice((0.0, 5.0, 700.0)))
    await world.boot()
    return "restarted"


# --- time ------------------------------------------------------------------------------------


async def wait_a_moment(world: World, rng: Random) -> str:
    seconds = rng.choice((0.01, 0.3, 1.2, 7.0))
    await asyncio.sleep(seconds)
    return f"{seconds} s"


async def wait_minutes(world: World, rng: Random) -> str:
    seconds = rng.choice((61.0, 310.0, 900.0))
    await asyncio.sleep(seconds)
    return f"{seconds} s"


async def wait_hours(world: World, rng: Random) -> str:
    hours = rng.choice((0.5, 1.0, 3.0))
    await asyncio.sleep(_HOUR * hours)
    return f"{hours:g} h"


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
    market.trade: 14,
    market.reduce: 10,
    market.burst: 3,
    market.trade_without_push: 3,
    market.trade_unseen: 1,
    market.reveal: 1,
    market.trade_without_report: 1,
    market.correct: 3,
    market.correct_size: 2,
    market.convert: 1,
    market.split: 1,
    market.vanish: 1,
    market.assign: 1,
    market.transfer: 1,
    market.expire: 1,
    market.move_prices: 2,
    market.push_again: 2,
    sync: 10,
    arm: 2,
    decide: 4,
    dry_run: 2,
    reconnect: 1,
    pause: 1,
    restart: 2,
    statements.import_statement: 1,
    trouble.kill: 3,
    trouble.disk_error: 3,
    trouble.disk_full: 1,
    trouble.disk_broken: 1,
    trouble.disk_locked: 1,
    trouble.disk_slow: 1,
    trouble.disk_mended: 3,
    trouble.clock_step: 1,
    trouble.travel: 1,
    trouble.cut: 2,
    trouble.cut_at_byte: 2,
    trouble.network_down: 1,
    trouble.network_up: 2,
    trouble.network_torn: 2,
    trouble.scramble: 2,
    trouble.fault: 6,
    trouble.clear_faults: 4,
    trouble.notice: 2,
    wait_a_moment: 8,
    wait_minutes: 6,
    wait_hours: 1,
    wait_for_tomorrow: 1,
}
WIDER_DEEDS: dict[Deed, int] = {wider.assign_in_part: 2, wider.wait_days: 1}
BY_NAME = {deed.__name__: deed for deed in (*DEEDS, *WIDER_DEEDS)}
# A real process cannot be killed inside its own test (`crashes` does that), a real disk not be
# broken for one program alone, and hours are hours, however hurried.
_IN_MEMORY = (
    *(trouble.kill, trouble.disk_error, trouble.disk_full, trouble.disk_slow, trouble.disk_broken),
    *(trouble.network_torn, wait_hours, wait_for_tomorrow, wait_minutes, market.expire),
    wider.wait_days,
)
FOR_REAL = frozenset(BY_NAME) - {deed.__name__ for deed in _IN_MEMORY}


def schedule(seed: int, length: int) -> list[Action]:
    """What happens in a world, in order. Each world has something that it does often."""
    rng = Random(f"schedule {seed}")
    deeds = {**DEEDS, **WIDER_DEEDS} if is_wider(seed) else DEEDS
    names = [deed.__name__ for deed in deeds]
    weights = list(deeds.values())
    # Waiting is what costs most: a periodic sync every five minutes.
    weights[seed % names.index("wait_a_moment")] += 6
    return [
        Action(name, f"{seed} {number} {name}")
        for number, name in enumerate(rng.choices(names, weights, k=length))
    ]
