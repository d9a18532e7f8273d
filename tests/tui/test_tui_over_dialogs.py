"""Toasts: they do not lie over the answers to a question, and leave nothing behind."""

import pytest
from textual.geometry import Region
from textual.widgets import Button
from textual.widgets._toast import Toast, ToastHolder

from tests.tui.conftest import Running, press

QUESTIONS = {
    "arming": ("m",),
    "decision": ("v", "A"),
    "period": ("p", "7"),
    "export": ("p", "e"),
    "columns": ("c",),
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_toast_leaves_the_buttons_free(running: Running, question: str) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, *QUESTIONS[question])
        for _ in range(2):
            pilot.app.notify("Something happened meanwhile, and it takes two lines to say it all.")
        await press(pilot)
        screen = pilot.app.screen
        toasts = Region.from_union([toast.region for toast in screen.query(Toast)])
        buttons = [button.region for button in screen.query(Button)]
        assert toasts.area
        assert buttons
        assert not any(toasts.overlaps(button) for button in buttons)


async def test_a_toast_that_is_over_leaves_nothing_behind(running: Running) -> None:
    async with running((80, 24)) as pilot:
        app = pilot.app
        app.notify("This is over before it has counted down itself.")
        await press(pilot)
        (early,) = app._notifications
        early.raised_at -= early.timeout
        app.notify("This is said meanwhile.")
        await press(pilot)
        assert len(app.screen.query(ToastHolder)) == 1
        app.clear_notifications()
        await press(pilot)
        assert not app.screen.query(ToastHolder)
