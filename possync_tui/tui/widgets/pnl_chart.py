"""The chart of realized P&L: the running total, and what each day (hour, week, month) brought."""

from enum import StrEnum

from rich.text import Text
from textual.color import Color, ColorParseError
from textual.widget import Widget

from possync_tui.domain.performance import Unit
from possync_tui.tui import plots
from possync_tui.tui.plots import Colour, Palette, Story

ROOM_FOR_BOTH = 15
LEAST_WIDTH = 24
LEAST_HEIGHT = 4
UNITS = {
    Unit.HOUR: "by hour",
    Unit.DAY: "by day",
    Unit.WEEK: "by week",
    Unit.MONTH: "by month",
    Unit.QUARTER: "by quarter",
    Unit.YEAR: "by year",
}


class Look(StrEnum):
    """What is drawn. `BOTH` where there is room for it, else the curve alone."""

    BOTH = "both"
    CURVE = "running total"
    BARS = "bars"


class PnlChart(Widget):
    """Built anew only when what it shows, its size or its colours changed."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="pnl-chart")
        self.builds = 0
        """How often it was drawn anew: what the tests count."""
        self._story = Story()
        self._look = Look.BOTH
        self._built: Text | None = None
        self._built_for: tuple[object, ...] = ()

    @property
    def story(self) -> Story:
        return self._story

    @property
    def look(self) -> Look:
        """What is drawn, given the room."""
        if self._look is Look.BOTH and self.size.height < ROOM_FOR_BOTH:
            return Look.CURVE
        return self._look

    def show(self, story: Story) -> None:
        if story != self._story:
            self._story = story
            self.refresh()

    def turn(self) -> None:
        """The next look: both where they fit, the curve, the bars."""
        looks = [Look.CURVE, Look.BARS]
        if self.size.height >= ROOM_FOR_BOTH:
            looks.insert(0, Look.BOTH)
        here = looks.index(self.look) if self.look in looks else 0
        self._look = looks[(here + 1) % len(looks)]
        if self._look is Look.CURVE and self.size.height < ROOM_FOR_BOTH:
            # A wider window shows both again.
            self._look = Look.BOTH
        self.refresh()

    def render(self) -> Text:
        width, height = self.size.width, self.size.height
        if not self._story.moved or width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return Text("")
        stage = plots.stage_of(self._story, width)
        wanted = (self._story.moved, stage, width, height, self.look, self.app.theme)
        if self._built is None or wanted != self._built_for:
            self._built_for = wanted
            self._built = self._draw(stage, width, height)
            self.builds += 1
        return self._built

    def _draw(self, stage: plots.Stage, width: int, height: int) -> Text:
        palette, look = self._palette(), self.look
        each = f"realized {UNITS[stage.unit]}"
        if look is Look.CURVE:
            drawn = plots.curve(self._story, stage, width, height - 1, palette)
            return Text("\n").join((self._caption("running total"), drawn))
        if look is Look.BARS:
            drawn = plots.columns(self._story, stage, width, height - 1, palette)
            return Text("\n").join((self._caption(each), drawn))
        low = max(5, (height - 2) * 2 // 5)
        heights = (height - 2 - low, low)
        label = plots.label_width(self._story, stage, heights)
        upper = plots.curve(
            self._story, stage, width, heights[0], palette, label, names_times=False
        )
        lower = plots.columns(self._story, stage, width, heights[1], palette, label)
        return Text("\n").join((self._caption("running total"), upper, self._caption(each), lower))

    def _caption(self, words: str) -> Text:
        quiet = self._palette().quiet
        style = "" if isinstance(quiet, str) else f"rgb({quiet[0]},{quiet[1]},{quiet[2]})"
        return Text(words, style=style, no_wrap=True)

    def _palette(self) -> Palette:
        return Palette(
            line=self._colour("primary", "blue+"),
            gain=self._colour(self._own("gain", "success"), "green"),
            loss=self._colour(self._own("loss", "error"), "red"),
            quiet=self._colour("foreground", "default", 0.62),
        )

    def _own(self, tone: str, usual: str) -> str:
        """The theme's own colour for a gain or a loss; the usual one stands out better in bars."""
        return tone if tone in self.app.current_theme.variables else usual

    def _colour(self, variable: str, fallback: str, strength: float = 1.0) -> Colour:
        """A theme colour as plotext takes it; themes of ANSI colours have names only."""
        variables = self.app.theme_variables
        if self.app.native_ansi_color:
            return fallback
        try:
            colour = Color.parse(variables[variable])
            ground = Color.parse(variables["background"])
        except (ColorParseError, KeyError):
            return fallback
        blended = ground.blend(colour, strength)
        return (blended.r, blended.g, blended.b)
