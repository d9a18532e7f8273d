"""What happens in the worlds from `FIRST_WIDER` on beside what happens in all."""

import asyncio
from decimal import Decimal
from random import Random

from possync_tui.demo import DeskError
from possync_tui.demo.delivery import assign
from tests.simulation import bookings
from tests.simulation.world import World

_DAY = 86_400


async def assign_in_part(world: World, rng: Random) -> str:
    """Some of the contracts of an option end by delivery, the others are held on."""
    if not world.has_baseline:
        raise DeskError("nothing was synced yet")
    held = [key for key, units in sorted(world.truth().items()) if key[1] == 2000 and units]
    several = [key for key in held if abs(world.truth()[key]) > 1]
    if not several:
        raise DeskError("no option is held more than once")
    key = account, con_id = rng.choice(several)
    option, at = world.desk.position(*key), world.broker_clock.now()
    assert option is not None
    contracts = Decimal(rng.randint(1, int(abs(option.quantity)) - 1))
    world.happens_unseen(key)
    world.ends.is_delivered((account, 1000), world.loop.time())
    world.realized.ends_in_part(key, at)
    world.realized.untold((account, 1000), at)
    world.booked += bookings.delivered(option, world.desk.instruments[1000], at, contracts)
    assign(world.desk, account, con_id, 1000, contracts=contracts)
    return f"{contracts} of {abs(option.quantity)}, {account}"


async def wait_days(world: World, rng: Random) -> str:
    """The program is off for a week or more: none of its days is told by executions."""
    days = rng.choice((6, 9, 15))
    await world.stop()
    await asyncio.sleep(days * _DAY)
    await world.boot()
    return f"{days} days"
