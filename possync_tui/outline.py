"""The outline of the dashboard: all of its first frame that does not hang on the ledger.

The dashboard draws it up at each start, in words of its own rather than in escape codes, so that
the next start can fill in the book as the ledger has it then and show that before Textual is
loaded. Nothing of the book is in it. This module is on that way: it loads nothing but `os`.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_HEAD = "possync-tui outline 2"
_FOLDER = "outlines"
_ANYWHERE = "anywhere"
_MOST_BYTES = 262_144
MOST_KEPT = 12
"""So many sizes and command lines are remembered."""
_NO_LOOK = "TEXTUAL_FPS"
_SEEN_BY_TEXTUAL = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TERM_PROGRAM", "HOME")
_PREFIXES = ("POSITION_SYNC_", "IBKR_", "POSSYNC_", "TEXTUAL", "XDG_")

Run = tuple[str, str]
"""A stretch of text behind the numbers of its look, as a terminal takes them: `1;38;2;…`."""


class NoOutline(ValueError):
    """There is none, or none that can be made out."""


class Slot:
    """A column in its place: `lead` and `part` are the room for arrow and decimals."""

    __slots__ = ("id", "lead", "part", "way", "width", "x")

    def __init__(self, id: str, x: int, width: int, lead: int, part: int, way: str) -> None:  # noqa: A002
        self.id = id
        self.x = x
        self.width = width
        self.lead = lead
        self.part = part
        self.way = way

    @property
    def fields(self) -> tuple[str, int, int, int, int, str]:
        return (self.id, self.x, self.width, self.lead, self.part, self.way)


class Need:
    """How much room the cells of a column took that is shown where there is room for it.

    `room` is what they all fit in, the title too; `part` is for decimals, `full` is what they would
    take without a cap. What the columns are given hangs on nothing else.
    """

    __slots__ = ("full", "id", "part", "room", "title")

    def __init__(self, id: str, title: int, room: int, part: int, full: int) -> None:  # noqa: A002
        self.id = id
        self.title = title
        self.room = room
        self.part = part
        self.full = full

    @property
    def fields(self) -> tuple[str, int, int, int, int]:
        return (self.id, self.title, self.room, self.part, self.full)


class Outline:
    """`title` and `table` are places on the screen: x, y, width, height.

    `tones` are looks by name, `cursor_tones` the same in the row of the cursor. `is_several` says
    whether there is more than one account, and more than one currency: columns hang on it.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        title: tuple[int, int, int, int],
        hint: str,
        table: tuple[int, int, int, int],
        start: int,
        slots: "Sequence[Slot]",
        needs: "Sequence[Need]",
        tones: "Mapping[str, str]",
        cursor_tones: "Mapping[str, str]",
        sort: str,
        sort_down: bool,
        is_several: tuple[bool, bool],
        lines: "Sequence[Sequence[Run]]",
    ) -> None:
        self.size = size
        self.title = title
        self.hint = hint
        self.table = table
        self.start = start
        self.slots = slots
        self.needs = needs
        self.tones = tones
        self.cursor_tones = cursor_tones
        self.sort = sort
        self.sort_down = sort_down
        self.is_several = is_several
        self.lines = lines

    def to_text(self, inputs: str, ledger: str, masks: bool) -> str:
        """The text of its file. Raises `NoOutline` where something in it cannot stand there."""
        rows: list[list[str]] = [
            [_HEAD],
            [inputs],
            [ledger],
            [str(int(flag)) for flag in (masks, self.sort_down, *self.is_several)],
            [self.sort, self.hint],
            [str(number) for number in (*self.size, *self.title, *self.table, self.start)],
            [name for pair in self.tones.items() for name in pair],
            [name for pair in self.cursor_tones.items() for name in pair],
            [str(field) for slot in self.slots for field in slot.fields],
            [str(field) for need in self.needs for field in need.fields],
            *([field for run in line for field in run] for line in self.lines),
        ]
        if not all(field.isprintable() for row in rows for field in row):
            raise NoOutline("a character that no line can hold")
        return "".join("\t".join(row) + "\n" for row in rows)


def from_text(text: str, inputs: str) -> tuple[Outline, str, bool]:
    """The outline of a file, the ledger's path, and whether accounts are masked.

    Raises `NoOutline` where it was drawn from other `inputs`, or cannot be made out.
    """
    rows = [row.split("\t") for row in text.split("\n")]
    if len(rows) < 11 or rows[0] != [_HEAD] or rows[1] != [inputs]:
        raise NoOutline("drawn from something else")
    if not all(field.isprintable() for row in rows for field in row):
        raise NoOutline("control characters")
    try:
        masks, sort_down, accounts, currencies = (field == "1" for field in rows[3])
        sort, hint = rows[4]
        w, h, a, b, c, d, e, f, g, i, start = (int(field) for field in rows[5])
        slots = [
            Slot(row[0], int(row[1]), int(row[2]), int(row[3]), int(row[4]), row[5])
            for row in _parts(rows[8], 6)
        ]
        needs = [
            Need(row[0], int(row[1]), int(row[2]), int(row[3]), int(row[4]))
            for row in _parts(rows[9], 5)
        ]
        lines = [[(look, words) for look, words in _parts(row, 2)] for row in rows[10:-1]]
        tones, cursor_tones = _by_name(rows[6]), _by_name(rows[7])
    except (ValueError, TypeError) as error:
        raise NoOutline("not as it was written") from error
    looks = {*tones.values(), *cursor_tones.values(), *(look for line in lines for look, _ in line)}
    if set("".join(looks)) - set("0123456789;"):
        raise NoOutline("more than looks")
    if len(lines) != h or not slots:
        raise NoOutline("not all of it")
    found = Outline(
        size=(w, h), title=(a, b, c, d), hint=hint, table=(e, f, g, i), start=start, slots=slots,
        needs=needs, tones=tones, cursor_tones=cursor_tones, sort=sort, sort_down=sort_down,
        is_several=(accounts, currencies), lines=lines,
    )  # fmt: skip
    return found, rows[2][0], masks


def _by_name(fields: "Sequence[str]") -> dict[str, str]:
    return {part[0]: part[1] for part in _parts(fields, 2)}


def _parts(fields: "Sequence[str]", size: int) -> "Iterable[Sequence[str]]":
    for at in range(0, len(fields), size):
        part = fields[at : at + size]
        if len(part) != size:
            raise ValueError("a part is missing")
        yield part


# --- where it is kept, and what it hangs on -------------------------------------------------


def inputs_of(
    version: str,
    words: "Sequence[str]",
    folders: tuple[str, str],
    env_file: str,
    *,
    is_anywhere: bool,
) -> str:
    """All that settings, colours and remembered choices come from, in one line.

    Settings are read by libraries that take longer to load than the first look may: as long as
    nothing here has changed, they are what they were. `version` is the program's, `env_file` the
    one that was read; `is_anywhere` says that nothing was found from the current folder on.
    """
    state, config = folders
    environ = [
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if name in _SEEN_BY_TEXTUAL or (name.upper().startswith(_PREFIXES) and name != _NO_LOOK)
    ]
    files = [f"{state}/choices.json", ".env", f"{config}/.env", env_file]
    themes = f"{config}/themes"
    if os.path.isdir(themes):
        files += [themes, *(f"{themes}/{name}" for name in sorted(os.listdir(themes)))]
    here = "" if is_anywhere else os.getcwd()
    return repr([version, list(words), environ, here, *map(_version_of, files)])


def _version_of(path: str) -> str:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"


def user_folders() -> tuple[str, str] | None:
    """The folders of state and config, where they can be told without a library."""
    home = os.path.expanduser("~")
    if os.name != "posix" or not os.path.isabs(home):
        return None
    if os.uname().sysname == "Darwin":
        place = f"{home}/Library/Application Support/possync-tui"
        return place, place
    state = os.environ.get("XDG_STATE_HOME", "").strip() or f"{home}/.local/state"
    config = os.environ.get("XDG_CONFIG_HOME", "").strip() or f"{home}/.config"
    return f"{state}/possync-tui", f"{config}/possync-tui"


def file_of(state: str, size: tuple[int, int], words: "Sequence[str]") -> str:
    """Where the outline for a size of the terminal and a command line is kept."""
    number = 0
    for letter in "\0".join(words):
        number = (number * 131 + ord(letter)) % 0xFFFF_FFFF
    return f"{state}/{_FOLDER}/{size[0]}x{size[1]}-{number:08x}"


def read(path: str) -> tuple[str, str, bool]:
    """The text of an outline's file, and of `inputs_of` the last two. Raises `NoOutline`."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        raise NoOutline("no file") from error
    first, _, rest = text.partition("\n")
    env_file, _, place = first.partition("\t")
    return rest, env_file, place == _ANYWHERE


def head(env_file: str, *, is_anywhere: bool) -> str:
    """What goes before the outline in its file."""
    return f"{env_file}\t{_ANYWHERE if is_anywhere else 'here'}\n"
