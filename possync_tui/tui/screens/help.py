"""Keys and symbols on one page."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from possync_tui.tui.actions import DEEDS, Area, Deed
from possync_tui.tui.key_names import key_name
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.keys_here import pane_keys
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.terminal import pass_over_outgrown
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
SHARED_ROWS = (
    (Area.LOOK, ("log-level", "log-pause"), "Log: level, pause"),
    (
        Area.LOOK,
        ("log-next", "log-before", "log-select", "log-select-up"),
        "Log: next match, select",
    ),
    (Area.MOVE, ("pane-1", "pane-2", "pane-3", "pane-4"), "Go to a pane"),
    (Area.MOVE, ("span-1", "…", "span-7"), "Day, week, … all, from–to"),
    (Area.MOVE, ("span-next", "span-last"), "Longer, shorter stretch"),
)
"""Several deeds on one line, where a screen has the first of them."""
SYMBOLS = (
    ("▲ ▼", Tone.PLAIN, "gain, loss"),
    ("–", Tone.DIM, "unknown, never zero"),
    ("?1", Tone.DIM, "rows left out of a sum"),
    ("!", Tone.WARNING, "missing at the broker"),
    ("⚑", Tone.WARNING, "held for review"),
    ("○", Tone.DIM, "price old, or not live"),
    ("◔", Tone.DIM, "price up to 3 minutes late"),
    ("≈", Tone.PLAIN, "all currencies, at rates"),
    ("✓ EXACT", Tone.GAIN, "fills and commissions known"),
    ("… PENDING", Tone.WARNING, "a commission is still to come"),
    ("~ ESTIMATED", Tone.WARNING, "from a price, not from fills"),
    ("✎ MANUAL", Tone.ACCENT, "by your word"),
    ("× ↩ ↻", Tone.DIM, "undone, reversal, replacement"),
    ("≠", Tone.WARNING, "the broker's own figure differs"),
    ("⇄ FX", Tone.DIM, "a conversion: in no total"),
)


def key_rows(
    area: Area, deeds: tuple[Deed, ...], keymap: Keymap | None = None
) -> list[tuple[str, str]]:
    """Keys of an area and what they do: those that a screen's deeds name, several on a line."""
    ids = {deed.id for deed in deeds}
    keymap = keymap or Keymap()
    rows = [
        (keymap.names(deed.id), deed.help)
        for deed in deeds
        if deed.area is area and not deed.id.startswith(("pane-", "span-", "log-"))
    ]
    if area is Area.LOOK and "pane-1" in ids:
        rows.append(("enter", "A position's life"))
    for where, shared, text in SHARED_ROWS:
        if where is area and shared[0] in ids:
            rows.append((" ".join(_first_key(keymap, name) for name in shared), text))
    return rows


def _named(keys: str) -> str:
    """As the keyboard has it; settings call escape by its whole name."""
    return key_name(keys).replace("escape", "esc")


def _first_key(keymap: Keymap, deed_id: str) -> str:
    keys = keymap.of(deed_id)
    return key_name(keys[0]) if keys else deed_id


class HelpDialog(ModalScreen[None]):
    """Of the place where it was asked for. The same key, escape or a click beside it closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss_help", "Close"),
        Binding("question_mark", "dismiss_help", "Close", id="help"),
    ]

    def __init__(self, asked_on: Screen[object], keymap: Keymap | None = None) -> None:
        super().__init__()
        self._keymap = keymap or Keymap()
        desk_screen = asked_on if isinstance(asked_on, DeskScreen) else None
        dialog = asked_on if isinstance(asked_on, Dialog) else None
        self._dialog_keys = dialog.keys_told if dialog else ()
        self._own_deeds = desk_screen.own_deeds if desk_screen else ()
        self._pane_deeds = desk_screen.pane_deeds if desk_screen else ()
        place = desk_screen or dialog
        self._place, self._about = place.here if place else ("", "")
        self._pane_keys = () if dialog else tuple(pane_keys(asked_on))

    async def _on_resize(self, event: events.Resize) -> None:
        pass_over_outgrown(event, self.app.size)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help"):
            yield Static(Content.styled("Keys and symbols", "bold"), classes="dialog-title")
            if self._about or self._pane_keys:
                yield Static(self._here(), classes="help-here", markup=False)
            if self._dialog_keys:
                return
            with Horizontal(classes="help-columns"):
                with Vertical(classes="help-column"):
                    yield Static(self._area(Area.SYNC))
                    yield Static(self._area(Area.PROGRAM))
                    yield Static(self._area(Area.MOVE))
                with Vertical(classes="help-column"):
                    yield Static(self._area(Area.LOOK))
                    yield Static(self._symbols())

    def _here(self) -> Content:
        """What this place is for, and the keys that it alone has."""
        rows = [say((f"{self._place}  ", Tone.ACCENT), self._about)]
        rows += [say((f"{keys:<11}", Tone.STRONG), text) for keys, text in self._dialog_keys]
        own = {key for deed in self._own_deeds for key in self._keymap.of(deed.id)}
        rows += [
            say((f"{_named(here.keys):<11}", Tone.STRONG), here.label)
            for here in self._pane_keys
            if not own.issuperset(here.keys.split(","))
        ]
        return lines(*rows, say(""))

    def _area(self, area: Area) -> Content:
        deeds = (*self._own_deeds, *self._pane_deeds, *DEEDS)
        # A pane that has a use of its own for one of these has told it above.
        taken = {_named(here.keys) for here in self._pane_keys}
        more = [row for row in MORE_KEYS.get(area, ()) if row[0] not in taken]
        told = [*key_rows(area, deeds, self._keymap), *more]
        rows = [say((f"{keys:<11}", Tone.STRONG), text) for keys, text in told]
        return lines(say((area.value, Tone.ACCENT)), *rows, say(""))

    @staticmethod
    def _symbols() -> Content:
        rows = [say(("Symbols", Tone.ACCENT))]
        rows += [say((f"{symbol:<13}", tone), text) for symbol, tone, text in SYMBOLS]
        return lines(*rows)

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.dismiss(None)

    def action_dismiss_help(self) -> None:
        self.dismiss(None)
