"""What the writer remembers of its ledger, held against the tables each time that it is used."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import rebuild, tell
from possync_tui.domain.plan import Book, Ground, StoredLife
from possync_tui.domain.position import Entry, Life
from possync_tui.ledger.book import read_book
from possync_tui.ledger.inbox import history
from possync_tui.ledger.keeping import Keeping
from possync_tui.ledger.lives import stored_lives
from possync_tui.ledger.store import Ledger
from tests.simulation.broken import InvariantBroken


def hold_memory_against_tables(ledger: Ledger) -> None:
    """Each time that something is read of what is remembered, the tables have to say the same."""
    _hold_ground_against_tables(ledger._memory.keeping)
    shelf = ledger._memory.shelf
    remembered = shelf.read

    def checked(db: sqlite3.Connection) -> Book:
        book = remembered(db)
        if book != read_book(db):
            raise InvariantBroken("the book in memory is not that of the tables")
        return book

    shelf.read = checked  # type: ignore[method-assign]


def _hold_ground_against_tables(keeping: Keeping) -> None:
    remembered = keeping.ground

    def checked(db: sqlite3.Connection, keys: Iterable[PositionKey]) -> Ground:
        ground = remembered(db, keys)
        for key, past in ground.pasts.items():
            if tell(ground.histories[key], past).rebuilt != rebuild(history(db, key)):
                raise InvariantBroken(f"{key} goes on from another past than the inbox tells")
            if _by_id(ground.stored[key]) != _by_id(stored_lives(db, key)):
                raise InvariantBroken(f"the lives of {key} in memory are not those of the tables")
        return ground

    keeping.ground = checked  # type: ignore[method-assign]


def _by_id(lives: Iterable[StoredLife]) -> dict[int, tuple[Life, dict[str, Entry], object]]:
    return {
        stored.life_id: (
            replace(stored.life, entries=()),
            {f"{entry.method} {entry.cause}": entry for entry in stored.life.entries},
            stored.entry_ids,
        )
        for stored in lives
    }
