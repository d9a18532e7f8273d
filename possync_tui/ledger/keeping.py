"""What the one writer keeps in memory of positions, so that a plan need not read them again.

It lives on the thread of the writer's connection, and holds what was committed, nothing else: what
a transaction brings is taken in when it has ended, and given up where it has failed.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import reaches_behind
from possync_tui.domain.observations import Fill, Recorded
from possync_tui.domain.past import Past
from possync_tui.domain.plan import AddEntry, Footing, Ground, Plan, ReverseEntry, StoredLife
from possync_tui.domain.position import CostMethod, Life
from possync_tui.domain.values import dataclass
from possync_tui.ledger.at_rest import label
from possync_tui.ledger.inbox import history
from possync_tui.ledger.known import Standing
from possync_tui.ledger.lives import stored_lives
from possync_tui.ledger.sets import by_key

_MOST_KEPT = 400_000
"""In things of some hundred bytes, as `Past.size` counts them."""

Identity = tuple[str, CostMethod]


@dataclass
class _Kept:
    past: Past
    lives: tuple[StoredLife, ...]
    size: int
    news: list[Recorded] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """The ids that a plan's lives and entries got, and where its positions stand now.

    `taken_up` are those of which the plan saw all that the inbox holds.
    """

    standings: Mapping[PositionKey, Standing]
    lives: Mapping[tuple[PositionKey, str], int]
    entries: Mapping[tuple[PositionKey, str], Mapping[Identity, int]]
    taken_up: frozenset[PositionKey]


class Keeping:
    """Positions by what the last plan left of them, and what came since."""

    def __init__(self) -> None:
        self._kept: dict[PositionKey, _Kept] = {}
        self._size = 0
        self._staged: list[Callable[[], None]] = []

    # -- what a plan stands on -------------------------------------------------------------------

    def ground(self, db: sqlite3.Connection, keys: Iterable[PositionKey]) -> Ground:
        histories: dict[PositionKey, tuple[Recorded, ...]] = {}
        stored: dict[PositionKey, tuple[StoredLife, ...]] = {}
        pasts: dict[PositionKey, Past] = {}
        unread: list[PositionKey] = []
        for key in keys:
            kept = self._kept.get(key)
            if kept is not None and _is_behind(db, kept):
                self._drop(key)
                kept = None
            if kept is None:
                unread.append(key)
            else:
                histories[key], stored[key] = tuple(kept.news), kept.lives
                pasts[key] = kept.past
        select = "SELECT known.account, known.con_id FROM known"
        met = {PositionKey(*record) for record in by_key(db, select, unread)}
        for key in unread:
            # What has no contract id never gets a standing, but may be in the inbox.
            is_met = key in met or key.con_id <= 0
            histories[key] = history(db, key) if is_met else ()
            stored[key] = stored_lives(db, key) if is_met else ()
        return Ground(histories, stored, pasts)

    # -- what transactions bring -----------------------------------------------------------------

    def add(self, news: Iterable[tuple[PositionKey, Recorded]]) -> None:
        """Observations that are about to be committed."""
        told = list(news)

        def take_in() -> None:
            for key, recorded in told:
                kept = self._kept.get(key)
                if kept is not None:
                    kept.news.append(recorded)

        self._staged.append(take_in)

    def follow(self, plan: Plan, written: Written) -> None:
        """A plan that is about to be committed."""
        keys = plan.planned.union(item.key for item in plan.decided)
        fresh: dict[PositionKey, _Kept] = {}
        reversed_keys = {c.key for c in plan.changes if isinstance(c, ReverseEntry)}
        for key in keys & written.taken_up:
            footing = plan.footings.get(key)
            if footing is not None:
                lives = _lives(key, footing, written, is_reversed=key in reversed_keys)
                if lives is not None:
                    fresh[key] = _Kept(footing.past, lives, footing.past.size)

        def take_in() -> None:
            for key in keys:
                self._drop(key)
            for key, kept in fresh.items():
                self._kept[key] = kept
                self._size += kept.size
            while self._size > _MOST_KEPT:
                self._drop(next(iter(self._kept)))

        self._staged.append(take_in)

    def forget_all(self) -> None:
        self._kept.clear()
        self._size = 0

    def settled(self, is_committed: bool) -> None:
        """The transaction has ended. Where it failed, nobody knows for certain how."""
        staged, self._staged = self._staged, []
        if not is_committed:
            self.forget_all()
            return
        for take_in in staged:
            take_in()

    def _drop(self, key: PositionKey) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size


def _is_behind(db: sqlite3.Connection, kept: _Kept) -> bool:
    """Whether what came since changes what is past, so that all of it has to be read."""
    if not kept.news:
        return False
    if reaches_behind(kept.past, kept.news):
        return True
    for recorded in kept.news:
        fill = recorded.observation
        # The report of its commission may have come first, when nobody knew what it was about.
        if (
            isinstance(fill, Fill)
            and db.execute(
                "SELECT 1 FROM inbox WHERE kind = 'commission' AND exec_id = ? AND seq < ?",
                (label(fill.exec_id), recorded.seq),
            ).fetchone()
        ):
            return True
    return False


def _lives(
    key: PositionKey, footing: Footing, written: Written, *, is_reversed: bool
) -> tuple[StoredLife, ...] | None:
    """The lives as they will be stored, in the order in which they are read."""
    lives: list[StoredLife] = []
    for before, life in footing.lives:
        named = (key, life.origin)
        life_id = before.life_id if before is not None else written.lives.get(named)
        if life_id is None:
            return None
        if before is not None and before.life is life:
            lives.append(before)
            continue
        added = written.entries.get(named, {})
        ids = before.entry_ids if before is not None else {}
        if added or is_reversed:
            ids = _entry_ids(life, {**ids, **added})
        if len(ids) != len(life.entries):
            return None
        lives.append(StoredLife(life_id, life, ids))
    if len(lives) == 1:
        return (lives[0],)
    return tuple(sorted(lives, key=lambda stored: (stored.life.opened_at, stored.life_id)))


def _entry_ids(life: Life, known: Mapping[Identity, int]) -> dict[Identity, int]:
    names = [(entry.cause, entry.method) for entry in life.entries]
    return {name: known[name] for name in names if name in known}


def ids_by_life(
    entries: Iterable[tuple[AddEntry, int]],
) -> dict[tuple[PositionKey, str], dict[Identity, int]]:
    by_life: dict[tuple[PositionKey, str], dict[Identity, int]] = {}
    for change, entry_id in entries:
        entry = change.entry
        by_life.setdefault((change.key, change.origin), {})[entry.cause, entry.method] = entry_id
    return by_life
