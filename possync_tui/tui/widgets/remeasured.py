"""Widgets that are as high as what they show, whenever it changes."""

from typing import Self

from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static


class Remeasured(Widget):
    """Measured anew after each change that may have changed its size.

    Textual 8.2.8 counts changes once between two idle moments of a widget. Where something else
    lays the screen out in between, the size measured there stays, whatever comes after it.
    Stands last among bases: Textual styles a class by its first one.
    """

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        if layout and self._layout_required:
            self._layout_updates += 1
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class Passage(Static, Remeasured):
    """Plain text of as many rows as it takes."""
