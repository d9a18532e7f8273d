"""The life of a position, rebuilt from what was observed: a pure function, whatever came late.

Fills are laid out by the broker's time and held against anchors, the quantities of committed
snapshots. Where both agree the fills explain everything. Where they do not, what is left is booked
as what it is: opened before we came, a split, or unexplained. A fill that turns up later makes the
same function give a better answer, and the difference becomes reversals and new entries.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from itertools import accumulate

from possync_tui.domain.counting import Counting
from possync_tui.domain.course import Course
from possync_tui.domain.evidence import (
    happenings_in,
    is_on_absence,
    reported_in,
    without_refuted_ends,
)
from possync_tui.domain.happenings import Happening, KnownFill
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.inventory import Inventory
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentSource,
    Anchor,
    BasisCarried,
    CloseDecided,
    Decided,
    FillSource,
    Placed,
    Recorded,
)
from possync_tui.domain.past import Past, fills_since, past_of
from possync_tui.domain.position import Rebuilt
from possync_tui.domain.values import dataclass

RULES = 7
"""The version of the rules below and of what they call. Raise it with every change that makes other
lives or entries of the same observations: a ledger of older rules is planned again when opened."""

_MOST_OPENINGS = 16


class BehindPast(ValueError):
    """Observations that change what a past has booked: only the whole history tells."""


@dataclass(frozen=True, slots=True)
class Told:
    """What observations amount to, and the past that later ones go on from, where there is one."""

    rebuilt: Rebuilt
    past: Past | None = None


def rebuild(history: Sequence[Recorded]) -> Rebuilt:
    """Every life of one (account, conId), from all its observations in order of arrival."""
    return tell(history).rebuilt


def tell(history: Sequence[Recorded], past: Past | None = None) -> Told:
    """The same, from all observations, or from those that came since `past`.

    Raises `BehindPast` where those change what is past: see `reaches_behind`.
    """
    if past is not None:
        return _go_on(past, history)
    happenings = happenings_in(history)
    placed = without_refuted_ends(_placed_in(history, happenings), happenings)
    instrument = _instrument(happenings, placed)
    if instrument is None or instrument.is_combination:
        return Told(Rebuilt())
    course = _run(instrument, happenings, placed)
    others = [counted for counted in course.openings if counted != course.opening]
    if not others and _is_plain(history):
        fills = [known for known in happenings if isinstance(known, KnownFill)]
        return Told(*past_of(course, instrument, placed, fills))
    first = course.ended()
    if not first.unexplained or not others:
        return Told(first)
    if len(others) > _MOST_OPENINGS:
        others = _that_would_explain(first, course.opening, others)
        if not others:
            return Told(first)
    # The first look cannot say which of the doubtful fills it had counted, because what was held
    # before is unknown too. Later ones can: where one way alone leaves less unexplained, it is it.
    told = [_run(instrument, happenings, placed, counted).ended() for counted in others]
    least = min(len(rebuilt.unexplained) for rebuilt in told)
    best = [rebuilt for rebuilt in told if len(rebuilt.unexplained) == least]
    is_better = least < len(first.unexplained)
    return Told(best[0] if is_better and len(best) == 1 else first)


def _that_would_explain(
    first: Rebuilt, counted: Decimal | None, others: Collection[Decimal]
) -> list[Decimal]:
    """Of many openings those that what `counted` left unexplained asks for.

    A unit that the first look is taken not to have counted is one too many from then on.
    """
    left = [units for _, units in first.unexplained[:_MOST_OPENINGS]]
    asked = {(counted or Decimal(0)) - units for units in (*left, *accumulate(left))}
    return [opening for opening in others if opening in asked]


def reaches_behind(past: Past, news: Sequence[Recorded]) -> bool:
    """Whether the news change what `past` has booked."""
    return fills_since(past, news) is None


def _go_on(past: Past, news: Sequence[Recorded]) -> Told:
    if not news:
        return Told(past.rebuilt, past)
    pending = fills_since(past, news)
    if pending is None:
        raise BehindPast
    placed = _placed_in(news, ())
    course = past.course(pending)
    for item in placed:
        course.reach(item)
    if any(isinstance(item, Adjusted) or is_on_absence(item) for item in placed):
        return Told(course.ended())
    return Told(*past_of(course, past.instrument, placed, pending, past))


def _is_plain(history: Sequence[Recorded]) -> bool:
    """Whether a past can be made of it: nothing that other positions or statements may change."""
    is_seen = False
    for recorded in history:
        item = recorded.observation
        if isinstance(item, Adjusted | BasisCarried):
            return False
        if getattr(item, "source", FillSource.WIRE) is not FillSource.WIRE:
            return False
        if (isinstance(item, Absent) and item.is_hindsight) or is_on_absence(item):
            return False
        is_seen = is_seen or isinstance(item, Anchor)
    return is_seen


def _run(
    instrument: Instrument,
    happenings: Sequence[Happening],
    placed: Sequence[Placed],
    opening: Decimal | None = None,
) -> Course:
    course = Course(Inventory(instrument), Counting(list(happenings)), opening)
    for item in placed:
        course.reach(item)
    return course


def _placed_in(history: Sequence[Recorded], happenings: Sequence[Happening]) -> list[Placed]:
    """Decisions, without pairings of our own that a statement reports by now.

    What is said in hindsight of the first snapshot comes first, where it belongs.
    """
    placed: list[Placed] = []
    reported: frozenset[int] | None = None
    for recorded in history:
        match recorded.observation:
            case Anchor() | Absent() | CloseDecided() as item:
                placed.append(item)
            case Adjusted(source=AdjustmentSource.PAIRED) as item:
                if reported is None:
                    reported = reported_in(history, happenings)
                if recorded.seq not in reported:
                    placed.append(item)
            case _:
                pass
    return sorted(placed, key=_is_now) if len(placed) > 1 else placed


def _is_now(item: Placed) -> bool:
    return not (isinstance(item, Absent) and item.is_hindsight)


def _instrument(happenings: Sequence[Happening], placed: Sequence[Placed]) -> Instrument | None:
    for item in placed:
        if isinstance(item, Anchor):
            return item.row.instrument
    for happening in happenings:
        if isinstance(happening, KnownFill):
            return happening.fill.instrument
        return happening.item.instrument
    return None


def with_decided(
    history: Sequence[Recorded], decided: Iterable[Decided], last_seq: int
) -> tuple[Recorded, ...]:
    """`history` as it will be once `decided` is in the inbox."""
    future = (Recorded(last_seq + n, item) for n, item in enumerate(decided, start=1))
    return (*history, *future)
