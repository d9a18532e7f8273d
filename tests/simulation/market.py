"""What happens at the broker's: fills seen and unseen, corrections, splits, ends without a word."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from possync_tui.demo import DeskError, Side
from possync_tui.demo.conversion import Conversion
from possync_tui.demo.conversion import convert as desk_converts
from possync_tui.demo.delivery import assign as desk_delivers
from possync_tui.demo.records import Position
from possync_tui.demo.wire import DESK_ZONE
from tests.simulation import bookings
from tests.simulation.bookings import What
from tests.simulation.ends import Key
from tests.simulation.world import World


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
    world.fees[execution.exec_id.rpartition(".")[0]] = fee
    return f"{execution.side} {quantity} of {con_id} at {price}, {account}"


def _some_key(world: World, rng: Random) -> Key:
    trading = [c for c in sorted(world.desk.instruments) if not _has_expired(world, c)]
    return rng.choice(world.desk.accounts), rng.choice(trading)


def _has_expired(world: World, con_id: int) -> bool:
    today = world.broker_clock.now().astimezone(ZoneInfo(DESK_ZONE))
    return "" < world.desk.instruments[con_id].expiry < f"{today:%Y%m%d}"


def _held(world: World, key: Key) -> Position:
    held = world.desk.position(*key)
    assert held is not None
    return held


def _held_key(world: World, rng: Random) -> Key:
    keys = sorted(world.truth())
    if not keys:
        raise DeskError("nothing is held")
    return rng.choice(keys)


def needs_a_baseline(world: World) -> None:
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
    return f"no push: {said}"


async def trade_unseen(world: World, rng: Random) -> str:
    """A fill that no answer holds, until it is revealed."""
    needs_a_baseline(world)
    key = _some_key(world, rng)
    world.realized.untold(key, world.broker_clock.now(), is_fill=True)
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
    world.realized.untold(key, world.broker_clock.now(), is_fill=True)
    return "no commission report: " + _trade(world, rng, key, with_report=False)


async def correct(world: World, rng: Random) -> str:
    today = world.desk.executions_today()
    if not today:
        raise DeskError("nothing to correct")
    execution = rng.choice(today)
    base = execution.exec_id.rpartition(".")[0]
    latest = [e for e in today if e.exec_id.startswith(base)][-1]
    price = latest.price + Decimal("0.01") * rng.randint(1, 9)
    corrected = world.desk.correct(latest.exec_id, price, commission_delay=0.2)
    world.realized.corrected(corrected)
    return corrected.exec_id


async def correct_size(world: World, rng: Random) -> str:
    today = world.desk.executions_today()
    if not today:
        raise DeskError("nothing to correct")
    execution = rng.choice(today)
    base = execution.exec_id.rpartition(".")[0]
    latest = [e for e in today if e.exec_id.startswith(base)][-1]
    size = latest.quantity + rng.choice((-1, 1, 5))
    if size <= 0:
        raise DeskError("nothing would be left of it")
    more = (size - latest.quantity) * latest.side.sign
    _correct_bookings(world, (latest.account, latest.con_id), latest.time, more)
    corrected = world.desk.correct(
        latest.exec_id, latest.price, quantity=size, commission_delay=0.2
    )
    world.realized.corrected(corrected)
    if not world.has_baseline:
        # Whether the first snapshot had counted it nobody says: a statement that makes another
        # quantity than was shown then is told to be short, and not booked.
        world.realized.is_never_known((corrected.account, corrected.con_id))
    return f"{base} to {size}"


def _correct_bookings(world: World, key: Key, since: datetime, more: Decimal) -> None:
    """The statement tells of what came after a corrected fill as the corrected size makes it.

    Not what was transferred: the broker moves nothing afterwards. That more of an option would have
    been delivered, or more of a share become another, is left out: nobody corrects that late.
    """
    after = [n for n, item in enumerate(world.booked) if item.key == key and item.at >= since]
    if any(world.booked[n].what in (What.DELIVERY, What.CONVERSION) for n in after):
        raise DeskError("its units have become others")
    for n in after:
        item = world.booked[n]
        if item.what is What.TRANSFER:
            return
        world.booked[n] = item.corrected(more)
        if not item.quantity:
            world.realized.untold(key, item.at)
        more = more * item.ratio if item.what is What.SPLIT else Decimal(0)


async def convert(world: World, rng: Random) -> str:
    """A merger or a new symbol: the holding goes on as another contract."""
    needs_a_baseline(world)
    held = [key for key in sorted(world.truth()) if key[1] < 2000 or key[1] > 9000]
    if not held:
        raise DeskError("no share is held")
    account, con_id = rng.choice(held)
    to_con_id = 9001 + len(world.desk.instruments)
    new, old = rng.choice(((1, 1), (1, 2), (3, 1)))
    zero_row = rng.random() < 0.5
    gone = _held(world, (account, con_id))
    world.happens_unseen((account, to_con_id))
    world.ends.vanishes((account, con_id), world.loop.time())
    world.realized.is_never_known((account, con_id), (account, to_con_id))
    conversion = Conversion(con_id, to_con_id, f"N{to_con_id}", Decimal(new), Decimal(old))
    desk_converts(world.desk, account, conversion, zero_row=zero_row)
    world.ends.moved((account, con_id))
    came = _held(world, (account, to_con_id))
    words = f"MERGED(Acquisition) {new} FOR {old}"
    at = world.broker_clock.now()
    world.booked += bookings.converted(gone, came.instrument, came.quantity, words, at)
    return f"{con_id} into {to_con_id}, {new} for {old}, {account}"


async def split(world: World, rng: Random) -> str:
    needs_a_baseline(world)
    stocks = [c for c, i in world.desk.instruments.items() if i.sec_type == "STK"]
    con_id = rng.choice(sorted(stocks))
    new, old = rng.choice(((2, 1), (3, 1), (3, 2), (1, 10), (1, 4)))
    if bookings.is_split(world.booked, con_id, new, old, world.broker_clock.now()):
        raise DeskError("nothing is split twice a day by the same ratio")
    world.happens_unseen(*((account, con_id) for account in world.desk.accounts))
    at = world.broker_clock.now()
    held = [row for row in world.desk.positions(flat=True) if row.con_id == con_id]
    world.booked += [bookings.split(row, new, old, at) for row in held]
    for row in held:
        if row.quantity:
            world.realized.untold((row.account, con_id), at)
    world.desk.split(con_id, new, old)
    return f"{con_id} {new}:{old}"


async def vanish(world: World, rng: Random) -> str:
    """Gone without a word: a transfer, an expiry, a delivery."""
    needs_a_baseline(world)
    key, at = _held_key(world, rng), world.broker_clock.now()
    world.booked.append(bookings.moved_out(_held(world, key), at))
    world.realized.ends(key, at)
    world.vanish(key)
    return str(key)


async def assign(world: World, rng: Random) -> str:
    needs_a_baseline(world)
    held = [key for key in sorted(world.truth()) if key[1] == 2000]
    if not held:
        raise DeskError("no option is held")
    account = rng.choice(held)[0]
    world.ends.is_delivered((account, 1000), world.loop.time())
    world.ends.vanishes((account, 2000), world.loop.time())
    option, at = _held(world, (account, 2000)), world.broker_clock.now()
    world.realized.ends((account, 2000), at)
    world.realized.untold((account, 1000), at)
    world.booked += bookings.delivered(option, world.desk.instruments[1000], at)
    desk_delivers(world.desk, account, 2000, 1000)
    world.ends.moved((account, 2000))
    return account


async def transfer(world: World, rng: Random) -> str:
    """To another account of the same login: gone here, there at its cost, no fill in either."""
    needs_a_baseline(world)
    key = _held_key(world, rng)
    free = [
        code
        for code in world.desk.accounts
        if code != key[0] and world.desk.position(code, key[1]) is None
    ]
    if not free:
        raise DeskError("no account is free to take it")
    account, con_id = rng.choice(free), key[1]
    held, at = _held(world, key), world.broker_clock.now()
    world.booked += [bookings.moved_out(held, at, account), bookings.moved_in(held, account, at)]
    world.realized.ends(key, at)
    world.realized.is_never_known((account, con_id))
    world.vanish(key, zero_row=rng.random() < 0.5)
    world.happens_unseen((account, con_id))
    world.desk.add_position(account, held.instrument, held.quantity, held.average_cost, held.price)
    world.desk.push(account, con_id)
    return f"{held.quantity} of {con_id} from {key[0]} to {account}"


async def expire(world: World, rng: Random) -> str:
    """What has expired is gone the day after, all of it, without a word; the program was off."""
    world.running()
    today = world.broker_clock.now().astimezone(ZoneInfo(DESK_ZONE))
    soon = f"{today + timedelta(days=2):%Y%m%d}"
    held = {world.desk.instruments[con_id].expiry for _, con_id in world.truth()}
    last = min((day for day in held if "" < day <= soon), default="")
    if not last:
        raise DeskError("nothing that is held expires soon")
    if last >= f"{today:%Y%m%d}":
        over = datetime.strptime(last, "%Y%m%d").replace(tzinfo=today.tzinfo)
        await world.stop()
        await asyncio.sleep((over + timedelta(days=1, hours=2) - today).total_seconds())
        await world.boot()
    gone = [key for key in sorted(world.truth()) if _has_expired(world, key[1])]
    for key in gone:
        row, at = _held(world, key), world.broker_clock.now()
        world.booked.append(bookings.expired(row, at))
        is_future = row.instrument.sec_type == "FUT"
        world.realized.ends(key, at, row.price if is_future else Decimal(0))
        world.vanish(key, is_over=True)
    return f"{len(gone)} positions"


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
