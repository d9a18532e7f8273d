"""What the cells of drawn rows say: only what can have changed is put into words again."""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from possync_tui.tui.columns import Placed
from possync_tui.tui.tones import Tone

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)


class RowTexts(Generic[Row, Key]):
    """Kept until the places of the columns change."""

    def __init__(self) -> None:
        self.has_grown = False
        """A text needed more room than its column had."""
        self.written = 0
        """How many cells were put into words so far: what the tests of it count."""
        # By row and column: what the cell was made of, its text and its tone.
        self._known: dict[Key, dict[str, tuple[object, str, Tone]]] = {}

    def forget(self, key: Key | None = None) -> None:
        """One row is gone, or everything is to be said anew."""
        if key is None:
            self._known.clear()
        else:
            self._known.pop(key, None)

    def of(
        self, row: Row, key: Key, placed_columns: Sequence[Placed[Row]]
    ) -> list[tuple[str, Tone]]:
        """A row's texts, each in the width of its column."""
        known = self._known.setdefault(key, {})
        texts = []
        for placed in placed_columns:
            column = placed.column
            made_of = None if column.still is None else column.still(row)
            before = known.get(column.id)
            if made_of is None or before is None or before[0] is not made_of:
                cell = column.cell(row)
                self.written += 1
                self.has_grown |= placed.measure.take(cell)
                text = placed.measure.text(cell, placed.width)
                before = known[column.id] = (made_of, text, cell.tone)
            texts.append(before[1:])
        return texts
