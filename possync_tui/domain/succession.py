"""The same holding under a new contract id, perhaps: one position gone, another there for it.

After a merger, a new symbol or some splits IBKR lists a holding under another conId, and sends no
fill for it (shared IBKR facts, pitfall 17). What looks like that is held for the user's word, with
the evidence; nothing of it is booked before, and the old position is not counted as closed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.money import EXACT, plain
from possync_tui.domain.observations import (
    Absent,
    Anchor,
    CloseDecided,
    CloseReason,
    Decided,
    PositionRow,
)
from possync_tui.domain.plan import (
    Change,
    ClearHold,
    HoldKind,
    KnownPosition,
    OpenHold,
    RaiseHold,
)
from possync_tui.domain.position import APPEARED
from possync_tui.domain.settling import Settling
from possync_tui.domain.values import dataclass

ABOUT_THE_SAME_TIME = timedelta(days=5)
"""A new listing may come some days after the old one is gone, over a long weekend at the latest."""

_COST_TOLERANCE = Decimal("0.001")
_LARGEST_RATIO = 1000
# Of these a symbol names the issuer; of the others it is only what they are derived from.
_SHARES = frozenset({"STK", "FUND", "BOND", "BILL", "CRYPTO"})
_CLOSED_BY_ABSENCE = frozenset({CloseReason.ZERO_ROW, CloseReason.CONFIRMED_MISSING})


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of a position that no fill took, or brought, and when."""

    row: PositionRow
    units: Decimal
    at: datetime

    @property
    def key(self) -> PositionKey:
        return self.row.key

    @property
    def what(self) -> Instrument:
        return self.row.instrument

    @property
    def cost(self) -> Decimal:
        return EXACT.multiply(abs(self.units), self.row.average_cost)

    @property
    def described(self) -> str:
        return (
            f"{self.what.description} (contract {self.key.con_id}): {plain(self.units)} at average "
            f"cost {plain(self.row.average_cost)}, in all {plain(self.cost)} {self.what.currency}"
        )


@dataclass(frozen=True, slots=True)
class Match:
    """A holding that is gone and one that came, and what makes them look like the same."""

    gone: Holding
    came: Holding
    has_same_symbol: bool
    has_same_cost: bool

    @property
    def keys(self) -> tuple[PositionKey, PositionKey]:
        return (self.gone.key, self.came.key)

    @property
    def rank(self) -> tuple[int, PositionKey, PositionKey]:
        return (-(2 * self.has_same_cost + self.has_same_symbol), *self.keys)

    @property
    def ratio(self) -> str:
        exact = Fraction(self.came.units) / Fraction(self.gone.units)
        simple = exact.limit_denominator(_LARGEST_RATIO)
        about = "" if simple == exact else "about "
        return f"{about}{simple.numerator} new for {simple.denominator} old"


@dataclass(frozen=True)
class Succession:
    """What of a snapshot's decisions has to wait, since it may be one holding and not two."""

    settled: Settling

    def applied(self) -> Settling:
        """The decisions without the ends that wait, and with the holds."""
        matches = self._fresh_matches()
        waiting = {m.gone.key for m in matches} | {h.keys[0] for h in self._standing_holds}
        stale = self._stale_holds()
        if not (waiting or stale):
            return self.settled
        findings = self.settled.findings
        decided = [d for item in findings.decided if (d := self._deferred(item, waiting))]
        changes = [c for change in findings.changes if (c := _without(change, waiting))]
        changes += [ClearHold(hold.hold_id, why) for hold, why in stale]
        changes += [
            ClearHold(hold.hold_id, "possibly the same holding under a new contract")
            for hold in self.settled.book.holds
            if hold.kind is HoldKind.MISSING
            and hold.keys[0] in waiting
            and not any(isinstance(c, ClearHold) and c.hold_id == hold.hold_id for c in changes)
        ]
        changes += [self._held(match) for match in matches]
        findings = replace(findings, decided=tuple(decided), changes=tuple(changes))
        return replace(self.settled, findings=findings)

    # -- what looks like the same holding --

    def _fresh_matches(self) -> list[Match]:
        gone = self._gone
        came = self._came if gone else []
        # One that ends with this look asks nothing any more: it may be the other way round now.
        known = {frozenset(hold.keys) for hold in self._holds if self._why_stale(hold) is None}
        found = [
            match
            for old in gone
            for new in came
            if frozenset((old.key, new.key)) not in known and (match := _match(old, new))
        ]
        taken: set[PositionKey] = {key for hold in self._standing_holds for key in hold.keys}
        chosen: list[Match] = []
        for match in sorted(found, key=lambda match: match.rank):
            if not taken & set(match.keys):
                chosen.append(match)
                taken |= set(match.keys)
        return chosen

    @cached_property
    def _gone(self) -> list[Holding]:
        """Holdings without a row and without closing fills, the ones that are booked as closed
        included."""
        as_of, book = self.settled.snapshot.as_of, self.settled.book
        found = [
            Holding(known.row, quantity, known.missing_since or as_of)
            for key in sorted(book.positions.keys() - self._present)
            if (known := book.positions[key]).row is not None
            and (quantity := self._quantity(key, known))
            and self._is_gone(key, known)
        ]
        found += [
            Holding(ended.row, ended.row.quantity, ended.closed_at)
            for ended in book.ended_without_fills
            if ended.row.account in self.settled.findings.accounts
            and ended.row.key not in self._present
        ]
        return [h for h in found if self._is_candidate(h)]

    @cached_property
    def _came(self) -> list[Holding]:
        """Holdings that no fill brought, there for the first time or since a few days."""
        as_of = self.settled.snapshot.as_of
        found = [
            Holding(item.row, self.settled.residual(item.key), as_of)
            for item in self.settled.decided
            if isinstance(item, Anchor) and not item.baseline and self._begins_here(item)
        ]
        fresh = {holding.key for holding in found}
        found += [
            Holding(self._rows[key], self._rows[key].quantity, known.appeared_at)
            for key, known in sorted(self._appeared.items())
            if known.appeared_at is not None
            and key in self._present
            and key not in fresh
            and self._still_appeared(key)
        ]
        return [h for h in found if self._is_candidate(h)]

    @property
    def _appeared(self) -> dict[PositionKey, KnownPosition]:
        positions = self.settled.book.positions
        return {key: known for key, known in positions.items() if known.appeared_at is not None}

    def _is_candidate(self, holding: Holding) -> bool:
        recent = self.settled.snapshot.as_of - holding.at <= ABOUT_THE_SAME_TIME
        virtual = holding.what.is_virtual_cash or holding.what.is_combination
        return bool(holding.units) and recent and not virtual

    @cached_property
    def _present(self) -> frozenset[PositionKey]:
        return frozenset(self._rows)

    @cached_property
    def _rows(self) -> dict[PositionKey, PositionRow]:
        return {row.key: row for row in self.settled.snapshot.rows if row.quantity}

    def _quantity(self, key: PositionKey, known: KnownPosition) -> Decimal:
        standing = self.settled.standing.get(key)
        return known.quantity if standing is None else standing.rebuilt.quantity

    def _is_gone(self, key: PositionKey, known: KnownPosition) -> bool:
        if key.account not in self.settled.findings.accounts or key in self._present:
            return False
        is_gone = known.is_absent
        for item in self.settled.decided_for(key):
            match item:
                case Absent(baseline=False):
                    is_gone = True
                case CloseDecided(reason=reason):
                    is_gone = reason in _CLOSED_BY_ABSENCE
                case _:
                    is_gone = False
        return is_gone

    def _begins_here(self, anchor: Anchor) -> bool:
        """Whether a life begins with this row, and no fill or other event opened it."""
        before = self.settled.standing[anchor.key].rebuilt.current
        is_unseen = before is None or before.row is None
        return is_unseen and self._still_appeared(anchor.key)

    def _still_appeared(self, key: PositionKey) -> bool:
        rebuilt = self.settled.rebuilt.get(key)
        if rebuilt is None:
            return True
        return rebuilt.current is not None and rebuilt.current.origin.startswith(APPEARED)

    # -- holds --

    @cached_property
    def _holds(self) -> list[OpenHold]:
        return [
            hold
            for hold in self.settled.book.holds
            if hold.kind is HoldKind.SAME_HOLDING and hold.account in self.settled.findings.accounts
        ]

    @cached_property
    def _standing_holds(self) -> list[OpenHold]:
        """Holds that wait for the user, and are about something still."""
        return [h for h in self._holds if not h.is_kept and self._why_stale(h) is None]

    def _stale_holds(self) -> list[tuple[OpenHold, str]]:
        stale = [(hold, self._why_stale(hold)) for hold in self._holds]
        return [(hold, why) for hold, why in stale if why is not None]

    def _why_stale(self, hold: OpenHold) -> str | None:
        old, new = hold.keys
        if old in self._present:
            return "the old contract is listed again"
        book = self.settled.book
        known = book.positions.get(old)
        ended = any(end.row.key == old for end in book.ended_without_fills)
        if not ended and (known is None or not self._quantity(old, known)):
            return "its end is explained now"
        if new not in self._present:
            return "the new contract is gone again"
        newer = book.positions.get(new)
        if newer is None or newer.appeared_at is None or not self._still_appeared(new):
            return "how the new contract came is explained now"
        return None

    def _held(self, match: Match) -> RaiseHold:
        gone, came = match.gone, match.came
        alike = [
            *(["the symbol is the same"] if match.has_same_symbol else []),
            *(["the total cost is the same"] if match.has_same_cost else []),
        ]
        snapshot, digest = self.settled.snapshot, self.settled.findings.digest
        return RaiseHold(
            kind=HoldKind.SAME_HOLDING,
            account=gone.key.account,
            con_id=gone.key.con_id,
            keys=match.keys,
            message=(
                f"{plain(gone.units)} {gone.what.description} are gone and {plain(came.units)} "
                f"{came.what.description} came without a fill: possibly the same holding under a "
                "new contract (merger, new symbol, split). Accept to carry its lots over without "
                "realized P&L, keep to treat them as two holdings."
            ),
            evidence=(
                f"gone: {gone.described}; came: {came.described}; {match.ratio}; "
                f"{' and '.join(alike)}; snapshot {digest[:12]} at "
                f"{snapshot.as_of:%Y-%m-%d %H:%M:%S} UTC"
            ),
        )

    def _deferred(self, item: Decided, waiting: Iterable[PositionKey]) -> Decided | None:
        """A decision, but for the end of a position that waits: that one is only absent."""
        if not isinstance(item, CloseDecided) or item.key not in waiting:
            return item
        if item.reason not in _CLOSED_BY_ABSENCE:
            return item
        if self.settled.is_missing(item.key):
            return None
        findings = self.settled.findings
        as_of = self.settled.snapshot.as_of
        return Absent(item.key, as_of, False, findings.digest, self.settled.known_seq)


def _match(gone: Holding, came: Holding) -> Match | None:
    old, new = gone.what, came.what
    if gone.key.account != came.key.account or gone.key == came.key:
        return None
    if (old.sec_type, old.currency) != (new.sec_type, new.currency):
        return None
    if (gone.units > 0) != (came.units > 0):
        return None
    has_same_symbol = _root(old) == _root(new)
    has_same_cost = _is_same_money(gone.cost, came.cost)
    is_alike = has_same_symbol and has_same_cost
    if old.sec_type in _SHARES:
        is_alike = has_same_symbol or has_same_cost
    return Match(gone, came, has_same_symbol, has_same_cost) if is_alike else None


def _root(what: Instrument) -> str:
    """The symbol without what marks a class or an old listing (`XYZ.OLD`, `BRK B`)."""
    return what.symbol.replace(".", " ").split(" ")[0].upper()


def _is_same_money(one: Decimal, other: Decimal) -> bool:
    return bool(one and other) and abs(one - other) <= max(one, other) * _COST_TOLERANCE


def _without(change: Change, waiting: Iterable[PositionKey]) -> Change | None:
    """The change without positions that wait as possibly something else than missing."""
    match change:
        case RaiseHold(kind=HoldKind.MISSING | HoldKind.BULK_MISSING, keys=keys):
            left: Sequence[PositionKey] = tuple(key for key in keys if key not in set(waiting))
            return replace(change, keys=tuple(left)) if left else None
        case _:
            return change
