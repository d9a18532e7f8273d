"""The page of pictures beside the README: every screen is on it, and the pictures are there."""

import re
from pathlib import Path

from textual.screen import Screen

from possync_tui.tui import screens
from tests.pictures.gallery import PICTURES
from tests.pictures.page import FOLDER, page

ROOT = Path(__file__).parents[2]
MOST_BYTES, MOST_BYTES_OF_ALL = 120_000, 2_000_000


def screens_of_the_program(of: type[Screen[object]] = Screen) -> set[type[Screen[object]]]:
    """Every class of `screens/` that is shown as it is."""
    found: set[type[Screen[object]]] = set()
    for each in of.__subclasses__():
        below = screens_of_the_program(each)
        if each.__module__.startswith(screens.__name__) and not below:
            found.add(each)
        found |= below
    return found


def test_every_screen_has_a_picture() -> None:
    shown = {picture.shows for picture in PICTURES}
    assert len(screens_of_the_program()) > 10
    assert screens_of_the_program() - shown == set()


def test_the_page_is_what_the_command_writes_and_its_pictures_are_there() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page()
    assert {path.stem for path in FOLDER.glob("*.png")} == {picture.name for picture in PICTURES}
    for picture in PICTURES:
        assert f"## {picture.title}\n\n{picture.sentence}\n" in page()
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert max(sizes.values()) < MOST_BYTES
    assert sum(sizes.values()) < MOST_BYTES_OF_ALL


def test_the_readme_leads_there() -> None:
    linked = set(re.findall(r"\]\((\.github/[^)]+)\)", (ROOT / "README.md").read_text("utf-8")))
    assert ".github/pictures/README.md" in linked
    for target in linked:
        assert (ROOT / target).is_file()
