"""In a real terminal: keys of the user's choice, the mouse, copies, and what is remembered."""

import base64
import stat

import pytest

from .conftest import Desk, Terminal

pytestmark = pytest.mark.tty

F5 = "\x1b[15~"


def click(screen: Terminal, column: int, line: int) -> None:
    """Press and let go, as an emulator with SGR mouse reports tells it; both count from 0."""
    for end in "Mm":
        screen.press(f"\x1b[<0;{column + 1};{line + 1}{end}")


def test_what_is_chosen_by_key_and_mouse_is_there_at_the_next_start(desk: Desk) -> None:
    desk.env["POSSYNC_KEYS"] = "sync=F5,quit=Q"
    desk.use(desk.gateway())
    screen = desk.terminal()
    screen.until_text("TSLA")
    screen.until_text("f5 Sync")
    screen.press(F5)
    screen.until_text("manual")
    heading = next(n for n, row in enumerate(screen.screen.display) if "Symbol" in row)
    click(screen, screen.screen.display[heading].index("Qty"), heading)
    screen.until_text("by quantity ↑")
    screen.press("b")
    screen.until_text("in groups by account")
    screen.press("Y")
    screen.until_text("Copied 3 rows as CSV")
    screen.press("Q")
    assert screen.ended() == 0
    folder = desk.home / ".local" / "state" / "possync-tui"
    copied = (folder / "copied.csv").read_bytes()
    assert copied.startswith(b"Symbol,")
    assert b"12.5" in copied
    # OSC 52 carries the very same text.
    assert b"\x1b]52;c;" + base64.b64encode(copied) in screen.raw
    for name in ("copied.csv", "choices.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    again = desk.terminal()
    again.until_text("in groups by account · by quantity ↑")
    for symbol in ("MSFT", "TSLA", "AAPL"):
        again.until_text(symbol)
    places = [again.text.index(symbol) for symbol in ("MSFT", "TSLA", "AAPL")]
    assert places == sorted(places)
    again.press("Q")
    assert again.ended() == 0
