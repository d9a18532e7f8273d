"""Asks where to write what is shown."""

from pathlib import Path

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input

from possync_tui.tui.export import destination
from possync_tui.tui.format import clean, counted, shown_path
from possync_tui.tui.screens.dialog import Dialog, Remark, field
from possync_tui.tui.tones import Tone, say

Answer = tuple[Path, bool]


class ExportDialog(Dialog[Answer]):
    """The answer is a path, and whether the file there may be replaced."""

    about = "What the table shows goes into a CSV file. Another file is not replaced unasked."

    def __init__(self, entries: int, what: str, default_name: str, folder: Path) -> None:
        """A name without a place is taken in `folder`, which is made if need be."""
        super().__init__("Export as CSV", say(f"{counted(entries, 'entry', 'entries')}: {what}."))
        self._default_name = default_name
        self._folder = folder.resolve()
        self._warned_of: Path | None = None
        self._remark = Remark(self._goes_to(default_name))

    def body(self) -> list[Widget]:
        return [
            field(("file", Input(self._default_name, id="path", compact=True))),
            self._remark,
        ]

    def buttons(self) -> list[Button]:
        return [
            Button("Cancel  (esc)", id="no", compact=True),
            Button("Write  (enter)", id="yes", variant="primary", compact=True),
        ]

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self) -> None:
        self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._answer()
        else:
            self.dismiss(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._warned_of = None
        self._remark.show(self._goes_to(event.value))

    def _goes_to(self, typed: str) -> Content:
        """Where the file goes, before it is written."""
        try:
            path = destination(typed, self._default_name, self._folder)
        except (OSError, ValueError, RuntimeError):
            return Content("")
        return say((f"Goes to {clean(shown_path(path))}", Tone.DIM))

    def _answer(self) -> None:
        try:
            path = destination(self.query_one(Input).value, self._default_name, self._folder)
            is_there = path.exists()
            has_folder = path.parent.is_dir() or path.parent == self._folder
        except (OSError, ValueError, RuntimeError):
            self._remark.complain("that is not a path")
            return
        if not has_folder:
            self._remark.complain(f"there is no folder {clean(shown_path(path.parent))}")
        elif is_there and path != self._warned_of:
            self._warned_of = path
            self._remark.complain(f"{clean(path.name)} exists; enter once more replaces it")
        else:
            self.dismiss((path, is_there))
