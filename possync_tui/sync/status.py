"""The status object that users script against; reading it loads nothing of the sync itself."""

from typing import TypedDict

from possync_tui.domain.runs import SyncStats
from possync_tui.sync.policy import SyncPolicy


class StatsStatus(TypedDict):
    """The counters, as users script against them (design section 4). Times are ISO, UTC."""

    total_syncs: int
    successful_syncs: int
    failed_syncs: int
    positions_created: int
    positions_updated: int
    positions_closed: int
    last_sync_time: str | None
    last_error: str | None
    last_duration_ms: float | None


class PositionSyncStatus(TypedDict):
    """What `get_status()["position_sync"]` is."""

    enabled: bool
    sync_interval: int
    stats: StatsStatus


class SchedulerStatus(TypedDict):
    """What `get_status()` returns."""

    position_sync: PositionSyncStatus


def status_of(policy: SyncPolicy, stats: SyncStats) -> SchedulerStatus:
    """The status object, from running counters or from those of the ledger."""
    last = stats.last_sync_time
    return {
        "position_sync": {
            "enabled": policy.enabled,
            "sync_interval": policy.sync_interval,
            "stats": {
                "total_syncs": stats.total_syncs,
                "successful_syncs": stats.successful_syncs,
                "failed_syncs": stats.failed_syncs,
                "positions_created": stats.positions_created,
                "positions_updated": stats.positions_updated,
                "positions_closed": stats.positions_closed,
                "last_sync_time": last.isoformat() if last else None,
                "last_error": stats.last_error,
                "last_duration_ms": stats.last_duration_ms,
            },
        }
    }
