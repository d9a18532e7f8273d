"""What the parts of one broker session share."""

from collections.abc import Callable
from datetime import datetime

from possync_tui.broker.endings import Ending
from possync_tui.broker.port import Listener
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class SessionContext:
    """One session as its parts see it.

    `broker_now` is the broker's clock: ours plus the skew, once that is measured, as `knows_clock`
    says. `end` throws the session away.
    `check_usable` raises the `BrokerError` that says why nothing can be asked now.
    """

    session_id: str
    emit: Listener
    broker_now: Callable[[], datetime]
    end: Callable[[Ending], None]
    check_usable: Callable[[], None]
    knows_clock: Callable[[], bool]
