"""kill -9 in the middle of syncs: the ledger opens, verifies, and the next sync converges."""

import random
import sqlite3
import time
from decimal import Decimal

from .conftest import Desk, Gateway


def truth(gateway: Gateway) -> dict[int, Decimal]:
    state = gateway.command(do="state")
    return {
        int(row["con_id"]): Decimal(str(row["quantity"]))
        for row in state["positions"]
        if Decimal(str(row["quantity"]))
    }


def trade(gateway: Gateway, chance: random.Random) -> None:
    con_id = chance.choice([265598, 272093, 76792991])
    side = chance.choice(["BUY", "SELL"])
    gateway.command(
        do="trade",
        account="DU1000001",
        con_id=con_id,
        side=side,
        quantity=chance.randint(1, 120),
        price=str(chance.randint(190, 210)),
        commission="1",
    )


def test_killed_at_random_instants(desk: Desk) -> None:
    chance = random.Random(20261122)
    gateway = desk.gateway()
    desk.use(gateway)
    began = time.monotonic()
    desk.json("sync")
    whole = time.monotonic() - began
    for _ in range(12):
        for _ in range(chance.randint(1, 4)):
            trade(gateway, chance)
        process = desk.start("sync")
        time.sleep(chance.uniform(0.3, 1.0) * whole)
        process.kill()
        process.communicate()
        done = desk.run("verify")
        assert done.returncode == 0, done.stdout + done.stderr
    result = desk.run("sync")
    assert result.returncode == 0, result.stderr
    shown = {int(p["con_id"]): Decimal(p["quantity"]) for p in desk.json("positions")["positions"]}
    assert shown == truth(gateway)
    assert desk.run("verify").returncode == 0
    # Each fill once: what they sum to is what the ledger holds.
    with sqlite3.connect(desk.ledger) as db:
        seen, distinct = db.execute(
            "SELECT count(*), count(DISTINCT exec_id) FROM fills"
        ).fetchone()
    fills = gateway.command(do="state")["executions"]
    assert seen == distinct == (len(fills) if isinstance(fills, list) else fills)


def test_a_watching_process_is_killed_again_and_again(desk: Desk) -> None:
    chance = random.Random(7)
    gateway = desk.gateway()
    desk.use(gateway)
    desk.env["POSITION_SYNC_INITIAL_DELAY"] = "0"
    desk.env["POSITION_SYNC_DEBOUNCE"] = "0"
    for _ in range(5):
        process = desk.start("watch")
        for _ in range(chance.randint(3, 8)):
            trade(gateway, chance)
            time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        process.communicate()
        if desk.ledger.exists():  # a ledger is made whole, or not at all
            verified = desk.run("verify")
            assert verified.returncode == 0, verified.stdout + verified.stderr
    assert desk.run("sync").returncode == 0
    shown = {int(p["con_id"]): Decimal(p["quantity"]) for p in desk.json("positions")["positions"]}
    assert shown == truth(gateway)
    assert desk.run("verify").returncode == 0
