"""What goes wrong: on the machine, on the wire, and at a broker that misbehaves."""

import asyncio
from random import Random

from possync_tui.demo import HOSTILE_TEXTS, Fault, FaultField, FaultKind
from tests.simulation.market import needs_a_baseline
from tests.simulation.world import World


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
        needs_a_baseline(world)
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
