"""Settings of the screen that only the screen can judge. Loads Textual: only where one was set."""

from possync_tui import paths
from possync_tui.settings import Settings


def wrong_theme(settings: Settings) -> str:
    """What is wrong with the theme, and which there are; empty where nothing is."""
    theme = settings.possync.theme
    if theme is None:
        return ""
    from possync_tui.tui.themes import theme_names
    from possync_tui.tui.user_themes import read_themes

    own = read_themes(paths.themes_folder())
    names = [*theme_names(), *(each.name for each in own.themes)]
    if theme in names:
        return ""
    passed_over = f"; theme files: {'; '.join(own.problems)}" if own.problems else ""
    return f"there is no theme {theme}; there are {', '.join(names)}{passed_over}"


def wrong_keys(settings: Settings) -> str:
    """What is wrong with the keys; empty where nothing is."""
    if not settings.possync.keys:
        return ""
    from possync_tui.tui.key_check import check
    from possync_tui.tui.keymap import KeymapError, keymap_of

    try:
        check(keymap_of(settings.possync.keys))
    except KeymapError as error:
        return str(error)
    return ""
