"""Why a session ended, in words that a trader understands."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from possync_tui.broker.codes import Effect, Meaning, clean, meaning_of, port_in
from possync_tui.domain.connection import Phase
from possync_tui.domain.values import dataclass

_CANNOT_CONNECT: Final = 502
_TOO_OLD: Final = 503


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a session, or of a try to open one.

    `code` is IBKR's, `detail` the raw reason. `needs_user`: trying again would not help.
    `is_half_open`: the socket stands, but nobody answers. `is_id_taken`: another client has our id.
    `new_port`: where TWS listens now. `is_asked`: the user wanted it, so it is no error.
    """

    sentence: str
    code: int | None = None
    detail: str = ""
    needs_user: bool = False
    is_half_open: bool = False
    is_id_taken: bool = False
    new_port: int | None = None
    is_asked: bool = False

    @property
    def phase(self) -> Phase:
        """What the connection is in then."""
        if self.needs_user:
            return Phase.FAILED
        return Phase.STALE if self.is_half_open else Phase.RECONNECTING


def ending_of(meaning: Meaning, code: int, text: str) -> Ending | None:
    """The end that a message of TWS means, if it means one."""
    match meaning.effect:
        case Effect.DEAD:
            return Ending(meaning.sentence, code, text)
        case Effect.PORT_RESET:
            return Ending(meaning.sentence, code, text, new_port=port_in(text))
        case Effect.CLIENT_ID_TAKEN:
            return Ending(meaning.sentence, code, text, needs_user=True, is_id_taken=True)
        case Effect.NEEDS_USER:
            return Ending(meaning.sentence, code, text, needs_user=True)
        case _:
            return None


def ending_of_login(where: str, failure: BaseException) -> Ending:
    """A login that raised."""
    if isinstance(failure, OSError):
        return Ending(
            f"Nothing answers at {where}. Start TWS or IB Gateway, log in, and tick 'Enable "
            "ActiveX and Socket Clients' in its API settings; or set IBKR_HOST and IBKR_PORT.",
            _CANNOT_CONNECT,
            clean(str(failure)),
        )
    return Ending(
        f"What answers at {where} does not speak the TWS API. Check IBKR_HOST and IBKR_PORT.",
        detail=clean(repr(failure)),
    )


def strange_accounts(codes: Sequence[str]) -> Ending:
    """A ledger is bound to the accounts that it meets first: no nonsense may be among them."""
    if not codes:
        return Ending("TWS named no account; a new session is opened.")
    named = ", ".join(repr(clean(code, 30)) for code in codes[:3])
    return Ending(
        f"TWS named {named}, which no account is called like; a new session is opened. If that is "
        "one of yours, name it in IBKR_ACCOUNTS."
    )


def no_answer_at(where: str) -> Ending:
    """A login that hangs."""
    return Ending(
        f"TWS at {where} took the connection but did not log us in. Look for a question of TWS on "
        "its screen (accept the connection), or restart it if it hangs."
    )


def silent_tws() -> Ending:
    """A heartbeat without an answer."""
    return Ending(
        "TWS no longer answers, although the connection stands. A new session is opened; restart "
        "TWS if this lasts.",
        is_half_open=True,
    )


def ending_of_socket(message: str, refused_version: str, *, is_open: bool) -> Ending:
    """The end of the socket. `refused_version` is set when the library would not talk to it."""
    detail = clean(message, 120)
    if refused_version:
        return Ending(meaning_of(_TOO_OLD).sentence, _TOO_OLD, detail, needs_user=True)
    reason = f" ({detail})" if detail else ""
    if is_open:
        return Ending(f"TWS closed the connection{reason}; a new session is opened.", detail=detail)
    return Ending(
        f"TWS closed the connection during the login{reason}. Check in its API settings that this "
        "computer is a trusted IP address and that the API is enabled.",
        detail=detail,
    )


def all_ids_taken(ending: Ending, client_ids: Iterable[int]) -> Ending:
    """No id of our own choice was free."""
    ids = list(client_ids)
    sentence = (
        f"The client ids {ids[0]} to {ids[-1]} are all in use at TWS. Close other programs that "
        "use its API, or set IBKR_CLIENT_ID to a free number."
    )
    return replace(ending, sentence=sentence)


def still_held(ending: Ending, *, is_long: bool) -> Ending:
    """Our id is taken, most likely by our own former session: trying again will help."""
    sentence = "TWS still holds our former session with this client id; trying again."
    if is_long:
        sentence = (
            "TWS still holds this client id, for our former session or for another program that"
            " uses it now; trying again."
        )
    return replace(ending, sentence=sentence, needs_user=False)
