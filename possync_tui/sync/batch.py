"""Requests for a sync that came while none could begin: the next one answers them all."""

import asyncio
from dataclasses import dataclass, field

from possync_tui.domain.runs import Failure, Outcome, SyncResult, Trigger


@dataclass
class Batch:
    """Callers that the next sync will answer, and the accounts they asked for (empty = all).

    `not_covered` has those of the accounts that the sync does not look at, each with the reason.
    """

    trigger: Trigger
    accounts: set[int]
    everything: bool
    answer: "asyncio.Future[SyncResult]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    not_covered: dict[int, str] = field(default_factory=dict)

    def join(self, trigger: Trigger, account_id: int | None) -> None:
        """Ask for one account more, or (`None`) for every watched one."""
        if trigger is Trigger.MANUAL:
            self.trigger = trigger
        if account_id is None:
            self.everything = True
        else:
            self.accounts.add(account_id)

    async def answer_for(self, account_id: int | None) -> SyncResult:
        """Wait for the result. A sync that others asked for is none of an account left out."""
        result = await asyncio.shield(self.answer)
        why = self.not_covered.get(account_id) if account_id is not None else None
        if why is None or not result.ok:
            return result
        return SyncResult(
            Outcome.FAILED,
            result.trigger,
            result.started_at,
            result.duration_ms,
            error=why,
            failure=Failure.SETTINGS,
        )
