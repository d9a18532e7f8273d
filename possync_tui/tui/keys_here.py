"""What the keyboard does in the focused part of a screen, beyond what works everywhere."""

from collections.abc import Iterator

from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

from possync_tui.domain.values import dataclass

MOVES = ("move", "page", "scroll", "first", "last", "cursor", "select")
"""Actions that the help tells once for all tables."""


@dataclass(frozen=True, slots=True)
class PaneKey:
    """A key of a pane. `node` is where its action runs."""

    keys: str
    action: str
    label: str
    node: DOMNode


def pane_keys(screen: Screen[object]) -> Iterator[PaneKey]:
    """The keys of the focused pane alone, each action once."""
    found: dict[str, PaneKey] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if isinstance(active.node, App | Screen) or binding.system or not binding.description:
            continue
        if binding.action.startswith(MOVES):
            continue
        known = found.get(binding.action)
        keys = f"{known.keys},{key}" if known else key
        label = binding.tooltip or binding.description
        found[binding.action] = PaneKey(keys, binding.action, label, active.node)
    yield from found.values()
