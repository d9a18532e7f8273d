"""The floor of a live table: escape codes of the rows that changed, written at once."""

import asyncio
import os
import sys
import tty

from tests.benchmarks.contestants.feed_client import FeedClient

SHOWN = 40
cursor = 0
rows: dict[int, tuple[str, str, str]] = {}


def line(n: int) -> str:
    price, worth, gain = rows.get(n, ("0", "0", "0"))
    mark = "▸" if n == cursor else " "
    cells = "".join(f"{float(text):>20,.2f}" for text in (price, worth, gain))
    return f"\x1b[{n + 2};1H{mark} S{n:05d}{cells}"


def paint(numbers: set[int]) -> None:
    text = "".join(line(n) for n in numbers if n < SHOWN)
    if text:
        os.write(1, text.encode())


def on_values(values: list[tuple[str, str, str, str]]) -> None:
    changed = set()
    for symbol, *amounts in values:
        n = int(symbol[1:])
        rows[n] = (amounts[0], amounts[1], amounts[2])
        changed.add(n)
    paint(changed)


def on_key() -> None:
    global cursor
    before = cursor
    for key in os.read(0, 100):
        cursor += {106: 1, 107: -1}.get(key, 0)
    paint({before, cursor})


async def main() -> None:
    tty.setraw(0)
    os.write(1, b"\x1b[2J")
    paint(set(range(SHOWN)))
    loop = asyncio.get_running_loop()
    loop.add_reader(0, on_key)
    await loop.create_connection(lambda: FeedClient(on_values), "127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()


asyncio.run(main())
