"""What is said while a question is asked does not lie over its answers."""

import pytest
from textual.geometry import Region
from textual.widgets import Button
from textual.widgets._toast import Toast

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
