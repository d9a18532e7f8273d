"""What one would write first: a DataTable, and `update_cell` for each value that came."""

import asyncio
import sys

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Static

from tests.benchmarks.contestants.feed_client import FeedClient

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
COLUMNS = ("last", "value", "gain", "type", "currency", "quantity", "average", "day", "realized")


class Live(App[None]):
    """All positions in a table; the line above it says where the cursor is."""

    # As high as the screen has room, as one would have it: by itself it is as high as all its rows.
    CSS = "DataTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Static("▸ S00000", id="where")
        yield DataTable(cursor_type="row")

    async def on_mount(self) -> None:
        self.table: DataTable[str] = self.query_one(DataTable)
        self.table.add_column("symbol", key="symbol", width=10)
        for name in COLUMNS:
            self.table.add_column(name, key=name, width=14)
        for n in range(COUNT):
            symbol = f"S{n:05d}"
            self.table.add_row(symbol, *["0"] * len(COLUMNS), key=symbol)
        self.table.focus()
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: FeedClient(self.take), "127.0.0.1", PORT)

    def take(self, values: list[tuple[str, str, str, str]]) -> None:
        for symbol, *amounts in values:
            for name, text in zip(COLUMNS, amounts, strict=False):
                self.table.update_cell(symbol, name, f"{float(text):,.2f}")

    def on_key(self, event: object) -> None:
        if getattr(event, "key", "") in ("j", "k"):
            row = 1 if getattr(event, "key", "") == "j" else 0
            self.table.move_cursor(row=row)
            self.query_one("#where", Static).update(f"▸ S{row:05d}")


Live().run()
