"""What changes twice before the loop idles is as high as the second time needs."""

from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from possync_tui.tui.screens.runs import RunsScreen
from tests.tui.conftest import Running, press, screen_text, settle


def lay_out(screen: Screen[None]) -> None:
    """As it happens when a neighbour asked for it: no widget has had an idle moment since."""
    for widget in screen.walk_children(Widget, with_self=True):
        widget._clear_arrangement_cache()
    screen._refresh_layout()


async def test_a_text_is_as_high_as_its_last_change_needs(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "r")
        screen = pilot.app.screen
        assert isinstance(screen, RunsScreen)
        for text in ("one", "one\ntwo\nthree"):
            screen.detail.show(Content(text))
            lay_out(screen)
        await settle(pilot)
        assert "three" in screen_text(pilot)
