"""The embedding API in a program of somebody else."""

import json
import subprocess
import sys
from typing import Any

from tests.cli.conftest import LONGEST, Gateway, Home

ONE_SYNC = """
import asyncio, json
from possync_tui import get_position_sync_service, get_scheduler

async def main():
    service = get_position_sync_service()
    assert service is get_position_sync_service()
    result = await service.sync_positions(account_id=1)
    named_none = await service.sync_positions()
    return [
        result.outcome, result.error, result.created, named_none.outcome,
        get_scheduler().get_status(),
    ]

print(json.dumps(asyncio.run(main())))
"""

LOOP = """
import asyncio, json
from possync_tui import get_scheduler

async def main():
    scheduler = get_scheduler()
    scheduler.trade_executed(account_id=1)
    assert scheduler.get_status()["position_sync"]["stats"]["total_syncs"] == 0
    await scheduler.start()
    seen = 0
    while not seen:
        scheduler.trade_executed(account_id=1)
        await asyncio.sleep(0.3)
        seen = scheduler.get_status()["position_sync"]["stats"]["successful_syncs"]
    await scheduler.stop()
    scheduler.trade_executed()
    status = scheduler.get_status()
    await scheduler.start()
    await scheduler.stop()
    return status

print(json.dumps(asyncio.run(main())))
"""


STOPPED_EARLY = """
import asyncio, json
from possync_tui import get_scheduler

async def main():
    scheduler = get_scheduler()
    starting = asyncio.create_task(scheduler.start())
    await asyncio.sleep(0)
    await asyncio.gather(scheduler.stop(), scheduler.stop())
    await starting
    left = [task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}]
    await scheduler.start()
    await scheduler.stop()
    return left

print(json.dumps(asyncio.run(main())))
"""


def embedded(home: Home, program: str, **environ: str) -> Any:  # noqa: ANN401 - JSON edge
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home.folder,
        env={**home.environ, **environ},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return json.loads(done.stdout)


def test_a_sync_on_demand_leaves_nothing_behind(home: Home, gateway: Gateway) -> None:
    outcome, error, created, again, status = embedded(home, ONE_SYNC, IBKR_PORT=gateway.port)
    assert (outcome, error, created, again) == ("committed", None, 4, "committed")
    assert set(status) == {"position_sync"}
    assert status["position_sync"]["enabled"] is True
    assert status["position_sync"]["sync_interval"] == 300
    assert status["position_sync"]["stats"]["positions_created"] == 4
    from_the_ledger = home.run("status", "--json").json()["position_sync"]
    assert (
        from_the_ledger["stats"]["last_sync_time"]
        == (status["position_sync"]["stats"]["last_sync_time"])
    )
    assert home.run("sync", "--port", gateway.port).code == 0, "the ledger is free again"


def test_the_loop_starts_stops_and_starts_again(home: Home, gateway: Gateway) -> None:
    status = embedded(home, LOOP, IBKR_PORT=gateway.port)
    assert status["position_sync"]["stats"]["successful_syncs"] >= 1


def test_a_stop_during_the_start_stops(home: Home, gateway: Gateway) -> None:
    assert embedded(home, STOPPED_EARLY, IBKR_PORT=gateway.port) == []
    assert home.run("sync", "--port", gateway.port).code == 0, "the ledger is free again"


def test_failures_are_results(home: Home, closed_port: str) -> None:
    program = ONE_SYNC.replace("result.created", "result.failure")
    outcome, error, failure, *_ = embedded(
        home, program, IBKR_PORT=closed_port, IBKR_CONNECT_TIMEOUT="1"
    )
    assert (outcome, failure) == ("failed", "broker")
    assert error
    outcome, error, failure, *_ = embedded(home, program, POSSYNC_LEDGER=str(home.folder))
    assert (outcome, failure) == ("failed", "ledger")
    assert str(home.folder) in error
