"""The page of pictures beside the README."""

from pathlib import Path

from tests.pictures.gallery import PICTURES

FOLDER = Path(__file__).parents[2] / ".github" / "pictures"
HEAD = """# Pictures

Every screen of possync-tui, on the desk of its tests. `python -m tests.pictures` draws them and
writes this page.
"""


def page() -> str:
    """The page as Markdown."""
    parts = [
        f"## {picture.title}\n\n{picture.sentence}\n\n![{picture.title}]({picture.name}.png)\n"
        for picture in PICTURES
    ]
    return "\n".join([HEAD, *parts])
