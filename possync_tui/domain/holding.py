"""What waits for the user's word, and what no longer has to."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from possync_tui.domain.happenings import SAME_EVENT
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.look import Look, is_cash, trades_cash
from possync_tui.domain.money import plain
from possync_tui.domain.observations import (
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    PositionRow,
    Recorded,
    Snapshot,
)
from possync_tui.domain.plan import (
    Book,
    Change,
    ClearHold,
    HoldKind,
    KnownPosition,
    OpenHold,
    RaiseHold,
)
from possync_tui.domain.position import Rebuilt


def holds_for(
    look: Look, missing: Sequence[KnownPosition], bulk: frozenset[PositionKey]
) -> list[Change]:
    holds = [h for h in look.book.holds if h.account == look.account]
    missing_keys = {known.key for known in missing}
    changes: list[Change] = []
    covered: set[PositionKey] = set()
    for hold in holds:
        if hold.kind not in (HoldKind.MISSING, HoldKind.BULK_MISSING):
            continue
        if look.in_motion & set(hold.keys):
            covered |= set(hold.keys)
            continue
        if not missing_keys & set(hold.keys):
            changes.append(ClearHold(hold.hold_id, "back, or closed on evidence"))
        elif hold.kind is HoldKind.MISSING and hold.keys[0] in bulk:
            changes.append(ClearHold(hold.hold_id, "part of a bulk disappearance"))
        else:
            covered |= set(hold.keys)
    fresh_bulk = sorted(key for key in missing_keys & bulk if key not in covered)
    if fresh_bulk:
        changes.append(_raise_bulk(look, fresh_bulk))
    alone = [k for k in missing if k.key not in covered and k.key not in bulk and not is_cash(k)]
    return [*changes, *(_raise_missing(look, known) for known in alone)]


def _raise_bulk(look: Look, keys: Sequence[PositionKey]) -> RaiseHold:
    return RaiseHold(
        kind=HoldKind.BULK_MISSING,
        account=look.account,
        con_id=None,
        keys=tuple(keys),
        message=(
            f"{len(keys)} positions are gone at once without closing fills. Nothing was closed. "
            "They may have been transferred to another account or broker. Accept to close them "
            "all, or to book them as a transfer; keep to leave them."
        ),
        evidence=f"snapshot {look.digest[:12]} at {look.snapshot.as_of:%Y-%m-%d %H:%M:%S} UTC",
    )


def _raise_missing(look: Look, known: KnownPosition) -> RaiseHold:
    name = known.instrument.description if known.instrument else str(known.key.con_id)
    return RaiseHold(
        kind=HoldKind.MISSING,
        account=look.account,
        con_id=known.key.con_id,
        keys=(known.key,),
        message=(
            f"{name} is missing at the broker, with no closing fill, zero row or expiry. It may "
            "have been sold unseen, or transferred to another account or broker. Accept to close "
            "it, or to book it as a transfer; keep to leave it."
        ),
        evidence=f"snapshot {look.digest[:12]} at {look.snapshot.as_of:%Y-%m-%d %H:%M:%S} UTC",
    )


def hold_unbookable(look: Look, rows: Sequence[PositionRow]) -> list[Change]:
    """Combination rows and rows without a conId are held, never booked (promise 4)."""
    changes: list[Change] = []
    mine = [
        hold
        for hold in look.book.holds
        if hold.account == look.account
        and hold.kind in (HoldKind.COMBINATION, HoldKind.NO_CONTRACT_ID)
    ]
    open_ids = {(hold.kind, hold.con_id) for hold in mine}
    now_ids = set()
    for row in rows:
        is_combination = row.instrument.is_combination
        kind = HoldKind.COMBINATION if is_combination else HoldKind.NO_CONTRACT_ID
        now_ids.add((kind, row.instrument.con_id))
        if (kind, row.instrument.con_id) in open_ids or not row.quantity:
            continue
        why = "is a combination" if is_combination else "has no contract id"
        changes.append(
            RaiseHold(
                kind=kind,
                account=look.account,
                con_id=row.instrument.con_id,
                keys=(),
                message=f"A row for {row.instrument.symbol} {why}: shown here, never booked.",
                evidence=f"quantity {row.quantity_text}, average cost {row.average_cost_text}",
            )
        )
    changes += [
        ClearHold(hold.hold_id, "the row is gone")
        for hold in mine
        if (hold.kind, hold.con_id) not in now_ids
    ]
    return changes


def new_account_holds(book: Book, snapshot: Snapshot) -> list[Change]:
    """An account that the ledger did not meet at first waits for the user's word (promise 8)."""
    waiting = {hold.account for hold in book.holds if hold.kind is HoldKind.NEW_ACCOUNT}
    return [
        RaiseHold(
            kind=HoldKind.NEW_ACCOUNT,
            account=code,
            con_id=None,
            keys=(),
            message=f"Account {code} is new to this ledger. Accept to keep its positions here too.",
            evidence=f"listed by the gateway at {snapshot.as_of:%Y-%m-%d %H:%M:%S} UTC",
        )
        for code in snapshot.accounts
        if (known := book.accounts.get(code)) is not None
        and not known.is_accepted
        and code not in waiting
    ]


def statement_gap_holds(
    holds: Sequence[OpenHold],
    histories: Mapping[PositionKey, Sequence[Recorded]],
    rebuilt: Mapping[PositionKey, Rebuilt],
) -> list[Change]:
    """Positions whose older fills, from a statement, do not add up to what was held.

    Of conversions no snapshot says what was held before them.
    """
    changes: list[Change] = []
    gaps = {
        key: Decimal(0) if gap and trades_cash(histories[key]) else gap
        for key, gap in ((key, after.statement_gap) for key, after in rebuilt.items())
    }
    open_for = {
        hold.keys[0]: hold for hold in holds if hold.kind is HoldKind.STATEMENT_GAP and hold.keys
    }
    for key in sorted(key for key, gap in gaps.items() if gap or key in open_for):
        gap, hold = gaps[key], open_for.get(key)
        if gap and hold is None:
            changes.append(
                RaiseHold(
                    kind=HoldKind.STATEMENT_GAP,
                    account=key.account,
                    con_id=key.con_id,
                    keys=(key,),
                    message=(
                        f"The statement's older fills of contract {key.con_id} are "
                        f"{plain(abs(gap))} units short of what was held at the first sync "
                        f"({'purchases' if gap > 0 else 'sales'} are missing), and are not used. "
                        "Import a statement that goes further back."
                    ),
                    evidence="a Flex statement against the first snapshot of the account",
                )
            )
        elif not gap and hold is not None:
            changes.append(ClearHold(hold.hold_id, "the statements add up now"))
    return changes


def corporate_action_holds(
    holds: Sequence[OpenHold], histories: Mapping[PositionKey, Sequence[Recorded]]
) -> list[Change]:
    """Corporate actions of which a statement does not tell enough to book them.

    One that another statement tells in full is resolved.
    """
    changes: list[Change] = []
    for key in sorted(key for key, history in histories.items() if history):
        history = histories[key]
        told = [
            recorded.observation
            for recorded in history
            if isinstance(recorded.observation, Adjusted)
            and recorded.observation.source is AdjustmentSource.FLEX
        ]
        for item in (item for item in told if item.kind is AdjustmentKind.UNRESOLVED):
            hold = next((h for h in holds if _is_about(h, item)), None)
            is_resolved = any(_resolves(other, item) for other in told)
            if is_resolved and hold is not None:
                changes.append(ClearHold(hold.hold_id, "a statement tells the rest of it"))
            elif not is_resolved and hold is None:
                changes.append(_raise_unresolved(item))
    return changes


def _is_about(hold: OpenHold, item: Adjusted) -> bool:
    is_same = hold.kind is HoldKind.CORPORATE_ACTION and hold.keys == (item.key,)
    return is_same and hold.evidence == _what_was_told(item)


def _resolves(other: Adjusted, item: Adjusted) -> bool:
    return (
        other.kind is not AdjustmentKind.UNRESOLVED
        and other.quantity == item.quantity
        and abs(other.as_of - item.as_of) <= SAME_EVENT
    )


def _what_was_told(item: Adjusted) -> str:
    return f"{item.evidence}; {plain(item.quantity)} units on {item.as_of:%Y-%m-%d}"


def _raise_unresolved(item: Adjusted) -> RaiseHold:
    return RaiseHold(
        kind=HoldKind.CORPORATE_ACTION,
        account=item.key.account,
        con_id=item.key.con_id,
        keys=(item.key,),
        message=(
            f"A corporate action changed {item.instrument.description} by {plain(item.quantity)} "
            "units, and the statement does not tell enough of it: it is not booked. Import a "
            "statement with all fields of Corporate Actions."
        ),
        evidence=_what_was_told(item),
    )
