"""What a plan reads of the inbox: the positions in question, and those tied to them."""

from collections.abc import Sequence

from possync_tui.domain.conversion import linked_keys
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Recorded
from possync_tui.ledger.port import LedgerPort


async def linked_histories(
    ledger: LedgerPort, keys: frozenset[PositionKey]
) -> dict[PositionKey, Sequence[Recorded]]:
    """What was observed of these positions, and of those that conversions tie to them."""
    found = await ledger.histories(keys)
    histories: dict[PositionKey, Sequence[Recorded]] = {key: found.get(key, ()) for key in keys}
    asked = set(keys)
    while linked := linked_keys(histories) - asked:
        asked |= linked
        found = await ledger.histories(linked)
        histories.update({key: history for key, history in found.items() if history})
    return histories
