"""The floor of a first look: one query, one frame of plain text."""

import os
import sqlite3
import sys


def main(ledger: str) -> None:
    db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    columns, lines = os.get_terminal_size(2)
    rows = db.execute(
        "SELECT symbol, quantity, average_price, market_value, unrealized_pnl FROM positions"
        " WHERE status <> 'CLOSED' ORDER BY symbol LIMIT ?",
        (lines - 2,),
    )
    text = "\r\n".join(" ".join(str(cell) for cell in row)[:columns] for row in rows)
    os.write(2, f"\x1b[?1049h\x1b[H{text}".encode())
    os.write(2, b"\x1b[?1049l")


main(sys.argv[1])
