"""How lines of a table become strips."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from possync_tui.domain.values import dataclass
from possync_tui.tui.columns import Align, Cell, Placed
from possync_tui.tui.format import fit, wrap
from possync_tui.tui.tones import Tone
from possync_tui.tui.widgets.painter import Painter

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class RowLook:
    """One row as it is to be drawn.

    `start` is where its columns begin; `ground` lies under all of it, `grounds` under cells.
    """

    start: int
    is_cursor: bool
    flag: Cell | None
    note: Cell | None
    note_spares: frozenset[str]
    ground: str
    grounds: Mapping[str, str]
    texts: Sequence[tuple[str, Tone]]
    """What its columns say, in the width of each."""
    spilling: tuple[str, str] | None = None
    """A column, and its whole text: it may run over empty cells behind it."""


def heading_strip(
    placed_columns: Sequence[Placed[Row]],
    sort_id: str | None,
    sort_down: bool,
    width: int,
    style: Style,
) -> Strip:
    """The titles, with an arrow at the one that is sorted by."""
    line = ""
    for placed in placed_columns:
        title, x, room = placed.column.title, placed.x, placed.width
        is_right = placed.column.align is not Align.LEFT
        if placed.column.id == sort_id:
            arrow = "↓" if sort_down else "↑"
            if cell_len(title) >= room > 0:
                # The arrow takes one cell of the gap of two beside it, so nothing moves.
                x, room = (x - 1, room + 1) if is_right else (x, room + 1)
            title = fit(title, min(cell_len(title), max(0, room - 1))) + arrow
        line = line.ljust(x) + fit(title, room, right=is_right)
    return Strip([Segment(fit(line, width), style)], width)


def row_strip(
    paint: Painter, look: RowLook, placed_columns: Sequence[Placed[Row]], width: int
) -> Strip:
    """The cells in their places; a note behind them, or over the last where there is no room."""
    ground, grounds, note = look.ground, look.grounds, look.note
    pieces: list[tuple[str, Tone, str]] = [("▸" if look.is_cursor else " ", Tone.ACCENT, ground)]
    x = 1
    if look.flag is not None:
        pieces.append((" " * (look.start - 3), Tone.PLAIN, ground))
        pieces.append((fit(look.flag.text, 1), look.flag.tone, ground))
        x = look.start - 1
    end = placed_columns[-1].x + placed_columns[-1].width if placed_columns else x
    covers = note is not None and width - end < len(note.text) + 3
    for index, (placed, (text, tone)) in enumerate(zip(placed_columns, look.texts, strict=True)):
        if covers and placed.column.id not in look.note_spares:
            break
        if placed.x < x:
            # Under a text that ran over it; only an empty cell is.
            continue
        if look.spilling is not None and placed.column.id == look.spilling[0]:
            text = fit(look.spilling[1], _free(index, look, placed_columns, width))
            pieces += [(" " * (placed.x - x), Tone.PLAIN, ground), (text, tone, ground)]
            x = placed.x + cell_len(text)
            continue
        pieces.append((" " * (placed.x - x), Tone.PLAIN, ground))
        pieces.append((text, tone, grounds.get(placed.column.id, ground)))
        x = placed.x + placed.width
    if note is not None and width - x > 3:
        forms = (note.text, *note.briefer)
        said = next((form for form in forms if cell_len(form) + 2 <= width - x), forms[-1])
        pieces.append((fit("  " + said, width - x), note.tone, ground))
        x = width
    pieces.append((" " * (width - x), Tone.PLAIN, ground))
    return Strip(paint.segments_over(pieces), width)


def _free(index: int, look: RowLook, placed_columns: Sequence[Placed[Row]], width: int) -> int:
    """How far a cell may run: to its own end, or over empty ones to a cell before the next."""
    here = placed_columns[index]
    whole = cell_len(look.spilling[1]) if look.spilling is not None else 0
    if whole <= here.width:
        return here.width
    others = zip(placed_columns[index + 1 :], look.texts[index + 1 :], strict=True)
    next_x = next((placed.x - 1 for placed, (text, _) in others if text.strip()), width)
    return max(here.width, min(whole, next_x - here.x))


def placeholder_strip(paint: Painter, text: str, y: int, width: int) -> Strip:
    """Line `y` of the sentence that says why there is nothing to show."""
    line = dict(enumerate(wrap(text, width - 6, 6))).get(y, "")
    return Strip([Segment(fit(f"   {line}", width), paint.style(Tone.DIM))], width)
