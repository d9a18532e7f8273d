"""How a position ended, in words."""

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
