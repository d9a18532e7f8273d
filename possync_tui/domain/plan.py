"""A plan: what a sync would change, each change with the evidence it rests on. Data, not action."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import Decided, PositionRow, Recorded
from possync_tui.domain.past import Past
from possync_tui.domain.position import CostMethod, Entry, Life, Status
from possync_tui.domain.terms import HoldKind as HoldKind
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class StoredLife:
    """A life as the ledger has it, with the ids of its entries that no reversal has undone."""

    life_id: int
    life: Life
    entry_ids: Mapping[tuple[str, CostMethod], int]


@dataclass(frozen=True, slots=True)
class OpenHold:
    """Something that is held and not yet decided."""

    hold_id: int
    kind: HoldKind
    account: str
    con_id: int | None
    keys: tuple[PositionKey, ...]
    is_kept: bool = False
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class KnownPosition:
    """What the last committed sync left of a position: enough to see that nothing changed.

    `traded` is what its fills say that it is, where no row ever did. `presence_seq` is the
    place in the inbox of the last pushed row with a quantity, `zero_pushed_seq` that of the
    zero row that `zero_pushed_at` tells of. `appeared_at` is when it came, where nothing
    explains how.
    """

    key: PositionKey
    row: PositionRow | None
    status: Status
    quantity: Decimal
    is_absent: bool = False
    missing_since: datetime | None = None
    confirmations: int = 0
    confirmed_at: datetime | None = None
    zero_pushed_at: datetime | None = None
    zero_pushed_seq: int = 0
    presence_seq: int = 0
    appeared_at: datetime | None = None
    # Another account's fill may word the same contract differently, which is no news of this one.
    traded: Instrument | None = field(default=None, compare=False)

    @property
    def instrument(self) -> Instrument | None:
        return self.traded if self.row is None else self.row.instrument


@dataclass(frozen=True, slots=True)
class EndedPosition:
    """A life that was closed without a fill, with the broker's last row of it."""

    row: PositionRow
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account of the ledger. One that waits for the user's word is not synced."""

    account_id: int
    code: str
    is_accepted: bool
    has_baseline: bool
    last_synced_at: datetime | None = None
    baseline_at: datetime | None = None


@dataclass(frozen=True)
class Book:
    """The ledger as the sync knows it, kept in memory between syncs.

    `touched` are the positions with observations in the inbox that no plan has taken up yet.
    `closed_as_missing` are account and time of positions that absence alone has closed, the latest
    ones; `ended_without_fills` are the latest ones that absence or a zero row has closed.
    """

    accounts: Mapping[str, KnownAccount] = field(default_factory=dict)
    positions: Mapping[PositionKey, KnownPosition] = field(default_factory=dict)
    holds: tuple[OpenHold, ...] = ()
    touched: frozenset[PositionKey] = frozenset()
    closed_as_missing: tuple[tuple[str, datetime], ...] = ()
    ended_without_fills: tuple[EndedPosition, ...] = ()
    connectivity_lost_at: datetime | None = None

    @property
    def held(self) -> int:
        """How much waits for the user's word."""
        return sum(1 for h in self.holds if h.kind is not HoldKind.MISSING and not h.is_kept)

    @cached_property
    def keys_by_account(self) -> Mapping[str, frozenset[PositionKey]]:
        found: dict[str, set[PositionKey]] = {}
        for key in self.positions:
            found.setdefault(key.account, set()).add(key)
        return {account: frozenset(keys) for account, keys in found.items()}


@dataclass(frozen=True, slots=True)
class OlderRules:
    """Positions whose lives and entries were made by the rules of an older release.

    `without_pnl` are those whose realized entries were left out by the settings then.
    """

    version: int
    keys: frozenset[PositionKey]
    without_pnl: frozenset[PositionKey]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the ledger has of some positions, for a plan to stand on.

    `histories` are all their observations, or where there is a past those that came since.
    """

    histories: Mapping[PositionKey, Sequence[Recorded]]
    stored: Mapping[PositionKey, Sequence[StoredLife]]
    pasts: Mapping[PositionKey, Past] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Footing:
    """What the next plan of a position can go on from, once this one is committed.

    `lives` are all that there will be, each with what was stored of it before.
    """

    past: Past
    lives: tuple[tuple[StoredLife | None, Life], ...]


class ChangeKind(StrEnum):
    """What a change does to a position, in the words of the log and the diff."""

    CREATED = "created"
    UPDATED = "updated"
    CLOSED = "closed"
    MISSING = "missing"
    RETURNED = "returned"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class PutLife:
    """A life is new, or differs from what is stored under `life_id`."""

    key: PositionKey
    kind: ChangeKind
    life: Life
    life_id: int | None
    before: Life | None
    evidence: str


@dataclass(frozen=True, slots=True)
class AddEntry:
    """A realized entry to append to the life that `origin` names."""

    key: PositionKey
    origin: str
    entry: Entry
    supersedes_id: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class ReverseEntry:
    """An entry that better evidence undoes: its negative is appended, nothing is edited."""

    key: PositionKey
    entry_id: int
    entry: Entry
    evidence: str


@dataclass(frozen=True, slots=True)
class CountAbsence:
    """Another complete snapshot without this position (evidence for promise 1)."""

    key: PositionKey
    confirmations: int
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class RaiseHold:
    """Something waits for the user's word. `keys` are the positions it is about."""

    kind: HoldKind
    account: str
    con_id: int | None
    keys: tuple[PositionKey, ...]
    message: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ClearHold:
    """What was held resolved itself."""

    hold_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A line for the journal that changes no table: cost drift, a row that was left out."""

    key: PositionKey | None
    text: str


Change = PutLife | AddEntry | ReverseEntry | CountAbsence | RaiseHold | ClearHold | Remark


@dataclass(frozen=True)
class Plan:
    """All that one snapshot changes, committed as one transaction or not at all.

    `decided` goes to the inbox with it. `accounts` are those that the snapshot covered; each gets
    `as_of` as its last complete sync. `planned` are the touched positions that this plan took up.
    `without_pnl` are those whose realized entries were left out by the settings. `rules` is the
    version of the rules that every position in the ledger follows once this is committed, where
    that is another one than before. With `all_fills`, no fill of that day from before `as_of` is
    unknown. `footings` are no part of what the plan says.
    """

    as_of: datetime
    accounts: tuple[str, ...]
    digest: str
    positions_seen: int
    decided: tuple[Decided, ...] = ()
    changes: tuple[Change, ...] = ()
    planned: frozenset[PositionKey] = frozenset()
    new_accounts: tuple[str, ...] = ()
    without_pnl: frozenset[PositionKey] = frozenset()
    rules: int | None = None
    all_fills: bool = False
    footings: Mapping[PositionKey, Footing] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_empty(self) -> bool:
        return not (self.decided or self.changes or self.new_accounts)

    def count(self, kind: ChangeKind) -> int:
        return sum(1 for c in self.changes if isinstance(c, PutLife) and c.kind is kind)
