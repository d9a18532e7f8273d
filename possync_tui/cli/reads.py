"""Commands that read the ledger; they work offline, and while another instance syncs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from possync_tui.cli import compose, shapes
from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.domain.bulk_holds import message_now, views_of
from possync_tui.domain.terms import CostMethod, HoldKind
from possync_tui.domain.views import AccountView, HoldView, RunView
from possync_tui.ledger.port import LedgerReads, VerifyReport


def runs(call: Call) -> int:
    """The latest syncs."""
    return read(call, _runs)


def holds(call: Call) -> int:
    """What waits for the user's word."""
    return read(call, _holds)


def verify(call: Call) -> int:
    """Whether the tables equal what their observations amount to."""
    return read(call, _verify)


def read(call: Call, work: Callable[[Call, LedgerReads], Awaitable[int]]) -> int:
    """Run what reads the ledger, without a broker."""

    async def run() -> int:
        async with compose.ledger_to_read(call.settings) as reads:
            return await work(call, reads)

    return asyncio.run(run())


async def _runs(call: Call, reads: LedgerReads) -> int:
    rows = [shapes.row(view) for view in await reads.runs(call.arguments.limit)]
    match call.form:
        case "json":
            call.out.json({"runs": rows})
        case "csv":
            call.out.csv(shapes.keys_of(RunView), rows)
        case _ if not rows:
            call.out.line("No sync has run yet.")
        case _:
            call.out.table(shapes.RUN_COLUMNS, rows)
    return Exit.DONE


async def _holds(call: Call, reads: LedgerReads) -> int:
    rows = [shapes.row(hold) for hold in await _as_of_now(call.arguments.all, reads)]
    match call.form:
        case "json":
            call.out.json({"holds": rows})
        case "csv":
            call.out.csv(shapes.keys_of(HoldView), rows)
        case _ if not rows:
            call.out.line("Nothing is held for review.")
        case _:
            call.out.table(shapes.HOLD_COLUMNS, rows)
    return Exit.DONE


async def _as_of_now(is_all: bool, reads: LedgerReads) -> list[HoldView]:
    """The holds; those of bulk disappearances say which of their positions are still gone."""
    holds = await reads.holds(include_decided=is_all)
    if all(hold.kind != HoldKind.BULK_MISSING for hold in holds):
        return holds
    views = await reads.positions()
    return [replace(hold, message=message_now(hold, views_of(hold, views))) for hold in holds]


async def _verify(call: Call, reads: LedgerReads) -> int:
    path = call.settings.possync.ledger
    report = await reads.verify()
    match call.form:
        case "json":
            call.out.json(
                {
                    "ok": report.ok,
                    "positions": report.positions,
                    "entries": report.entries,
                    "observations": report.observations,
                    "problems": report.problems,
                }
            )
        case "csv":
            call.out.csv(("problem",), [{"problem": problem} for problem in report.problems])
        case _:
            _print_report(call, report)
    if report.ok:
        return Exit.DONE
    raise CommandFailed(
        Exit.LEDGER,
        f"{path}: {len(report.problems)} differences between the tables "
        "and what was observed; keep a copy of the file",
    )


def _print_report(call: Call, report: VerifyReport) -> None:
    for problem in report.problems:
        call.out.line(problem)
    if report.ok:
        call.out.line(
            f"The ledger is whole: {report.positions} positions and {report.entries} entries, "
            f"those of both cost methods, follow from {report.observations} observations."
        )


def chosen_method(call: Call) -> CostMethod | None:
    """The cost method to read by: `None` for the one that the ledger shows."""
    if call.arguments.method:
        return CostMethod(call.arguments.method)
    is_given = "POSITION_SYNC_COST_METHOD" in call.settings.given
    return call.settings.position_sync.cost_method if is_given else None


async def chosen_accounts(call: Call, reads: LedgerReads) -> frozenset[int] | None:
    """The ids of the accounts that `--account` names by code or by id; `None` for all."""
    asked = getattr(call.arguments, "account", None)
    if not asked:
        return None
    known = await reads.accounts()
    wanted = [part.strip().upper() for part in asked.split(",") if part.strip()]
    return frozenset(_account_id(part, known) for part in wanted) or None


def _account_id(text: str, known: list[AccountView]) -> int:
    for account in known:
        if text in (account.code.upper(), str(account.id)):
            return account.id
    there = ", ".join(account.code for account in known) or "none yet"
    raise CommandFailed(Exit.USAGE, f"--account {text}: not in the ledger, which has {there}")


COMMANDS = {"runs": runs, "verify": verify}
