"""`python -m tests.simulation.load_desk`: a large, busy desk behind a gateway, for the load test.

Its first line of output names the port. Lines of standard input: `go` (prices tick and fills
happen), `halt` (they end), `truth` (answered by one line of JSON), `end`.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from possync_tui.demo import AccountSetup, DemoGateway, Desk, GatewayOptions, Instrument, Side

MASTER = 71
SUBSCRIPTIONS = 400
"""What a session subscribes at most: each tick of the desk is a message for each of them."""

_FIRST_CON_ID = 100_000
_PIECES_A_SECOND = 50


@dataclass(frozen=True)
class Size:
    """How large and how busy."""

    accounts: int = 50
    positions: int = 10_000
    ticks: int = 5_000
    fills: int = 100


def large_desk(size: Size, rng: Random) -> Desk:
    """Positions spread evenly over the accounts, one contract each: long, short, fractional."""
    codes = [f"DU{1_000_001 + number}" for number in range(size.accounts)]
    desk = Desk([AccountSetup(code, {"USD": Decimal(10**9)}) for code in codes])
    for number in range(size.positions):
        con_id = _FIRST_CON_ID + number
        instrument = Instrument(con_id, f"S{number}", "STK", primary_exchange="NASDAQ")
        price = Decimal(rng.randint(500, 50_000)) / 100
        quantity = Decimal(rng.choice(("100", "250", "-70", "12.5", "1000")))
        desk.add_position(codes[number % size.accounts], instrument, quantity, price, price)
    return desk


class Busy:
    """Moves the desk at its pace, catching up where it fell behind, for as long as it may."""

    def __init__(self, desk: Desk, size: Size, rng: Random) -> None:
        self.desk = desk
        self.size = size
        self.rng = rng
        self.is_going = False
        self.ticks = self.fills = 0
        self._keys = [(p.account, p.con_id) for p in desk.positions()]
        self._ticking = self._keys[:SUBSCRIPTIONS]

    async def fill(self) -> None:
        await self._at_pace(self.size.fills, self._one_fill)

    async def tick(self) -> None:
        await self._at_pace(self.size.ticks / SUBSCRIPTIONS, self._one_tick)

    async def _at_pace(self, a_second: float, do: Callable[[], None]) -> None:
        loop, done, since = asyncio.get_running_loop(), 0, 0.0
        while True:
            await asyncio.sleep(1 / _PIECES_A_SECOND)
            if not self.is_going:
                done, since = 0, loop.time()
                continue
            due = int((loop.time() - since) * a_second)
            for _ in range(due - done):
                do()
            done = max(done, due)

    def _one_tick(self) -> None:
        moved = {
            con_id: Decimal(self.rng.randint(500, 50_000)) / 100 for _, con_id in self._ticking
        }
        self.desk.set_marks(moved)
        self.ticks += len(moved)

    def _one_fill(self) -> None:
        rng = self.rng
        account, con_id = rng.choice(self._keys)
        held = self.desk.position(account, con_id)
        side, quantity = rng.choice((Side.BUY, Side.SELL)), Decimal(rng.choice((1, 10, 100)))
        if held is not None and held.quantity and rng.random() < 0.2:
            side = Side.SELL if held.quantity > 0 else Side.BUY
            quantity = abs(held.quantity)
        self.desk.trade(
            account, con_id, side, quantity, commission="1", commission_delay=rng.choice((0, 0.3))
        )
        self.fills += 1

    def truth(self) -> dict[str, object]:
        return {
            "ticks": self.ticks,
            "positions": [[p.account, p.con_id, str(p.quantity)] for p in self.desk.positions()],
            "executions": [execution.exec_id for execution in self.desk.executions],
        }


async def _serve(size: Size, seed: int) -> None:
    rng = Random(f"load {seed}")
    busy = Busy(large_desk(size, rng), size, rng)
    options = GatewayOptions(
        master_client_id=MASTER, pnl_period=SUBSCRIPTIONS / size.ticks, account_period=180.0
    )
    gateway = DemoGateway(busy.desk, options=options)
    await gateway.start()
    print(gateway.port, flush=True)
    work = [asyncio.create_task(busy.fill()), asyncio.create_task(busy.tick())]
    try:
        while (line := await asyncio.to_thread(sys.stdin.readline)) not in ("", "end\n"):
            busy.is_going = line == "go\n"
            if line == "truth\n":
                print(json.dumps(busy.truth()), flush=True)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await gateway.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.load_desk")
    for name, value in (("accounts", 50), ("positions", 10_000), ("ticks", 5_000), ("fills", 100)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    size = Size(chosen.accounts, chosen.positions, chosen.ticks, chosen.fills)
    asyncio.run(_serve(size, chosen.seed))


if __name__ == "__main__":
    main()
