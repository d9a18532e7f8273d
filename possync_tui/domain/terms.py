"""The words for what a position is and how good an amount is; they load nothing else."""

from enum import StrEnum


class CostMethod(StrEnum):
    """How a closing fill finds its opening cost. Both are always computed."""

    AVERAGE = "average"
    FIFO = "fifo"


class Status(StrEnum):
    """Where a life stands. `MISSING` is held on the books: unknown is not flat."""

    OPEN = "OPEN"
    MISSING = "MISSING"
    CLOSED = "CLOSED"


class Quality(StrEnum):
    """How good a realized P&L entry is (design promise 5)."""

    EXACT = "EXACT"
    PENDING_COMMISSION = "PENDING_COMMISSION"
    ESTIMATED = "ESTIMATED"
    MANUAL = "MANUAL"


class EntryKind(StrEnum):
    """What made an entry."""

    FILL = "FILL"
    UNEXPLAINED = "UNEXPLAINED"
    FRACTION = "FRACTION"
    ZERO_ROW = "ZERO_ROW"
    EXPIRED = "EXPIRED"
    CONFIRMED_MISSING = "CONFIRMED_MISSING"
    USER = "USER"
    ASSIGNED = "ASSIGNED"
    EXERCISED = "EXERCISED"
    DELIVERED = "DELIVERED"
    TRANSFERRED = "TRANSFERRED"
    CONVERTED = "CONVERTED"
    CASHED = "CASHED"
    REVERSAL = "REVERSAL"


class HoldKind(StrEnum):
    """Why something waits for the user's word. `MISSING` alone does not make a sync exit with 6."""

    MISSING = "MISSING"
    BULK_MISSING = "BULK_MISSING"
    NEW_ACCOUNT = "NEW_ACCOUNT"
    COMBINATION = "COMBINATION"
    NO_CONTRACT_ID = "NO_CONTRACT_ID"
    STATEMENT_GAP = "STATEMENT_GAP"
    SAME_HOLDING = "SAME_HOLDING"
    CORPORATE_ACTION = "CORPORATE_ACTION"
