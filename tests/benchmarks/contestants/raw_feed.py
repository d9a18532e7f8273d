"""The floor of a live table: escape codes of the rows that changed, written at once."""

import asyncio
import os
import sys
import tty

from tests.benchmarks.contestants.feed_client import FeedClient
from tests.benchmarks.contestants.raw_frames import SHOWN, RawFrames


async def main() -> None:
    frames = RawFrames()

    def write(text: str) -> None:
        if text:
            os.write(1, text.encode())

    tty.setraw(0)
    write("\x1b[2J" + frames.lines(set(range(SHOWN))))
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: write(frames.move(os.read(0, 100))))
    client = FeedClient(lambda values: write(frames.take(values)))
    await loop.create_connection(lambda: client, "127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()


asyncio.run(main())
