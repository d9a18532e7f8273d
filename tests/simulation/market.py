"""What happens at the broker's: fills seen and unseen, corrections, splits, ends without a word."""

from decimal import Decimal
from random import Random

from possync_tui.demo import DeskError, Side
from possync_tui.demo.conversion import Conversion
from possync_tui.demo.conversion import convert as desk_converts
from tests.simulation.world import Key, World


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
    position = world.desk.position(*key)
    world.note_quantity(key, position.quantity if position else Decimal(0))
    return f"no push: {said}"


async def trade_unseen(world: World, rng: Random) -> str:
    """A fill that no answer holds, until it is revealed."""
    needs_a_baseline(world)
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
    # Seen in hindsight, the position may have been flat at other moments than it then was.
    world.excused[(latest.account, latest.con_id)] += 2
    world.desk.correct(latest.exec_id, latest.price, quantity=size, commission_delay=0.2)
    return f"{base} to {size}"


async def convert(world: World, rng: Random) -> str:
    """A merger or a new symbol: the holding goes on as another contract."""
    needs_a_baseline(world)
    held = [key for key in sorted(world.truth()) if key[1] < 2000 or key[1] > 9000]
    if not held:
        raise DeskError("no share is held")
    account, con_id = rng.choice(held)
    to_con_id = 9001 + len(world.desk.instruments)
    new, old = rng.choice(((1, 1), (1, 2), (3, 1)))
    for key in ((account, con_id), (account, to_con_id)):
        world.muddy.add(key)
        world.excused[key] += 1
    conversion = Conversion(con_id, to_con_id, f"N{to_con_id}", Decimal(new), Decimal(old))
    desk_converts(world.desk, account, conversion, zero_row=rng.random() < 0.5)
    world.note_quantity((account, con_id), Decimal(0))
    return f"{con_id} into {to_con_id}, {new} for {old}, {account}"


async def split(world: World, rng: Random) -> str:
    needs_a_baseline(world)
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
    needs_a_baseline(world)
    key = _held_key(world, rng)
    world.muddy.add(key)
    # Until somebody looks, fills that come now seem to be of the one that is gone.
    world.excused[key] += 1
    world.desk.vanish(*key)
    world.note_quantity(key, Decimal(0))
    return str(key)


async def assign(world: World, rng: Random) -> str:
    needs_a_baseline(world)
    held = [key for key in sorted(world.truth()) if key[1] == 2000]
    if not held:
        raise DeskError("no option is held")
    account = rng.choice(held)[0]
    world.muddy |= {(account, 2000), (account, 1000)}
    # A delivery that was sold before anybody looked cannot be told from a short.
    world.excused.update([(account, 2000), (account, 1000)])
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
