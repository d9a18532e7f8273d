"""Colour themes of our own. Meaning never hangs on them alone: signs and symbols carry it too."""

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from possync_tui.domain.values import dataclass
from possync_tui.settings import DEFAULT_THEME as DEFAULT_THEME

THEMES = (
    Theme(
        name="possync",
        primary="#7aa2f7",
        secondary="#5a78b8",
        accent="#7aa2f7",
        success="#6cc995",
        error="#ef7a85",
        warning="#e8b45c",
        foreground="#d5dae3",
        background="#0f1318",
        surface="#151a21",
        panel="#1d242d",
    ),
    Theme(
        name="possync-day",
        primary="#2457b3",
        secondary="#5a78b8",
        accent="#2457b3",
        success="#12733f",
        error="#b3202f",
        warning="#8a5a00",
        foreground="#1c2430",
        background="#f7f8fa",
        surface="#eef0f4",
        panel="#e2e6ec",
        dark=False,
    ),
    # Blue for gains and orange for losses: told apart by every common kind of colour vision, which
    # `test_tui_themes.py` measures.
    Theme(
        name="possync-blue-orange",
        primary="#c3b6f2",
        secondary="#8d84b5",
        accent="#c3b6f2",
        success="#38a3f0",
        error="#ff9f3f",
        warning="#f0e442",
        foreground="#dcdce0",
        background="#111216",
        surface="#181a1f",
        panel="#21242b",
    ),
)


TONES = ("gain", "loss", "live", "paper", "demo", "quiet", "rule")
"""Colours of our own, beside Textual's: what they are where a theme does not say."""


@dataclass(frozen=True, slots=True)
class UserThemes:
    """The themes of the user's own, and what was wrong with their files."""

    themes: tuple[Theme, ...] = ()
    problems: tuple[str, ...] = ()


def own_variables(theme: Theme) -> dict[str, str]:
    """The colours of `TONES`; that of a live account as a ground and, beside it, as text."""
    colours = theme.to_color_system().generate()
    if theme.ansi:
        quiet = rule = "ansi_bright_black"
    else:
        ground, text = Color.parse(colours["background"]), Color.parse(colours["foreground"])
        quiet, rule = ground.blend(text, 0.64).hex, ground.blend(text, 0.22).hex
    return {
        "gain": colours["text-success"],
        "loss": colours["text-error"],
        "live": colours["error"],
        "live-text": colours["text-error"],
        "paper": colours["text-primary"],
        "demo": colours["text-primary"],
        "quiet": quiet,
        "rule": rule,
    }


def theme_names() -> list[str]:
    """The themes that every user has: ours first."""
    return [*(theme.name for theme in THEMES), *BUILTIN_THEMES]
