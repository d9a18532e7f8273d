"""What a start costs where everything is imported at the top and a DataTable holds the rows."""

import sqlite3
import sys
from typing import ClassVar

import aiosqlite
import ib_insync
import numpy as np
import plotext
import pydantic_settings
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Header, RichLog, Static

LIBRARIES = (aiosqlite, ib_insync, np, plotext, pydantic_settings)


class AllAtOnce(App[None]):
    CSS = "DataTable { height: 1fr; } RichLog { height: 8; }"
    BINDINGS: ClassVar[list[BindingType]] = [("slash", "answer", "Answer"), ("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Header()
        yield DataTable()
        yield Static("Sync stats")
        yield RichLog()
        yield Footer()

    def on_mount(self) -> None:
        db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
        found = db.execute(
            "SELECT symbol, quantity, average_price, current_price, market_value, unrealized_pnl"
            " FROM positions WHERE status <> 'CLOSED' ORDER BY symbol"
        )
        table = self.query_one(DataTable)
        table.add_columns(*(column[0] for column in found.description))
        table.add_rows([[str(cell) for cell in row] for row in found])
        self.query_one(RichLog).write("Sync log")

    def action_answer(self) -> None:
        self.query_one(Static).update("the key was answered")


if __name__ == "__main__":
    AllAtOnce().run()
