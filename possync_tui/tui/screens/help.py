"""Keys and symbols on one page."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from possync_tui.tui.actions import DASHBOARD_DEEDS, DEEDS, Area, Deed
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.tones import Tone, lines, say

MORE_KEYS = {
    Area.LOOK: (("ctrl+p", "Command palette"),),
    Area.MOVE: (
        ("↑ ↓ j k", "Move"),
        ("g G", "First, last"),
        ("pgup pgdn", "A page"),
        ("esc", "Back"),
    ),
}
OWN_KEYS = (
    (Area.LOOK, "pane-1", "enter", "A position's life"),
    (Area.LOOK, "pane-1", "l space", "Log: level, pause"),
    (Area.LOOK, "pane-1", "n N J K", "Log: next match, select"),
    (Area.MOVE, "pane-1", "1 2 3 4", "Go to a pane"),
    (Area.MOVE, "span-1", "1 … 7", "Day, week, … all, from–to"),
    (Area.MOVE, "span-next", "t T", "Longer, shorter stretch"),
)
"""Keys of a screen that has the deed named; several deeds on one line."""
SYMBOLS = (
    ("▲ ▼", Tone.PLAIN, "gain, loss"),
    ("–", Tone.DIM, "unknown, never zero"),
    ("?1", Tone.DIM, "rows left out of a sum"),
    ("!", Tone.WARNING, "missing at the broker"),
    ("⚑", Tone.WARNING, "held for review"),
    ("○", Tone.DIM, "price over a minute old"),
    ("◔", Tone.DIM, "price up to 3 minutes late"),
    ("≈", Tone.PLAIN, "all currencies, at rates"),
    ("✓ EXACT", Tone.GAIN, "fills and commissions known"),
    ("… PENDING", Tone.WARNING, "a commission is still to come"),
    ("~ ESTIMATED", Tone.WARNING, "from a price, not from fills"),
    ("✎ MANUAL", Tone.ACCENT, "by your word"),
    ("× ↩ ↻", Tone.DIM, "undone, reversal, replacement"),
    ("≠", Tone.WARNING, "the broker's own figure differs"),
)


class HelpDialog(ModalScreen[None]):
    """Closed by the key that opened it, by escape, or by a click beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss_help", "Close")
    ]

    def __init__(
        self, own_deeds: tuple[Deed, ...] = DASHBOARD_DEEDS, keymap: Keymap | None = None
    ) -> None:
        super().__init__()
        self._keymap = keymap or Keymap()
        self._own_deeds = own_deeds

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help"):
            yield Static(Content.styled("Keys and symbols", "bold"), classes="dialog-title")
            with Horizontal(classes="help-columns"):
                with Vertical(classes="help-column"):
                    yield Static(self._area(Area.SYNC))
                    yield Static(self._area(Area.PROGRAM))
                    yield Static(self._area(Area.MOVE))
                with Vertical(classes="help-column"):
                    yield Static(self._area(Area.LOOK))
                    yield Static(self._symbols())

    def _area(self, area: Area) -> Content:
        rows = [say((area.value, Tone.ACCENT))]
        for deed in (*self._own_deeds, *DEEDS):
            if deed.area is area and not deed.id.startswith(("pane-", "span-")):
                keys = self._keymap.names(deed.id)
                rows.append(say((f"{keys:<11}", Tone.STRONG), deed.help))
        own = {deed.id for deed in self._own_deeds}
        rows += [
            say((f"{keys:<11}", Tone.STRONG), text)
            for where, deed_id, keys, text in OWN_KEYS
            if where is area and deed_id in own
        ]
        for keys, text in MORE_KEYS.get(area, ()):
            rows.append(say((f"{keys:<11}", Tone.STRONG), text))
        return lines(*rows, say(""))

    @staticmethod
    def _symbols() -> Content:
        rows = [say(("Symbols", Tone.ACCENT))]
        rows += [say((f"{symbol:<13}", tone), text) for symbol, tone, text in SYMBOLS]
        return lines(*rows)

    def action_dismiss_help(self) -> None:
        self.dismiss(None)
