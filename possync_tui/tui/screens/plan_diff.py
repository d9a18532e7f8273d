"""What a sync would change now: the plan, each change with what it rests on. Nothing is written."""

from collections import Counter
from collections.abc import Sequence

from textual.content import Content

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Anchor
from possync_tui.domain.plan import (
    AddEntry,
    Change,
    ChangeKind,
    ClearHold,
    CountAbsence,
    Plan,
    PutLife,
    RaiseHold,
    Remark,
    ReverseEntry,
)
from possync_tui.domain.position import Life
from possync_tui.domain.values import dataclass
from possync_tui.tui.bridge import EngineUpdate
from possync_tui.tui.columns import Cell, Column
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import clean, clock_time, counted, marked, number, stamp
from possync_tui.tui.screens.table_screen import TableScreen
from possync_tui.tui.tones import Tone, lines, say

KINDS = {
    ChangeKind.CREATED: ("+", Tone.GAIN),
    ChangeKind.UPDATED: ("~", Tone.ACCENT),
    ChangeKind.CLOSED: ("−", Tone.LOSS),
    ChangeKind.MISSING: ("?", Tone.WARNING),
    ChangeKind.RETURNED: ("↩", Tone.GAIN),
    ChangeKind.VOIDED: ("✗", Tone.LOSS),
}


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A change in words."""

    index: int
    sign: str
    tone: Tone
    what: str
    position: str
    account: str
    text: str
    evidence: str
    fields: tuple[tuple[str, str, str], ...] = ()
    """What becomes different: its name, before and after; empty is nothing."""


def plan_lines(plan: Plan, desk: Desk) -> list[PlanLine]:
    """The plan, a line to a change, in the plan's order."""
    found = [
        PlanLine(-1 - i, "⚑", Tone.WARNING, "account", "", code, "new: waits for your word", "")
        for i, code in enumerate(plan.new_accounts)
    ]
    names = _Names(plan, desk)
    newly = {
        change.key
        for change in plan.changes
        if isinstance(change, PutLife) and change.kind is ChangeKind.MISSING
    }
    found += [
        _line(index, change, names)
        for index, change in enumerate(plan.changes)
        # The first absence says no more than that the position is missing from now on.
        if not (isinstance(change, CountAbsence) and change.key in newly)
    ]
    return found


class _Names:
    """What positions are called: by this snapshot, else by the ledger."""

    def __init__(self, plan: Plan, desk: Desk) -> None:
        self._desk = desk
        self._seen = {
            anchor.key: clean(anchor.row.instrument.description)
            for anchor in plan.decided
            if isinstance(anchor, Anchor)
        }

    def of(self, key: PositionKey | None) -> str:
        if key is None:
            return ""
        return self._seen.get(key) or self._desk.name_of(key)


def _line(index: int, change: Change, names: _Names) -> PlanLine:
    match change:
        case PutLife(key=key, kind=kind, life=life, before=before, evidence=evidence):
            sign, tone = KINDS[kind]
            name = clean(life.row.instrument.description) if life.row else names.of(key)
            text = _life_text(before, life)
            fields = _fields(before, life)
            return PlanLine(
                index, sign, tone, kind.value, name, key.account, text, evidence, fields
            )
        case AddEntry(key=key, entry=entry, evidence=evidence):
            text = f"{marked(entry.realized)} realized on {number(entry.quantity)}"
            what = f"entry {entry.method.value}"
            text = f"{text}, {entry.quality.value}"
            name = names.of(key)
            return PlanLine(index, "+", Tone.GAIN, what, name, key.account, text, evidence)
        case ReverseEntry(key=key, entry=entry, evidence=evidence):
            text = f"undoes {marked(entry.realized)} ({entry.quality.value})"
            name = names.of(key)
            return PlanLine(index, "↶", Tone.WARNING, "reversal", name, key.account, text, evidence)
        case CountAbsence(key=key, confirmations=confirmations, confirmed_at=at):
            text = f"absent from {counted(confirmations, 'complete snapshot')}"
            name = names.of(key)
            evidence = f"last at {clock_time(at)}"
            return PlanLine(index, "?", Tone.WARNING, "absence", name, key.account, text, evidence)
        case RaiseHold(kind=kind, account=account, message=message, evidence=evidence, keys=keys):
            name = names.of(keys[0]) if len(keys) == 1 else f"{len(keys)} positions"
            what = f"hold {kind.value.lower().replace('_', ' ')}"
            return PlanLine(index, "⚑", Tone.WARNING, what, name, account, message, evidence)
        case ClearHold(hold_id=hold_id, why=why):
            return PlanLine(index, "✓", Tone.GAIN, "hold cleared", "", "", f"hold {hold_id}", why)
        case Remark(key=key, text=text):
            account = key.account if key else ""
            name = names.of(key)
            return PlanLine(index, "·", Tone.DIM, "remark", name, account, text, "")


def _life_text(before: Life | None, after: Life) -> str:
    if before is None:
        return number(after.quantity)
    if before.quantity != after.quantity:
        return f"{number(before.quantity)} → {number(after.quantity)}"
    if before.status is not after.status:
        return f"{number(after.quantity)}, {before.status.value} → {after.status.value}"
    return f"{number(after.quantity)}, details"


def _fields(before: Life | None, after: Life) -> tuple[tuple[str, str, str], ...]:
    """A life's values as a diff, those alone that are not as they were."""
    old = {} if before is None else _values(before)
    new = _values(after)
    return tuple(
        (name, old.get(name, ""), value)
        for name, value in new.items()
        if old.get(name, "") != value
    )


def _values(life: Life) -> dict[str, str]:
    cost = "" if life.row is None else number(life.row.average_cost)
    return {
        "quantity": number(life.quantity),
        "average cost": cost,
        "status": life.status.value,
        "opened": _opening(life),
        "missing since": "" if life.missing_since is None else stamp(life.missing_since),
    }


def _opening(life: Life) -> str:
    is_known = life.pool is None or life.pool.is_opening_known
    return stamp(life.opened_at) if is_known else f"before {stamp(life.opened_at)}"


def _summary(rows: Sequence[PlanLine]) -> Content:
    """`+1  ~1  ?1  ⚑1`: how many of each sign, each in its colour."""
    tones = {row.sign: row.tone for row in rows}
    counts = Counter(row.sign for row in rows)
    return say("  ").join(say((f"{sign}{counts[sign]}", tone)) for sign, tone in tones.items())


def plan_columns(desk: Desk) -> tuple[Column[PlanLine], ...]:
    """The columns of the diff."""
    return (
        Column("what", "Change", lambda p: Cell(p.what, p.tone), most=20),
        Column("position", "Position", lambda p: Cell(p.position, Tone.STRONG), least=8, most=22),
        Column(
            "account",
            "Account",
            lambda p: Cell(desk.shown.account(p.account), Tone.DIM),
            rank=2,
            most=12,
        ),
        Column(
            "text", "From → to", lambda p: Cell(desk.shown.story(p.text), p.tone), least=12, most=48
        ),
        Column(
            "evidence",
            "On what evidence",
            lambda p: Cell(desk.shown.story(p.evidence), Tone.DIM),
            rank=1,
            least=16,
            most=80,
        ),
    )


class PlanScreen(TableScreen[PlanLine]):
    """A look ahead; `s` does it."""

    name_of_reading = "dry run"
    about = (
        "What a sync would change now, asked of the broker and written nowhere: + new, ~ changed, "
        "− closed, ? missing, ⚑ held, each with the evidence that it rests on. {sync} does it."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            "What a sync would change",
            plan_columns(desk),
            key=lambda line: line.index,
            flag=lambda line: Cell(line.sign, line.tone),
        )
        self.table.placeholder = "Asking the broker…"
        self._plan: Plan | None = None

    def follow(self, update: EngineUpdate) -> None:
        super().follow(update)
        if update.results:
            # A sync has carried it out, or part of it: look again.
            self.start_reading()

    async def _read_and_show(self) -> None:
        if not self.desk.engine.is_read_only:
            await super()._read_and_show()
            return
        # It asks no broker.
        self.table.placeholder = self._for_readers
        self.table.refresh()

    def failed_text(self, failure: Exception) -> str:
        # That it only reads may have turned out while it was asked.
        is_reader = self.desk.engine.is_read_only
        return self._for_readers if is_reader else super().failed_text(failure)

    @property
    def _for_readers(self) -> str:
        return f"{self.desk.read_only_sentence} Esc goes back."

    async def read(self) -> Sequence[PlanLine]:
        self._plan = await self.desk.engine.dry_run()
        return plan_lines(self._plan, self.desk)

    def empty_text(self) -> str:
        return "Nothing: the ledger says what the broker says."

    def subtitle(self, rows: Sequence[PlanLine]) -> Content:
        if self._plan is None:
            return say("")
        seen = counted(self._plan.positions_seen, "position")
        at = clock_time(self._plan.as_of)
        return say(
            (counted(len(rows), "change") + ("  " if rows else ""), Tone.DIM),
            _summary(rows),
            (f" · nothing written · dry run {at} · {seen} seen", Tone.DIM),
        )

    def detail_of(self, row: PlanLine) -> Content:
        shown = self.desk.shown
        told = [say((f"{row.sign} {row.what} ", row.tone), (row.position, Tone.STRONG))]
        for name, before, after in row.fields:
            if before:
                told.append(say((f"− {name:<14}{before}", Tone.LOSS)))
            if after:
                told.append(say((f"+ {name:<14}{after}", Tone.GAIN)))
        if not row.fields:
            told.append(say(shown.story(row.text), ""))
        evidence = shown.story(row.evidence) or "–"
        return lines(*told, say(("on  ", Tone.DIM), evidence))
