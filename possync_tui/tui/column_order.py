"""Which columns of the Positions pane are shown, and in which order, where the user chose."""

from collections.abc import Sequence
from typing import TypeVar

from possync_tui.domain.values import dataclass
from possync_tui.tui.columns import Column

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Columns by their ids; `None` leaves it to the program."""

    shown: tuple[str, ...] | None = None
    order: tuple[str, ...] | None = None


def in_order(columns: Sequence[Column[Row]], wanted: Sequence[str] | None) -> list[Column[Row]]:
    """The columns as wanted, the first one always first: without its symbol a row has no name.

    A name that no column has counts for nothing, and a column that is not named follows the one
    that it usually follows: so a file of another version of the program still does.
    """
    by_id = {column.id: column for column in columns}
    order = [name for name in dict.fromkeys(wanted or ()) if name in by_id]
    usual = list(by_id)
    for index, name in enumerate(usual):
        if name not in order:
            order.insert(order.index(usual[index - 1]) + 1 if index else 0, name)
    first = usual[0]
    return [by_id[name] for name in (first, *(name for name in order if name != first))]


def moved(order: Sequence[str], name: str, *, after: str) -> tuple[str, ...]:
    """The order with `name` right behind another."""
    rest = [other for other in order if other != name]
    place = rest.index(after) + 1
    return (*rest[:place], name, *rest[place:])
