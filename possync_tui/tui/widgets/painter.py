"""Pieces of text with a meaning become segments with a colour: for widgets drawn line by line."""

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.widget import Widget

from possync_tui.tui.tones import Tone

TONE_CLASSES = frozenset(f"tone--{tone}" for tone in Tone)
"""The component classes that a widget needs to have a painter."""


class Painter:
    """Keeps the resolved styles of one widget until its theme changes."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[tuple[Tone, str], Style] = {}
        # One object for each look, so that neighbours need not be compared part by part.
        self._looks: dict[Style, Style] = {}

    def forget(self) -> None:
        """The theme changed."""
        self._styles.clear()
        self._looks.clear()

    def segments(self, pieces: Iterable[tuple[str, Tone]], ground: str = "") -> list[Segment]:
        """Text in tones, all of it over one ground."""
        return self.segments_over((text, tone, ground) for text, tone in pieces)

    def segments_over(self, pieces: Iterable[tuple[str, Tone, str]]) -> list[Segment]:
        """Adjacent text of one style becomes one segment: fewer escape codes to write."""
        segments: list[Segment] = []
        run, run_style = "", None
        for text, tone, ground in pieces:
            if not text:
                continue
            style = self.style(Tone.PLAIN if text.isspace() else tone, ground)
            if style is run_style:
                run += text
                continue
            if run:
                segments.append(Segment(run, run_style))
            run, run_style = text, style
        if run:
            segments.append(Segment(run, run_style))
        return segments

    def style(self, tone: Tone, ground: str = "") -> Style:
        """The look of `tone`, over the component class `ground`."""
        style = self._styles.get((tone, ground))
        if style is None:
            style = self._widget.get_component_rich_style(f"tone--{tone}")
            if ground:
                under = self._widget.get_component_rich_style(ground)
                if under.reverse:
                    # Colours turned inside out would make a rainbow of the row.
                    style = self._widget.get_component_rich_style(f"tone--{Tone.PLAIN}")
                style += Style(
                    bgcolor=under.bgcolor, bold=under.bold or None, reverse=under.reverse or None
                )
            style = self._styles[(tone, ground)] = self._looks.setdefault(style, style)
        return style
