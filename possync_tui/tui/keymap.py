"""Keys as the user chose them: deed ids with keys of their own in place of ours.

Textual takes any keymap in silence: names that it does not know, and keys that something else has.
Here both are refused, with the reason; `key_check.py` knows what else keys are used for.
"""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from possync_tui.tui.actions import PLACES, key_name

_MODIFIERS = ("ctrl", "alt", "shift")
_ASCII = map(chr, range(32, 127))


class KeymapError(ValueError):
    """A remapped key that cannot be; the message is for the user."""


@dataclass(frozen=True)
class Keymap:
    """Keys by deed id, each as Textual writes it; what is not there has its usual ones."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, deed_id: str) -> tuple[str, ...]:
        """The keys of a deed."""
        usual = PLACES[deed_id].keys.split(",") if deed_id in PLACES else ()
        return self.keys.get(deed_id, tuple(usual))

    def names(self, deed_id: str) -> str:
        """What these keys are called on the keyboard."""
        return key_name(",".join(self.of(deed_id)))

    def for_textual(self) -> dict[str, str]:
        return {deed_id: ",".join(keys) for deed_id, keys in self.keys.items()}


def keymap_of(pairs: Iterable[tuple[str, str]]) -> Keymap:
    """The keymap of `name=key` pairs; a name that comes twice gets both keys.

    Raises `KeymapError`.
    """
    keys: dict[str, list[str]] = {}
    for name, text in pairs:
        if name not in PLACES:
            near = difflib.get_close_matches(name, PLACES, n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(PLACES)}"
            raise KeymapError(f"{name}={text}: nothing is called {name}{meant}")
        key = normal_key(text)
        if key is None:
            raise KeymapError(
                f"{name}={text}: there is no key {text}; a key is a character, a name such as f5, "
                "home or comma, or one of them after ctrl+, alt+ or shift+"
            )
        if key not in keys.setdefault(name, []):
            keys[name].append(key)
    return Keymap({name: tuple(chosen) for name, chosen in keys.items()})


def normal_key(text: str) -> str | None:
    """The key as Textual writes it (`F5` is `f5`, `/` is `slash`); `None` for what is no key."""
    *modifiers, base = text.strip().split("+") if text.strip() != "+" else ["+"]
    lowered = sorted({modifier.strip().lower() for modifier in modifiers})
    if any(modifier not in _MODIFIERS for modifier in lowered):
        return None
    if len(base) == 1:
        if "shift" in lowered and base.isalpha():
            lowered.remove("shift")
            base = base.upper()
        elif lowered:
            base = base.lower()
        base = _name_of_character(base)
    else:
        base = base.lower()
        if base not in _NAMES:
            return None
    return "+".join([*(name for name in _MODIFIERS if name in lowered), base])


def _name_of_character(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


_NAMES = {
    *(key.value for key in Keys if "+" not in key.value and not key.value.startswith("<")),
    *map(_name_of_character, _ASCII),
}
