"""Any order of trades, news, looks, decisions and restarts, against a desk that knows the truth.

Plans are made by the domain from what a real ledger file holds, and committed to it. After each
one: nothing to do on a second look, the same plan whatever the order of rows, what was planned is
what was committed, the book is the snapshot but for what is held, and the tables are what their
inbox makes of them. `--hypothesis-profile long` tries far more, and other things each time.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from possync_tui.domain.connection import Environment
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.life import rebuild, tell
from possync_tui.domain.look import Rules
from possync_tui.domain.observations import (
    Commission,
    ConnectivityLost,
    Fill,
    PositionRow,
    RowPushed,
    Side,
    Snapshot,
)
from possync_tui.domain.plan import Plan
from possync_tui.domain.planning import make_plan
from possync_tui.domain.position import Life, Status
from possync_tui.domain.reconcile import keys_in_question
from possync_tui.ledger.book import read_book
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.world import START, TestClock, commission, fill, result_of, row

T = TypeVar("T")
ONE, TWO = "DU1000001", "DU1000002"
CONTRACTS = (
    Instrument(1, "XYZ", "STK", "USD"),
    Instrument(2, "ABC", "STK", "EUR"),
    Instrument(3, "XYZ", "OPT", "USD", "20271217", "50", "P", "100"),
    Instrument(4, "EUR", "CASH", "USD", local_symbol="EUR.USD"),
    Instrument(5, "DEF", "STK", "USD"),
)
COMBINATIONS = (Instrument(28, "XYZ", "BAG", "USD"), Instrument(29, "ABC", "BAG", "USD"))
KEYS = [PositionKey(account, c.con_id) for account in (ONE, TWO) for c in CONTRACTS]
INSTRUMENT = {c.con_id: c for c in CONTRACTS}

ORDINARY = settings(max_examples=12, stateful_step_count=25, derandomize=True)
quantities = st.sampled_from(["1", "2", "3", "0.5", "10"])
prices = st.sampled_from(["9.99", "10", "12.345", "100"])


@dataclass(frozen=True)
class Made:
    """An execution at the broker, and whether and how it was told."""

    fill: Fill
    report: Commission


def ordered(life: Life) -> Life:
    """Its entries in one order: in the ledger, one that was replaced comes last."""
    entries = sorted(life.entries, key=lambda entry: (entry.cause, entry.method))
    return replace(life, entries=tuple(entries))


class LedgerMachine(RuleBasedStateMachine):
    """The desk, the ledger file, and all that can come between them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.Runner()
        self.clock = TestClock()
        self.now = START
        self.held: dict[PositionKey, Decimal] = {}
        self.made: list[Made] = []
        self.untold: list[Made] = []
        self.told: list[Fill | Commission] = []
        self.looking = Rules()
        self.ledger: Ledger = self.run(self.open())
        self.run(self.ledger.bind(Environment.PAPER, [ONE, TWO]))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    async def open(self) -> Ledger:
        return await open_ledger(self.folder / "ledger.db", clock=self.clock)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def pass_time(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        self.clock.at = max(self.clock.at, self.now)
        return self.now

    # --- at the broker -----------------------------------------------------------------------

    @initialize(closes=st.booleans(), holds=st.dictionaries(st.sampled_from(KEYS), quantities))
    def begin(self, closes: bool, holds: dict[PositionKey, str]) -> None:
        self.looking = Rules(mark_missing_as_closed=closes)
        self.held = {key: Decimal(quantity) for key, quantity in holds.items()}

    @rule(
        key=st.sampled_from(KEYS),
        side=st.sampled_from(Side),
        quantity=quantities,
        price=prices,
        how=st.sampled_from(["told", "told", "late", "commission first", "no commission"]),
    )
    def trade(self, key: PositionKey, side: Side, quantity: str, price: str, how: str) -> None:
        at = self.pass_time(7)
        exec_id = f"0000e0d5.{len(self.made):08x}.01.01"
        done = fill(exec_id, side, quantity, price, at, INSTRUMENT[key.con_id], key.account)
        made = Made(done, commission(exec_id, "0.35"))
        self.made.append(made)
        signed = Decimal(quantity) if side is Side.BOUGHT else -Decimal(quantity)
        self.held[key] = self.held.get(key, Decimal(0)) + signed
        match how:
            case "told":
                self.tell(made.fill, made.report)
            case "late":
                self.untold.append(made)
            case "commission first":
                self.tell(made.report)
                self.tell(made.fill)
            case _:
                self.tell(made.fill)

    @precondition(lambda self: self.untold)
    @rule(data=st.data())
    def tell_late(self, data: st.DataObject) -> None:
        made = data.draw(st.sampled_from(self.untold))
        self.untold.remove(made)
        self.tell(made.fill, made.report)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), price=prices)
    def correct(self, data: st.DataObject, price: str) -> None:
        """The same execution at another price, as a new revision."""
        number = data.draw(st.integers(0, len(self.made) - 1))
        made = self.made[number]
        if made in self.untold:
            return
        base, _, revision = made.fill.exec_id.rpartition(".")
        again = f"{base}.{int(revision) + 1:02d}"
        corrected = replace(made.fill, exec_id=again, price=Decimal(price), price_text=price)
        self.made[number] = Made(corrected, commission(again, "0.35"))
        self.pass_time(1)
        self.tell(corrected, self.made[number].report)

    # --- what is told ------------------------------------------------------------------------

    def tell(self, *news: Fill | Commission) -> None:
        before = self.ledger.last_seq
        self.run(self.ledger.record(news))
        assert before < self.ledger.last_seq <= before + len(news)
        self.told += news

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        """Nothing is stored twice, nor touched by it."""
        news = data.draw(st.lists(st.sampled_from(self.told), max_size=5))
        before, book = self.ledger.last_seq, self.run(self.ledger.book())
        self.run(self.ledger.record(news))
        assert self.ledger.last_seq == before
        assert self.run(self.ledger.book()) == book

    @rule(key=st.sampled_from(KEYS))
    def push(self, key: PositionKey) -> None:
        pushed = RowPushed(self.row_of(key), "session-1", self.pass_time(1))
        self.run(self.ledger.record([pushed]))

    @rule()
    def lose_connectivity(self) -> None:
        self.run(self.ledger.record([ConnectivityLost(1100, self.pass_time(1), "session-1")]))

    @rule(seconds=st.sampled_from([1, 61, 3600, 90_000]))
    def wait(self, seconds: int) -> None:
        self.pass_time(seconds)

    @rule()
    def restart(self) -> None:
        before = self.run(self.ledger.book())
        self.run(self.ledger.close())
        self.ledger = self.run(self.open())
        assert self.run(self.ledger.book()) == before

    # --- looks -------------------------------------------------------------------------------

    def row_of(self, key: PositionKey) -> PositionRow:
        quantity = self.held.get(key, Decimal(0))
        cost = "10.01" if quantity else "0"
        return row(f"{quantity:f}", cost, INSTRUMENT[key.con_id], key.account)

    @rule(
        left_out=st.sets(st.sampled_from(KEYS), max_size=8),
        zeros=st.sets(st.sampled_from(KEYS), max_size=3),
        combinations=st.lists(st.sampled_from(COMBINATIONS), unique=True),
        chance=st.randoms(use_true_random=False),
    )
    def look(
        self,
        left_out: set[PositionKey],
        zeros: set[PositionKey],
        combinations: list[Instrument],
        chance: Any,  # noqa: ANN401 (hypothesis's Random)
    ) -> None:
        """A complete snapshot: rows may lack in it without a reason."""
        self.see(self.rows(left_out, zeros, combinations), chance)

    @rule(chance=st.randoms(use_true_random=False))
    def look_truly(self, chance: Any) -> None:  # noqa: ANN401
        self.see(self.rows(set(), set(), []), chance)

    @rule(key=st.sampled_from(KEYS), side=st.sampled_from(Side), quantity=quantities, price=prices)
    def trade_during_a_plan(self, key: PositionKey, side: Side, quantity: str, price: str) -> None:
        """What comes between the reading of a history and the commit is for the next plan."""
        at, before = self.pass_time(5), self.rows(set(), set(), [])
        plan = self.plan(before, at, self.ledger.last_seq)
        self.trade(key, side, quantity, price, "told")
        self.push(key)
        self.run(self.ledger.commit(plan, result_of(plan, at)))
        assert key in self.run(self.ledger.book()).touched

    def rows(
        self, left_out: set[PositionKey], zeros: set[PositionKey], more: Sequence[Instrument]
    ) -> list[PositionRow]:
        shown = [self.row_of(key) for key in KEYS if self.held.get(key) and key not in left_out]
        shown += [self.row_of(key) for key in sorted(zeros) if not self.held.get(key)]
        return shown + [row("1", "5", combination, ONE) for combination in more]

    def see(self, rows: list[PositionRow], chance: Any) -> None:  # noqa: ANN401
        shown = {row.key for row in rows if row.quantity}
        book = self.run(self.ledger.book())
        if book.touched - shown:
            # What fills have opened since the last look is not missed yet: a row may lag behind.
            at = self.pass_time(5)
            plan = self.plan(rows, at, self.ledger.last_seq)
            self.run(self.ledger.commit(plan, result_of(plan, at)))
        at, known_seq = self.pass_time(5), self.ledger.last_seq
        plan = self.plan(rows, at, known_seq)
        note(f"plan: {plan.decided} {plan.changes}")
        assert self.plan(rows, at, known_seq) == plan, "a dry run changes nothing"
        mixed = list(rows)
        chance.shuffle(mixed)
        assert self.plan(mixed, at, known_seq) == plan, "whatever the order of rows"

        self.run(self.ledger.commit(plan, result_of(plan, at)))
        self.check_committed(plan, known_seq)
        self.check_book(rows)
        # Of the same moment: a while later, what is absent may be absent for long enough.
        again = self.plan(rows, at, self.ledger.last_seq)
        assert again.is_empty, "nothing to do on a second look"
        assert self.ledger.last_seq == known_seq + len(plan.decided)

    def plan(self, rows: Sequence[PositionRow], at: datetime, known_seq: int) -> Plan:
        return self.run(self._plan(rows, at, known_seq))

    async def _plan(self, rows: Sequence[PositionRow], at: datetime, known_seq: int) -> Plan:
        book = await self.ledger.book()
        seen = Snapshot("session-1", (ONE, TWO), tuple(rows), at, at)
        keys = keys_in_question(book, seen, self.looking)
        return make_plan(
            book,
            seen,
            await self.ledger.ground(keys),
            marks={},
            rules=self.looking,
            known_seq=known_seq,
            last_seq=self.ledger.last_seq,
            all_fills=True,
        ).plan

    def check_committed(self, plan: Plan, known_seq: int) -> None:
        """The inbox got what the plan decided, in its order, and nothing else."""
        keys = {item.key for item in plan.decided}
        for key, history in self.run(self.ledger.histories(keys)).items():
            stored = [item.observation for item in history if item.seq > known_seq]
            assert stored == [item for item in plan.decided if item.key == key]

    def check_book(self, rows: Sequence[PositionRow]) -> None:
        """What was shown is open with that quantity; what was not, is missing or over."""
        book = self.run(self.ledger.book())
        assert not book.touched
        shown = {r.key: r.quantity for r in rows if r.quantity and not r.instrument.is_combination}
        for key, quantity in shown.items():
            known = book.positions[key]
            assert (known.quantity, known.status) == (quantity, Status.OPEN), key
        for key, known in book.positions.items():
            if key not in shown:
                assert known.status is not Status.OPEN, key
                assert known.status is Status.MISSING or not known.quantity, key
        held = {hold.con_id for hold in book.holds}
        assert all(r.instrument.con_id in held for r in rows if r.instrument.is_combination)

    # --- decisions ---------------------------------------------------------------------------

    @rule(data=st.data(), accept=st.booleans())
    def decide(self, data: st.DataObject, accept: bool) -> None:
        holds = self.run(self.ledger.holds())
        if not holds:
            return
        hold = data.draw(st.sampled_from(holds))
        at = self.pass_time(3)
        self.run(self.ledger.decide(hold.id, accept=accept, note="so it is", at=at))
        left = {one.id: one.status for one in self.run(self.ledger.holds())}
        assert left.get(hold.id, "decided") != "held"

    # --- always ------------------------------------------------------------------------------

    @invariant()
    def the_tables_follow_from_the_inbox(self) -> None:
        self.run(self._follow())

    async def _follow(self) -> None:
        report = await self.ledger.verify()
        assert report.problems == ()
        book = await self.ledger.book()
        touched = book.touched
        # What the writer keeps in memory is what anybody else would read.
        assert self.ledger._writer is not None
        assert book == await self.ledger._writer.read(read_book)
        ground = await self.ledger.ground(KEYS)
        stored = await self.ledger.stored_lives(KEYS)
        for key, history in (await self.ledger.histories(KEYS)).items():
            assert tell(ground.histories[key], ground.pasts.get(key)).rebuilt == rebuild(history)
            assert [(s.life_id, s.entry_ids) for s in ground.stored[key]] == [
                (s.life_id, s.entry_ids) for s in stored[key]
            ]
            assert [ordered(s.life) for s in ground.stored[key]] == [
                ordered(s.life) for s in stored[key]
            ]
            if key not in touched:
                lives = [s.life for s in stored[key] if s.life.close_reason != "voided"]
                built = rebuild(history).lives
                assert [ordered(life) for life in lives] == [ordered(life) for life in built], key


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = (
    settings() if settings.default and settings.default.max_examples > 100 else ORDINARY
)
