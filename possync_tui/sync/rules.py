"""What a sync may decide: by the settings, by who asked, and by what the login lists."""

from collections.abc import Collection

from possync_tui.domain.look import Rules
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


def accounts_missing(policy: SyncPolicy, listed: Collection[str]) -> str:
    """A sentence where this login has none of the accounts that the settings watch."""
    watched = policy.accounts
    if not watched or set(watched) & set(listed):
        return ""
    return f"this login has no account {', '.join(watched)}; it has {', '.join(listed)}"
