"""Lets go of what a closed screen had drawn.

Textual 8 remembers two colours of each widget that was ever drawn under a key that holds all lines
of that widget (https://github.com/Textualize/textual/issues/6665). A thousand such keys stay: after
a day of opening and closing screens, tens of megabytes of lines that nobody sees any more.
"""

from textual._styles_cache import StylesCache

_COLOURS = "get_inner_outer"


def let_go_of_closed_screens() -> None:
    """Have the colours remembered by themselves. Where Textual does so already, nothing is done."""
    remembered = vars(StylesCache).get(_COLOURS)
    # Only what is a cache now: a later Textual may have dropped it, or may have mended this.
    if remembered is not None and hasattr(remembered, "cache_info"):
        setattr(StylesCache, _COLOURS, classmethod(remembered))
