"""What keys are used for on every screen, so that a remapped one takes none away in silence."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Button, Input

from possync_tui.tui import screens
from possync_tui.tui.actions import DEEDS, PLACES, Deed
from possync_tui.tui.app import PossyncApp
from possync_tui.tui.key_names import key_name, name_of_character
from possync_tui.tui.keymap import Keymap, KeymapError
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.sync_log import SyncLogPane

_PALETTE = (App.COMMAND_PALETTE_BINDING, ("Command palette", "command_palette"))
_TYPED = {name_of_character(chr(code)) for code in range(32, 127)}


def check(keymap: Keymap) -> Keymap:
    """The keymap, if every key of it does one thing wherever it works. Raises `KeymapError`."""
    if not keymap.keys:
        return keymap
    # Screens are loaded when they are first shown: here all of them have a say.
    for found in iter_modules(screens.__path__):
        import_module(f"{screens.__name__}.{found.name}")
    for screen in _screens(DeskScreen):
        deeds = (*DEEDS, *screen.own_deeds, *screen.pane_deeds)
        _check_fixed(keymap, deeds, dict(_fixed_keys(screen)))
        _check_each_other(keymap, deeds)
    for dialog in Dialog.__subclasses__():
        if dialog.own_deeds:
            _check_typed(keymap, dialog.own_deeds)
            fixed = dict(_keys_of(App, Dialog, Button, Input, dialog))
            _check_fixed(keymap, dialog.own_deeds, fixed | dict([_PALETTE]))
            _check_each_other(keymap, dialog.own_deeds)
    return keymap


def _check_typed(keymap: Keymap, deeds: tuple[Deed, ...]) -> None:
    """What is typed into a field is no key of a dialog that has one."""
    for deed in deeds:
        for key in keymap.keys.get(deed.id, ()):
            if key in _TYPED:
                raise KeymapError(
                    f"{deed.id}={key_name(key)}: {key_name(key)} is typed into the note there; "
                    "a key such as f8, or one with ctrl+ or alt+, is not"
                )


def _check_fixed(
    keymap: Keymap, deeds: tuple[Deed, ...], fixed: dict[str, tuple[str, str]]
) -> None:
    """A key that belongs to no deed cannot be given to one where both work."""
    for deed in deeds:
        for key in keymap.keys.get(deed.id, ()):
            what, action = fixed.get(key, ("", deed.action))
            # Textual's own ctrl+q may as well be the key of our quit.
            if action != deed.action:
                raise KeymapError(
                    f"{deed.id}={key_name(key)}: {key_name(key)} is taken by “{what}”, "
                    "which cannot be moved"
                )


def _check_each_other(keymap: Keymap, deeds: tuple[Deed, ...]) -> None:
    """No two deeds of one screen share a key."""
    used: dict[str, Deed] = {}
    for deed in deeds:
        for key in keymap.of(deed.id):
            other = used.setdefault(key, deed)
            if other.id != deed.id and {other.id, deed.id} & keymap.keys.keys():
                one, two = sorted((other, deed), key=lambda deed: deed.id not in keymap.keys)
                raise KeymapError(
                    f"{one.id}={key_name(key)}: {key_name(key)} is also the key of {two.id} "
                    f"(“{two.help}”); give that one another key too"
                )


def _screens(kind: type[DeskScreen]) -> Iterator[type[DeskScreen]]:
    for screen in kind.__subclasses__():
        yield screen
        yield from _screens(screen)


def _fixed_keys(screen: type[DeskScreen]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Keys that are no deed's on a screen, with what they do, in words and as an action."""
    yield _PALETTE
    kinds: list[type[DOMNode]] = [App, PossyncApp, LineTable]
    kinds += [kind for kind in screen.__mro__ if issubclass(kind, Screen)]
    if issubclass(screen, DashboardScreen):
        kinds.append(SyncLogPane)
    yield from _keys_of(*kinds)


def _keys_of(*kinds: type[DOMNode]) -> Iterator[tuple[str, tuple[str, str]]]:
    for kind in kinds:
        for binding in vars(kind).get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id not in PLACES:
                for key in binding.key.split(","):
                    yield key.strip(), (binding.description or binding.action, binding.action)
