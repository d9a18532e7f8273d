"""How a position ended, in words."""

from possync_tui.domain.position import EntryKind

_ENDED = {
    "zero_row": "closed by a row of zero units",
    "expired": "expired",
    "confirmed_missing": "closed as missing from complete snapshots",
    "user": "closed by your word",
    "assigned": "closed by assignment",
    "exercised": "closed by exercise",
    "delivered": "closed by delivery",
    "transferred": "transferred out",
    "converted": "converted by a corporate action",
    "cashed": "paid out in cash",
}


def how_it_ended(reason: str) -> str:
    """What the reason of a closed life says; one that has no words of its own is what closed it."""
    return _ENDED.get(reason, f"closed by {reason.replace('_', ' ')}")


def no_price(kind: EntryKind) -> str:
    """What an entry without an amount says of its price."""
    if kind is EntryKind.EXPIRED:
        return "no price known; a Flex statement tells it"
    return "no price known"
