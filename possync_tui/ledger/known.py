"""Where each position stands in the inbox: its last anchor, and what plans have taken up."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import PositionRow
from possync_tui.ledger.at_rest import optional_moment, optional_stamp
from possync_tui.ledger.parts import decode_row
from possync_tui.ledger.sets import by_key


@dataclass
class Standing:
    """A row of `known`, changed while observations come in and written back at the end."""

    key: PositionKey
    latest_seq: int = 0
    planned_seq: int = 0
    decided_from: int | None = None
    decided_to: int | None = None
    anchor_text: str | None = None
    anchor_as_of: datetime | None = None
    is_absent: bool = False
    zero_pushed_at: datetime | None = None
    zero_pushed_seq: int = 0
    presence_seq: int = 0
    last_push: str | None = None
    without_pnl: bool = False

    def touch(self, seq: int) -> None:
        self.latest_seq = seq
        self.last_push = None

    def push(self, seq: int, content: str, at: datetime, *, is_zero: bool) -> None:
        """A pushed row: a zero one counts while it is later than the last anchor.

        Any other says that the position is there, and so ends an absence.
        """
        self.touch(seq)
        self.last_push = content
        is_later = self.anchor_as_of is None or at > self.anchor_as_of
        self.zero_pushed_at = at if is_zero and is_later else None
        self.zero_pushed_seq = seq if self.zero_pushed_at else 0
        if not is_zero:
            self.presence_seq = seq
            self.is_absent = False

    @property
    def anchor_row(self) -> PositionRow | None:
        """The broker's last row, decoded anew each time."""
        return None if self.anchor_text is None else decode_row(self.anchor_text)

    def anchor(self, seq: int, row_text: str, as_of: datetime) -> None:
        self.touch(seq)
        self.anchor_text, self.anchor_as_of = row_text, as_of
        self.is_absent = False
        self._settle_zero(as_of)

    def absent(self, seq: int) -> None:
        self.touch(seq)
        self.is_absent = True

    def close(self, seq: int, as_of: datetime) -> None:
        """Decided flat: the zero row that said so is used up."""
        self.touch(seq)
        self.is_absent = True
        self._settle_zero(as_of)

    def plan(self, seen_seq: int, before_seq: int, decided: tuple[int, int] | None) -> None:
        """A plan was made of what the inbox held up to `seen_seq`, and adds `decided` to it.

        Where observations came in between, they stay to be taken up by the next plan.
        """
        if before_seq <= seen_seq:
            self.planned_seq = self.latest_seq
            self.decided_from = self.decided_to = None
        else:
            self.planned_seq = max(self.planned_seq, seen_seq)
            self.decided_from, self.decided_to = decided or (None, None)

    def _settle_zero(self, as_of: datetime) -> None:
        if self.zero_pushed_at is not None and self.zero_pushed_at <= as_of:
            self.zero_pushed_at, self.zero_pushed_seq = None, 0


SELECT_STANDINGS = """
SELECT known.account, known.con_id, latest_seq, planned_seq, decided_from, decided_to, anchor_row,
    anchor_as_of, is_absent, zero_pushed_at, zero_pushed_seq, presence_seq, last_push, without_pnl
FROM known
"""
"""In the order in which `standing_of` takes them: by name, each would be searched for."""


def standing_of(record: Iterable[Any]) -> Standing:
    account, con_id, latest, planned, since, until, row, as_of, absent, zero_at, *others = record
    zero_seq, presence, push, without_pnl = others
    return Standing(
        PositionKey(account, con_id),
        latest,
        planned,
        since,
        until,
        row,
        optional_moment(as_of),
        bool(absent),
        optional_moment(zero_at),
        zero_seq,
        presence,
        push,
        bool(without_pnl),
    )


class Standings(Mapping[PositionKey, Standing]):
    """The rows of `known` that one transaction needs: read once each, written back together."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._loaded: dict[PositionKey, Standing] = {}

    def __getitem__(self, key: PositionKey) -> Standing:
        """The standing of `key`; a new one where the ledger has not met it."""
        found = self._loaded.get(key)
        if found is None:
            record = self._db.execute(
                SELECT_STANDINGS + "WHERE account = ? AND con_id = ?", key
            ).fetchone()
            found = Standing(key) if record is None else standing_of(record)
            self._loaded[key] = found
        return found

    def load(self, keys: Iterable[PositionKey]) -> None:
        """Read the rows of all these together."""
        missing = [key for key in keys if key not in self._loaded]
        self._loaded.update((key, Standing(key)) for key in missing)
        for record in by_key(self._db, SELECT_STANDINGS, missing):
            standing = standing_of(record)
            self._loaded[standing.key] = standing

    def __iter__(self) -> Iterator[PositionKey]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)

    def save(self) -> None:
        """Write back every row that was asked for."""
        self._db.executemany(_SAVE, [_columns(standing) for standing in self._loaded.values()])


def _columns(standing: Standing) -> tuple[str | int | None, ...]:
    return (
        standing.key.account,
        standing.key.con_id,
        standing.latest_seq,
        standing.planned_seq,
        standing.decided_from,
        standing.decided_to,
        standing.anchor_text,
        optional_stamp(standing.anchor_as_of),
        int(standing.is_absent),
        optional_stamp(standing.zero_pushed_at),
        standing.zero_pushed_seq,
        standing.presence_seq,
        standing.last_push,
        int(standing.without_pnl),
    )


_SAVE = """
INSERT INTO known (account, con_id, latest_seq, planned_seq, decided_from, decided_to, anchor_row,
    anchor_as_of, is_absent, zero_pushed_at, zero_pushed_seq, presence_seq, last_push, without_pnl)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account, con_id) DO UPDATE SET
    latest_seq = excluded.latest_seq,
    planned_seq = excluded.planned_seq,
    decided_from = excluded.decided_from,
    decided_to = excluded.decided_to,
    anchor_row = excluded.anchor_row,
    anchor_as_of = excluded.anchor_as_of,
    is_absent = excluded.is_absent,
    zero_pushed_at = excluded.zero_pushed_at,
    zero_pushed_seq = excluded.zero_pushed_seq,
    presence_seq = excluded.presence_seq,
    last_push = excluded.last_push,
    without_pnl = excluded.without_pnl
"""
