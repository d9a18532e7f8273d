"""Draws the README's pictures: the real dashboard on the simulated TWS.

`python -m tests.pictures` writes `.github/*.png`; it needs `rsvg-convert` (Debian: librsvg2-bin).
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from possync_tui.broker.options import SessionOptions
from possync_tui.broker.session import IbkrBroker
from possync_tui.demo import BackgroundOptions, DemoGateway, GatewayOptions, default_desk
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment
from possync_tui.ledger.port import LedgerPort
from possync_tui.ledger.store import open_ledger
from possync_tui.sync.engine import Engine
from possync_tui.sync.policy import SyncPolicy
from possync_tui.tui.app import PossyncApp

FOLDER = Path(__file__).parent.parent / ".github"
SIZE = (140, 40)
SCREENS = {"dashboard": "", "realized-pnl": "p", "review": "v", "runs": "r"}


async def draw(folder: Path, size: tuple[int, int], theme: str | None, seconds: float) -> None:
    """Run the demo for a while, then take each screen."""
    background = BackgroundOptions(seed=3, tick_interval=0.3, trade_interval=(1.0, 2.0))
    gateway = DemoGateway(default_desk(seed=3), options=GatewayOptions(background=background))
    await gateway.start()
    with tempfile.TemporaryDirectory() as home:

        async def opened() -> LedgerPort:
            return await open_ledger(Path(home) / "ledger.sqlite3", clock=SystemClock())

        engine = Engine(
            broker=IbkrBroker(SessionOptions(port=gateway.port, portfolio_interval=1.0)),
            open_ledger=opened,
            policy=SyncPolicy(initial_delay=0.5, debounce=0.3),
            clock=SystemClock(),
            environment=Environment.DEMO,
        )
        await engine.start()
        app = PossyncApp(engine, clock=SystemClock(), theme=theme, label="simulated TWS")
        async with app.run_test(size=size) as pilot:
            await asyncio.sleep(seconds)
            for name, key in SCREENS.items():
                if key:
                    await pilot.press(key)
                    await asyncio.sleep(1.0)
                app.save_screenshot(str(folder / f"{name}.svg"))
                if key:
                    await pilot.press("escape")
        await engine.stop()
    await gateway.stop()


def keep_spaces(picture: Path) -> None:
    """Have rsvg-convert keep the spaces that a run of text begins with."""
    svg = picture.read_text()
    picture.write_text(svg.replace("<text ", '<text xml:space="preserve" '))


def main(arguments: list[str]) -> None:
    columns, lines = (int(n) for n in arguments[:2]) if len(arguments) >= 2 else SIZE
    theme = arguments[2] if len(arguments) > 2 else None
    folder = Path(arguments[3]) if len(arguments) > 3 else FOLDER
    folder.mkdir(exist_ok=True)
    asyncio.run(draw(folder, (columns, lines), theme, seconds=15.0))
    for name in SCREENS:
        picture = folder / f"{name}.svg"
        png = picture.with_suffix(".png")
        keep_spaces(picture)
        subprocess.run(["rsvg-convert", "-w", "1400", "-o", png, picture], check=True)
        picture.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
