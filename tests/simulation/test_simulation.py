"""A few hundred worlds; more by `python -m tests.simulation FIRST:LAST`."""

import pytest

from tests.simulation.run import run_seed_once

SEEDS = range(300)
_AT_ONCE = 20


@pytest.mark.parametrize("first", range(SEEDS.start, SEEDS.stop, _AT_ONCE))
def test_worlds_in_which_everything_goes_wrong(first: int) -> None:
    for seed in range(first, min(first + _AT_ONCE, SEEDS.stop)):
        report = run_seed_once(seed)
        story = "\n".join(report.story)
        assert report.ok, f"python -m tests.simulation {seed}:{seed + 1}\n{story}\n{report.failure}"


def test_a_seed_tells_the_same_story_each_time() -> None:
    first, again = run_seed_once(7), run_seed_once(7)
    assert first.story == again.story
    assert (first.seconds, first.syncs) == (again.seconds, again.syncs)


def test_the_worlds_are_about_something() -> None:
    """Trades, syncs, faults and crashes do happen in them."""
    reports = [run_seed_once(seed) for seed in range(8)]
    deeds = {name for report in reports for name in report.deeds}
    assert {"trade", "kill", "fault", "sync", "restart", "correct"} <= deeds
    assert sum(report.syncs for report in reports) > 100
