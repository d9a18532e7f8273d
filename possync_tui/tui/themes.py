"""Colour themes of our own. Meaning never hangs on them alone: signs and symbols carry it too."""

from textual.theme import BUILTIN_THEMES, Theme

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


def theme_names() -> list[str]:
    """What `POSSYNC_THEME` may be: ours first."""
    return [*(theme.name for theme in THEMES), *BUILTIN_THEMES]
