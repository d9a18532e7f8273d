"""The footer: as many keys as fit, the important ones always; a click is the key."""

from collections.abc import Callable, Mapping

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from possync_tui.tui.actions import PLACES, Area
from possync_tui.tui.tones import Tone, say

GAP = "  "
RULE = " │ "
MORE = "⋯"
AREAS = tuple(Area)


class KeyBar(Widget):
    """One line of fixed size. Textual's own footer builds a widget per key on each focus change.

    Keys stand by their area, the screen's own before them. `urgent` tells which ones matter now,
    `labels` what some of them do now, by their deeds; `offers` which actions have an effect.
    What has no place here or finds no room is behind `⋯`, the command palette: with the mouse alone
    everything can be done, too.
    """

    ALLOW_SELECT = False

    def __init__(
        self,
        urgent: Callable[[], frozenset[str]],
        labels: Callable[[], Mapping[str, str]],
        offers: Callable[[str], bool],
    ) -> None:
        super().__init__()
        self._urgent = urgent
        self._labels = labels
        self._offers = offers
        self._labels_shown: Mapping[str, str] = {}
        self._keys: list[tuple[Binding, bool]] = []
        self._spots: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._read_bindings)

    def on_resize(self) -> None:
        self.refresh()

    def _read_bindings(self, screen: Screen[object]) -> None:
        found: dict[str, tuple[Binding, bool]] = {}
        for active in screen.active_bindings.values():
            if active.binding.show and self._offers(active.binding.action):
                found.setdefault(active.binding.action, (active.binding, active.enabled))
        self._keys = sorted(found.values(), key=lambda pair: _order(pair[0]))
        self.refresh()

    def tick(self) -> None:
        """Another second, and with it maybe another state of things."""
        if self._labels() != self._labels_shown:
            self.refresh()

    def _weight(self, binding: Binding) -> int:
        deed = PLACES.get(binding.id or "")
        if deed is None:
            return -4
        return min(deed.weight, -1) if deed.id in self._urgent() else deed.weight

    def render(self) -> Content:
        self._labels_shown = self._labels()
        shown, brief = list(self._keys), False
        line, spots = self._line(shown, brief)
        while shown and line.cell_length > self.size.width - 1:
            if not brief:
                brief = True
            else:
                shown.remove(max(shown, key=lambda k: (self._weight(k[0]), _order(k[0]))))
            line, spots = self._line(shown, brief)
        self._spots = spots
        return line

    def _line(
        self, keys: list[tuple[Binding, bool]], brief: bool
    ) -> tuple[Content, list[tuple[int, int, str]]]:
        """The line, and from where to where each key stands."""
        pieces, spots, x = [say(" ")], [], 1
        last_group: int | None = None
        for binding, enabled in keys:
            group = _order(binding)[0]
            if last_group is not None:
                between = say((RULE, Tone.DIM)) if group != last_group else say(GAP)
                pieces.append(between)
                x += between.cell_length
            last_group = group
            text = self._text(binding, enabled, brief)
            spots.append((x, x + text.cell_length, binding.key))
            pieces.append(text)
            x += text.cell_length
        pieces += [say(GAP), say(Content.styled(MORE, "bold $text-primary"))]
        spots.append((x + 1, x + len(GAP) + 1, "ctrl+p"))
        return Content("").join(pieces), spots

    def _text(self, binding: Binding, enabled: bool, brief: bool) -> Content:
        key = self.app.get_key_display(binding)
        deed = PLACES.get(binding.id or "")
        label = deed.brief if brief and deed and deed.brief else binding.description
        label = self._labels_shown.get(deed.id if deed else "", label)
        if not enabled:
            return say((f"{key} {label}", Tone.DIM))
        return say(Content.styled(key, "bold $text-primary"), f" {label}")

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spots:
            if start <= event.x <= end:
                self.app.simulate_key(key)
                return


def _order(binding: Binding) -> tuple[int, int]:
    """The group of a key, and its place in there: the screen's own keys come first."""
    deed = PLACES.get(binding.id or "")
    if deed is None or deed.place < 0:
        return -1, deed.place if deed else -99
    return AREAS.index(deed.area), deed.place
