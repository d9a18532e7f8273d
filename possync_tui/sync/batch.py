"""Requests for a sync that came while none could begin: the next one answers them all."""

import asyncio
from dataclasses import dataclass, field

from possync_tui.domain.runs import SyncResult, Trigger


@dataclass
class Batch:
    """Callers that the next sync will answer, and the accounts they asked for (empty = all)."""

    trigger: Trigger
    accounts: set[int]
    everything: bool
    answer: "asyncio.Future[SyncResult]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def join(self, trigger: Trigger, account_id: int | None) -> None:
        """Ask for one account more, or (`None`) for every watched one."""
        if trigger is Trigger.MANUAL:
            self.trigger = trigger
        if account_id is None:
            self.everything = True
        else:
            self.accounts.add(account_id)
