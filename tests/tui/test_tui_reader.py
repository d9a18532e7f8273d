"""An instance that only follows the ledger: what it knows, and what it says of the rest."""

import pytest

from possync_tui.domain.connection import Phase
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.fake_engine import FakeEngine


@pytest.fixture
def reader(engine: FakeEngine) -> FakeEngine:
    engine.is_read_only = True
    engine.connect(phase=Phase.DISCONNECTED, sentence="Not connected yet.", accounts=())
    engine.live_marks, engine.live_rates, engine.next_sync_at = {}, {}, None
    return engine


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40), (200, 60)])
async def test_it_says_within_a_tick_that_nobody_syncs_and_that_somebody_does_again(
    running: Running, reader: FakeEngine, size: tuple[int, int]
) -> None:
    async with running(size) as pilot:
        await press(pilot, "3")
        for has_writer, header, pane in (
            (True, "○ follows", "read-only: the other instance connects"),
            (False, "○ nobody syncs", "q quits; start again to sync here"),
            (True, "○ follows", "read-only: the other instance connects"),
        ):
            reader.has_writer = has_writer
            app_of(pilot)._tick()
            await settle(pilot)
            assert header in screen_text(pilot).splitlines()[0]
            facts = dashboard(pilot).connection.render().plain
            assert pane in _words(facts)


@pytest.mark.parametrize("keys", [("s",), ("m",), ("v", "A")])
async def test_what_it_refuses_it_refuses_with_what_to_do(
    running: Running, reader: FakeEngine, keys: tuple[str, ...]
) -> None:
    reader.has_writer = False
    async with running() as pilot:
        await press(pilot, *keys)
        text = _words(screen_text(pilot))
        assert "nobody syncs this ledger now" in text
        assert "start again to sync here" in text
        assert reader.syncs == 0


async def test_the_day_is_told_only_where_it_is_synced(
    running: Running, reader: FakeEngine
) -> None:
    async with running((200, 60)) as pilot:
        pane = dashboard(pilot).positions
        assert "day" not in {placed.column.id for placed in pane.table.placed}
        first = pane.foot.render().plain.splitlines()[0]
        assert first.rstrip().endswith("day P&L is live: told only where it is synced")
        assert "day –" not in screen_text(pilot)
        await press(pilot, "question_mark")
        assert "an instance that only follows the ledger has none" in _words(
            screen_text(pilot).replace("▌", " ")
        )


async def test_what_a_reader_lacks_is_not_taken_out_of_the_columns_for_good(
    running: Running, reader: FakeEngine
) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, "c", "enter")
        chosen = app_of(pilot).desk.choices.now.columns
        assert chosen is None or "day" in chosen


async def test_once_it_is_known_to_only_read_the_columns_follow(
    running: Running, engine: FakeEngine
) -> None:
    """Before the engine is there nobody knows it, and the first frame has the column."""
    async with running((140, 40)) as pilot:
        table = dashboard(pilot).positions.table
        assert table.has_room_for("day")
        engine.is_read_only = True
        app_of(pilot).read_ledger()
        await settle(pilot)
        assert not table.has_room_for("day")


async def test_sorting_passes_over_the_column_that_is_not_there(
    running: Running, reader: FakeEngine
) -> None:
    async with running((140, 40)) as pilot:
        table = dashboard(pilot).positions.table
        seen = []
        for _ in range(6):
            await press(pilot, "o")
            seen.append(table.sort_id)
        assert "day" not in seen
        assert None in seen
