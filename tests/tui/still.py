"""A screen as text: its characters, and under them a letter for the look of each.

One file holds a screen in two themes: a letter stands for a pair of looks, so that the text and
the places of colour are stored once. pytest-textual-snapshot would store an SVG of 100 to 400 kB
each, and ties pytest to one version of syrupy.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.style import Style
from textual.strip import Strip

FOLDER = Path(__file__).parent / "stills"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+=?@"
Cell = tuple[str, str]
"""A character and its look."""


def look(style: Style | None) -> str:
    """A style in words: colours and attributes, nothing of what belongs to a run."""
    if style is None:
        return "plain"
    words = [
        name
        for name in ("bold", "dim", "italic", "underline", "reverse", "strike")
        if getattr(style, name)
    ]
    fore = style.color.get_truecolor().hex if style.color else "default"
    back = style.bgcolor.get_truecolor().hex if style.bgcolor else "default"
    return " ".join([fore, "on", back, *words])


def cells(strips: Sequence[Strip]) -> list[list[Cell]]:
    """Every character of the screen with its look."""
    return [
        [(character, look(segment.style)) for segment in strip for character in segment.text]
        for strip in strips
    ]


def still(screens: Sequence[list[list[Cell]]]) -> str:
    """One screen in several themes as the text of a file. The themes may differ in looks only."""
    letters: dict[tuple[str, ...], str] = {}
    body: list[str] = []
    for rows in zip(*screens, strict=True):
        texts = {"".join(character for character, _ in row) for row in rows}
        assert len(texts) == 1, f"the themes differ in text: {texts}"
        looks = [tuple(found) for found in zip(*([c[1] for c in row] for row in rows), strict=True)]
        for pair in looks:
            letters.setdefault(pair, LETTERS[len(letters)])
        body.append(f"|{texts.pop().rstrip()}")
        body.append(" " + " ".join(_runs([letters[pair] for pair in looks])))
    legend = [f"{letter}  {'  /  '.join(looks)}" for looks, letter in letters.items()]
    return "\n".join([*legend, "", *body, ""])


def _runs(letters: Sequence[str]) -> list[str]:
    """`a12 b3`: twelve characters of one look, three of another."""
    return [f"{letter}{len(list(same))}" for letter, same in groupby(letters)]


def difference(stored: str, now: str) -> str:
    """Where two stills part, in a few lines; empty where they do not."""
    if stored == now:
        return ""
    old, new = stored.splitlines(), now.splitlines()
    told = [f"{len(old)} lines, now {len(new)}"] if len(old) != len(new) else []
    for number, (before, after) in enumerate(zip(old, new, strict=False), 1):
        if before != after:
            told += [f"line {number}:", f"  - {before}", f"  + {after}"]
    return "\n".join(told[:40])
