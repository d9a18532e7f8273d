"""Requests for a sync that came while none could begin: the next one answers them all."""

import asyncio
from dataclasses import dataclass, field

from possync_tui.domain.runs import Failure, Outcome, SyncResult, Trigger


@dataclass
class Batch:
    """Callers that the next sync will answer, and the accounts they asked for (empty = all).

    `not_covered` has those of the accounts that the sync does not look at, each with the reason;
    `put_off` those that it could not take up yet.
    """

    trigger: Trigger
    accounts: set[int]
    everything: bool
    answer: "asyncio.Future[SyncResult]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    not_covered: dict[int, str] = field(default_factory=dict)
    put_off: dict[int, str] = field(default_factory=dict)

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
        if account_id is None or not result.ok:
            return result
        if (why := self.not_covered.get(account_id)) is not None:
            return self._without(result, Outcome.FAILED, Failure.SETTINGS, why)
        if (why := self.put_off.get(account_id)) is not None:
            return self._without(result, Outcome.REFUSED, Failure.SNAPSHOT, why)
        return result

    def _without(
        self, result: SyncResult, outcome: Outcome, failure: Failure, why: str
    ) -> SyncResult:
        """What the sync was for an account that it left out."""
        return SyncResult(
            outcome,
            result.trigger,
            result.started_at,
            result.duration_ms,
            error=why,
            failure=failure,
        )
