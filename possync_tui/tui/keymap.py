"""Keys as the user chose them: deed ids with keys of their own in place of ours.

Textual takes any keymap in silence: names that it does not know, and keys that something else has.
Here both are refused, with the reason; `key_check.py` knows what else keys are used for.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from textual.keys import Keys

from possync_tui.domain.values import dataclass
from possync_tui.tui.actions import PLACES
from possync_tui.tui.key_names import key_name, name_of_character

SAME_KEY = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "esc",
    "ctrl+h": "backspace",
}
"""What a terminal sends the same byte for as for another key."""
_MODIFIERS = ("ctrl", "alt", "shift")
_DEED = re.compile(r"\{([a-z0-9-]+)\}")
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

    def said(self, text: str) -> str:
        """The text with what the key of `sync` is called in place of `{sync}`."""
        return _DEED.sub(lambda found: self.names(found[1]), text)

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
        if key in SAME_KEY:
            raise KeymapError(
                f"{name}={text}: a terminal cannot tell {text} from {SAME_KEY[key]}; "
                "choose another key"
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
        base = name_of_character(base)
    else:
        base = base.lower()
        if base not in _NAMES:
            return None
    return "+".join([*(name for name in _MODIFIERS if name in lowered), base])


_NAMES = {
    *(key.value for key in Keys if "+" not in key.value and not key.value.startswith("<")),
    *map(name_of_character, _ASCII),
}
