"""Draws the pictures of the README and of `.github/pictures`.

    python -m tests.pictures                               the page and its pictures
    python -m tests.pictures COLUMNS LINES THEME FOLDER    all of them that way, to look at

It needs `rsvg-convert` and `pngquant` (Debian: librsvg2-bin pngquant).
"""

import asyncio
import html
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from rich.cells import cell_len

from possync_tui.tui.themes import DEFAULT_THEME
from tests.pictures.drawing import drawn
from tests.pictures.gallery import PICTURES, Picture, Size
from tests.pictures.page import FOLDER, page

SIZE = (140, 40)
MOST_PIXELS = 1120
COLOURS = 64
"""Enough for text with smooth edges; a picture of all colours is four times as large."""
CELL = 12.2
"""What Rich takes as the width of a character."""
TEXT = re.compile(r'<text (class="[^"]*-r\d+" )x="([^"]*)" (y="[^"]*")[^>]*>([^<]*)</text>')
PIECE = re.compile(r"[!-~]+|[^!-~]")
"""A word of ASCII, or any other sign alone."""


def write_png(svg: str, path: Path, columns: int) -> None:
    """A terminal's picture has few colours, so a palette holds them."""
    width = min(MOST_PIXELS, 8 * columns)
    picture = subprocess.run(
        ["rsvg-convert", "-w", str(width)], input=svg.encode(), capture_output=True, check=True
    )
    small = subprocess.run(
        ["pngquant", str(COLOURS), "--nofs", "--speed", "1", "--strip", "-"],
        input=picture.stdout,
        capture_output=True,
        check=True,
    )
    path.write_bytes(small.stdout)


def in_cells(svg: str) -> str:
    """Each run of text as pieces that cannot drift out of their cells.

    rsvg-convert passes over `textLength`, and signs that the font lacks come from a wider one: in
    a terminal every one of them has a cell.
    """
    return TEXT.sub(_pieces, svg)


def _pieces(found: re.Match[str]) -> str:
    before, x, after, escaped = found.groups()
    text, placed, cell = html.unescape(escaped), [], 0
    for piece in PIECE.findall(text):
        if piece.strip("\u00a0 "):
            at = float(x) + cell * CELL
            inside = html.escape(piece, quote=False)
            placed.append(
                f'<text xml:space="preserve" {before}x="{at:.2f}" {after}>{inside}</text>'
            )
        cell += cell_len(piece)
    return "".join(placed)


def draw(picture: Picture, size: Size, theme: str, folder: Path) -> None:
    size = picture.size or size
    svg = asyncio.run(drawn(picture, size, picture.theme or theme))
    write_png(in_cells(svg), folder / f"{picture.name}.png", size[0])


def main(arguments: list[str]) -> None:
    size = (int(arguments[0]), int(arguments[1])) if len(arguments) > 1 else SIZE
    theme = arguments[2] if len(arguments) > 2 else DEFAULT_THEME
    folder = Path(arguments[3]) if len(arguments) > 3 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with patch.dict(os.environ, TZ="UTC"):
        for picture in PICTURES:
            draw(picture, size, theme, folder)
    if folder == FOLDER:
        (folder / "README.md").write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
