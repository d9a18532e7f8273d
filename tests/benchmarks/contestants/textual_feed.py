"""The floor of a live table in Textual: its keys and its terminal, and escape codes of rows."""

import asyncio
import sys

from textual import events
from textual.app import App

from tests.benchmarks.contestants.feed_client import FeedClient
from tests.benchmarks.contestants.raw_frames import SHOWN, RawFrames


class Live(App[None]):
    """Nothing goes through a widget."""

    async def on_mount(self) -> None:
        self._frames = RawFrames()
        # Behind the first frame, which is empty.
        self.set_timer(0.5, lambda: self._put(self._frames.lines(set(range(SHOWN)))))
        client = FeedClient(lambda values: self._put(self._frames.take(values)))
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: client, "127.0.0.1", int(sys.argv[1]))

    def on_key(self, event: events.Key) -> None:
        self._put(self._frames.move(event.key.encode()))

    def _put(self, text: str) -> None:
        if text and self._driver is not None:
            self._driver.write(text)
            self._driver.flush()


Live().run()
