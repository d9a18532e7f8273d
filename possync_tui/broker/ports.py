"""At which port TWS is tried: the one that is set, or one that it said it moved to."""

from possync_tui.broker.endings import Ending


class Ports:
    """TWS that moved (1300) may be back at the port that is set: both are tried by turns then."""

    def __init__(self, configured: int) -> None:
        self._configured = configured
        self._moved_to = configured
        self._is_reached = False
        self.now = configured

    def reached(self) -> None:
        """A session stands at the port that was tried."""
        self._is_reached = True
        if self.now == self._configured:
            self._moved_to = self._configured

    def after(self, ending: Ending) -> None:
        """The session, or the try to open one, has ended."""
        was_reached, self._is_reached = self._is_reached, False
        if ending.new_port is not None:
            self.now = self._moved_to = ending.new_port
        elif not was_reached:
            is_at_moved = self.now == self._moved_to
            self.now = self._configured if is_at_moved else self._moved_to
