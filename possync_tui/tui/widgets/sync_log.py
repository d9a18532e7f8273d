"""The Sync log: the newest thousand lines, and it holds still while you read back."""

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from possync_tui.sync.events import LogLine
from possync_tui.tui.bridge import LINES_KEPT
from possync_tui.tui.format import Redaction, clean, clock_time, fit, wrap
from possync_tui.tui.tones import Tone
from possync_tui.tui.widgets.painter import TONE_CLASSES, Painter

KIND_WIDTH = 10
ROOM_FOR_KINDS = 56
"""Narrower than this, the kind leads the text instead of having a column."""
MOST_ROWS = 6
"""A line is wrapped into this many rows at most; `y` copies all of it."""


def level_look(level: int) -> tuple[str, Tone]:
    """Symbol and tone of a `logging` level."""
    if level >= logging.ERROR:
        return "✗", Tone.ERROR
    if level >= logging.WARNING:
        return "!", Tone.WARNING
    return ("·", Tone.DIM) if level < logging.INFO else (" ", Tone.PLAIN)


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row on screen: one line of the log, or a part of one."""

    line: LogLine
    text: str
    is_first: bool


class SyncLogPane(ScrollView, can_focus=True):
    """Draws only the rows in view; new lines come in batches."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("home,g", "scroll_home", "Oldest", show=False),
        Binding("end,G", "follow", "Follow", show=False),
        Binding("l", "toggle_debug", "Debug lines", show=False),
    ]

    class Paused(Message):
        """Following stopped or went on, or lines came in meanwhile."""

    def __init__(self, shown: Redaction) -> None:
        super().__init__(id="sync-log-lines")
        self.is_following = True
        self._is_scrolling_itself = False
        self.new_lines = 0
        self.shows_debug = False
        self._shown = shown
        self._lines: deque[LogLine] = deque(maxlen=LINES_KEPT)
        self._rows: deque[LogRow] = deque()
        self._paint = Painter(self)

    # --- lines -------------------------------------------------------------------------------

    def take(self, lines: Iterable[LogLine]) -> None:
        """Append lines; the view follows them unless it was scrolled back."""
        dropped = added = 0
        for line in lines:
            if line.level < logging.INFO and not self.shows_debug:
                continue
            if len(self._lines) == self._lines.maxlen:
                dropped += self._drop_oldest()
            self._lines.append(line)
            self._rows.extend(self._rows_of(line))
            added += 1
        if not added:
            return
        if not self.is_following:
            self.new_lines += added
            self.post_message(self.Paused())
        self._fit_virtual_size()
        if self.is_following:
            self._jump_to_end()
        elif dropped:
            # What is being read stays where it is, though older rows have gone.
            self._scroll_by_ourselves(max(0, self.scroll_offset.y - dropped))
        self.refresh()

    def _drop_oldest(self) -> int:
        gone = 1
        self._rows.popleft()
        while self._rows and not self._rows[0].is_first:
            self._rows.popleft()
            gone += 1
        return gone

    def _rows_of(self, line: LogLine) -> list[LogRow]:
        text = self._shown.text(line.text)
        if not self._kind_width:
            text = f"{clean(line.kind)}: {text}"
        texts = wrap(text, self._text_width, MOST_ROWS)
        return [LogRow(line, text, index == 0) for index, text in enumerate(texts)]

    @property
    def _text_width(self) -> int:
        return max(10, (self.size.width or 80) - 12 - self._kind_width)

    @property
    def _kind_width(self) -> int:
        return KIND_WIDTH + 1 if (self.size.width or 80) >= ROOM_FOR_KINDS else 0

    def restyle(self) -> None:
        """Wrap all lines anew."""
        self._rows = deque(row for line in self._lines for row in self._rows_of(line))
        self._fit_virtual_size()
        if self.is_following:
            self._jump_to_end()
        self.refresh()

    def on_resize(self) -> None:
        self.restyle()

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

    def newest_in_view(self) -> str:
        """The lines in view as text, to be copied."""
        top = self.scroll_offset.y
        rows = list(self._rows)[top : top + self.size.height]
        seen: dict[int, LogLine] = {id(row.line): row.line for row in rows}
        return "\n".join(
            f"{clock_time(line.at)}  {clean(line.kind)}  {self._shown.text(line.text)}"
            for line in seen.values()
        )

    # --- following ---------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._is_scrolling_itself:
            return
        follows = round(new_value) >= len(self._rows) - self.size.height
        if follows != self.is_following:
            self.is_following = follows
            if follows:
                self.new_lines = 0
            self.post_message(self.Paused())

    def action_follow(self) -> None:
        self.is_following = True
        self.new_lines = 0
        self._jump_to_end()
        self.post_message(self.Paused())

    def action_scroll_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_scroll_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_home(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_toggle_debug(self) -> None:
        self.shows_debug = not self.shows_debug
        self.post_message(self.Paused())

    # --- drawing -----------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._paint.forget()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            if not self._rows and y == 0:
                return Strip(self._paint.segments([(fit("Nothing yet.", width), Tone.DIM)]), width)
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        symbol, tone = level_look(row.line.level)
        if row.is_first:
            head = f"{clock_time(row.line.at)} "
            kind = fit(clean(row.line.kind), self._kind_width - 1)
        else:
            head, kind, symbol = " " * 9, "", " "
        kind = fit(kind, self._kind_width)
        text = fit(row.text, max(0, width - 11 - self._kind_width))
        pieces = (
            (head, Tone.DIM),
            (f"{symbol} ", tone),
            (kind, Tone.DIM),
            (text, tone),
        )
        return Strip(self._paint.segments(pieces)).adjust_cell_length(width, self.rich_style)
