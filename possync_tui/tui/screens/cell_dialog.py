"""Asks which cell of a row is copied."""

from collections.abc import Sequence
from string import ascii_lowercase

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, OptionList

from possync_tui.domain.values import dataclass
from possync_tui.tui.format import UNKNOWN, clean, fit
from possync_tui.tui.screens.dialog import Dialog
from possync_tui.tui.tones import Tone, say

# The list's own keys are no letters of it.
LETTERS = "".join(letter for letter in ascii_lowercase if letter not in "jk")
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class NamedCell:
    """A cell under its column's title; `text` is all of it, empty where it is unknown."""

    title: str
    text: str


class CellDialog(Dialog[NamedCell]):
    """A letter, enter or a click takes a cell."""

    about = "One cell of the row under the cursor, with all its digits, for the clipboard."
    keys_told = (
        ("a b c …", "Copy the cell with that letter"),
        ("↑ ↓ j k", "Move"),
        ("enter", "Copy the cell under the cursor"),
        ("esc", "Copy nothing"),
    )

    def __init__(self, cells: Sequence[NamedCell]) -> None:
        super().__init__(
            "Copy one cell", say(("Its letter, enter or a click copies it.", Tone.DIM))
        )
        self._cells = tuple(cells)

    def body(self) -> list[Widget]:
        titles = [clean(cell.title) for cell in self._cells]
        wide = max(map(cell_len, titles))
        return [
            CellList(
                *(
                    say(
                        (f"{LETTERS[at : at + 1]:<2}", Tone.ACCENT),
                        f"{fit(title, wide)}  ",
                        self._shown(cell),
                    )
                    for at, (title, cell) in enumerate(zip(titles, self._cells, strict=True))
                ),
                compact=True,
            )
        ]

    @staticmethod
    def _shown(cell: NamedCell) -> Content:
        text = clean(cell.text) or UNKNOWN
        return say((fit(text, min(_WIDEST, cell_len(text))), Tone.STRONG))

    def buttons(self) -> list[Button]:
        return [Button("Cancel  (esc)", id="no", compact=True)]

    def on_mount(self) -> None:
        self.query_one(CellList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._cells[event.option_index])

    def on_button_pressed(self) -> None:
        self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        at = LETTERS.find(event.character) if event.character else -1
        if 0 <= at < len(self._cells):
            event.stop()
            self.dismiss(self._cells[at])


class CellList(OptionList):
    """Moves like every list here."""

    BINDINGS = [  # noqa: RUF012
        ("j", "cursor_down", "Down"),
        ("k", "cursor_up", "Up"),
    ]
