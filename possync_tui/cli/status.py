"""`status`: the object of `get_status()`, from the ledger, with what else is worth a look."""

import asyncio

from possync_tui.cli import compose, shapes
from possync_tui.cli.call import Call
from possync_tui.cli.exits import Exit
from possync_tui.cli.render import Column
from possync_tui.domain.connection import Environment
from possync_tui.domain.position import Status
from possync_tui.domain.runs import SyncStats
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.values import dataclass
from possync_tui.domain.views import AccountView
from possync_tui.ledger.port import LedgerMissing
from possync_tui.sync.status import status_of

_ACCOUNT_COLUMNS = (
    Column("id", "ID"),
    Column("code", "Account"),
    Column("environment", "Environment"),
    Column("status", "Status"),
    Column("last_synced_at", "Last complete sync"),
)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the ledger knows."""

    stats: SyncStats
    environment: Environment | None
    accounts: list[AccountView]
    open: int
    missing: int
    held: int


_NOTHING = _Facts(SyncStats(), environment=None, accounts=[], open=0, missing=0, held=0)


def status(call: Call) -> int:
    """How the sync stands; where there is no ledger yet, as far as that can be said."""
    missing: LedgerMissing | None = None
    try:
        facts = asyncio.run(_facts(call))
    except LedgerMissing as error:
        facts, missing = _NOTHING, error
    if call.form == "table":
        _print(call, facts)
    elif call.form == "csv":
        call.out.csv(shapes.keys_of(AccountView), [shapes.row(a) for a in facts.accounts])
    else:
        call.out.json(_object(call, facts))
    if missing is not None:
        raise missing
    return Exit.DONE


async def _facts(call: Call) -> _Facts:
    async with compose.ledger_to_read(call.settings) as ledger:
        positions = await ledger.positions()
        return _Facts(
            stats=await ledger.stats(),
            environment=ledger.environment,
            accounts=await ledger.accounts(),
            open=sum(1 for view in positions if view.status == Status.OPEN),
            missing=sum(1 for view in positions if view.status == Status.MISSING),
            held=sum(
                hold.kind != HoldKind.MISSING and hold.status == "held"
                for hold in await ledger.holds()
            ),
        )


def _object(call: Call, facts: _Facts) -> dict[str, object]:
    settings = call.settings
    return {
        **status_of(settings.to_policy(), facts.stats),
        # This process has no link of its own; these are the settings that one would use.
        "connection": {
            "phase": "disconnected",
            "host": settings.ibkr.host,
            "port": settings.ibkr.port,
            "client_id": settings.ibkr.client_id,
        },
        "ledger": {
            "path": settings.possync.ledger,
            "exists": settings.possync.ledger.exists(),
            "environment": facts.environment,
            "open": facts.open,
            "missing": facts.missing,
            "held": facts.held,
        },
        "accounts": [shapes.row(account) for account in facts.accounts],
    }


def _print(call: Call, facts: _Facts) -> None:
    out, settings, stats = call.out, call.settings, facts.stats
    when = "every " if settings.position_sync.enabled else "by hand only, else every "
    empty = "empty" if settings.possync.ledger.exists() else "not there yet"
    out.line(f"Ledger       {settings.possync.ledger}  ({facts.environment or empty})")
    out.line(f"TWS          {settings.ibkr.host}:{settings.ibkr.port}")
    out.line(f"Sync         {when}{settings.position_sync.sync_interval} s")
    last = stats.last_sync_time
    shown = last.astimezone().strftime("%Y-%m-%d %H:%M:%S") if last else "never"
    out.line(f"Last sync    {shown}")
    out.line(
        f"Syncs        {stats.total_syncs}: {stats.successful_syncs} good, "
        f"{stats.failed_syncs} failed"
    )
    if stats.last_error:
        out.line(f"Last error   {stats.last_error}")
    held = f", {facts.held} held for review" if facts.held else ""
    out.line(f"Positions    {facts.open} open, {facts.missing} missing{held}")
    if facts.accounts:
        out.line()
        out.table(_ACCOUNT_COLUMNS, [shapes.row(account) for account in facts.accounts])
