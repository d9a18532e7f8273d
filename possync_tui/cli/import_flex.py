"""`import-flex`: IBKR's statements into the ledger, all of the files or none."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from possync_tui.cli import compose
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.render import Column, Row
from possync_tui.cli.stopping import run_until_signal
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Adjusted, Fill, Observation, Recorded
from possync_tui.domain.plan import AddEntry, Book, Plan, PutLife, RaiseHold, ReverseEntry
from possync_tui.domain.runs import SyncResult, Trigger
from possync_tui.domain.text import printable
from possync_tui.domain.values import dataclass
from possync_tui.flex.document import FlexRefused
from possync_tui.flex.gather import Gathered, gather, keys_of
from possync_tui.flex.statement import Statement, read_flex

COLUMNS = (
    Column("path", "File"),
    Column("account", "Account"),
    Column("from_date", "From"),
    Column("to_date", "To"),
    Column("fills_new", "New fills"),
    Column("fills_known", "Known"),
    Column("adjustments_new", "Other events"),
    Column("adjustments_known", "Known"),
)

# What makes an observation of a statement the same as one that the ledger has.
Identity = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    statements: tuple[Statement, ...]


def import_flex(call: Call) -> int:
    """Read every file, then store and commit what they change."""
    return asyncio.run(run_until_signal(_import(call)))


async def _import(call: Call) -> int:
    files = [_read(Path(name)) for name in dict.fromkeys(call.arguments.files)]
    # Looked up by a reader first: a writer would make a ledger where there is none.
    async with compose.ledger_to_read(call.settings):
        pass
    async with compose.ledger_to_write(call.settings) as ledger:
        service = compose.offline_service(call.settings, ledger)
        _check_accounts(files, await service.load())
        statements = [statement for file in files for statement in file.statements]
        histories = await ledger.histories(keys_of(statements))
        gathered = gather(statements, histories)
        paths = [file.path for file in files for _ in file.statements]
        rows = _rows(paths, gathered, histories)
        result, plan = await service.replan(Trigger.IMPORT, gathered.observations)
    _print(call, rows, _changes(call, result, plan))
    return Exit.HELD if result.held else Exit.DONE


def _read(path: Path) -> _File:
    try:
        return _File(path, read_flex(path.expanduser()))
    except FlexRefused as refused:
        raise _refusal(path, str(refused)) from refused


def _check_accounts(files: Sequence[_File], book: Book) -> None:
    """A statement of an account that is not kept here is not for this ledger (promise 8)."""
    ours = ", ".join(book.accounts) or "none yet"
    for file in files:
        for statement in file.statements:
            known = book.accounts.get(statement.account)
            code = printable(statement.account)[:40]
            if known is None:
                raise _refusal(file.path, f"it is of account {code}, and the ledger has {ours}")
            if not known.is_accepted:
                why = f"account {code} waits for your word: see possync-tui review"
                raise _refusal(file.path, why)


def _refusal(path: Path, why: str) -> CommandFailed:
    return CommandFailed(Exit.USAGE, f"{printable(str(path))}: {why}; nothing was imported")


def _rows(
    paths: Sequence[Path],
    gathered: Gathered,
    histories: Mapping[PositionKey, Sequence[Recorded]],
) -> list[Row]:
    """A row for each statement: what in it is new, and what the ledger or an earlier one had."""
    known = {
        identity
        for history in histories.values()
        for recorded in history
        if (identity := _identity(recorded.observation)) is not None
    }
    rows: list[Row] = []
    for path, statement, notes in zip(paths, gathered.statements, gathered.notes, strict=True):
        fills = {_identity(fill) for fill in statement.fills}
        adjustments = {_identity(item) for item in statement.adjusted}
        rows.append(
            {
                "path": str(path),
                "account": statement.account,
                "from_date": statement.from_date.isoformat(),
                "to_date": statement.to_date.isoformat(),
                "generated_at": statement.when_generated,
                "fills_new": len(fills - known),
                "fills_known": len(fills & known),
                "adjustments_new": len(adjustments - known),
                "adjustments_known": len(adjustments & known),
                "notes": list(notes),
            }
        )
        known |= {identity for identity in (*fills, *adjustments) if identity is not None}
    return rows


def _identity(observation: Observation) -> Identity | None:
    match observation:
        case Fill() as fill:
            return (fill.account, fill.exec_id)
        case Adjusted() as item:
            return (item.key, item.source, item.kind, item.reference)
        case _:
            return None


def _changes(call: Call, result: SyncResult, plan: Plan) -> Row:
    method = call.settings.position_sync.cost_method
    changes = plan.changes
    return {
        "run_id": result.run_id,
        "positions_changed": len({c.key for c in changes if isinstance(c, PutLife)}),
        "entries_added": sum(isinstance(c, AddEntry) and c.entry.method is method for c in changes),
        "entries_reversed": sum(
            isinstance(c, ReverseEntry) and c.entry.method is method for c in changes
        ),
        "newly_held": [c.message for c in changes if isinstance(c, RaiseHold)],
        "held": result.held,
    }


def _print(call: Call, rows: list[Row], changes: Row) -> None:
    out = call.out
    match call.form:
        case "json":
            out.json({"statements": rows, **changes})
        case "csv":
            out.csv([key for key in rows[0] if key != "notes"], rows)
        case _:
            out.table(COLUMNS, rows)
            for row in rows:
                notes = row["notes"]
                assert isinstance(notes, list)
                for note in notes:
                    out.line(f"{row['path']}: {note}")
            out.line(
                f"{changes['positions_changed']} positions changed; realized entries: "
                f"{changes['entries_added']} added, {changes['entries_reversed']} reversed."
            )
            held = changes["newly_held"]
            assert isinstance(held, list)
            for message in held:
                out.line(f"held: {message}")
            if changes["held"]:
                out.line(f"{changes['held']} held for review: possync-tui review")
