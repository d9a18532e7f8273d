"""Where a change that no fill explains belongs among the fills around it.

A snapshot tells of it only afterwards. If fills came since the last one, it may have been before
them, and where that is so the fills alone would tell of positions that were never held: a sale of
what an exercise had brought would look like a short that the exercise then closed.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from possync_tui.domain.counting import Counted


def belongs_first(held: Decimal, change: Decimal, due: Sequence[Counted]) -> bool:
    """Whether the position turns round less often if `change` came before what is `due`."""
    if not change or not due:
        return False
    by_fills = _path(held, due)
    late = [*by_fills, by_fills[-1] + change]
    early = [held, *_path(held + change, due)]
    return _turns(early) < _turns(late)


def _path(quantity: Decimal, due: Sequence[Counted]) -> list[Decimal]:
    path = [quantity]
    for counted in due:
        path.append(counted.happening.after(path[-1]))
    return path


def _turns(path: Sequence[Decimal]) -> int:
    """How often a long position becomes a short one in one step, or the other way round."""
    return sum(1 for before, after in pairwise(path) if before * after < 0)
