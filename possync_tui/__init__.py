"""possync-tui: a local SQLite ledger kept equal to an Interactive Brokers account.

For programs that embed the sync::

    from possync_tui import get_position_sync_service, get_scheduler

    result = await get_position_sync_service().sync_positions(account_id=1)
    get_scheduler().get_status()["position_sync"]

Both share one engine, made from the settings at the first call; it belongs to the event loop that
runs then. Importing this package loads neither the dashboard nor the broker's library.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from possync_tui.embedding import get_position_sync_service, get_scheduler

__version__ = "0.1.0"
__all__ = ["__version__", "get_position_sync_service", "get_scheduler"]


def __getattr__(name: str) -> object:
    if name in ("get_position_sync_service", "get_scheduler"):
        from possync_tui import embedding

        return getattr(embedding, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
