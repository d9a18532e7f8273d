"""How long an event loop stands still at most while the broker's library is loaded."""

import asyncio
import sys
import time

import textual.app

LOADED_BEFORE = textual.app
"""As in the program, whose screen stands by then."""
_TICK = 0.001


async def _load(how: str) -> None:
    if how == "nothing":
        await asyncio.sleep(0.3)
    elif how == "on the loop":
        import ib_insync

        assert ib_insync
    else:
        from possync_tui.broker.library import load_library

        await load_library()


async def _longest_gap(how: str) -> float:
    longest = 0.0
    loading = asyncio.create_task(_load(how))
    last = time.perf_counter()
    while not loading.done():
        await asyncio.sleep(_TICK)
        now = time.perf_counter()
        longest, last = max(longest, now - last - _TICK), now
    await loading
    return longest * 1000


if __name__ == "__main__":
    print(asyncio.run(_longest_gap(sys.argv[1])))
