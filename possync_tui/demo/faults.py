"""How the gateway can misbehave on command, as plain values; the gateway applies them."""

from enum import StrEnum
from typing import Final

from possync_tui.demo.wire import UNSET_DOUBLE
from possync_tui.domain.values import dataclass


class FaultKind(StrEnum):
    """What goes wrong; the fields of ``Fault`` that each uses stand in brackets."""

    DROP = "drop"  # close the socket after `after` rows of a position snapshot
    NEVER_END = "never_end"  # a position snapshot without positionEnd
    EMPTY = "empty"  # a position snapshot of no rows, but with its end
    FREEZE = "freeze"  # the socket stays open, nothing is sent any more
    REFUSE = "refuse"  # nobody listens until cleared; who is connected stays
    CLOSE_ON_ACCEPT = "close_on_accept"  # connections are accepted and closed
    NOTICE = "notice"  # error `code` with `text` after `after` rows of a snapshot
    BAD_NUMBER_ROW = "bad_number_row"  # a row whose quantity is no number [con_id, account]
    SHORT_ROW = "short_row"  # a row with its last two fields missing [con_id, account]
    BLANK_QUANTITY = "blank_quantity"  # a row with a blank quantity [con_id, account]
    VALUE = "value"  # `value` as `field` of rows, fills, commissions, marks [con_id, account]
    HOSTILE_TEXT = "hostile_text"  # `text` as `field` (symbol, local_symbol) [con_id, account]
    EXECUTIONS_NEVER_END = "executions_never_end"  # no execDetailsEnd
    EXECUTIONS_ERROR = "executions_error"  # reqExecutions answered by error `code`
    DELAY = "delay"  # every answer comes `seconds` later
    DUPLICATE_ROWS = "duplicate_rows"  # every row of a snapshot twice
    PUSH_MID_SNAPSHOT = "push_mid_snapshot"  # a row pushed after `after` rows, quantity `value`
    OMIT_ROW = "omit_row"  # a snapshot without that row [con_id, account]
    ACCOUNTS = "accounts"  # managedAccounts says `text`
    SLOW_WRITES = "slow_writes"  # one byte at a time, `seconds` apart
    GARBAGE_FRAME = "garbage_frame"  # a frame length of nonsense after `after` rows
    SERVER_VERSION = "server_version"  # the handshake says version `code`
    UNKNOWN_MESSAGE = "unknown_message"  # a message id that no client knows, after `after` rows
    NO_COMMISSION = "no_commission"  # commission reports are not sent


class FaultField(StrEnum):
    """A field that ``VALUE`` or ``HOSTILE_TEXT`` can spoil."""

    QUANTITY = "quantity"
    AVERAGE_COST = "average_cost"
    EXEC_QUANTITY = "exec_quantity"
    EXEC_PRICE = "exec_price"
    COMMISSION = "commission"
    REALIZED = "realized"
    MARKET_PRICE = "market_price"  # of portfolio rows
    PNL_VALUE = "pnl_value"  # market value in P&L per position
    SYMBOL = "symbol"
    LOCAL_SYMBOL = "local_symbol"


#: Named values for ``Fault.value``; anything else is sent as it stands.
NAMED_VALUES: Final = {
    "unset": UNSET_DOUBLE,
    "nan": "NaN",
    "inf": "Infinity",
    "-inf": "-Infinity",
    "absurd": "1e300",
    "blank": "",
}

#: Strings that have hurt programs: markup, terminal escapes, SQL, direction overrides, length.
HOSTILE_TEXTS: Final = (
    "[red]",
    "[/red]",
    "[@click=app.quit]Q[/]",
    "\x1b[2J\x1b[31mA",
    "\x1b]0;title\x07",
    "\x9b31mB",
    "Robert'); DROP TABLE positions;--",
    '"quoted"\\',
    "\u202eLTR\u202c",
    "A\tB\r\nC",
    "\u200b\u0301",
    "X" * 5000,
)

_TEXT_FIELDS = frozenset({FaultField.SYMBOL, FaultField.LOCAL_SYMBOL})


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave. ``once`` faults end when they have been applied; others stay."""

    kind: FaultKind
    once: bool = False
    after: int = 0
    code: int = 0
    text: str = ""
    value: str = ""
    field: FaultField | None = None
    seconds: float = 0.0
    con_id: int | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be applied, with a ``ValueError`` that names the field."""
        if self.after < 0 or self.seconds < 0:
            raise ValueError("after and seconds cannot be negative")
        if self.kind is FaultKind.VALUE and (self.field is None or self.field in _TEXT_FIELDS):
            raise ValueError("field: a value fault needs a numeric field")
        if self.kind is FaultKind.HOSTILE_TEXT and self.field not in {None, *_TEXT_FIELDS}:
            raise ValueError("field: a text fault needs symbol or local_symbol")
        needs_code = {FaultKind.NOTICE, FaultKind.EXECUTIONS_ERROR, FaultKind.SERVER_VERSION}
        if self.kind in needs_code and not self.code:
            raise ValueError(f"code: {self.kind} needs one")
        if self.kind in {FaultKind.DELAY, FaultKind.SLOW_WRITES} and not self.seconds:
            raise ValueError(f"seconds: {self.kind} needs some")

    @property
    def wire_value(self) -> str:
        """``value`` as it goes on the wire."""
        return NAMED_VALUES.get(self.value, self.value)

    def concerns(self, account: str, con_id: int) -> bool:
        """Whether a row or fill of that position is meant; no filter means all of them."""
        return self.account in (None, account) and self.con_id in (None, con_id)


class ActiveFaults:
    """The faults that are on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        self._faults.clear()

    def on(self, kind: FaultKind) -> bool:
        """Whether such a fault is on; does not use up a one-shot."""
        return any(fault.kind is kind for fault in self._faults)

    def take(self, kind: FaultKind) -> Fault | None:
        """The oldest such fault, for applying it now: a one-shot is used up."""
        return next(iter(self.take_all(kind, limit=1)), None)

    def take_all(self, kind: FaultKind, limit: int | None = None) -> list[Fault]:
        """All such faults, for applying them now: one-shots are used up."""
        found = [fault for fault in self._faults if fault.kind is kind][:limit]
        for fault in found:
            if fault.once:
                self._faults.remove(fault)
        return found

    def take_for(
        self, kind: FaultKind, account: str, con_id: int, field: FaultField | None = None
    ) -> Fault | None:
        """The oldest such fault that concerns that position (and field)."""
        for fault in self._faults:
            meant = fault.kind is kind and fault.concerns(account, con_id)
            if meant and (field is None or fault.field in (None, field)):
                if fault.once:
                    self._faults.remove(fault)
                return fault
        return None

    def listed(self) -> tuple[Fault, ...]:
        """What is on, oldest first."""
        return tuple(self._faults)
