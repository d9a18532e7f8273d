"""What a complete snapshot decides about a book: the rungs of evidence, and what is held."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.absence import snapshots
from possync_tui.domain.endings import how_it_ended
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.look import Rules
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import (
    Absent,
    Anchor,
    CloseDecided,
    CloseReason,
    PositionRow,
    Snapshot,
)
from possync_tui.domain.plan import (
    Book,
    ClearHold,
    CountAbsence,
    HoldKind,
    KnownAccount,
    KnownPosition,
    OpenHold,
    RaiseHold,
    Remark,
)
from possync_tui.domain.position import Status
from possync_tui.domain.reconcile import Findings, keys_in_question, reconcile

from .conftest import ACCOUNT, START

OTHER = "DU1000002"
ARMED = Rules(mark_missing_as_closed=True)


def instrument(con_id: int, sec_type: str = "STK", expiry: str = "") -> Instrument:
    return Instrument(con_id, f"S{con_id}", sec_type, "USD", expiry=expiry)


def row(
    con_id: int,
    quantity: str = "100",
    cost: str = "10",
    *,
    account: str = ACCOUNT,
    what: Instrument | None = None,
) -> PositionRow:
    thing = what or instrument(con_id)
    return PositionRow(account, thing, Decimal(quantity), Decimal(cost), quantity, cost)


def known(held: PositionRow, **changes: object) -> KnownPosition:
    base = KnownPosition(held.key, held, Status.OPEN, held.quantity)
    return replace(base, **changes)  # type: ignore[arg-type]


def book(
    *positions: KnownPosition,
    holds: Sequence[OpenHold] = (),
    baseline: bool = True,
    touched: Sequence[PositionKey] = (),
    lost_at: datetime | None = None,
) -> Book:
    accounts = {ACCOUNT: KnownAccount(1, ACCOUNT, is_accepted=True, has_baseline=baseline)}
    return Book(
        accounts=accounts,
        positions={position.key: position for position in positions},
        holds=tuple(holds),
        touched=frozenset(touched),
        connectivity_lost_at=lost_at,
    )


def snapshot(*rows: PositionRow, at: datetime = START) -> Snapshot:
    return Snapshot("s1", (ACCOUNT,), rows, at - timedelta(seconds=1), at)


@dataclass
class Verdict:
    findings: Findings

    def closed(self) -> dict[int, CloseReason]:
        decided = self.findings.decided
        return {i.key.con_id: i.reason for i in decided if isinstance(i, CloseDecided)}

    def absent(self) -> set[int]:
        return {i.key.con_id for i in self.findings.decided if isinstance(i, Absent)}

    def anchored(self) -> set[int]:
        return {i.key.con_id for i in self.findings.decided if isinstance(i, Anchor)}

    def raised(self) -> list[HoldKind]:
        return [c.kind for c in self.findings.changes if isinstance(c, RaiseHold)]

    def cleared(self) -> list[int]:
        return [c.hold_id for c in self.findings.changes if isinstance(c, ClearHold)]

    def counts(self) -> dict[int, int]:
        changes = self.findings.changes
        return {c.key.con_id: c.confirmations for c in changes if isinstance(c, CountAbsence)}


def judge(
    state: Book,
    shown: Snapshot,
    rules: Rules = ARMED,
    *,
    flat: Sequence[PositionKey] = (),
    marks: Sequence[Mark] = (),
) -> Verdict:
    quantities = {key: Decimal(0) for key in flat}
    found = reconcile(
        state,
        shown,
        marks={mark.key: mark for mark in marks},
        quantities=quantities,
        rules=rules,
        known_seq=0,
    )
    return Verdict(found)


def missing(held: PositionRow, *, count: int = 1, ago: float = 60) -> KnownPosition:
    at = START - timedelta(seconds=ago)
    return known(
        held,
        status=Status.MISSING,
        is_absent=True,
        missing_since=at,
        confirmations=count,
        confirmed_at=at,
    )


def test_an_unchanged_snapshot_decides_nothing() -> None:
    held = row(1)
    state = book(known(held))
    verdict = judge(state, snapshot(held))
    assert verdict.findings.decided == ()
    assert verdict.findings.changes == ()
    assert keys_in_question(state, snapshot(held), ARMED) == frozenset()


def test_absence_alone_closes_nothing() -> None:
    held, other = row(1), row(2)
    verdict = judge(book(known(held), known(other)), snapshot(other))
    assert verdict.closed() == {}
    assert verdict.absent() == {1}
    assert verdict.raised() == [HoldKind.MISSING]
    assert verdict.counts() == {1: 1}


def test_a_row_with_a_literal_zero_closes() -> None:
    held, other = row(1), row(2)
    verdict = judge(book(known(held), known(other)), snapshot(row(1, "0", "0"), other))
    assert verdict.closed() == {1: CloseReason.ZERO_ROW}


def test_a_pushed_zero_closes_what_is_then_absent() -> None:
    held, other = row(1), row(2)
    pushed = known(held, zero_pushed_at=START - timedelta(seconds=5))
    verdict = judge(book(pushed, known(other)), snapshot(other))
    assert verdict.closed() == {1: CloseReason.ZERO_ROW}


def test_a_pushed_zero_does_not_close_what_the_snapshot_holds() -> None:
    held = row(1)
    pushed = known(held, zero_pushed_at=START - timedelta(seconds=5))
    assert judge(book(pushed), snapshot(held)).closed() == {}


def test_fills_to_zero_need_no_decision() -> None:
    held, other = row(1), row(2)
    state = book(known(held), known(other), touched=[held.key])
    verdict = judge(state, snapshot(other), flat=[held.key])
    assert verdict.findings.decided == ()
    assert verdict.raised() == []


@pytest.mark.parametrize(
    ("expiry", "closed"),
    [("20260227", True), ("20260228", True), ("20260301", False), ("20260302", False)],
)
def test_expired_and_absent_closes_after_a_days_grace(expiry: str, closed: bool) -> None:
    # START is 2 March 14:30 UTC; the 28th is over everywhere at 12:00 UTC on the 1st.
    option = row(1, what=instrument(1, "OPT", expiry))
    other = row(2)
    verdict = judge(book(known(option), known(other)), snapshot(other), Rules())
    assert (verdict.closed() == {1: CloseReason.EXPIRED}) is closed
    assert (verdict.raised() == [HoldKind.MISSING]) is not closed


def test_expired_but_still_shown_stays_open() -> None:
    option = row(1, what=instrument(1, "OPT", "20260101"))
    assert judge(book(known(option)), snapshot(option)).closed() == {}


def test_confirmed_missing_closes_only_when_armed() -> None:
    gone, other = row(1), row(2)
    state = book(missing(gone), known(other))
    assert judge(state, snapshot(other), ARMED).closed() == {1: CloseReason.CONFIRMED_MISSING}
    off = judge(state, snapshot(other), Rules())
    assert off.closed() == {}
    assert off.counts() == {1: 2}


def test_snapshots_less_than_a_minute_apart_count_once() -> None:
    gone, other = row(1), row(2)
    verdict = judge(book(missing(gone, ago=59), known(other)), snapshot(other))
    assert verdict.closed() == {}
    assert verdict.counts() == {}


def test_a_disconnect_of_tws_starts_the_count_again() -> None:
    gone, other = row(1), row(2)
    lost = START - timedelta(seconds=30)
    verdict = judge(book(missing(gone), known(other), lost_at=lost), snapshot(other))
    assert verdict.closed() == {}
    assert verdict.counts() == {1: 1}


def test_a_position_that_comes_back_is_anchored_anew() -> None:
    gone = row(1)
    hold = OpenHold(7, HoldKind.MISSING, ACCOUNT, 1, (gone.key,))
    verdict = judge(book(missing(gone), holds=[hold]), snapshot(gone))
    assert verdict.anchored() == {1}
    assert verdict.cleared() == [7]


def test_what_the_user_keeps_is_not_closed() -> None:
    gone, other = row(1), row(2)
    hold = OpenHold(7, HoldKind.MISSING, ACCOUNT, 1, (gone.key,), is_kept=True)
    verdict = judge(book(missing(gone), known(other), holds=[hold]), snapshot(other))
    assert verdict.closed() == {}
    assert verdict.raised() == []


def test_an_account_suddenly_empty_is_held_even_with_one_position() -> None:
    gone = row(1)
    verdict = judge(book(missing(gone)), snapshot())
    assert verdict.closed() == {}
    assert verdict.raised() == [HoldKind.BULK_MISSING]


@pytest.mark.parametrize(
    ("gone", "kept", "bulk"), [(3, 2, True), (3, 3, False), (2, 1, False), (4, 3, True)]
)
def test_more_than_half_and_at_least_three_is_bulk(gone: int, kept: int, bulk: bool) -> None:
    lost = [missing(row(n)) for n in range(1, gone + 1)]
    left = [row(100 + n) for n in range(kept)]
    verdict = judge(book(*lost, *(known(r) for r in left)), snapshot(*left))
    assert (verdict.raised() == [HoldKind.BULK_MISSING]) is bulk
    assert (verdict.closed() == {}) is bulk


def test_bulk_stays_held_on_every_later_look() -> None:
    lost = [row(n) for n in range(1, 5)]
    left = row(100)
    hold = OpenHold(9, HoldKind.BULK_MISSING, ACCOUNT, None, tuple(r.key for r in lost))
    long_gone = [missing(r, ago=3 * 86400) for r in lost]
    verdict = judge(book(*long_gone, known(left), holds=[hold]), snapshot(left))
    assert verdict.closed() == {}
    assert verdict.raised() == []
    assert verdict.cleared() == []


def test_disappearance_spread_over_days_is_not_bulk() -> None:
    lost = [missing(row(n), ago=n * 2 * 86400) for n in range(1, 4)]
    left = row(100)
    verdict = judge(book(*lost, known(left)), snapshot(left), Rules())
    assert HoldKind.BULK_MISSING not in verdict.raised()


def test_what_is_closed_as_missing_counts_towards_bulk_at_once() -> None:
    """A second look at the same rows counts it, too: it has to hold the same."""
    old, new, left = [row(1), row(2)], row(3), row(100)
    long_gone = [missing(r, ago=25 * 3600) for r in old]
    verdict = judge(book(*long_gone, known(new), known(left)), snapshot(left))
    assert verdict.closed() == dict.fromkeys((1, 2), CloseReason.CONFIRMED_MISSING)
    assert verdict.raised() == [HoldKind.BULK_MISSING]
    # Where absence closes nothing, they are gone since long.
    verdict = judge(book(*long_gone, known(new), known(left)), snapshot(left), Rules())
    assert verdict.closed() == {}
    assert HoldKind.BULK_MISSING not in verdict.raised()


def test_virtual_cash_is_never_missing_to_closed() -> None:
    cash, other = row(1, what=instrument(1, "CASH")), row(2)
    verdict = judge(book(missing(cash), known(other)), snapshot(other))
    assert verdict.closed() == {}
    assert verdict.raised() == []


def test_combinations_and_rows_without_an_id_are_held_not_booked() -> None:
    combo = row(5, what=instrument(5, "BAG"))
    nameless = row(0, what=instrument(0))
    verdict = judge(book(), snapshot(combo, nameless))
    assert verdict.anchored() == set()
    assert sorted(verdict.raised()) == [HoldKind.COMBINATION, HoldKind.NO_CONTRACT_ID]


def test_an_account_that_is_not_listed_is_frozen() -> None:
    held = row(1, account=OTHER)
    state = book(known(held))
    accounts = {**state.accounts, OTHER: KnownAccount(2, OTHER, True, True)}
    verdict = judge(replace(state, accounts=accounts), snapshot())
    assert verdict.findings.accounts == (ACCOUNT,)
    assert verdict.findings.decided == ()


def test_a_new_account_waits_for_the_user() -> None:
    state = book()
    accounts = {**state.accounts, OTHER: KnownAccount(2, OTHER, False, False)}
    shown = Snapshot("s1", (ACCOUNT, OTHER), (row(1, account=OTHER),), START, START)
    verdict = judge(replace(state, accounts=accounts), shown)
    assert verdict.raised() == [HoldKind.NEW_ACCOUNT]
    assert verdict.anchored() == set()


def test_cost_drift_is_a_remark_and_no_more() -> None:
    verdict = judge(book(known(row(1))), snapshot(row(1, "100", "10.25")))
    (remark,) = [c for c in verdict.findings.changes if isinstance(c, Remark)]
    assert remark.text == "average cost 10 → 10.25 without a trade"


def test_only_a_fresh_mark_of_the_same_session_is_a_price() -> None:
    held, now = row(1), row(1, "60")
    fresh = Mark(held.key, START - timedelta(seconds=60), "portfolio", "s1", Decimal(11))
    for mark, used in (
        (fresh, True),
        (replace(fresh, session_id="s0"), False),
        (replace(fresh, at=START - timedelta(seconds=61)), False),
        (replace(fresh, price=None), False),
    ):
        found = judge(book(known(held)), snapshot(now), marks=[mark]).findings
        (anchor,) = [item for item in found.decided if isinstance(item, Anchor)]
        assert (anchor.price is not None) is used


def test_positions_in_motion_are_left_for_the_next_look() -> None:
    held, gone = row(1), row(2)
    found = reconcile(
        book(known(held), known(gone)),
        snapshot(row(1, "60")),
        marks={},
        quantities={},
        rules=ARMED,
        known_seq=0,
        in_motion=frozenset({held.key, gone.key}),
    )
    assert found.decided == ()


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [row(n, str(n)) for n in range(1, 6)]
    one, two = judge(book(), snapshot(*rows)), judge(book(), snapshot(*reversed(rows)))
    assert one.findings == two.findings


@pytest.mark.parametrize(("before", "closes"), [(60, {1}), (0.5, set())])
def test_a_fill_of_the_moment_of_the_first_look_is_no_proof_of_an_end(
    before: float, closes: set[int]
) -> None:
    """Its whole seconds make it seem older than a look that it came after."""
    first = START - timedelta(minutes=5)
    key = row(1).key
    account = KnownAccount(1, ACCOUNT, is_accepted=True, has_baseline=True, baseline_at=first)
    found = reconcile(
        replace(book(touched=[key]), accounts={ACCOUNT: account}),
        snapshot(row(2)),
        marks={},
        quantities={key: Decimal(33)},
        rules=ARMED,
        known_seq=1,
        opened={key: first - timedelta(seconds=before)},
    )
    assert {i.key.con_id for i in found.decided if isinstance(i, Absent)} == closes


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("fills", "closed by fills"),
        ("transferred", "transferred out"),
        ("confirmed_missing", "closed as missing from complete snapshots"),
        ("unexplained", "closed by unexplained"),
    ],
)
def test_how_a_position_ended_is_said_in_words(reason: str, words: str) -> None:
    assert how_it_ended(reason) == words


def test_one_snapshot_is_one() -> None:
    assert [snapshots(1), snapshots(2)] == ["1 complete snapshot", "2 complete snapshots"]
