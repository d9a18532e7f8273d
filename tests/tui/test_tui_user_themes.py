"""Themes of the user's own: what a file says is what is on the screen, and mistakes are named."""

import os
import re
from pathlib import Path

import pytest
from textual.color import Color

from possync_tui.tui.themes import DEFAULT_THEME
from possync_tui.tui.user_themes import (
    KEYS,
    ThemeError,
    contrast,
    read_themes,
    theme_of,
)
from tests.tui.conftest import Running, app_of, dashboard, screen_text, settle
from tests.tui.hostile import HOSTILE

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
GOOD = 'name = "mine"\nprimary = "#7fb4ca"\n'


def example() -> str:
    """The theme of the documentation."""
    found = re.search(r'```toml\n(name = "harbour".*?)```', README, re.DOTALL)
    assert found is not None
    return found[1]


def put(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_theme_of_the_documentation_has_no_mistake(tmp_path: Path) -> None:
    found = read_themes(put(tmp_path / "themes", harbour=example()))
    assert found.problems == ()
    (theme,) = found.themes
    assert (theme.name, theme.dark, theme.panel) == ("harbour", True, "#1E252D")
    assert theme.variables["gain"] == "#8FBF7F"
    assert all(f"`{key}`" in README or f"\n{key} =" in example() for key in KEYS)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("primary = ", "it is not TOML"),
        ("[" * 5_000, "it is not TOML"),
        (GOOD + 'gian = "#fff"', "gian: there is no such key; did you mean gain?"),
        (GOOD + 'loss = "#ff"', "loss: #ff is no colour; write it like #7aa2f7"),
        (GOOD + "loss = 7", "loss: 7 is no colour"),
        (GOOD + 'panel = "#11223344"', "panel: #11223344 is no colour"),
        (GOOD + 'panel = "ansi_red"', "panel: ansi_red is no colour"),
        (GOOD + 'panel = "auto 80%"', "panel: auto 80% is no colour"),
        (GOOD + 'dark = "yes"', "dark: it has to be true or false"),
        ('name = "mine"', "primary: it is missing"),
        ('primary = "#fff"', "name: it has to be of small letters"),
        ('name = "My Own"\nprimary = "#fff"', "name: it has to be of small letters"),
        ('name = "possync-day"\nprimary = "#fff"', "name: there is a theme possync-day already"),
        ('name = "nord"\nprimary = "#fff"', "name: there is a theme nord already"),
    ],
)
def test_a_mistake_is_named_with_its_key(text: str, wrong: str) -> None:
    with pytest.raises(ThemeError, match=f"^{re.escape(wrong)}"):
        theme_of(text)


def test_one_bad_file_leaves_the_others(tmp_path: Path) -> None:
    folder = put(tmp_path, a=GOOD, b=GOOD, c="name = 3", d="#" * 70_000)
    (folder / "e.toml").write_bytes(b"\xff\xfe")
    (folder / "f.toml").mkdir()
    os.mkfifo(folder / "g.toml")
    found = read_themes(folder)
    assert [theme.name for theme in found.themes] == ["mine"]
    assert found.problems == (
        "b.toml: name: another file has the theme mine",
        "c.toml: name: it has to be of small letters, digits, - and _",
        "d.toml: it is too long for a theme",
        "e.toml: it is not UTF-8",
    )
    assert read_themes(tmp_path / "nowhere").problems == ()


def test_what_is_too_faint_to_read_is_said_and_may_be_used(tmp_path: Path) -> None:
    faint = GOOD + 'background = "#202020"\nforeground = "#eeeeee"\nloss = "#303030"\n'
    found = read_themes(put(tmp_path, faint=faint))
    assert [theme.name for theme in found.themes] == ["mine"]
    (problem,) = found.problems
    assert problem.startswith("faint.toml: loss: it is hard to read, with a contrast of 1.2 to")


def test_contrast_is_that_of_wcag() -> None:
    white, black = Color.parse("#fff"), Color.parse("#000")
    assert contrast(white, black) == contrast(black, white) == pytest.approx(21)
    assert contrast(white, white) == 1
    # The grey that is known for just missing 4.5 on white.
    assert contrast(Color.parse("#777777"), white) == pytest.approx(4.48, abs=0.005)


async def test_its_colours_are_on_the_screen_and_it_is_remembered(
    running: Running, tmp_path: Path
) -> None:
    themes = read_themes(put(tmp_path / "themes", harbour=example()))
    async with running((140, 40), themes=themes, state_folder=tmp_path) as pilot:
        assert pilot.app.theme == DEFAULT_THEME
        app_of(pilot).action_change_theme()
        await settle(pilot)
        await pilot.press(*"harbour")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.theme == "harbour"
    async with running((140, 40), themes=themes, state_folder=tmp_path) as pilot:
        assert pilot.app.theme == "harbour"
        table = dashboard(pilot).positions.table
        for tone, shown in (("gain", "#8fbf7f"), ("loss", "#e58a7b"), ("plain", "#dde3ea")):
            colour = table.get_component_rich_style(f"tone--{tone}").color
            assert colour is not None
            assert colour.get_truecolor().hex == shown
    async with running((140, 40), state_folder=tmp_path) as pilot:
        assert pilot.app.theme == DEFAULT_THEME
        assert "There is no theme “harbour”" in screen_text(pilot)


async def test_mistakes_are_said_at_the_start(running: Running, tmp_path: Path) -> None:
    themes = read_themes(put(tmp_path, bad0=GOOD + "gian = 1", bad1=GOOD + "dark = 1"))
    async with running((200, 60), themes=themes) as pilot:
        text = screen_text(pilot)
        assert "theme file bad0.toml: gian: there is no such key; did you mean gain?" in text
        assert "theme file bad1.toml: dark: it has to be true or false" in text
        (said,) = [note.message for note in pilot.app._notifications]
        assert said == "2 mistakes in your theme files; the Sync log says which."


def test_text_of_a_file_is_only_text(tmp_path: Path) -> None:
    for number, text in enumerate(HOSTILE):
        quoted = "".join(f"\\U{ord(char):08x}" for char in text)
        as_key, as_colour = f'{GOOD}"{quoted}" = 1\n', f'{GOOD}panel = "{quoted}"\n'
        found = read_themes(put(tmp_path / str(number), a=as_key, b=as_colour))
        assert all(problem.isprintable() for problem in found.problems)
        assert len(found.problems) == 2
