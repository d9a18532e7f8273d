"""Running the demo gateway for other processes, and taking commands from one."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from possync_tui.demo.actions import perform_line
from possync_tui.demo.clock import Clock, SystemClock
from possync_tui.demo.default_desk import default_desk
from possync_tui.demo.gateway import DemoGateway
from possync_tui.demo.options import BackgroundOptions, GatewayOptions
from possync_tui.demo.scenario import Step, load_scenario, run_timeline


async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 1,
    scenario: Path | None = None,
    announce: Callable[[int], None] | None = None,
    control: asyncio.StreamReader | None = None,
    reply: Callable[[str], None] | None = None,
    clock: Clock | None = None,
) -> None:
    """Serve until cancelled: the scenario, or else the default desk with its background.

    ``announce`` gets the port once it listens. Each line of ``control`` is a JSON command as in
    a scenario's timeline (``{"do": "close", ...}``); its answer goes to ``reply`` (by default
    standard output) as one JSON line. The end of ``control`` ends nothing.
    Raises ``ScenarioError``, ``NotLoopbackError`` or ``OSError`` before it serves.
    """
    gateway, steps = prepare(host=host, port=port, seed=seed, scenario=scenario, clock=clock)
    await gateway.start()
    try:
        if announce is not None:
            announce(gateway.port)
        async with asyncio.TaskGroup() as group:
            group.create_task(run_timeline(gateway, steps))
            if control is not None:
                group.create_task(follow(gateway, control, reply or _to_stdout))
            await asyncio.Event().wait()
    finally:
        await gateway.stop()


def prepare(
    *, host: str, port: int, seed: int, scenario: Path | None, clock: Clock | None = None
) -> tuple[DemoGateway, tuple[Step, ...]]:
    """The gateway that ``serve`` would run, not yet started, and its timeline."""
    clock = clock or SystemClock()
    steps: tuple[Step, ...] = ()
    if scenario is not None:
        desk, options, steps = load_scenario(scenario, clock, seed=seed)
    else:
        desk = default_desk(seed=seed, clock=clock)
        options = GatewayOptions(background=BackgroundOptions(seed=seed))
    return DemoGateway(desk, host=host, port=port, clock=clock, options=options), steps


async def follow(
    gateway: DemoGateway, control: asyncio.StreamReader, reply: Callable[[str], None]
) -> None:
    """Do what the lines of a stream say until it ends, answering each."""
    while True:
        try:
            line = await control.readline()
        except ValueError:  # longer than the stream's limit; the rest of it is read as a line
            reply('{"ok": false, "error": "line too long"}')
            continue
        if not line:
            return
        if text := line.decode("utf-8", errors="replace").strip():
            reply(perform_line(gateway, text))


def _to_stdout(line: str) -> None:
    # A reader that went away must not end the gateway.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
