"""Which client ids are tried, and what it means that one is taken."""

from collections.abc import Iterable
from typing import Final

from possync_tui.broker.endings import Ending, all_ids_taken, still_held
from possync_tui.broker.options import SessionOptions

# TWS may take a while to notice that our former socket is gone, and holds its client id until then.
_GHOST_TRIES: Final = 5


class ClientIds:
    """The id that is set, or the first free one of our own choice."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._held: int | None = None
        self._ghost_tries = 0

    def choices(self) -> Iterable[int]:
        options = self._options
        if options.client_id is not None:
            return (options.client_id,)
        return range(options.first_client_id, options.first_client_id + options.client_id_choices)

    def got(self, client_id: int) -> None:
        """A session stands with this id."""
        self._held, self._ghost_tries = client_id, 0

    def judge_taken(self, ending: Ending) -> Ending:
        """None of the choices was free: by our own former session, or by another program."""
        if self._options.client_id is None:
            return all_ids_taken(ending, self.choices())
        if self._held == self._options.client_id:
            # It was ours in this run, and will be again: what TWS holds it lets go of, in hours.
            self._ghost_tries += 1
            return still_held(ending, is_long=self._ghost_tries > _GHOST_TRIES)
        return ending
