"""Rows of many positions by few statements."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice

from possync_tui.domain.instruments import PositionKey

_AT_ONCE = 200


def by_key(
    db: sqlite3.Connection, select: str, keys: Sequence[PositionKey]
) -> Iterator[sqlite3.Row]:
    """The rows of these positions, of a `select` from a table with `account` and `con_id`."""
    left = iter(keys)
    while some := list(islice(left, _AT_ONCE)):
        marks = ", ".join(["(?, ?)"] * len(some))
        yield from db.execute(
            f"WITH wanted (account, con_id) AS (VALUES {marks}) "
            f"{select} JOIN wanted USING (account, con_id)",
            [part for key in some for part in key],
        )


def by_number(db: sqlite3.Connection, select: str, numbers: Sequence[int]) -> Iterator[sqlite3.Row]:
    """The rows of a `select` that ends where the list of wanted numbers begins (`... IN`)."""
    left = iter(numbers)
    while some := list(islice(left, _AT_ONCE)):
        yield from db.execute(f"{select} ({', '.join('?' * len(some))})", some)
