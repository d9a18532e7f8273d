"""The plan: lives rebuilt with what a snapshot decided, held against what the ledger stores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from possync_tui.domain.conversion import basis_to_carry
from possync_tui.domain.endings import how_it_ended, no_price
from possync_tui.domain.hindsight import Histories, in_hindsight, with_hindsight
from possync_tui.domain.holding import corporate_action_holds, statement_gap_holds
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.life import RULES, rebuild, tell
from possync_tui.domain.look import Rules, trades_cash
from possync_tui.domain.marks import Mark
from possync_tui.domain.money import plain
from possync_tui.domain.observations import (
    Absent,
    BasisCarried,
    Decided,
    Fill,
    Recorded,
    Snapshot,
)
from possync_tui.domain.plan import (
    AddEntry,
    Book,
    Change,
    ChangeKind,
    Footing,
    Ground,
    OlderRules,
    Plan,
    PutLife,
    Remark,
    ReverseEntry,
    StoredLife,
)
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Life, Rebuilt, Status
from possync_tui.domain.reconcile import reconcile
from possync_tui.domain.settling import LONGEST_CHAIN, Settling
from possync_tui.domain.succession import Succession
from possync_tui.domain.values import dataclass

Stored = Mapping[PositionKey, Sequence[StoredLife]]
Pairs = list[tuple[StoredLife | None, Life]]


_ROW_COMES_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True)
class Draft:
    """A plan, and the positions in it whose change no fill explains (yet)."""

    plan: Plan
    unexplained: frozenset[PositionKey]


def make_plan(
    book: Book,
    snapshot: Snapshot,
    ground: Ground,
    *,
    marks: Mapping[PositionKey, Mark],
    rules: Rules,
    known_seq: int,
    last_seq: int,
    with_pnl: bool = True,
    in_motion: frozenset[PositionKey] = frozenset(),
    all_fills: bool = False,
) -> Draft:
    """What committing this snapshot would change. Pure: a dry run is this, not committed.

    `ground` covers the keys of `reconcile.keys_in_question`; `last_seq` is the newest place in the
    inbox, behind which the decisions of this plan will stand. Raises `BehindPast` where a past of
    the ground is not enough.
    """
    stored, pasts = ground.stored, ground.pasts
    # In order once and for all: each sort of many keys would hold up all other threads.
    given = {key: ground.histories[key] for key in sorted(ground.histories)}
    hindsight = in_hindsight(book, given)
    histories = with_hindsight(given, hindsight)
    standing = {key: tell(history, pasts.get(key)) for key, history in histories.items()}
    cash = {key for key, history in histories.items() if trades_cash(history)}
    findings = reconcile(
        book,
        snapshot,
        marks=marks,
        quantities={key: now.rebuilt.quantity for key, now in standing.items()},
        rules=rules,
        known_seq=known_seq,
        in_motion=in_motion,
        opened={
            key: now.rebuilt.lives[0].opened_at
            for key, now in standing.items()
            if now.rebuilt.lives
        },
        current={
            key: current
            for key, now in standing.items()
            if (current := now.rebuilt.current) is not None
        },
        cash=cash,
    )
    settling = Settling(book, snapshot, histories, standing, findings, known_seq, last_seq, pasts)
    settled = Succession(settling.with_option_events()).applied().with_basis_carried()
    changes: list[Change] = []
    unexplained: set[PositionKey] = set()
    footings: dict[PositionKey, Footing] = {}
    for key in histories:
        told = settled.told[key]
        decided = settled.decided_for(key)
        if settled.residual(key) and not _is_first_look(decided):
            unexplained.add(key)
        if _lacks_row_of_fill(decided, histories[key], snapshot.as_of):
            unexplained.add(key)
        pairs, gone = _paired(stored.get(key, ()), told.rebuilt)
        changes += _changes(key, pairs, gone, with_pnl=with_pnl)
        if told.past is not None and with_pnl and not gone:
            footings[key] = Footing(told.past, tuple(pairs))
    changes += statement_gap_holds(book.holds, histories, settled.rebuilt)
    changes += corporate_action_holds(book.holds, histories)
    plan = Plan(
        as_of=snapshot.as_of,
        accounts=findings.accounts,
        digest=findings.digest,
        positions_seen=findings.positions_seen,
        decided=(*hindsight.values(), *settled.decided),
        changes=(*changes, *settled.changes),
        planned=frozenset(key for key in histories if key.account in findings.accounts),
        without_pnl=frozenset() if with_pnl else frozenset(histories),
        all_fills=all_fills,
        footings=footings,
    )
    return Draft(plan, frozenset(unexplained))


def _lacks_row_of_fill(
    decided: Sequence[Decided], history: Sequence[Recorded], as_of: datetime
) -> bool:
    """Whether a position is not there whose last fill is so young that its row may yet come."""
    if not any(isinstance(item, Absent) for item in decided):
        return False
    since = as_of - _ROW_COMES_WITHIN
    fills = (item.observation for item in history if isinstance(item.observation, Fill))
    return any(fill.time >= since for fill in fills)


def replan(
    book: Book,
    histories: Histories,
    *,
    stored: Stored,
    as_of: datetime,
    without_pnl: frozenset[PositionKey] = frozenset(),
    older: OlderRules | None = None,
) -> Plan:
    """What the observations alone change, without a snapshot: after an import, or a new release.

    With `older`, every position that older rules have made is among `histories`. Nothing is decided
    about any position, but for what the first snapshot of its account said of it: that was not
    worth a word while nothing was known of the position.
    """
    changes: list[Change] = []
    hindsight = in_hindsight(book, histories)
    histories = with_hindsight(histories, hindsight)
    rebuilt = {key: rebuild(history) for key, history in histories.items()}
    carried = _carry_over(histories, rebuilt)
    for key in sorted(rebuilt):
        with_pnl = key not in without_pnl
        changes += changes_of(key, stored.get(key, ()), rebuilt[key], with_pnl=with_pnl)
    if older is not None:
        changes.insert(0, _remark_rules(older, changes))
    changes += statement_gap_holds(book.holds, histories, rebuilt)
    changes += corporate_action_holds(book.holds, histories)
    return Plan(
        as_of=as_of,
        accounts=(),
        digest="",
        positions_seen=0,
        decided=(*hindsight.values(), *carried),
        changes=tuple(changes),
        planned=frozenset(histories),
        without_pnl=without_pnl & frozenset(histories),
        rules=None if older is None else RULES,
    )


def _remark_rules(older: OlderRules, changes: Sequence[Change]) -> Remark:
    changed = {c.key for c in changes if isinstance(c, PutLife | AddEntry | ReverseEntry)}
    return Remark(
        None,
        f"rules {older.version} -> {RULES} of this release: {len(older.keys)} positions planned "
        f"again, {len(changed)} changed",
    )


def _carry_over(
    histories: dict[PositionKey, Sequence[Recorded]], rebuilt: dict[PositionKey, Rebuilt]
) -> list[BasisCarried]:
    """What conversions carry, worked out again; `histories` and `rebuilt` follow."""
    carried: list[BasisCarried] = []
    for _ in range(LONGEST_CHAIN):
        found = basis_to_carry(histories, rebuilt)
        for item in found:
            history = histories[item.key]
            histories[item.key] = (*history, Recorded(history[-1].seq, item))
            rebuilt[item.key] = rebuild(histories[item.key])
        carried += found
        if not found:
            break
    return carried


def changes_of(
    key: PositionKey, stored: Sequence[StoredLife], rebuilt: Rebuilt, *, with_pnl: bool = True
) -> list[Change]:
    """What makes the stored lives of a position equal to the rebuilt ones."""
    pairs, gone = _paired(stored, rebuilt)
    return _changes(key, pairs, gone, with_pnl=with_pnl)


def _paired(stored: Sequence[StoredLife], rebuilt: Rebuilt) -> tuple[Pairs, list[StoredLife]]:
    """Each life with the stored one that it continues, and stored ones that none does."""
    unmatched = list(stored)
    pairs: Pairs = []
    for ordinal, life in enumerate(rebuilt.lives):
        match = _match(unmatched, life, ordinal, rebuilt.lives)
        if match is not None:
            unmatched.remove(match)
        pairs.append((match, life))
    return pairs, unmatched


def _changes(
    key: PositionKey, pairs: Pairs, gone: Sequence[StoredLife], *, with_pnl: bool
) -> list[Change]:
    changes: list[Change] = []
    for never_was in gone:
        changes += _void(key, never_was)
    pairs = [(before, life) for before, life in pairs if before is None or before.life is not life]
    for before, life in pairs:
        changes += _life_changes(key, before, life)
        if with_pnl:
            changes += _entry_changes(key, before, life)
    return _link_replacements(changes) if len(changes) > 1 else changes


def _is_first_look(decided: Sequence[Decided]) -> bool:
    return any(getattr(item, "baseline", False) for item in decided)


def _match(
    unmatched: Sequence[StoredLife], life: Life, ordinal: int, lives: Sequence[Life]
) -> StoredLife | None:
    """The stored life that this one continues: opened by the same event, or in the same place."""
    for candidate in unmatched:
        if candidate.life is life or candidate.life.origin == life.origin:
            return candidate
    origins = {other.origin for other in lives}
    free = [c for c in unmatched if c.life.origin not in origins]
    return free[0] if free and ordinal < len(lives) else None


def _life_changes(key: PositionKey, before: StoredLife | None, life: Life) -> list[Change]:
    now = _without_entries(life)
    if before is None:
        return [PutLife(key, ChangeKind.CREATED, now, None, None, _why(life))]
    was = _without_entries(before.life)
    if was == now:
        return []
    return [PutLife(key, _kind_of(was, now), now, before.life_id, was, _why(life))]


def _without_entries(life: Life) -> Life:
    return replace(life, entries=()) if life.entries else life


def _kind_of(was: Life, now: Life) -> ChangeKind:
    if now.status is not was.status:
        if now.status is Status.CLOSED:
            return ChangeKind.CLOSED
        if now.status is Status.MISSING:
            return ChangeKind.MISSING
        if was.status is Status.MISSING:
            return ChangeKind.RETURNED
    return ChangeKind.UPDATED


def _why(life: Life) -> str:
    if life.status is Status.CLOSED:
        return how_it_ended(life.close_reason)
    if life.status is Status.MISSING:
        return f"absent since {life.missing_since:%Y-%m-%d %H:%M:%S} UTC, no closing evidence"
    return f"broker row {life.row.quantity_text}" if life.row else "fills"


def _void(key: PositionKey, gone: StoredLife) -> list[Change]:
    """A life that better evidence says never was: its entries are reversed, nothing is deleted."""
    why = "better evidence: this life never was"
    changes: list[Change] = [
        ReverseEntry(key, gone.entry_ids[_identity(entry)], entry, why)
        for entry in gone.life.entries
        if _identity(entry) in gone.entry_ids
    ]
    empty = replace(
        gone.life,
        entries=(),
        lots=(),
        pool=None,
        quantity=Decimal(0),
        status=Status.CLOSED,
        closed_at=gone.life.closed_at or gone.life.opened_at,
        close_reason="voided",
    )
    if gone.life.close_reason != "voided":
        changes.append(PutLife(key, ChangeKind.VOIDED, empty, gone.life_id, gone.life, why))
    return changes


def _entry_changes(key: PositionKey, before: StoredLife | None, life: Life) -> list[Change]:
    if before is not None and before.life.entries == life.entries:
        return []
    stored = {_identity(entry): entry for entry in before.life.entries} if before else {}
    wanted = {_identity(entry): entry for entry in life.entries}
    changes: list[Change] = []
    replaced: dict[tuple[str, CostMethod], int] = {}
    if before is not None:
        for identity, entry in stored.items():
            if wanted.get(identity) != entry:
                entry_id = before.entry_ids[identity]
                replaced[identity] = entry_id
                why = _why_reversed(entry, wanted.get(identity))
                changes.append(ReverseEntry(key, entry_id, entry, why))
    for identity, entry in wanted.items():
        if stored.get(identity) != entry:
            supersedes = replaced.get(identity)
            changes.append(AddEntry(key, life.origin, entry, supersedes, _evidence(entry)))
    return changes


def _link_replacements(changes: list[Change]) -> list[Change]:
    """Give entries that replace an estimate under another cause the id of what they replace."""
    taken = {c.supersedes_id for c in changes if isinstance(c, AddEntry)}
    orphans: dict[CostMethod, list[int]] = {}
    for change in changes:
        if isinstance(change, ReverseEntry) and change.entry_id not in taken:
            orphans.setdefault(change.entry.method, []).append(change.entry_id)
    linked: list[Change] = []
    for change in changes:
        if isinstance(change, AddEntry) and change.supersedes_id is None:
            waiting = orphans.get(change.entry.method)
            linked.append(replace(change, supersedes_id=waiting.pop(0)) if waiting else change)
        else:
            linked.append(change)
    return linked


def _identity(entry: Entry) -> tuple[str, CostMethod]:
    return (entry.cause, entry.method)


def _why_reversed(entry: Entry, by: Entry | None) -> str:
    if by is None:
        return f"{entry.quality} entry undone: fills explain the change"
    if by.quality is not entry.quality:
        return f"{entry.quality} -> {by.quality}"
    return "corrected"


def _evidence(entry: Entry) -> str:
    if entry.kind is EntryKind.FILL:
        return f"execution {entry.exec_id}"
    if entry.kind is EntryKind.CONVERTED and entry.exit_price is None:
        return "its cost went along into another contract"
    if entry.price is not None:
        age = f"{entry.price.age_seconds:.0f} s old"
        return f"{entry.price.source} mark {plain(entry.price.price)}, {age}"
    return no_price(entry.kind)
