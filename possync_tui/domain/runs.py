"""Syncs as the user sees them: why one ran, how it ended, what it counted."""

from datetime import datetime
from enum import StrEnum

from possync_tui.domain.values import dataclass


class Trigger(StrEnum):
    """What asked for a sync."""

    INTERVAL = "interval"
    TRADE = "trade"
    POSITION = "position"
    RECONNECT = "reconnect"
    MANUAL = "manual"
    REVIEW = "review"
    IMPORT = "import"
    RULES = "rules"


class Outcome(StrEnum):
    """How a sync ended. `REFUSED`: a snapshot came but did not count, nothing was written."""

    COMMITTED = "committed"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"


class Failure(StrEnum):
    """What stood in the way of a sync, for exit codes and log levels."""

    BROKER = "broker"
    SNAPSHOT = "snapshot"
    LEDGER = "ledger"
    SETTINGS = "settings"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync did. `missing` and `held` count what stands so after it."""

    outcome: Outcome
    trigger: Trigger
    started_at: datetime
    duration_ms: float
    error: str | None = None
    run_id: int | None = None
    positions_seen: int = 0
    created: int = 0
    updated: int = 0
    closed: int = 0
    missing: int = 0
    held: int = 0
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.COMMITTED


@dataclass(frozen=True, slots=True)
class SyncStats:
    """Counters over the whole life of the ledger; skipped syncs count nowhere."""

    total_syncs: int = 0
    successful_syncs: int = 0
    failed_syncs: int = 0
    positions_created: int = 0
    positions_updated: int = 0
    positions_closed: int = 0
    last_sync_time: datetime | None = None
    last_error: str | None = None
    last_duration_ms: float | None = None

    def after(self, result: SyncResult) -> "SyncStats":
        """The counters once `result` is in."""
        if result.outcome is Outcome.SKIPPED:
            return self
        return SyncStats(
            total_syncs=self.total_syncs + 1,
            successful_syncs=self.successful_syncs + result.ok,
            failed_syncs=self.failed_syncs + (not result.ok),
            positions_created=self.positions_created + result.created,
            positions_updated=self.positions_updated + result.updated,
            positions_closed=self.positions_closed + result.closed,
            last_sync_time=result.started_at if result.ok else self.last_sync_time,
            last_error=result.error if not result.ok else self.last_error,
            last_duration_ms=result.duration_ms,
        )
