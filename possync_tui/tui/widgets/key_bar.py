"""The footer: as many keys as fit, the important ones always; a click is the key."""

from collections.abc import Callable

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from possync_tui.tui.actions import PLACES
from possync_tui.tui.tones import Tone, say


class KeyBar(Widget):
    """One line of fixed size. Textual's own footer builds a widget per key on each focus change."""

    ALLOW_SELECT = False

    def __init__(self, is_idle: Callable[[str], bool]) -> None:
        """`is_idle` says of a deed, by its id, that its key would only say why it does nothing."""
        super().__init__()
        self._is_idle = is_idle
        self._keys: list[tuple[Binding, bool]] = []
        self._spots: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._read_bindings)

    def on_resize(self) -> None:
        self.refresh()

    def _read_bindings(self, screen: Screen[object]) -> None:
        found: dict[str, tuple[Binding, bool]] = {}
        for active in screen.active_bindings.values():
            if active.binding.show and not self._is_idle(active.binding.id or ""):
                found.setdefault(active.binding.action, (active.binding, active.enabled))
        keys = sorted(found.values(), key=lambda pair: self._place(pair[0]))
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    @staticmethod
    def _place(binding: Binding) -> int:
        deed = PLACES.get(binding.id or "")
        return deed.place if deed else 0

    @staticmethod
    def _weight(binding: Binding) -> int:
        deed = PLACES.get(binding.id or "")
        return deed.weight if deed else 0

    def render(self) -> Content:
        shown = list(self._keys)
        texts = {binding: self._text(binding, enabled) for binding, enabled in shown}
        while shown and sum(texts[b].cell_length + 2 for b, _ in shown) > self.size.width - 1:
            heaviest = max(shown, key=lambda pair: (self._weight(pair[0]), self._place(pair[0])))
            shown.remove(heaviest)
        self._spots = []
        x = 1
        pieces: list[Content] = []
        for binding, _ in shown:
            length = cell_len(texts[binding].plain)
            self._spots.append((x, x + length, binding.key))
            pieces.append(texts[binding])
            x += length + 2
        return say(" ", Content("  ").join(pieces))

    def _text(self, binding: Binding, enabled: bool) -> Content:
        key = self.app.get_key_display(binding)
        label = binding.description
        if not enabled:
            return say((f"{key} {label}", Tone.DIM))
        return say(Content.styled(key, "bold $text-primary"), f" {label}")

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spots:
            if start <= event.x <= end:
                self.app.simulate_key(key)
                return
