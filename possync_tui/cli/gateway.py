"""`gateway`: the simulated TWS alone, for other processes; and as a child of `demo`."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.json_text import to_json
from possync_tui.cli.stopping import run_until_signal

if TYPE_CHECKING:
    from argparse import Namespace

_START_SECONDS = 30.0
_STOP_SECONDS = 3.0


def gateway(arguments: "Namespace") -> int:
    """Serve until a signal comes."""
    return asyncio.run(run_until_signal(_serve(arguments)))


async def _serve(arguments: "Namespace") -> int:
    from possync_tui.demo import NotLoopbackError
    from possync_tui.demo.serving import serve
    from possync_tui.demo.tables import ScenarioError

    host = getattr(arguments, "host", "127.0.0.1")
    port = port_number(getattr(arguments, "port", "0"))
    as_json = getattr(arguments, "format", "table") == "json"

    def announce(real_port: int) -> None:
        place = {"host": host, "port": real_port}
        print_line(to_json(place, indent=None) if as_json else f"listening on {host}:{real_port}")

    control, close_control = await _control_stream()
    serving = asyncio.create_task(
        serve(
            host=host,
            port=port,
            seed=arguments.seed,
            scenario=Path(arguments.scenario) if arguments.scenario else None,
            announce=announce,
            control=None if arguments.until_stdin_ends else control,
        )
    )
    try:
        if arguments.until_stdin_ends and control is not None:
            await asyncio.wait(
                {serving, asyncio.create_task(control.read())},
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not serving.done():
                return Exit.DONE
        await serving
    except (ScenarioError, NotLoopbackError) as error:
        raise CommandFailed(Exit.USAGE, str(error)) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise CommandFailed(Exit.USAGE, f"cannot listen on {host}:{port}: {why}") from error
    finally:
        serving.cancel()
        await asyncio.wait({serving})
        close_control()
    return Exit.DONE


async def _control_stream() -> tuple[asyncio.StreamReader | None, Callable[[], None]]:
    """Standard input where it is a pipe or a socket, and how to close it.

    A terminal or a file commands nothing.
    """
    if sys.stdin is None or sys.stdin.closed:
        return None, lambda: None
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return None, lambda: None
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader, transport.close


def port_number(text: str) -> int:
    """A port to listen on; 0 takes any free one."""
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise CommandFailed(Exit.USAGE, f"--port {text}: it has to be a whole number from 0 to 65535")


def print_line(line: str) -> None:
    """To standard output at once: somebody waits for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def child_gateway(*, port: int, seed: int) -> AsyncIterator[int]:
    """A gateway in a process of its own, so that it cannot stall the dashboard; gives its port.

    It ends with us: by our signal, or, if we are killed, because its standard input ends.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "possync_tui", "gateway"),
        *("--port", str(port), "--seed", str(seed), "--until-stdin-ends"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A ctrl+c or a closed terminal is our business, not its.
        start_new_session=True,
    )
    assert child.stdin is not None
    try:
        yield await _announced_port(child)
    finally:
        child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), _STOP_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()


async def _announced_port(child: asyncio.subprocess.Process) -> int:
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        line = await asyncio.wait_for(child.stdout.readline(), _START_SECONDS)
        if line:
            return int(line.decode().rpartition(":")[2])
        why = (await child.stderr.read()).decode(errors="replace").strip()
        why = why.removeprefix("possync-tui: ")
    except TimeoutError:
        why = f"it did not start within {_START_SECONDS:.0f} s"
    raise CommandFailed(Exit.BROKER, f"no simulated TWS: {why}")
