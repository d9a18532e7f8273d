"""What the one writer remembers of its tables, in step with its transactions.

On the thread of the writer's connection only, and only what was committed: nobody else may change
the tables meanwhile.
"""

import sqlite3
from datetime import datetime

from possync_tui.domain.plan import Plan
from possync_tui.domain.runs import SyncResult
from possync_tui.ledger.book import BookShelf
from possync_tui.ledger.commit import Seen, apply_plan
from possync_tui.ledger.inbox import Taken
from possync_tui.ledger.keeping import Keeping
from possync_tui.ledger.parts import RowTexts


class Memory:
    """The book, and what plans go on from."""

    def __init__(self) -> None:
        self.shelf = BookShelf()
        self.keeping = Keeping()

    def recorded(self, taken: Taken) -> int:
        """Observations are about to be committed; returns how many were new."""
        self.shelf.forget(key for key, _ in taken.news)
        self.keeping.add(taken.news)
        return taken.new

    def commit(
        self, db: sqlite3.Connection, plan: Plan, result: SyncResult, seen: Seen, now: datetime
    ) -> SyncResult:
        """Write a plan, and follow it."""
        row_text = RowTexts()
        self.shelf.take_in(plan, row_text)
        done, written = apply_plan(db, plan, result, seen, now, row_text)
        self.shelf.follow(plan, written)
        self.keeping.follow(plan, written)
        return done

    def forget_all(self) -> None:
        self.shelf.forget_all()
        self.keeping.forget_all()

    def ended(self, is_committed: bool) -> None:
        """The transaction has ended."""
        self.shelf.settled(is_committed)
        self.keeping.settled(is_committed)
