"""A screen of one table with the row under the cursor in full below it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from possync_tui.broker.port import BrokerError
from possync_tui.ledger.port import LedgerError
from possync_tui.tui.columns import Cell, Column
from possync_tui.tui.desk import Desk, Reading
from possync_tui.tui.format import wrap
from possync_tui.tui.screens.base import SideScreen
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.detail import Detail
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.pane import PaneTitle
from possync_tui.tui.widgets.plain_table import PlainTable

Row = TypeVar("Row")
MOST_ROWS = 6


class TableScreen(SideScreen, Generic[Row]):
    """Subclasses say what to read and what to tell about a row."""

    name_of_reading = "reading"

    def __init__(
        self,
        desk: Desk,
        title: str,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], int],
        flag: Callable[[Row], Cell] | None = None,
        table_type: type[PlainTable[Row]] = PlainTable,
    ) -> None:
        super().__init__(desk)
        self.heading = PaneTitle(title)
        self.table = table_type(columns, id="rows", key=key, flag=flag, placeholder="Reading…")
        self.detail = Detail()
        self.has_read = False
        """Whether the rows are those of a reading, and not only not there yet."""
        self._reading = Reading(desk.start_work, self._read_and_show, self.name_of_reading)

    def above_table(self) -> Iterable[Widget]:
        return ()

    @property
    def place(self) -> str:
        return self.heading.title

    def body(self) -> Iterable[Widget]:
        yield Vertical(
            self.heading, *self.above_table(), self.table, self.detail, classes="table-screen"
        )

    async def read(self) -> Sequence[Row]:
        raise NotImplementedError

    def failed_text(self, failure: Exception) -> str:
        """What stands in place of rows that could not be read."""
        if isinstance(failure, (BrokerError, LedgerError)):
            # Their words are meant for the user (design: errors); others are for the log.
            return f"{self.desk.shown.text(str(failure))} Esc goes back."
        return "It could not be read; the Sync log says why. Esc goes back."

    def empty_text(self) -> str:
        raise NotImplementedError

    def subtitle(self, rows: Sequence[Row]) -> Content:
        raise NotImplementedError

    def detail_of(self, row: Row) -> Content:
        raise NotImplementedError

    def on_mount(self) -> None:
        self.heading.is_lit = True
        self.table.focus()
        self.start_reading()

    async def _read_and_show(self) -> None:
        try:
            rows = await self.read()
        except Exception as failure:
            self.table.placeholder = self.failed_text(failure)
            self.table.refresh()
            raise
        if not self.is_attached:
            return
        self.has_read = True
        self.table.placeholder = self.empty_text()
        self.table.set_rows(rows)
        self.heading.subtitle = self.subtitle(rows)
        self.show_detail()

    def show_detail(self) -> None:
        row = self.table.cursor_row
        self.detail.set_class(row is None, "-empty")
        self.detail.show(say("") if row is None else self.detail_of(row))

    def on_line_table_highlighted(self, event: LineTable.Highlighted) -> None:
        self.show_detail()


def labelled(*facts: tuple[str, Content | str], room: int = 0) -> Content:
    """Facts under each other, labels in a quiet column; plain text hangs beside its label."""
    column = max((len(label) for label, _ in facts), default=0) + 2
    rows: list[Content] = []
    for label, value in facts:
        texts: list[Content | str] = [value]
        within = max(20, room - column)
        if room and isinstance(value, str):
            texts = [*wrap(value, within, MOST_ROWS)]
        elif room and isinstance(value, Content) and value.cell_length > within:
            texts = [row.rstrip() for row in value.wrap(within)]
        for index, text in enumerate(texts):
            lead = label if index == 0 else ""
            rows.append(say((lead.ljust(column), Tone.DIM), text))
    return lines(*rows)
