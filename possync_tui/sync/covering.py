"""The accounts that a sync looks at, and why it leaves out others that were asked for."""

from collections.abc import Collection, Mapping

from possync_tui.domain.plan import Book, HoldKind
from possync_tui.sync.policy import SyncPolicy


class NotCovered(Exception):
    """None of the accounts that were asked for would be looked at; the message says why."""


def codes_of(
    book: Book, account_ids: Collection[int], not_covered: Mapping[int, str]
) -> tuple[str, ...]:
    """The codes of these accounts, without those of which a sync would say nothing.

    Raises `NotCovered` where none is left. A new account for which no hold waits yet may be asked
    for alone: the look raises its hold.
    """
    held = {hold.account for hold in book.holds if hold.kind is HoldKind.NEW_ACCOUNT}
    codes = [
        known.code
        for known in book.accounts.values()
        if known.account_id in account_ids
        and (known.account_id not in not_covered or not (known.is_accepted or known.code in held))
    ]
    if not codes:
        raise NotCovered("; ".join(not_covered[number] for number in sorted(not_covered)))
    return tuple(codes)


def uncovered(
    policy: SyncPolicy, book: Book, listed: Collection[str], account_ids: Collection[int]
) -> dict[int, str]:
    """Those of these accounts that a sync would not look at now, each with a sentence why."""
    codes = {known.account_id: known.code for known in book.accounts.values()}
    why: dict[int, str] = {}
    for number in account_ids:
        code = codes.get(number)
        if code is None:
            why[number] = f"this ledger has no account with id {number}"
        elif policy.accounts and code not in policy.accounts:
            why[number] = f"account {code} (id {number}) is not among IBKR_ACCOUNTS"
        elif code not in listed:
            why[number] = f"this login has no account {code} (id {number})"
        elif not book.accounts[code].is_accepted:
            why[number] = f"account {code} (id {number}) waits for your word: see the review"
    return why
