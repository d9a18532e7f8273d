"""The statements of an import together, held against what the ledger knows already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import (
    Adjusted,
    AdjustmentSource,
    Commission,
    Fill,
    Recorded,
)
from possync_tui.domain.values import dataclass
from possync_tui.flex.cancels import Imported, RowIds, carry_out, waiting_in
from possync_tui.flex.recognised import recognised
from possync_tui.flex.statement import Statement

Told = Fill | Commission | Adjusted
Histories = Mapping[PositionKey, Sequence[Recorded]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an import stores. `statements` are as they came, with the events of corporate actions
    under the names by which the ledger knows them; `notes` are those of each statement.
    """

    statements: tuple[Statement, ...]
    observations: tuple[Told, ...]
    notes: tuple[tuple[str, ...], ...]


def keys_of(statements: Sequence[Statement]) -> frozenset[PositionKey]:
    """The positions whose histories `gather` asks for."""
    return frozenset[PositionKey]().union(*(statement.keys for statement in statements))


def gather(statements: Sequence[Statement], histories: Histories) -> Gathered:
    """Statements of any number of files, in the order in which they were named."""
    known = _adjusted_in(histories)
    named: list[Statement] = []
    for statement in statements:
        adjusted = recognised(statement.adjusted, known)
        known += adjusted
        named.append(replace(statement, adjusted=adjusted))
    observations: list[Told] = [item for statement in named for item in statement.observations]
    row_ids = {name: ids for statement in named for name, ids in statement.row_ids.items()}
    notes: list[tuple[str, ...]] = []
    for statement in named:
        cancelled = carry_out(statement.cancellations, histories, _imported(observations, row_ids))
        observations += cancelled.observations
        notes.append((*statement.notes, *cancelled.notes))
    waiting = [cancel for history in histories.values() for cancel in waiting_in(history)]
    observations += carry_out(waiting, histories, _imported(observations, row_ids)).observations
    return Gathered(tuple(named), tuple(observations), tuple(notes))


def _imported(told: Sequence[Told], row_ids: Mapping[str, RowIds]) -> Imported:
    return Imported([item for item in told if not isinstance(item, Adjusted)], row_ids)


def _adjusted_in(histories: Histories) -> list[Adjusted]:
    """What statements told the ledger before."""
    return [
        recorded.observation
        for history in histories.values()
        for recorded in history
        if isinstance(recorded.observation, Adjusted)
        and recorded.observation.source is AdjustmentSource.FLEX
    ]
