"""Snapshots of any kind, one after the other, and a book in memory that follows what they decide.

An oracle keeps count of each absence in its own words: complete snapshots a minute apart, begun
again by a loss of connectivity. Reconcile may close nothing that the oracle would not.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.look import Rules
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
    EndedPosition,
    HoldKind,
    KnownAccount,
    KnownPosition,
    OpenHold,
    RaiseHold,
    Remark,
)
from possync_tui.domain.position import Status
from possync_tui.domain.reconcile import Findings, reconcile

from .conftest import START

ACCOUNTS = ("DU1000001", "DU1000002")
CONTRACTS = tuple(Instrument(n, f"S{n}", "STK", "USD") for n in range(1, 6))
EXPIRING = Instrument(6, "S6", "OPT", "USD", "20260304", "50", "P", "100")
CASH = Instrument(7, "EUR", "CASH", "USD")
COMBINATIONS = (Instrument(28, "S1", "BAG", "USD"), Instrument(29, "S2", "BAG", "USD"))
EVERY = (*CONTRACTS, EXPIRING, CASH)
KEYS = [PositionKey(account, one.con_id) for account in ACCOUNTS for one in EVERY]
INSTRUMENT = {one.con_id: one for one in (*EVERY, *COMBINATIONS)}
MINUTE, DAY = timedelta(seconds=60), timedelta(days=1)

ORDINARY = settings(max_examples=80, stateful_step_count=25, derandomize=True)
amounts = st.sampled_from(["1", "-2", "0.5", "300"])


@dataclass
class Absences:
    """What the oracle knows of a position that is not shown: since when, which looks count."""

    since: datetime
    looks: list[datetime]


def row_of(key: PositionKey, quantity: str) -> PositionRow:
    return PositionRow(
        key.account, INSTRUMENT[key.con_id], Decimal(quantity), Decimal(5), quantity, "5"
    )


class ReconcileMachine(RuleBasedStateMachine):
    """A book in memory, what it is shown, and what reconcile makes of that."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.looking = Rules()
        self.shown: dict[PositionKey, str] = {}
        self.absences: dict[PositionKey, Absences] = {}
        self.next_hold = 1
        self.book = Book(
            {
                code: KnownAccount(number, code, True, False)
                for number, code in enumerate(ACCOUNTS, 1)
            }
        )

    @initialize(
        shown=st.dictionaries(st.sampled_from(KEYS), amounts, min_size=4),
        armed=st.sampled_from([True, True, False]),
        confirmations=st.sampled_from([2, 2, 3]),
        watched=st.sampled_from([None, None, ACCOUNTS[:1]]),
    )
    def begin(
        self,
        shown: dict[PositionKey, str],
        armed: bool,
        confirmations: int,
        watched: tuple[str, ...] | None,
    ) -> None:
        self.looking = Rules(armed, confirmations, 60.0, watched)
        self.shown = shown
        self.see({}, frozenset(), Random(0))

    @rule(key=st.sampled_from(KEYS), quantity=amounts)
    def show(self, key: PositionKey, quantity: str) -> None:
        self.shown[key] = quantity

    @rule(key=st.sampled_from(KEYS))
    def hide(self, key: PositionKey) -> None:
        self.shown.pop(key, None)

    @rule(account=st.sampled_from(ACCOUNTS), kept=st.integers(0, 3))
    def hide_most(self, account: str, kept: int) -> None:
        for key in [key for key in self.shown if key.account == account][kept:]:
            del self.shown[key]

    @rule(seconds=st.sampled_from([1, 58, 59, 60, 3600, 90_000]), seed=st.integers(0, 99))
    def wait_and_look(self, seconds: int, seed: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.see({}, frozenset(), Random(seed))

    @rule(seconds=st.sampled_from([58, 59]), looks=st.integers(2, 3), loses=st.booleans())
    def look_on(self, seconds: int, looks: int, loses: bool) -> None:
        for number in range(looks):
            if loses:
                self.lose_connectivity()
            self.wait_and_look(seconds, number)

    @rule()
    def lose_connectivity(self) -> None:
        self.now += timedelta(seconds=1)
        self.book = replace(self.book, connectivity_lost_at=self.now)

    @rule(keep=st.booleans())
    def decide(self, keep: bool) -> None:
        """The user keeps things as they are, or has looked and forgets."""
        self.book = replace(
            self.book,
            holds=tuple(replace(hold, is_kept=keep or hold.is_kept) for hold in self.book.holds),
        )

    @rule(
        zeros=st.sets(st.sampled_from(KEYS), max_size=2),
        combined=st.booleans(),
        listed=st.sampled_from([ACCOUNTS, ACCOUNTS[:1], ACCOUNTS[::-1]]),
        in_motion=st.sets(st.sampled_from(KEYS), max_size=1),
        seed=st.integers(0, 99),
    )
    def look(
        self,
        zeros: set[PositionKey],
        combined: bool,
        listed: tuple[str, ...],
        in_motion: set[PositionKey],
        seed: int,
    ) -> None:
        more = dict.fromkeys((key for key in zeros if key not in self.shown), "0")
        if combined:
            more |= {PositionKey(ACCOUNTS[0], one.con_id): "1" for one in COMBINATIONS}
        self.see(more, frozenset(in_motion), Random(seed), listed)

    # --- what follows ------------------------------------------------------------------------

    def see(
        self,
        more: dict[PositionKey, str],
        in_motion: frozenset[PositionKey],
        chance: Random,
        listed: tuple[str, ...] = ACCOUNTS,
    ) -> None:
        self.now += timedelta(seconds=1)
        rows = [row_of(key, text) for key, text in {**self.shown, **more}.items()]
        found = self.reconciled(rows, in_motion, listed)
        mixed = list(rows)
        chance.shuffle(mixed)
        assert self.reconciled(mixed, in_motion, listed) == found, "whatever the order of rows"
        covered = [
            code for code in listed if self.looking.watched is None or code in self.looking.watched
        ]
        assert list(found.accounts) == covered
        self.count(more, covered, in_motion)
        self.check(found, more, covered, in_motion)
        self.follow(found, covered)
        again = self.reconciled(rows, in_motion, listed)
        assert again.decided == (), "nothing to decide on a second look"
        assert not [c for c in again.changes if not isinstance(c, Remark)]

    def reconciled(
        self, rows: list[PositionRow], in_motion: frozenset[PositionKey], listed: tuple[str, ...]
    ) -> Findings:
        return reconcile(
            self.book,
            Snapshot("session", listed, tuple(rows), self.now, self.now),
            marks={},
            quantities={key: known.quantity for key, known in self.book.positions.items()},
            rules=self.looking,
            known_seq=0,
            in_motion=in_motion,
        )

    def count(
        self, more: dict[PositionKey, str], covered: list[str], in_motion: frozenset[PositionKey]
    ) -> None:
        lost = self.book.connectivity_lost_at
        for key in self.book.positions:
            if key.account not in covered or key in in_motion:
                continue
            if key in self.shown:
                self.absences.pop(key, None)
                continue
            looks = self.absences.setdefault(key, Absences(self.now, [])).looks
            if looks and lost is not None and lost > looks[-1]:
                looks.clear()
            if not looks or self.now - looks[-1] >= MINUTE:
                looks.append(self.now)

    def check(
        self,
        found: Findings,
        more: dict[PositionKey, str],
        covered: list[str],
        in_motion: frozenset[PositionKey],
    ) -> None:
        """Promises 1 to 4, each in a sentence."""
        gone_of: dict[str, set[PositionKey]] = {
            code: {
                key
                for key in self.book.positions
                if key.account == code and key not in self.shown and key not in in_motion
            }
            for code in covered
        }
        bulk = {
            key
            for change in found.changes
            if isinstance(change, RaiseHold) and change.kind is HoldKind.BULK_MISSING
            for key in change.keys
        } | {
            key
            for hold in self.book.holds
            if hold.kind is HoldKind.BULK_MISSING
            for key in hold.keys
        }
        for item in found.decided:
            assert item.key.account in covered, "an account that is not covered is frozen"
            assert item.key not in in_motion
            assert not INSTRUMENT[item.key.con_id].is_combination
            match item:
                case Anchor(row=row):
                    assert self.shown[item.key] == row.quantity_text
                case Absent():
                    assert item.key not in self.shown
                case CloseDecided(reason=reason):
                    assert item.key in gone_of[item.key.account]
                    self.check_close(item.key, reason, more, bulk)
        for code in gone_of:
            closed = {
                item.key
                for item in found.decided
                if isinstance(item, CloseDecided)
                and item.reason is CloseReason.CONFIRMED_MISSING
                and item.key.account == code
            }
            today = {key for key in closed if self.now - self.absences[key].since <= DAY}
            stocks = {k for k in self.shown if k.account == code and k.con_id != CASH.con_id}
            assert not today or stocks, "an account that is suddenly empty closes nothing"
            earlier = [
                at
                for account, at in self.book.closed_as_missing
                if account == code and self.now - at <= DAY
            ]
            many = len(today) + len(earlier)
            assert not today or many < 3 or many <= len(stocks), "nor one that lost most of it"

    def check_close(
        self,
        key: PositionKey,
        reason: CloseReason,
        more: dict[PositionKey, str],
        bulk: set[PositionKey],
    ) -> None:
        match reason:
            case CloseReason.ZERO_ROW:
                assert more[key] == "0"
            case CloseReason.EXPIRED:
                assert key.con_id == EXPIRING.con_id
                assert self.now >= datetime(2026, 3, 5, tzinfo=START.tzinfo), "a day's grace"
            case CloseReason.CONFIRMED_MISSING:
                assert self.looking.mark_missing_as_closed
                assert key.con_id != CASH.con_id
                assert key not in bulk
                looks = self.absences[key].looks
                assert len(looks) >= self.looking.confirmations, "absent often enough"
            case _:
                raise AssertionError(f"no snapshot decides {reason}")

    def follow(self, found: Findings, covered: list[str]) -> None:
        """The book as a ledger would have it after this."""
        known = dict(self.book.positions)
        closed: list[tuple[str, datetime]] = list(self.book.closed_as_missing)
        ended = list(self.book.ended_without_fills)
        for item in found.decided:
            before = known.get(item.key)
            match item:
                case Anchor(row=row):
                    known[item.key] = KnownPosition(item.key, row, Status.OPEN, row.quantity)
                case Absent() if before is not None:
                    known[item.key] = replace(
                        before, status=Status.MISSING, is_absent=True, missing_since=self.now
                    )
                case CloseDecided(reason=reason):
                    assert before is not None
                    del known[item.key]
                    self.absences.pop(item.key, None)
                    if reason is CloseReason.CONFIRMED_MISSING:
                        closed.append((item.key.account, self.now))
                    if before.row is not None and reason is not CloseReason.EXPIRED:
                        ended.append(EndedPosition(before.row, self.now))
                case _:
                    pass
        holds = list(self.book.holds)
        for change in found.changes:
            match change:
                case CountAbsence(key=key) if key in known:
                    known[key] = replace(
                        known[key],
                        confirmations=change.confirmations,
                        confirmed_at=change.confirmed_at,
                    )
                case RaiseHold():
                    holds.append(
                        OpenHold(
                            self.next_hold,
                            change.kind,
                            change.account,
                            change.con_id,
                            change.keys,
                            evidence=change.evidence,
                        )
                    )
                    self.next_hold += 1
                case ClearHold(hold_id=hold_id):
                    holds = [hold for hold in holds if hold.hold_id != hold_id]
                case _:
                    pass
        accounts = {
            code: replace(account, has_baseline=True, baseline_at=account.baseline_at or self.now)
            if code in covered
            else account
            for code, account in self.book.accounts.items()
        }
        self.book = replace(
            self.book,
            accounts=accounts,
            positions=known,
            holds=tuple(holds),
            closed_as_missing=tuple(closed),
            ended_without_fills=tuple(ended),
        )


TestReconcileMachine = ReconcileMachine.TestCase
TestReconcileMachine.settings = (
    settings() if settings.default and settings.default.max_examples > 100 else ORDINARY
)
