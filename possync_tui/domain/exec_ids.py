"""Execution ids: TWS counts the corrections of an execution in their last part."""

CANCELLED = 9000
"""Added to the revision that a cancellation cancels."""
_MEMO = "cancel:"
_MOST_DIGITS = 9


def cancelled_id(exec_id: str) -> str:
    """The id under which the cancellation of an execution is kept: `Fill.rank` tells its place."""
    base, dot, _ = exec_id.rpartition(".")
    return f"{base if dot else exec_id}.{CANCELLED + revision_of(exec_id)}"


def in_doubt_id(exec_id: str) -> str:
    """The id under which an execution is kept whose price may be one of another unit.

    It ranks before the execution itself, which takes its place as soon as it is told for certain.
    """
    base, dot, _ = exec_id.rpartition(".")
    return f"{base}.00" if dot and revision_of(exec_id) == 1 else exec_id


def memo_id(name: str) -> str:
    """The id under which a statement's word on an execution is kept that it does not name."""
    return f"{_MEMO}{name}"


def revision_of(exec_id: str) -> int:
    _, dot, digits = exec_id.rpartition(".")
    return int(digits) if dot and digits.isdecimal() and len(digits) <= _MOST_DIGITS else 0


def is_memo(exec_id: str) -> bool:
    return exec_id.startswith(_MEMO)
