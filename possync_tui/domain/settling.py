"""Settling: what a snapshot decided, with option events recognised across positions.

Each position is rebuilt by itself. Only assignment and exercise tie two of them together, and are
looked for here, before the plan is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from functools import cached_property

from possync_tui.domain.conversion import basis_to_carry, has_conversions, is_conversion
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import Told, reaches_behind, tell, with_decided
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    Anchor,
    CloseDecided,
    CloseReason,
    Decided,
    PositionRow,
    Recorded,
    Snapshot,
)
from possync_tui.domain.pairing import (
    Appeared,
    Vanished,
    by_option,
    by_underlying,
    pair,
    part_of,
    pool_cost,
)
from possync_tui.domain.past import Past
from possync_tui.domain.plan import Book, Change, CountAbsence, HoldKind, RaiseHold
from possync_tui.domain.position import Life, Rebuilt
from possync_tui.domain.reconcile import Findings
from possync_tui.domain.values import dataclass

_NONE = Decimal(0)
_OPTIONS = frozenset({"OPT", "FOP"})
LONGEST_CHAIN = 8
"""As many conversions of conversions are followed within one plan."""

_ENDS_OF_OPTIONS = frozenset({CloseReason.ZERO_ROW, CloseReason.EXPIRED})


@dataclass(frozen=True)
class Settling:
    """The decisions of a snapshot, and every position in question as they leave it.

    `standing` is each position before them; of those with one of the `pasts`, `histories` has only
    what came since.
    """

    book: Book
    snapshot: Snapshot
    histories: Mapping[PositionKey, Sequence[Recorded]]
    standing: Mapping[PositionKey, Told]
    findings: Findings
    known_seq: int
    last_seq: int
    pasts: Mapping[PositionKey, Past] = field(default_factory=dict)

    @property
    def decided(self) -> tuple[Decided, ...]:
        return self.findings.decided

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.findings.changes

    def decided_for(self, key: PositionKey) -> Sequence[Decided]:
        return self._by_key.get(key, ())

    def is_missing(self, key: PositionKey) -> bool:
        """Whether its present life is known to be absent before this snapshot."""
        current = self.standing[key].rebuilt.current
        return current is not None and current.missing_since is not None

    def residual(self, key: PositionKey) -> Decimal:
        """Signed units that this snapshot left unexplained."""
        unexplained = self.rebuilt[key].unexplained
        if not unexplained:
            return _NONE
        instants = {item.as_of for item in self.decided_for(key)}
        return sum((units for at, units in unexplained if at in instants), _NONE)

    @cached_property
    def rebuilt(self) -> Mapping[PositionKey, Rebuilt]:
        """Every position in question with what was decided of it."""
        return {key: told.rebuilt for key, told in self.told.items()}

    @cached_property
    def told(self) -> Mapping[PositionKey, Told]:
        return {key: self._tell(key, decided) for key, decided in self._decided_of_all()}

    def _decided_of_all(self) -> Iterable[tuple[PositionKey, Sequence[Decided]]]:
        return ((key, self.decided_for(key)) for key in self.histories)

    def _tell(self, key: PositionKey, decided: Sequence[Decided]) -> Told:
        before = self.standing[key]
        if not decided:
            return before
        if before.past is not None:
            news = with_decided((), decided, self.last_seq)
            if key in self.pasts or not reaches_behind(before.past, news):
                return tell(news, before.past)
        return tell(with_decided(self.histories[key], decided, self.last_seq))

    @cached_property
    def _by_key(self) -> Mapping[PositionKey, Sequence[Decided]]:
        by_key: dict[PositionKey, list[Decided]] = {}
        for item in self.decided:
            by_key.setdefault(item.key, []).append(item)
        return by_key

    def with_option_events(self) -> "Settling":
        """The same, with options that ended and units that came for them decided together."""
        vanished = [v for key in sorted(self.histories) if (v := self._vanished(key)) is not None]
        if not vanished:
            return self
        appeared = [a for key in sorted(self.histories) if (a := self._appeared(key)) is not None]
        pairs = pair(appeared, vanished, self.snapshot.as_of, self.known_seq)
        if not pairs:
            return self
        ends, deliveries = by_option(pairs), by_underlying(pairs)
        decided: list[Decided] = [*ends.values()]
        for item in self.decided:
            # The delivery goes ahead of the row that shows it, as does the end of a part.
            if item.key not in ends or isinstance(item, Anchor):
                decided += [*deliveries.get(item.key, ()), item]
        changes = tuple(_without(change, ends) for change in self.changes)
        findings = replace(
            self.findings,
            decided=tuple(decided),
            changes=tuple(change for change in changes if change is not None),
        )
        return replace(self, findings=findings)

    def with_basis_carried(self) -> "Settling":
        """The same, with what conversions carry as the positions that they left say it now."""
        settled = self
        if not has_conversions(self.histories) and not any(map(is_conversion, self.decided)):
            return self
        for _ in range(LONGEST_CHAIN):
            histories = {
                key: with_decided(history, settled.decided_for(key), self.last_seq)
                for key, history in self.histories.items()
            }
            carried = basis_to_carry(histories, settled.rebuilt)
            if not carried:
                break
            findings = replace(settled.findings, decided=(*settled.decided, *carried))
            settled = replace(settled, findings=findings)
        return settled

    def _vanished(self, key: PositionKey) -> Vanished | None:
        life = self.standing[key].rebuilt.current
        if life is None or life.row is None or life.row.instrument.sec_type not in _OPTIONS:
            return None
        known = self.book.positions.get(key)
        is_gone = known is not None and known.is_absent
        for item in self.decided_for(key):
            match item:
                case Absent(baseline=False):
                    is_gone = True
                case CloseDecided(reason=reason):
                    is_gone = reason in _ENDS_OF_OPTIONS
                case Anchor(row=row, baseline=False):
                    return self._part_gone(row, life)
                case _:
                    is_gone = False
        return Vanished(key, life.row.instrument, life) if is_gone else None

    def _part_gone(self, row: PositionRow, life: Life) -> Vanished | None:
        """The units of an option that its row lacks, and no fill took."""
        gone = -self.residual(row.key)
        is_less = gone * life.quantity > 0 and abs(gone) < abs(life.quantity)
        if not is_less or row.quantity != life.quantity - gone:
            return None
        return Vanished(row.key, row.instrument, part_of(life, gone), is_part=True)

    def _appeared(self, key: PositionKey) -> Appeared | None:
        anchor = next((i for i in self.decided_for(key) if isinstance(i, Anchor)), None)
        if anchor is None or anchor.baseline or anchor.row.instrument.sec_type in _OPTIONS:
            return None
        residual = self.residual(key)
        if not residual:
            return None
        held = anchor.row.quantity - residual
        life = self.standing[key].rebuilt.current
        cost: int | None = 0
        if held:
            is_same = life is not None and life.quantity == held
            currency = anchor.row.instrument.currency
            cost = pool_cost(life.pool, currency, is_long=held > 0) if life and is_same else None
        return Appeared(anchor.row, residual, held, cost)


def _without(change: Change, ended: Mapping[PositionKey, Adjusted]) -> Change | None:
    """The change without the positions that have ended: they are missing no more."""
    match change:
        case CountAbsence(key=key) if key in ended:
            return None
        case RaiseHold(kind=HoldKind.MISSING | HoldKind.BULK_MISSING, keys=keys):
            left = tuple(key for key in keys if key not in ended)
            return replace(change, keys=left) if left else None
        case _:
            return change
