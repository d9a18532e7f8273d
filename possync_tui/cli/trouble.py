"""What goes wrong with the link, as the exit code of whoever cannot go on without it."""

import asyncio
from typing import TYPE_CHECKING

from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.domain.connection import Environment, Phase
from possync_tui.sync.events import ConnectionChanged, SyncEvent

if TYPE_CHECKING:
    from possync_tui.cli.coming import EngineToCome
    from possync_tui.sync.engine import Engine


class Trouble:
    """Notices when the link comes into one of `phases`, and knows which failure that is.

    Make it before the engine starts, so that it misses nothing.
    """

    def __init__(self, engine: "Engine | EngineToCome", phases: frozenset[Phase]) -> None:
        self._engine = engine
        self._phases = phases
        self._met = asyncio.Event()
        self._sentence = ""
        self._broker_environment: Environment | None = None
        engine.bus.subscribe(self._heard)

    async def failure(self) -> CommandFailed:
        """Wait for it; called again, for the next one."""
        await self._met.wait()
        self._met.clear()
        code = Exit.LEDGER if self._is_foreign() else Exit.BROKER
        return CommandFailed(code, self._sentence or "no connection to TWS")

    def _heard(self, event: SyncEvent) -> None:
        if not isinstance(event, ConnectionChanged):
            return
        state = event.state
        self._broker_environment = state.environment or self._broker_environment
        if state.phase in self._phases:
            self._sentence = state.sentence
            self._met.set()

    def _is_foreign(self) -> bool:
        """Whether the ledger belongs to another environment than the one that was met."""
        ours, theirs = self._engine.environment, self._broker_environment
        return ours is not None and theirs is not None and ours is not theirs
