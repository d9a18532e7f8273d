"""What a sync did, in the words of the log."""

from dataclasses import replace
from decimal import Decimal

from possync_tui.domain.money import from_micros, plain
from possync_tui.domain.observations import Anchor
from possync_tui.domain.plan import (
    AddEntry,
    Book,
    ChangeKind,
    ClearHold,
    Plan,
    PutLife,
    RaiseHold,
    Remark,
    ReverseEntry,
)
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Life, Quality, Status
from possync_tui.domain.runs import Outcome, SyncResult


def plan_lines(plan: Plan, method: CostMethod) -> list[str]:
    """A line for each change of a committed plan that a trader would want to hear of."""
    names = {
        item.row.key: item.row.instrument.description
        for item in plan.decided
        if isinstance(item, Anchor)
    }
    lines: list[str] = []
    for change in plan.changes:
        match change:
            case PutLife(key=key):
                name = _name_of(change.life, change.before) or names.get(key, str(key.con_id))
                names.setdefault(key, name)
                lines.append(f"{name} {_what_happened(change)}")
            case AddEntry(key=key, entry=entry) if entry.method is method:
                name = names.get(key, str(key.con_id))
                lines.append(f"{name} {_realized(entry)}")
            case ReverseEntry(key=key, entry=entry, evidence=why) if entry.method is method:
                lines.append(f"{names.get(key, str(key.con_id))} entry reversed: {why}")
            case RaiseHold(message=message):
                lines.append(f"held: {message}")
            case ClearHold(why=why):
                lines.append(f"no longer held: {why}")
            case Remark(key=key, text=text):
                lines.append(f"{names.get(key, str(key.con_id)) if key else ''} {text}".strip())
            case _:
                pass
    return lines


def result_line(result: SyncResult) -> str:
    """One line for a sync: what asked for it, what it saw, what it changed, how long it took."""
    head = result.trigger.value
    if result.outcome is not Outcome.COMMITTED:
        return f"{head}  {result.outcome.value}: {result.error}"
    counts = [
        f"{sign}{count}"
        for sign, count in (
            ("+", result.created),
            ("~", result.updated),
            ("−", result.closed),
            ("?", result.missing),
        )
        if count
    ]
    changed = " ".join(counts) or "no change"
    return f"{head}  {result.positions_seen} seen  {changed}  {result.duration_ms:.0f} ms"


def counted(result: SyncResult, plan: Plan, book: Book) -> SyncResult:
    """The result of committing `plan`, with its counts. `book` is as it was before."""
    missing = {key for key, known in book.positions.items() if known.status is Status.MISSING}
    for change in plan.changes:
        if isinstance(change, PutLife):
            missing.discard(change.key)
            if change.life.status is Status.MISSING:
                missing.add(change.key)
    return replace(
        result,
        outcome=Outcome.COMMITTED,
        positions_seen=plan.positions_seen,
        created=plan.count(ChangeKind.CREATED),
        updated=plan.count(ChangeKind.UPDATED) + plan.count(ChangeKind.RETURNED),
        closed=_count_closed(plan),
        missing=len(missing),
    )


def _count_closed(plan: Plan) -> int:
    """Lives that this plan closed, those included that it opened and closed in one."""
    return sum(
        1
        for change in plan.changes
        if isinstance(change, PutLife)
        and change.life.closed_at is not None
        and change.kind in (ChangeKind.CLOSED, ChangeKind.CREATED)
    )


def _name_of(life: Life, before: Life | None) -> str:
    row = life.row or (before.row if before else None)
    return row.instrument.description if row else ""


def _what_happened(change: PutLife) -> str:
    now = change.life.quantity
    was = change.before.quantity if change.before else Decimal(0)
    match change.kind:
        case ChangeKind.CREATED if change.life.closed_at is not None:
            return "opened and closed"
        case ChangeKind.CREATED:
            return f"new, {plain(now)}"
        case ChangeKind.CLOSED:
            return f"{plain(was)} → 0, {change.evidence}"
        case ChangeKind.MISSING:
            return f"MISSING: {change.evidence}"
        case ChangeKind.RETURNED:
            return f"back, {plain(now)}"
        case ChangeKind.VOIDED:
            return change.evidence
        case ChangeKind.UPDATED:
            if was == now:
                return f"{plain(now)}, average cost {_row_cost(change.life)}"
            return f"{plain(was)} → {plain(now)}"


def _row_cost(life: Life) -> str:
    return plain(life.row.average_cost) if life.row else "unknown"


def _realized(entry: Entry) -> str:
    closed = f"closed {plain(entry.quantity)}"
    if entry.exit_price is not None:
        closed += f" @ {plain(entry.exit_price)}"
    if entry.realized_micros is None:
        return f"{closed}  realized unknown  {entry.quality.value.lower()}"
    amount = from_micros(entry.realized_micros)
    mark = "▲" if amount > 0 else "▼" if amount < 0 else "="
    kind = "" if entry.kind is EntryKind.FILL else f" {entry.kind.value.lower().replace('_', ' ')}"
    good = entry.quality.value.lower().replace("_", " ")
    exact = "exact" if entry.quality is Quality.EXACT else good
    money = f"{amount:,.2f}".replace("-", "−")
    return f"{closed}  {mark} {money}  {exact}{kind}"
