"""What a sync may decide: by the settings, by who asked, and by what the login lists."""

from collections.abc import Collection

from possync_tui.domain.look import Rules
from possync_tui.domain.plan import Book
from possync_tui.ledger.port import LedgerError
from possync_tui.sync.policy import SyncPolicy


def rules_of(policy: SyncPolicy, accounts: tuple[str, ...] | None, *, is_armed: bool) -> Rules:
    """The rules of a look at `accounts`, `None` for every one that the settings watch."""
    chosen = policy.accounts
    watched: tuple[str, ...] | None = chosen or None
    if accounts is not None:
        watched = tuple(code for code in accounts if not chosen or code in chosen)
    return Rules(
        mark_missing_as_closed=is_armed,
        confirmations=policy.missing_confirmations,
        spacing=policy.confirmation_spacing,
        watched=watched,
    )


def codes_of(book: Book, account_ids: Collection[int]) -> tuple[str, ...]:
    """The codes of these accounts. Raises `LedgerError` where the ledger knows none of them."""
    codes = [a.code for a in book.accounts.values() if a.account_id in account_ids]
    if not codes:
        asked = ", ".join(str(number) for number in sorted(account_ids))
        raise LedgerError(f"this ledger has no account with id {asked}")
    return tuple(codes)


def accounts_missing(policy: SyncPolicy, listed: Collection[str]) -> str:
    """A sentence where this login has none of the accounts that the settings watch."""
    watched = policy.accounts
    if not watched or set(watched) & set(listed):
        return ""
    return f"this login has no account {', '.join(watched)}; it has {', '.join(listed)}"
