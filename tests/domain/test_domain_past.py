"""A plan that goes on from a past decides what one from the whole history would."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from possync_tui.domain.life import Told, reaches_behind, rebuild, tell
from possync_tui.domain.observations import Commission, Fill, FillSource, Recorded, Side

from .conftest import History
from .replay import Step, looks, play, scripts, trades

pieces = st.lists(st.integers(1, 6), min_size=1, max_size=30)
# Told soon, by TWS and once: what most days are.
plain_trades = trades.map(
    lambda trade: replace(
        trade,
        gap=max(trade.gap, 20),
        told_after=0,
        commission_after=min(trade.commission_after, 1),
        of_statement=False,
    )
)
days = st.lists(st.one_of(plain_trades, looks), min_size=4, max_size=24)


def reported_before(before: Sequence[Recorded], news: Sequence[Recorded]) -> bool:
    """Whether the commission of a new fill had come ahead of it: the ledger looks after that."""
    told = {r.observation.exec_id for r in before if isinstance(r.observation, Commission)}
    return any(isinstance(r.observation, Fill) and r.observation.exec_id in told for r in news)


def in_pieces(recorded: Sequence[Recorded], sizes: Sequence[int]) -> tuple[list[Told], int]:
    """What is told after each piece, and how often that went on from the piece before."""
    told: list[Told] = []
    begun, end, past, continued = 0, 0, None, 0
    for size in [*sizes, len(recorded)]:
        end = min(end + size, len(recorded))
        news = recorded[begun:end]
        is_behind = past is None or reported_before(recorded[:begun], news)
        if past is not None and not is_behind and not reaches_behind(past, news):
            told.append(tell(news, past))
            continued += 1
        else:
            told.append(tell(recorded[:end]))
        assert told[-1].rebuilt == rebuild(recorded[:end])
        begun, past = end, told[-1].past
    return told, continued


@settings(max_examples=300, deadline=None)
@given(scripts, pieces)
def test_whatever_comes_a_past_tells_what_everything_tells(
    script: list[Step], sizes: list[int]
) -> None:
    _, recorded = play(script)
    _, continued = in_pieces(recorded, sizes)
    event(f"continued: {min(continued, 5)}")


@settings(max_examples=150, deadline=None)
@given(days, pieces)
def test_ordinary_days_go_on_from_the_past(script: list[Step], sizes: list[int]) -> None:
    _, recorded = play(script)
    _, continued = in_pieces(recorded, sizes)
    event(f"continued: {min(continued, 5)}")


def test_what_a_past_cannot_tell_reaches_behind_it(history: Callable[..., History]) -> None:
    h = history()
    h.anchor("100", "10", baseline=True)
    first = h.buy("10", "11", None)
    h.anchor("110", "10.09")
    past = tell(h.recorded).past
    assert past is not None
    known = len(h.recorded)

    def news(*, clear: bool = True) -> list[Recorded]:
        told = list(h.recorded[known:])
        if clear:
            del h.recorded[known:]
        return told

    h.commission(first.exec_id, "1")
    assert reaches_behind(past, news()), "the commission of a fill that is booked"
    h.fill(Side.BOUGHT, "5", "11", None, exec_id=first.base_id + ".02")
    assert reaches_behind(past, news()), "its correction"
    h.fill(Side.SOLD, "5", "11", None, at=past.as_of)
    assert reaches_behind(past, news()), "a fill that the snapshot may have counted"
    late = h.sell("5", "11", None)
    h.recorded[-1] = replace(h.recorded[-1], observation=replace(late, source=FillSource.FLEX))
    assert reaches_behind(past, news()), "what a statement tells"
    h.sell("5", "11", "1")
    assert not reaches_behind(past, news(clear=False)), "a fill of now"
    assert tell(news(), past).rebuilt.quantity == 105
