"""A position up to where what comes later cannot change it any more: what the next plan builds on.

In memory only. `life.rebuild` of everything makes the same of it, from the beginning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.counting import CLOCK_DOUBT, Counted, Counting
from possync_tui.domain.course import Course, is_baseline
from possync_tui.domain.happenings import Happening, KnownFill, fills_in
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.inventory import Inventory
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentSource,
    Anchor,
    Charge,
    CloseDecided,
    Commission,
    Fill,
    FillSource,
    Placed,
    PositionRow,
    Recorded,
    RowPushed,
)
from possync_tui.domain.position import Life, Rebuilt
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Past:
    """A course as its last stated quantity left it, without what is not booked yet.

    Only a plain one: fills that TWS told, and snapshots, with no doubt about the first look.
    `fills` names every fill of it, `last` is the latest of them in the broker's order; `as_of` and
    `known_seq` are the latest of what was stated. `rebuilt` is what it comes to.
    """

    instrument: Instrument
    finished: tuple[Life, ...]
    current: Life | None
    pending: tuple[KnownFill, ...]
    doubted: tuple[Counted, ...]
    opening: Decimal | None
    openings: frozenset[Decimal]
    previous: PositionRow | None
    unexplained: tuple[tuple[datetime, Decimal], ...]
    fills: frozenset[str]
    last: tuple[datetime, str] | None
    as_of: datetime
    known_seq: int
    rebuilt: Rebuilt

    @property
    def size(self) -> int:
        """About how much memory it takes, in things of some hundred bytes."""
        current = (len(self.current.lots) + len(self.current.entries)) if self.current else 0
        return 4 + len(self.fills) + 4 * len(self.finished) + current + len(self.unexplained)

    def course(self, pending: Iterable[Happening]) -> Course:
        inventory = Inventory(self.instrument, list(self.finished), self.current)
        counting = Counting(list(pending), list(self.doubted))
        return Course(
            inventory,
            counting,
            self.opening,
            self.openings,
            self.previous,
            list(self.unexplained),
        )


def fills_since(past: Past, news: Sequence[Recorded]) -> tuple[KnownFill, ...] | None:
    """What is not booked by `past`, with the `news`; `None` where they reach behind it.

    A fill may be new if no quantity stated so far can have had it, and if it is later than all the
    others in the broker's order. Then nothing that is booked would have been booked otherwise.
    """
    told: list[Recorded] = []
    reports: dict[str, Commission] = {}
    for recorded in news:
        match recorded.observation:
            case Fill(source=FillSource.WIRE) as fill:
                if fill.base_id in past.fills or recorded.seq <= past.known_seq:
                    return None
                told.append(recorded)
            case Commission(charge=Charge.ROW | Charge.ROWS):
                return None
            case Commission() as report:
                reports[report.exec_id] = report
                told.append(recorded)
            case Anchor() | Absent() as look if is_baseline(look):
                return None
            case RowPushed() | Anchor() | Absent() | CloseDecided():
                pass
            case Adjusted(source=AdjustmentSource.PAIRED):
                pass
            case _:
                return None
    if not told:
        return past.pending
    pending: list[KnownFill] = []
    for waiting in past.pending:
        known = waiting
        if known.fill.exec_id in reports:
            if len(known.revisions) > 1:
                return None
            known = replace(known, commission=reports.pop(known.fill.exec_id))
        pending.append(known)
    fresh = sorted(fills_in(told), key=lambda known: known.order)
    reports_of = {fill.exec_id for known in fresh for fill in known.revisions}
    if reports.keys() - reports_of:
        return None
    for known in fresh:
        is_behind = past.last is not None and known.order <= past.last
        if is_behind or known.at <= past.as_of + CLOCK_DOUBT:
            return None
    return (*pending, *fresh)


def past_of(
    course: Course,
    instrument: Instrument,
    placed: Sequence[Placed],
    fills: Iterable[KnownFill],
    before: Past | None = None,
) -> tuple[Rebuilt, Past]:
    """What a plain course comes to, and where it goes on from. The course ends here.

    `placed` and `fills` are what it was made of, `before` is the past that it went on from.
    """
    finished, current = tuple(course.inventory.finished), course.inventory.current
    pending = tuple(known for known in course.counting.pending if isinstance(known, KnownFill))
    doubted, unexplained = tuple(course.counting.doubted), tuple(course.unexplained)
    names, orders = frozenset(known.base_id for known in fills), [known.order for known in fills]
    stated = [(item.as_of, item.known_seq) for item in placed]
    if before is not None:
        names = before.fills | names if names else before.fills
        orders += [before.last] if before.last is not None else []
        stated.append((before.as_of, before.known_seq))
    rebuilt = course.ended()
    past = Past(
        instrument,
        finished,
        current,
        pending,
        doubted,
        course.opening,
        course.openings,
        course.previous,
        unexplained,
        names,
        max(orders, default=None),
        max(at for at, _ in stated),
        max(seq for _, seq in stated),
        rebuilt,
    )
    return rebuilt, past
