"""Logins of more accounts than TWS sends positions of in one answer (IBKR's documentation).

Advisors and brokers with more than 50 accounts have to ask for each one by itself, which this
program does not do yet. Whether a TWS answers all the same, only a sync can tell.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from possync_tui.broker.port import BrokerTimeout, Notice, SnapshotRefused

MOST_ACCOUNTS: Final = 50

_WHY: Final = (
    "IBKR sends the positions of all accounts in one answer only for up to 50 accounts; if syncs "
    "keep failing, connect with a login that has fewer."
)


def notice_of(accounts: Sequence[str]) -> Notice | None:
    """What to tell at login, if there are so many."""
    if len(accounts) <= MOST_ACCOUNTS:
        return None
    return Notice(None, f"This login has {len(accounts)} accounts. {_WHY}", is_problem=True)


@contextmanager
def explained(accounts: Sequence[str]) -> Iterator[None]:
    """A snapshot: where it fails with so many accounts, what may be behind it is said, too."""
    try:
        yield
    except (SnapshotRefused, BrokerTimeout) as error:
        if len(accounts) <= MOST_ACCOUNTS:
            raise
        raise type(error)(f"{error} {_WHY}") from error
