"""Copies text out of the dashboard: to the clipboard, and into a file for where that fails.

A terminal is told to fill its clipboard (OSC 52) and never answers. Over SSH, in tmux or with a
long text it may do nothing, so that the same text is in a file as well, whose name is said.
"""

import logging
from pathlib import Path

from textual.app import App

from possync_tui import paths
from possync_tui.tui.format import clean, shown_path

logger = logging.getLogger(__name__)

LONGEST_CLIP = 74_000
"""Bytes; terminals drop longer ones (xterm and others take 100,000 of base64)."""


class Copier:
    """Copies for the whole app; `folder` is where the file goes, with none there is no file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def copy(self, app: App[None], text: str, what: str, *, name: str = "copied.txt") -> None:
        """Copy, and say what was copied and where it is."""
        if not text:
            app.notify("There is nothing to copy.", markup=False, timeout=2)
            return
        fits = len(text.encode("utf-8", errors="replace")) <= LONGEST_CLIP
        if fits:
            app.copy_to_clipboard(text)
        path = self._write(name, text)
        if path is None and not fits:
            app.notify(
                f"Too long for the clipboard, and no file could be written: {what}.",
                severity="warning",
                markup=False,
            )
            return
        said = f"Copied {what}." if fits else f"Too long for the clipboard: {what}."
        if path is not None:
            said += f" {'Also' if fits else 'It is'} in {clean(shown_path(path))}"
        app.notify(said, markup=False, timeout=4)

    def _write(self, name: str, text: str) -> Path | None:
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            paths.make_private_folder(self._folder)
            paths.write_private(path, text.encode("utf-8", errors="replace"))
        except OSError as error:
            logger.warning("what was copied could not be written to %s: %s", path, error)
            return None
        return path
