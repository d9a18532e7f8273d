"""The Sync log: the newest thousand lines, and it holds still while you read back."""

import logging
from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from possync_tui.domain.values import dataclass
from possync_tui.sync.events import LogLine
from possync_tui.tui.actions import LOG_DEEDS, bindings
from possync_tui.tui.bridge import LINES_KEPT
from possync_tui.tui.format import Redaction, clean, clock_time, counted, fit, wrap
from possync_tui.tui.keymap import Keymap
from possync_tui.tui.log_book import LEVEL_WORDS, LogBook, next_level
from possync_tui.tui.tones import Tone, say
from possync_tui.tui.widgets.painter import TONE_CLASSES, Painter

KIND_WIDTH = 10
ROOM_FOR_KINDS = 56
"""Narrower than this, the kind leads the text instead of having a column."""
MOST_ROWS = 6
"""A line is wrapped into this many rows at most; `y` copies all of it."""
SELECTED = "sync-log--selected"
MATCH = "sync-log--match"


def level_look(level: int) -> tuple[str, Tone]:
    """Symbol and tone of a `logging` level."""
    if level >= logging.ERROR:
        return "✗", Tone.ERROR
    if level >= logging.WARNING:
        return "!", Tone.WARNING
    return ("·", Tone.DIM) if level < logging.INFO else (" ", Tone.PLAIN)


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row on screen: a line of the log by its number, or a part of one."""

    number: int
    line: LogLine
    text: str
    is_first: bool


class SyncLogPane(ScrollView, can_focus=True):
    """Draws only the rows in view; new lines come in batches.

    Lines are numbered as they come in and keep their number when older ones go.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONE_CLASSES, SELECTED, MATCH}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("home,g", "first", "Oldest", show=False),
        Binding("end,G", "follow", "Follow", show=False),
        Binding("escape", "let_go", "No selection", show=False),
        *bindings(LOG_DEEDS),
    ]

    class Changed(Message):
        """Following, the level, the selection or the search is another, or lines came in."""

    class SearchEnded(Message):
        """The user is done searching."""

    def __init__(self, shown: Redaction, keymap: Keymap) -> None:
        super().__init__(id="sync-log-lines")
        self._keymap = keymap
        self.is_following = True
        self.level = logging.INFO
        self.new_lines = 0
        self._is_scrolling_itself = False
        # Textual works its size out anew each time it is asked: not for every line.
        self._room = Size(0, 0)
        self._height_before = 0
        self._shown = shown
        self._book = LogBook(LINES_KEPT)
        self._lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self._dropped = 0
        self._rows: deque[LogRow] = deque()
        self._needle = ""
        self._cursor: int | None = None
        self._anchor: int | None = None
        self._paint = Painter(self)

    # --- lines -------------------------------------------------------------------------------

    def take(self, lines: Iterable[LogLine]) -> None:
        """Append lines; the view follows them unless it is paused."""
        dropped = added = 0
        for line in lines:
            self._book.add(line)
            if line.level < self.level:
                continue
            if len(self._lines) == self._lines.maxlen:
                dropped += self._drop_oldest()
            self._lines.append(line)
            self._rows.extend(self._rows_of(self._dropped + len(self._lines) - 1, line))
            added += 1
        if not added:
            return
        if not self.is_following:
            self.new_lines += added
        if not self.is_following or self._needle:
            self.post_message(self.Changed())
        self._fit_virtual_size()
        if self.is_following:
            self._jump_to_end()
        elif dropped:
            # What is being read stays where it is, though older rows have gone.
            self._scroll_by_ourselves(max(0, self.scroll_offset.y - dropped))
        self.refresh()

    def _drop_oldest(self) -> int:
        self._dropped += 1
        gone = 1
        self._rows.popleft()
        while self._rows and not self._rows[0].is_first:
            self._rows.popleft()
            gone += 1
        return gone

    def _rows_of(self, number: int, line: LogLine) -> list[LogRow]:
        text = self._shown.story(line.text)
        if not self._kind_width:
            text = f"{clean(line.kind)}: {text}"
        texts = wrap(text, self._text_width, MOST_ROWS)
        return [LogRow(number, line, text, index == 0) for index, text in enumerate(texts)]

    @property
    def _text_width(self) -> int:
        return max(10, (self._room.width or 80) - 12 - self._kind_width)

    @property
    def _kind_width(self) -> int:
        return KIND_WIDTH + 1 if (self._room.width or 80) >= ROOM_FOR_KINDS else 0

    def restyle(self) -> None:
        """Wrap all lines anew."""
        numbered = enumerate(self._lines, self._dropped)
        self._rows = deque(row for number, line in numbered for row in self._rows_of(number, line))
        self._fit_virtual_size()
        if self.is_following:
            self._jump_to_end()
        elif self._cursor is not None:
            self._reveal(self._cursor)
        self.refresh()

    def on_resize(self) -> None:
        """The last line in view stays in view: beside a larger window, all may have been."""
        index = min(self.scroll_offset.y + self._height_before, len(self._rows)) - 1
        last = self._rows[index].number if index >= 0 else None
        self._room = self.size
        self._height_before = self._room.height or self._height_before
        self.restyle()
        if not self.is_following and self._cursor is None and last is not None:
            self._reveal(last)

    def _fit_virtual_size(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows))

    def _jump_to_end(self) -> None:
        self._scroll_by_ourselves(len(self._rows))

    def _scroll_by_ourselves(self, y: int) -> None:
        """Only the user's scrolling says whether to follow; hidden, there is not even a height."""
        self._is_scrolling_itself = True
        try:
            self.scroll_to(y=y, animate=False, immediate=True, force=True)
        finally:
            self._is_scrolling_itself = False

    # --- copying -----------------------------------------------------------------------------

    def text_to_copy(self) -> tuple[str, str]:
        """The lines selected, or those in view, and what to call them."""
        chosen = self._selection()
        if chosen is None:
            top = self.scroll_offset.y
            numbers = {row.number for row in list(self._rows)[top : top + self.size.height]}
            lines = [line for number, line in self._numbered() if number in numbers]
            what = counted(len(lines), "log line in view", "log lines in view")
        else:
            lines = [line for number, line in self._numbered() if number in chosen]
            what = counted(len(lines), "log line")
        return "\n".join(self._full_text(line) for line in lines), what

    def _numbered(self) -> Iterable[tuple[int, LogLine]]:
        return enumerate(self._lines, self._dropped)

    def _full_text(self, line: LogLine) -> str:
        return f"{clock_time(line.at)}  {clean(line.kind)}  {self._shown.story(line.text)}"

    def _selection(self) -> range | None:
        if self._cursor is None:
            return None
        anchor = self._cursor if self._anchor is None else self._anchor
        return range(min(anchor, self._cursor), max(anchor, self._cursor) + 1)

    # --- following ---------------------------------------------------------------------------

    def state_text(self) -> Content:
        """The level, the search and whether it is paused, where that is not as usual."""
        parts = []
        if not self.is_following:
            parts.append(say((f"paused · {self.new_lines} new · G follows", Tone.WARNING)))
        if self._needle:
            found = sum(1 for line in self._lines if self._matches(line))
            keys = f"{self._keymap.names('log-next')} {self._keymap.names('log-before')}"
            parts.append(say((f"{found} with “{clean(self._needle)}” · {keys}", Tone.ACCENT)))
        if LEVEL_WORDS[self.level]:
            parts.append(say((LEVEL_WORDS[self.level], Tone.DIM)))
        return say((" · ", Tone.DIM)).join(parts)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._is_scrolling_itself or self._cursor is not None:
            return
        self._follow(round(new_value) >= len(self._rows) - self.size.height)

    def _follow(self, follows: bool) -> None:
        if follows != self.is_following:
            self.is_following = follows
            if follows:
                self.new_lines = 0
            self.post_message(self.Changed())

    def action_follow(self) -> None:
        """Go to the newest line and stay there."""
        self._cursor = self._anchor = None
        self._follow(True)
        self._jump_to_end()
        self.refresh()

    def action_pause(self) -> None:
        """Hold still where it is, or follow again."""
        if self.is_following:
            self._follow(False)
        else:
            self.action_follow()

    def action_next_level(self) -> None:
        """Show more lines, or only the serious ones."""
        self.level = next_level(self.level)
        self._lines = deque(self._book.newest(self.level), maxlen=LINES_KEPT)
        self._dropped = 0
        self._cursor = self._anchor = None
        self._follow(True)
        self.restyle()
        self.post_message(self.Changed())

    # --- the cursor and the selection --------------------------------------------------------

    def action_move(self, by: int, selects: bool = False) -> None:
        if not self._lines:
            return
        last = self._dropped + len(self._lines) - 1
        if self._cursor is None:
            bottom = min(self.scroll_offset.y + self.size.height, len(self._rows)) - 1
            number = self._rows[bottom].number if bottom >= 0 else last
        else:
            number = self._cursor + by
        self._go_to(max(self._dropped, min(number, last)), selects=selects)

    def _go_to(self, number: int, *, selects: bool = False) -> None:
        if not selects:
            self._anchor = number
        elif self._anchor is None:
            self._anchor = self._cursor if self._cursor is not None else number
        self._cursor = number
        self._follow(False)
        self._reveal(number)
        self.refresh()
        self.post_message(self.Changed())

    def _reveal(self, number: int) -> None:
        ys = [y for y, row in enumerate(self._rows) if row.number == number]
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if ys and ys[0] < top:
            self._scroll_by_ourselves(ys[0])
        elif ys and ys[-1] >= top + height:
            self._scroll_by_ourselves(ys[-1] - height + 1)

    def action_first(self) -> None:
        if self._lines:
            self._go_to(self._dropped)

    def action_let_go(self) -> None:
        """End the selection; without one, the search."""
        if self._cursor is None:
            self.post_message(self.SearchEnded())
        self._cursor = self._anchor = None
        self.refresh()
        self.post_message(self.Changed())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        number = self._number_at(event.y)
        if number is not None:
            self.capture_mouse()
            self._go_to(number, selects=event.shift)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        number = self._number_at(event.y) if self.app.mouse_captured is self else None
        if number is not None and number != self._cursor:
            self._go_to(number, selects=True)

    def on_mouse_up(self) -> None:
        self.release_mouse()

    def _number_at(self, y: int) -> int | None:
        index = y + self.scroll_offset.y
        return self._rows[index].number if 0 <= index < len(self._rows) else None

    # --- searching ---------------------------------------------------------------------------

    def search(self, needle: str) -> None:
        """Mark what holds `needle`, upper or lower case, and go to the newest of it."""
        self._needle = needle.strip().casefold()
        self._cursor = self._anchor = None
        self.action_find(-1)
        self.refresh()
        self.post_message(self.Changed())

    def _matches(self, line: LogLine) -> bool:
        if not self._needle:
            return False
        # As it is shown, and as it stands in the log file.
        said = f"{self._full_text(line)}\n{self._shown.text(line.text)}"
        return self._needle in said.casefold()

    def action_find(self, by: int) -> None:
        """Go to the next line that holds what is searched for, and round from the end."""
        found = [number for number, line in self._numbered() if self._matches(line)]
        if not found:
            self.app.notify("Nothing is found in the log.", markup=False, timeout=3)
            return
        here = self._cursor
        if here is None:
            self._go_to(found[-1])
        elif by > 0:
            self._go_to(next((number for number in found if number > here), found[0]))
        else:
            self._go_to(next((number for number in reversed(found) if number < here), found[-1]))

    # --- drawing -----------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._paint.forget()

    def render_line(self, y: int) -> Strip:
        width = self._room.width
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            if not self._rows and y == 0:
                text = "Nothing yet." if self.level <= logging.INFO else "None so far."
                return Strip(self._paint.segments([(fit(text, width), Tone.DIM)]), width)
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        symbol, tone = level_look(row.line.level)
        if row.is_first:
            head = f"{clock_time(row.line.at)} "
            kind = fit(clean(row.line.kind), self._kind_width - 1)
        else:
            head, kind, symbol = " " * 9, "", " "
        chosen = self._selection()
        ground = SELECTED if chosen is not None and row.number in chosen else ""
        pieces = [
            (head, Tone.DIM, ground),
            (f"{symbol} ", tone, ground),
            (fit(kind, self._kind_width), Tone.DIM, ground),
        ]
        room = max(0, width - 11 - self._kind_width)
        for text, is_match in self._parted(fit(row.text, room)):
            pieces.append((text, tone, MATCH if is_match else ground))
        return Strip(self._paint.segments_over(pieces)).adjust_cell_length(width, self.rich_style)

    def _parted(self, text: str) -> Iterable[tuple[str, bool]]:
        """The text in parts, each with whether it is what is searched for."""
        lowered = text.casefold()
        if not self._needle or len(lowered) != len(text):
            yield text, False
            return
        start = 0
        while (at := lowered.find(self._needle, start)) >= 0:
            end = at + len(self._needle)
            yield from ((text[start:at], False), (text[at:end], True))
            start = end
        yield text[start:], False
