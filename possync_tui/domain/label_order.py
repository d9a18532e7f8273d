"""The order of contracts by the name that is shown, as people count: 9 before 10, March before May.

What is loaded for the first look needs it too, so it imports next to nothing.
"""

from functools import lru_cache

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_MONTH_CODES = {code: number for number, code in enumerate("FGHJKMNQUVXZ", 1)}
_FIGURES = frozenset("0123456789")
_DIGITS = 15
"""Figures of a name are padded to so many: then they stand in order as text, too."""
_THEN = "\x1f"
"""Between the parts: before all that a name may have at its place."""
_KNOWN = 16_384
"""Names whose order is kept: they are asked for again with every reading of the ledger."""


@lru_cache(maxsize=_KNOWN)
def label_order(label: str) -> str:
    """A text that stands where the name belongs.

    Shares come before what is derived from them; that comes by its expiry, then by its strike,
    then calls before puts: `AAPL`, `AAPL 18DEC26 250 C`, `AAPL 15JAN27 95 C`.
    """
    words = label.split(" ")
    if len(words) == 4 and (day := _day(words[1])) and _is_number(words[2]):
        whole, _, part = words[2].partition(".")
        strike = f"{whole.zfill(_DIGITS)}.{part}"
        return _THEN.join((_counted(words[0]), day, strike, words[3]))
    if len(words) == 3 and words[1] in _MONTHS and _is_short_year(words[2]):
        return f"{_counted(words[0])}{_THEN}{words[2]}{_MONTHS[words[1]]:02}"
    if len(words) == 1 and len(label) > 2 and label[-2] in _MONTH_CODES and label[-1] in _FIGURES:
        # Its year is one figure: nothing is held that expired before 2026.
        decade = "2" if label[-1] >= "6" else "3"
        month = _MONTH_CODES[label[-2]]
        return f"{_counted(label[:-2])}{_THEN}{decade}{label[-1]}{month:02}"
    return _counted(label)


def _is_short_year(word: str) -> bool:
    return len(word) == 2 and _FIGURES.issuperset(word)


def _is_number(word: str) -> bool:
    return bool(word) and word[0] in _FIGURES and _FIGURES.issuperset(word.replace(".", "", 1))


def _day(word: str) -> str:
    """`261219` of `19DEC26`; empty where it is no such day."""
    day, month, year = word[:-5], word[-5:-2], word[-2:]
    if month not in _MONTHS or len(day) not in (1, 2):
        return ""
    if not (_FIGURES.issuperset(day) and _is_short_year(year)):
        return ""
    return f"{year}{_MONTHS[month]:02}{day.zfill(2)}"


def _counted(text: str) -> str:
    """The text without regard to case, its figures padded."""
    folded = text.casefold()
    if _FIGURES.isdisjoint(folded):
        return folded
    pieces, digits = [], ""
    for character in folded:
        if character in _FIGURES:
            digits += character
            continue
        if digits:
            pieces.append(digits.zfill(_DIGITS))
            digits = ""
        pieces.append(character)
    if digits:
        pieces.append(digits.zfill(_DIGITS))
    return "".join(pieces)
