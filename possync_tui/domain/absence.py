"""Positions without a row: closed on evidence, or missing. Absence alone closes nothing.

The rungs of evidence are those of design promise 1, strongest first; closing fills come before all
of them, since a position that fills made flat is not looked for any more.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.look import Look, is_cash
from possync_tui.domain.observations import (
    Absent,
    CloseDecided,
    CloseReason,
    Decided,
    PriceEvidence,
)
from possync_tui.domain.plan import CountAbsence, HoldKind, KnownPosition
from possync_tui.domain.values import dataclass

BULK_WINDOW = timedelta(days=1)
BULK_LEAST = 3
WORTHLESS = Decimal("0.05")
"""The last price up to which an option counts as out of the money: a tick or so."""
_MAY_BE_WORTHLESS = frozenset({"OPT", "FOP", "WAR"})


@dataclass(frozen=True)
class Verdict:
    """What became of the positions without a row.

    `missing` are those that stay on the books without evidence; `bulk` those of them (or of
    earlier snapshots) that vanished together and wait for the user.
    """

    decided: tuple[Decided, ...]
    counted: tuple[CountAbsence, ...]
    missing: tuple[KnownPosition, ...]
    bulk: frozenset[PositionKey]


def judge_absences(look: Look) -> Verdict:
    """Judge every known position of an account that a complete snapshot does not hold."""
    decided: list[Decided] = []
    counts: list[CountAbsence] = []
    absent: list[KnownPosition] = []
    for known in look.without_row():
        if not look.quantity_by_fills(known.key):
            continue
        if known.row is None and is_cash(known):
            # TWS sends such rows only where virtual FX positions are switched on.
            continue
        if known.presence_seq > look.known_seq:
            # A row pushed after the snapshot's end marker is presence (promise 2).
            continue
        close = _evidence_of_closing(look, known)
        if close is not None:
            decided.append(close)
            continue
        absent.append(known)
        if not look.is_missing(known):
            decided.append(_absent(look, known.key, baseline=False))
    bulk = _bulk_of(look, absent)
    missing: list[KnownPosition] = []
    for known in absent:
        confirmed, counted = _confirm(look, known, is_bulk=known.key in bulk)
        if counted is not None:
            counts.append(counted)
        if confirmed is not None:
            decided.append(confirmed)
        else:
            missing.append(known)
    decided += _opened_and_gone(look)
    return Verdict(tuple(decided), tuple(counts), tuple(missing), bulk)


def _opened_and_gone(look: Look) -> list[Decided]:
    """Positions with fills that the book does not know, closed today before we came.

    What their fills leave over was held before. Those whose fills all came since are left alone: a
    row that lags behind its fill is no proof of anything.
    """
    return [
        _absent(look, key, baseline=True)
        for key in look.touched_here()
        if key not in look.book.positions
        and key not in look.present
        and key not in look.cash
        and look.began_before_us(key)
    ]


def _evidence_of_closing(look: Look, known: KnownPosition) -> CloseDecided | None:
    """The strong rungs of promise 1: a literal zero, or expired and absent."""
    row = look.rows.get(known.key)
    as_of = look.snapshot.as_of
    if row is not None:
        return _close(look, known, CloseReason.ZERO_ROW, as_of, "a row with quantity 0")
    zero_pushed_at = look.zero_pushed_of(known)
    if zero_pushed_at is not None:
        # Fills that came after that row are not in it; those that came before it are.
        why = "a pushed row with quantity 0"
        close = _close(look, known, CloseReason.ZERO_ROW, zero_pushed_at, why)
        return replace(close, known_seq=known.zero_pushed_seq)
    what = known.instrument
    if what is not None and what.is_expired(as_of):
        why = f"expired {what.expiry_date}, and absent from a complete snapshot"
        return _close(look, known, CloseReason.EXPIRED, as_of, why)
    return None


def _confirm(
    look: Look, known: KnownPosition, *, is_bulk: bool
) -> tuple[CloseDecided | None, CountAbsence | None]:
    """The weak rung: absent from K complete snapshots, far enough apart, with the setting on."""
    if is_cash(known):
        return None, None
    confirmations, counted = _count(look, known)
    # Two holdings where one might have been: that says nothing against the end of the old one.
    kept = any(
        known.key in hold.keys and hold.is_kept and hold.kind is not HoldKind.SAME_HOLDING
        for hold in look.book.holds
    )
    if (
        look.rules.mark_missing_as_closed
        and confirmations >= look.rules.confirmations
        and not (is_bulk or kept)
    ):
        why = f"absent from {snapshots(confirmations)} since {known.missing_since}"
        reason = CloseReason.CONFIRMED_MISSING
        return _close(look, known, reason, look.snapshot.as_of, why), counted
    return None, counted


def snapshots(confirmations: int) -> str:
    """`1 complete snapshot`, `3 complete snapshots`."""
    return f"{confirmations} complete snapshot{'' if confirmations == 1 else 's'}"


def _count(look: Look, known: KnownPosition) -> tuple[int, CountAbsence | None]:
    as_of = look.snapshot.as_of
    last, lost = known.confirmed_at, look.book.connectivity_lost_at
    if last is None or not look.is_missing(known) or (lost is not None and lost > last):
        return 1, CountAbsence(known.key, 1, as_of)
    spaced = (as_of - last).total_seconds() >= look.rules.spacing
    if spaced and known.confirmations < look.rules.confirmations:
        return known.confirmations + 1, CountAbsence(known.key, known.confirmations + 1, as_of)
    return known.confirmations, None


def _bulk_of(look: Look, absent: Sequence[KnownPosition]) -> frozenset[PositionKey]:
    """Positions that vanished together, and so wait for the user (promise 3)."""
    already = frozenset(
        key
        for hold in look.book.holds
        if hold.kind is HoldKind.BULK_MISSING and hold.account == look.account
        for key in hold.keys
    )
    as_of = look.snapshot.as_of
    recent = {
        known.key
        for known in absent
        if not is_cash(known)
        and (known.missing_since is None or as_of - known.missing_since <= BULK_WINDOW)
    }
    if not recent:
        return already
    shown = {key for key in look.present if not look.rows[key].instrument.is_virtual_cash}
    # What absence alone closes counts from now on, and so at this look already.
    closing = [
        known
        for known in absent
        if known.key not in recent and _confirm(look, known, is_bulk=known.key in already)[0]
    ]
    gone = (
        len(recent)
        + len(closing)
        + sum(
            1
            for account, closed_at in look.book.closed_as_missing
            if account == look.account and as_of - closed_at <= BULK_WINDOW
        )
    )
    many = gone >= BULK_LEAST and gone > len(shown)
    return already | recent if many or not shown else already


def _absent(look: Look, key: PositionKey, *, baseline: bool) -> Absent:
    return Absent(key, look.snapshot.as_of, baseline, look.digest, look.known_seq)


def _close(
    look: Look, known: KnownPosition, reason: CloseReason, as_of: datetime, evidence: str
) -> CloseDecided:
    price = look.price(known.key)
    if reason is CloseReason.EXPIRED:
        price = _worthless(look, known)
    return CloseDecided(known.key, reason, as_of, evidence, price, look.known_seq)


def _worthless(look: Look, known: KnownPosition) -> PriceEvidence | None:
    """An option that expired is taken for worthless, unless its last price said otherwise.

    That one was settled in cash, or delivered, at a price that we do not know. So was a future. A
    price that is told when the option has long expired is no market's.
    """
    what = known.instrument
    if what is None or what.sec_type not in _MAY_BE_WORTHLESS:
        return None
    mark = look.marks.get(known.key)
    was_worth = mark is not None and mark.price is not None and mark.price > WORTHLESS
    if mark is not None and was_worth and not what.is_expired(mark.at):
        return None
    return PriceEvidence(Decimal(0), "expired", 0.0)
