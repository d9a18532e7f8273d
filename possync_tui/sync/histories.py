"""What a plan reads of the inbox: the positions in question, and those tied to them."""

from collections.abc import Sequence

from possync_tui.domain.conversion import linked_keys
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Recorded
from possync_tui.domain.plan import Ground
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


async def linked_ground(
    ledger: LedgerPort, keys: frozenset[PositionKey], *, whole: bool = False
) -> Ground:
    """What a plan of these positions stands on, and of those that conversions tie to them."""
    ground = await ledger.ground(keys, whole=whole)
    asked = set(keys)
    while linked := linked_keys(ground.histories) - asked:
        asked |= linked
        more = await ledger.ground(linked)
        met = [key for key in linked if more.histories[key] or key in more.pasts]
        ground = Ground(
            {**ground.histories, **{key: more.histories[key] for key in met}},
            {**ground.stored, **{key: more.stored[key] for key in met}},
            {**ground.pasts, **more.pasts},
        )
    return ground
