"""What stands for TWS where a command works on the ledger alone: a link that is never there."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NoReturn

from possync_tui.broker.port import BrokerUnavailable, Executions, Listener
from possync_tui.domain.connection import ConnectionState, Phase
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Snapshot
from possync_tui.domain.rates import Rates


class NoBroker:
    """Satisfies `BrokerPort`: never connected, and every question fails."""

    def __init__(self, since: datetime) -> None:
        self.state = ConnectionState(Phase.DISCONNECTED, "", 0, 0, since)
        self.marks: Mapping[PositionKey, Mark] = {}
        self.rates: Rates = {}

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return lambda: None

    async def start(self, fills_known_until: Mapping[str, datetime] | None = None) -> None:
        pass

    async def connected(self, timeout: float) -> ConnectionState:
        _refuse()

    async def executions(self, timeout: float) -> Executions:
        _refuse()

    async def snapshot(self, timeout: float) -> Snapshot:
        _refuse()

    async def watch(self, keys: frozenset[PositionKey]) -> None:
        pass

    def refuse(self, sentence: str) -> None:
        pass

    def reconnect_now(self) -> None:
        pass

    def pause_reconnecting(self) -> bool:
        return False

    async def stop(self) -> None:
        pass


def _refuse() -> NoReturn:
    raise BrokerUnavailable("this command works without TWS")
