"""What the program writes to a terminal: only the sequences a screen is drawn with.

Names, messages and errors of the broker are full of escape sequences meanwhile, and every screen
that shows any is opened. A filter that forgets one place would let one of them through here.
"""

import re
import time
from collections.abc import Iterator

import pytest

from possync_tui.demo import HOSTILE_TEXTS

from .conftest import Desk, Gateway

pytestmark = pytest.mark.tty

DRAWING = re.compile(
    rb"""
      \x1b\[ [0-9;]* [HJKm]                     # the cursor's place, erasing, colours
    | \x1b\[ \? [0-9;]+ [hl]                    # modes: alternate screen, mouse, paste, focus
    | \x1b\[ \? [0-9]+ \$ p                     # is a mode there?
    | \x1b\[ [<>=]? [0-9;]* u                   # the keyboard's protocol
    | \x1b\[ > [0-9;]* [mq]
    | \x1b\[ [0-9;]* [cnt]                      # what terminal is this, how large
    | \x1b\] 52 ; c ; [A-Za-z0-9+/=]* (?: \x07 | \x1b\\ )   # a copy: base64, nothing else
    | \x1b\] 22 ; [a-z-]* (?: \x07 | \x1b\\ )     # the pointer's shape
    | \x1b\] (?: 1[0-9] | 4 ) ; [0-9;]* \? (?: \x07 | \x1b\\ )
    | \x1b [78=>cM]
    | \x1b P [=+>|0-9a-z;]* \x1b\\
    | \x1b \( B
    """,
    re.VERBOSE,
)
PLAIN = frozenset(b"\n\r\t\x08")


def strange(raw: bytes) -> Iterator[bytes]:
    """Control bytes that draw nothing, each with what follows it."""
    at = 0
    while at < len(raw):
        byte = raw[at]
        if byte == 0x1B:
            drawing = DRAWING.match(raw, at)
            if drawing is None:
                yield raw[at : at + 40]
                at += 1
            else:
                at = drawing.end()
            continue
        if (byte < 0x20 and byte not in PLAIN) or byte == 0x7F:
            yield raw[at : at + 40]
        at += 1
    for found in re.finditer("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", raw.decode(errors="replace")):
        yield found.group().encode()


OURS_IS_NEVER = (b"\x1b[2J", b"\x1b[31m", b"\x1b]0;", b"\xc2\x9b")
"""What hostile names ask for. All but the first two are no drawing; those Textual never writes."""


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_the_check_finds_what_it_is_for(text: str) -> None:
    raw = b"\x1b[1;5H\x1b[32m" + text.encode() + b"\x1b[0m"
    found = bool(list(strange(raw))) or any(sequence in raw for sequence in OURS_IS_NEVER)
    assert found == bool(re.search("[\x1b\x80-\x9f\u202a-\u202e]", text))


def spoiled(desk: Desk) -> Gateway:
    """A desk whose every contract has a hostile name, and whose messages are hostile."""
    gateway = desk.gateway(quiet=False)
    desk.use(gateway)
    for field in ("symbol", "local_symbol"):
        gateway.command(do="fault", kind="hostile_text", field=field)
    return gateway


def happen(gateway: Gateway) -> None:
    """Fills, absences and notices: what fills the P&L history, the review and the log."""
    rows = gateway.command(do="state")["positions"]
    for row in rows[:6]:
        gateway.command(do="close", account=row["account"], con_id=row["con_id"])
    for row in rows[6:9]:
        gateway.command(do="remove_row", account=row["account"], con_id=row["con_id"])
    for text in HOSTILE_TEXTS:
        gateway.command(do="notice", code=2107, text=text)


ESCAPE, ENTER, PALETTE = "\x1b", "\r", "\x10"
# Keys, what stands there then and not before, and the keys that walk through it and leave it.
SCREENS = (
    ("1bbb", "Positions", "j" * 20),
    (ENTER, "Open lots", f"23{ESCAPE}"),
    ("4z", "Sync log", "lllljjjyz1"),
    ("d", "What a sync would change", f"jjjjjj{ESCAPE}"),
    ("r", "Sync runs", f"jjj{ESCAPE}"),
    ("v", "Evidence", "jj"),
    ("A", "for the journal", f"{ESCAPE}{ESCAPE}"),
    ("p", "Realized P&L", "jjjjbc"),
    (ENTER, "Lots that it closed", f"jj{ESCAPE}{ESCAPE}"),
    ("m", "Arm for an hour", ESCAPE),
    ("?", "Keys and symbols", ESCAPE),
    (f"{PALETTE}[red", "Go to [red]", ESCAPE),
    ("1yY", "Copied", ""),
    ("a", "DU1000001", "a"),
    ("s", "manual", ""),
)


def test_nothing_but_drawing_reaches_the_terminal(desk: Desk) -> None:
    gateway = spoiled(desk)
    screen = desk.terminal(columns=160, lines=50)
    screen.until_text("[/red]")
    happen(gateway)
    screen.press("s")
    screen.until_text("held")
    for keys, title, walk in SCREENS:
        for key in keys:
            screen.press(key)
            screen.read()
        screen.until_text(title)
        for key in walk:
            screen.press(key)
            # An escape and what comes right behind it would be read as one key.
            time.sleep(0.2 if key == ESCAPE else 0)
            screen.read()
    screen.press("q")
    assert screen.ended() == 0
    assert list(strange(screen.raw)) == []
    assert [sequence for sequence in OURS_IS_NEVER if sequence in screen.raw] == []
