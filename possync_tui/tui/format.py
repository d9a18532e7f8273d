"""How values become text on the screen.

All text from outside (symbols, messages, file contents) passes through here before it is shown:
control characters and escape sequences never reach the terminal, and nothing is ever read as
markup, because widgets are given finished `Content` or `Segment`s, never strings to parse.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from possync_tui.domain.figures import DOWN as DOWN
from possync_tui.domain.figures import MINUS as MINUS
from possync_tui.domain.figures import UNKNOWN as UNKNOWN
from possync_tui.domain.figures import UP as UP
from possync_tui.domain.figures import age as age
from possync_tui.domain.figures import ago as ago
from possync_tui.domain.figures import arrow as arrow
from possync_tui.domain.figures import money as money
from possync_tui.domain.figures import number as number
from possync_tui.domain.figures import price as price
from possync_tui.domain.text import mask_account, mask_accounts

# Whole sequences go, so that their payload (a clipboard write, a window title) is not left behind
# as text: OSC, DCS, SOS, PM and APC strings up to their terminator, then CSI, then two-byte ESC.
_STRING_SEQUENCE = r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"
_CSI_SEQUENCE = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
_SHORT_SEQUENCE = r"\x1b[ -/]*[0-~]?"
_SEQUENCES = re.compile(f"{_STRING_SEQUENCE}|{_CSI_SEQUENCE}|{_SHORT_SEQUENCE}", re.DOTALL)
_VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
LONGEST = 4_000
"""No label or message needs more; a longer one is cut before anything measures it."""


def clean(text: str) -> str:
    """`text` on one line, without control, formatting or escape characters."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCES.sub("", text)
    return "".join(_shown(character) for character in text).strip()


def _shown(character: str) -> str:
    if character in "\t\n\r\v\f":
        return " "
    if character in _VARIATION_SELECTORS:
        # Terminals disagree on how wide these make the character before them.
        return ""
    category = unicodedata.category(character)
    if category.startswith("C"):
        # Controls, and the formatting characters that reverse the reading order of a line.
        return ""
    return " " if category in ("Zl", "Zp") else character


def shown_path(path: Path) -> str:
    """Where a file really is; in the user's own folder it begins with `~`."""
    real = path.resolve()
    try:
        return str(Path("~") / real.relative_to(Path.home().resolve()))
    except (ValueError, RuntimeError):
        return str(real)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    if text.isascii() and len(text) <= width:
        return text.rjust(width) if right else text.ljust(width)
    length = cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)
    return " " * (width - length) + text if right else text + " " * (width - length)


def _fits(text: str, width: int) -> bool:
    # No character is wider than its bytes are many, and cells take long to count.
    return len(text.encode("utf-8", "surrogatepass")) <= width or cell_len(text) <= width


def wrap(text: str, width: int, most: int) -> list[str]:
    """`text` in at most `most` rows of `width` cells, broken at spaces where there are any."""
    if _fits(text, width) or width < 8:
        return [text]
    rows: list[str] = []
    row = ""
    for word in text.split(" "):
        joined = f"{row} {word}" if row else word
        if _fits(joined, width):
            row = joined
            continue
        if row:
            rows.append(row)
        row = word
        while cell_len(row) > width:
            head = fit(row, width)[:-1]
            rows.append(head)
            row = row[len(head) :]
    rows.append(row)
    if len(rows) > most:
        rows = [*rows[: most - 1], fit(" ".join(rows[most - 1 :]), width).rstrip()]
    return rows


class Redaction:
    """Shows text from outside, with account numbers masked where the user asked for that."""

    def __init__(self, *, mask_accounts: bool) -> None:
        self.masks_accounts = mask_accounts
        self._codes: tuple[str, ...] = ()

    def learn(self, codes: Iterable[str]) -> None:
        """Account codes to look for in messages."""
        known = {*self._codes, *(code for code in codes if len(code) > 2)}
        # Longest first: `DU12345` must not be half masked by `DU1234`.
        self._codes = tuple(sorted(known, key=lambda code: (-len(code), code)))

    def account(self, code: str) -> str:
        """An account code by itself."""
        shown = clean(code)
        return mask_account(shown) if self.masks_accounts else shown

    def text(self, outside: str) -> str:
        """A sentence of the ledger or the broker, which may hold account codes."""
        shown = clean(outside).replace(" -> ", " → ")
        if self.masks_accounts:
            for code in self._codes:
                if code in shown:
                    shown = shown.replace(code, mask_account(code))
            # Some are named before anybody has met them.
            shown = mask_accounts(shown)
        return shown

    def story(self, told: str) -> str:
        """A line of the log or the journal, its figures and times as the tables have them."""
        return readable(self.text(told))


# --- figures in sentences ------------------------------------------------------------------------

_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z\b|[+-]\d\d:?\d\d\b| UTC\b)"
)
_FIGURE = re.compile(r"(?<![\w.,:/#+−-])([-−]?)(0|[1-9]\d*)(\.\d+)?(?![\w:/-]|[.,]\d| [CP]\b)")
_BEFORE_AMOUNT = (
    *("→ ", "@ ", "new, ", "back, ", "closed ", "cost ", "in all ", "quantity ", "realized "),
    *("it was ", " by "),
)
_AFTER_AMOUNT = (" →", " units", " at average cost", ", average cost")
_MOST_DIGITS = 8
"""More digits behind the point are the remains of a division: nobody counts in them."""


def readable(sentence: str) -> str:
    """Times in the user's zone, and amounts with their thousands apart.

    A whole number may as well be an id or a port: only where a sentence says an amount it is one.
    """
    if not any(character.isdigit() for character in sentence):
        return sentence
    return _FIGURE.sub(_as_in_tables, _TIME.sub(_here, sentence))


def _here(found: re.Match[str]) -> str:
    try:
        return stamp(datetime.fromisoformat(found[0].replace(" UTC", "+00:00")))
    except ValueError:
        return found[0]


def _as_in_tables(found: re.Match[str]) -> str:
    sign, whole, part = found[1], found[2], found[3] or ""
    text = found.string
    before, after = text[max(0, found.start() - 12) : found.start()], text[found.end() :]
    if not part and not (before.endswith(_BEFORE_AMOUNT) or after.startswith(_AFTER_AMOUNT)):
        return found[0]
    if len(part) > _MOST_DIGITS + 1:
        return price(Decimal(f"{'-' if sign else ''}{whole}{part}"))
    return f"{MINUS if sign else ''}{int(whole):,}{part}"


# --- numbers -------------------------------------------------------------------------------------


def signed(value: Decimal | None) -> str:
    """An amount that always shows its sign."""
    text = money(value)
    return f"+{text}" if value is not None and value > 0 and text != "0.00" else text


def marked(value: Decimal | None) -> str:
    """An amount behind its arrow: `▲ 1,175.00`, `▼ −60.00`."""
    return f"{arrow(value)} {money(value)}".lstrip()


def count(value: int) -> str:
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """`1 position`, `2 positions`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


# --- times ---------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    """A duration of evidence, to the second below a minute: `0 s`, `12 s`, `4 m`."""
    return f"{max(0, int(value))} s" if value < 60 else age(value)


def countdown(seconds: float) -> str:
    """`4:48`, `0:59:12` above the hour's shadow."""
    whole = max(0, int(seconds + 0.999))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def long_countdown(seconds: float) -> str:
    """`0:59:12`, hours always shown."""
    text = countdown(seconds)
    return text if text.count(":") == 2 else f"0:{text:0>5}"


def span(seconds: float) -> str:
    """An uptime: `3 h 12 m`, `12 m 4 s`, `9 s`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def milliseconds(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 1 or value == 0 else "<1 ms"


def clock_time(at: datetime) -> str:
    """`14:30:00` in the user's zone."""
    return f"{at.astimezone():%H:%M:%S}"


def moment(at: datetime, now: datetime) -> str:
    """A time near `now`: the hour alone today, the weekday this week, else the date."""
    here, today = at.astimezone(), now.astimezone()
    if here.date() == today.date():
        return f"{here:%H:%M}"
    if 0 < (today.date() - here.date()).days < 7:
        return f"{here:%a %H:%M}"
    return f"{here.day} {here:%b %H:%M}" if here.year == today.year else f"{here:%Y-%m-%d}"


def minute(at: datetime) -> str:
    """`2026-12-19 14:30` in the user's zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def stamp(at: datetime) -> str:
    """`2026-12-19 14:30:00` in the user's zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
