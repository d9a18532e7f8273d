"""The demo gateway as the simulations use it: on a port of memory, and with its faults counted."""

import socket
from collections import Counter
from dataclasses import replace
from typing import cast

from possync_tui.demo import DemoGateway, Desk, GatewayOptions
from possync_tui.demo.answers import Answers
from possync_tui.demo.faults import ActiveFaults, Fault, FaultField, FaultKind
from tests.simulation.virtual_loop import VirtualClock

_PORT = 7497


class CountedFaults(ActiveFaults):
    """The faults that are on, and how often each kind was applied."""

    def __init__(self) -> None:
        super().__init__()
        self.times: Counter[FaultKind] = Counter()

    def add(self, fault: Fault) -> None:
        super().add(fault)
        if fault.kind is FaultKind.REFUSE:
            self.times[fault.kind] += 1

    def on(self, kind: FaultKind) -> bool:
        is_on = super().on(kind)
        if kind is FaultKind.FREEZE:
            self.times[kind] += is_on
        return is_on

    def take_all(self, kind: FaultKind, limit: int | None = None) -> list[Fault]:
        taken = super().take_all(kind, limit)
        self.times[kind] += len(taken)
        return taken

    def take_for(
        self, kind: FaultKind, account: str, con_id: int, field: FaultField | None = None
    ) -> Fault | None:
        taken = super().take_for(kind, account, con_id, field)
        self.times[kind] += taken is not None
        return taken


class SimulatedGateway(DemoGateway):
    """The demo gateway; it counts which faults have come to pass."""

    def __init__(self, desk: Desk, clock: VirtualClock, options: GatewayOptions) -> None:
        super().__init__(desk, clock=clock, options=options)
        self.applied = CountedFaults()
        self._faults = self.applied
        self._answers = Answers(desk, options, self.applied)

    def move_to(self, zone: str) -> None:
        self.options = replace(self.options, time_zone=zone)
        self._answers._options = self.options


class _Port:
    """A port of the simulated network, where a socket would be."""

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", _PORT

    def close(self) -> None:
        """Nothing was opened."""


class GatewayInMemory(SimulatedGateway):
    def _bind(self) -> socket.socket:
        self.port = _PORT
        return cast("socket.socket", _Port())
