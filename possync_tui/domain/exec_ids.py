"""Execution ids: TWS counts the corrections of an execution in their last part."""

CANCELLED = 9000
"""Added to the revision that a cancellation cancels. Corrections count from 01: none comes near."""
_MEMO = "cancel:"
_DOUBT = "?"
_BOOKING = "flex-"
# More digits than this are no revision.
_MOST_DIGITS = 9


def cancelled_id(exec_id: str) -> str:
    """The id under which the cancellation of an execution is kept: `Fill.rank` tells its place."""
    base, dot, _ = exec_id.rpartition(".")
    return f"{base if dot else exec_id}.{CANCELLED + revision_of(exec_id)}"


def in_doubt_id(exec_id: str) -> str:
    """The id under which an execution is kept whose price may be one of another unit.

    It ranks before all that are certain, which take its place as soon as they are told.
    """
    return f"{exec_id}{_DOUBT}"


def doubted_revision_of(exec_id: str) -> int | None:
    """Which revision is in doubt; `None` where none is."""
    return revision_of(exec_id.removesuffix(_DOUBT)) if exec_id.endswith(_DOUBT) else None


def booking_id(name: str) -> str:
    """The id of what a statement booked, by its name there, where nothing was executed."""
    return f"{_BOOKING}{name}"


def is_booking(exec_id: str) -> bool:
    return exec_id.startswith(_BOOKING)


def memo_id(name: str) -> str:
    """The id under which a statement's word on an execution is kept that it does not name."""
    return f"{_MEMO}{name}"


def revision_of(exec_id: str) -> int:
    _, dot, digits = exec_id.rpartition(".")
    return int(digits) if dot and digits.isdecimal() and len(digits) <= _MOST_DIGITS else 0


def is_memo(exec_id: str) -> bool:
    return exec_id.startswith(_MEMO)
