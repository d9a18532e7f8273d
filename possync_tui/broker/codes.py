"""IBKR's message codes: what each means for this program, and what a trader should know and do.

Meanings follow shared IBKR facts, section 7. A code that is not here is logged and shown, and
changes nothing.
"""

from enum import StrEnum
from typing import Final

from possync_tui.domain.values import dataclass


class Effect(StrEnum):
    """What a message of TWS does to the session."""

    SILENT = "silent"  # part of normal work, not worth a line
    NONE = "none"  # log it, nothing more
    PROBLEM = "problem"  # log it as a problem
    UNKNOWN = "unknown"  # an error that is not in the table: no snapshot counts that it falls into
    FARM_UP = "farm_up"
    FARM_DOWN = "farm_down"
    LOST = "lost"  # TWS lost IBKR: writes are frozen
    RESTORED = "restored"  # back, subscriptions kept
    RESTORED_ANEW = "restored_anew"  # back, subscriptions gone
    PORT_RESET = "port_reset"
    DEAD = "dead"  # the session is no longer worth anything
    CLIENT_ID_TAKEN = "client_id_taken"
    NEEDS_USER = "needs_user"  # trying again would not help
    REQUEST_FAILED = "request_failed"  # positions or account data that were asked for do not come
    PORTFOLIO_TAKEN = "portfolio_taken"  # another client has the values of another account
    MARKS_OFF = "marks_off"  # a live value does not come


_GOOD_NEWS: Final = frozenset(
    {Effect.SILENT, Effect.NONE, Effect.FARM_UP, Effect.RESTORED, Effect.RESTORED_ANEW}
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code does, and its sentence for a trader."""

    effect: Effect
    sentence: str

    @property
    def is_problem(self) -> bool:
        """Whether the trader should take notice."""
        return self.effect not in _GOOD_NEWS


_TABLE: Final[tuple[tuple[tuple[int, ...], Effect, str], ...]] = (
    (
        (1100, 2110),
        Effect.LOST,
        "TWS has lost its connection to IBKR. Positions are frozen until it is back; TWS "
        "reconnects by itself, so check its internet connection if this lasts.",
    ),
    (
        (1101,),
        Effect.RESTORED_ANEW,
        "TWS is connected to IBKR again, with subscriptions lost: everything is asked for anew.",
    ),
    (
        (1102,),
        Effect.RESTORED,
        "TWS is connected to IBKR again: positions and fills are checked anew.",
    ),
    (
        (1300,),
        Effect.PORT_RESET,
        "The port of the TWS API was changed while connected: reconnecting at the new one.",
    ),
    (
        (100,),
        Effect.DEAD,
        "TWS says that too many messages were sent per second: reconnecting more slowly.",
    ),
    (
        (504, 507),
        Effect.DEAD,
        "TWS has given this session up: a new one is opened.",
    ),
    (
        (326,),
        Effect.CLIENT_ID_TAKEN,
        "Another program uses this client id at TWS. Close it (a second possync-tui, perhaps), or "
        "set IBKR_CLIENT_ID to another number.",
    ),
    (
        (503, 505, 506, 508),
        Effect.NEEDS_USER,
        "This TWS or IB Gateway is too old for the API that is used here. Update it.",
    ),
    (
        (320, 321),
        Effect.REQUEST_FAILED,
        "TWS refused a request. If this stays, look at the API settings of TWS.",
    ),
    (
        (322,),
        Effect.REQUEST_FAILED,
        "TWS could not process a request; it will be tried again.",
    ),
    (
        (540, 541, 542, 543, 553),
        Effect.REQUEST_FAILED,
        "TWS could not send positions or account data; they will be asked for again.",
    ),
    (
        (2100,),
        Effect.SILENT,
        "TWS now sends the values of another account; each account gets its turn.",
    ),
    (
        (2101,),
        Effect.PORTFOLIO_TAKEN,
        "Another API program is subscribed to another account, so live values of this one may be "
        "missing. Positions are not affected.",
    ),
    (
        (101, 354, 10089, 10090, 10168),
        Effect.MARKS_OFF,
        "No market data permission or too many tickers: a live value may be missing.",
    ),
    ((2150,), Effect.MARKS_OFF, "TWS cannot compute the P&L of a position at the moment."),
    (
        (10197,),
        Effect.PROBLEM,
        "Another session of this login receives the market data: live values here may be old.",
    ),
    ((501,), Effect.PROBLEM, ""),
    ((10167,), Effect.NONE, "TWS shows delayed market data."),
    ((2103, 2105, 2157), Effect.FARM_DOWN, "A data farm of IBKR is down: live values may be old."),
    ((2104, 2106, 2158), Effect.FARM_UP, "A data farm of IBKR is connected."),
    ((2107, 2108), Effect.FARM_UP, "A data farm of IBKR is idle and connects when needed."),
    ((2119,), Effect.NONE, "A data farm of IBKR is connecting."),
    ((162, 200, 202, 399), Effect.NONE, ""),
)

MEANINGS: Final[dict[int, Meaning]] = {
    code: Meaning(effect, sentence) for codes, effect, sentence in _TABLE for code in codes
}

_LAST_WARNING: Final = 2199
_FIRST_WARNING: Final = 2100


def is_warning(code: int) -> bool:
    """Whether IBKR numbers `code` among its warnings, which fail no request."""
    return _FIRST_WARNING <= code <= _LAST_WARNING or code in (202, 399, 10167)


def meaning_of(code: int) -> Meaning:
    """What `code` means here; an unknown one changes nothing."""
    known = MEANINGS.get(code)
    if known is not None:
        return known
    return Meaning(Effect.NONE if is_warning(code) else Effect.UNKNOWN, "")


def described(code: int, text: str) -> str:
    """The sentence of a code with what TWS said; the code itself goes beside it."""
    sentence = meaning_of(code).sentence
    return f"{sentence} (TWS: {text})" if sentence else text


def farm_in(text: str) -> str:
    """The farm that a notice names: `... connection is OK:usfarm`, `... upon demand.ushmds`."""
    return text.rstrip(". ").replace(":", ".").rpartition(".")[2].strip()


def port_in(text: str) -> int | None:
    """The new port in the text of 1300, the last number in it that can be a port."""
    words = "".join(char if char.isascii() and char.isdigit() else " " for char in text).split()
    ports = [int(word) for word in words if len(word) <= 5 and 0 < int(word) < 65536]
    return ports[-1] if ports else None


def clean(text: str, limit: int = 300) -> str:
    """Text from outside as one printable line: it is data, not terminal control (promise 13)."""
    shown = text if len(text) <= limit else text[: limit - 3] + "..."
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
