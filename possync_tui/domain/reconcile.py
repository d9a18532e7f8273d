"""Reconcile: what the ledger knows against what a complete snapshot shows, as decisions.

Pure: the same book and the same snapshot always decide the same. Nothing closes a position on its
absence alone; `absence` has the rungs of evidence.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from decimal import Decimal

from possync_tui.domain.absence import judge_absences
from possync_tui.domain.holding import hold_unbookable, holds_for, new_account_holds
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.look import Look, Rules
from possync_tui.domain.marks import Mark
from possync_tui.domain.money import plain
from possync_tui.domain.observations import Anchor, Decided, PositionRow, Snapshot
from possync_tui.domain.plan import Book, Change, KnownPosition, Remark
from possync_tui.domain.position import Life
from possync_tui.domain.values import dataclass


@dataclass(frozen=True)
class Findings:
    """What one snapshot says about the book, before lives are rebuilt."""

    accounts: tuple[str, ...]
    digest: str
    positions_seen: int
    decided: tuple[Decided, ...]
    changes: tuple[Change, ...]


def covered_accounts(book: Book, snapshot: Snapshot, rules: Rules) -> tuple[str, ...]:
    """Accounts that this snapshot may change: listed by the gateway, accepted, and watched.

    One that is absent from the list, or filtered out, is frozen, never closed (promise 8).
    """
    return tuple(
        code
        for code in snapshot.accounts
        if (known := book.accounts.get(code)) is not None
        and known.is_accepted
        and (rules.watched is None or code in rules.watched)
    )


def keys_in_question(
    book: Book,
    snapshot: Snapshot,
    rules: Rules,
    in_motion: frozenset[PositionKey] = frozenset(),
) -> frozenset[PositionKey]:
    """The positions whose observations a plan has to look at: what changed, and no more."""
    accounts = frozenset(covered_accounts(book, snapshot, rules))
    rows = {row.key: row for row in snapshot.rows if row.quantity and row.account in accounts}
    touched = {key for key in book.touched if key.account in accounts}
    known = book.positions
    news = {key for key, row in rows.items() if _is_news(known.get(key), row)}
    gone = {key for key in known.keys() - rows.keys() if key.account in accounts}
    return frozenset(touched | news | gone) - in_motion


def reconcile(
    book: Book,
    snapshot: Snapshot,
    *,
    marks: Mapping[PositionKey, Mark],
    quantities: Mapping[PositionKey, Decimal],
    rules: Rules,
    known_seq: int,
    in_motion: frozenset[PositionKey] = frozenset(),
    opened: Mapping[PositionKey, datetime] | None = None,
    current: Mapping[PositionKey, Life] | None = None,
    cash: Set[PositionKey] = frozenset(),
) -> Findings:
    """Decide what a complete snapshot means for the book.

    `quantities` holds what the fills known now make of each position in question; `known_seq` is
    the place in the inbox up to which observations came before the snapshot began. Positions
    `in_motion` traded while the snapshot was taken: nothing is decided about them this time.
    `opened` says when the first known life of a position in question began, `current` is the one
    that fills known now have not ended; those of `cash` are conversions of currencies.
    """
    accounts = covered_accounts(book, snapshot, rules)
    digest = snapshot_digest(snapshot, accounts)
    decided: list[Decided] = []
    changes: list[Change] = []
    seen = 0
    by_account: dict[str, list[PositionRow]] = {account: [] for account in accounts}
    for row in snapshot.rows:
        if row.account in by_account:
            by_account[row.account].append(row)
    for account, here in by_account.items():
        unbookable = sorted((row for row in here if _is_unbookable(row)), key=_key_of)
        rows = {row.key: row for row in here if not _is_unbookable(row)}
        look = Look(
            account,
            snapshot,
            book,
            marks,
            quantities,
            rules,
            digest,
            known_seq,
            rows,
            in_motion,
            opened or {},
            current or {},
            frozenset(cash),
        )
        verdict = judge_absences(look)
        decided += [*_anchors(look), *verdict.decided]
        changes += hold_unbookable(look, unbookable)
        changes += _remark_drift(look)
        changes += verdict.counted
        changes += holds_for(look, verdict.missing, verdict.bulk)
        seen += len(look.present)
    changes += new_account_holds(book, snapshot)
    return Findings(accounts, digest, seen, tuple(decided), tuple(changes))


def snapshot_digest(snapshot: Snapshot, accounts: Sequence[str]) -> str:
    """A fingerprint of the quantities and costs of `accounts`, whatever the order of rows."""
    covered = frozenset(accounts)
    lines = sorted(
        row.fingerprint for row in snapshot.rows if row.account in covered and row.quantity
    )
    return hashlib.sha256("\n".join([*sorted(accounts), *lines]).encode()).hexdigest()[:32]


def _is_unbookable(row: PositionRow) -> bool:
    return row.instrument.is_combination or row.instrument.con_id <= 0


def _is_news(known: KnownPosition | None, row: PositionRow) -> bool:
    if known is None or known.row is None or known.is_absent:
        return True
    # Fills that a statement brought may have moved our quantity away from an unchanged row.
    return known.quantity != row.quantity or not known.row.says_same_as(row)


def _anchors(look: Look) -> list[Decided]:
    """Rows that say something new, and rows that new fills have to be held against."""
    known, touched, in_motion = look.book.positions, look.book.touched, look.in_motion
    is_baseline = look.is_baseline
    news = [
        row
        for key, row in look.rows.items()
        if row.quantity
        and key not in in_motion
        and (key in touched or _is_news(known.get(key), row))
    ]
    return [
        Anchor(
            row=row,
            as_of=look.snapshot.as_of,
            baseline=is_baseline,
            snapshot_digest=look.digest,
            price=look.price(row.key),
            known_seq=look.known_seq,
        )
        for row in sorted(news, key=_key_of)
    ]


def _remark_drift(look: Look) -> list[Remark]:
    """A cost that moved without a trade: wash sale, re-lotting, corporate action (pitfall 45)."""
    remarks: dict[PositionKey, Remark] = {}
    for key, row in look.rows.items():
        known = look.book.positions.get(key)
        if known is None or known.row is None or known.row is row or not row.quantity:
            continue
        before = known.row
        is_drift = before.quantity == row.quantity and before.average_cost != row.average_cost
        if is_drift and key not in look.book.touched:
            was, now = plain(before.average_cost), plain(row.average_cost)
            remarks[key] = Remark(key, f"average cost {was} → {now} without a trade")
    return [remarks[key] for key in sorted(remarks)]


def _key_of(row: PositionRow) -> PositionKey:
    return row.key
