"""A busy desk for a few seconds; a large one by `python -m tests.simulation.load --seconds 120`."""

from tests.simulation.load import run_load
from tests.simulation.load_desk import Size


async def test_nothing_is_lost_on_a_busy_desk() -> None:
    size = Size(accounts=8, positions=400, ticks=800, fills=40)
    seen = await run_load(size, seconds=4, warm=1)
    assert seen.fills >= 3 * size.fills, "the desk was busy"
    assert seen.marks
    assert seen.syncs >= 1
    assert seen.failed_syncs == []
    assert seen.waiting_at_end == 0
