"""Drafting: a look at the broker, and the plan that it makes of the book."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from possync_tui.broker.port import BrokerPort
from possync_tui.domain.life import BehindPast
from possync_tui.domain.look import Rules
from possync_tui.domain.plan import Book, Ground
from possync_tui.domain.planning import Draft, make_plan
from possync_tui.domain.reconcile import covered_accounts, keys_in_question
from possync_tui.ledger.port import LedgerPort
from possync_tui.sync.aside import aside
from possync_tui.sync.histories import linked_ground
from possync_tui.sync.look import Look, Record, look_at, put_off, unsettled
from possync_tui.sync.policy import SyncPolicy
from possync_tui.sync.saved_marks import marks_for


class Drafting:
    """Looks and plans; nothing of it is committed here."""

    def __init__(
        self,
        broker: BrokerPort,
        ledger: LedgerPort,
        policy: SyncPolicy,
        record: Record,
        may_close_missing: Callable[[], bool],
    ) -> None:
        self._broker = broker
        self._ledger = ledger
        self._policy = policy
        self._record = record
        self._may_close_missing = may_close_missing

    async def look(self) -> Look:
        """A careful look at all that TWS shows. Raises `BrokerError`."""
        return await look_at(self._broker, self._record, timeout=self._policy.timeout)

    async def draft(self, look: Look, rules: Rules, book: Book) -> tuple[Draft, Mapping[str, str]]:
        """The plan that this look makes by what is armed now, and accounts left out, with why.

        Those have to wait for their first look. No other plan may take up observations meanwhile.
        Raises `SnapshotRefused` where all of them have to, and `LedgerError`.
        """
        rules = replace(rules, mark_missing_as_closed=self._may_close_missing())
        covered = covered_accounts(book, look.snapshot, rules)
        ground = await self._ground(look, rules, book)
        first = [code for code in covered if not book.accounts[code].has_baseline]
        waiting = unsettled(look, first, ground.histories)
        if waiting:
            rules = put_off(rules, covered, waiting)
            ground = await self._ground(look, rules, book)
        live, at = self._broker.marks, look.snapshot.as_of
        keys = ground.histories.keys()
        marks = await marks_for(keys, at, live=live, book=book, ledger=self._ledger)
        plan = partial(
            make_plan,
            book,
            look.snapshot,
            marks=marks,
            rules=rules,
            known_seq=look.known_seq,
            last_seq=self._ledger.last_seq,
            with_pnl=self._policy.calculate_realized_pnl,
            in_motion=look.in_motion,
            all_fills=look.all_fills,
        )
        many = _size(look, book)
        try:
            return await aside(many, partial(plan, ground)), waiting
        except BehindPast:
            # A decision that no past foresees: the whole history does.
            whole = await linked_ground(self._ledger, frozenset(keys), whole=True)
            return await aside(many, partial(plan, whole)), waiting

    async def _ground(self, look: Look, rules: Rules, book: Book) -> Ground:
        snapshot, moving = look.snapshot, look.in_motion
        keys = await aside(
            _size(look, book), lambda: keys_in_question(book, snapshot, rules, moving)
        )
        return await linked_ground(self._ledger, keys)


def _size(look: Look, book: Book) -> int:
    return len(look.snapshot.rows) + len(book.positions)
