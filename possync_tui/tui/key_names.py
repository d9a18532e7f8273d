"""What keys are called: by Textual (`question_mark`), and on the keyboard (`?`)."""

import unicodedata

from textual.keys import KEY_NAME_REPLACEMENTS


def name_of_character(character: str) -> str:
    """The key that types a character, as Textual writes it."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


SIGNS = {"left": "←", "right": "→", "up": "↑", "down": "↓"} | {
    name_of_character(sign): sign for sign in map(chr, range(33, 127))
}


def key_name(keys: str) -> str:
    """What the keys are called on the keyboard."""
    return " ".join(map(_one_name, keys.split(",")))


def _one_name(key: str) -> str:
    modifiers, plus, base = key.rpartition("+")
    return f"{modifiers}{plus}{SIGNS.get(base, base)}"
