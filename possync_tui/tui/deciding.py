"""The user's word on several holds."""

from collections.abc import Sequence

from possync_tui.domain.word import Word
from possync_tui.ledger.port import LedgerError
from possync_tui.sync.port import EnginePort


async def decide_each(engine: EnginePort, hold_ids: Sequence[int], word: Word) -> None:
    """One after the other; one that cannot be decided any more keeps no other from it.

    Raises `LedgerError` with all that failed.
    """
    failures: list[LedgerError] = []
    for hold_id in hold_ids:
        try:
            await engine.decide(
                hold_id,
                accept=word.accept,
                note=word.note,
                price=word.price,
                is_transfer=word.is_transfer,
            )
        except LedgerError as error:
            failures.append(error)
    if failures:
        raise LedgerError("; ".join(str(failure) for failure in failures))
