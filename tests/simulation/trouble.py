"""What goes wrong: on the machine, on the wire, and at a broker that misbehaves."""

import asyncio
from random import Random

from possync_tui.demo import HOSTILE_TEXTS, Fault, FaultField, FaultKind
from tests.simulation.invariants import check_what_is_left
from tests.simulation.market import needs_a_baseline
from tests.simulation.tampering import WAYS
from tests.simulation.world import ZONES, World

# In the midst of a sync: connecting and asking takes milliseconds, waiting for a fill seconds.
_MOMENTS = (0.0002, 0.001, 0.002, 0.004, 0.008, 0.02, 0.5, 4.0, 5.01)


def _begin_a_sync(world: World) -> None:
    """What comes now comes in the middle of it; it may die with the program."""
    asyncio.create_task(world.running().sync_now())  # noqa: RUF006 - see above


async def kill(world: World, rng: Random) -> str:
    """Killed, at a random moment or in the middle of what SQLite does next, and started again."""
    where = rng.choice(("between", "inside SQLite", "in a sync"))
    if where != "between":
        if where == "inside SQLite":
            world.machine.fail_soon(world.kill)
        _begin_a_sync(world)
        for _ in range(60):
            await asyncio.sleep(0.5 if where == "inside SQLite" else rng.choice(_MOMENTS))
            if world.machine.is_dead or where == "in a sync":
                break
    if not world.machine.is_dead:
        world.kill()
    await world.bury()
    await check_what_is_left(world)
    await asyncio.sleep(rng.choice((0.0, 60.0)))
    await world.boot()
    return where


async def disk_error(world: World, rng: Random) -> str:
    world.machine.fail_soon()
    return "at some instruction"


async def disk_full(world: World, rng: Random) -> str:
    world.machine.fill_up()
    return "full"


async def disk_broken(world: World, rng: Random) -> str:
    world.machine.break_writes(world.ledger_path)
    return "no writes"


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


async def travel(world: World, rng: Random) -> str:
    """The machine is somewhere else, and TWS with it, which says its times in the zone there.

    On the way nothing is under way: who travels with bytes on the wire reads them in another zone.
    """
    world.loop.network.cut()
    await asyncio.sleep(10)
    world.move_to(rng.choice(ZONES))
    return world.zone


# --- the wire --------------------------------------------------------------------------------


async def cut(world: World, rng: Random) -> str:
    world.loop.network.cut(after=rng.choice((0.0, 0.001, 0.003, 0.01)))
    _begin_a_sync(world)
    return "cut"


async def cut_at_byte(world: World, rng: Random) -> str:
    """The connection breaks in the middle of a message, which may be the start of a session."""
    count = rng.choice((1, 3, 5, 40, 200, 700, 2500))
    world.tampering.cut_after(count + rng.randint(0, 30), world.loop.network.cut)
    _begin_a_sync(world)
    return f"after {count} bytes or more"


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
    """Messages come twice, late, in another order, or never."""
    world.tampering.way = rng.choice(WAYS)
    return world.tampering.way or "straight"


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
        case _:
            # A row that is pushed says again what is true: the broker itself does not lie here.
            return Fault(kind, once=once, after=after, con_id=con_id)


# What shows at the next login only.
_OF_LOGINS = (
    *(FaultKind.SERVER_VERSION, FaultKind.ACCOUNTS, FaultKind.REFUSE),
    FaultKind.CLOSE_ON_ACCEPT,
)


async def fault(world: World, rng: Random) -> str:
    kinds = list(FaultKind)
    kind = kinds[world.seed % len(kinds)] if rng.random() < 0.4 else rng.choice(kinds)
    made = _fault(rng, kind)
    if made.kind in (FaultKind.OMIT_ROW, FaultKind.EMPTY, FaultKind.ACCOUNTS):
        # At the first look of all there is nothing to hold an omission against; and a broker that
        # says twice that a position is gone is believed where the user armed that.
        needs_a_baseline(world)
        world.is_lying = True
    if made.field in (FaultField.EXEC_QUANTITY, FaultField.EXEC_PRICE):
        world.spoils_fills = True
    if made.kind is FaultKind.NO_COMMISSION or made.field is FaultField.COMMISSION:
        world.spoils_commissions = True
    if made.kind in (FaultKind.EXECUTIONS_ERROR, FaultKind.EXECUTIONS_NEVER_END):
        # A look without fills is a look of estimates.
        world.spoils_commissions = True
    if rng.random() < 0.3 and world.engine is not None:
        _begin_a_sync(world)
        await asyncio.sleep(rng.choice(_MOMENTS))
    world.gateway.inject(made)
    if made.kind in _OF_LOGINS:
        world.loop.network.cut()
    return f"{made.kind} {made.field or ''} {made.value} {'once' if made.once else ''}".strip()


async def clear_faults(world: World, rng: Random) -> str:
    world.gateway.clear_faults()
    return "cleared"


async def notice(world: World, rng: Random) -> str:
    code = rng.choice(_NOTICES)
    world.gateway.notice(code, "as it happens")
    return str(code)
