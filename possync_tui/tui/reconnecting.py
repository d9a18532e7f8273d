"""How a reconnect that the user asked for went: told once, then forgotten."""

from possync_tui.domain.connection import ConnectionState, Phase


class ReconnectWatch:
    """From the key to the answer."""

    def __init__(self) -> None:
        self._former_session: str | None = None

    def begin(self, state: ConnectionState) -> None:
        """The user asked, while things stood so."""
        self._former_session = state.session_id

    def outcome(self, state: ConnectionState) -> tuple[bool, str] | None:
        """Whether it worked and what to say of it, once that is known."""
        if self._former_session is None:
            return None
        if state.is_usable and state.session_id != self._former_session:
            self._former_session = None
            return True, f"Connected as client {state.client_id}: a new session."
        if state.phase is Phase.FAILED or state.next_try_at is not None:
            self._former_session = None
            return False, state.sentence
        return None
