"""Where TWS may be found, and what to set there: for the first minute and for `doctor`."""

from collections.abc import Sequence

from possync_tui.domain.values import dataclass

USUAL_PORTS = {
    7497: "TWS, paper",
    7496: "TWS, live",
    4002: "IB Gateway, paper",
    4001: "IB Gateway, live",
}
CONFIGURED = "as configured"

_MENUS = {
    "TWS": "File > Global Configuration > API > Settings",
    "IB Gateway": "Configure > Settings > API > Settings",
}


@dataclass(frozen=True, slots=True)
class Port:
    """What answers at a port: nothing, something else, or the API of TWS."""

    host: str
    port: int
    name: str
    is_open: bool
    server_version: int | None

    @property
    def answers(self) -> bool:
        return self.server_version is not None

    @property
    def in_words(self) -> str:
        if self.server_version is not None:
            return f"the API answers (server version {self.server_version})"
        return "something listens, but not the API of TWS" if self.is_open else "closed"


def places(host: str, port: int) -> tuple[tuple[str, int, str], ...]:
    """Where to look: at the configured port, then at the usual ones."""
    others = ((host, usual, name) for usual, name in USUAL_PORTS.items() if usual != port)
    return ((host, port, USUAL_PORTS.get(port, CONFIGURED)), *others)


def steps(port: Port) -> tuple[str, ...]:
    """What to do so that the API answers there."""
    usual = port.name.partition(",")[0]
    programs = (usual,) if usual in _MENUS else tuple(_MENUS)
    menus = "; ".join(f"{name}: {_MENUS[name]}" for name in programs)
    tick = "Tick 'Enable ActiveX and Socket Clients'" if "TWS" in programs else ""
    if tick:
        tick += "." if len(programs) == 1 else " (TWS only)."
    account = "your live account" if port.name.endswith("live") else "your paper account"
    found = (
        f"Start {' or '.join(programs)} and log in to {account}.",
        f"Open the API settings. {menus}.",
        tick,
        "Leave 'Read-Only API' ticked: nothing more is needed.",
        f"Set 'Socket port' to {port.port}.",
        "Leave 'Allow connections from localhost only' ticked, or add this computer's address to "
        "'Trusted IPs'.",
    )
    return tuple(step for step in found if step)


def advice(configured: Port, others: Sequence[Port]) -> str:
    """What to do about a configured port where the API does not answer."""
    answering = [port for port in others if port.answers]
    if answering:
        return " ".join(f"{port.name} answers: set IBKR_PORT={port.port}." for port in answering)
    return " ".join(steps(configured))
