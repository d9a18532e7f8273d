"""Our themes can be read, and one of them by every common kind of colour vision."""

import math
from itertools import combinations

import pytest

from possync_tui.tui.themes import THEMES
from tests.tui.conftest import Running, dashboard, settle

Triple = tuple[float, float, float]
# What colours look like to the colour-blind: Machado, Oliveira and Fernandes (2009), severity 1,
# on linear RGB.
VISIONS: dict[str, tuple[Triple, Triple, Triple]] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TOLD_APART = 20.0
"""A CIE 1976 difference that nobody overlooks; 2.3 is just noticeable."""


def linear(colour: Triple) -> Triple:
    r, g, b = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in colour)
    )
    return (r, g, b)


def seen_as(vision: str, colour: Triple) -> Triple:
    """Linear RGB as that eye has it."""
    parts = linear(colour)
    r, g, b = (
        min(1.0, max(0.0, sum(weight * part for weight, part in zip(row, parts, strict=True))))
        for row in VISIONS[vision]
    )
    return (r, g, b)


def lab(parts: Triple) -> Triple:
    r, g, b = parts
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089

    def f(t: float) -> float:
        return t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116

    return (116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z)))


def difference(one: Triple, other: Triple) -> float:
    parts = zip(lab(one), lab(other), strict=True)
    return math.sqrt(sum((a - b) ** 2 for a, b in parts))


def contrast(one: Triple, other: Triple) -> float:
    """As WCAG 2 has it."""

    def luminance(colour: Triple) -> float:
        r, g, b = linear(colour)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


async def colours_of(running: Running, theme: str) -> dict[str, Triple]:
    """The colours as the Positions pane has them on the screen."""
    async with running(theme=theme) as pilot:
        await settle(pilot)
        table = dashboard(pilot).positions.table
        found: dict[str, Triple] = {}
        for tone in ("plain", "dim", "gain", "loss", "warning", "error", "accent"):
            colour = table.get_component_rich_style(f"tone--{tone}").color
            assert colour is not None
            r, g, b = colour.get_truecolor()
            found[tone] = (r, g, b)
        ground = table.rich_style.bgcolor
        assert ground is not None
        r, g, b = ground.get_truecolor()
        found["ground"] = (r, g, b)
        return found


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_every_tone_can_be_read_on_its_ground(running: Running, theme: str) -> None:
    colours = await colours_of(running, theme)
    ground = colours.pop("ground")
    for tone, colour in colours.items():
        assert contrast(colour, ground) >= 4.5, tone


async def test_gains_losses_and_warnings_are_told_apart_by_every_eye(running: Running) -> None:
    colours = await colours_of(running, "possync-blue-orange")
    for vision in VISIONS:
        for one, other in combinations(("gain", "loss", "plain"), 2):
            apart = difference(seen_as(vision, colours[one]), seen_as(vision, colours[other]))
            assert apart > TOLD_APART, (vision, one, other)


async def test_the_measure_knows_that_red_and_green_are_not(running: Running) -> None:
    usual = await colours_of(running, "possync")
    safe = await colours_of(running, "possync-blue-orange")

    def apart(colours: dict[str, Triple]) -> float:
        pair = [seen_as("deuteranopia", colours[tone]) for tone in ("gain", "loss")]
        return difference(*pair)

    assert apart(usual) < apart(safe) / 2
